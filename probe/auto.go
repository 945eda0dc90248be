package probe

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// resolveEncryption turns auto into what the port means, and on a port that
// means nothing by one look: a server that speaks first speaks in plain text.
func (r *run) resolveEncryption(ctx context.Context) {
	s := &r.settings
	if s.Encryption != Auto && s.Encryption != "" {
		return
	}
	where := "port " + itoa(s.Port)
	s.Encryption = impliedEncryption(s.Port)
	if s.Encryption == "" {
		s.Encryption, where = r.look(ctx)
	}
	origins := map[string]Origin{}
	for key, origin := range s.Origins {
		origins[key] = origin
	}
	origins["encryption"] = Origin{From: "found", Where: where}
	s.Origins = origins
}

// look opens one connection and waits two seconds for a greeting. What ends or
// is no greeting is left to the greeting step to name.
func (r *run) look(ctx context.Context) (Encryption, string) {
	if until := r.settings.Until; until == StepSettings || until == StepDNS {
		return STARTTLS, "the port was not looked at, as nothing is connected to"
	}
	limit, cancel := context.WithTimeout(ctx, 2*lookAfter)
	defer cancel()
	l, nc := r.firstConnection(limit)
	if nc == nil {
		return STARTTLS, "nothing answered a look at the port, so STARTTLS is assumed"
	}
	c := wire.New(nc, r.wireOptions(nil, r.nextConnection(), "tls-probe", l.addr))
	wait, stop := context.WithTimeout(ctx, lookAfter)
	defer stop()
	reply, err := c.ReadReply(wait)
	if err == nil && reply.Code > 0 {
		l.conn, l.greeted = c, true
		r.leave(ctx, l)
		return STARTTLS, "the server spoke first, in plain text"
	}
	c.Close()
	found, where := STARTTLS, "what the server said is no greeting, so STARTTLS is assumed"
	if kindOf(err) == Timeout && looksLike(err) == "nothing" {
		found, where = SSL, "the server waits for TLS: no greeting in plain text"
	}
	c.Note(where)
	return found, where
}

// firstConnection connects to the addresses side by side and keeps the first
// connection; nil: there is none. The dns step asks for the name again.
func (r *run) firstConnection(ctx context.Context) (*lane, net.Conn) {
	lanes := r.lanesToLook(ctx)
	type dialled struct {
		l  *lane
		nc net.Conn
	}
	done := make(chan dialled, len(lanes))
	limit, enough := context.WithCancel(ctx)
	defer enough()
	for _, l := range lanes {
		go func() {
			nc, err := l.dial(limit)
			if err != nil {
				nc = nil
			}
			done <- dialled{l, nc}
		}()
	}
	var first dialled
	for range lanes {
		switch d := <-done; {
		case d.nc == nil:
		case first.nc == nil:
			first = d
			enough()
		default:
			d.nc.Close()
		}
	}
	return first.l, first.nc
}

func (r *run) lanesToLook(ctx context.Context) []*lane {
	if skipDNS(r.settings) != "" {
		return r.makeLanes(nil)
	}
	e := &DNSEvidence{}
	if err := r.addressesOnly(ctx, e); err != nil {
		return nil
	}
	return r.makeLanes(e)
}

// addressesOnly looks up without the questions that explain.
func (r *run) addressesOnly(ctx context.Context, e *DNSEvidence) error {
	host := strings.TrimSuffix(r.settings.Host, ".")
	_, err := netip.ParseAddr(host)
	if err == nil || r.settings.Resolver != "" || isLocalhost(host) || wrongName(host) != "" {
		err = r.lookUp(ctx, e)
		if e.late != nil {
			e.late.cancel()
		}
		return err
	}
	addrs, err := r.prober.Net.lookupAddrs(ctx, host)
	if err != nil {
		return err
	}
	return e.take(addrs, r.settings.Family)
}

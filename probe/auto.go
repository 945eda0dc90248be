package probe

import (
	"context"
	"net"
	"time"

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

// look opens one connection and waits two seconds for a greeting.
func (r *run) look(ctx context.Context) (Encryption, string) {
	limit, cancel := context.WithTimeout(ctx, 2*lookAfter)
	defer cancel()
	l, err := r.firstLane(limit)
	var nc net.Conn
	if err == nil {
		nc, err = l.dial(limit)
	}
	if err != nil {
		return STARTTLS, "nothing answered a look at the port, so STARTTLS is assumed"
	}
	c := wire.New(nc, r.wireOptions(nil, r.nextConnection(), "tls-probe"))
	wait, stop := context.WithTimeout(limit, lookAfter)
	defer stop()
	reply, err := c.ReadReply(wait)
	bye, done := context.WithTimeout(ctx, 100*time.Millisecond)
	defer done()
	if err == nil && reply.Code > 0 {
		c.Quit(bye)
		return STARTTLS, "the server spoke first, in plain text"
	}
	c.Close()
	if isSilence(err) {
		return SSL, "the server waits for TLS: no greeting in plain text"
	}
	return STARTTLS, "what the server said is no greeting, so STARTTLS is assumed"
}

// firstLane looks the name up for the look's own connection; the dns step asks again.
func (r *run) firstLane(ctx context.Context) (*lane, error) {
	l := &lane{run: r, seen: map[StepID]Evidence{}}
	defer func() { r.dns = nil }()
	if skipDNS(r.settings) != "" {
		return l, nil
	}
	if _, err := dnsStep(ctx, l); err != nil {
		return nil, err
	}
	lanes := r.makeLanes()
	if len(lanes) == 0 {
		return nil, &Fault{Kind: NoData, Text: "no address"}
	}
	return lanes[0], nil
}

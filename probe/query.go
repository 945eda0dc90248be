package probe

import (
	"context"

	"github.com/miekg/dns"
)

// Query asks a DNS server (IP:PORT; "": those of the system) for one type of
// record, over UDP and, where the answer does not fit, over TCP. The reply is
// what the first server says that knows, or else the last refusal (SERVFAIL,
// REFUSED, ...); an error means that no reply came. Ending ctx ends it.
func (n Net) Query(ctx context.Context, server, name string, kind uint16) (*dns.Msg, error) {
	r := &resolver{dial: n.dial, servers: []string{server}}
	if server == "" {
		r.servers = n.resolvers()
	}
	return r.reply(ctx, name, kind)
}

// reply is query for those who want the whole message.
func (r *resolver) reply(ctx context.Context, name string, kind uint16) (refused *dns.Msg, err error) {
	err = errNoServer
	for turn := range queryTurns {
		for _, server := range r.servers[:min(len(r.servers), maxServers)] {
			if ctx.Err() != nil {
				return refused, orNil(refused, ctx.Err())
			}
			reply, failure := r.exchange(ctx, server, name, kind, turn == 0)
			switch {
			case failure != nil:
				err = failure
			case reply.Rcode == dns.RcodeSuccess, reply.Rcode == dns.RcodeNameError:
				return reply, nil
			default:
				refused = reply
			}
		}
		if refused != nil || kindOf(err) != Timeout {
			break
		}
	}
	return refused, orNil(refused, err)
}

// orNil drops an error where there is a reply to show.
func orNil(reply *dns.Msg, err error) error {
	if reply != nil {
		return nil
	}
	return err
}

package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// lane is one address, one connection and what was seen on it. Steps run one
// after another on it, so it needs no lock but for what observers read.
type lane struct {
	run   *run
	index int             // in the resolver's order
	addr  netip.AddrPort  // not valid: a proxy resolves, or the step runs once
	conn  *wire.Conn      // nil before tcp
	id    int             // number of the connection in the run, 0 before tcp
	life  context.Context // of all its steps together, for what outlives a step's own time

	tls       *tls.ConnectionState // of the handshake on this connection, nil before
	seen      map[StepID]Evidence
	exchanges List[Exchange] // of the step that runs now
	reply     *wire.Reply    // the reply that decided the step that runs now, if the step says so
	greeted   bool           // an SMTP reply was read: QUIT is owed
	heard     atomic.Int64   // octets that came over the connection

	ready   bool   // every step up to the login passed
	failed  StepID // the first step that failed
	stopped *why   // why the remaining steps do not run
	passed  int    // steps that passed before the first failure
	askErr  error  // no password could be had, or the connection was lost meanwhile
}

func (l *lane) settings() *Settings { return &l.run.settings }

// address gives the lane's name in the report, "" for steps that run once.
func (l *lane) address() Maybe {
	if !l.addr.IsValid() {
		return ""
	}
	return Maybe(l.addr.String())
}

// attach takes over a connection as the lane's own.
func (l *lane) attach(nc net.Conn) {
	l.id = l.run.nextConnection()
	if t, ok := nc.(*tap); ok {
		t.heard = &l.heard
	}
	l.conn = wire.New(nc, l.run.wireOptions(l, l.id, "lane"))
}

// side opens a second connection to the lane's address, which never carries a
// credential; purpose is the transcript's word for it (tls-probe, version-probe).
// The caller closes it, with Quit where a greeting was read.
func (l *lane) side(ctx context.Context, purpose string) (*wire.Conn, error) {
	nc, err := l.dialInTurn(ctx, true)
	if err != nil {
		return nil, err
	}
	return wire.New(nc, l.run.wireOptions(nil, l.run.nextConnection(), purpose, l.addr)), nil
}

// encrypted tells whether TLS is on.
func (l *lane) encrypted() bool { return l.tls != nil }

// decider gives the reply that decided the step: the refusal, or what the step named.
func (l *lane) decider(err error) *wire.Reply {
	var refused *refusal
	if errors.As(err, &refused) {
		return &refused.reply
	}
	return l.reply
}

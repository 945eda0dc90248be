package discover

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smtpdx/smtpdx/probe"
)

// isVerifiable tells whether a server can be asked at all.
func (c *Candidate) isVerifiable() bool { return len(c.Missing) == 0 && c.Verified == nil }

// settle judges a server without encryption unasked: no password may go there.
func (c *Candidate) settle() {
	if c.Encryption == probe.NoEncryption {
		c.Verified, c.Why = new(bool), "not asked: without encryption a password could be read on the way"
	}
}

// verify asks the server, without credentials, whether it would take a login
// over TLS, with a certificate for its name.
func (s *search) verify(ctx context.Context, c Candidate) Candidate {
	report := s.probe(ctx, c)
	if len(report.Results) == 0 {
		c.Why = "not verified in time"
		return c
	}
	c.judge(report.Results[0])
	return c
}

// probe is a check of the candidate up to the last EHLO.
func (s *search) probe(ctx context.Context, c Candidate) probe.Report {
	settings := probe.Settings{Host: c.Host, Port: c.Port, Encryption: c.Encryption, UsedBy: "here", TLSMin: tls.VersionTLS12,
		CA: s.world.CA, Resolver: s.world.Resolver, Until: lastStep(c.Encryption)}
	if end, ok := ctx.Deadline(); ok {
		settings.Deadline = max(time.Until(end)*9/10, time.Millisecond) // the rest is for the farewell
	}
	outside := s.world.Net
	outside.Dial = s.turns.dial(s.dial, c.Port)
	prober := probe.Prober{Net: outside}
	var report probe.Report
	for e := range prober.Run(ctx, settings) {
		report.Add(e)
	}
	return report
}

func lastStep(e probe.Encryption) probe.StepID {
	if e == probe.SSL {
		return probe.StepEHLO
	}
	return probe.StepEHLOTLS
}

// judge reads a check's result: works, does not, or (nil) nobody knows.
func (c *Candidate) judge(r probe.Result) {
	seen := stepsAt(r, r.Address)
	last := seen[lastStep(c.Encryption)]
	hello, ok := last.Evidence.(*probe.EHLOEvidence)
	switch {
	case r.Interrupted:
		c.Why = "not verified in time"
	case r.FailedStep != "":
		c.FailedStep = probe.StepID(r.FailedStep)
		c.Verified, c.Why = new(bool), fmt.Sprintf("%s: %s", r.FailedStep, seen[c.FailedStep].Summary)
	case !ok || last.Status == probe.Skip:
		c.Why = "not verified in time"
	case len(hello.Auth) == 0:
		c.FailedStep = last.ID
		c.Verified, c.Why = new(bool), "it offers no login"
	default:
		works := true
		c.Verified = &works
		c.Why = fmt.Sprintf("%s, certificate good for the name, login offered: %s", seen[probe.StepTLS].Summary, strings.Join(hello.Auth, ", "))
	}
}

// stepsAt are the steps of one address, and those that happened once.
func stepsAt(r probe.Result, address probe.Maybe) map[probe.StepID]probe.StepResult {
	seen := map[probe.StepID]probe.StepResult{}
	for _, step := range r.Steps {
		if step.Address == address || step.Address == "" {
			seen[step.ID] = step
		}
	}
	return seen
}

// turns keeps a discovery from opening more than two connections at once to
// an address, however many candidates lead there.
type turns struct {
	mu sync.Mutex
	at map[string]chan struct{}
}

func newTurns() *turns { return &turns{at: map[string]chan struct{}{}} }

func (t *turns) of(host string) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at[host] == nil {
		t.at[host] = make(chan struct{}, 2)
	}
	return t.at[host]
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// dial waits for a turn before it connects to the candidate's port; look-ups
// take no turns. A server that does not answer holds its turn for a few
// seconds only.
func (t *turns) dial(dial dialer, port int) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, to, err := net.SplitHostPort(address)
		if err != nil || to != strconv.Itoa(port) {
			return dial(ctx, network, address)
		}
		turn := t.of(host)
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a turn at %s: %w", host, ctx.Err())
		}
		limit, cancel := context.WithTimeout(ctx, perAddress)
		defer cancel()
		conn, err := dial(limit, network, address)
		if err != nil {
			<-turn
			return nil, err
		}
		return &turnConn{Conn: conn, leave: sync.OnceFunc(func() { <-turn })}, nil
	}
}

// turnConn gives its turn back when it is closed.
type turnConn struct {
	net.Conn
	leave func()
}

func (c *turnConn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// Package pipe is a network in memory for tests in virtual time: a pair of
// connections with buffers, deadlines and a latency, made of channels and
// timers only, so that testing/synctest can move its clock.
package pipe

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// New gives the two ends of a connection; what one writes the other can read
// latency later. The addresses are those of a TCP connection.
func New(latency time.Duration, client, server *net.TCPAddr) (a, b net.Conn) {
	up, down := newFlow(latency), newFlow(latency)
	return &end{in: down, out: up, local: client, remote: server}, &end{in: up, out: down, local: server, remote: client}
}

// flow is one direction.
type flow struct {
	mu      sync.Mutex
	latency time.Duration
	data    []chunk
	closed  bool      // the writer is gone
	from    time.Time // and from when on the reader knows
	changed chan struct{}
}

type chunk struct {
	at    time.Time
	bytes []byte
}

func newFlow(latency time.Duration) *flow {
	return &flow{latency: latency, changed: make(chan struct{})}
}

func (f *flow) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

type end struct {
	in, out       *flow
	local, remote *net.TCPAddr
	mu            sync.Mutex
	deadline      time.Time // for reading
	gone          bool
}

func (e *end) Read(p []byte) (int, error) {
	for {
		n, wait, changed, err := e.try(p)
		if n > 0 || err != nil {
			return n, err
		}
		e.sleep(wait, changed)
	}
}

// try reads what is there now; wait tells when the next thing happens, 0 for never.
func (e *end) try(p []byte) (n int, wait time.Duration, changed chan struct{}, err error) {
	e.mu.Lock()
	deadline, gone := e.deadline, e.gone
	e.mu.Unlock()
	f := e.in
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	switch {
	case gone:
		return 0, 0, nil, net.ErrClosed
	case !deadline.IsZero() && !now.Before(deadline):
		return 0, 0, nil, os.ErrDeadlineExceeded
	case len(f.data) > 0 && !now.Before(f.data[0].at):
		n = copy(p, f.data[0].bytes)
		if f.data[0].bytes = f.data[0].bytes[n:]; len(f.data[0].bytes) == 0 {
			f.data = f.data[1:]
		}
		return n, 0, nil, nil
	case len(f.data) > 0:
		wait = f.data[0].at.Sub(now)
	case f.closed && !now.Before(f.from):
		return 0, 0, nil, io.EOF
	case f.closed:
		wait = f.from.Sub(now)
	}
	if !deadline.IsZero() && (wait == 0 || deadline.Sub(now) < wait) {
		wait = deadline.Sub(now)
	}
	return 0, wait, f.changed, nil
}

func (e *end) sleep(wait time.Duration, changed chan struct{}) {
	if wait == 0 {
		<-changed
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	}
}

func (e *end) Write(p []byte) (int, error) {
	f := e.out
	f.mu.Lock()
	defer f.mu.Unlock()
	e.mu.Lock()
	gone := e.gone
	e.mu.Unlock()
	if gone || f.closed {
		return 0, net.ErrClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	f.data = append(f.data, chunk{at: time.Now().Add(f.latency), bytes: append([]byte(nil), p...)})
	f.wake()
	return len(p), nil
}

func (e *end) Close() error {
	e.mu.Lock()
	already := e.gone
	e.gone = true
	e.mu.Unlock()
	if already {
		return nil
	}
	e.out.mu.Lock()
	e.out.closed, e.out.from = true, time.Now().Add(e.out.latency)
	e.out.wake()
	e.out.mu.Unlock()
	e.in.mu.Lock()
	e.in.wake()
	e.in.mu.Unlock()
	return nil
}

func (e *end) LocalAddr() net.Addr  { return e.local }
func (e *end) RemoteAddr() net.Addr { return e.remote }

func (e *end) SetDeadline(t time.Time) error { return e.SetReadDeadline(t) }

func (e *end) SetReadDeadline(t time.Time) error {
	e.mu.Lock()
	e.deadline = t
	e.mu.Unlock()
	e.in.mu.Lock()
	e.in.wake()
	e.in.mu.Unlock()
	return nil
}

func (e *end) SetWriteDeadline(time.Time) error { return nil }

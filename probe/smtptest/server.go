package smtptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Options say where a server listens and who watches.
type Options struct {
	// Listen is ADDR:PORT; "" means a free port of 127.0.0.1 and the same one of ::1.
	Listen string
	// Log is called with one line an event: connections, what each side said,
	// credentials hidden. It is called by one goroutine at a time.
	Log func(string)
	// AllowMessage makes DATA no violation, as do a dialogue that is about a
	// message and Deliver.
	AllowMessage bool
	// Deliver gets each message that was accepted, before the reply to it; nil:
	// they are thrown away. It is called by one goroutine for each connection.
	Deliver func(Mail)
}

// Mail is a message with its envelope.
type Mail struct {
	From       string
	To         []string // the recipients that were accepted
	Data       []byte   // with CRLF line ends, dots as they were
	Account    string   // of the login, "" without one
	ReceivedAs string   // the server's own name of it
}

// Server serves one dialogue and judges who talks to it.
type Server struct {
	dialogue  Dialogue
	options   Options
	ctx       context.Context
	cancel    context.CancelFunc
	unhook    func() bool // the server from the caller's context
	ca        *authority
	port      int
	resolver  string
	letterBox *LetterBox // nil without one
	senderBox *LetterBox // nil unless the dialogue redirects
	running   sync.WaitGroup

	mu          sync.Mutex
	closed      bool
	closers     []io.Closer // listeners and held ports
	connections int
	began       time.Time      // of the first connection
	open        map[string]int // connections by address
	conns       map[net.Conn]bool
	judge       judge
	transcript  []string
}

// The most that one server takes on, so that nothing outgrows a laptop.
const (
	maxOpen       = 64
	maxTranscript = 10000
	maxFlood      = 64 << 20
	maxLine       = 16 << 10
	maxMessage    = 32 << 20
	farewell      = 50 * time.Millisecond // at the end, for what clients have sent already
	patience      = 5 * time.Minute       // with a client that says nothing (RFC 5321 section 4.5.3.2.7)
)

// ErrNoIPv6 means that a dialogue needs ::1 and this computer has none.
var ErrNoIPv6 = errors.New("this computer has no IPv6 on loopback")

// New makes a server that does not listen: connections are given to Serve. It
// ends with ctx or Close. For tests with in-memory connections.
func New(ctx context.Context, d Dialogue, o Options) *Server {
	s := &Server{
		dialogue: d, options: o, ca: newAuthority(certified(d, o)),
		open: map[string]int{}, conns: map[net.Conn]bool{}, judge: newJudge(),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.mu.Lock() // ctx may be over already
	defer s.mu.Unlock()
	s.unhook = context.AfterFunc(ctx, s.shut)
	return s
}

// Start serves a dialogue on loopback, or wherever Options.Listen says, until
// ctx ends or Close is called.
func Start(ctx context.Context, d Dialogue, o Options) (*Server, error) {
	s := New(ctx, d, o)
	if err := s.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("serve %s: %w", d.Name, err), s.Close())
	}
	return s, nil
}

func (s *Server) start() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if err := errors.Join(s.serveNames(), s.openMailbox()); err != nil {
		return err
	}
	addresses, err := s.addresses()
	if err != nil {
		return err
	}
	for range 20 {
		if err = s.listen(addresses); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// keep has something closed at the end, at once if the end has come.
func (s *Server) keep(c io.Closer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.Join(s.ctx.Err(), c.Close())
	}
	s.closers = append(s.closers, c)
	return nil
}

// certified gives the names and addresses that a good certificate carries.
func certified(d Dialogue, o Options) (names []string, ips []net.IP) {
	names = []string{"localhost"}
	ips = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
	if host := d.Settings.Host; host != "" && host != "localhost" {
		if ip := net.ParseIP(host); ip == nil {
			names = append(names, host)
		}
	}
	if a, err := netip.ParseAddrPort(o.Listen); err == nil && !a.Addr().IsUnspecified() && !a.Addr().IsLoopback() {
		ips = append(ips, a.Addr().AsSlice())
	}
	return names, ips
}

// script gives what the server does at an address.
func (s *Server) script(address string) *script {
	i := slices.IndexFunc(s.dialogue.lanes, func(l lane) bool { return l.address == address })
	if i < 0 {
		i = len(s.dialogue.lanes) - 1
	}
	return s.dialogue.lanes[i].script
}

// Serve holds one conversation on a connection and closes it. It returns when
// the conversation has ended. The address is the one of 127.0.0.1.
func (s *Server) Serve(conn net.Conn) { s.ServeAt("127.0.0.1", conn) }

// ServeAt is Serve for a connection to one of the dialogue's addresses,
// "127.0.0.1" or "::1".
func (s *Server) ServeAt(address string, conn net.Conn) {
	c, ok := s.admit(address, conn)
	if !ok {
		conn.Close()
		return
	}
	defer s.dismiss(c)
	c.converse()
}

// admit counts a connection and looks whether there are too many.
func (s *Server) admit(address string, conn net.Conn) (*session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ctx.Err() != nil || len(s.conns) >= maxOpen {
		return nil, false
	}
	s.running.Add(1)
	if s.connections++; s.connections == 1 {
		s.began = time.Now()
	}
	s.open[address]++
	s.conns[conn] = true
	c := newSession(s, s.connections, address, conn)
	s.logLocked(c.id, "--", fmt.Sprintf("connection from %v to %s", conn.RemoteAddr(), address))
	if s.open[address] > 2 {
		s.violateLocked(c.id, fmt.Sprintf("%d connections at once to %s; two are the limit", s.open[address], address))
	}
	return c, true
}

// dismiss ends a connection; what the client still has to say is read, so that
// closing is no reset.
func (s *Server) dismiss(c *session) {
	s.mu.Lock()
	s.open[c.address]--
	s.logLocked(c.id, "--", "closed")
	s.mu.Unlock()
	c.hangUp()
	s.mu.Lock()
	delete(s.conns, c.raw)
	s.mu.Unlock()
	s.running.Done()
}

// Close ends every connection and goroutine of the server and waits for them.
func (s *Server) Close() error {
	s.shut()
	s.running.Wait()
	return nil
}

// shut closes whatever is open. It may be called more than once.
func (s *Server) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel()
	if s.closed {
		return
	}
	s.closed = true
	s.unhook()
	for _, c := range s.closers {
		// Closing twice or late is no fault that anyone could act on.
		_ = c.Close()
	}
	end := time.Now().Add(farewell)
	for conn := range s.conns {
		_ = conn.SetDeadline(end) // fails on closed connections only
	}
}

// isClosed tells whether the server is shutting off.
func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Host is the name to enter in the client.
func (s *Server) Host() string { return s.dialogue.Settings.Host }

// Port is where the server listens, 0 for one made by New.
func (s *Server) Port() int { return s.port }

// Resolver is the DNS server to ask, as IP:PORT, "" where the dialogue has no names.
func (s *Server) Resolver() string { return s.resolver }

// CA gives the root that good certificates lead to, in PEM; nil when none could be made.
func (s *Server) CA() []byte {
	root, err := s.ca.rootPEM()
	if err != nil {
		return nil
	}
	return root
}

// Violations lists what clients did that a good client does not.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.judge.violations)
}

// Transcript gives what was said, at most 10,000 lines: "2 C: QUIT". What
// clients said as credentials is hidden.
func (s *Server) Transcript() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.transcript)
}

// Connections tells how many connections there were so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

func (s *Server) log(id int, who, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logLocked(id, who, text)
}

func (s *Server) logLocked(id int, who, text string) {
	line := strconv.Itoa(id) + " " + who + " " + printable(text)
	if len(s.transcript) < maxTranscript {
		s.transcript = append(s.transcript, line)
	}
	if s.options.Log != nil {
		s.options.Log(line)
	}
}

// printable shows what a terminal must not obey, and no more than a few lines of it.
func printable(text string) string {
	const most = 400
	cut := len(text) > most
	if cut {
		text = text[:most]
	}
	quoted := strconv.QuoteToGraphic(text)
	quoted = quoted[1 : len(quoted)-1]
	quoted = unquoteMarks.Replace(quoted)
	if cut {
		quoted += " ..."
	}
	return quoted
}

package smtptest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// arrival is what becomes of a message on its way into the mailbox.
type arrival struct {
	words []string // of arrivalWords
	after time.Duration
}

func (a *arrival) is(word string) bool { return slices.Contains(a.words, word) }

// arrivalWords are what the key "mailbox" knows besides a time.
var arrivalWords = []string{"inbox", "junk", "loses", "refuses login", "is switched off", "does not answer", "adds a footer", "rewrites from", "forgery", "twice"}

// parseArrival reads "inbox", "junk, after 2s", ...
func parseArrival(value string) (*arrival, error) {
	a := &arrival{}
	for _, word := range list(value, ",") {
		if after, ok := strings.CutPrefix(word, "after "); ok {
			d, err := time.ParseDuration(after)
			if err != nil || d <= 0 || d > 10*time.Minute {
				return nil, fmt.Errorf("mailbox wants a time of at most 10m, as in after 2s")
			}
			a.after = d
			continue
		}
		if !slices.Contains(arrivalWords, word) {
			return nil, fmt.Errorf("mailbox wants some of: %s, after 2s", strings.Join(arrivalWords, ", "))
		}
		a.words = append(a.words, word)
	}
	return a, nil
}

// LetterBox is a mailbox in the process, to be read by IMAP over TLS.
type LetterBox struct {
	server   *Server
	imap     *imapserver.Server
	user     *imapmemserver.User
	config   *tls.Config
	account  string
	password string
	port     int
	listener net.Listener // nil for one that does not listen
}

// Folders of a LetterBox.
const (
	inboxFolder = "INBOX"
	junkFolder  = "Junk"
)

// NewLetterBox makes a mailbox that does not listen: connections are given to
// Serve. It ends with the server. For tests with in-memory connections, and
// for whoever needs a second mailbox.
func (s *Server) NewLetterBox(account, password string) (*LetterBox, error) {
	certificate, err := s.ca.get("good", false)
	if err != nil {
		return nil, err
	}
	b := &LetterBox{server: s, account: account, password: password, user: imapmemserver.NewUser(account, password),
		config: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}}
	memory := imapmemserver.New()
	memory.AddUser(b.user)
	if err := errors.Join(b.user.Create(inboxFolder, nil),
		b.user.Create(junkFolder, &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{imap.MailboxAttrJunk}})); err != nil {
		return nil, fmt.Errorf("make the folders: %w", err)
	}
	b.imap = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			session := memory.NewSession()
			whole, ok := session.(imapserver.SessionIMAP4rev2)
			if a := s.dialogue.mailbox; ok && a != nil && a.is("is switched off") {
				return switchedOff{whole}, nil, nil
			}
			return session, nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}, imap.CapSpecialUse: {}, imap.CapUIDPlus: {}, imap.CapUnselect: {},
			imap.CapNamespace: {}, imap.CapESearch: {}},
		Logger:       log.New(io.Discard, "", 0),
		InsecureAuth: true, // below TLS, which the server does not know of
	})
	return b, s.keep(b.imap)
}

// OpenLetterBox is NewLetterBox with a port on loopback.
func (s *Server) OpenLetterBox(account, password string) (*LetterBox, error) {
	b, err := s.NewLetterBox(account, password)
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for IMAP: %w", err)
	}
	at, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	b.port, b.listener = int(at.Port()), l
	s.running.Go(func() { _ = b.imap.Serve(tls.NewListener(l, b.config)) }) // ends with the server
	return b, s.keep(l)
}

// Serve holds a session on a connection, TLS from the first byte, and closes it.
func (b *LetterBox) Serve(conn net.Conn) {
	b.server.running.Go(func() { _ = b.imap.Serve(&oneConn{conn: tls.Server(conn, b.config)}) })
}

// switchedOff is a mailbox that no program may read.
type switchedOff struct{ imapserver.SessionIMAP4rev2 }

func (switchedOff) Login(string, string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAlert, Text: "Your account is not enabled for IMAP use."}
}

// oneConn is a listener to which one connection comes.
type oneConn struct{ conn net.Conn }

func (o *oneConn) Accept() (net.Conn, error) {
	if o.conn == nil {
		return nil, net.ErrClosed
	}
	c := o.conn
	o.conn = nil
	return c, nil
}

func (o *oneConn) Close() error   { return nil }
func (o *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// Host is the name that its certificate carries.
func (b *LetterBox) Host() string { return "localhost" }

// Port is where it listens, 0 for one that does not.
func (b *LetterBox) Port() int { return b.port }

// Account is the login, an address.
func (b *LetterBox) Account() string { return b.account }

// Password is what the client is told; the box may refuse it.
func (b *LetterBox) Password() string { return b.password }

// Put lays a message into a folder, INBOX or Junk, as it is.
func (b *LetterBox) Put(folder string, message []byte) error {
	_, err := b.user.Append(folder, literal{bytes.NewReader(message)}, &imap.AppendOptions{Time: time.Now()})
	return err
}

// Count tells how many messages are in a folder, those marked as deleted too.
func (b *LetterBox) Count(folder string) int {
	status, err := b.user.Status(folder, &imap.StatusOptions{NumMessages: true})
	if err != nil || status.NumMessages == nil {
		return 0
	}
	return int(*status.NumMessages)
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// LetterBox gives the mailbox of a dialogue that has one, or nil.
func (s *Server) LetterBox() *LetterBox { return s.letterBox }

// openMailbox makes the mailbox of the dialogue: that of its first recipient.
func (s *Server) openMailbox() error {
	if s.dialogue.mailbox == nil {
		return nil
	}
	password := mailboxPassword
	if s.dialogue.mailbox.is("refuses login") {
		password = "another-one"
	}
	account := s.dialogue.Settings.To[0]
	if s.dialogue.redirect != nil {
		account = redirectTarget
	}
	b, err := s.OpenLetterBox(account, password)
	if err != nil {
		return err
	}
	b.password = mailboxPassword // what the client is told
	if s.dialogue.mailbox.is("does not answer") {
		_ = b.listener.Close() // nothing was accepted yet
	}
	s.letterBox = b
	if err := s.openSenderBox(); err != nil {
		return err
	}
	if s.options.Deliver == nil {
		s.options.Deliver = func(m Mail) { s.running.Go(func() { s.carry(m) }) }
	}
	return nil
}

// mailboxPassword opens the mailbox of a dialogue.
const mailboxPassword = "battery-staple"

// carry brings a message into the mailbox, the way that the dialogue says.
func (s *Server) carry(m Mail) {
	a := s.dialogue.mailbox
	timer := time.NewTimer(a.after)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
		return
	}
	if s.dialogue.redirect != nil {
		if err := s.redirect(m); err != nil {
			s.log(0, "--", "the message was not redirected: "+err.Error())
		}
		return
	}
	if a.is("loses") {
		return
	}
	folder := inboxFolder
	if a.is("junk") {
		folder = junkFolder
	}
	times := 1
	if a.is("twice") {
		times = 2
	}
	for range times {
		if err := s.letterBox.Put(folder, a.stamped(s, m)); err != nil {
			s.log(0, "--", "the mailbox did not take the message: "+err.Error())
		}
	}
}

// stamped is a message with what two servers add to it on its way.
func (a *arrival) stamped(s *Server, m Mail) []byte {
	const stamp = "Mon, 02 Jan 2006 15:04:05 -0700"
	name, to := s.script("").name, s.letterBox.account
	domain := m.From[strings.LastIndex(m.From, "@")+1:]
	proof := "spf=pass smtp.mailfrom=" + m.From + "; dkim=none; dmarc=pass (p=reject) header.from=" + domain
	if a.is("forgery") {
		proof = "spf=fail smtp.mailfrom=" + m.From + "; dkim=none; dmarc=fail (p=reject) header.from=" + domain
	}
	now := time.Now()
	head := "Return-Path: <" + m.From + ">\r\n" +
		"Authentication-Results: mx.recipient.example; " + proof + "\r\n" +
		"Received: from " + name + " (" + name + " [192.0.2.25]) by mx.recipient.example with ESMTPS id " + m.ReceivedAs + "B for <" + to + ">; " + now.Format(stamp) + "\r\n" +
		"Received: from client.acme.example ([127.0.0.1]) by " + name + " with ESMTPSA id " + m.ReceivedAs + "; " + now.Add(-a.after).Format(stamp) + "\r\n"
	data := m.Data
	if a.is("rewrites from") {
		data = bytes.Replace(data, []byte("From: <"+m.From+">"), []byte("From: <relay@mail.acme.example>"), 1)
	}
	if a.is("adds a footer") {
		data = withFooter(data)
	}
	return append([]byte(head), data...)
}

// withFooter adds a line to the plain part, which ends where the next boundary is.
func withFooter(data []byte) []byte {
	header, body, found := bytes.Cut(data, []byte("\r\n\r\n"))
	if !found {
		return data
	}
	first := bytes.Index(body, []byte("\r\n--"))
	if first < 0 {
		return data
	}
	next := bytes.Index(body[first+4:], []byte("\r\n--"))
	if !bytes.HasPrefix(body, []byte("--")) && next >= 0 {
		first += 4 + next
	}
	const footer = "\r\nThis message was checked by the gateway of recipient.example."
	return slices.Concat(header, []byte("\r\n\r\n"), body[:first], []byte(footer), body[first:])
}

package probe

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// Follow says that the message is to be followed into a mailbox, and how.
type Follow struct {
	Inbox  *Inbox        // nil: a person looks for it
	Wait   time.Duration // from when the server took it
	Delete bool          // remove the message when it was found
}

// Inbox is a mailbox that can be read by IMAP.
type Inbox struct {
	Profile       string // whose inbox it is, "" when it has no name
	Host          string
	Port          int
	Encryption    Encryption // SSL or STARTTLS
	Account       string
	Password      Credential
	Token         Credential
	CAFile        string // as given, for the report
	CA            *x509.CertPool
	TLSServerName string // "" = the host
	Insecure      bool
	Folder        string // where mail arrives; "" = INBOX
}

// Mailbox follows a message into a mailbox. Package delivery does it.
type Mailbox interface {
	// Follow looks for a message that was sent until it is found or ctx ends.
	// Faults of IMAP and a message that did not come are *Fault.
	Follow(ctx context.Context, s Settings, sent *MessageEvidence, w Watch) (*DeliveryEvidence, error)
}

// Watch is what a Mailbox may use of the world, and who listens to it.
type Watch struct {
	Net      Net
	Redactor *secret.Redactor
	// Record takes the lines of the conversation, redacted; from is client,
	// server or note. nil: nobody wants them.
	Record func(from, text string)
}

// DeliveryEvidence is where a message arrived, and how it looked then.
type DeliveryEvidence struct {
	Server         Maybe           `json:"server"` // host:port of IMAP
	Folder         Maybe           `json:"folder"`
	Junk           *bool           `json:"junk"`
	LookedIn       List[string]    `json:"looked_in"` // folders
	Copies         *int            `json:"copies"`    // how often it is there
	WaitedMs       *Ms             `json:"waited_ms"`
	ArrivedAfterMs *Ms             `json:"arrived_after_ms"` // from when the server took it to when it was seen
	Others         *int            `json:"others"`           // further messages that came meanwhile
	Hops           List[Hop]       `json:"hops"`
	From           Maybe           `json:"from"`
	Sender         Maybe           `json:"sender"`
	ReplyTo        Maybe           `json:"reply_to"`
	ReturnPath     Maybe           `json:"return_path"`
	Authentication *Authentication `json:"authentication"` // by the receiving server
	Checked        *Checked        `json:"checked"`        // by this program, on the message as it arrived
	Changed        List[string]    `json:"changed"`        // what the way has changed, a sentence each
	Deleted        Maybe           `json:"deleted"`        // removed, marked, failed

	Saw     []cause.Observation `json:"-"` // for the rules
	Words   map[string]string   `json:"-"` // for their texts
	Raw     []byte              `json:"-"` // the message as it arrived, its beginning if it is long
	Answers [][]byte            `json:"-"` // what came to the sender's mailbox about it
}

// Checked is what this program found out about the sender of the message.
type Checked struct {
	Client Maybe            `json:"client"` // address that handed it to the receiving side
	SPF    *SPFResult       `json:"spf"`    // of that address
	DKIM   List[DKIMResult] `json:"dkim"`
	Keys   List[DKIMKey]    `json:"keys"`
}

// DKIMKey is where a signature's key should stand in the DNS (RFC 6376 section 3.6.2).
type DKIMKey struct {
	Domain   string `json:"domain"`
	Selector string `json:"selector"`
	State    string `json:"state"` // found, missing, revoked, unknown
}

func (*DeliveryEvidence) isEvidence() {}

func (e *DeliveryEvidence) summary(fault *Fault) string {
	if fault != nil || e.Folder == "" {
		return e.Words["not_arrived"]
	}
	words := "arrived in " + string(e.Folder)
	if e.Junk != nil && *e.Junk {
		words += ", the junk folder"
	}
	if e.ArrivedAfterMs != nil {
		words += fmt.Sprintf(" after %.1f s", float64(*e.ArrivedAfterMs)/1000)
	}
	return words
}

func skipDelivery(s Settings) SkipReason {
	if s.Follow.Inbox == nil {
		return NotAsked
	}
	return ""
}

// deliveryStep waits for the message in the mailbox. The session of SMTP ends
// before, since no server waits for minutes.
func deliveryStep(ctx context.Context, l *lane) (Evidence, error) {
	sent, _ := l.seen[StepMessage].(*MessageEvidence)
	if l.run.prober.Mailbox == nil || sent == nil {
		return nil, policy("there is nobody who reads the mailbox")
	}
	s := *l.settings()
	l.run.leave(ctx, l)
	l.conn = nil
	w := Watch{Net: l.run.prober.Net, Redactor: l.run.redactor}
	if l.run.prober.Transcript {
		id := l.run.nextConnection()
		w.Record = func(from, text string) {
			l.run.emit(Event{Kind: EventTranscript, Line: &TranscriptLine{AtMs: l.run.since(time.Now()), Connection: id, Purpose: "imap", From: from, Text: text}})
		}
	}
	e, err := l.run.prober.Mailbox.Follow(ctx, s, sent, w)
	if e == nil {
		e = &DeliveryEvidence{}
	}
	return e, err
}

// Dial connects to a server by its name or address, through the proxy where
// one is set, and by the settings' own DNS server where they name one.
func (w Watch) Dial(ctx context.Context, s Settings, address string) (net.Conn, error) {
	if s.Proxy != "" {
		p, err := parseProxy(&s)
		if err != nil {
			return nil, err
		}
		w.Redactor.Learn(p.secrets()...)
		return p.dial(ctx, w.Net.dial, address)
	}
	if w.Net.Dial == nil {
		return (&net.Dialer{Resolver: ResolverAt(s.Resolver)}).DialContext(ctx, "tcp", address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || w.Net.LookupAddrs == nil {
		return w.Net.Dial(ctx, "tcp", address)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return w.Net.Dial(ctx, "tcp", address)
	}
	found, err := w.Net.LookupAddrs(ctx, host)
	if err != nil {
		return nil, err
	}
	err = error(&net.DNSError{Err: "no addresses", Name: host, IsNotFound: true})
	for _, addr := range found {
		nc, failed := w.Net.Dial(ctx, "tcp", net.JoinHostPort(addr.String(), port))
		if failed == nil {
			return nc, nil
		}
		err = failed
	}
	return nil, err
}

// ResolverAt asks one DNS server (IP:PORT), the system's for "".
func ResolverAt(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}}
}

func deliveryFacts(f *cause.Facts, s *Settings, e *DeliveryEvidence) {
	f.Seen.Add(e.Saw...)
	for word, value := range e.Words {
		f.Values[word] = value
	}
	if s.Follow == nil || s.Follow.Inbox == nil {
		return
	}
	f.Values["imap_server"] = net.JoinHostPort(s.Follow.Inbox.Host, itoa(s.Follow.Inbox.Port))
	f.Values["imap_account"] = s.Follow.Inbox.Account
	f.Values["folder"] = string(e.Folder)
	if len(s.To) == 1 {
		f.To = s.To[0]
	}
}

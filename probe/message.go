package probe

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/wire"
)

// Limits on a message under way (RFC 5321 section 4.5.3.2); the last one is
// the contract's. A timeout that is set holds for each.
const (
	chunkTimeout   = 3 * time.Minute
	messageTimeout = 5 * time.Minute
)

// MessageEvidence is the test message and what the server made of it.
type MessageEvidence struct {
	MessageID    Maybe           `json:"message_id"` // with its angle brackets
	Token        Maybe           `json:"token"`
	From         Maybe           `json:"from"`
	Subject      Maybe           `json:"subject"`
	Size         *int            `json:"size"` // octets, as sent
	QueueID      Maybe           `json:"queue_id"`
	ReplyMs      *Ms             `json:"reply_ms"`  // from the last octet of the message to the reply
	SentAt       *time.Time      `json:"sent_at"`   // when the server took it, UTC
	DSN          *bool           `json:"dsn"`       // delivery status was asked for; nil: not wanted
	EightBit     *bool           `json:"eight_bit"` // BODY=8BITMIME
	SMTPUTF8     *bool           `json:"smtputf8"`
	Recipients   List[Recipient] `json:"recipients"`
	SenderDomain *SenderDomain   `json:"sender_domain"` // what the DNS says of it; nil: not looked up

	verb string // the command that was refused
	seen []cause.Observation
	max  int // the server's limit on the size, 0 for none
}

// Recipient is what became of the message for one recipient.
type Recipient struct {
	Address string `json:"address"`
	Status  string `json:"status"` // accepted, refused, deferred, unknown
	Reply   *Reply `json:"reply"`
}

// The statuses of a recipient.
const (
	RecipientAccepted = "accepted"
	RecipientRefused  = "refused"
	RecipientDeferred = "deferred" // for now; also where the connection ended before the message was complete
	RecipientUnknown  = "unknown"  // the message is out and no reply came
)

func (*MessageEvidence) isEvidence() {}

func (e *MessageEvidence) saw(o ...cause.Observation) { e.seen = append(e.seen, o...) }

// accepted counts the recipients for which the server has taken the message.
func (e *MessageEvidence) accepted() int {
	n := 0
	for _, r := range e.Recipients {
		if r.Status == RecipientAccepted {
			n++
		}
	}
	return n
}

func (e *MessageEvidence) summary(fault *Fault) string {
	n := e.accepted()
	switch {
	case fault == nil && e.QueueID != "":
		return "taken by the server as " + string(e.QueueID)
	case fault == nil:
		return "taken by the server"
	case n > 0:
		return fmt.Sprintf("taken for %d of %d recipients; %s", n, len(e.Recipients), e.refusedWords())
	case fault.Kind == Rejected || fault.Kind == Deferred:
		return strings.TrimSpace(e.verbWords() + " " + noWord(fault) + " with " + codeWords(fault.Text))
	}
	return ""
}

func noWord(fault *Fault) string {
	if fault.Kind == Deferred {
		return "put off"
	}
	return "refused"
}

// verbWords names what was refused, "" for the message itself.
func (e *MessageEvidence) verbWords() string {
	switch e.verb {
	case "MAIL":
		return "sender " + string(e.From)
	case "RCPT":
		return "recipient"
	}
	return ""
}

func (e *MessageEvidence) refusedWords() string {
	var words []string
	for _, r := range e.Recipients {
		if r.Status == RecipientAccepted || r.Reply == nil {
			continue
		}
		words = append(words, fmt.Sprintf("%s %s with %d", r.Address, r.Status, r.Reply.Code))
	}
	return strings.Join(words, ", ")
}

// messageStep sends the test message once, on the connection that the steps
// before it have made. Nothing is ever sent a second time.
func messageStep(ctx context.Context, l *lane) (Evidence, error) {
	s := l.settings()
	m := s.Message
	e := &MessageEvidence{Token: Maybe(m.Token), MessageID: Maybe(m.messageID(s)), From: Maybe(l.run.shown(m.sender(s))),
		Subject: Maybe(l.run.shown(m.subject()))}
	if lookUp := l.run.prober.LookUpSender; lookUp != nil {
		var looking sync.WaitGroup
		looking.Go(func() { e.SenderDomain = lookUp(ctx, *s, domainOf(m.sender(s))) })
		defer looking.Wait()
	}
	raw, err := m.Compose(s, time.Now())
	if err != nil {
		return e, policy("the message cannot be written: %s", l.run.shown(err.Error()))
	}
	e.Size = ptr(len(raw))
	parameters, err := l.messageParameters(e, raw)
	if err != nil {
		return e, err
	}
	return e, l.sendMessage(ctx, e, raw, parameters)
}

// messageParameters are those of MAIL: SIZE (RFC 1870), BODY (RFC 6152),
// SMTPUTF8 (RFC 6531), RET and ENVID (RFC 3461). It is an error when the
// message needs what the server does not offer.
func (l *lane) messageParameters(e *MessageEvidence, raw []byte) (string, error) {
	hello := l.hello()
	var words string
	if limit, offered := hello.size(); offered {
		if limit > 0 && len(raw) > limit {
			e.saw(cause.MessageOverSize)
			e.max = limit
			return "", policy("the message has %d octets and the server takes at most %d: nothing was sent", len(raw), limit)
		}
		words += " SIZE=" + strconv.Itoa(len(raw))
	}
	e.EightBit, e.SMTPUTF8 = ptr(!isASCII(string(raw))), ptr(l.needsSMTPUTF8())
	switch {
	case *e.SMTPUTF8 && !hello.offers("SMTPUTF8"):
		return "", &Fault{Kind: NotOffered, Text: "an address has characters outside ASCII and the server does not offer SMTPUTF8"}
	case *e.EightBit && !hello.offers("8BITMIME"):
		return "", &Fault{Kind: NotOffered, Text: "the message has octets beyond ASCII and the server does not offer 8BITMIME"}
	}
	if *e.EightBit {
		words += " BODY=8BITMIME"
	}
	if *e.SMTPUTF8 {
		words += " SMTPUTF8"
	}
	if l.settings().Message.DSN {
		e.DSN = ptr(hello.offers("DSN"))
		if *e.DSN {
			words += " RET=HDRS ENVID=" + string(e.Token)
		}
	}
	return words, nil
}

// size gives the limit that SIZE names, 0 for none (RFC 1870 section 3).
func (e *EHLOEvidence) size() (limit int, offered bool) {
	if e == nil {
		return 0, false
	}
	for _, c := range e.Capabilities {
		if strings.EqualFold(c.Keyword, "SIZE") {
			if len(c.Parameters) > 0 {
				limit, _ = strconv.Atoi(c.Parameters[0]) // no number: no limit is known
			}
			return limit, true
		}
	}
	return 0, false
}

// sendMessage is the transaction: MAIL, RCPT for each recipient, DATA, message.
func (l *lane) sendMessage(ctx context.Context, e *MessageEvidence, raw []byte, parameters string) error {
	if err := l.envelope(ctx, e, parameters); err != nil {
		return err
	}
	reply, err := l.command(ctx, "DATA")
	if err != nil {
		return l.lost(e, err)
	}
	e.verb = "DATA"
	if reply.Code != 354 {
		l.abandon(ctx)
		return l.refusedWhole(e, reply)
	}
	limits := wire.DataLimits{Chunk: l.patience(chunkTimeout), Reply: l.patience(messageTimeout)}
	begin := time.Now()
	reply, whole, err := l.conn.Data(ctx, raw, limits)
	e.ReplyMs = ptr(Milliseconds(time.Since(begin)))
	switch {
	case err != nil && whole:
		return l.unanswered(ctx, e, err, limits.Reply)
	case err != nil:
		return l.lost(e, err)
	case reply.Code/100 != 2:
		return l.refusedWhole(e, reply)
	}
	l.reply = &reply
	e.SentAt = ptr(time.Now().UTC())
	e.QueueID = Maybe(queueID(reply.Text()))
	for i := range e.Recipients {
		if e.Recipients[i].Status == RecipientAccepted {
			e.Recipients[i].Reply = shownReply(&reply)
		}
	}
	return l.firstRefused(e)
}

// patience is a limit of time, or the one that was set for every step.
func (l *lane) patience(own time.Duration) time.Duration {
	if set := l.settings().Timeout; set > 0 {
		return set
	}
	return own
}

func (l *lane) command(ctx context.Context, verb string) (wire.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, l.patience(stepTimeout))
	defer cancel()
	return l.conn.Command(ctx, verb, "")
}

// envelope names the sender and every recipient. It is an error when no
// recipient is accepted; the transaction is ended then.
func (l *lane) envelope(ctx context.Context, e *MessageEvidence, parameters string) error {
	s := l.settings()
	asks := []wire.Ask{{Verb: "MAIL", Argument: "FROM:<" + s.Message.sender(s) + ">" + parameters}}
	for _, to := range s.To {
		asks = append(asks, wire.Ask{Verb: "RCPT", Argument: "TO:<" + to + ">" + e.notify(to)})
	}
	limit, cancel := context.WithTimeout(ctx, l.patience(stepTimeout))
	replies, err := l.inFlight(limit, asks)
	cancel()
	if len(replies) > 0 && !replies[0].IsPositive() {
		e.verb = "MAIL"
		return l.refusedWhole(e, replies[0])
	}
	for i, to := range s.To {
		if i+1 < len(replies) {
			e.Recipients = append(e.Recipients, recipientOf(l.run.shown(to), replies[i+1]))
		}
	}
	if err != nil {
		return l.lost(e, err)
	}
	e.verb = "RCPT"
	if e.accepted() == 0 {
		l.abandon(ctx)
		return l.firstRefused(e)
	}
	return nil
}

// abandon ends a transaction in which nothing was sent, whatever the server says to it.
func (l *lane) abandon(ctx context.Context) { _, _ = l.command(ctx, "RSET") }

// notify asks for a delivery status (RFC 3461 section 4.1).
func (e *MessageEvidence) notify(to string) string {
	if e.DSN == nil || !*e.DSN {
		return ""
	}
	words := " NOTIFY=SUCCESS,FAILURE,DELAY"
	if isASCII(to) && !strings.ContainsAny(to, "+= ") {
		words += " ORCPT=rfc822;" + to
	}
	return words
}

func recipientOf(address string, r wire.Reply) Recipient {
	status := RecipientAccepted
	switch {
	case r.Code/100 == 4:
		status = RecipientDeferred
	case !r.IsPositive():
		status = RecipientRefused
	}
	return Recipient{Address: address, Status: status, Reply: shownReply(&r)}
}

// refusedWhole: the server does not take the message for anybody.
func (l *lane) refusedWhole(e *MessageEvidence, r wire.Reply) error {
	if len(e.Recipients) == 0 {
		for _, to := range l.settings().To {
			e.Recipients = append(e.Recipients, Recipient{Address: l.run.shown(to), Status: RecipientAccepted})
		}
	}
	for i, to := range e.Recipients {
		if to.Status == RecipientAccepted {
			e.Recipients[i] = recipientOf(to.Address, r)
		}
	}
	return &refusal{r}
}

// firstRefused is the refusal of a recipient that fails the step.
func (l *lane) firstRefused(e *MessageEvidence) error {
	for _, to := range e.Recipients {
		if to.Status != RecipientAccepted && to.Reply != nil {
			e.verb = "RCPT"
			return &refusal{wire.Reply{Code: to.Reply.Code, Enhanced: string(to.Reply.Enhanced), Lines: to.Reply.Lines}}
		}
	}
	return nil
}

// lost: the connection ended before the message was complete, so that no
// server has taken it.
func (l *lane) lost(e *MessageEvidence, err error) error {
	e.forget(RecipientDeferred)
	fault := faultOf(err)
	if fault.Kind == Timeout {
		return &Fault{Kind: Timeout, Text: "no answer in time, before the message was complete: it was not sent"}
	}
	return &Fault{Kind: fault.Kind, Text: fault.Text + ", before the message was complete: it was not sent"}
}

// forget: what was accepted is void without a whole message.
func (e *MessageEvidence) forget(status string) {
	for i := range e.Recipients {
		if e.Recipients[i].Status == RecipientAccepted {
			e.Recipients[i].Status, e.Recipients[i].Reply = status, nil
		}
	}
}

// settled is a failure that stands whatever ended the run: a person who
// stopped waiting for the reply must know that the message may be out.
type settled struct{ *Fault }

func (s *settled) Unwrap() error { return s.Fault }

// unanswered: the message is out and nobody said what became of it. The server
// may have taken it, so it must not simply be sent again (RFC 1047).
func (l *lane) unanswered(ctx context.Context, e *MessageEvidence, err error, waited time.Duration) error {
	e.forget(RecipientUnknown)
	e.saw(cause.MessageUnanswered)
	const rest = " after the whole message: the server may have taken it"
	fault := faultOf(err)
	switch {
	case ctx.Err() != nil:
		return &settled{&Fault{Kind: Timeout, Text: "stopped before a reply came," + rest}}
	case fault.Kind == Timeout:
		return &settled{&Fault{Kind: Timeout, Text: "no reply within " + seconds(waited) + rest}}
	}
	return &settled{&Fault{Kind: fault.Kind, Text: fault.Text + rest}}
}

// Ways in which servers say under what name they keep a message.
var queueNames = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\bqueued as:? *<?([A-Za-z0-9][A-Za-z0-9._/-]*)`),                              // Postfix, Mailpit
	regexp.MustCompile(`\bid[= ]([A-Za-z0-9]{5,}-[A-Za-z0-9-]{4,}-[A-Za-z0-9]{2,})`),                      // Exim
	regexp.MustCompile(`(?i)\[InternalId=([0-9]+)`),                                                       // Exchange
	regexp.MustCompile(`(?i)\bqueued (?:mail |message )?\(([A-Za-z0-9._-]+)\)`),                           // Haraka
	regexp.MustCompile(`(?i)\bqueued with id:? *([A-Za-z0-9._-]+)`),                                       // Stalwart
	regexp.MustCompile(`(?i)\b((?:[0-9]+ )?qp [0-9]+)\b`),                                                 // qmail
	regexp.MustCompile(`(?i)^(?:[0-9.]+ )?([A-Za-z0-9]{8,}) message accepted`),                            // sendmail, OpenSMTPD
	regexp.MustCompile(`(?i)^(?:2\.\d\.\d )?ok +[0-9]+ ([A-Za-z0-9._-]+) - gsmtp`),                        // Gmail
	regexp.MustCompile(`(?i)^(?:2\.\d\.\d )?ok:? +([A-Za-z0-9][A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]{6,})\b`), // Amazon SES, SendGrid
	regexp.MustCompile(`(?i)\b(?:message|mail)[ -]?id[:= ]+<?([A-Za-z0-9][A-Za-z0-9._@-]*)`),
}

// queueID reads a server's own name of the message out of its final reply, ""
// where there is none; that name finds the message in the server's log.
func queueID(text string) string {
	for _, line := range strings.Split(text, "\n") {
		for _, name := range queueNames {
			if m := name.FindStringSubmatch(line); m != nil {
				return strings.TrimRight(m[1], ".")
			}
		}
	}
	return ""
}

// SenderDomain is what the DNS says of who may send for a domain; empty where
// nothing is published, and Problem where it could not be asked.
type SenderDomain struct {
	Domain        string `json:"domain"`
	SPF           Maybe  `json:"spf"`            // the record (RFC 7208)
	DMARC         Maybe  `json:"dmarc"`          // the record (RFC 7489)
	DMARCDomain   Maybe  `json:"dmarc_domain"`   // where it stands: the domain, or the organisation's
	DMARCPolicy   Maybe  `json:"dmarc_policy"`   // none, quarantine, reject, as it holds for the domain
	AlignmentSPF  Maybe  `json:"alignment_spf"`  // r or s
	AlignmentDKIM Maybe  `json:"alignment_dkim"` // r or s
	Problem       Maybe  `json:"problem"`
}

// messageFacts gives a case for each recipient that was refused, or one for
// the whole message.
func messageFacts(base cause.Facts, s *Settings, e *MessageEvidence) []cause.Facts {
	if !base.Seen[cause.LoggedIn] {
		base.Seen.Add(cause.NotLoggedIn)
	}
	base.Seen.Add(e.seen...)
	base.From, base.Verb = string(e.From), e.verb
	if strings.EqualFold(string(e.From), s.Account) {
		base.Seen.Add(cause.FromIsAccount)
	}
	if len(e.Recipients) == 1 {
		base.To = e.Recipients[0].Address
	}
	if e.Size != nil {
		base.Values["size"] = strconv.Itoa(*e.Size)
	}
	if e.max > 0 {
		base.Values["limit"] = strconv.Itoa(e.max)
	}
	if e.verb != "RCPT" {
		return []cause.Facts{base}
	}
	return recipientFacts(base, e)
}

func recipientFacts(base cause.Facts, e *MessageEvidence) []cause.Facts {
	var cases []cause.Facts
	for _, to := range e.Recipients {
		if to.Status == RecipientAccepted || to.Reply == nil {
			continue
		}
		f := base
		f.Seen, f.Values = maps.Clone(base.Seen), maps.Clone(base.Values)
		f.To, f.Verb, f.Code, f.Enhanced = to.Address, "RCPT", to.Reply.Code, string(to.Reply.Enhanced)
		f.Text = strings.Join(to.Reply.Lines, "\n")
		reply := wire.Reply{Code: f.Code, Enhanced: f.Enhanced, Lines: to.Reply.Lines}
		f.Seen.Add(refusedObservation(Maybe(whoIsRefused("RCPT", reply, f.From, f.To))))
		if to.Status == RecipientDeferred {
			f.Seen.Add(cause.RefusedForNow, cause.Temporary)
		}
		cases = append(cases, f)
	}
	if len(cases) == 0 {
		return []cause.Facts{base}
	}
	return cases
}

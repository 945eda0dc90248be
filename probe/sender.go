package probe

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// SenderEvidence is who may be sender, as far as it shows before a message.
type SenderEvidence struct {
	Tries    List[SenderTry] `json:"tries"`
	SMTPUTF8 *bool           `json:"smtputf8"` // used
}

// SenderTry is one pair of MAIL FROM and RCPT TO.
type SenderTry struct {
	From          string `json:"from"`
	To            string `json:"to"`
	AccountItself bool   `json:"account_itself"`
	Refused       Maybe  `json:"refused"` // sender, recipient, unclear
	Reply         *Reply `json:"reply"`

	verb    string // the command that was refused
	account bool   // From is the account
}

func (*SenderEvidence) isEvidence() {}

func (e *SenderEvidence) summary(fault *Fault) string {
	var accepted []string
	for _, try := range e.Tries {
		switch {
		case try.AccountItself:
		case try.Refused == "":
			if !slices.Contains(accepted, try.From) {
				accepted = append(accepted, try.From)
			}
		case fault != nil || try.Refused == "recipient":
			return refusedWords(try)
		}
	}
	if fault != nil || len(accepted) == 0 {
		return ""
	}
	return strings.Join(accepted, ", ") + " accepted so far"
}

func refusedWords(try SenderTry) string {
	who := try.From
	switch try.Refused {
	case "recipient":
		who = "recipient " + try.To
	case "unclear":
		who = try.From + " to " + try.To
	}
	word := "refused"
	if try.Reply.Code/100 == 4 {
		word = "put off"
	}
	return fmt.Sprintf("%s %s with %d", who, word, try.Reply.Code)
}

func skipSender(s Settings) SkipReason {
	if len(s.From) == 0 {
		return NotAsked
	}
	return ""
}

// senderStep asks for each From whether it may be sender: MAIL FROM, RCPT TO,
// RSET (RFC 5321 section 4.1.1). It goes on to RCPT TO always, since Postfix
// shows a refused sender only there. Nothing is ever sent.
func senderStep(ctx context.Context, l *lane) (Evidence, error) {
	e := &SenderEvidence{}
	utf8 := l.needsSMTPUTF8()
	if utf8 && !l.hello().offers("SMTPUTF8") {
		e.SMTPUTF8 = ptr(false)
		return e, &Fault{Kind: NotOffered, Text: "an address has characters outside ASCII and the server does not offer SMTPUTF8"}
	}
	e.SMTPUTF8 = ptr(utf8)
	var failure error
	for _, from := range l.settings().From {
		tries, err := l.trySender(ctx, e, from, false)
		e.Tries = append(e.Tries, tries...)
		refused := l.failing(e, tries)
		switch {
		case err != nil && refused != nil: // said no and hung up
			return e, refused
		case err != nil:
			return e, err
		case refused != nil && failure == nil:
			failure = refused
		}
	}
	if failure != nil && l.accountCouldDecide(e) {
		tries, err := l.trySender(ctx, e, l.settings().Account, true)
		if err == nil {
			e.Tries = append(e.Tries, tries...)
		}
	}
	return e, failure
}

// hello is the newest EHLO evidence of the lane.
func (l *lane) hello() *EHLOEvidence {
	if e, ok := l.seen[StepEHLOTLS].(*EHLOEvidence); ok {
		return e
	}
	e, _ := l.seen[StepEHLO].(*EHLOEvidence)
	return e
}

func (l *lane) needsSMTPUTF8() bool {
	s := l.settings()
	return slices.ContainsFunc(append(slices.Clone(s.From), s.To...), func(a string) bool { return !isASCII(a) })
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// accountCouldDecide: a sender other than the account was refused, and trying
// the account tells a wrong sender from a broken table of senders.
func (l *lane) accountCouldDecide(e *SenderEvidence) bool {
	account := l.settings().Account
	if !strings.Contains(account, "@") || !isASCII(account) {
		return false
	}
	return slices.ContainsFunc(e.Tries, func(t SenderTry) bool { return t.Refused == "sender" || t.Refused == "unclear" }) &&
		!slices.ContainsFunc(e.Tries, func(t SenderTry) bool { return t.account })
}

// trySender asks for one From and all its recipients.
func (l *lane) trySender(ctx context.Context, e *SenderEvidence, from string, account bool) ([]SenderTry, error) {
	asks := []wire.Ask{{Verb: "MAIL", Argument: "FROM:<" + from + ">" + l.mailParameters(e)}}
	recipients := l.settings().To
	if len(recipients) == 0 {
		recipients = []string{from}
	}
	for _, to := range recipients {
		asks = append(asks, wire.Ask{Verb: "RCPT", Argument: "TO:<" + to + ">"})
	}
	asks = append(asks, wire.Ask{Verb: "RSET"})
	replies, err := l.inFlight(ctx, asks)
	return l.readTries(replies, from, recipients, account), err
}

func (l *lane) mailParameters(e *SenderEvidence) string {
	if e.SMTPUTF8 != nil && *e.SMTPUTF8 {
		return " SMTPUTF8"
	}
	return ""
}

// inFlight sends the commands at once where PIPELINING is offered, else one
// by one; then nothing is asked that a refusal has made pointless.
func (l *lane) inFlight(ctx context.Context, asks []wire.Ask) ([]wire.Reply, error) {
	if l.hello().offers("PIPELINING") {
		return l.conn.Flight(ctx, asks...)
	}
	var replies []wire.Reply
	for i, a := range asks {
		if i > 0 && i < len(asks)-1 && !replies[0].IsPositive() {
			replies = append(replies, replies[0]) // no RCPT after a refused MAIL
			continue
		}
		r, err := l.conn.Command(ctx, a.Verb, a.Argument)
		if err != nil {
			return replies, err
		}
		replies = append(replies, r)
	}
	return replies, nil
}

// readTries turns the replies to MAIL, RCPT… into tries; fewer replies than
// commands mean that the connection was lost on the way.
func (l *lane) readTries(replies []wire.Reply, from string, recipients []string, account bool) []SenderTry {
	var tries []SenderTry
	if len(replies) == 0 {
		return nil
	}
	mail := replies[0]
	for i, to := range recipients {
		try := SenderTry{From: l.run.redactor.Text(from), To: l.run.redactor.Text(to), AccountItself: account,
			Reply: shownReply(&mail), verb: "MAIL", account: strings.EqualFold(from, l.settings().Account)}
		switch {
		case !mail.IsPositive():
			try.Refused = Maybe(whoIsRefused("MAIL", mail, from, to))
		case i+1 >= len(replies):
			return tries
		default:
			rcpt := replies[i+1]
			try.verb, try.Reply = "RCPT", shownReply(&rcpt)
			if !rcpt.IsPositive() {
				try.Refused = Maybe(whoIsRefused("RCPT", rcpt, from, to))
			}
		}
		tries = append(tries, try)
	}
	return tries
}

// failing gives the refusal that fails the step: of a sender, or of a
// recipient that was asked for. A default recipient, often a no-reply address,
// that is refused as a recipient says nothing against the settings.
func (l *lane) failing(e *SenderEvidence, tries []SenderTry) error {
	for _, try := range tries {
		if try.Refused == "" || try.Refused == "recipient" && len(l.settings().To) == 0 || leftToMessage(l.settings(), e, try) {
			continue
		}
		return &refusal{wire.Reply{Code: try.Reply.Code, Enhanced: string(try.Reply.Enhanced), Lines: try.Reply.Lines}}
	}
	return nil
}

// leftToMessage: where a message follows and another recipient is accepted,
// the step message gives a result for each.
func leftToMessage(s *Settings, e *SenderEvidence, refused SenderTry) bool {
	return s.Message != nil && refused.Refused == "recipient" &&
		slices.ContainsFunc(e.Tries, func(t SenderTry) bool { return t.From == refused.From && t.Refused == "" })
}

// Words by which servers say whom they refuse; the verb does not tell, since
// Postfix and others put every refusal off until RCPT.
var (
	saysSender    = regexp.MustCompile(`(?i)sender|return.?path|\bfrom(:|\s*<|\s+(address|domain|field|header)|\s+[^\s<>]+@)|\bthis from\b|send as|not owned|envelope|absender|exp[ée]diteur|remitente|mittente`)
	saysRecipient = regexp.MustCompile(`(?i)recipient|user unknown|unknown user|no such (user|person|mailbox|address)|mailbox (unavailable|not found|full)|unknown (address|mailbox)|` +
		`does not exist|doesn't exist|unrouteable|unroutable|invalid mailbox|no mailbox here|over quota|destinataire|empf[äa]nger|destinatario`)
	saysRelay = regexp.MustCompile(`(?i)relay`)
	saysLogin = regexp.MustCompile(`(?i)auth(entication|enticate|enticated|orization)? (is )?required|must (first )?(log ?in|authenticate|issue a starttls)|not (logged in|authenticated)|log ?in first`)
)

// WhoIsRefused reads from enhanced code (RFC 3463 sections 3.2 and 3.8) and
// text whether the answer to verb (MAIL, RCPT) refuses the sender or the
// recipient, or whether that is unclear. Addresses that are not known are "".
func WhoIsRefused(verb string, code int, enhanced, text, from, to string) string {
	switch {
	case saysLogin.MatchString(text), saysRelay.MatchString(text), code == 530:
		return "unclear"
	}
	switch subject(enhanced) {
	case "1.7", "1.8", "7.60", "7.509":
		return "sender"
	case "1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "2.2":
		if verb == "RCPT" && !saysSenderOnly(text) {
			return "recipient"
		}
	}
	sender, recipient := saysSender.MatchString(text), saysRecipient.MatchString(text)
	sender = sender || from != to && contains(text, from) && !contains(text, to)
	recipient = recipient || from != to && contains(text, to) && !contains(text, from)
	switch {
	case sender && !recipient:
		return "sender"
	case recipient && !sender && verb == "RCPT":
		return "recipient"
	case verb == "MAIL":
		return "sender"
	case startsWithRecipient(text):
		return "recipient"
	case sender:
		return "sender"
	case code == 450 || code == 451:
		return "recipient"
	}
	return "unclear"
}

func whoIsRefused(verb string, r wire.Reply, from, to string) string {
	return WhoIsRefused(verb, r.Code, r.Enhanced, r.Text(), from, to)
}

// startsWithRecipient: Postfix names what it refuses behind the address.
func startsWithRecipient(text string) bool {
	return strings.Contains(strings.ToLower(text), "recipient address rejected")
}

func saysSenderOnly(text string) bool {
	return saysSender.MatchString(text) && !saysRecipient.MatchString(text)
}

func contains(text, address string) bool {
	return address != "" && strings.Contains(strings.ToLower(text), strings.ToLower(address))
}

// subject is an enhanced code without its class.
func subject(enhanced string) string {
	_, rest, _ := strings.Cut(enhanced, ".")
	return rest
}

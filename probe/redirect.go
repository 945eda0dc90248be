package probe

import (
	"context"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// Redirect says that the message goes to an address that redirects, and how
// what comes of it is judged. Follow names the mailbox to which it redirects.
type Redirect struct {
	Via     string // the address, which is the message's only recipient
	Profile string // the sender's, "" when it has no name
	Bounces *Inbox // the sender's mailbox, where a report comes when it does not arrive; nil: nobody looks

	// Advice gives the provider's words on how to redirect so that the sender
	// survives, known by the address and its servers; nil or "": nobody knows.
	Advice func(via string, servers []string) string
}

// RedirectEvidence is how a message came that was sent through an address that
// redirects: the fields of an inspection, and what came in its place.
type RedirectEvidence struct {
	Inspection

	Copies       *int            `json:"copies"`        // how often it arrived
	Bounce       *DeliveryNotice `json:"bounce"`        // a delivery status (RFC 3464) about it
	ReplyToKept  *bool           `json:"reply_to_kept"` // null: none was asked for
	AbsenceReply bool            `json:"absence_reply"` // an automatic answer came to the sender

	Code     int    `json:"-"` // of the bounce, for the rules
	Enhanced string `json:"-"`
	Text     string `json:"-"`
}

// DeliveryNotice is what a server reports about a recipient (RFC 3464 section 2.3).
type DeliveryNotice struct {
	Recipient  Maybe `json:"recipient"`
	Action     Maybe `json:"action"` // failed, delayed, ...
	Status     Maybe `json:"status"` // "5.7.520"
	Diagnostic Maybe `json:"diagnostic"`
	By         Maybe `json:"by"`     // who reports
	Remote     Maybe `json:"remote"` // who refused
}

// RedirectJudge says how a message came; the Mailbox that followed it can be one.
type RedirectJudge interface {
	Redirected(s Settings, sent *MessageEvidence, arrived *DeliveryEvidence) *RedirectEvidence
}

func (*RedirectEvidence) isEvidence() {}

func (e *RedirectEvidence) summary(fault *Fault) string {
	switch {
	case e.Bounce != nil && fault != nil:
		return "came back: " + string(e.Bounce.Diagnostic)
	case fault != nil && fault.Kind == SenderLost:
		return "arrived as " + string(e.How) + ", without its sender"
	case fault == nil && e.How != "":
		return "arrived as " + string(e.How) + ", sender in " + string(e.SenderField)
	}
	return ""
}

// redirectStep judges the message that the step before has found, or has not.
func redirectStep(_ context.Context, l *lane) (Evidence, error) {
	sent, _ := l.seen[StepMessage].(*MessageEvidence)
	arrived, _ := l.seen[StepDelivery].(*DeliveryEvidence)
	judge, can := l.run.prober.Mailbox.(RedirectJudge)
	if sent == nil || arrived == nil || !can {
		return nil, policy("there is nobody who judges the message")
	}
	e := judge.Redirected(*l.settings(), sent, arrived)
	switch {
	case e.Bounce != nil && arrived.Folder == "":
		return e, &Fault{Kind: NotArrived, Text: string(e.Bounce.Diagnostic)}
	case arrived.Folder == "":
		return e, &Fault{Kind: NotArrived, Text: arrived.Words["not_arrived"]}
	case e.SenderKept != nil && !*e.SenderKept:
		return e, &Fault{Kind: SenderLost, Text: "the message arrived without its sender: " + e.Rule.Text}
	}
	return e, nil
}

func redirectFacts(f *cause.Facts, s *Settings, e *RedirectEvidence) {
	f.Seen.Add(e.Saw...)
	for word, value := range e.Words {
		f.Values[word] = value
	}
	if e.Bounce != nil {
		f.Code, f.Enhanced, f.Text = e.Code, e.Enhanced, e.Text
	}
	if s.Redirect != nil {
		f.To = s.Redirect.Via
	}
}

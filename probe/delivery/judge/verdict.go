package judge

import (
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// verdict is what a rule says of how a message came.
type verdict struct {
	how        probe.How
	confidence cause.Confidence
	kept       *bool  // nil: cannot be told
	original   string // the original sender, "" when it does not show
	field      string // the field in which it stands, for programs that read headers
	rule, text string
	fields     []string
	decides    []decide
}

// decide is what would decide where the message does not.
type decide struct{ text, command string }

func yes() *bool {
	is := true
	return &is
}

func no() *bool {
	is := false
	return &is
}

// rule looks at a message and says how it came, or nothing.
type rule func(*way) *verdict

// rules are asked in this order; the first that says something counts.
func rules() []rule {
	return []rule{
		noSender,
		bounced,
		absenceReply,
		rewrittenBySign,
		resent,
		srsKept,
		asAttachment,
		asNewMessage,
		formMail,
		rewrittenByMailbox,
		otherThanTheSender,
		throughList,
		envelopeRewritten,
		throughMailboxes,
		throughServers,
		straight,
	}
}

// judge gives the verdict of the first rule that fits.
func judge(w *way) verdict {
	if v := firstOfRules(w, rules()...); v != nil {
		return *v
	}
	return undetermined(w)
}

func firstOfRules(w *way, all ...rule) *verdict {
	for _, r := range all {
		if v := r(w); v != nil {
			return v
		}
	}
	return nil
}

package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// onlyStep is the result of a step that appears once, nil where it has none.
func onlyStep(r *probe.Result, id probe.StepID) *probe.StepResult {
	for i := range r.Steps {
		if r.Steps[i].ID == id {
			return &r.Steps[i]
		}
	}
	return nil
}

// isEnvelope tells whether a reply answered a command with an address, which
// belongs to the reply then.
func isEnvelope(step *probe.StepResult, command string) bool {
	return step.ID == probe.StepSender || step.ID == probe.StepMessage && (strings.HasPrefix(command, "MAIL ") || strings.HasPrefix(command, "RCPT "))
}

// sent tells what became of the test message, for each recipient.
func (t *text) sent(r *probe.Result, step *probe.StepResult) *section {
	if step == nil {
		return nil
	}
	e, ok := step.Evidence.(*probe.MessageEvidence)
	if !ok || !mayArrive(e) {
		return nil
	}
	if found := onlyStep(r, probe.StepDelivery); found != nil && found.Status != probe.Skip && found.Status != probe.Fail && len(e.Recipients) == 1 {
		return nil // that it arrived says more
	}
	var lines []string
	for _, r := range e.Recipients {
		lines = append(lines, "to "+r.Address+": "+recipientWords(r))
	}
	facts := "token " + string(e.Token)
	if e.QueueID != "" {
		facts += ", in the server's log " + string(e.QueueID)
	}
	if e.DSN != nil && !*e.DSN {
		facts += "; the server offers no delivery status (DSN)"
	}
	return t.section("Sent", 2, append(lines, facts)...)
}

// sentBefore is what became of the message where the finding is about it, or
// about its way into the mailbox.
func (t *text) sentBefore(r *probe.Result, step *probe.StepResult) *section {
	if step == nil || step.ID != probe.StepMessage && (step.ID != probe.StepDelivery || step.Status != probe.Fail) {
		return nil
	}
	return t.sent(r, onlyStep(r, probe.StepMessage))
}

// mayArrive: for somebody the server has taken the message, or may have.
func mayArrive(e *probe.MessageEvidence) bool {
	return slices.ContainsFunc(e.Recipients, func(r probe.Recipient) bool {
		return r.Status == probe.RecipientAccepted || r.Status == probe.RecipientUnknown
	})
}

func recipientWords(r probe.Recipient) string {
	switch {
	case r.Status == probe.RecipientAccepted:
		return "taken by the server"
	case r.Status == probe.RecipientUnknown:
		return "not known, no reply came"
	case r.Status == probe.RecipientDeferred && r.Reply == nil:
		return "not sent"
	case r.Reply == nil:
		return r.Status
	case r.Status == probe.RecipientDeferred:
		return fmt.Sprintf("put off for now with %d", r.Reply.Code)
	}
	return fmt.Sprintf("%s with %d", r.Status, r.Reply.Code)
}

// messageItems are what a handover says of the test message and its way; none
// where nothing was sent.
func messageItems(r *probe.Result) []item {
	step := onlyStep(r, probe.StepMessage)
	if step == nil || step.Status == probe.Skip {
		return nil
	}
	e, ok := step.Evidence.(*probe.MessageEvidence)
	if !ok || e.Token == "" {
		return nil
	}
	var items []item
	add := func(format string, args ...any) { items = append(items, item{words: says(format, args...)}) }
	add("From %s, Message-ID %s", e.From, e.MessageID)
	for _, to := range e.Recipients {
		add("To %s: %s", to.Address, recipientWords(to))
	}
	if e.QueueID != "" {
		add("The server's own name of it: %s", e.QueueID)
	}
	items = append(items, item{words: append(says("To be found by the word "), asCode(string(e.Token)))})
	return append(items, arrivalItems(r)...)
}

func arrivalItems(r *probe.Result) []item {
	step := onlyStep(r, probe.StepDelivery)
	if step == nil {
		return nil
	}
	e, ok := step.Evidence.(*probe.DeliveryEvidence)
	if !ok || e.Folder == "" {
		return nil
	}
	items := []item{{words: says("Arrived %s", arrivedWords(e))}}
	if way := wayWords(e.Hops); way != "" {
		items = append(items, item{words: says("Way: %s", way)})
	}
	for _, change := range e.Changed {
		items = append(items, item{words: says("Changed: %s", change)})
	}
	for _, line := range proofLines(e, domainOf(r)) {
		items = append(items, item{words: says("Proof of the sender: %s", line)})
	}
	return items
}

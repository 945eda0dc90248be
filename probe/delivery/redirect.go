package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/judge"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// errCameBack ends the waiting: a report says that the message will not come.
var errCameBack = errors.New("a delivery status says that the message failed")

// followRedirect looks for the message in the mailbox to which it redirects,
// and meanwhile for a report about it in the sender's mailbox. That it did not
// arrive is no fault of this step: the next one judges it.
func (m Mailbox) followRedirect(ctx context.Context, s probe.Settings, sent *probe.MessageEvidence, w probe.Watch) (*probe.DeliveryEvidence, error) {
	watching, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	answers := startAnswers(ctx, s, sent, w, func() { stop(errCameBack) })
	e, err := m.follow(watching, s, sent, w)
	answers.end()
	e.Answers = answers.raw
	var fault *probe.Fault
	returned := errors.Is(err, context.Canceled) && errors.Is(context.Cause(watching), errCameBack)
	switch {
	case returned:
		err = nil
		e.Words["not_arrived"] = "it came back to the sender"
	case errors.As(err, &fault) && fault.Kind == probe.NotArrived:
		err = nil
		e.Words["not_arrived"] = fault.Text
		if answers.failed != "" {
			e.Words["not_arrived"] += "; the sender's mailbox could not be read: " + answers.failed
		}
	}
	e.Saw = slices.DeleteFunc(e.Saw, func(o cause.Observation) bool { return !concernsMailbox(o) })
	return e, err
}

// concernsMailbox: what the way has changed is for the step redirect to judge.
func concernsMailbox(o cause.Observation) bool {
	return slices.Contains([]cause.Observation{cause.IMAPCertificateBad, cause.IMAPRefused, cause.ArrivedInJunk, cause.ArrivedLate, cause.DeleteFailed}, o) ||
		strings.HasPrefix(string(o), "imap-")
}

// answers are what comes to the sender's mailbox about the message.
type answers struct {
	raw    [][]byte
	failed string // why the mailbox could not be read
	finish chan struct{}
	ended  chan struct{}
}

// mostAnswers is how many are kept.
const mostAnswers = 10

// startAnswers looks for reports until end is called, and calls failed once
// one says that the message failed. Without such a mailbox there is none.
func startAnswers(ctx context.Context, s probe.Settings, sent *probe.MessageEvidence, w probe.Watch, failed func()) *answers {
	a := &answers{finish: make(chan struct{}), ended: make(chan struct{})}
	if s.Redirect.Bounces == nil {
		close(a.ended)
		return a
	}
	go func() { // ends with end, or with ctx
		defer close(a.ended)
		if err := a.watch(ctx, s, sent, w, failed); err != nil && ctx.Err() == nil {
			a.failed = shown(w, err.Error())
		}
	}()
	return a
}

// end has one last look taken, and waits for it.
func (a *answers) end() {
	close(a.finish)
	<-a.ended
}

func (a *answers) watch(ctx context.Context, s probe.Settings, sent *probe.MessageEvidence, w probe.Watch, failed func()) error {
	session, err := Open(ctx, s, *s.Redirect.Bounces, w)
	if err != nil {
		return err
	}
	defer session.Close()
	wanted := Wanted{Token: string(sent.Token), Since: time.Now()}
	if sent.SentAt != nil {
		wanted.Since = *sent.SentAt
	}
	seen := map[string]bool{}
	for round, last := 0, false; ; round++ {
		found, err := session.lookForAll(ctx, wanted, seen)
		if err != nil {
			return err
		}
		for _, raw := range found {
			if len(a.raw) < mostAnswers {
				a.raw = append(a.raw, raw)
			}
			if hasFailed(raw) {
				failed()
				return nil
			}
		}
		if last {
			return nil
		}
		timer := time.NewTimer(interval(round, false))
		select {
		case <-a.finish:
			last = true
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// lookForAll reads every message with the token that was not seen before.
func (c *Session) lookForAll(ctx context.Context, w Wanted, seen map[string]bool) ([][]byte, error) {
	var all [][]byte
	for _, f := range slices.Clone(c.folders) {
		data, err := c.examine(f)
		if err != nil {
			return nil, ended(ctx, err)
		}
		uids, err := c.search(w, true)
		if err != nil {
			return nil, ended(ctx, err)
		}
		for _, uid := range uids[max(0, len(uids)-mostAnswers):] {
			key := fmt.Sprint(f.name, data.UIDValidity, uid)
			if seen[key] {
				continue
			}
			seen[key] = true
			a := &Arrived{name: f.name, uid: uid, validity: data.UIDValidity}
			if err := c.fetch(a); err != nil {
				return nil, ended(ctx, err)
			}
			all = append(all, a.Raw)
		}
	}
	return all, nil
}

// secondCopy is how long a second copy is waited for, which another rule may
// have sent on.
const secondCopy = 2 * time.Second

// again looks once more for a message that was found, for further copies of it.
func (c *Session) again(ctx context.Context, w Wanted, found *Arrived) *Arrived {
	if err := c.pause(ctx, secondCopy, c.caps.Has(imap.CapIdle)); err != nil {
		return found
	}
	more, _, err := c.look(ctx, w, true)
	if err != nil || more == nil {
		return found
	}
	more.SeenAt = found.SeenAt
	return more
}

func hasFailed(raw []byte) bool {
	_, status := failure(raw)
	return status != nil
}

// failure reads a delivery status that says that a recipient failed.
func failure(raw []byte) (*received.Message, *received.Status) {
	message, err := received.Read(bytes.NewReader(raw))
	if err != nil {
		return nil, nil
	}
	bounce := message.Bounce()
	if bounce == nil {
		return message, nil
	}
	for i, s := range bounce.Statuses {
		if s.Action == "failed" || s.Action == "" {
			return message, &bounce.Statuses[i]
		}
	}
	return message, nil
}

// Redirected judges the message as it arrived, or what came in its place.
func (Mailbox) Redirected(s probe.Settings, sent *probe.MessageEvidence, arrived *probe.DeliveryEvidence) *probe.RedirectEvidence {
	known := judge.Known{Via: []string{s.Redirect.Via}, Sender: string(sent.From), Advice: s.Redirect.Advice}
	if inbox := s.Follow.Inbox; inbox != nil && strings.Contains(inbox.Account, "@") {
		known.Target = inbox.Account
	}
	e := &probe.RedirectEvidence{Inspection: judge.Missing(known), Copies: arrived.Copies}
	readAnswers(e, arrived.Answers, known)
	if arrived.Folder != "" {
		judgeArrived(e, s, arrived, known)
	}
	if arrived.Copies != nil && *arrived.Copies > 1 {
		e.Saw = append(e.Saw, cause.CameTwice)
		e.Words["copies"] = strconv.Itoa(*arrived.Copies)
	}
	e.Findings, e.Next = nil, nil // those of the run say the same
	return e
}

// readAnswers reads what came to the sender: a report of failure, and whether
// the mailbox answered by itself.
func readAnswers(e *probe.RedirectEvidence, all [][]byte, known judge.Known) {
	for _, raw := range all {
		message, status := failure(raw)
		switch {
		case message == nil:
		case status != nil && e.Bounce == nil:
			e.Inspection = judge.Inspect(message, known)
			e.Bounce = &probe.DeliveryNotice{Recipient: status.Recipient, Action: status.Action, Status: status.Status,
				Diagnostic: status.Diagnostic, By: status.By, Remote: status.Remote}
			if e.Bounce.Diagnostic == "" {
				e.Bounce.Diagnostic = "a delivery status says that it failed"
			}
			e.Code, e.Enhanced, e.Text = judge.BounceReply(*status)
		case judge.Inspect(message, judge.Known{}).Rule.ID == "automatic-reply":
			e.AbsenceReply = true
		}
	}
}

// judgeArrived judges the message; a report about another copy of it stays told.
func judgeArrived(e *probe.RedirectEvidence, s probe.Settings, arrived *probe.DeliveryEvidence, known judge.Known) {
	message, err := received.Read(bytes.NewReader(arrived.Raw))
	if err != nil {
		e.Rule.Text = "the message as it arrived cannot be read: " + err.Error()
		return
	}
	e.Inspection = judge.Inspect(message, known)
	e.Code, e.Enhanced, e.Text = 0, "", ""
	if wanted := s.Message.ReplyTo; wanted != "" {
		kept := received.SameMailbox(string(arrived.ReplyTo), received.ParseHeader("Reply-To: "+wanted).Address("Reply-To").Address)
		e.ReplyToKept = &kept
	}
}

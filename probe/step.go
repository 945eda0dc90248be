package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// summarizer is evidence that can say itself in a few words.
type summarizer interface {
	summary(fault *Fault) string
}

// step runs one step on a lane and reports it. It alone sets statuses.
func (r *run) step(ctx context.Context, step Step, l *lane) Status {
	begin := time.Now()
	address := l.address()
	if step.Scope != PerLane {
		address = ""
	}
	r.emit(Event{Kind: EventStepStart, Start: &StepStart{ID: step.ID, Address: address, AtMs: r.since(begin)}})
	l.exchanges, l.reply = nil, nil
	if l.conn != nil {
		l.conn.ResetBudget()
	}
	limit, short, cancel := r.limit(ctx, step.ID)
	limit, cut := context.WithCancelCause(limit)
	end := r.watch(limit, step, l, cut)
	evidence, err := step.do(limit, l)
	end()
	err = silentIfCut(limit, err)
	cut(nil)
	cancel()
	if evidence == nil {
		evidence = EvidenceOf(step.ID)
	}
	l.seen[step.ID] = evidence
	res := StepResult{ID: step.ID, Address: address, StartedMs: ptr(r.since(begin)),
		DurationMs: ptr(Milliseconds(time.Since(begin))), Exchanges: l.exchanges, Evidence: evidence, Status: Pass}
	if l.id != 0 {
		res.Connection = ptr(l.id)
	}
	res.Reply = shownReply(l.decider(err))
	r.judge(ctx, &res, err, short)
	r.afterStep(step.ID, l, &res)
	r.emit(Event{Kind: EventStep, Step: &res})
	return res.Status
}

// silentIfCut names the end of a step that was cut what it is: silence.
func silentIfCut(limit context.Context, err error) error {
	var known *Fault
	if err == nil || errors.As(err, &known) || !errors.Is(context.Cause(limit), errCut) {
		return err
	}
	return context.DeadlineExceeded
}

// limit gives a step its time: its own, or what is left of the probe's, which
// then is what comes second.
func (r *run) limit(ctx context.Context, id StepID) (context.Context, *deadlineError, context.CancelFunc) {
	if id == StepMessage || id == StepDelivery || id == StepRedirect {
		limit, cancel := context.WithCancel(ctx) // they have limits for each of their parts
		return limit, nil, cancel
	}
	own := r.timeout(id)
	r.mu.Lock()
	left := time.Until(r.end)
	r.mu.Unlock()
	if left < own {
		short := &deadlineError{r.settings.deadline()}
		limit, cancel := context.WithTimeoutCause(ctx, max(left, 0), short)
		return limit, short, cancel
	}
	limit, cancel := context.WithTimeout(ctx, own)
	return limit, nil, cancel
}

func (r *run) timeout(id StepID) time.Duration {
	switch {
	case r.settings.Timeout > 0:
		return r.settings.Timeout
	case id == StepGreeting:
		return greetingTimeout
	}
	return stepTimeout
}

// seconds writes a duration as a person would.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%g s", d.Seconds())
}

// deadlineError tells that the probe's time is over, not the step's.
type deadlineError struct{ limit time.Duration }

func (e *deadlineError) Error() string {
	return fmt.Sprintf("the %s for the whole probe are over", seconds(e.limit))
}

// Is makes it the kind of timeout that it is.
func (e *deadlineError) Is(target error) bool { return target == context.DeadlineExceeded }

// judge sets status, fault and summary; rules may turn a pass into a warning.
// short is not nil where the probe's end cut the step's own time.
func (r *run) judge(ctx context.Context, res *StepResult, err error, short *deadlineError) {
	if ctx.Err() != nil && isTimeoutLike(err) {
		reason := &why{reason: skipReasonOf(ctx)}
		res.Status, res.SkipReason, res.Summary = Skip, Maybe(reason.reason), reason.String()
		return
	}
	if err != nil {
		res.Status = Fail
		fault := *faultOf(err)
		var own *Fault
		if fault.Kind == Timeout && !errors.As(err, &own) {
			fault.Text = silenceWords(res.DurationMs.Duration().Round(100*time.Millisecond), short)
		}
		fault.Text = r.shown(fault.Text)
		res.Fault = &fault
	}
	res.Summary = r.shown(summaryOf(res))
	if res.Status == Pass {
		r.question(res)
	}
}

func silenceWords(took time.Duration, short *deadlineError) string {
	if short != nil {
		return short.Error() + ", the last " + seconds(took) + " without an answer"
	}
	return "no answer within " + seconds(took)
}

// question lets the rules look at a step that passed: a warning makes it
// "warn". What only this computer can do fails the step when the settings are
// used elsewhere (used_by: cloud).
func (r *run) question(res *StepResult) {
	for _, found := range r.found(*res) {
		switch {
		case found.Severity == cause.Error && r.settings.UsedBy == "cloud":
			res.Status = Fail
			res.Fault = &Fault{Kind: cloudFault(res.ID), Text: r.shown(found.Title)}
			return
		case found.Severity != cause.Info:
			res.Status = Warn
		}
	}
}

func cloudFault(id StepID) FaultKind {
	if id == StepCertificate {
		return BadCertificate
	}
	return Unreachable
}

// isTimeoutLike: an ended context shows as a deadline or as a closed connection.
func isTimeoutLike(err error) bool {
	if err == nil {
		return false
	}
	var refused *refusal
	var standing *settled
	return !errors.As(err, &refused) && !errors.As(err, &standing)
}

func (r *run) shown(s string) string {
	return r.redactor.Text(secret.Clean(r.redactor.Text(s)))
}

func summaryOf(res *StepResult) string {
	if s, ok := res.Evidence.(summarizer); ok {
		if words := s.summary(res.Fault); words != "" {
			return words
		}
	}
	if res.Fault != nil {
		return res.Fault.Text
	}
	return "ok"
}

// found gives the causes of a step in the light of what the others saw so far.
func (r *run) found(res StepResult) []cause.Found {
	r.mu.Lock()
	soFar := r.result
	soFar.Steps = append(append(List[StepResult]{}, r.result.Steps...), res)
	r.mu.Unlock()
	var all []cause.Found
	for _, facts := range factsOf(&r.settings, &soFar, res) {
		all = append(all, r.base.Match(facts)...)
	}
	return all
}

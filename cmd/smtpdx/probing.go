package main

import (
	"context"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// calm is how long no event may come before a question is put: what happened
// before it is printed before it.
const calm = 30 * time.Millisecond

// probing is one run of the engine over one or more sets of settings.
type probing struct {
	process *process
	prober  probe.Prober
	command string // as the report shows it
	strict  bool
	out     *outputs
	mayAsk  bool
	token   getCredential                 // fetches the access token of a profile; nil: there is none to fetch
	next    func() probe.List[probe.Next] // in place of the engine's; nil: the engine's
}

// run probes one profile after the other and gives the exit code. It fails
// only where the output cannot be written.
func (r *probing) run(ctx context.Context, all []probe.Settings) (int, error) {
	started := time.Now()
	redactor := &secret.Redactor{}
	for _, s := range all {
		redactor.Learn(s.Password.Value.Reveal(), s.Token.Value.Reveal())
	}
	r.prober.Redactor = redactor
	r.prober.Refused = &probe.RefusedLogins{}
	r.prober.Vantage = vantage(r.process.getenv)
	begin := probe.RunBegin{Tool: tool(), Command: redactor.Text(r.command), StartedAt: started.UTC(), Profiles: len(all)}
	if err := r.out.Print(probe.Event{Kind: probe.EventRun, Schema: probe.EventSchema, Run: &begin}); err != nil {
		return exitFailed, err
	}
	ctx = probe.StartedAt(ctx, started)
	outcomes := make([]probe.Outcome, 0, len(all))
	for _, s := range all {
		outcome, err := r.one(ctx, s)
		if err != nil {
			return exitFailed, err
		}
		outcomes = append(outcomes, outcome)
	}
	end := probe.RunEnd{DurationMs: probe.Milliseconds(time.Since(started)), Verdict: worst(outcomes),
		ExitCode: codeOf(outcomes, r.strict), Vantage: joined(r.prober.Vantage, outcomes)}
	return end.ExitCode, r.out.Print(probe.Event{Kind: probe.EventEnd, End: &end})
}

// one probes one set of settings; printing and asking happen here, one after
// the other, so that neither writes into the other.
func (r *probing) one(ctx context.Context, s probe.Settings) (outcome probe.Outcome, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	questions := make(chan question)
	prober := r.prober
	if r.mayAsk {
		prober.AskPassword = func(ctx context.Context, s probe.Settings) (secret.Value, error) {
			return ask(ctx, questions, s, r.password)
		}
	}
	if r.token != nil {
		prober.FetchToken = func(ctx context.Context, s probe.Settings) (secret.Value, error) {
			return ask(ctx, questions, s, r.token)
		}
	}
	events := make(chan probe.Event)
	go func() { // ends with the probe, as the loop below takes every event
		defer close(events)
		for e := range prober.Run(ctx, s) {
			events <- e
		}
	}()
	take := func(e probe.Event) {
		if e.Result != nil {
			outcome = *e.Result
			if r.next != nil {
				outcome.Next = r.next()
				e.Result = &outcome
			}
		}
		if err == nil {
			if err = r.out.Print(e); err != nil {
				cancel()
			}
		}
	}
	for {
		select {
		case e, more := <-events:
			if !more {
				return outcome, err
			}
			take(e)
		case q := <-questions:
			takeUntilCalm(events, take)
			q.answers <- r.answer(ctx, q)
		}
	}
}

// takeUntilCalm takes the events that are on their way.
func takeUntilCalm(events <-chan probe.Event, take func(probe.Event)) {
	for {
		select {
		case e, more := <-events:
			if !more {
				return
			}
			take(e)
		case <-time.After(calm):
			return
		}
	}
}

// question is the engine's wish for a password or token.
type question struct {
	settings probe.Settings
	get      getCredential
	answers  chan answer
}

// getCredential gets a credential that is outstanding.
type getCredential func(ctx context.Context, s probe.Settings) (secret.Value, error)

type answer struct {
	value secret.Value
	err   error
}

// ask runs in the engine's goroutine and waits for the printing one.
func ask(ctx context.Context, questions chan<- question, s probe.Settings, get getCredential) (secret.Value, error) {
	q := question{settings: s, get: get, answers: make(chan answer, 1)}
	select {
	case questions <- q:
		a := <-q.answers
		return a.value, a.err
	case <-ctx.Done():
		return secret.Value{}, ctx.Err()
	}
}

// answer gets the credential while nothing else is printed.
func (r *probing) answer(ctx context.Context, q question) answer {
	if err := r.out.Pause(); err != nil {
		return answer{err: err}
	}
	value, err := q.get(ctx, q.settings)
	return answer{value, err}
}

// password asks the person.
func (r *probing) password(ctx context.Context, s probe.Settings) (secret.Value, error) {
	return r.process.ask.Hidden(ctx, "Password for "+secret.Clean(s.Account)+" at "+s.Host+": ")
}

// worst is the verdict of a run: fail before warn before pass.
func worst(outcomes []probe.Outcome) probe.Status {
	verdict := probe.Pass
	for _, o := range outcomes {
		switch {
		case o.Verdict == probe.Fail:
			return probe.Fail
		case o.Verdict == probe.Warn:
			verdict = probe.Warn
		}
	}
	return verdict
}

// joined fills the vantage with what the probes saw; the first that saw it says it.
func joined(v probe.Vantage, outcomes []probe.Outcome) probe.Vantage {
	for _, o := range outcomes {
		first(&v.LocalAddress, o.Vantage.LocalAddress)
		first(&v.SeenAs, o.Vantage.SeenAs)
		first(&v.Resolver, o.Vantage.Resolver)
		first(&v.Proxy, o.Vantage.Proxy)
	}
	return v
}

func first(to *probe.Maybe, value probe.Maybe) {
	if *to == "" {
		*to = value
	}
}

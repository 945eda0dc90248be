package probe

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of what is tried beside the settings.
const (
	silentAfter  = 2 * time.Second        // a step without a byte for so long is in trouble
	cutAfter     = 4 * time.Second        // and ends, when an alternative has passed
	othersLimit  = 3 * time.Second        // the verdict waits no longer for alternatives
	passedGrace  = 500 * time.Millisecond // nor, when one has passed, for the rest
	attemptLimit = 5 * time.Second        // for one alternative
	attemptDial  = 2500 * time.Millisecond
)

// errCut: the step was silent, and other settings work.
var errCut = errors.New("silent, while other settings work")

// Alternatives tries other settings when a connection does not come about.
// Package alternative does it.
type Alternatives interface {
	// Try probes what may work in place of t's settings and tells each that
	// has ended. It returns when all have, or soon after the end of ctx.
	Try(ctx context.Context, t Trouble, tell func(Attempt))
	// Conclude gives the settings to suggest in place of what the rules do
	// (nil: nothing), and a line for each thing tried that it does not say.
	Conclude(res *Result, rules *Suggestion, tried []Attempt) (*Suggestion, []string)
}

// Trouble is a step that failed, or says nothing.
type Trouble struct {
	Settings   Settings // without any credential
	WantsLogin bool     // the settings have an account
	Step       StepID
	Fault      FaultKind    // "" while the step is only silent
	DNS        *DNSEvidence // nil where a proxy resolves
	Suggested  *Suggestion  // of the rules; nil: none
	Tried      []Attempt    // before
	// Probe asks a server up to its last EHLO. No credential of s is used.
	Probe func(ctx context.Context, s Settings) Result
}

// Attempt is an alternative that was probed.
type Attempt struct {
	Settings SuggestedSettings
	Family   int    // 4 or 6 where that is what differs
	Passed   bool   // up to the last EHLO, with a login offered where one is wanted
	Text     string // what came, in words
	Why      string // what speaks for these settings, a whole clause, or ""
}

// others is what is tried beside the settings, in one run.
type others struct {
	turns turns

	mu       sync.Mutex // guards what follows
	lanes    int        // how many must be in trouble
	troubled map[*lane]bool
	closed   bool // nothing is started any more
	tried    []Attempt
	stop     context.CancelFunc // nil: not started
	done     chan struct{}      // closed when the attempts have ended
	passed   chan struct{}      // closed when one has passed
}

func newOthers(p *Prober) *others {
	if p.Alternatives == nil {
		return nil
	}
	return &others{lanes: 1, troubled: map[*lane]bool{}, done: make(chan struct{}), passed: make(chan struct{})}
}

// tell keeps an attempt that has ended.
func (o *others) tell(a Attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.hasPassed()
	o.tried = append(o.tried, a)
	if !before && o.hasPassed() {
		close(o.passed)
	}
}

// hasPassed: a look at the other address family helps nobody to settings.
func (o *others) hasPassed() bool {
	return slices.ContainsFunc(o.tried, func(a Attempt) bool { return a.Passed && a.Family == 0 })
}

// isConnecting tells steps whose failure other settings may cure.
func isConnecting(id StepID) bool {
	switch id {
	case StepDNS, StepTCP, StepGreeting, StepEHLO, StepSTARTTLS, StepTLS, StepCertificate, StepEHLOTLS:
		return true
	}
	return false
}

// watch looks after a step that says nothing; the caller ends it with the step.
func (r *run) watch(ctx context.Context, step Step, l *lane, cut context.CancelCauseFunc) (end func()) {
	if r.others == nil || step.Scope != PerLane || step.ID == StepCertificate {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.watchSilence(ctx, step, l, cut)
	}()
	return func() {
		stop()
		<-ended
	}
}

func (r *run) watchSilence(ctx context.Context, step Step, l *lane, cut context.CancelCauseFunc) {
	before := l.heard.Load()
	isSilent := func() bool { return l.heard.Load() == before }
	if !pause(ctx, silentAfter) || !isSilent() {
		return
	}
	r.inTrouble(ctx, step.ID, l, nil)
	if !pause(ctx, cutAfter-silentAfter) {
		return
	}
	select {
	case <-r.others.passed:
		if isSilent() {
			cut(errCut)
		}
	case <-ctx.Done():
	}
}

// pause waits; false: ctx has ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// afterStep notes how a step ended on a lane.
func (r *run) afterStep(step StepID, l *lane, res *StepResult) {
	switch {
	case r.others == nil || !isConnecting(step):
	case res.Status == Fail:
		r.inTrouble(r.parent, step, l, res)
	case l.failed == "":
		r.others.mu.Lock()
		delete(r.others.troubled, l)
		r.others.mu.Unlock()
	}
}

// inTrouble starts the alternatives when no lane is left that goes well.
// failed is nil while the step is silent only.
func (r *run) inTrouble(ctx context.Context, step StepID, l *lane, failed *StepResult) {
	o := r.others
	o.mu.Lock()
	o.troubled[l] = true
	begin := !o.closed && o.stop == nil && len(o.troubled) >= o.lanes && r.mayConnect() && ctx.Err() == nil
	var limit context.Context
	if begin {
		limit, o.stop = context.WithCancel(StartedAt(r.parent, r.started))
	}
	o.mu.Unlock()
	if !begin {
		return
	}
	trouble := r.troubleAt(step, l, failed)
	go func() { // ends with r.endOthers
		defer close(o.done)
		r.prober.Alternatives.Try(limit, trouble, o.tell)
	}()
}

// mayConnect: the user wants connections.
func (r *run) mayConnect() bool {
	until := r.settings.Until
	return until != StepSettings && until != StepDNS && r.settings.Refused == nil
}

func (r *run) troubleAt(step StepID, l *lane, failed *StepResult) Trouble {
	r.mu.Lock()
	res, dns := r.result, r.dns
	res.Steps = slices.Clone(res.Steps)
	r.mu.Unlock()
	t := Trouble{Settings: withoutCredentials(r.settings), WantsLogin: r.settings.Account != "", Step: step, DNS: dns, Probe: r.probeOther}
	if failed != nil {
		res.put(*failed)
		res.Address, res.FailedStep = l.address(), Maybe(step)
		t.Fault = failed.Fault.Kind
		if e, ok := failed.Evidence.(*DNSEvidence); ok {
			t.DNS = e
		}
		_, t.Suggested = Diagnose(r.base, &r.settings, &res)
	}
	return t
}

// withoutCredentials keeps of settings what a connection needs.
func withoutCredentials(s Settings) Settings {
	s.Account, s.Password, s.Token, s.OAuth, s.Auth = "", Credential{}, Credential{}, nil, ""
	s.From, s.To, s.ClientCert, s.AllowPlaintextAuth = nil, nil, nil, false
	s.Cleaned, s.Remarks, s.Refused, s.Provider = nil, nil, nil, nil
	s.UsedBy = "here"
	s.Message, s.Follow = nil, nil // an inbox has a password of its own
	return s
}

// probeOther is a run of its own for one alternative, which shares with this
// one the world, what must not be shown, the turns and the transcript.
func (r *run) probeOther(ctx context.Context, s Settings) Result {
	s = withoutCredentials(s)
	s.Until = StepEHLOTLS
	if s.Encryption != STARTTLS {
		s.Until = StepEHLO
	}
	s.Deadline = min(s.deadline(), attemptLimit)
	outside := r.prober.Net
	outside.Dial = r.others.dial(r.prober.Net.dial, s)
	p := &Prober{Net: outside, Base: r.base, Redactor: r.redactor, Transcript: r.prober.Transcript}
	var report Report
	numbers := map[int]int{}
	for e := range p.Run(ctx, s) {
		report.Add(e)
		if e.Line != nil {
			r.emitOther(*e.Line, numbers)
		}
	}
	if len(report.Results) == 0 {
		return Result{Interrupted: true}
	}
	return report.Results[0]
}

// emitOther hands on a line of an alternative's transcript, its connection
// numbered as one of this run.
func (r *run) emitOther(line TranscriptLine, numbers map[int]int) {
	if numbers[line.Connection] == 0 {
		numbers[line.Connection] = r.nextConnection()
	}
	line.Connection, line.Purpose = numbers[line.Connection], "alternative"
	r.emit(Event{Kind: EventTranscript, Line: &line})
}

// dial waits for a turn before it connects; look-ups take none.
func (o *others) dial(dial func(context.Context, string, string) (net.Conn, error), s Settings) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ip, port, err := net.SplitHostPort(address)
		if err != nil || !strings.HasPrefix(network, "tcp") || port != itoa(s.Port) && s.Proxy == "" {
			return dial(ctx, network, address)
		}
		leave, err := o.turns.wait(ctx, ip, s.Host)
		if err != nil {
			return nil, err
		}
		limit, cancel := context.WithTimeout(ctx, attemptDial)
		defer cancel()
		nc, err := dial(limit, network, address)
		if err != nil {
			leave()
			return nil, err
		}
		return &tap{Conn: nc, leave: leave}, nil
	}
}

// goesWell ends what is tried: the settings themselves work.
func (r *run) goesWell() {
	if r.others == nil {
		return
	}
	r.endOthers()
	r.others.mu.Lock()
	defer r.others.mu.Unlock()
	r.others.tried = nil
}

// endOthers stops the attempts and waits until they have ended.
func (r *run) endOthers() {
	o := r.others
	o.mu.Lock()
	o.closed = true
	stop := o.stop
	o.mu.Unlock()
	if stop == nil {
		return
	}
	stop()
	<-o.done
}

// awaitOthers waits for the attempts until ctx ends, and when one has passed
// only a little for the rest.
func (r *run) awaitOthers(ctx context.Context) {
	o := r.others
	o.mu.Lock()
	started := o.stop != nil
	o.mu.Unlock()
	if !started {
		return
	}
	select {
	case <-o.done:
	case <-ctx.Done():
	case <-o.passed:
		grace, cancel := context.WithTimeout(ctx, passedGrace)
		defer cancel()
		select {
		case <-o.done:
		case <-grace.Done():
		}
	}
}

// withTried replaces what the rules suggest by what was seen to work, and adds
// to the first finding what was tried.
func (r *run) withTried(ctx context.Context, res *Result, findings []Finding, rules *Suggestion) *Suggestion {
	o := r.others
	if o == nil {
		if res.FailedStep == "" {
			return nil // settings that work are not doubted on a guess
		}
		return rules
	}
	if res.FailedStep == "" && (rules == nil || res.Interrupted) {
		r.endOthers() // an interrupted run may have begun to try
		return nil
	}
	limit, cancel := context.WithTimeout(StartedAt(ctx, r.started), othersLimit)
	defer cancel()
	failed := isConnecting(StepID(res.FailedStep))
	if failed {
		r.awaitOthers(limit)
	}
	r.endOthers()
	if res.FailedStep == "" {
		return r.better(limit, res, rules)
	}
	if o.stop == nil || !failed {
		return rules
	}
	r.trySuggested(limit, res, rules)
	suggestion, lines := r.prober.Alternatives.Conclude(res, rules, o.tried)
	if len(findings) > 0 {
		findings[0].Fix = withoutVain(findings[0].Fix, res, o.tried)
		for _, line := range lines {
			findings[0].Evidence = append(findings[0].Evidence, FindingEvidence{Step: res.FailedStep, Text: triedWord + r.shown(line)})
		}
	}
	return suggestion
}

// better gives other settings where those that were asked for work in a
// questionable way, if they were seen to work.
func (r *run) better(ctx context.Context, res *Result, rules *Suggestion) *Suggestion {
	if !r.mayConnect() {
		return nil
	}
	r.trySuggested(ctx, res, rules)
	suggestion, _ := r.prober.Alternatives.Conclude(res, rules, r.others.tried)
	if suggestion == nil || !suggestion.Verified {
		return nil
	}
	return suggestion
}

// withoutVain leaves out the advice to take another port that was tried and
// does not work, unless nothing else would be left.
func withoutVain(all List[Fix], res *Result, tried []Attempt) List[Fix] {
	isVain := func(f Fix) bool {
		return f.Setting == "port" && slices.ContainsFunc(tried, func(a Attempt) bool {
			return !a.Passed && a.Family == 0 && string(f.To) == itoa(a.Settings.Port) && a.Settings.Host == string(res.Settings.Host)
		})
	}
	kept := slices.DeleteFunc(slices.Clone(all), isVain)
	if len(kept) == 0 {
		return all
	}
	return kept
}

// trySuggested probes what the rules suggest now, with all that is known, and
// was not tried before: the name in a certificate, once the aliases are known.
func (r *run) trySuggested(ctx context.Context, res *Result, rules *Suggestion) {
	o := r.others
	if rules == nil || ctx.Err() != nil || slices.ContainsFunc(o.tried, func(a Attempt) bool { return a.Family == 0 && a.Settings.sameServer(rules.Settings) }) {
		return
	}
	r.prober.Alternatives.Try(ctx, Trouble{Settings: withoutCredentials(r.settings), WantsLogin: r.settings.Account != "",
		Step: StepID(res.FailedStep), Suggested: rules, Tried: o.tried, Probe: r.probeOther}, o.tell)
}

// sameServer compares host, port and encryption.
func (s SuggestedSettings) sameServer(other SuggestedSettings) bool {
	return strings.EqualFold(s.Host, other.Host) && s.Port == other.Port && s.Encryption == other.Encryption
}

// triedWord begins the evidence that comes from an alternative.
const triedWord = "tried without the password: "

// Tried gives what an alternative came to, where the evidence is of one.
func (e FindingEvidence) Tried() (words string, ok bool) { return strings.CutPrefix(e.Text, triedWord) }

// Connections at once, at most.
const (
	perAddress = 2
	perHost    = 8
)

// turns counts the connections of a run by address and by host, so that no
// server is crowded. The zero value counts from nothing.
type turns struct {
	mu    sync.Mutex
	open  map[string]int
	freed chan struct{} // closed at the next end of a connection
}

// enter takes a turn without waiting: the lane's own connection, which comes first.
func (t *turns) enter(ip, host string) (leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.take(ip, host)
}

func (t *turns) take(ip, host string) (leave func()) {
	if t.open == nil {
		t.open, t.freed = map[string]int{}, make(chan struct{})
	}
	address, name := "address "+ip, "host "+strings.ToLower(host)
	t.open[address]++
	t.open[name]++
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.open[address]--
		t.open[name]--
		close(t.freed)
		t.freed = make(chan struct{})
	})
}

// wait takes a turn as soon as there is one.
func (t *turns) wait(ctx context.Context, ip, host string) (leave func(), err error) {
	for {
		t.mu.Lock()
		if t.open["address "+ip] < perAddress && t.open["host "+strings.ToLower(host)] < perHost {
			leave = t.take(ip, host)
			t.mu.Unlock()
			return leave, nil
		}
		freed := t.freed
		t.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

package probe

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/wire"
)

// Limits on time; contract of the command line.
const (
	stepTimeout     = 10 * time.Second
	greetingTimeout = 30 * time.Second
	othersGrace     = 500 * time.Millisecond // for the other lanes when the main lane is done
	farewellTimeout = 500 * time.Millisecond // for the reply to QUIT
)

// Why a context ended, other than time.
var (
	errGivenUp     = errors.New("given up: the main address is done")
	errInterrupted = errors.New("interrupted")
)

// Prober probes settings. The zero value works on the real network with the
// built-in knowledge base and cannot ask anybody for a password.
type Prober struct {
	Net  Net
	Base *cause.Base
	// AskPassword asks a person for the account's password when the auth step
	// is reached; no step-start of auth was sent yet.
	AskPassword func(ctx context.Context, s Settings) (secret.Value, error)
	// FetchToken gets the access token that the settings' OAuth asks for, when
	// the auth step is reached; its errors hold no secret.
	FetchToken func(ctx context.Context, s Settings) (secret.Value, error)
	// JudgeToken says what speaks against a token before it is sent; nil judges none.
	JudgeToken func(token secret.Value, s Settings) []TokenProblem
	// ProviderOf knows the provider of a server by its name; nil knows none.
	ProviderOf func(host string) *Provider
	// Alternatives tries other settings, without credentials, when a connection
	// does not come about; nil tries none.
	Alternatives Alternatives
	// LookUpSender looks up what the DNS says of who may send for a domain,
	// beside the message; nil looks nothing up.
	LookUpSender func(ctx context.Context, s Settings, domain string) *SenderDomain
	// Mailbox follows the message into a mailbox; nil follows none.
	Mailbox Mailbox
	// Transcript asks for transcript events.
	Transcript bool
	// Refused remembers, over several profiles, what was refused already, so
	// that no account is locked by asking twice; nil remembers nothing.
	Refused *RefusedLogins
	// Redactor is shared by callers who print what the engine did not see; nil: an own one.
	Redactor *secret.Redactor
	// Vantage is what the caller knows of this computer.
	Vantage Vantage
}

// run is one probe under way.
type run struct {
	prober   *Prober
	base     *cause.Base
	redactor *secret.Redactor
	settings Settings
	plan     []Step
	started  time.Time // of the probe: what started_ms counts from
	parent   context.Context

	mu      sync.Mutex // guards everything below
	result  Result
	events  chan Event
	end     time.Time // when the probe's deadline is over
	count   int       // connections opened
	leaving sync.WaitGroup
	dns     *DNSEvidence
	seenAs  string
	early   []Event       // transcript lines from before the plan
	stopped chan struct{} // closed when nobody listens any more

	chosen chan struct{} // closed when main is set
	main   *lane
	others *others // nil: no alternatives are tried
}

// Run probes one set of settings and yields what happens, from plan to result.
// Ending the loop early, or ending ctx, ends the probe. Times in the events
// count from the call, or from ctx's StartedAt.
func (p *Prober) Run(ctx context.Context, s Settings) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		r := newRun(ctx, p, s)
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		go func() {
			defer close(r.events)
			r.probe(ctx)
		}()
		stopped := false
		for e := range r.events {
			if !stopped && !yield(e) {
				stopped = true
				close(r.stopped)
				cancel(errInterrupted)
			}
		}
	}
}

type startKey struct{}

// StartedAt fixes the moment from which the times of a run's events count, so
// that several profiles of one run share a clock.
func StartedAt(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, startKey{}, t)
}

func newRun(ctx context.Context, p *Prober, s Settings) *run {
	r := &run{prober: p, base: p.Base, redactor: p.Redactor, settings: s, parent: ctx, started: time.Now(),
		events: make(chan Event, 32), stopped: make(chan struct{}), chosen: make(chan struct{}), others: newOthers(p)}
	if t, ok := ctx.Value(startKey{}).(time.Time); ok {
		r.started = t
	}
	if r.base == nil {
		r.base = cause.Builtin()
	}
	if r.redactor == nil {
		r.redactor = &secret.Redactor{}
	}
	r.learn(s.Password.Value)
	r.learn(s.Token.Value)
	if s.Follow != nil && s.Follow.Inbox != nil {
		r.learn(s.Follow.Inbox.Password.Value)
		r.learn(s.Follow.Inbox.Token.Value)
	}
	if isKey(s.Account) {
		r.redactor.Learn(s.Account)
	}
	r.end = time.Now().Add(s.deadline())
	return r
}

// isKey knows accounts that are API keys and so secrets themselves: long, no
// address, letters mixed with digits (Amazon SES, Mailjet, Postmark, ...).
func isKey(account string) bool {
	return len(account) >= 16 && !strings.ContainsAny(account, "@ .") && strings.ContainsAny(account, "0123456789") &&
		strings.ContainsFunc(account, unicode.IsLetter)
}

// learn teaches the redactor a credential; an account that is the same word
// is hidden with it.
func (r *run) learn(v secret.Value) {
	if !v.IsSet() || v.Reveal() == "" {
		return
	}
	r.redactor.Learn(v.Reveal())
}

// probe is the whole of it: once-only steps, lanes, account steps, verdict.
func (r *run) probe(ctx context.Context) {
	if r.settings.Refused != nil {
		r.refuse()
		return
	}
	if r.settings.Until != StepSettings {
		r.resolveEncryption(ctx)
	}
	r.plan = Plan(r.settings)
	r.settings.Until = lastAsked(r.plan, r.settings.Until)
	r.emit(Event{Kind: EventPlan, Plan: &Planned{Settings: r.shownSettings(), Steps: stepIDs(r.plan)}})
	once := &lane{run: r, seen: map[StepID]Evidence{}}
	if blocked := r.runOnce(ctx, once); blocked != nil {
		r.skipFrom(once, StepTCP, blocked)
		r.finish(ctx)
		return
	}
	r.runLanes(ctx, r.makeLanes(r.dns))
	r.finish(ctx)
}

// refuse reports settings that cannot be used; nothing is contacted.
func (r *run) refuse() {
	if r.settings.Encryption == "" || r.settings.Encryption == Auto {
		r.settings.Encryption = STARTTLS
	}
	r.plan = Plan(r.settings)
	r.emit(Event{Kind: EventPlan, Plan: &Planned{Settings: r.shownSettings(), Steps: stepIDs(r.plan)}})
	l := &lane{run: r, seen: map[StepID]Evidence{}}
	r.step(r.parent, r.plan[0], l)
	r.skipFrom(l, StepDNS, &why{reason: Blocked, by: StepSettings})
	r.finish(r.parent)
}

// why tells for what reason steps do not run.
type why struct {
	reason SkipReason
	by     StepID
}

// runOnce runs the steps before the addresses are known. It gives nil when
// the lanes can begin.
func (r *run) runOnce(ctx context.Context, l *lane) *why {
	for _, step := range r.plan {
		if step.Scope != Once {
			return r.stopBefore(ctx, StepTCP)
		}
		if stop := r.stopBefore(ctx, step.ID); stop != nil {
			r.skip(l, step.ID, stop)
			continue
		}
		if step.Skip != nil {
			if reason := step.Skip(r.settings); reason != "" {
				r.skip(l, step.ID, &why{reason: reason})
				continue
			}
		}
		if status := r.step(ctx, step, l); status == Fail {
			return &why{reason: Blocked, by: step.ID}
		}
	}
	return nil
}

// stopBefore tells why a step must not run although nothing failed.
func (r *run) stopBefore(ctx context.Context, id StepID) *why {
	if ctx.Err() != nil {
		return &why{reason: Interrupted}
	}
	if until := r.settings.Until; until != "" && position(r.plan, until) >= 0 && position(r.plan, id) > position(r.plan, until) {
		return &why{reason: NotAsked}
	}
	return nil
}

// lastAsked is the step to stop after. One that this encryption has no place
// for (starttls with ssl, a certificate with none) stands between the steps of
// the connection and the login, so these are the last.
func lastAsked(plan []Step, until StepID) StepID {
	if until == "" || position(plan, until) >= 0 {
		return until
	}
	return StepEHLO
}

// makeLanes gives a lane per address, or one without address behind a proxy that resolves.
func (r *run) makeLanes(dns *DNSEvidence) []*lane {
	if dns == nil {
		return []*lane{{run: r, seen: map[StepID]Evidence{}}}
	}
	var lanes []*lane
	for i, addr := range r.lanesFor(dns) {
		lanes = append(lanes, &lane{run: r, index: i, seen: map[StepID]Evidence{},
			addr: netip.AddrPortFrom(addr, uint16(r.settings.Port))})
	}
	return lanes
}

// runLanes runs every lane side by side and the account steps on the main one.
func (r *run) runLanes(ctx context.Context, lanes []*lane) {
	laneCtx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	done := make(chan *lane, len(lanes))
	if r.others != nil {
		r.others.lanes = len(lanes)
	}
	var running sync.WaitGroup
	for _, l := range lanes {
		running.Go(func() {
			r.runLane(laneCtx, l)
			done <- l
			<-r.chosen
			if l != r.main {
				r.leave(ctx, l)
			}
		})
	}
	r.main = r.chooseMain(done, lanes)
	close(r.chosen)
	if r.main.ready {
		r.goesWell()
	}
	r.runAccountSteps(ctx, r.main)
	r.leave(ctx, r.main)
	grace := time.AfterFunc(othersGrace, func() { giveUp(errGivenUp) })
	running.Wait()
	grace.Stop()
}

// chooseMain waits for the first lane that is ready for auth (on a tie the
// resolver's order), or for all of them and then takes the one that got furthest.
func (r *run) chooseMain(done chan *lane, lanes []*lane) *lane {
	var finished []*lane
	for range lanes {
		l := <-done
		finished = append(finished, l)
		if !l.ready {
			continue
		}
		for len(done) > 0 {
			if other := <-done; other.ready && other.index < l.index {
				l = other
			}
		}
		return l
	}
	return slices.MinFunc(finished, func(a, b *lane) int {
		if a.passed != b.passed {
			return b.passed - a.passed
		}
		return a.index - b.index
	})
}

// runLane runs the steps of one address up to the login.
func (r *run) runLane(ctx context.Context, l *lane) {
	l.life = ctx
	for _, step := range r.plan {
		if step.Scope != PerLane {
			continue
		}
		if stop := r.stopBefore(r.parent, step.ID); stop != nil {
			l.stopped = stop
			r.skip(l, step.ID, stop)
			continue
		}
		if l.stopped != nil {
			r.skip(l, step.ID, l.stopped)
			continue
		}
		r.laneStep(ctx, step, l)
	}
	l.ready = l.failed == "" && (l.stopped == nil || l.stopped.reason == NotAsked)
}

func (r *run) laneStep(ctx context.Context, step Step, l *lane) {
	switch r.step(ctx, step, l) {
	case Fail:
		if l.failed == "" {
			l.failed = step.ID
		}
		l.noteFailure(step.ID)
		if step.ID != StepCertificate {
			l.stopped = &why{reason: Blocked, by: step.ID}
			return
		}
		// The lane goes on, for the evidence; as it has failed, no credential goes over it.
	case Skip:
		l.stopped = &why{reason: skipReasonOf(ctx)}
	default:
		if l.failed == "" {
			l.passed++
		}
	}
}

// noteFailure: to a server that waits for TLS no QUIT is said.
func (l *lane) noteFailure(id StepID) {
	if id == StepTLS || id == StepSTARTTLS && l.awaitsTLS() {
		l.greeted = false
	}
}

func skipReasonOf(ctx context.Context) SkipReason {
	if errors.Is(context.Cause(ctx), errGivenUp) {
		return GivenUp
	}
	return Interrupted
}

// runAccountSteps runs what needs the account, on the main lane only.
func (r *run) runAccountSteps(ctx context.Context, l *lane) {
	var stop *why
	if !l.ready {
		stop = l.stopped
		if l.failed != "" {
			stop = &why{reason: Blocked, by: l.failed}
		}
	}
	for _, step := range r.plan {
		if step.Scope != MainLane {
			continue
		}
		if s := r.stopBefore(ctx, step.ID); s != nil && stop == nil {
			stop = s
		}
		if reason := r.notWanted(step); stop == nil && reason != "" {
			r.skip(l, step.ID, &why{reason: reason})
			continue
		}
		if stop != nil {
			r.skip(l, step.ID, stop)
			continue
		}
		if step.ID == StepAuth {
			r.fetchCredential(ctx, l)
		}
		switch r.step(ctx, step, l) {
		case Fail:
			stop = &why{reason: Blocked, by: step.ID}
		case Skip:
			stop = &why{reason: skipReasonOf(ctx)}
		}
	}
}

func (r *run) notWanted(step Step) SkipReason {
	if step.Skip == nil {
		return ""
	}
	return step.Skip(r.settings)
}

// skipFrom marks every step from id on, once, as not run.
func (r *run) skipFrom(l *lane, id StepID, reason *why) {
	for _, step := range r.plan {
		if position(r.plan, step.ID) >= position(r.plan, id) && !r.has(step.ID) {
			r.skip(l, step.ID, reason)
		}
	}
}

func (r *run) has(id StepID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.result.Steps, func(s StepResult) bool { return s.ID == id })
}

// skip reports a step that does not run.
func (r *run) skip(l *lane, id StepID, reason *why) {
	address := l.address()
	if isOnce(r.plan, id) {
		address = ""
	}
	step := StepResult{ID: id, Address: address, Status: Skip, SkipReason: Maybe(reason.reason),
		BlockedBy: Maybe(reason.by), Summary: reason.String(), Evidence: EvidenceOf(id)}
	r.emit(Event{Kind: EventStep, Step: &step})
}

func (w *why) String() string {
	switch w.reason {
	case Blocked:
		return "blocked by " + string(w.by)
	case NotAsked:
		return "not asked for"
	case NotApplicable:
		return "does not apply"
	case GivenUp:
		return "given up, another address was enough"
	}
	return "interrupted"
}

// isOnce tells whether a step appears once in the report, whatever the addresses.
func isOnce(plan []Step, id StepID) bool {
	i := position(plan, id)
	return i >= 0 && plan[i].Scope != PerLane
}

// leave says goodbye on a lane's connection, off the critical path.
func (r *run) leave(ctx context.Context, l *lane) {
	c := l.conn
	if c == nil {
		return
	}
	if !l.greeted {
		c.Close()
		return
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTimeout)
	c.SayQuit(limit)
	r.leaving.Go(func() {
		defer cancel()
		if r.parent.Err() != nil { // Ctrl-C ends at once
			c.Close()
			return
		}
		c.AwaitBye(limit)
	})
}

func (r *run) nextConnection() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	return r.count
}

// emit folds an event into the run's own result and hands it on.
func (r *run) emit(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Profile = Maybe(r.settings.Profile)
	switch {
	case e.Plan != nil:
		r.result.planned, r.result.Settings = e.Plan.Steps, e.Plan.Settings
		r.yield(e)
		for _, line := range r.early {
			r.result.add(line)
			r.yield(line)
		}
		r.early = nil
	case r.result.planned == nil: // a look at the port; the plan opens the profile's events
		r.early = append(r.early, e)
	default:
		r.result.add(e)
		r.yield(e)
	}
}

func (r *run) yield(e Event) {
	select {
	case r.events <- e:
	case <-r.stopped:
	}
}

func (r *run) since(t time.Time) Ms { return Milliseconds(t.Sub(r.started)) }

// wireOptions makes the observers of a connection: l collects exchanges, the
// transcript takes the lines.
func (r *run) wireOptions(l *lane, id int, purpose string, addr ...netip.AddrPort) wire.Options {
	o := wire.Options{Redactor: r.redactor}
	var address Maybe
	if l != nil {
		address = l.address()
		o.Done = func(e wire.Exchange) {
			l.exchanges = append(l.exchanges, Exchange{Command: e.Command, Argument: e.Argument,
				Reply: shownReply(e.Reply), DurationMs: Milliseconds(e.Took)})
		}
	} else if len(addr) > 0 && addr[0].IsValid() {
		address = Maybe(addr[0].String())
	}
	if r.prober.Transcript {
		o.Record = func(line wire.Line) {
			r.emit(Event{Kind: EventTranscript, Line: &TranscriptLine{AtMs: r.since(line.At), Connection: id,
				Address: address, Purpose: purpose, From: line.From, Text: line.Text}})
		}
	}
	return o
}

// shownSettings are the settings as the report shows them; outside text passes the redactor.
func (r *run) shownSettings() ShownSettings {
	shown := r.settings.Shown()
	shown.Account = Maybe(r.redactor.Text(string(shown.Account)))
	from := make(List[string], 0, len(shown.From))
	for _, f := range shown.From {
		from = append(from, r.redactor.Text(f))
	}
	shown.From = from
	to := make(List[string], 0, len(shown.To))
	for _, t := range shown.To {
		to = append(to, r.redactor.Text(t))
	}
	shown.To = to
	return shown
}

// SettingsEvidence is what reading the settings saw.
type SettingsEvidence struct {
	Cleaned List[Cleaned] `json:"cleaned"`
}

func (*SettingsEvidence) isEvidence() {}

func (e *SettingsEvidence) summary(fault *Fault) string {
	switch {
	case fault != nil:
		return fault.Text
	case len(e.Cleaned) > 0:
		return "read, and cleaned"
	}
	return "read"
}

// settingsStep reports what reading the settings saw; it contacts nothing.
func settingsStep(_ context.Context, l *lane) (Evidence, error) {
	s := l.settings()
	e := &SettingsEvidence{Cleaned: s.Cleaned}
	if s.Refused != nil {
		return e, policy("%s", s.Refused.Text)
	}
	return e, nil
}

package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// results compares one profile's results.
func (d *differences) results(a, b *probe.Result) {
	switch {
	case a == nil:
		d.add("results", "", string(b.Verdict), appeared(b), "this profile is only in the second report")
		return
	case b == nil:
		d.add("results", string(a.Verdict), "", Neutral, "this profile is only in the first report: nothing is known of it now")
		return
	}
	d.verdict(a, b)
	d.findings(a, b)
	d.settings(&a.Settings, &b.Settings)
	d.mixed = isSSL(a) != isSSL(b)
	d.steps(a, b)
}

func appeared(r *probe.Result) Effect {
	if r.Verdict == probe.Fail {
		return Worse
	}
	return Neutral
}

func (d *differences) verdict(a, b *probe.Result) {
	if b.Interrupted || a.Interrupted {
		d.differs("interrupted", strconv.FormatBool(a.Interrupted), strconv.FormatBool(b.Interrupted), Neutral,
			"one of the two was interrupted: what it did not get to is not compared")
	}
	ranks := []probe.Status{probe.Pass, probe.Warn, probe.Fail}
	before, now := slices.Index(ranks, a.Verdict), slices.Index(ranks, b.Verdict)
	switch {
	case cutShort(a) || cutShort(b): // its verdict is about the interruption
	case now != before && !(asked(a, b) && asked(b, a)):
		d.add("verdict", string(a.Verdict), string(b.Verdict), Neutral, "one of the two did not ask what decided the other")
	case now > before:
		d.add("verdict", string(a.Verdict), string(b.Verdict), Worse, verdictWords(a, b))
	case now < before:
		d.add("verdict", string(a.Verdict), string(b.Verdict), Better, verdictWords(a, b))
	case b.Verdict == probe.Fail && a.FailedStep != b.FailedStep:
		d.failedStep(a, b)
	}
}

// cutShort tells whether a run was interrupted before anything failed.
func cutShort(r *probe.Result) bool { return r.Interrupted && r.FailedStep == "" }

// asked tells whether a run came to every step that is not well in the other,
// or was kept from it by a failure.
func asked(r, other *probe.Result) bool {
	return !slices.ContainsFunc(other.Steps, func(s probe.StepResult) bool {
		return (s.Status == probe.Fail || s.Status == probe.Warn) && wasLeftOut(r, s.ID)
	})
}

// wasLeftOut tells whether a step was not wanted, or not come to before the
// run was interrupted.
func wasLeftOut(r *probe.Result, id probe.StepID) bool {
	s := stepOf(r, id)
	return s != nil && isLeftOut(s)
}

func isLeftOut(s *probe.StepResult) bool {
	return s.Status == probe.Skip && (s.SkipReason == probe.Maybe(probe.NotAsked) || s.SkipReason == probe.Maybe(probe.Interrupted))
}

func verdictWords(a, b *probe.Result) string {
	switch {
	case b.Verdict == probe.Fail:
		return "it worked, and fails now at " + string(b.FailedStep)
	case a.Verdict == probe.Fail:
		return "it failed at " + string(a.FailedStep) + ", and works now"
	case b.Verdict == probe.Warn:
		return "it works, now with a warning"
	}
	return "the warnings are gone"
}

// failedStep: both fail; the one that gets further is better.
func (d *differences) failedStep(a, b *probe.Result) {
	before, now := order(a, b, string(a.FailedStep)), order(a, b, string(b.FailedStep))
	if now < before {
		d.add("failed_step", string(a.FailedStep), string(b.FailedStep), Worse, "both fail; now it fails earlier")
		return
	}
	d.add("failed_step", string(a.FailedStep), string(b.FailedStep), Better, "both fail; now it gets further")
}

// order is the place of a step in the run that has it.
func order(a, b *probe.Result, id string) int {
	for _, r := range []*probe.Result{a, b} {
		if i := slices.IndexFunc(r.Steps, func(s probe.StepResult) bool { return string(s.ID) == id }); i >= 0 {
			return i
		}
	}
	return -1
}

// findings compares the causes that were named.
func (d *differences) findings(a, b *probe.Result) {
	before, now := byCause(a.Findings), byCause(b.Findings)
	for _, f := range b.Findings {
		if _, had := before[f.Cause]; !had && now[f.Cause].isFirst(f) {
			d.add("findings."+f.Cause, "", f.Title, newEffect(a, f), "new: "+f.Title)
		}
	}
	for _, f := range a.Findings {
		if _, has := now[f.Cause]; !has && before[f.Cause].isFirst(f) && reached(b, string(f.Step)) {
			d.add("findings."+f.Cause, f.Title, "", effectOf(f.Severity, Better), "no more: "+f.Title)
		}
	}
	for _, f := range b.Findings {
		if old, had := before[f.Cause]; had && now[f.Cause].isFirst(f) && old.Severity != f.Severity {
			d.add("findings."+f.Cause, string(old.Severity), string(f.Severity), bySeverity(old.Severity, f.Severity), "the same finding, now as "+string(f.Severity))
		}
	}
}

// newEffect: what the other run did not come to may have been wrong already.
func newEffect(a *probe.Result, f probe.Finding) Effect {
	if !reached(a, string(f.Step)) && hasStep(a, f.Step) {
		return Neutral
	}
	return effectOf(f.Severity, Worse)
}

func hasStep(r *probe.Result, id probe.Maybe) bool { return order(r, r, string(id)) >= 0 }

// named is the first finding of a cause.
type named struct{ probe.Finding }

func (n named) isFirst(f probe.Finding) bool { return n.Step == f.Step && n.Address == f.Address }

func byCause(all []probe.Finding) map[string]named {
	first := map[string]named{}
	for _, f := range all {
		if _, has := first[f.Cause]; !has {
			first[f.Cause] = named{f}
		}
	}
	return first
}

// effectOf: remarks are neither good nor bad.
func effectOf(s cause.Severity, otherwise Effect) Effect {
	if s == cause.Info {
		return Neutral
	}
	return otherwise
}

func bySeverity(before, now cause.Severity) Effect {
	ranks := []cause.Severity{cause.Info, cause.Warning, cause.Error}
	if slices.Index(ranks, now) > slices.Index(ranks, before) {
		return Worse
	}
	return Better
}

// reached tells whether a run came to a step: what it did not come to is not
// mended.
func reached(r *probe.Result, id string) bool {
	if id == "" {
		return true
	}
	return slices.ContainsFunc(r.Steps, func(s probe.StepResult) bool { return string(s.ID) == id && s.Status != probe.Skip })
}

// settings compares what was asked for.
func (d *differences) settings(a, b *probe.ShownSettings) {
	const other = "another question was asked; compare the rest with that in mind"
	d.differs("settings.host", string(a.Host), string(b.Host), Neutral, "another server was asked")
	d.differs("settings.port", number(a.Port), number(b.Port), Neutral, "another port was asked")
	effect, words := encryptionEffect(a, b)
	d.differs("settings.encryption", string(a.Encryption), string(b.Encryption), effect, words)
	d.differs("settings.account", string(a.Account), string(b.Account), Neutral, "another account was used: what is allowed to one need not be allowed to the other")
	d.differs("settings.auth", string(a.Auth), string(b.Auth), Neutral, "another login mechanism was asked for")
	d.differs("settings.from", join(a.From), join(b.From), Neutral, "another sender was asked for")
	d.differs("settings.to", join(a.To), join(b.To), Neutral, "another recipient was asked for")
	d.differs("settings.helo", string(a.Helo), string(b.Helo), Neutral, "another EHLO name was given")
	d.differs("settings.used_by", string(a.UsedBy), string(b.UsedBy), Neutral, "judged for an application at another place")
	d.differs("settings.ca_file", string(a.CAFile), string(b.CAFile), Neutral, "other trusted certificates")
	d.differs("settings.tls_server_name", string(a.TLSServerName), string(b.TLSServerName), Neutral, other)
	d.differs("settings.tls_min", string(a.TLSMin), string(b.TLSMin), Neutral, "another lowest TLS version")
	d.differs("settings.resolver", string(a.Resolver), string(b.Resolver), Neutral, "another DNS server was asked for")
	d.differs("settings.family", number(a.Family), number(b.Family), Neutral, "another address family")
	d.differs("settings.proxy", string(a.Proxy), string(b.Proxy), Neutral, "another way to the server")
	d.flag("settings.insecure", a.Insecure, b.Insecure, "certificates are not insisted on: the password can go to a wrong server")
	d.flag("settings.allow_plaintext_auth", a.AllowPlaintextAuth, b.AllowPlaintextAuth, "a login without encryption is allowed: the password can be read on the way")
	d.differs("settings.password", source(a.Password), source(b.Password), Neutral, "the password came from another place: it can be another one")
	d.differs("settings.token", source(a.Token), source(b.Token), Neutral, "the token came from another place: it can be another one")
}

// flag is a switch that makes things less safe.
func (d *differences) flag(path string, a, b bool, text string) {
	switch {
	case !a && b:
		d.add(path, "false", "true", Worse, text)
	case a && !b:
		d.add(path, "true", "false", Better, "no more: "+text)
	}
}

func encryptionEffect(a, b *probe.ShownSettings) (Effect, string) {
	none := probe.Maybe(probe.NoEncryption)
	switch {
	case b.Encryption == none && a.Encryption != "":
		return Worse, "the connection is not encrypted any more"
	case a.Encryption == none && b.Encryption != "":
		return Better, "the connection is encrypted now"
	}
	return Neutral, "another encryption was used"
}

func source(s *probe.SecretSource) string {
	if s == nil {
		return ""
	}
	return s.Source
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// steps compares each step of the main lane and those that are there once.
func (d *differences) steps(a, b *probe.Result) {
	for _, id := range stepsOf(a, b) {
		before, now := stepOf(a, id), stepOf(b, id)
		if before == nil || now == nil {
			continue // the settings say why: another encryption has other steps
		}
		d.step(id, before, now)
		d.time(id, before, now)
		if id == probe.StepEHLO && d.mixed {
			before, now = lastEHLO(a), lastEHLO(b)
		}
		if before.Status == probe.Skip || now.Status == probe.Skip {
			continue // nothing was seen, or not all of it
		}
		d.evidence(id, before, now, sameServers(a, b))
	}
}

func isSSL(r *probe.Result) bool { return r.Settings.Encryption == probe.Maybe(probe.SSL) }

// lastEHLO is the list that holds for the login. One within TLS from the first
// byte is like the one after STARTTLS, not like the one before it.
func lastEHLO(r *probe.Result) *probe.StepResult {
	if s := stepOf(r, probe.StepEHLOTLS); s != nil {
		return s
	}
	return stepOf(r, probe.StepEHLO)
}

// stepsOf are the steps of both, in the order of the first.
func stepsOf(a, b *probe.Result) []probe.StepID {
	var all []probe.StepID
	for _, steps := range [][]probe.StepResult{a.Steps, b.Steps} {
		for _, s := range steps {
			if !slices.Contains(all, s.ID) {
				all = append(all, s.ID)
			}
		}
	}
	return all
}

// stepOf is the step on the main lane, or the one that is there once.
func stepOf(r *probe.Result, id probe.StepID) *probe.StepResult {
	var any *probe.StepResult
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.ID != id {
			continue
		}
		if s.Address == "" || s.Address == r.Address {
			return s
		}
		if any == nil {
			any = s
		}
	}
	return any
}

// step compares how a step ended. The verdict speaks for the step that
// failed; here stands what else is not the same.
func (d *differences) step(id probe.StepID, a, b *probe.StepResult) {
	path := "steps." + string(id)
	switch {
	case a.Status == probe.Skip && b.Status == probe.Skip:
		return
	case a.Status == probe.Skip || b.Status == probe.Skip:
		d.skipped(path, a, b)
	case a.Status == probe.Fail && b.Status == probe.Fail:
		d.differs(path+".fault", faultOf(a), faultOf(b), Neutral, "it fails in another way")
		d.differs(path+".reply", replyOf(a), replyOf(b), Neutral, "the server's reply is another one")
	case a.Status == probe.Fail:
		d.add(path+".status", string(a.Status), string(b.Status), Better, b.Summary)
	case b.Status == probe.Fail:
		d.add(path+".status", string(a.Status), string(b.Status), Worse, b.Summary)
	case a.Status != b.Status:
		d.add(path+".status", string(a.Status), string(b.Status), statusEffect(b), b.Summary)
	}
}

// skipped: what is blocked by a failure is said with the failure.
func (d *differences) skipped(path string, a, b *probe.StepResult) {
	for _, s := range []*probe.StepResult{a, b} {
		if s.Status == probe.Skip && s.BlockedBy != "" {
			return
		}
	}
	text := "asked in one of the two only"
	if b.Status == probe.Fail && !isLeftOut(a) {
		d.add(path+".status", string(a.Status), string(b.Status), Worse, b.Summary)
		return
	}
	d.add(path+".status", ending(a), ending(b), Neutral, text)
}

func ending(s *probe.StepResult) string {
	if s.SkipReason != "" {
		return string(s.Status) + " (" + string(s.SkipReason) + ")"
	}
	return string(s.Status)
}

func statusEffect(b *probe.StepResult) Effect {
	if b.Status == probe.Warn {
		return Worse
	}
	return Better
}

func faultOf(s *probe.StepResult) string {
	if s.Fault == nil {
		return ""
	}
	return string(s.Fault.Kind)
}

// replyOf is code, enhanced code and the words that are no id of one session.
func replyOf(s *probe.StepResult) string {
	if s.Reply == nil {
		return ""
	}
	words := strings.Fields(strings.Join(s.Reply.Lines, " "))
	words = slices.DeleteFunc(words, func(w string) bool { return strings.ContainsAny(w, "0123456789") })
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", s.Reply.Code, s.Reply.Enhanced, strings.Join(words, " ")))
}

// Times below these are noise: a step has to take three times as long, and
// longer by so many milliseconds, to be another.
const (
	slowFactor    = 3
	slowAtLeast   = 300
	slowIsWorseBy = 2000
)

// time compares how long a step took that answered in both.
func (d *differences) time(id probe.StepID, a, b *probe.StepResult) {
	if a.DurationMs == nil || b.DurationMs == nil || a.Status == probe.Skip || b.Status == probe.Skip || isTimeout(a) || isTimeout(b) {
		return
	}
	before, now := float64(*a.DurationMs), float64(*b.DurationMs)
	path := "steps." + string(id) + ".duration_ms"
	switch {
	case now > before*slowFactor && now-before > slowIsWorseBy:
		d.add(path, took(before), took(now), Worse, "much slower: busy, throttled, or slowed down on purpose")
	case now > before*slowFactor && now-before > slowAtLeast:
		d.add(path, took(before), took(now), Neutral, "slower")
	case before > now*slowFactor && before-now > slowAtLeast:
		d.add(path, took(before), took(now), Neutral, "faster")
	}
}

func isTimeout(s *probe.StepResult) bool { return s.Fault != nil && s.Fault.Kind == probe.Timeout }

func took(ms float64) string {
	if ms >= 1000 {
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
	}
	return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
}

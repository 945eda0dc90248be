package report

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// quick is how long steps may take that share a line in a pipe.
const quick probe.Ms = 1000

// mostLanes is how many addresses of a host are probed at most.
const mostLanes = 4

// table prints the steps of one profile in the order of the plan and of the
// resolver, whatever finished first: a step has its line when every address
// has reported it.
type table struct {
	page
	w       io.Writer
	sharing bool // neighbouring quick passes share a line
	plan    []probe.StepID
	shown   probe.ShownSettings

	next    int // in the plan: the first step without a line
	results map[probe.StepID][]probe.StepResult
	order   []string             // addresses as the resolver gave them
	out     map[probe.Maybe]bool // addresses whose end was told
	failed  map[probe.Maybe]bool // addresses on which a step failed
	shared  []probe.StepResult   // quick passes that wait for their common line
	skipped []probe.StepResult   // skips that wait for their common line
}

func newTable(p page, w io.Writer, sharing bool, plan *probe.Planned) *table {
	return &table{page: p, w: w, sharing: sharing, plan: plan.Steps, shown: plan.Settings,
		results: map[probe.StepID][]probe.StepResult{}, out: map[probe.Maybe]bool{}, failed: map[probe.Maybe]bool{}}
}

// add takes a step's result on one address, or its only one.
func (t *table) add(step probe.StepResult) {
	if e, ok := step.Evidence.(*probe.DNSEvidence); ok {
		t.learnAddresses(e)
	}
	at := place(t.plan, step.ID)
	if at == len(t.plan) {
		t.plan = append(t.plan, step.ID) // the plan did not name it
	}
	if at < t.next {
		t.late(step)
		return
	}
	t.results[step.ID] = append(t.results[step.ID], step)
	for t.next < len(t.plan) && t.isComplete(t.plan[t.next]) {
		t.print(t.plan[t.next])
		t.next++
	}
}

// flush prints what was reported so far, complete or not.
func (t *table) flush() {
	for i := t.next; i < len(t.plan); i++ {
		if len(t.results[t.plan[i]]) > 0 {
			for ; t.next <= i; t.next++ {
				t.print(t.plan[t.next])
			}
		}
	}
	t.share()
	t.skip()
}

// late prints the report of an address that came after the step's line.
func (t *table) late(step probe.StepResult) {
	if step.Address == "" || t.out[step.Address] {
		return // told already; what was added since stands in the other formats
	}
	t.share()
	t.skip()
	if step.Status == probe.Fail || step.Status == probe.Skip {
		t.failed[step.Address], t.out[step.Address] = true, true
	}
	t.put(t.w, t.stepRows(step.Status, string(step.ID), t.addressed(step), took(msOf(step)))...)
}

func (t *table) learnAddresses(e *probe.DNSEvidence) {
	for _, a := range e.Addresses {
		if wanted := t.shown.Family; wanted != nil && *wanted != a.Family {
			continue
		}
		if !slices.Contains(t.order, a.Address) {
			t.order = append(t.order, a.Address)
		}
	}
}

// isComplete tells whether every address has reported a step.
func (t *table) isComplete(id probe.StepID) bool {
	results := t.results[id]
	if len(results) == 0 {
		return false
	}
	return results[0].Address == "" || len(results) >= min(max(len(t.order), 1), mostLanes)
}

// print gives a step its line, or lets it wait for its neighbours.
func (t *table) print(id probe.StepID) {
	results := t.relevant(id)
	switch {
	case len(results) == 0:
	case id == probe.StepSettings && isPlainSettings(results[0]):
	case allSkipped(results):
		t.share()
		if len(t.skipped) > 0 && !sameSkip(t.skipped[0], results[0]) {
			t.skip()
		}
		t.skipped = append(t.skipped, results[0])
	case t.sharing && isQuick(results):
		t.skip()
		t.shared = append(t.shared, joined(results))
	default:
		t.share()
		t.skip()
		t.put(t.w, t.merged(results)...)
	}
	t.leave(results...)
}

// relevant gives a step's results in the resolver's order, without those of
// addresses whose end was told already.
func (t *table) relevant(id probe.StepID) []probe.StepResult {
	var results []probe.StepResult
	for _, r := range t.results[id] {
		if r.Address == "" || !t.out[r.Address] {
			results = append(results, r)
		}
	}
	slices.SortStableFunc(results, func(a, b probe.StepResult) int { return t.rank(a) - t.rank(b) })
	return results
}

func (t *table) rank(r probe.StepResult) int {
	if i := slices.Index(t.order, hostOf(r.Address)); i >= 0 {
		return i
	}
	return len(t.order)
}

// leave remembers which addresses came to their end while others went on. One
// with a bad certificate goes on too, for the evidence.
func (t *table) leave(results ...probe.StepResult) {
	ended := func(r probe.StepResult) bool { return r.Status == probe.Fail || r.Status == probe.Skip }
	alone := !slices.ContainsFunc(results, func(r probe.StepResult) bool { return !ended(r) })
	for _, r := range results {
		if r.Address == "" || !ended(r) {
			continue
		}
		t.failed[r.Address] = true
		if !alone && (r.ID != probe.StepCertificate || r.Status == probe.Skip) {
			t.out[r.Address] = true
		}
	}
}

// share prints the quick passes that wait.
func (t *table) share() {
	waiting := t.shared
	t.shared = nil
	if len(waiting) == 1 {
		t.put(t.w, t.merged(waiting)...)
	}
	if len(waiting) < 2 {
		return
	}
	var total probe.Ms
	for _, r := range waiting {
		total += msOf(r)
	}
	end := took(total)
	room := t.limit - 1 - 2 - t.markWidth() - 2 - columns(end)
	t.put(t.w, t.stepRows(probe.Pass, enumerate(waiting, room), "", end)...)
}

// skip prints the skips that wait.
func (t *table) skip() {
	waiting := t.skipped
	t.skipped = nil
	if len(waiting) == 0 {
		return
	}
	words := ": " + waiting[0].Summary
	if words == ": " {
		words = ": " + skipWords(waiting[0])
	}
	room := t.limit - 2 - t.markWidth() - columns(words)
	indent := strings.Repeat(" ", 2+t.markWidth())
	lines := t.wrap(enumerate(waiting, room)+words, t.limit-len(indent), t.limit-len(indent))
	if t.keptPassword(waiting) {
		lines = append(lines, "(the password was not sent)")
	}
	for i, line := range lines {
		before := span{indent, plain}
		if i == 0 {
			before = t.mark(probe.Skip)
		}
		t.put(t.w, row{before, {line, faint}})
	}
}

// keptPassword: a person whose check ends at the certificate wants to know.
func (t *table) keptPassword(skipped []probe.StepResult) bool {
	return (t.shown.Password != nil || t.shown.Token != nil) && slices.ContainsFunc(skipped, func(r probe.StepResult) bool {
		return r.ID == probe.StepAuth && r.BlockedBy == probe.Maybe(probe.StepCertificate)
	})
}

// enumerate names steps one by one, or from the first to the last where that is too long.
func enumerate(steps []probe.StepResult, room int) string {
	var names []string
	for _, s := range steps {
		names = append(names, string(s.ID))
	}
	list := strings.Join(names, ", ")
	if len(names) > 2 && columns(list) > room {
		return names[0] + " to " + names[len(names)-1]
	}
	return list
}

// mark is the first word of a step's line.
func (p page) mark(status probe.Status) span {
	words := map[probe.Status]string{probe.Pass: "ok", probe.Warn: "warn", probe.Fail: "FAIL", probe.Skip: "skip"}
	if p.unicode && p.terminal {
		words = map[probe.Status]string{probe.Pass: "✓", probe.Warn: "!", probe.Fail: "✗", probe.Skip: "–"}
	}
	look := map[probe.Status]style{probe.Pass: good, probe.Warn: doubtful, probe.Fail: bad, probe.Skip: faint}
	return span{"  " + pad(words[status], p.markWidth()), look[status]}
}

func (p page) markWidth() int {
	if p.unicode && p.terminal {
		return 3
	}
	return 6
}

// stepRows lay out a line of the table: mark, name, words, and the time at the right edge.
func (p page) stepRows(status probe.Status, name, words, end string) []row {
	mark := p.mark(status)
	if status == "" {
		mark = span{strings.Repeat(" ", 2+p.markWidth()), plain}
	}
	name = p.clean(name)
	left := 2 + p.markWidth()
	indent := left + 13
	switch {
	case p.limit < roomy && name == "":
		name, indent = "  ", left+2
	case p.limit < roomy:
		name, indent = name+"  ", left+2
	case words != "":
		name = pad(name, 11) + "  "
	}
	right := p.limit - 1
	room := right - 2 - columns(end)
	if end == "" {
		room = right
	}
	if left+columns(name) > room { // a long name of a host: it may take several lines
		name, words = "", name+words
	}
	lines := p.wrap(words, max(room-left-columns(name), 1), max(room-indent, 1))
	rows := []row{{mark, {name, plain}, {lines[0], plain}}}
	for _, line := range lines[1:] {
		rows = append(rows, row{{strings.Repeat(" ", indent), plain}, {line, plain}})
	}
	if end != "" {
		rows[0] = p.ended(rows[0], end, right)
	}
	return rows
}

// ended puts the time at the right edge, or two blanks behind a line that is too long for it.
func (p page) ended(r row, end string, right int) row {
	width := 0
	for _, s := range r {
		width += columns(s.text)
	}
	return append(r, span{strings.Repeat(" ", max(right-width-columns(end), 2)), plain}, span{end, faint})
}

// merged gives the line of a step on every address, and below it the addresses
// where it went another way.
func (t *table) merged(results []probe.StepResult) []row {
	line := joined(results)
	status, words, different := line.Status, line.Summary, []probe.StepResult(nil)
	if len(results) > 1 {
		status = t.statusOf(results)
		words, different = t.severalWords(results)
	}
	rows := t.stepRows(status, string(line.ID), words, took(msOf(line)))
	for _, r := range different {
		rows = append(rows, t.stepRows("", "", t.addressed(r), took(msOf(r)))...)
	}
	return append(rows, t.cleanedRows(line)...)
}

// statusOf: one address that works is enough to go on, so the others' failures
// are a warning.
func (t *table) statusOf(results []probe.StepResult) probe.Status {
	worst, goesOn := probe.Pass, false
	for _, r := range results {
		ok := r.Status == probe.Pass || r.Status == probe.Warn
		goesOn = goesOn || ok && !t.failed[r.Address]
		if severity(r.Status) > severity(worst) {
			worst = r.Status
		}
	}
	if worst == probe.Fail && goesOn || worst == probe.Skip {
		return probe.Warn
	}
	return worst
}

func severity(s probe.Status) int {
	return slices.Index([]probe.Status{probe.Pass, probe.Skip, probe.Warn, probe.Fail}, s)
}

// severalWords sums up several addresses, and gives those that need a line of their own.
func (t *table) severalWords(results []probe.StepResult) (string, []probe.StepResult) {
	first := results[0]
	same := !slices.ContainsFunc(results, func(r probe.StepResult) bool {
		return r.Status != first.Status || r.Summary != first.Summary
	})
	passed := slices.DeleteFunc(slices.Clone(results), func(r probe.StepResult) bool { return r.Status == probe.Fail || r.Status == probe.Skip })
	switch {
	case same && first.ID == probe.StepTCP && len(passed) > 0:
		return allOf(len(results)) + " answer", nil
	case same && first.ID == probe.StepTCP && first.Summary == "no answer":
		return "no answer from " + anyOf(len(results)), nil
	case same && len(passed) > 0:
		return first.Summary, nil
	case same:
		return first.Summary + " (" + allOf(len(results)) + " addresses)", nil
	case len(passed) == len(results):
		return "on " + allOf(len(results)) + " addresses, not the same:", results
	case len(passed) == 0:
		return "on " + noneOf(len(results)) + ":", results
	case first.ID == probe.StepTCP:
		return fmt.Sprintf("%d of %d addresses %s", len(passed), len(results), answerWord(len(passed))), without(results, passed)
	}
	return fmt.Sprintf("on %d of %d addresses: %s", len(passed), len(results), passed[0].Summary), without(results, passed)
}

func answerWord(n int) string {
	if n == 1 {
		return "answers"
	}
	return "answer"
}

func without(all, some []probe.StepResult) []probe.StepResult {
	return slices.DeleteFunc(slices.Clone(all), func(r probe.StepResult) bool {
		return slices.ContainsFunc(some, func(s probe.StepResult) bool { return s.Address == r.Address })
	})
}

// addressed is what a step saw, with the address before it.
func (t *table) addressed(r probe.StepResult) string {
	words := r.Summary
	if words == "" {
		words = string(r.Status)
	}
	if r.Address == "" {
		return words
	}
	return hostOf(r.Address) + ": " + words
}

// cleanedRows say which settings were not used as they were typed.
func (t *table) cleanedRows(r probe.StepResult) []row {
	e, ok := r.Evidence.(*probe.SettingsEvidence)
	if !ok {
		return nil
	}
	var rows []row
	for _, c := range e.Cleaned {
		rows = append(rows, t.stepRows("", "", fmt.Sprintf("%s: given %q, used %s", settingWord(c.Key), c.Given, c.Used), "")...)
	}
	return rows
}

// joined gives one result for all of a step: the first's words, the longest time.
func joined(results []probe.StepResult) probe.StepResult {
	line := results[0]
	for _, r := range results {
		counts := r.Status == line.Status || r.Status != probe.Skip && line.Status == probe.Skip
		if counts && msOf(r) > msOf(line) {
			line.DurationMs = r.DurationMs
		}
	}
	return line
}

// isPlainSettings: the settings stand above the steps already.
func isPlainSettings(r probe.StepResult) bool {
	e, ok := r.Evidence.(*probe.SettingsEvidence)
	return r.Status == probe.Pass && (!ok || len(e.Cleaned) == 0)
}

func allSkipped(results []probe.StepResult) bool {
	return !slices.ContainsFunc(results, func(r probe.StepResult) bool { return r.Status != probe.Skip })
}

func sameSkip(a, b probe.StepResult) bool {
	return a.SkipReason == b.SkipReason && a.BlockedBy == b.BlockedBy && a.Summary == b.Summary
}

// isQuick tells whether a step needs no line of its own in a pipe. What the
// account may do is what people look for: it always has one.
func isQuick(results []probe.StepResult) bool {
	switch results[0].ID {
	case probe.StepSettings, probe.StepDNS, probe.StepTCP, probe.StepGreeting, probe.StepEHLO, probe.StepSTARTTLS,
		probe.StepTLS, probe.StepCertificate, probe.StepEHLOTLS:
	default:
		return false
	}
	return !slices.ContainsFunc(results, func(r probe.StepResult) bool {
		return r.Status != probe.Pass || msOf(r) > quick
	})
}

func msOf(r probe.StepResult) probe.Ms {
	if r.DurationMs == nil || r.ID == probe.StepSettings || r.ID == probe.StepCertificate {
		return 0 // nothing is waited for there
	}
	return *r.DurationMs
}

// hostOf is an address without its port.
func hostOf(address probe.Maybe) string {
	a, err := netip.ParseAddrPort(string(address))
	if err != nil {
		return string(address)
	}
	return a.Addr().String()
}

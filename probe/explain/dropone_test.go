package explain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// floors are what was reached; a change that loses more than this fails on the shared file.
const (
	floorWithSettings = 0.97
	floorTextAlone    = 0.95
)

// parts is what a base is made of.
type parts struct {
	entries  []cause.Entry
	services []cause.Service
	wordings []cause.Wording
}

func (p parts) base() *cause.Base { return cause.New(p.entries, p.services, p.wordings...) }

// place is a pattern of the base: of a rule's text, or of a wording (entry -1).
type place struct{ entry, rule, pattern int }

// TestCorpusNeedsNoMemorisedLine drops every alternative of a text pattern that
// the cases of one group alone need, and tells what is lost: rules that
// understand lose little, rules that memorise lose those cases.
func TestCorpusNeedsNoMemorisedLine(t *testing.T) {
	c := loadCorpus(t)
	cases := c.cases
	if c.part == "" {
		cases = slices.DeleteFunc(slices.Clone(cases), corpusCase.isSetAside)
	}
	var all parts
	all.entries, all.services, all.wordings = cause.Builtin().Parts()
	hits := only(run(cause.Builtin(), cases, true), outcome.isHit)
	lost, tried := map[string]string{}, 0
	for at, needing := range all.patternsOf(hits) {
		expr := all.list(at)[at.pattern].Expr
		for _, rest := range withoutOne(expr) {
			only := losing(rest, needing)
			if len(only) == 0 || len(groupsOf(only)) > 1 {
				continue
			}
			tried++
			for _, o := range run(all.replaced(at, rest).base(), casesOf(only), true) {
				if !o.isHit() {
					lost[o.ID] = fmt.Sprintf("%s, without an alternative of %q", o.Cause, expr)
				}
			}
		}
	}
	share := 100 * float64(len(hits)-len(lost)) / float64(len(cases))
	t.Logf("%d alternatives are needed by one group only; without them %d of %d hits are lost: %.1f %% of %d cases would remain", tried, len(lost), len(hits), share, len(cases))
	if c.printsEvery {
		for _, id := range sortedKeys(lost) {
			t.Logf("  %s: %s", id, lost[id])
		}
	}
}

// list gives the patterns among which a place is.
func (p parts) list(at place) []cause.Pattern {
	if at.entry < 0 {
		return p.wordings[at.rule].Says
	}
	return p.entries[at.entry].Rules[at.rule].When.Text
}

// patternsOf finds, for each pattern, the hits in which it can have decided.
func (p parts) patternsOf(hits []outcome) map[place][]outcome {
	all := map[place][]outcome{}
	look := func(entry, rule int, list []cause.Pattern, fits func(outcome) bool) {
		for k, pattern := range list {
			expr := regexp.MustCompile(cause.Flags + pattern.Expr)
			for _, o := range hits {
				if fits(o) && expr.MatchString(oneLine(o.Evidence)) {
					at := place{entry, rule, k}
					all[at] = append(all[at], o)
				}
			}
		}
	}
	for i, e := range p.entries {
		for j, r := range e.Rules {
			look(i, j, r.When.Text, func(o outcome) bool { return o.first() == e.ID })
		}
	}
	for i, w := range p.wordings {
		look(-1, i, w.Says, func(outcome) bool { return true })
	}
	return all
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// losing gives the cases in which what is left of a pattern does not fit.
func losing(rest string, cases []outcome) []outcome {
	if rest == "" {
		return cases
	}
	expr, err := regexp.Compile(cause.Flags + rest)
	if err != nil {
		return nil // a bracket of two meanings; not to be judged
	}
	return only(cases, func(o outcome) bool { return !expr.MatchString(oneLine(o.Evidence)) })
}

func groupsOf(all []outcome) map[string]bool {
	groups := map[string]bool{}
	for _, o := range all {
		groups[o.Group] = true
	}
	return groups
}

func casesOf(all []outcome) []corpusCase {
	cases := make([]corpusCase, len(all))
	for i, o := range all {
		cases[i] = o.corpusCase
	}
	return cases
}

// replaced gives the parts with one pattern changed, or taken out when nothing
// is left of it: a rule without its last pattern must not fit everything.
func (p parts) replaced(at place, rest string) parts {
	list := slices.Clone(p.list(at))
	switch {
	case rest != "":
		list[at.pattern] = cause.Pattern{Expr: rest}
	case len(list) > 1:
		list = slices.Delete(list, at.pattern, at.pattern+1)
	default:
		list[at.pattern] = cause.Pattern{Expr: `\x00 nothing \x00`}
	}
	if at.entry < 0 {
		p.wordings = slices.Clone(p.wordings)
		p.wordings[at.rule].Says = list
		return p
	}
	p.entries = slices.Clone(p.entries)
	rules := slices.Clone(p.entries[at.entry].Rules)
	rules[at.rule].When.Text = list
	p.entries[at.entry].Rules = rules
	return p
}

// withoutOne gives an expression without each of its alternatives in turn, at
// any depth; "" when it has but one.
func withoutOne(expr string) []string {
	all := []string{}
	for _, branch := range branches(expr) {
		rest := expr[:branch.from] + expr[branch.to:]
		if branch.isAlone {
			rest = ""
		}
		all = append(all, rest)
	}
	return all
}

type branch struct {
	from, to int
	isAlone  bool
}

// branches finds the alternatives; a group with a single one is part of what
// stands around it.
func branches(expr string) []branch {
	var all []branch
	type level struct{ start, last int }
	stack := []level{{}}
	var open [][]branch
	open = append(open, nil)
	add := func(end int) {
		top := &stack[len(stack)-1]
		open[len(open)-1] = append(open[len(open)-1], branch{from: top.last, to: end})
	}
	closeLevel := func(end int) {
		add(end)
		list := open[len(open)-1]
		if len(list) > 1 {
			for i := range list {
				if i < len(list)-1 {
					list[i].to++ // with the bar behind it
				} else {
					list[i].from-- // with the bar before it
				}
			}
			all = append(all, list...)
		} else if len(stack) == 1 {
			all = append(all, branch{isAlone: true})
		}
	}
	for i := 0; i < len(expr); i++ {
		switch expr[i] {
		case '\\':
			i++
		case '[':
			i = endOfClass(expr, i)
		case '(':
			stack, open = append(stack, level{start: i, last: bodyOf(expr, i)}), append(open, nil)
		case '|':
			add(i)
			stack[len(stack)-1].last = i + 1
		case ')':
			closeLevel(i)
			stack, open = stack[:len(stack)-1], open[:len(open)-1]
		}
	}
	closeLevel(len(expr))
	return all
}

// bodyOf is where the inside of a group begins: behind ?:, ?i: and ?P<name>.
func bodyOf(expr string, i int) int {
	rest := expr[i+1:]
	if !strings.HasPrefix(rest, "?") {
		return i + 1
	}
	if strings.HasPrefix(rest, "?P<") || strings.HasPrefix(rest, "?<") {
		return i + 1 + strings.IndexByte(rest, '>') + 1
	}
	return i + 1 + strings.IndexByte(rest, ':') + 1
}

func endOfClass(expr string, i int) int {
	for i++; i < len(expr); i++ {
		switch {
		case expr[i] == '\\':
			i++
		case expr[i] == ']' && expr[i-1] != '[' && (expr[i-1] != '^' || expr[i-2] != '['):
			return i
		}
	}
	return i
}

func TestEveryAlternativeIsTakenOutOnce(t *testing.T) {
	got := withoutOne(`a(b|c[|)]|\|)d|e`)
	want := []string{`a(c[|)]|\|)d|e`, `a(b|\|)d|e`, `a(b|c[|)])d|e`, `e`, `a(b|c[|)]|\|)d`}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := withoutOne("a(bc)?d"); !slices.Equal(got, []string{""}) {
		t.Errorf("%q", got)
	}
}

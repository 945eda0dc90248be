package cause

import (
	"slices"
	"sync"
)

//go:generate go run -tags causegen ./gen

// Base is the knowledge base: causes and the rules that name them.
type Base struct {
	entries  []Entry
	services []Service
	rules    []*rule
	byStep   map[string][]*rule // a step's rules, those for any step among them; "" has all
	wordings map[string][]*pattern
	sayings  []Wording // what wordings was made of
}

// Found is a cause that fits facts, with its texts filled in.
type Found struct {
	Cause       string
	Severity    Severity
	Confidence  Confidence
	General     bool // the cause of the step and code, as nothing special is known
	Title       string
	Explanation string
	Who         Who
	Fix         []Fix
	Decides     []Decides
	Links       []Link
	Suggest     *Suggest
}

// Fix is one thing to change.
type Fix struct {
	Text                    string
	Who                     Who
	Setting, From, To, Path string
	Commands                []Command
}

// Command is a complete command for one shell.
type Command struct{ Shell, Text string }

// Decides is a question that tells this cause from the next likely one.
type Decides struct{ Question, Command string }

// Link leads to a source.
type Link struct{ Title, URL string }

// Suggest is a change of settings that is likely to help; empty fields stay as they are.
type Suggest struct {
	Host       string
	Port       int
	Encryption string
	Text       string
}

// Cause is what the base says of a cause without a case: words in capitals
// (HOST, ACCOUNT) stand for what a case would fill in.
type Cause struct {
	ID, Step    string // Step is where it usually shows, "any" when it can be everywhere
	Title       string
	Explanation string
	Who         Who
	Severity    Severity
	Fix         []Fix
	Decides     []Decides
	Links       []Link
}

// Builtin gives the knowledge base that the binary holds.
func Builtin() *Base { return builtin() }

var builtin = sync.OnceValue(func() *Base { return New(entries, services, wordings...) })

// New makes a base of entries that the loader has checked. They stay the
// caller's and must not change.
func New(entries []Entry, services []Service, wordings ...Wording) *Base {
	b := &Base{entries: entries, services: services, byStep: map[string][]*rule{}, wordings: map[string][]*pattern{}, sayings: wordings}
	known := shared{}
	for _, w := range wordings {
		b.wordings[w.ID] = known.patterns(w.Says)
	}
	for i := range entries {
		for j := range entries[i].Rules {
			b.rules = append(b.rules, known.rule(&entries[i], &entries[i].Rules[j], len(b.rules)))
		}
	}
	for _, step := range Steps() {
		for _, r := range b.rules {
			if len(r.When.Step) == 0 || has(r.When.Step, step) {
				b.byStep[step] = append(b.byStep[step], r)
			}
		}
	}
	b.byStep[""] = b.rules
	return b
}

// All gives every cause, in the order of the steps.
func (b *Base) All() []Cause {
	all := make([]Cause, len(b.entries))
	for i := range b.entries {
		all[i] = describe(&b.entries[i])
	}
	return all
}

// Lookup gives the cause with an id, and whether there is one.
func (b *Base) Lookup(id string) (Cause, bool) {
	for i := range b.entries {
		if b.entries[i].ID == id {
			return describe(&b.entries[i]), true
		}
	}
	return Cause{}, false
}

func describe(e *Entry) Cause {
	w := standIns{}
	return Cause{
		ID: e.ID, Step: e.Step, Who: e.Who, Severity: e.Severity, Title: e.Title[len(e.Title)-1],
		Explanation: e.Explanation[len(e.Explanation)-1], Fix: fixes(w, e.Fix, nil), Decides: decides(w, e.Decides, nil), Links: links(e.Links, nil),
	}
}

// Parts gives a copy of what the base was made of, for whoever measures what a
// part of it is worth.
func (b *Base) Parts() ([]Entry, []Service, []Wording) {
	entries := slices.Clone(b.entries)
	for i := range entries {
		entries[i].Rules = slices.Clone(entries[i].Rules)
	}
	return entries, b.services, slices.Clone(b.sayings)
}

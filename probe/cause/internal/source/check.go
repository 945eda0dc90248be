package source

import (
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// longestTitle is what fits on a line of a terminal behind the verdict.
const longestTitle = 72

// placeholder finds braces, closed or not; two open ones stand for one.
var placeholder = regexp.MustCompile(`\{(\{|[^}]*\}?)`)

// checkCause looks at what a cause must have, beyond the form of its parts.
func (f *file) checkCause(n *yaml.Node, e *cause.Entry, examples int) {
	for what, missing := range map[string]bool{"id": e.ID == "", "title": len(e.Title) == 0, "explanation": len(e.Explanation) == 0,
		"who": e.Who == "", "severity": e.Severity == "", "rule": len(e.Rules) == 0, "example": examples == 0} {
		if missing {
			f.fail(n, "cause %q has no %s", e.ID, what)
		}
	}
	if where, ok := f.places[e.ID]; ok {
		f.fail(n, "cause %q stands in %s already", e.ID, where)
	}
	where := fmt.Sprintf("%s:%d", f.file, n.Line)
	f.places[e.ID] = where
	f.variants(n, "title", e.Title)
	f.variants(n, "explanation", e.Explanation)
	f.templates(n, e)
	for _, id := range e.Over {
		f.over = append(f.over, reference{where, e.ID, id})
	}
	for _, r := range e.Rules {
		for _, id := range r.Over {
			f.over = append(f.over, reference{where, e.ID, id})
		}
	}
}

// variants: the last one needs no filling, so that there always is a text.
func (f *file) variants(n *yaml.Node, what string, all []string) {
	if len(all) > 0 && placeholder.MatchString(all[len(all)-1]) {
		f.fail(n, "the last %s must stand without placeholders: %q", what, all[len(all)-1])
	}
}

// templates checks every placeholder and the length of every title.
func (f *file) templates(n *yaml.Node, e *cause.Entry) {
	titles, texts := slices.Clone(e.Title), slices.Clone(e.Explanation)
	fixes, decides := slices.Clone(e.Fix), slices.Clone(e.Decides)
	for _, r := range e.Rules {
		titles, texts = append(titles, r.Title...), append(texts, r.Explanation...)
		fixes, decides = append(fixes, r.Fix...), append(decides, r.Decides...)
		if r.Suggest != nil {
			texts = append(texts, r.Suggest.Host, r.Suggest.Text)
		}
	}
	for _, title := range titles {
		if utf8.RuneCountInString(title) > longestTitle {
			f.fail(n, "title of more than %d characters: %q", longestTitle, title)
		}
	}
	for _, x := range fixes {
		texts = append(texts, x.Text, x.From, x.To, x.Path)
		for _, c := range x.Commands {
			texts = append(texts, c.Text)
		}
	}
	for _, d := range decides {
		texts = append(texts, d.Question, d.Command)
	}
	f.placeholders(n, append(titles, texts...))
}

func (f *file) placeholders(n *yaml.Node, texts []string) {
	known := append(cause.Placeholders(), f.own...)
	for _, text := range texts {
		for _, found := range placeholder.FindAllString(text, -1) {
			if found != "{{" && (len(found) < 3 || found[len(found)-1] != '}' || !slices.Contains(known, found[1:len(found)-1])) {
				f.fail(n, "unknown placeholder %q in %q", found, text)
			}
		}
	}
}

func (f *file) checkRule(n *yaml.Node, r *cause.Rule) {
	if r.Confidence == "" {
		f.fail(n, "a rule needs a confidence")
	}
	if r.General && r.Confidence == cause.Certain {
		f.fail(n, "a general rule cannot be certain")
	}
	w := r.When
	empty := w.Failed == "" && len(w.Fault)+len(w.Code)+len(w.Enhanced)+len(w.Text)+len(w.Wording)+len(w.Seen)+len(w.AnySeen)+len(w.Mentions)+len(w.Sender) == 0
	if empty {
		f.fail(n, "a rule needs evidence: a fault, a reply or something seen")
	}
}

// checkOver: what is removed must be there, and be another one.
func (l *loader) checkOver() {
	for _, ref := range l.over {
		if _, ok := l.places[ref.to]; !ok || ref.from == ref.to {
			l.problems = append(l.problems, fmt.Errorf("%s: cause %q cannot go over %q", ref.where, ref.from, ref.to))
		}
	}
}

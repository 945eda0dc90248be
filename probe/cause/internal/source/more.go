package source

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// addition is what a file adds to a cause of another file: "more: ID" with
// rules and examples. A cause that shows at several steps has its texts in one
// file, and each step's rules for it in that step's own.
type addition struct {
	where, id string
	rules     []cause.Rule
}

func isMore(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) > 0 && n.Content[0].Value == "more"
}

func (f *file) readMore(n *yaml.Node) {
	a := addition{where: fmt.Sprintf("%s:%d", f.file, n.Line)}
	f.own = nil
	var examples []*yaml.Node
	f.fields(n, map[string]func(*yaml.Node){
		"more": f.word(&a.id), "rules": f.rules(&a.rules),
		"examples": func(n *yaml.Node) { f.each(n, func(x *yaml.Node) { examples = append(examples, x) }) },
	})
	if len(a.rules) == 0 || len(examples) == 0 {
		f.fail(n, "more of cause %q needs rules and examples", a.id)
	}
	f.checkRules(n, a.id, a.rules)
	for _, x := range examples {
		f.base.Examples = append(f.base.Examples, f.readExample(x, a.id))
	}
	f.more = append(f.more, a)
}

// checkRules looks at rules apart from their cause.
func (f *file) checkRules(n *yaml.Node, id string, rules []cause.Rule) {
	f.templates(n, &cause.Entry{Rules: rules})
	where := fmt.Sprintf("%s:%d", f.file, n.Line)
	for _, r := range rules {
		for _, over := range r.Over {
			f.over = append(f.over, reference{where, id, over})
		}
	}
}

// addMore puts the rules to their causes, once all of these are read.
func (l *loader) addMore() {
	for _, a := range l.more {
		i := slices.IndexFunc(l.base.Entries, func(e cause.Entry) bool { return e.ID == a.id })
		if i < 0 {
			l.problems = append(l.problems, fmt.Errorf("%s: there is no cause %q to add to", a.where, a.id))
			continue
		}
		l.base.Entries[i].Rules = append(l.base.Entries[i].Rules, a.rules...)
	}
}

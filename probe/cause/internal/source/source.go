// Package source reads the causes' YAML files, strictly. For the generator of
// the table and for the tests; no program is linked with it.
package source

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// Base is what the files hold.
type Base struct {
	Entries  []cause.Entry
	Services []cause.Service
	Wordings []cause.Wording
	Examples []Example
}

// Example is a case that must be diagnosed as its cause; First is another one
// where the cause is a remark that comes behind it.
type Example struct {
	Cause, First, File string
	Line               int
	Facts              cause.Facts
}

// fileOrder is the order of the steps' files; any.yaml holds what can be seen everywhere.
func fileOrder() []string {
	return []string{"settings", "dns", "tcp", "greeting", "ehlo", "starttls", "tls", "certificate", "auth", "sender", "message", "delivery", "redirect", "any", "explain"}
}

// defaultSteps is where a rule holds that names no step.
func defaultSteps(file string) []string {
	switch file {
	case "ehlo":
		return []string{"ehlo", "ehlo-tls"}
	case "sender":
		return []string{"sender", "message"}
	case "message":
		return []string{"message", "sender"}
	case "explain":
		return []string{"settings"}
	}
	return []string{file}
}

// connectionSteps are those between which a pasted sentence of a client seldom
// tells: a rule for such texts holds at all of them.
func connectionSteps() []string {
	return []string{"dns", "tcp", "greeting", "ehlo", "starttls", "tls", "certificate", "ehlo-tls"}
}

// Read reads all files of a folder. Observations is the vocabulary of
// "seen". The error tells everything that is wrong, a line for each.
func Read(folder fs.FS, observations []string) (Base, error) {
	l := &loader{observations: observations, places: map[string]string{}}
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return Base{}, err
	}
	l.readServices(folder)
	if slices.Contains(names, "wordings.yaml") {
		l.readWordings(folder)
	}
	for _, step := range fileOrder() {
		for _, name := range names {
			if stepOfFile(name) == step {
				l.readFile(folder, step, name)
			}
		}
	}
	for _, name := range names {
		if step := stepOfFile(name); step != "services" && step != "wordings" && !slices.Contains(fileOrder(), step) {
			l.problems = append(l.problems, fmt.Errorf("%s: unknown step %q", name, step))
		}
	}
	l.addMore()
	l.checkOver()
	return l.base, errors.Join(l.problems...)
}

// stepOfFile: a step's causes stand in STEP.yaml, and in STEP-PART.yaml where
// one file would be too long to read.
func stepOfFile(name string) string {
	step, _, _ := strings.Cut(strings.TrimSuffix(name, ".yaml"), "-")
	return step
}

type loader struct {
	base         Base
	observations []string
	problems     []error
	places       map[string]string // where each cause is
	over         []reference
	more         []addition
}

// reference is a cause named by another.
type reference struct{ where, from, to string }

func parse(folder fs.FS, name string) (*yaml.Node, error) {
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if document.Kind != yaml.DocumentNode {
		return nil, fmt.Errorf("%s: the file is empty", name)
	}
	return document.Content[0], nil
}

func (l *loader) readServices(folder fs.FS) {
	root, err := parse(folder, "services.yaml")
	if err != nil {
		l.problems = append(l.problems, err)
		return
	}
	r := &reader{file: "services.yaml"}
	r.each(root, func(n *yaml.Node) {
		var s cause.Service
		r.fields(n, map[string]func(*yaml.Node){"id": r.word(&s.ID), "hosts": r.words(&s.Hosts), "providers": r.words(&s.Providers),
			"greetings": r.words(&s.Greetings), "replies": r.words(&s.Replies)})
		if s.ID == "" || l.hasService(s.ID) {
			r.fail(n, "a service needs an id of its own")
		}
		for _, word := range slices.Concat(s.Hosts, s.Greetings, s.Replies) {
			if word != strings.ToLower(word) {
				r.fail(n, "%q is not lower case", word)
			}
		}
		l.base.Services = append(l.base.Services, s)
	})
	l.problems = append(l.problems, r.errs...)
}

// readWordings reads the lists of wordings; rules refer to them by their ids.
func (l *loader) readWordings(folder fs.FS) {
	root, err := parse(folder, "wordings.yaml")
	if err != nil {
		l.problems = append(l.problems, err)
		return
	}
	f := &file{reader: reader{file: "wordings.yaml"}, loader: l}
	f.each(root, func(n *yaml.Node) {
		var w cause.Wording
		f.fields(n, map[string]func(*yaml.Node){"id": f.word(&w.ID), "says": f.patterns(&w.Says)})
		if w.ID == "" || len(w.Says) == 0 || slices.Contains(l.wordingIDs(), w.ID) {
			f.fail(n, "wordings need an id of their own, and patterns")
		}
		l.base.Wordings = append(l.base.Wordings, w)
	})
	if len(f.own) > 0 {
		f.fail(root, "patterns of wordings catch nothing: %v", f.own)
	}
	l.problems = append(l.problems, f.errs...)
}

func (l *loader) wordingIDs() []string {
	var ids []string
	for _, w := range l.base.Wordings {
		ids = append(ids, w.ID)
	}
	return ids
}

func (l *loader) hasService(id string) bool {
	return slices.ContainsFunc(l.base.Services, func(s cause.Service) bool { return s.ID == id })
}

func (l *loader) serviceIDs() []string {
	var ids []string
	for _, s := range l.base.Services {
		ids = append(ids, s.ID)
	}
	return ids
}

func (l *loader) readFile(folder fs.FS, step, name string) {
	root, err := parse(folder, name)
	if err != nil {
		l.problems = append(l.problems, err)
		return
	}
	f := &file{reader: reader{file: name}, loader: l, step: step}
	f.each(root, func(n *yaml.Node) {
		if isMore(n) {
			f.readMore(n)
			return
		}
		f.readCause(n)
	})
	l.problems = append(l.problems, f.errs...)
}

// file reads the causes of one file.
type file struct {
	reader
	*loader
	step string
	own  []string // named groups of the cause's patterns
}

func (f *file) readCause(n *yaml.Node) {
	e := cause.Entry{Step: f.step}
	f.own = nil
	var examples []*yaml.Node
	f.fields(n, map[string]func(*yaml.Node){
		"id": f.word(&e.ID), "title": f.words(&e.Title), "explanation": f.words(&e.Explanation),
		"who": f.who(&e.Who), "severity": f.severity(&e.Severity), "over": f.words(&e.Over),
		"fix": f.fixes(&e.Fix), "decides": f.decides(&e.Decides), "links": f.links(&e.Links), "rules": f.rules(&e.Rules),
		"examples": func(n *yaml.Node) { f.each(n, func(x *yaml.Node) { examples = append(examples, x) }) },
	})
	f.checkCause(n, &e, len(examples))
	for _, x := range examples {
		f.base.Examples = append(f.base.Examples, f.readExample(x, e.ID))
	}
	f.base.Entries = append(f.base.Entries, e)
}

func (f *file) who(into *cause.Who) func(*yaml.Node) {
	return typed(&f.reader, into, "who", cause.User, cause.ITAdmin, cause.MailProvider, cause.Network, cause.RecipientSide, cause.Application)
}

func (f *file) severity(into *cause.Severity) func(*yaml.Node) {
	return typed(&f.reader, into, "severity", cause.Error, cause.Warning, cause.Info)
}

func (f *file) fixes(into *[]cause.FixEntry) func(*yaml.Node) {
	return func(n *yaml.Node) {
		f.each(n, func(n *yaml.Node) {
			var x cause.FixEntry
			f.fields(n, map[string]func(*yaml.Node){"when": f.condition(&x.When), "text": f.word(&x.Text), "who": f.who(&x.Who),
				"setting": f.word(&x.Setting), "from": f.word(&x.From), "to": f.word(&x.To), "path": f.word(&x.Path), "commands": f.commands(&x.Commands)})
			if x.Text == "" || x.Who == "" {
				f.fail(n, "a fix needs text and who")
			}
			*into = append(*into, x)
		})
	}
}

func (f *file) commands(into *[]cause.Command) func(*yaml.Node) {
	return func(n *yaml.Node) {
		f.each(n, func(n *yaml.Node) {
			var c cause.Command
			f.fields(n, map[string]func(*yaml.Node){"shell": typed(&f.reader, &c.Shell, "shell", "posix", "powershell"), "text": f.word(&c.Text)})
			if c.Shell == "" || c.Text == "" {
				f.fail(n, "a command needs shell and text")
			}
			*into = append(*into, c)
		})
	}
}

func (f *file) decides(into *[]cause.DecidesEntry) func(*yaml.Node) {
	return func(n *yaml.Node) {
		f.each(n, func(n *yaml.Node) {
			var d cause.DecidesEntry
			f.fields(n, map[string]func(*yaml.Node){"when": f.condition(&d.When), "question": f.word(&d.Question), "command": f.word(&d.Command)})
			if d.Question == "" {
				f.fail(n, "what decides needs a question")
			}
			*into = append(*into, d)
		})
	}
}

func (f *file) links(into *[]cause.LinkEntry) func(*yaml.Node) {
	return func(n *yaml.Node) {
		f.each(n, func(n *yaml.Node) {
			var x cause.LinkEntry
			f.fields(n, map[string]func(*yaml.Node){"when": f.condition(&x.When), "title": f.word(&x.Title), "url": f.word(&x.URL)})
			if x.Title == "" || !strings.HasPrefix(x.URL, "https://") {
				f.fail(n, "a link needs a title and an https URL")
			}
			*into = append(*into, x)
		})
	}
}

func (f *file) rules(into *[]cause.Rule) func(*yaml.Node) {
	return func(n *yaml.Node) {
		f.each(n, func(n *yaml.Node) {
			var x cause.Rule
			f.fields(n, map[string]func(*yaml.Node){
				"when": f.when(&x.When), "general": f.truth(&x.General), "title": f.words(&x.Title), "explanation": f.words(&x.Explanation),
				"confidence": typed(&f.reader, &x.Confidence, "confidence", cause.Certain, cause.Likely, cause.Possible),
				"who":        f.who(&x.Who), "severity": f.severity(&x.Severity), "fix": f.fixes(&x.Fix), "decides": f.decides(&x.Decides),
				"over": f.words(&x.Over), "suggest": f.suggest(&x.Suggest)})
			f.checkRule(n, &x)
			*into = append(*into, x)
		})
	}
}

func (f *file) suggest(into **cause.Suggest) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var s cause.Suggest
		f.fields(n, map[string]func(*yaml.Node){"host": f.word(&s.Host), "port": f.number(&s.Port), "text": f.word(&s.Text),
			"encryption": typed(&f.reader, &s.Encryption, "encryption", "starttls", "ssl")})
		if s.Text == "" || s.Host == "" && s.Port == 0 && s.Encryption == "" {
			f.fail(n, "a suggestion needs a change and a text")
		}
		*into = &s
	}
}

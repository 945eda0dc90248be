package profile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe"
)

// parser reads one settings file. The library's own error texts quote values,
// so none of them is passed on.
type parser struct {
	origin fileOrigin
	name   string
	lines  []string
}

func parseFile(origin fileOrigin, raw []byte) (*document, error) {
	text := DecodeText(raw)
	p := &parser{origin: origin, name: origin.path, lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
	if origin.path == "-" {
		p.name = "standard input"
	}
	if line, column, isControl := firstUnreadable(text); line > 0 {
		return nil, p.noText(line, column, isControl)
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	root, err := decode(decoder)
	switch {
	case errors.Is(err, io.EOF):
		return nil, p.empty()
	case err != nil:
		return nil, p.syntax(err)
	}
	if _, err := decode(decoder); !errors.Is(err, io.EOF) {
		return nil, usage("Put all profiles below one \"profiles:\", without a line ---.", "%s holds more than one YAML document", p.name)
	}
	if len(root.Content) == 0 || root.Content[0].Tag == "!!null" {
		return nil, p.empty()
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, usage(beginning, "%s: the settings have to be lines of the form \"key: value\"", p.at(top))
	}
	return p.document(top)
}

// decode reads one YAML document; should the library ever panic on a file,
// that is an error of the file.
func decode(d *yaml.Decoder) (root yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the parser gave up")
		}
	}()
	err = d.Decode(&root)
	return root, err
}

const beginning = "It begins like this:\n  host: smtp.example.com\n  account: me@example.com"

func (p *parser) empty() *UsageError { return usage(beginning, "%s is empty", p.name) }

func (p *parser) noText(line, column int, isControl bool) *UsageError {
	if isControl {
		return usage("Remove it; in double quotes it can be written as \\x and two digits.", "%s:%d:%d: a control character", p.name, line, column)
	}
	return usage("Save the file as UTF-8.", "%s:%d:%d: the file is neither UTF-8 nor UTF-16", p.name, line, column)
}

func (p *parser) at(n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", p.name, n.Line, n.Column)
}

// document reads one profile at the top, or profiles with defaults.
func (p *parser) document(top *yaml.Node) (*document, error) {
	d := &document{file: p.name, profiles: map[string]*layer{}}
	profiles, defaults := child(top, "profiles"), child(top, "defaults")
	switch {
	case profiles == nil && defaults != nil:
		return nil, usage("profiles:\n    berlin:\n      host: smtp.example.com", "%s: there are defaults and no profiles", p.at(defaults))
	case profiles == nil:
		d.single = true
		d.profiles[""] = p.layer(top, nil)
		return d, nil
	}
	if wrong := p.topKeys(top); wrong != nil {
		return nil, wrong
	}
	if profiles.Kind != yaml.MappingNode || len(profiles.Content) == 0 {
		return nil, usage("profiles:\n    berlin:\n      host: smtp.example.com", "%s: profiles wants names with settings below them", p.at(profiles))
	}
	if wrong := p.profiles(d, profiles, defaults); wrong != nil {
		return nil, wrong
	}
	return d, nil
}

// topKeys: beside profiles and defaults there is nothing at the top, and both once.
func (p *parser) topKeys(top *yaml.Node) *UsageError {
	seen := map[string]bool{}
	for i := 0; i < len(top.Content); i += 2 {
		key := top.Content[i]
		switch {
		case kindOf(key.Value) != 0:
			return usage("Move it below a profile, or below defaults: for all of them.", "%s: %s stands beside the profiles", p.at(key), key.Value)
		case key.Value != "profiles" && key.Value != "defaults":
			return p.unknown(key, []string{"profiles", "defaults"})
		case seen[key.Value]:
			return p.twice(key)
		}
		seen[key.Value] = true
	}
	return nil
}

func (p *parser) profiles(d *document, profiles, defaults *yaml.Node) *UsageError {
	for i := 0; i < len(profiles.Content); i += 2 {
		key := profiles.Content[i]
		switch {
		case !isProfileName(key.Value):
			return usage("Letters, digits, - and _.", "%s: this cannot be the name of a profile", p.at(key))
		case d.profiles[key.Value] != nil:
			return usage("Give each its own name.", "%s: there is a profile of this name already", p.at(key))
		}
		d.names = append(d.names, key.Value)
		d.profiles[key.Value] = p.layer(resolve(profiles.Content[i+1]), defaults)
	}
	return nil
}

func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

// resolve follows an alias. Nothing here follows aliases deeper than the shape
// of a settings file, so that a bomb of them stays small.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// unknown refuses a key. It is named only where it resembles a valid one:
// otherwise it may be half a password.
func (p *parser) unknown(key *yaml.Node, valid []string) *UsageError {
	if key.Value == "<<" {
		return usage("What several profiles share stands below defaults:.", "%s: merging with << is not supported", p.at(key))
	}
	if near := nearestKey(key.Value, valid); near != "" {
		return usage("Did you mean "+near+"?", "%s: there is no key %q", p.at(key), key.Value)
	}
	return usage("Known: "+strings.Join(valid, ", ")+".", "%s: there is no such key", p.at(key))
}

func (p *parser) twice(key *yaml.Node) *UsageError {
	return &UsageError{Key: key.Value, Text: fmt.Sprintf("%s: %s stands here twice", p.at(key), key.Value), Hint: "Keep one of them."}
}

// layer reads the settings of one profile over the defaults. The first fault
// stays in it, so that other profiles can run; what else can be read is read
// all the same, so that a report can name the host.
func (p *parser) layer(n, defaults *yaml.Node) *layer {
	l := &layer{origin: p.origin, values: map[string]value{}}
	for _, m := range []*yaml.Node{defaults, n} {
		var wrong *UsageError
		switch {
		case m == nil || m.Tag == "!!null":
		case m.Kind != yaml.MappingNode:
			wrong = usage("host: smtp.example.com", "%s: settings are wanted here, each as \"key: value\"", p.at(m))
		default:
			wrong = p.read(l, m)
		}
		if l.wrong == nil {
			l.wrong = wrong
		}
	}
	return l
}

// read takes the keys of one mapping and gives the first fault.
func (p *parser) read(l *layer, m *yaml.Node) (first *UsageError) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key := m.Content[i]
		v, wrong := p.setting(key, resolve(m.Content[i+1]), seen)
		if v != nil {
			l.values[key.Value] = *v
		}
		if first == nil {
			first = wrong
		}
	}
	return first
}

func (p *parser) setting(key, node *yaml.Node, seen map[string]bool) (*value, *UsageError) {
	kind := kindOf(key.Value)
	switch {
	case kind == 0:
		return nil, p.unknown(key, keyNames())
	case seen[key.Value]:
		return nil, p.twice(key)
	}
	seen[key.Value] = true
	v, wrong := p.value(key, kind, node)
	if wrong != nil {
		wrong.Key = key.Value
	}
	return v, wrong
}

// value reads one setting; nil: it is empty and counts as unset.
func (p *parser) value(key *yaml.Node, kind keyKind, n *yaml.Node) (*value, *UsageError) {
	name := key.Value
	v := &value{at: p.at(n), level: levelFile, file: &p.origin, origin: probe.Origin{From: "file", Where: fmt.Sprintf("%s:%d", p.name, n.Line)}}
	switch {
	case kind == secretKind:
		return p.secret(key, v, n)
	case kind == inboxKind:
		return p.inbox(v, n)
	case kind == listKind && n.Kind == yaml.SequenceNode:
		return p.list(name, v, n)
	case n.Kind != yaml.ScalarNode && kind == listKind:
		return nil, usage("Write it as "+name+": [a@example.com, b@example.com].", "%s: %s wants one address or a list of them", p.at(n), name)
	case n.Kind != yaml.ScalarNode:
		return nil, usage("Write it as "+name+": "+example(name), "%s: %s wants one value", p.at(n), name)
	}
	if name == "account" {
		if wrong := p.cut(key, n); wrong != nil {
			return nil, wrong
		}
	}
	if n.Tag == "!!null" || n.Value == "" {
		return nil, nil
	}
	v.text, v.list = n.Value, []string{n.Value}
	return v, nil
}

func (p *parser) list(name string, v *value, n *yaml.Node) (*value, *UsageError) {
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return nil, usage("Write it as "+name+": [a@example.com, b@example.com].", "%s: this is no address", p.at(item))
		}
		v.list = append(v.list, item.Value)
	}
	if len(v.list) == 0 {
		return nil, nil
	}
	return v, nil
}

// sourceKinds are the words of a mapping that says where a credential is.
func sourceKinds(key string) []string {
	kinds := []string{"env", "file", "command", "keyring"}
	if key == "password" {
		kinds = append(kinds, "prompt")
	}
	return kinds
}

func sourceForm(key string) string {
	form := "Write it as " + key + ": {env: NAME}, {file: PATH}, {command: [program, argument]} or {keyring: SERVICE}."
	other := "{oauth: microsoft, client_id: ID}"
	if key == "password" {
		other = "{prompt: true}"
	}
	return strings.Replace(form, " or {keyring: SERVICE}", ", {keyring: SERVICE} or "+other, 1)
}

// secret reads a password or token: where it is, or the thing itself.
func (p *parser) secret(key *yaml.Node, v *value, n *yaml.Node) (*value, *UsageError) {
	if n.Kind == yaml.ScalarNode {
		if wrong := p.cut(key, n); wrong != nil || n.Tag == "!!null" {
			return nil, wrong
		}
		v.source = &Source{Kind: "literal", Value: n.Value}
		return v, nil
	}
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return nil, usage(sourceForm(key.Value)+"\n"+quoteHint(key.Value), "%s: YAML reads this as a list, not as a %s", p.at(n), key.Value)
	}
	if key.Value == "token" && child(n, "oauth") != nil {
		o, wrong := p.oauth(n)
		v.source = &Source{Kind: "oauth", OAuth: o}
		return v, wrong
	}
	word, body := n.Content[0], resolve(n.Content[1])
	kinds := sourceKinds(key.Value)
	switch {
	case !slices.Contains(kinds, word.Value):
		hint := sourceForm(key.Value) + "\n" + quoteHint(key.Value)
		if near := nearest(word.Value, kinds); near != "" {
			hint = "Did you mean " + near + "?"
		}
		return nil, usage(hint, "%s: a %s cannot come from there", p.at(word), key.Value)
	case len(n.Content) > 2:
		return nil, usage("Keep one of them.", "%s: two sources for the %s", p.at(n.Content[2]), key.Value)
	}
	source, wrong := p.source(key.Value, word.Value, body)
	v.source = source
	return v, wrong
}

func (p *parser) source(key, kind string, body *yaml.Node) (*Source, *UsageError) {
	s := &Source{Kind: kind}
	switch {
	case kind == "command" && body.Kind == yaml.SequenceNode && len(body.Content) > 0:
		for _, word := range body.Content {
			if word = resolve(word); word.Kind != yaml.ScalarNode {
				return nil, usage("Write it as command: [program, argument].", "%s: a command is a list of words", p.at(word))
			}
			s.Argv = append(s.Argv, resolve(word).Value)
		}
		if s.Argv[0] == "" {
			return nil, usage("Write it as command: [program, argument].", "%s: the program has no name", p.at(body))
		}
	case body.Kind != yaml.ScalarNode:
		return nil, usage(sourceForm(key), "%s: %s wants one value", p.at(body), kind)
	case kind == "prompt" && body.Value != "true":
		return nil, usage("Write it as "+key+": {prompt: true}, or leave it out.", "%s: prompt wants true", p.at(body))
	case body.Value == "" && kind != "keyring":
		return nil, usage(sourceForm(key), "%s: %s wants a value", p.at(body), kind)
	case kind == "keyring" && body.Value == "true":
		s.Value = KeyringService
	case kind != "prompt":
		s.Value = body.Value
	}
	return s, nil
}

// cut refuses an unquoted password or account of which YAML keeps a part: a
// comment after it, a tag, an anchor, a second line; and words for nothing.
func (p *parser) cut(key, n *yaml.Node) *UsageError {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	refuse := func(why string) *UsageError {
		return usage(quoteHint(key.Value), "%s: %s", p.at(n), why)
	}
	isNull := n.Tag == "!!null"
	switch {
	case !isNull && n.Tag != "!!str" && n.Style&yaml.TaggedStyle != 0:
		return refuse("YAML takes the word after ! for a type, not for a part of the value")
	case n.Style&quoted != 0:
		return nil
	case n.LineComment != "", isNull && key.LineComment != "":
		return refuse("YAML takes the rest of the line, from #, for a comment")
	case isNull && n.Value != "":
		return refuse("YAML takes this word for \"nothing\"")
	case n.Anchor != "":
		return refuse("YAML takes the word after & for a name, not for a part of the value")
	case !isNull && n.Tag == "!!str" && n.Style&yaml.TaggedStyle == 0 && !p.standsAt(n):
		return refuse("the value goes on in the next line")
	}
	return nil
}

// standsAt tells whether a plain value stands in one piece where it begins.
func (p *parser) standsAt(n *yaml.Node) bool {
	if n.Line < 1 || n.Line > len(p.lines) {
		return false
	}
	line := p.lines[n.Line-1]
	for skip := n.Column - 1; skip > 0 && line != ""; skip-- {
		_, width := utf8.DecodeRuneInString(line)
		line = line[width:]
	}
	return strings.HasPrefix(line, n.Value)
}

package profile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe"
)

// layer is what one source says: values by YAML key.
type layer struct {
	file   string // path, "" when it is no file
	named  bool   // the user named the file
	info   *Ownership
	values map[string]value
	wrong  *UsageError // why this profile cannot be used
}

// value is one setting as it was written.
type value struct {
	text   string
	list   []string
	source *Source
	origin probe.Origin
	at     string // file:line:column, or the flag's or variable's name
	level  int
}

// Levels of sources; a higher one goes before a lower.
const (
	levelFile = iota + 1
	levelEnv
	levelFlag
)

// document is a settings file.
type document struct {
	file     string
	single   bool // one profile without a name
	order    []string
	profiles map[string]*layer
}

func (d *document) names() []string         { return d.order }
func (d *document) profile(n string) *layer { return d.profiles[n] }

// only gives the one profile that is meant when none is named, or nil.
func (d *document) only() (string, *layer) {
	switch {
	case d.single:
		return "", d.profiles[""]
	case len(d.order) == 1:
		return d.order[0], d.profiles[d.order[0]]
	case d.profiles["default"] != nil:
		return "default", d.profiles["default"]
	}
	return "", nil
}

// readFile reads the settings file, if one is to be read: none when the server
// comes from the command line, unless a file or profile is named.
func (l *loader) readFile(targets []target) (*document, error) {
	if l.flags.Config == "" && l.namesServer(targets) && !namesProfile(targets) && !l.flags.All {
		return nil, nil
	}
	path, info, err := l.findFile()
	if err != nil || path == "" {
		return nil, err
	}
	var raw []byte
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(l.world.Stdin, MaxFile+1))
	} else {
		raw, err = l.world.ReadFile(path)
	}
	switch {
	case err != nil:
		return nil, usage("See whether the path is right and the file may be read.", "the settings file %s cannot be read: %s", path, reason(err))
	case len(raw) > MaxFile:
		return nil, usage("A settings file holds a few profiles.", "%s is larger than %d bytes", path, MaxFile)
	}
	p := &fileParser{path: path, named: l.flags.Config != "", info: info}
	return p.parse(decodeText(raw))
}

// reason is the part of a file error that says why.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// findFile gives the file that was named, or the first that is found.
func (l *loader) findFile() (string, *Ownership, error) {
	if l.flags.Config != "" {
		return l.flags.Config, l.ownership(l.flags.Config), nil
	}
	if info, err := l.world.Stat("smtpdx.yaml"); err == nil && !info.IsDir() {
		o := l.world.Owner(info)
		if o.Foreign || o.OthersMayWrite {
			return "", nil, usage("Name it with -c if it is to be trusted, or take the rights away: chmod go-w smtpdx.yaml",
				"./smtpdx.yaml is not read: another user owns it or may write to it")
		}
		return "smtpdx.yaml", &o, nil
	}
	dir, err := l.world.UserConfigDir()
	if err != nil {
		return "", nil, nil //nolint:nilerr // without a configuration folder there is no file in it
	}
	path := filepath.Join(dir, "smtpdx", "smtpdx.yaml")
	if info, err := l.world.Stat(path); err != nil || info.IsDir() {
		return "", nil, nil //nolint:nilerr // no file is no error
	}
	return path, l.ownership(path), nil
}

func (l *loader) ownership(path string) *Ownership {
	info, err := l.world.Stat(path)
	if err != nil {
		return nil
	}
	o := l.world.Owner(info)
	return &o
}

type fileParser struct {
	path  string
	named bool
	info  *Ownership
	lines []string
}

func (p *fileParser) at(n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", p.path, n.Line, n.Column)
}

func (p *fileParser) parse(text string) (*document, error) {
	p.lines = strings.Split(text, "\n")
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		return nil, p.syntax(err)
	}
	var more yaml.Node
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, usage("Put everything above the line with ---.", "%s holds more than one YAML document", p.path)
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, usage("It begins like this:\n  host: smtp.example.com\n  account: me@example.com", "%s: the settings have to be \"key: value\" lines", p.at(top))
	}
	return p.document(top)
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// syntax puts a YAML error into words of ours: the library's quote values.
func (p *fileParser) syntax(err error) error {
	if errors.Is(err, io.EOF) {
		return usage("It begins like this:\n  host: smtp.example.com\n  account: me@example.com", "%s is empty", p.path)
	}
	number := 0
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		number, _ = strconv.Atoi(m[1])
	}
	text := err.Error()
	// The library counts some errors from the line before.
	for _, n := range []int{number, number + 1} {
		if key := p.secretLine(n); key != "" && !strings.Contains(text, "found character that cannot start any token") || p.cut(n) {
			return &UsageError{Key: key, Text: fmt.Sprintf("%s:%d: YAML cannot read the value", p.path, n), Hint: quoteHint}
		}
	}
	where := p.path
	if number > 0 {
		where = fmt.Sprintf("%s:%d", p.path, number)
	}
	switch {
	case strings.Contains(text, "cannot start any token") && number > 0 && number <= len(p.lines) && strings.HasPrefix(strings.TrimLeft(p.lines[number-1], " "), "\t"):
		return usage("Indent with blanks.", "%s: the line begins with a tab", where)
	case strings.Contains(text, "cannot start any token"):
		return usage("Indent with blanks, and put values with special characters in single quotes.", "%s: YAML has no such character at this place", where)
	case strings.Contains(text, "mapping values are not allowed"):
		return usage(quoteHint, "%s: there is a colon too many", where)
	case strings.Contains(text, "anchor"), strings.Contains(text, "alias"):
		return usage(quoteHint, "%s: an alias (*) or anchor (&) that YAML cannot follow", where)
	}
	return usage("Each line is \"key: value\"; the keys below a profile are indented by two blanks.", "%s: this is not YAML", where)
}

const quoteHint = "Put the value in single quotes: password: 'a: b #c'   (a single quote inside is written twice)"

var secretKey = regexp.MustCompile(`^\s*(?:-\s+)?(password|token)\s*:`)

// secretLine gives the key of a credential that begins on a line, or "".
func (p *fileParser) secretLine(n int) string {
	if n < 1 || n > len(p.lines) {
		return ""
	}
	if m := secretKey.FindStringSubmatch(p.lines[n-1]); m != nil {
		return m[1]
	}
	return ""
}

var cutValue = regexp.MustCompile("^\\s*[a-z_]+:\\s+[@`%&*!|>{\\[,]")

// cut tells whether a line's value begins with a character that YAML keeps for itself.
func (p *fileParser) cut(n int) bool {
	return n >= 1 && n <= len(p.lines) && cutValue.MatchString(p.lines[n-1])
}

// document reads one profile at the top, or profiles with defaults.
func (p *fileParser) document(top *yaml.Node) (*document, error) {
	d := &document{file: p.path, profiles: map[string]*layer{}}
	profiles := child(top, "profiles")
	if profiles == nil {
		d.single = true
		d.profiles[""] = p.layer(top, nil)
		return d, nil
	}
	for i := 0; i < len(top.Content); i += 2 {
		if key := top.Content[i]; key.Value != "profiles" && key.Value != "defaults" {
			return nil, p.unknown(key, []string{"profiles", "defaults"})
		}
	}
	if err := p.once(top); err != nil {
		return nil, err
	}
	if profiles.Kind != yaml.MappingNode || len(profiles.Content) == 0 {
		return nil, usage("profiles:\n    berlin:\n      host: smtp.example.com", "%s: profiles wants names with settings below them", p.at(profiles))
	}
	defaults := child(top, "defaults")
	if defaults != nil && defaults.Kind != yaml.MappingNode && defaults.Tag != "!!null" {
		return nil, usage("defaults:\n    port: 587", "%s: defaults wants settings below it", p.at(defaults))
	}
	return d, p.profiles(d, profiles, defaults)
}

func (p *fileParser) profiles(d *document, profiles, defaults *yaml.Node) error {
	if err := p.once(profiles); err != nil {
		return err
	}
	for i := 0; i < len(profiles.Content); i += 2 {
		key, body := profiles.Content[i], resolve(profiles.Content[i+1])
		if !profileName.MatchString(key.Value) {
			return usage("Letters, digits, - and _.", "%s: this cannot be the name of a profile", p.at(key))
		}
		l := p.layer(body, defaults)
		d.order = append(d.order, key.Value)
		d.profiles[key.Value] = l
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

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func (p *fileParser) unknown(key *yaml.Node, valid []string) *UsageError {
	hint := "Known: " + strings.Join(valid, ", ") + "."
	if near := nearest(key.Value, valid); near != "" {
		hint = "Did you mean " + near + "?"
	}
	return &UsageError{Text: fmt.Sprintf("%s: there is no key %s", p.at(key), keyWord(key.Value)), Hint: hint}
}

// keyWord quotes a key; what does not look like one may be half a password.
func keyWord(key string) string {
	if len(key) <= 40 && regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`).MatchString(key) {
		return strconv.Quote(key)
	}
	return "of that name"
}

// once refuses a key that stands in a mapping twice.
func (p *fileParser) once(n *yaml.Node) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; seen[key.Value] {
			return usage("Keep one of them.", "%s: %s stands here twice", p.at(key), keyWord(key.Value))
		}
		seen[n.Content[i].Value] = true
	}
	return nil
}

// layer reads the settings of one profile over the defaults; a fault stays in
// it, so that other profiles can run.
func (p *fileParser) layer(n, defaults *yaml.Node) *layer {
	l := &layer{file: p.path, named: p.named, info: p.info, values: map[string]value{}}
	for _, m := range []*yaml.Node{defaults, n} {
		if m == nil || m.Tag == "!!null" {
			continue
		}
		if m.Kind != yaml.MappingNode {
			l.wrong = usage("host: smtp.example.com", "%s: a profile wants settings below it", p.at(m))
			return l
		}
		if l.wrong == nil {
			l.wrong = p.read(l, m)
		}
	}
	return l
}

// read takes the keys of one mapping.
func (p *fileParser) read(l *layer, m *yaml.Node) *UsageError {
	seen := map[string]bool{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, node := m.Content[i], resolve(m.Content[i+1])
		kind, known := keys[key.Value]
		switch {
		case !known:
			return p.unknown(key, keyNames())
		case kind == reserved:
			return usage("Leave it out for now.", "%s: %s is not in this version yet", p.at(key), key.Value)
		case seen[key.Value]:
			return usage("Keep one of them.", "%s: %s stands here twice", p.at(key), key.Value)
		}
		seen[key.Value] = true
		v, wrong := p.value(key.Value, kind, node)
		if wrong != nil {
			wrong.Key = key.Value
			return wrong
		}
		if v != nil {
			l.values[key.Value] = *v
		}
	}
	return nil
}

// value reads one setting; nil: it is empty and counts as unset.
func (p *fileParser) value(key string, kind keyKind, n *yaml.Node) (*value, *UsageError) {
	v := &value{at: p.at(n), level: levelFile, origin: probe.Origin{From: "file", Where: fmt.Sprintf("%s:%d", p.path, n.Line)}}
	if kind == secretKind {
		return p.secret(key, v, n)
	}
	if kind == listKind && n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if resolve(item).Kind != yaml.ScalarNode {
				return nil, usage("from: [a@example.com, b@example.com]", "%s: %s wants addresses", p.at(item), key)
			}
			v.list = append(v.list, resolve(item).Value)
		}
		return v, nil
	}
	if n.Kind != yaml.ScalarNode {
		return nil, usage("Write it as "+key+": "+example(key), "%s: %s wants one value", p.at(n), key)
	}
	if n.Tag == "!!null" || n.Value == "" {
		return nil, nil
	}
	if wrong := p.cutShort(key, n); key == "account" && wrong != nil {
		return nil, wrong
	}
	v.text = n.Value
	if kind == listKind {
		v.list = []string{n.Value}
	}
	return v, nil
}

// cutShort: a "#" behind a blank ends an unquoted value.
func (p *fileParser) cutShort(key string, n *yaml.Node) *UsageError {
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if plain && n.LineComment != "" {
		return &UsageError{Key: key, Text: fmt.Sprintf("%s: YAML takes the rest of the line, from #, for a comment", p.at(n)), Hint: quoteHint}
	}
	return nil
}

var sourceKinds = []string{"env", "file", "command", "keyring", "prompt"}

// secret reads a password or token: a source, or the thing itself.
func (p *fileParser) secret(key string, v *value, n *yaml.Node) (*value, *UsageError) {
	if n.Kind == yaml.ScalarNode {
		if wrong := p.cutShort(key, n); wrong != nil {
			return nil, wrong
		}
		if n.Tag == "!!null" {
			return nil, nil
		}
		v.source = &Source{Kind: "literal", Value: n.Value}
		return v, nil
	}
	form := "Write it as " + key + ": {env: NAME}, {file: PATH}, {command: [program, argument]}, {keyring: SERVICE} or {prompt: true}."
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		hint := form
		if n.Kind == yaml.MappingNode && len(n.Content) > 2 {
			return nil, usage("Keep one of them.", "%s: %s has two sources", p.at(n), key)
		}
		return nil, usage(hint+"\n"+quoteHint, "%s: this is no %s", p.at(n), key)
	}
	name, body := n.Content[0], resolve(n.Content[1])
	if !slices.Contains(sourceKinds, name.Value) {
		near := nearest(name.Value, sourceKinds)
		if near != "" {
			form = "Did you mean " + near + "?"
		}
		return nil, usage(form, "%s: a %s cannot come from there", p.at(name), key)
	}
	source := &Source{Kind: name.Value, Value: body.Value}
	switch {
	case name.Value == "command" && body.Kind == yaml.SequenceNode && len(body.Content) > 0:
		for _, word := range body.Content {
			source.Argv = append(source.Argv, resolve(word).Value)
		}
	case name.Value == "command" && body.Kind == yaml.ScalarNode && body.Value != "":
	case body.Kind != yaml.ScalarNode || body.Value == "" && name.Value != "keyring":
		return nil, usage(form, "%s: %s wants a value", p.at(body), name.Value)
	case name.Value == "prompt" && body.Value != "true":
		return nil, usage(form, "%s: prompt wants true", p.at(body))
	}
	v.source = source
	return v, nil
}

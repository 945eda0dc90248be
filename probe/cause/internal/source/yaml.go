package source

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// reader walks the nodes of one file and keeps what is wrong with it, each
// with file and line. Nodes are read by hand, as a decoder knows neither our
// words nor the lines of wrong values.
type reader struct {
	file string
	errs []error
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %s", r.file, n.Line, fmt.Sprintf(format, args...)))
}

// fields reads a mapping; every key must be known and stand once.
func (r *reader) fields(n *yaml.Node, known map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "want keys and values here")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case !ok:
			r.fail(key, "unknown key %q", key.Value)
		case seen[key.Value]:
			r.fail(key, "key %q stands twice", key.Value)
		default:
			seen[key.Value] = true
			read(value)
		}
	}
}

// each reads a list.
func (r *reader) each(n *yaml.Node, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "want a list here")
		return
	}
	for _, item := range n.Content {
		read(item)
	}
}

func (r *reader) word(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
			r.fail(n, "want a word or sentence here")
			return
		}
		*into = strings.Join(strings.Fields(n.Value), " ")
	}
}

// words reads a list, or one word in place of a list of one.
func (r *reader) words(into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			n = &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line, Content: []*yaml.Node{n}}
		}
		r.each(n, func(item *yaml.Node) {
			var word string
			r.word(&word)(item)
			*into = append(*into, word)
		})
	}
}

// oneOf reads words of a closed list.
func (r *reader) oneOf(into *[]string, what string, allowed []string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		start := len(*into)
		r.words(into)(n)
		for _, word := range (*into)[start:] {
			r.allow(n, what, word, allowed)
		}
	}
}

func (r *reader) allow(n *yaml.Node, what, word string, allowed []string) {
	for _, a := range allowed {
		if a == word {
			return
		}
	}
	r.fail(n, "unknown %s %q", what, word)
}

func (r *reader) number(into *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		value, err := strconv.Atoi(n.Value)
		if err != nil || n.Kind != yaml.ScalarNode {
			r.fail(n, "want a number here")
		}
		*into = value
	}
}

func (r *reader) truth(into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Value != "true" && n.Value != "false" {
			r.fail(n, "want true or false here")
		}
		*into = n.Value == "true"
	}
}

// typed reads one word of a closed list into a named string type.
func typed[T ~string](r *reader, into *T, what string, allowed ...T) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var word string
		r.word(&word)(n)
		*into = T(word)
		names := make([]string, len(allowed))
		for i, a := range allowed {
			names[i] = string(a)
		}
		r.allow(n, what, word, names)
	}
}

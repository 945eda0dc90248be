package presets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"gopkg.in/yaml.v3"
)

// compiler is the source of what only the people who made the list say.
const compiler = "compiler"

// Parse reads the file of one provider. Unknown keys and a second document
// are errors; whether the values make sense is for the package's tests.
func Parse(text []byte) (Provider, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var p Provider
	if err := decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("read the provider: %w", err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return p, errors.New("read the provider: more than one document")
	}
	p.derive()
	return p, nil
}

// derive fills what follows from the sources.
func (p *Provider) derive() {
	var all []string
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		e.Verified = isVerified(e.Sources)
		all = append(all, e.Sources...)
	}
	p.Sources = unique(append(all, p.Sources...))
	p.Verified = isVerified(p.Sources)
	if len(p.Endpoints) > 0 {
		p.Verified = slices.ContainsFunc(p.Endpoints, func(e Endpoint) bool { return e.Verified })
		p.Agree = p.Endpoints[0].Agree
	}
	p.Sender.Verified = len(p.Sender.Sources) > 0
	if p.IMAP != nil {
		p.IMAP.Verified = p.Verified // the lists give both servers in one entry
	}
}

func isVerified(sources []string) bool {
	return slices.ContainsFunc(sources, func(s string) bool { return s != compiler })
}

func unique(words []string) []string {
	var kept []string
	for _, word := range words {
		if !slices.Contains(kept, word) {
			kept = append(kept, word)
		}
	}
	return kept
}

package presets

import (
	"slices"
	"strings"
)

// Fill puts values into the placeholders of the host: {domain},
// {domain-dashed} (dots become dashes) and {domain-first-label} follow from
// the mail domain, all others ({server}, {region}) stand in values, which may
// be nil. Placeholders without a value stay in the host and are named in
// missing.
func (e Endpoint) Fill(domain string, values map[string]string) (filled Endpoint, missing []string) {
	filled = e
	for _, name := range e.Placeholders() {
		value := values[name]
		if value == "" {
			value = fromDomain(name, plain(domain))
		}
		if value == "" {
			missing = append(missing, name)
			continue
		}
		filled.Host = strings.ReplaceAll(filled.Host, "{"+name+"}", value)
	}
	return filled, missing
}

func fromDomain(name, domain string) string {
	switch name {
	case "domain":
		return domain
	case "domain-dashed":
		return strings.ReplaceAll(domain, ".", "-")
	case "domain-first-label":
		label, _, _ := strings.Cut(domain, ".")
		return label
	}
	return ""
}

// Placeholders gives the names in braces in the host, in their order.
func (e Endpoint) Placeholders() []string {
	var found []string
	rest := e.Host
	for {
		_, after, opened := strings.Cut(rest, "{")
		name, behind, closed := strings.Cut(after, "}")
		if !opened || !closed {
			return found
		}
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
		rest = behind
	}
}

// Values is the reverse of Fill: what the placeholder of the host stands for
// when the host is this one. ok is false when it cannot be.
func (e Endpoint) Values(host string) (values map[string]string, ok bool) {
	host = plain(host)
	before, rest, opened := strings.Cut(e.Host, "{")
	name, after, closed := strings.Cut(rest, "}")
	if !opened || !closed {
		return nil, host == e.Host
	}
	middle, starts := strings.CutPrefix(host, before)
	middle, ends := strings.CutSuffix(middle, after)
	if !starts || !ends || middle == "" {
		return nil, false
	}
	return map[string]string{name: middle}, true
}

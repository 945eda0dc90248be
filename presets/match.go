package presets

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// key leads from a name to a provider, by its place in ids.
type key struct {
	name string
	id   int16
}

// pattern is a host with a placeholder: prefix, one or more labels, suffix.
type pattern struct {
	suffix string // what follows the placeholder and its dot
	prefix string // what stands before it, with its dot, or ""
	id     int16
}

// MatchDomain finds the provider of a mail domain: the exact domain, then the
// longest wildcard. Case and a final dot do not count; the domain is ASCII
// (RFC 5890 A-labels).
func MatchDomain(domain string) (id string, ok bool) {
	domain = plain(domain)
	if id, ok := find(domains, domain); ok {
		return id, true
	}
	for parent := range parents(domain) {
		if id, ok := find(wildcards, parent); ok {
			return id, true
		}
	}
	return "", false
}

// MatchMX finds the provider behind the name of an MX: the longest suffix
// that begins at a label.
func MatchMX(host string) (id string, ok bool) {
	host = plain(host)
	if id, ok := find(suffixes, host); ok {
		return id, true
	}
	for parent := range parents(host) {
		if id, ok := find(suffixes, parent); ok {
			return id, true
		}
	}
	return "", false
}

// MatchHost finds the provider of a submission host; a placeholder matches
// one or more labels. Where providers share a host, the one whose file does
// not yield it is found: the mail domain tells more, so ask MatchDomain first.
// Hosts of this computer (localhost) tell no provider.
func MatchHost(host string) (id string, ok bool) {
	host = plain(host)
	if id, ok := find(hosts, host); ok {
		return id, true
	}
	for parent := range parents(host) {
		if id, ok := findPattern(host, parent); ok {
			return id, true
		}
	}
	return "", false
}

// Match finds the provider of a name of which is not known whether it is a
// submission host, a mail domain or an MX. By says what it was: host, domain
// or mx. The exact names go first, then the MX, then names by pattern.
func Match(name string) (id, by string, ok bool) {
	if id, ok := find(hosts, plain(name)); ok {
		return id, "host", true
	}
	if id, ok := find(domains, plain(name)); ok {
		return id, "domain", true
	}
	if id, ok := MatchMX(name); ok {
		return id, "mx", true
	}
	if id, ok := MatchDomain(name); ok {
		return id, "domain", true
	}
	if id, ok := MatchHost(name); ok {
		return id, "host", true
	}
	return "", "", false
}

// Names gives every name by which the list knows a provider: submission hosts,
// what follows the placeholder of a host, mail domains and the ends of MX names.
func Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range patterns {
			if !yield(p.suffix) {
				return
			}
		}
		for _, keys := range [][]key{hosts, domains, wildcards, suffixes} {
			for _, k := range keys {
				if !yield(k.name) {
					return
				}
			}
		}
	}
}

// CustomerPart gives the labels of a submission host that stand for a
// placeholder and are the customer's, "" when there are none.
func CustomerPart(host string) string {
	host = plain(host)
	if _, exact := find(hosts, host); exact {
		return ""
	}
	for parent := range parents(host) {
		for _, p := range patterns {
			middle, fits := strings.CutPrefix(strings.TrimSuffix(host, "."+p.suffix), p.prefix)
			if p.suffix == parent && fits && middle != "" {
				return middle
			}
		}
	}
	return ""
}

// plain is the form of the names in the index.
func plain(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// parents gives the domains above a name, longest first.
func parents(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for {
			_, rest, more := strings.Cut(name, ".")
			if !more || !yield(rest) {
				return
			}
			name = rest
		}
	}
}

func find(keys []key, name string) (string, bool) {
	i, found := slices.BinarySearchFunc(keys, name, func(k key, name string) int { return cmp.Compare(k.name, name) })
	if !found {
		return "", false
	}
	return ids[keys[i].id], true
}

// findPattern looks for a pattern that ends in suffix and fits the host.
// Equal suffixes stand with the longest prefix first.
func findPattern(host, suffix string) (string, bool) {
	i, _ := slices.BinarySearchFunc(patterns, suffix, func(p pattern, suffix string) int { return cmp.Compare(p.suffix, suffix) })
	for ; i < len(patterns) && patterns[i].suffix == suffix; i++ {
		before := strings.TrimSuffix(host, "."+suffix)
		if middle, fits := strings.CutPrefix(before, patterns[i].prefix); fits && middle != "" {
			return ids[patterns[i].id], true
		}
	}
	return "", false
}

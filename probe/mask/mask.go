// Package mask replaces the names in a report by stand-ins, so that it can be
// handed to somebody who need not know them: mailbox names, accounts,
// addresses, IP addresses and host names. Providers' hosts stay, and so do
// ports, codes and times: they are what a diagnosis rests on. One original has
// one stand-in in a run, and what belonged together still does: the domain of
// two mailboxes, a host below a domain, a sender that is not the account.
//
// Stand-ins are valid where the originals were: user1@domain1.example,
// host1.domain1.example, 192.0.2.1, 2001:db8::1.
package mask

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostNames is how many originals of one kind get a stand-in of their own; all
// later ones share one, so that a hostile text cannot fill the memory.
const mostNames = 1000

// Masked stands where a name cannot be replaced without telling of it.
const Masked = "[masked]"

// Masker replaces names. It numbers stand-ins by first appearance, so that two
// runs with the same settings name them alike. Not for concurrent use.
type Masker struct {
	*known

	profiles map[string]string // by name in lower case
	users    map[string]string // by mailbox or login name in lower case
	hosts    map[string]string // by name in lower case, as the DNS has it
	ips      map[netip.Addr]netip.Addr
	words    map[string]string // what is replaced wherever it stands as a word, in lower case
	issued   map[string]bool   // stand-ins, and 192.0.2.1 and the like
	counts   map[string]int    // stand-ins by kind

	lengths  []int               // of words in octets, the longest first
	payloads map[string][]string // pieces of base64 that only a learned name has, by their beginnings
	dialogue map[int]string      // the verb that a connection's next reply answers
}

// New gives a Masker that knows this program's own words and the providers.
func New() *Masker {
	return &Masker{known: everybodys(), profiles: map[string]string{}, users: map[string]string{}, hosts: map[string]string{}, ips: map[netip.Addr]netip.Addr{}, words: map[string]string{},
		issued: map[string]bool{}, counts: map[string]int{}, payloads: map[string][]string{}, dialogue: map[int]string{}}
}

// Text gives s with stand-ins in the place of names: of what was learned, and of
// what looks like an address, an IP address or a host name. Masked text stays as it is.
func (m *Masker) Text(s string) string {
	for range mostPasses {
		next := m.text(s, 2)
		if next == s {
			break
		}
		s = next
	}
	return s
}

// mostPasses: a stand-in can make a host name of what was none before it.
const mostPasses = 4

// text masks encoded stretches first, by decoding them, and then what lies between.
func (m *Masker) text(s string, depth int) string {
	if s == "" {
		return s
	}
	if depth == 0 {
		return m.clear(s)
	}
	var b strings.Builder
	done := 0
	for _, span := range encodedRuns().FindAllStringIndex(s, -1) {
		masked, changed := m.encoded(s[span[0]:span[1]], depth-1)
		if !changed {
			continue
		}
		b.WriteString(m.clear(s[done:span[0]]))
		b.WriteString(masked)
		done = span[1]
	}
	b.WriteString(m.clear(s[done:]))
	return b.String()
}

// clear masks text that is not encoded.
func (m *Masker) clear(s string) string {
	if s == "" {
		return s
	}
	s = m.homes(s)
	s = m.addresses(s)
	s = m.networks(s)
	s = m.names(s)
	return m.learned(s)
}

// number gives the next number of a kind, 0 when there are too many.
func (m *Masker) number(kind string) int {
	if m.counts[kind] >= mostNames {
		return 0
	}
	m.counts[kind]++
	return m.counts[kind]
}

// issue makes the next stand-in of a kind that is nobody's original.
func (m *Masker) issue(kind, before, after string, taken func(string) bool) string {
	for {
		n := m.number(kind)
		name := before + strconv.Itoa(n) + after
		if n == 0 || !taken(name) {
			m.issued[name] = true
			return name
		}
	}
}

// user gives the stand-in of a mailbox or login name.
func (m *Masker) user(name string) string {
	key := fold(name)
	if m.issued[key] || key == "" {
		return name
	}
	if to, known := m.users[key]; known {
		return to
	}
	to := m.issue("user", "user", "", func(s string) bool { return m.users[s] != "" })
	if to != "user0" {
		m.users[key] = to
	}
	m.learnWord(name, to)
	return to
}

// called gives the stand-in of a name of another kind: an organisation, a person.
func (m *Masker) called(name string) string {
	key := fold(name)
	if to, known := m.words[key]; known {
		return to
	}
	if m.issued[key] {
		return name
	}
	to := m.issue("name", "name", "", func(s string) bool { return m.words[s] != "" })
	m.learnWord(name, to)
	return to
}

// learnWord has a name replaced wherever it stands as a word, unless it is one
// that texts are made of.
func (m *Masker) learnWord(name, to string) {
	key := fold(name)
	if len(key) < 3 || m.isOrdinary(key) || m.issued[key] || m.words[key] != "" || len(m.words) >= mostNames {
		return
	}
	m.words[key] = to
	if i, known := slices.BinarySearchFunc(m.lengths, len(key), func(a, b int) int { return b - a }); !known {
		m.lengths = slices.Insert(m.lengths, i, len(key))
	}
	m.learnPayloads(name)
}

// isOrdinary: alone the word tells nobody's name.
func (m *Masker) isOrdinary(word string) bool {
	return m.plain[word] || strings.Trim(word, "0123456789") == ""
}

// learned replaces the words that were learned, the longest that fits first.
func (m *Masker) learned(s string) string {
	if len(m.words) == 0 {
		return s
	}
	lower := lowered(s)
	var b strings.Builder
	done := 0
	for at := 0; at < len(s); {
		if standIn, to := m.wordAt(lower, at); to > at {
			b.WriteString(s[done:at] + standIn)
			done, at = to, to
			continue
		}
		_, n := utf8.DecodeRuneInString(s[at:])
		at += n
	}
	return b.String() + s[done:]
}

// wordAt finds the learned word that begins at a place, and where it ends.
func (m *Masker) wordAt(lower string, at int) (standIn string, end int) {
	for _, length := range m.lengths {
		end := at + length
		if end > len(lower) {
			continue
		}
		if to, known := m.words[lower[at:end]]; known && isWhole(lower, at, end) {
			return to, end
		}
	}
	return "", 0
}

// lowered is s in lower case, with every octet's place kept.
func lowered(s string) string {
	b := []byte(s)
	for at := 0; at < len(s); {
		r, n := utf8.DecodeRuneInString(s[at:])
		if low := unicode.ToLower(r); r != utf8.RuneError && utf8.RuneLen(low) == n {
			utf8.EncodeRune(b[at:], low)
		}
		at += n
	}
	return string(b)
}

// isWhole: no letter or digit stands at either side.
func isWhole(s string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	return !isWordly(before) && !isWordly(after)
}

func isWordly(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// fold is what two spellings of a name have in common.
func fold(s string) string { return lowered(strings.ToValidUTF8(strings.TrimSpace(s), "")) }

// replaced has every match of a pattern replaced; what to says "no" to stays.
func replaced(pattern *regexp.Regexp, s string, to func(from, to int) (string, bool)) string {
	var b strings.Builder
	done := 0
	for _, span := range pattern.FindAllStringIndex(s, -1) {
		if text, changed := to(span[0], span[1]); changed {
			b.WriteString(s[done:span[0]] + text)
			done = span[1]
		}
	}
	if done == 0 {
		return s
	}
	return b.String() + s[done:]
}

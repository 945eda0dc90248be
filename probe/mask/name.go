package mask

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/smtpdx/smtpdx/presets"
)

var namePattern = compiled(`(?:[\pL\pN_](?:[\pL\pN_-]*[\pL\pN_])?\.)+\pL(?:[\pL\pN-]*[\pL\pN])`)

// names replaces host names.
func (m *Masker) names(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return replaced(namePattern(), s, func(from, to int) (string, bool) {
		code := replyCode(s[from:to])
		if from > 0 && (s[from-1] == '+' || s[from-1] == '=') && strings.HasPrefix(s[from:], "40") {
			code = "40" // the rest of an @
		}
		name := s[from+len(code) : to]
		if to, known := m.users[fold(name)]; known {
			return code + to, true
		}
		if !m.isHost(name) {
			return "", false
		}
		standIn := m.host(name)
		return code + standIn, standIn != name
	})
}

// isHost tells a host name from a file name, a property or a class.
func (m *Masker) isHost(name string) bool {
	if len(name) > longestName {
		return true
	}
	key := asDNS(name)
	if m.hosts[key] != "" || m.issued[key] || m.hosts[registrable(key)] != "" {
		return true
	}
	if m.own[key] || isFile(name) {
		return false
	}
	suffix, listed := publicsuffix.PublicSuffix(key)
	last := name[strings.LastIndex(name, ".")+1:]
	if !listed && m.isAllOrdinary(key) {
		return false
	}
	return listed || strings.Contains(suffix, ".") || strings.ToLower(last) == last || strings.ToUpper(last) == last
}

// isAllOrdinary: mail.smtp.auth.
func (m *Masker) isAllOrdinary(key string) bool {
	for _, label := range strings.Split(key, ".") {
		if !m.isOrdinary(label) {
			return false
		}
	}
	return true
}

// isFile: smtpdx.yaml, main.cf.
func isFile(name string) bool {
	before, ending, _ := strings.Cut(name, ".")
	if before == "" || strings.Contains(ending, ".") {
		return false
	}
	switch ending {
	case "yaml", "yml", "json", "jsonl", "txt", "pem", "crt", "cer", "der", "key", "p12", "pfx", "log", "conf", "cnf", "cf", "ini", "cfg",
		"exe", "html", "htm", "xml", "md", "sh", "ps1", "py", "pl", "go", "csv", "eml", "db", "service", "socket", "sock":
		return true
	}
	return false
}

// longestName is the number of octets of the longest host name (RFC 1035 section 2.3.4).
const longestName = 253

// host gives the stand-in of a host or domain name. A provider's name stays,
// but for the part that a customer has of it.
func (m *Masker) host(name string) string {
	if a, err := netip.ParseAddr(name); err == nil {
		return m.ip(a.Unmap()).String()
	}
	if len(name) > longestName {
		return Masked
	}
	bare := strings.TrimSuffix(name, ".")
	dot := name[len(bare):]
	key := asDNS(bare)
	switch {
	case key == "" || m.issued[key] || isLocal(key) || m.own[key]:
		return name
	case !strings.Contains(key, "."):
		return m.single(bare) + dot
	case m.isPublic(key):
		return m.customer(bare, key) + dot
	}
	return m.below(key) + dot
}

// single gives the stand-in of a host without a domain.
func (m *Masker) single(name string) string {
	key := asDNS(name)
	if to, known := m.words[key]; known {
		return to
	}
	if to, known := m.hosts[key]; known {
		return to
	}
	to := m.issue("host", "host", "", m.isOriginal)
	m.keep(key, to)
	m.learnWord(name, to)
	return to
}

// below gives the stand-in of a name by that of its parent, so that who is
// below whom still shows.
func (m *Masker) below(key string) string {
	if to, known := m.hosts[key]; known {
		return to
	}
	if m.issued[key] {
		return key
	}
	if key == registrable(key) {
		return m.domain(key)
	}
	label, parent, _ := strings.Cut(key, ".")
	above := m.below(parent)
	if label != "*" && !strings.HasPrefix(label, "_") && !isService(label) {
		label = "host" + strconv.Itoa(m.number("host"))
	}
	to := label + "." + above
	m.issued[to] = true
	m.keep(key, to)
	return to
}

// isService: what hosts are called by what they do tells nobody's name.
func isService(label string) bool {
	switch label {
	case "mail", "smtp", "imap", "pop", "pop3", "mx", "www", "autoconfig", "autodiscover", "webmail", "submission", "relay", "smtp-relay":
		return true
	}
	return false
}

// domain gives the stand-in of a domain that somebody registered. What tells
// that a name is good in one network only stays.
func (m *Masker) domain(key string) string {
	label, suffix, _ := strings.Cut(key, ".")
	ending := ".example"
	if isInternal(suffix) {
		ending = "." + suffix
	}
	to := m.issue("domain", "domain", ending, m.isOriginal)
	m.keep(key, to)
	short, _, _ := strings.Cut(to, ".")
	dashed := strings.ReplaceAll(to, ".", "-")
	m.issued[dashed] = true
	m.learnWord(strings.ReplaceAll(key, ".", "-"), dashed)
	if len(label) >= 4 {
		m.learnWord(label, short)
		m.learnWord(asUnicode(label), short)
	}
	m.learnPayloads(key)
	return to
}

func (m *Masker) isOriginal(name string) bool { return m.hosts[name] != "" || m.words[name] != "" }

func (m *Masker) keep(key, to string) {
	if len(m.hosts) < 2*mostNames {
		m.hosts[key] = to
	}
}

// customer replaces what in a provider's name is the customer's: the
// placeholder of a preset, and the labels of zones that have one per customer.
func (m *Masker) customer(name, key string) string {
	part := presets.CustomerPart(key)
	for _, zone := range []string{"onmicrosoft.com", "mail.protection.outlook.com", "sharepoint.com", "mx.microsoft"} {
		if before, below := strings.CutSuffix(key, "."+zone); below {
			part = before
		}
	}
	if part == "" {
		return name
	}
	label := part[strings.LastIndex(part, ".")+1:]
	if to, known := m.words[label]; known {
		return strings.Replace(key, part, to, 1)
	}
	if m.issued[label] {
		return name
	}
	return strings.Replace(key, part, m.single(label), 1)
}

// isPublic: the name is a provider's, or one that this program names itself.
func (m *Masker) isPublic(key string) bool {
	for {
		if m.ours[key] {
			return true
		}
		_, parent, more := strings.Cut(key, ".")
		if !more {
			return false
		}
		key = parent
	}
}

// isLocal: the name of this computer for itself.
func isLocal(key string) bool {
	switch key {
	case "localhost", "localhost.localdomain", "localhost6", "ip6-localhost":
		return true
	}
	return false
}

func isInternal(suffix string) bool {
	switch suffix {
	case "local", "lan", "internal", "localdomain", "corp", "home", "intranet", "invalid", "test":
		return true
	}
	return false
}

// registrable is the domain that somebody registered, or the name itself.
func registrable(key string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(key)
	if err != nil {
		return key
	}
	return domain
}

// asDNS is a name as the DNS has it, in lower case; what is none stays.
func asDNS(name string) string {
	key := strings.ToLower(strings.TrimSuffix(name, "."))
	if !strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII }) {
		return key
	}
	if ascii, err := idna.Lookup.ToASCII(key); err == nil {
		return ascii
	}
	return key
}

func asUnicode(label string) string {
	if text, err := idna.ToUnicode(label); err == nil {
		return text
	}
	return label
}

package mask

import (
	"fmt"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// certificate masks one of a chain. One that names nobody else than a provider
// and public authorities stays whole; of any other, the encoded form goes, as
// it holds every name, and so does the fingerprint, by which public logs find it.
func (m *Masker) certificate(c probe.Certificate) probe.Certificate {
	before := c
	c.Subject, c.Issuer = m.distinguished(c.Subject), m.distinguished(c.Issuer)
	c.Names = nil
	changed := c.Subject != before.Subject || c.Issuer != before.Issuer
	for _, name := range before.Names {
		masked := m.Text(name)
		c.Names = append(c.Names, masked)
		changed = changed || masked != name
	}
	if !changed && m.isPublicCertificate(before) {
		return before
	}
	c.SHA256, c.PEM = m.fingerprint(c.SHA256), ""
	return c
}

// isPublicCertificate: a provider's, or a public authority's. Of others the
// encoded form may hold more names than are shown.
func (m *Masker) isPublicCertificate(c probe.Certificate) bool {
	for _, name := range c.Names {
		if !m.isPublic(strings.TrimPrefix(asDNS(name), "*.")) {
			return false
		}
	}
	return len(c.Names) > 0 || isPublicAuthority(attributes(c.Subject))
}

func (m *Masker) fingerprint(sum string) string {
	if sum == "" || m.issued[sum] {
		return sum
	}
	if to, known := m.words[fold(sum)]; known {
		return to
	}
	to := fmt.Sprintf("%064d", m.number("fingerprint"))
	m.issued[to] = true
	m.learnWord(sum, to)
	return to
}

// attribute is a part of a distinguished name (RFC 4514), as it is written.
type attribute struct{ key, value, end string }

// distinguished masks the name of a subject or issuer.
func (m *Masker) distinguished(name string) string {
	parts := attributes(name)
	if isAuthority(parts) {
		return name
	}
	var b strings.Builder
	provider := m.isProviders(parts)
	for _, a := range parts {
		switch {
		case a.key == "", a.value == "", a.key == "C", provider && a.key != "CN":
			b.WriteString(m.Text(a.written()))
			continue
		case a.key == "CN" && m.isNamed(a.value):
			a.value = m.Text(a.value)
		default:
			a.value = m.called(a.value)
		}
		b.WriteString(a.written())
	}
	return b.String()
}

func (a attribute) written() string {
	if a.key == "" {
		return a.value + a.end
	}
	return a.key + "=" + a.value + a.end
}

// isProviders: the name is that of a provider's host.
func (m *Masker) isProviders(parts []attribute) bool {
	for _, a := range parts {
		if a.key == "CN" {
			key := strings.TrimPrefix(asDNS(a.value), "*.")
			return strings.Contains(key, ".") && m.isPublic(key)
		}
	}
	return false
}

// isNamed: the value is a host name or an address, and not a person or an organisation.
func (m *Masker) isNamed(value string) bool {
	key := strings.TrimPrefix(asDNS(value), "*.")
	return isLocal(key) || m.issued[key] || m.words[fold(value)] != "" || !strings.ContainsAny(value, " ") && m.Text(value) != value || m.isPublic(key)
}

// attributes takes a distinguished name apart at its commas and pluses; an
// escaped one belongs to the value.
func attributes(name string) []attribute {
	var parts []attribute
	start, equals := 0, -1
	end := func(i int, separator string) {
		if equals < start {
			parts = append(parts, attribute{"", name[start:i], separator})
		} else {
			parts = append(parts, attribute{name[start:equals], name[equals+1 : i], separator})
		}
		start = i + len(separator)
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '\\':
			i++
		case c == '=' && equals < start:
			equals = i
		case c == ',' || c == '+':
			end(i, string(c))
		}
	}
	end(len(name), "")
	return parts
}

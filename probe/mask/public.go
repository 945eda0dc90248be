package mask

import (
	"crypto/x509"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// ordinaryWords are mailbox and host names that everybody has, beside the words
// of the knowledge base.
const ordinaryWords = `abuse account accounts admin administrator alert alerts auth backup billing bounce client contact cron default demo dev
dns domain email error example exchange fax gateway hello help helpdesk home host hostmaster info invoice it login mail mailbox mailer
mailer-daemon mailserver marketing message monitoring mx mx1 network news newsletter no-reply noreply notification notifications office ok
order orders pass password plain postfix postmaster printer prod proxy public ready relay report reports root sales scan scanner sender
server service shop smtp smtp1 spam ssl starttls support system team test time timeout tls token user username users webmail webmaster www
name organization company mozilla ssh http https`

// knowPublic learns what is nobody's secret: the providers of the presets, and
// what this program says itself.
func (m *Masker) knowPublic() {
	m.ours, m.own, m.plain, m.orgs = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for name := range presets.Names() {
		m.ours[registrable(name)] = true
	}
	for _, word := range strings.Fields(ordinaryWords) {
		m.plain[word] = true
	}
	texts, domains := cause.Builtin().Texts()
	for _, domain := range domains {
		m.ours[registrable(domain)] = true
	}
	for _, text := range texts {
		m.knowText(text)
	}
}

// knowText learns a sentence of this program: its words, its links, and names
// with dots (main.cf, mail.smtp.auth).
func (m *Masker) knowText(text string) {
	for _, word := range strings.FieldsFunc(text, unicode.IsSpace) {
		word = strings.Trim(word, `.,;:!?"'()<>[]`)
		if link, err := url.Parse(word); err == nil && link.Host != "" {
			m.ours[registrable(asDNS(link.Hostname()))] = true
			continue
		}
		if strings.Contains(word, "@") {
			continue
		}
		for _, name := range namePattern.FindAllString(word, -1) {
			if !strings.HasSuffix(name, ".example") {
				m.own[asDNS(name)] = true
			}
		}
		for _, piece := range strings.FieldsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			m.plain[fold(piece)] = true
		}
	}
}

// isAuthority: the name of an issuer is that of a public authority, or of a
// product that stands in connections, which a diagnosis has to name.
func (m *Masker) isAuthority(name []attribute) bool {
	if len(m.orgs) == 0 {
		m.knowAuthorities()
	}
	for _, a := range name {
		if a.key == "O" && m.orgs[strings.ToLower(a.value)] || probe.Interceptor(a.value) != "" {
			return true
		}
	}
	return false
}

func (m *Masker) knowAuthorities() {
	m.orgs["let's encrypt"], m.orgs["zerossl"] = true, true
	for root := range bundle.Roots() {
		c, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			continue // the others still count
		}
		for _, o := range c.Subject.Organization {
			m.orgs[strings.ToLower(o)] = true
		}
	}
}

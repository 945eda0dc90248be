package mask

import (
	"crypto/x509"
	"net/url"
	"slices"
	"strings"
	"sync"
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

// publicDomains are pages and block lists that servers point to, beside those
// that the knowledge base names.
const publicDomains = `aka.ms microsoft.com google.com goo.gl g.co spamhaus.org spamcop.net barracudacentral.org abuseat.org sorbs.net
uceprotect.net dnswl.org mailspike.net openspf.org open-spf.org senderbase.org talosintelligence.com proofpoint.com mimecast.com rfc-editor.org ietf.org`

// known is what is nobody's secret: the providers of the presets, what this
// program says itself, and the public authorities.
type known struct {
	ours  map[string]bool // domains of providers, and of what this program says itself
	own   map[string]bool // dotted words of this program's texts that are no hosts
	plain map[string]bool // words of this program's texts: alone they give nobody away
}

// everybodys is made when it is first needed, and does not change.
var everybodys = sync.OnceValue(func() *known {
	k := &known{ours: map[string]bool{}, own: map[string]bool{}, plain: map[string]bool{}}
	for name := range presets.Names() {
		k.ours[registrable(name)] = true
	}
	for _, domain := range strings.Fields(publicDomains) {
		k.ours[domain] = true
	}
	for _, word := range strings.Fields(ordinaryWords) {
		k.plain[word] = true
	}
	k.read("rfc822.size body.peek binary.size") // IMAP's words with dots (RFC 9051)
	texts, domains := cause.Builtin().Texts()
	for _, domain := range domains {
		k.ours[registrable(domain)] = true
	}
	for _, text := range texts {
		k.read(text)
	}
	return k
})

// read learns a sentence of this program: its words, its links, and names with
// dots (main.cf, mail.smtp.auth).
func (k *known) read(text string) {
	for _, word := range strings.FieldsFunc(text, unicode.IsSpace) {
		word = strings.Trim(word, `.,;:!?"'()<>[]`)
		if link, err := url.Parse(word); err == nil && link.Host != "" {
			k.ours[registrable(asDNS(link.Hostname()))] = true
			continue
		}
		if strings.Contains(word, "@") {
			continue
		}
		for _, name := range namePattern().FindAllString(word, -1) {
			if !strings.HasSuffix(name, ".example") {
				k.own[asDNS(name)] = true
			}
		}
		for _, piece := range strings.FieldsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			k.plain[fold(piece)] = true
		}
	}
}

// isAuthority: the name of an issuer is that of a public authority, or of a
// product that stands in connections, which a diagnosis has to name.
func isAuthority(name []attribute) bool {
	return isPublicAuthority(name) || slices.ContainsFunc(name, func(a attribute) bool { return probe.Interceptor(a.value) != "" })
}

func isPublicAuthority(name []attribute) bool {
	return slices.ContainsFunc(name, func(a attribute) bool { return a.key == "O" && authorities()[strings.ToLower(a.value)] })
}

// authorities are the organisations of public roots, and the other names that
// some of them issue under, in lower case and as RFC 4514 writes them.
var authorities = sync.OnceValue(func() map[string]bool {
	orgs := map[string]bool{}
	for _, name := range []string{"let's encrypt", "zerossl", "zerossl gmbh", "google trust services", "google trust services llc", "digicert inc", "digicert\\, inc.",
		"sectigo limited", "globalsign nv-sa", "entrust\\, inc.", "entrust limited", "geotrust inc.", "thawte\\, inc.", "microsoft corporation", "amazon", "ssl corp"} {
		orgs[name] = true
	}
	for root := range bundle.Roots() {
		c, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			continue // the others still count
		}
		for _, o := range c.Subject.Organization {
			orgs[strings.ToLower(strings.ReplaceAll(o, ",", "\\,"))] = true
		}
	}
	return orgs
})

package profile

import (
	"net/mail"
	"slices"
	"strings"
	"unicode"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// identity is who logs in and how, and who sends to whom.
func (b *builder) identity() {
	if v, ok := b.find("account"); ok {
		b.s.Account = strings.TrimSpace(v.text)
	}
	b.s.From = b.addresses("from")
	b.s.To = b.addresses("to")
	if address, ok := bareAddress(b.s.Account); ok && len(b.s.From) == 0 {
		b.s.From = []string{address}
		b.given("from", "the account")
	}
	b.mechanism()
	b.helo()
}

func (b *builder) addresses(key string) []string {
	v, ok := b.find(key)
	if !ok {
		return nil
	}
	var out []string
	for _, text := range v.list {
		address, ok := bareAddress(text)
		if !ok {
			b.refuse(key, v, "For example jobs@example.com, or Jobs <jobs@example.com>.", "%s holds something that is no address", key)
			return nil
		}
		if !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	return out
}

// Address is the address in "a@b" or "Name <a@b>", as it can go to a server:
// false where it is none, or one that would break a line of SMTP.
func Address(text string) (string, bool) { return bareAddress(text) }

// bareAddress takes "a@b" and "Name <a@b>". The domain goes to punycode where
// the local part is ASCII, so that SMTPUTF8 is not needed for its sake (RFC 6531 section 3.2).
func bareAddress(text string) (string, bool) {
	parsed, err := mail.ParseAddress(strings.TrimSpace(text))
	if err != nil {
		return "", false
	}
	local, domain, found := cutAtLast(parsed.Address)
	if !found || local == "" || domain == "" || strings.ContainsFunc(parsed.Address, breaksCommand) {
		return "", false
	}
	if isASCII(local) {
		domain = toASCII(domain)
	}
	return local + "@" + domain, true
}

func breaksCommand(r rune) bool {
	return unicode.IsControl(r) || unicode.IsSpace(r) || r == '<' || r == '>'
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e }) }

// Mechanisms are the ways to log in that can be forced, strongest family last.
func Mechanisms() []string {
	return []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER"}
}

func (b *builder) mechanism() {
	v, ok := b.find("auth")
	if !ok {
		return
	}
	word := strings.ToUpper(strings.TrimSpace(v.text))
	if slices.Contains(Mechanisms(), word) {
		b.s.Auth = word
		return
	}
	hint := "One of " + strings.Join(Mechanisms(), ", ") + "."
	switch near := nearest(word, Mechanisms()); {
	case slices.Contains([]string{"NTLM", "GSSAPI", "DIGEST-MD5"}, word):
		hint = word + " is recognised in what the server offers, and not spoken. " + hint
	case near != "":
		hint = "Did you mean " + near + "? " + hint
	}
	b.refuse("auth", v, hint, "there is no such mechanism here")
}

func (b *builder) helo() {
	v, ok := b.find("helo")
	if !ok {
		return
	}
	b.s.Helo = strings.TrimSpace(v.text)
	if b.s.Helo == "" || strings.ContainsFunc(b.s.Helo, func(r rune) bool { return r <= ' ' || r > 0x7e }) {
		b.refuse("helo", v, "A full name such as client.example.com, or an address in brackets.", "the EHLO name has characters that no name has")
	}
}

// remark notes what is unusual about values that are each right by themselves.
func (b *builder) remark() {
	if probe.IsUnusual(b.s.Port, b.s.Encryption, b.s.Account != "") {
		b.see(cause.PortEncryptionUnusual, nil)
	}
	if b.s.Account != "" && !strings.Contains(b.s.Account, "@") {
		b.see(cause.AccountWithoutDomain, nil)
	}
	account, ok := bareAddress(b.s.Account)
	if !ok {
		return
	}
	_, own, _ := cutAtLast(account)
	for _, from := range b.s.From {
		if strings.EqualFold(from, account) {
			continue
		}
		b.see(cause.FromDiffers, nil)
		if _, domain, _ := cutAtLast(from); !strings.EqualFold(domain, own) {
			b.see(cause.FromOtherDomain, nil)
		}
	}
}

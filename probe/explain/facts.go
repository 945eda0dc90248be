package explain

import (
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// factsOf makes of a text what the rules may look at, and tells whether there
// was an error in it.
func factsOf(t *ticket) (cause.Facts, bool) {
	s, text := t.settings, withConstants(t.said)
	f := cause.Facts{
		Step: s.Step, Failed: true, Text: text, Host: s.Host, HostKind: hostKind(s.Host), Port: s.Port, Encryption: s.Encryption,
		Provider: s.Provider, Account: s.Account, AccountForm: accountForm(s.Account), From: s.From,
		Seen: cause.Set{cause.Pasted: true}, Values: map[string]string{},
	}
	unknown(&f)
	ambiguous(&f, &s)
	cleanHost(&f)
	transcriptFacts(&f, t.text)
	r, refused := decisive(text)
	f.Verb, f.Steps = placeOf(text, r)
	if refused {
		replyFacts(&f, r)
		whoIsRefused(&f)
		return f, true
	}
	fault, steps := faultIn(text)
	if f.Fault = fault; fault == "no-such-host" && f.Seen[cause.HostCleaned] {
		f.Fault = "malformed-name"
	}
	if fault != "" && (f.Steps == nil || len(steps) == 1) {
		f.Steps = steps
	}
	if fault == "" && isGeneric(text) {
		f.Seen.Add(cause.GenericSentence)
	}
	return f, fault != "" || f.Seen[cause.GenericSentence]
}

// whoIsRefused says of an answer to MAIL or RCPT what a check would.
func whoIsRefused(f *cause.Facts) {
	if f.Verb != "MAIL" && f.Verb != "RCPT" {
		return
	}
	f.Seen.Add(map[string]cause.Observation{"sender": cause.SenderRefused, "recipient": cause.RecipientRefused,
		"unclear": cause.RefusalUnclear}[probe.WhoIsRefused(f.Verb, f.Code, f.Enhanced, f.Text, f.From, f.To)])
}

func replyFacts(f *cause.Facts, r reply) {
	f.Code, f.Enhanced = r.code, r.enhanced
	f.Fault = "rejected"
	if r.code/100 == 4 || r.code == 0 && strings.HasPrefix(r.enhanced, "4") {
		f.Fault = "deferred"
		f.Seen.Add(cause.Temporary)
	}
}

// cleanHost notes a host that is none as it stands.
func cleanHost(f *cause.Facts) {
	given := f.Host
	f.Host = strings.Trim(given, " \t\"',;:<>/")
	if f.Host != given {
		f.Seen.Add(cause.HostCleaned)
		f.Values["given"], f.Values["used"] = given, f.Host
	}
	f.HostKind = hostKind(f.Host)
}

// ambiguous notes an encryption that was read as one of the two it can mean.
func ambiguous(f *cause.Facts, s *Settings) {
	if s.tlsAlone {
		f.Seen.Add(cause.EncryptionAmbiguous)
	}
}

func unknown(f *cause.Facts) {
	if f.Host == "" {
		f.Seen.Add(cause.HostUnknown)
	}
	if f.Port == 0 {
		f.Seen.Add(cause.PortUnknown)
	}
	if f.Encryption == "" {
		f.Seen.Add(cause.EncryptionUnknown)
	}
	if f.Account == "" {
		f.Seen.Add(cause.AccountUnknown)
	}
}

// hostKind is "" for a host that is not known, and malformed for what can be no name.
func hostKind(host string) string {
	if host == "" {
		return ""
	}
	host = scheme().ReplaceAllString(host, "")
	kind := probe.HostKind(host)
	if kind != "ipv6" && strings.ContainsAny(host, " \t,;:@/\\\"'=()<>%$") {
		return "malformed"
	}
	return kind
}

// scheme is what PHP takes before a host; elsewhere it cannot stand there, and
// the program says so in its own words.
var scheme = compiled(`(?i)^(?:ssl|tls|tcp)://`)

// accountForm is "" for an account that is not known.
func accountForm(account string) string {
	if account == "" {
		return ""
	}
	return probe.AccountForm(account)
}

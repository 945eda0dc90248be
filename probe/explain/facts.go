package explain

import (
	"net/netip"
	"strings"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// factsOf makes of a text what the rules may look at, and tells whether there
// was anything in it.
func factsOf(text string, s Settings) (cause.Facts, bool) {
	f := cause.Facts{
		Step: s.Step, Failed: true, Text: text, Host: s.Host, HostKind: hostKind(s.Host), Port: s.Port, Encryption: s.Encryption,
		Provider: s.Provider, Account: s.Account, AccountForm: accountForm(s.Account), From: s.From,
		Seen: cause.Set{cause.Pasted: true}, Values: map[string]string{},
	}
	unknown(&f)
	r, refused := decisive(replies(text))
	f.Verb, f.Steps = placeOf(text, r)
	if refused {
		replyFacts(&f, r)
		return f, true
	}
	fault, steps := faultIn(text)
	if f.Fault = fault; fault != "" && f.Steps == nil {
		f.Steps = steps
	}
	return f, strings.TrimSpace(text) != ""
}

func replyFacts(f *cause.Facts, r reply) {
	f.Code, f.Enhanced = r.code, r.enhanced
	f.Fault = "rejected"
	if r.code/100 == 4 || r.code == 0 && strings.HasPrefix(r.enhanced, "4") {
		f.Fault = "deferred"
		f.Seen.Add(cause.Temporary)
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

// hostKind is "" for a host that is not known.
func hostKind(host string) string {
	if host == "" {
		return ""
	}
	if a, err := netip.ParseAddr(host); err == nil {
		switch {
		case a.IsLoopback():
			return "localhost"
		case a.Unmap().Is4():
			return "ipv4"
		}
		return "ipv6"
	}
	switch lower := strings.ToLower(strings.TrimSuffix(host, ".")); {
	case lower == "localhost" || strings.HasSuffix(lower, ".localhost"):
		return "localhost"
	case !strings.Contains(lower, "."):
		return "bare-name"
	}
	return "name"
}

// accountForm is "" for an account that is not known.
func accountForm(account string) string {
	switch {
	case account == "":
		return ""
	case strings.Contains(account, "@"):
		return "address"
	}
	return "bare"
}

package explain

import (
	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// settingsFacts are what the settings alone show, as the settings step of a
// check would see them.
func settingsFacts(t *ticket) cause.Facts {
	s := t.settings
	f := cause.Facts{Step: string(probe.StepSettings), Host: s.Host, HostKind: hostKind(s.Host), Port: s.Port, Encryption: s.Encryption, Provider: s.Provider,
		Account: s.Account, AccountForm: accountForm(s.Account), From: s.From, Seen: cause.Set{cause.Pasted: true}, Values: map[string]string{}}
	unknown(&f)
	cleanHost(&f)
	if s.Port != 0 && s.Encryption != "" && probe.IsUnusual(s.Port, probe.Encryption(s.Encryption), s.Account != "") {
		f.Seen.Add(cause.PortEncryptionUnusual)
	}
	if t.secrets > 0 {
		f.Seen.Add(cause.SecretPasted)
	}
	mailDomain(&f)
	return f
}

// mailDomain notes a domain of mail addresses in place of a server's name.
func mailDomain(f *cause.Facts) {
	id, isDomain := presets.MatchDomain(f.Host)
	if _, isHost := presets.MatchHost(f.Host); !isDomain || isHost {
		return
	}
	p, _ := presets.Get(id)
	for _, e := range p.Endpoints {
		if values, missing := e.Fill(f.Host, nil); len(missing) == 0 {
			f.Seen.Add(cause.NameIsMailDomain)
			f.Values["provider"], f.Values["wanted"] = p.Name, values.Host
			return
		}
	}
}

// nextFor is the check of what is known; capitals stand for what is not.
func nextFor(s Settings, findings []probe.Finding) probe.List[probe.Next] {
	host, account, text := s.Host, s.Account, "check these settings step by step"
	if host == "" {
		host, text = "HOST", "check the settings step by step, with the host that was entered"
	}
	if account == "" && s.Port != 25 {
		account = "ACCOUNT"
	}
	if len(findings) > 0 && findings[0].Severity == cause.Error {
		text += ", after the change"
	}
	return probe.List[probe.Next]{{Text: text, Command: probe.Maybe(probe.CheckCommand(host, s.Port, probe.Encryption(s.Encryption), account, s.From)), Shell: "posix"}}
}

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
	ambiguous(&f, &s)
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

// changed gives settings with what the first finding suggests, or with the
// encryption of its first fix.
func changed(s Settings, change *cause.Suggest, findings []probe.Finding) Settings {
	if change == nil {
		if len(findings) > 0 && len(findings[0].Fix) > 0 && findings[0].Fix[0].Setting == "encryption" && s.Encryption != "" {
			if e := EncryptionOf(string(findings[0].Fix[0].To), s.Port); e != "" {
				s.Encryption = e
			}
		}
		return s
	}
	if change.Host != "" {
		s.Host = change.Host
	}
	if change.Port != 0 {
		s.Port = change.Port
	}
	if change.Encryption != "" {
		s.Encryption = change.Encryption
	}
	return s
}

// nextFor is the check of what is known, with the change that the first
// finding suggests; capitals stand for what is not known.
func nextFor(s Settings, change *cause.Suggest, findings []probe.Finding) probe.List[probe.Next] {
	s = changed(s, change, findings)
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

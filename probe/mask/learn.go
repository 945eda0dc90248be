package mask

import (
	"net/url"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// Learn teaches the names of the settings of a run before anything of it is
// masked, so that they are known wherever they turn up.
func (m *Masker) Learn(all ...probe.Settings) {
	for _, s := range all {
		m.learnAccount(s.Account)
		m.learnHosts(s.Host, s.TLSServerName, s.Helo)
		m.learnProxy(s.Proxy)
		for _, text := range append(append([]string{s.Resolver, s.CAFile, s.File}, s.From...), s.To...) {
			m.Text(text)
		}
		for _, c := range s.Cleaned {
			m.Text(c.Given)
		}
		if s.Follow != nil && s.Follow.Inbox != nil {
			m.learnAccount(s.Follow.Inbox.Account)
			m.learnHosts(s.Follow.Inbox.Host, s.Follow.Inbox.TLSServerName)
			m.learnProfile(s.Follow.Inbox.Profile)
		}
	}
	for _, s := range all {
		m.learnProfile(s.Profile)
	}
}

// LearnReport teaches what the settings and the evidence of a report name.
func (m *Masker) LearnReport(r probe.Report) {
	for i := range r.Results {
		m.learnSettings(r.Results[i].Settings)
	}
	for i := range r.Results {
		result := &r.Results[i]
		m.learnProfile(string(result.Profile))
		for k := range result.Steps {
			m.learnEvidence(result.Steps[k].Evidence)
		}
		for _, line := range result.Transcript {
			m.learnLine(line)
		}
	}
}

// LearnAddress teaches a mail address, LearnHosts names of hosts.
func (m *Masker) LearnAddress(address string) { m.learnAccount(address) }

// LearnHosts teaches names of hosts, also such as have no domain.
func (m *Masker) LearnHosts(names ...string) { m.learnHosts(names...) }

func (m *Masker) learnEvent(e probe.Event) {
	switch {
	case e.Plan != nil:
		m.learnSettings(e.Plan.Settings)
	case e.Result != nil:
		m.learnSettings(e.Result.Settings)
	case e.Step != nil:
		m.learnEvidence(e.Step.Evidence)
	case e.Line != nil:
		m.learnLine(*e.Line)
	}
	m.learnProfile(string(e.Profile))
}

func (m *Masker) learnSettings(s probe.ShownSettings) {
	m.learnAccount(string(s.Account))
	m.learnHosts(string(s.Host), string(s.TLSServerName), string(s.Helo))
	m.learnProxy(string(s.Proxy))
	for _, text := range append(append([]string{}, s.From...), s.To...) {
		m.Text(text)
	}
}

// learnAccount: an address, DOMAIN\name, or a name of any kind.
func (m *Masker) learnAccount(account string) {
	if domain, name, found := strings.Cut(account, `\`); found {
		m.learnHosts(domain)
		m.user(name)
		return
	}
	if at := strings.LastIndex(account, "@"); at > 0 {
		m.user(account[:at])
		m.learnHosts(account[at+1:])
		return
	}
	m.user(account)
}

// account gives the stand-in of a login name as a whole.
func (m *Masker) account(account string) string {
	if domain, name, found := strings.Cut(account, `\`); found {
		return m.host(domain) + `\` + m.user(name)
	}
	if at := strings.LastIndex(account, "@"); at > 0 && !strings.ContainsAny(account, " \t\r\n") {
		return m.user(account[:at]) + "@" + m.mailHost(account[at+1:])
	}
	if strings.Contains(account, "[hidden]") {
		return m.Text(account)
	}
	return m.user(account)
}

func (m *Masker) learnHosts(names ...string) {
	for _, name := range names {
		if isHostName(name) {
			m.host(name)
		}
	}
}

func (m *Masker) learnProxy(proxy string) {
	if u, err := url.Parse(proxy); err == nil {
		m.learnHosts(u.Hostname())
	}
}

func (m *Masker) learnProfile(name string) {
	if name != "" {
		m.profile(name)
	}
}

// profile gives the stand-in of a profile's name. One that is called like its
// mailbox or host has the stand-in of that.
func (m *Masker) profile(name string) string {
	key := fold(name)
	if name == "default" || m.issued[key] {
		return name
	}
	if to, known := m.words[key]; known {
		return to
	}
	if to, known := m.profiles[key]; known {
		return to
	}
	to := m.issue("profile", "profile", "", m.isOriginal)
	if len(m.profiles) < mostNames {
		m.profiles[key] = to
	}
	m.learnWord(name, to)
	return to
}

func (m *Masker) learnEvidence(evidence probe.Evidence) {
	switch e := evidence.(type) {
	case *probe.DNSEvidence:
		m.learnHosts(string(e.Name))
		m.learnHosts(e.CNAME...)
		m.learnHosts(e.MX...)
	case *probe.GreetingEvidence:
		m.learnHosts(string(e.HostName))
	case *probe.EHLOEvidence:
		m.learnHosts(string(e.ServerName), string(e.Helo))
	case *probe.TLSEvidence:
		m.learnHosts(string(e.ServerName))
	case *probe.CertificateEvidence:
		m.learnHosts(string(e.HostChecked))
		for _, c := range e.Chain {
			m.certificate(c)
		}
	}
}

var (
	helloLine    = compiled(`(?i)^(?:EHLO|HELO) (\S+)`)
	greetingLine = compiled(`^(?:220|250)[ -](\S+)`)
)

// learnLine learns the names in the lines of a dialogue that begin with one: the
// greeting, and EHLO with the first line of its answer (RFC 5321 sections 3.1, 4.1.1.1).
func (m *Masker) learnLine(line probe.TranscriptLine) {
	last, begun := m.dialogue[line.Connection]
	if len(m.dialogue) < mostNames {
		m.dialogue[line.Connection] = line.From
	}
	switch hello := helloLine().FindStringSubmatch(line.Text); {
	case line.From == "client" && hello != nil:
		m.learnHosts(hello[1])
		if begun || len(m.dialogue) < mostNames {
			m.dialogue[line.Connection] = "hello"
		}
	case line.From == "server" && (!begun || last == "hello"):
		if named := greetingLine().FindStringSubmatch(line.Text); named != nil {
			m.learnHosts(named[1])
		}
	}
}

// isHostName: letters, digits, hyphens, dots and underscores only, and no number.
func isHostName(name string) bool {
	bare := strings.TrimPrefix(name, "*.")
	return bare != "" && len(bare) < 254 && hostNamePattern().MatchString(bare)
}

var hostNamePattern = compiled(`^[\pL\pN_](?:[\pL\pN_.-]*[\pL\pN_])?\.?$`)

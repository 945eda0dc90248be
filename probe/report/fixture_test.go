package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares output with a file that a person can read.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not as expected (-want +got); go test -update writes it anew:\n%s", path, diff)
	}
}

// printed gives what a format makes of events.
func printed(t *testing.T, format string, o Options, events []probe.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	p, err := New(format, &b, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := p.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// folded is the report of events.
func folded(events []probe.Event) probe.Report {
	var r probe.Report
	for _, e := range events {
		r.Add(e)
	}
	return r
}

// scene is an invented probe of one profile.
type scene struct {
	profile    string
	settings   probe.ShownSettings
	plan       []probe.StepID
	steps      []probe.StepResult // in the order in which they are reported
	findings   []probe.Finding
	suggestion *probe.Suggestion
	transcript []probe.TranscriptLine
	outcome    probe.Outcome
}

// play gives the events of a run over scenes.
func play(scenes ...scene) []probe.Event {
	begin := time.Date(2026, 11, 23, 13, 2, 11, 0, time.UTC)
	events := []probe.Event{{Kind: probe.EventRun, Schema: probe.EventSchema, Run: &probe.RunBegin{
		Tool: probe.Tool{Name: "smtpdx", Version: "1.0.0"}, Command: "smtpdx check", StartedAt: begin, Profiles: len(scenes)}}}
	end := probe.RunEnd{Verdict: probe.Pass}
	for _, s := range scenes {
		events = append(events, s.events()...)
		end.Vantage = s.outcome.Vantage
		end.DurationMs += 1300
		if s.outcome.Verdict == probe.Fail {
			end.Verdict, end.ExitCode = probe.Fail, 16
		} else if s.outcome.Verdict == probe.Warn && end.Verdict == probe.Pass {
			end.Verdict = probe.Warn
		}
	}
	return append(events, probe.Event{Kind: probe.EventEnd, End: &end})
}

func (s scene) events() []probe.Event {
	name := probe.Maybe(s.profile)
	events := []probe.Event{{Kind: probe.EventPlan, Profile: name, Plan: &probe.Planned{Settings: s.settings, Steps: s.plan}}}
	clock := probe.Ms(0)
	for i := range s.transcript {
		events = append(events, probe.Event{Kind: probe.EventTranscript, Profile: name, Line: &s.transcript[i]})
	}
	for i := range s.steps {
		step := s.steps[i]
		if step.DurationMs != nil {
			events = append(events, probe.Event{Kind: probe.EventStepStart, Profile: name,
				Start: &probe.StepStart{ID: step.ID, Address: step.Address, AtMs: clock}})
			at := clock
			step.StartedMs = &at
			clock += *step.DurationMs
		}
		if step.Evidence == nil {
			step.Evidence = probe.EvidenceOf(step.ID)
		}
		events = append(events, probe.Event{Kind: probe.EventStep, Profile: name, Step: &step})
	}
	for i := range s.findings {
		events = append(events, probe.Event{Kind: probe.EventFinding, Profile: name, Finding: &s.findings[i]})
	}
	if s.suggestion != nil {
		events = append(events, probe.Event{Kind: probe.EventSuggestion, Profile: name, Suggestion: s.suggestion})
	}
	outcome := s.outcome
	outcome.Settings = s.settings
	return append(events, probe.Event{Kind: probe.EventResult, Profile: name, Result: &outcome})
}

func ptr[T any](v T) *T { return &v }

// ok, bad and skipped make steps; took is in milliseconds, 0 for one that waits for nothing.
func passed(id probe.StepID, address, summary string, took float64) probe.StepResult {
	return probe.StepResult{ID: id, Address: probe.Maybe(address), Connection: ptr(1), Status: probe.Pass, Summary: summary, DurationMs: ptr(probe.Ms(took))}
}

func failed(id probe.StepID, address, summary string, took float64, kind probe.FaultKind, text string) probe.StepResult {
	r := passed(id, address, summary, took)
	r.Status, r.Fault = probe.Fail, &probe.Fault{Kind: kind, Text: text}
	return r
}

func blocked(by probe.StepID, address string, ids ...probe.StepID) []probe.StepResult {
	var out []probe.StepResult
	for _, id := range ids {
		a := address
		if id == probe.StepAuth || id == probe.StepSender {
			a = ""
		}
		out = append(out, probe.StepResult{ID: id, Address: probe.Maybe(a), Status: probe.Skip, SkipReason: probe.Maybe(probe.Blocked),
			BlockedBy: probe.Maybe(by), Summary: "blocked by " + string(by)})
	}
	return out
}

func skippedFor(reason probe.SkipReason, words, address string, ids ...probe.StepID) []probe.StepResult {
	out := blocked("", address, ids...)
	for i := range out {
		out[i].SkipReason, out[i].BlockedBy, out[i].Summary = probe.Maybe(reason), "", words
	}
	return out
}

func reply(code int, enhanced string, lines ...string) *probe.Reply {
	return &probe.Reply{Code: code, Enhanced: probe.Maybe(enhanced), Lines: lines}
}

func settings(host string, port int, encryption probe.Encryption, account string, from ...string) probe.ShownSettings {
	return probe.ShownSettings{Host: probe.Maybe(host), Port: ptr(port), Encryption: probe.Maybe(encryption), Account: probe.Maybe(account),
		From: from, UsedBy: "here", DeadlineMs: ptr(probe.Ms(60000)), TLSMin: "1.2", Password: &probe.SecretSource{Source: "prompt"},
		Origins: map[string]probe.Origin{"host": {From: "target", Where: "smtp.example:587"}}}
}

var (
	starttlsPlan = []probe.StepID{probe.StepSettings, probe.StepDNS, probe.StepTCP, probe.StepGreeting, probe.StepEHLO, probe.StepSTARTTLS,
		probe.StepTLS, probe.StepCertificate, probe.StepEHLOTLS, probe.StepAuth, probe.StepSender}
	sslPlan = []probe.StepID{probe.StepSettings, probe.StepDNS, probe.StepTCP, probe.StepTLS, probe.StepCertificate, probe.StepGreeting,
		probe.StepEHLO, probe.StepAuth, probe.StepSender}
)

func join(parts ...any) []probe.StepResult {
	var out []probe.StepResult
	for _, part := range parts {
		switch part := part.(type) {
		case probe.StepResult:
			out = append(out, part)
		case []probe.StepResult:
			out = append(out, part...)
		}
	}
	return out
}

func dns(summary string, took float64, addresses ...string) probe.StepResult {
	r := passed(probe.StepDNS, "", summary, took)
	e := &probe.DNSEvidence{Resolver: "192.0.2.53:53", Name: "smtp.example", Rcode: "NOERROR"}
	for _, a := range addresses {
		family := 4
		if len(a) > 0 && bytes.ContainsRune([]byte(a), ':') {
			family = 6
		}
		e.Addresses = append(e.Addresses, probe.HostAddress{Address: a, Family: family})
	}
	r.Evidence = e
	return r
}

func read() probe.StepResult { return passed(probe.StepSettings, "", "read", 0) }

func next(command string, text string) probe.List[probe.Next] {
	return probe.List[probe.Next]{{Text: text, Command: probe.Maybe(command), Shell: "posix"}}
}

// wrongEncryption: SSL where the port wants STARTTLS.
func wrongEncryptionScene() scene {
	const at = "192.0.2.25:587"
	return scene{
		settings: settings("smtp.strato.example", 587, probe.SSL, "jobs@acme.example", "jobs@acme.example"),
		plan:     sslPlan,
		steps: join(read(), dns("192.0.2.25", 14, "192.0.2.25"), passed(probe.StepTCP, at, "answers", 19),
			failed(probe.StepTLS, at, "the server does not start with TLS on this port", 21, probe.TLSRecord, "answered in plain text: 220 smtp.strato.example ESMTP"),
			blocked(probe.StepTLS, at, probe.StepCertificate, probe.StepGreeting, probe.StepEHLO, probe.StepAuth, probe.StepSender)),
		findings: []probe.Finding{{Cause: "tls-wrong-mode-implicit-on-starttls-port", Step: "tls", Address: at, Severity: cause.Error, Confidence: cause.Certain,
			Title:       "the encryption setting does not fit the port",
			Explanation: `Port 587 starts in plain text and then switches to TLS (STARTTLS). "SSL" wants TLS from the first byte; that is port 465.`,
			Who:         cause.User,
			Fix: probe.List[probe.Fix]{
				{Text: "keep SSL", Who: cause.User, Setting: "port", From: "587", To: "465"},
				{Text: "keep 587", Who: cause.User, Setting: "encryption", From: "ssl", To: "starttls"}},
			Evidence: probe.List[probe.FindingEvidence]{{Step: "tls", Address: at, Text: "answered in plain text: 220 smtp.strato.example ESMTP"}}}},
		suggestion: &probe.Suggestion{Settings: probe.SuggestedSettings{Host: "smtp.strato.example", Port: 465, Encryption: "ssl", Account: "jobs@acme.example"},
			Verified: true, Text: "both, without the password: both work from this computer."},
		outcome: probe.Outcome{Verdict: probe.Fail, FailedStep: "tls", Address: at, Vantage: probe.Vantage{OS: "linux", LocalAddress: "192.168.20.31"},
			Next: next("smtpdx check smtp.strato.example:465 -u jobs@acme.example", "check the suggested settings")},
	}
}

var office = []string{"192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"}

func at(host string, port string) string {
	if bytes.ContainsRune([]byte(host), ':') {
		return "[" + host + "]:" + port
	}
	return host + ":" + port
}

// everywhere repeats a step on every address, the last address first.
func everywhere(id probe.StepID, summary string, took float64, hosts ...string) []probe.StepResult {
	var out []probe.StepResult
	for i := len(hosts) - 1; i >= 0; i-- {
		out = append(out, passed(id, at(hosts[i], "587"), summary, took+float64(i)))
	}
	return out
}

// tenantScene: SMTP login switched off at Microsoft 365.
func tenantScene() scene {
	auth := failed(probe.StepAuth, "", "LOGIN refused with 535 5.7.139", 5100, probe.Rejected, "the server answered 535 ...")
	auth.Reply = reply(535, "5.7.139", "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.")
	certificate := everywhere(probe.StepCertificate, "fits the name, public issuer, 241 days left", 0.4, office...)
	return scene{
		settings: settings("smtp.office365.com", 587, probe.STARTTLS, "jobs@acme.example", "jobs@acme.example"),
		plan:     starttlsPlan,
		steps: join(read(), dns("4 addresses, 2 IPv4 and 2 IPv6", 9, office...), everywhere(probe.StepTCP, "answers", 14, office...),
			everywhere(probe.StepGreeting, "Microsoft Exchange Online", 18, office...), everywhere(probe.StepEHLO, "STARTTLS offered", 15, office...),
			everywhere(probe.StepSTARTTLS, "accepted", 14, office...), everywhere(probe.StepTLS, "TLS 1.3", 21, office...), certificate,
			everywhere(probe.StepEHLOTLS, "login offered: LOGIN, XOAUTH2", 15, office...), auth, blocked(probe.StepAuth, "", probe.StepSender)),
		findings: []probe.Finding{{Cause: "auth-disabled-by-admin", Step: "auth", Severity: cause.Error, Confidence: cause.Certain,
			Title:       "Microsoft 365 does not allow SMTP login for this tenant",
			Explanation: "Host, port and encryption are right. Another password does not help; whether this one is right is not known yet.",
			Who:         cause.ITAdmin,
			Fix: probe.List[probe.Fix]{
				{Text: "allow it for this one mailbox (that overrides the tenant):", Who: cause.ITAdmin,
					Path: "Microsoft 365 admin center > Users > Active users > jobs@acme.example > Mail > Manage email apps > Authenticated SMTP"},
				{Who: cause.ITAdmin, Commands: probe.List[probe.Command]{{Shell: "powershell", Text: "Set-CASMailbox jobs@acme.example -SmtpClientAuthenticationDisabled $false"}}},
				{Text: `Better: "Connect with Microsoft" (OAuth), if the application has it: Microsoft turns password login off by default after Dec 2026.`, Who: cause.User}}}},
		outcome: probe.Outcome{Verdict: probe.Fail, FailedStep: "auth", Address: "192.0.2.1:587", Vantage: probe.Vantage{OS: "windows", LocalAddress: "192.168.20.31"},
			Next: next("smtpdx check smtp.office365.com:587 -u jobs@acme.example", "check again after the change")},
	}
}

// senderScene: the login may not send as somebody else.
func senderScene() scene {
	const at = "192.0.2.7:587"
	refusal := reply(550, "", "Sender address is not allowed.")
	sender := failed(probe.StepSender, "", "jobs@acme-karriere.example refused with 550", 31, probe.Rejected, "the server answered 550 Sender address is not allowed.")
	sender.Reply = refusal
	sender.Exchanges = probe.List[probe.Exchange]{{Command: "MAIL", Argument: "FROM:<jobs@acme-karriere.example>", Reply: refusal, DurationMs: 12}}
	sender.Evidence = &probe.SenderEvidence{SMTPUTF8: ptr(false), Tries: probe.List[probe.SenderTry]{
		{From: "jobs@acme-karriere.example", To: "jobs@acme-karriere.example", Refused: "sender", Reply: refusal},
		{From: "info@acme.example", To: "info@acme.example", AccountItself: true, Reply: reply(250, "", "Ok")}}}
	return scene{
		settings: settings("smtp.ionos.example", 587, probe.STARTTLS, "info@acme.example", "jobs@acme-karriere.example"),
		plan:     starttlsPlan,
		steps: join(read(), dns("192.0.2.7", 12, "192.0.2.7"), passed(probe.StepTCP, at, "answers", 20), passed(probe.StepGreeting, at, "kundenserver.example", 40),
			passed(probe.StepEHLO, at, "STARTTLS offered", 30), passed(probe.StepSTARTTLS, at, "accepted", 30), passed(probe.StepTLS, at, "TLS 1.3", 50),
			passed(probe.StepCertificate, at, "fits the name, public issuer, 100 days left", 1), passed(probe.StepEHLOTLS, at, "login offered: PLAIN, LOGIN", 30),
			passed(probe.StepAuth, "", "logged in as info@acme.example (PLAIN)", 88), sender),
		findings: []probe.Finding{{Cause: "sender-not-owned", Step: "sender", Severity: cause.Error, Confidence: cause.Certain,
			Title:       "the login works, but it may not send as jobs@acme-karriere.example",
			Explanation: "IONOS takes senders of the mailbox's own domain only (here acme.example). Host, port, encryption and password are right.",
			Who:         cause.User,
			Fix: probe.List[probe.Fix]{
				{Text: "with its password", Who: cause.User, Setting: "account", To: "a mailbox at acme-karriere.example"},
				{Who: cause.User, Setting: "from", To: "an address at acme.example"}}}},
		outcome: probe.Outcome{Verdict: probe.Fail, FailedStep: "sender", Address: at, Vantage: probe.Vantage{LocalAddress: "192.168.20.31"},
			Next: next("smtpdx check smtp.ionos.example:587 -u jobs@acme-karriere.example", "check again after the change")},
	}
}

// portScene: a firewall drops the port.
func portScene() scene {
	hosts := []string{"192.0.2.109", "2001:db8::6d"}
	var steps []probe.StepResult
	for _, h := range hosts {
		steps = append(steps, failed(probe.StepTCP, at(h, "587"), "no answer", 10000, probe.Timeout, "no answer within 10 s"))
	}
	for _, h := range hosts {
		steps = append(steps, blocked(probe.StepTCP, at(h, "587"), probe.StepGreeting, probe.StepEHLO, probe.StepSTARTTLS, probe.StepTLS,
			probe.StepCertificate, probe.StepEHLOTLS)...)
	}
	steps = append(steps, blocked(probe.StepTCP, "", probe.StepAuth, probe.StepSender)...)
	return scene{
		settings: settings("smtp.gmail.example", 587, probe.STARTTLS, "jobs@acme.example", "jobs@acme.example"),
		plan:     starttlsPlan,
		steps:    join(read(), dns("192.0.2.109, 2001:db8::6d", 8, hosts...), steps),
		findings: []probe.Finding{{Cause: "tcp-filtered-port", Step: "tcp", Address: "192.0.2.109:587", Severity: cause.Error, Confidence: cause.Likely,
			Title: "nothing answers on port 587, seen from this computer",
			Explanation: "The server is up: it answers on 465. A port that stays silent is nearly always closed on the way: company firewall, VPN, hosting company. " +
				"A wrong port would usually be refused at once.",
			Who: cause.Network,
			Fix: probe.List[probe.Fix]{
				{Text: "with Encryption STARTTLS -> SSL", Who: cause.User, Setting: "port", From: "587", To: "465"},
				{Text: "firewall: allow outgoing TCP 587 to smtp.gmail.example", Who: cause.Network}},
			Evidence: probe.List[probe.FindingEvidence]{{Step: "tcp", Address: "192.0.2.109:587", Text: "no answer within 10 s"}}}},
		suggestion: &probe.Suggestion{Settings: probe.SuggestedSettings{Host: "smtp.gmail.example", Port: 465, Encryption: "ssl", Account: "jobs@acme.example"},
			Verified: true, Text: "465 SSL: works as far as login, certificate good"},
		outcome: probe.Outcome{Verdict: probe.Fail, FailedStep: "tcp", Address: "192.0.2.109:587", Vantage: probe.Vantage{LocalAddress: "192.168.20.31"},
			Next: next("smtpdx check smtp.gmail.example:465 -u jobs@acme.example", "check the suggested settings")},
	}
}

// nameScene: the certificate is another name's.
func nameScene() scene {
	const at = "192.0.2.44:465"
	certificate := failed(probe.StepCertificate, at, "not for the name mail.acme.example", 0.4, probe.BadCertificate, "the certificate is for *.kasserver.example, kasserver.example")
	certificate.Evidence = &probe.CertificateEvidence{HostChecked: "mail.acme.example", TrustedPublic: ptr(true), TrustedHere: ptr(true), NameMatches: ptr(false),
		DaysLeft: ptr(63), Problems: []string{"certificate-name"}, Chain: probe.List[probe.Certificate]{{Subject: "CN=*.kasserver.example", Issuer: "CN=R11",
			Names: []string{"*.kasserver.example", "kasserver.example"}, NotBefore: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
			NotAfter: time.Date(2027, 1, 25, 0, 0, 0, 0, time.UTC), Key: "RSA 2048", Signature: "SHA256-RSA", SHA256: "00ff", PEM: "-----BEGIN CERTIFICATE-----\n"}}}
	s := settings("mail.acme.example", 465, probe.SSL, "jobs@acme.example", "jobs@acme.example")
	return scene{
		settings: s,
		plan:     sslPlan,
		steps: join(read(), dns("192.0.2.44, alias of w0123456.kasserver.example", 12, "192.0.2.44"), passed(probe.StepTCP, at, "answers", 16),
			passed(probe.StepTLS, at, "TLS 1.3", 35), certificate, passed(probe.StepGreeting, at, "Postfix", 17), passed(probe.StepEHLO, at, "login offered: PLAIN, LOGIN", 16),
			blocked(probe.StepCertificate, "", probe.StepAuth, probe.StepSender)),
		findings: []probe.Finding{{Cause: "cert-name-mismatch", Step: "certificate", Address: at, Severity: cause.Error, Confidence: cause.Certain,
			Title:       "the server's certificate is for another name than the host entered",
			Explanation: "The name is an alias your domain gives to the hosting company's server; the certificate is the hosting company's.",
			Who:         cause.User,
			Fix: probe.List[probe.Fix]{
				{Text: "Set the host to w0123456.kasserver.example", Who: cause.User, Setting: "host", From: "mail.acme.example", To: "w0123456.kasserver.example"},
				{Text: "Do not switch certificate checks off in the application: the password would go to anyone who answers under this name.", Who: cause.User}}}},
		suggestion: &probe.Suggestion{Settings: probe.SuggestedSettings{Host: "w0123456.kasserver.example", Port: 465, Encryption: "ssl", Account: "jobs@acme.example"},
			Verified: true, Text: "that name, without the password: same server, certificate fits."},
		outcome: probe.Outcome{Verdict: probe.Fail, FailedStep: "certificate", Address: at, Vantage: probe.Vantage{LocalAddress: "192.168.20.31"},
			Next: next("smtpdx check w0123456.kasserver.example:465 -u jobs@acme.example", "check the suggested settings")},
	}
}

// passScene: all well, and what a check cannot tell.
func passScene() scene {
	const at = "192.0.2.1:587"
	return scene{
		settings: settings("smtp.office365.com", 587, probe.STARTTLS, "svc-hr@acme.example", "jobs@acme.example"),
		plan:     starttlsPlan,
		steps: join(read(), dns("192.0.2.1", 9, "192.0.2.1"), passed(probe.StepTCP, at, "answers", 17), passed(probe.StepGreeting, at, "Microsoft Exchange Online", 21),
			passed(probe.StepEHLO, at, "STARTTLS offered", 18), passed(probe.StepSTARTTLS, at, "accepted", 17), passed(probe.StepTLS, at, "TLS 1.3", 24),
			passed(probe.StepCertificate, at, "fits the name, public issuer, 241 days left", 1), passed(probe.StepEHLOTLS, at, "login offered: LOGIN, XOAUTH2", 18),
			passed(probe.StepAuth, "", "logged in as svc-hr@acme.example (LOGIN)", 1100), passed(probe.StepSender, "", "jobs@acme.example accepted so far", 60)),
		findings: []probe.Finding{
			{Cause: "sender-undecided", Step: "sender", Severity: cause.Info, Confidence: cause.Certain, Title: "whether the account may send as this sender shows only after a message",
				Who: cause.User, Decides: probe.List[probe.Decides]{{Question: "may svc-hr@acme.example send as jobs@acme.example? Microsoft 365 decides that only after a message."}}},
			{Cause: "auth-password-login-ending", Step: "auth", Severity: cause.Info, Confidence: cause.Certain, Title: "Microsoft turns password login off by default after Dec 2026", Who: cause.ITAdmin},
			{Cause: "dns-address-partial", Step: "dns", Severity: cause.Info, Confidence: cause.Certain, Title: "one address family of smtp.office365.com could not be looked up", Who: cause.Network}},
		outcome: probe.Outcome{Verdict: probe.Pass, Address: at, Vantage: probe.Vantage{LocalAddress: "192.168.20.31", SeenAs: "203.0.113.7"},
			Next: next("smtpdx check smtp.office365.com:587 -u svc-hr@acme.example --from jobs@acme.example", "repeat this check")},
	}
}

// warnScene: one address is dead, the certificate runs out, the host was cleaned.
func warnScene() scene {
	const v4, v6 = "192.0.2.9:587", "[2001:db8::9]:587"
	s := settings("smtp.acme.example", 587, probe.STARTTLS, "jobs@acme.example", "jobs@acme.example")
	cleaned := passed(probe.StepSettings, "", "read, and cleaned", 0)
	cleaned.Status = probe.Warn
	cleaned.Evidence = &probe.SettingsEvidence{Cleaned: probe.List[probe.Cleaned]{{Key: "host", Given: "https://smtp.acme.example/", Used: "smtp.acme.example"}}}
	certificate := passed(probe.StepCertificate, v4, "fits the name, public issuer, 5 days left", 1)
	certificate.Status = probe.Warn
	certificate.Evidence = &probe.CertificateEvidence{HostChecked: "smtp.acme.example", TrustedPublic: ptr(true), NameMatches: ptr(true), DaysLeft: ptr(5),
		Chain: probe.List[probe.Certificate]{{Subject: "CN=smtp.acme.example", Issuer: "CN=R11", Names: []string{"smtp.acme.example"}}}}
	return scene{
		settings: s, plan: starttlsPlan,
		steps: join(cleaned, dns("2001:db8::9, 192.0.2.9", 9, "2001:db8::9", "192.0.2.9"),
			passed(probe.StepTCP, v4, "answers", 20), passed(probe.StepGreeting, v4, "Postfix", 20), passed(probe.StepEHLO, v4, "STARTTLS offered", 20),
			failed(probe.StepTCP, v6, "refused", 21, probe.ConnRefused, "connection refused"),
			blocked(probe.StepTCP, v6, probe.StepGreeting, probe.StepEHLO, probe.StepSTARTTLS, probe.StepTLS, probe.StepCertificate, probe.StepEHLOTLS),
			passed(probe.StepSTARTTLS, v4, "accepted", 20), passed(probe.StepTLS, v4, "TLS 1.3", 20), certificate,
			passed(probe.StepEHLOTLS, v4, "login offered: PLAIN, LOGIN", 20),
			passed(probe.StepAuth, "", "logged in as jobs@acme.example (PLAIN)", 80), passed(probe.StepSender, "", "jobs@acme.example accepted so far", 60)),
		findings: []probe.Finding{
			{Cause: "cert-expires-soon", Step: "certificate", Address: v4, Severity: cause.Warning, Confidence: cause.Certain, Title: "the certificate runs out in 5 days",
				Explanation: "Certificates are renewed by a program nowadays, a few weeks before they end. This one was not.", Who: cause.ITAdmin,
				Fix: probe.List[probe.Fix]{{Text: "Renew the certificate, and see why it was not renewed by itself", Who: cause.ITAdmin}}},
			{Cause: "tcp-refused", Step: "tcp", Address: v6, Severity: cause.Warning, Confidence: cause.Certain, Title: "2001:db8::9 refuses connections on port 587", Who: cause.ITAdmin},
			{Cause: "settings-host-cleaned", Step: "settings", Severity: cause.Warning, Confidence: cause.Certain,
				Title: "the host was typed as https://smtp.acme.example/; smtp.acme.example was used", Who: cause.User}},
		outcome: probe.Outcome{Verdict: probe.Warn, Address: v4, Vantage: probe.Vantage{LocalAddress: "192.168.20.31"},
			Next: next("smtpdx check smtp.acme.example:587 -u jobs@acme.example", "repeat this check")},
	}
}

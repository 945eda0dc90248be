package compare

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// healthy is the report of a check that passed.
func healthy() probe.Report {
	port := 587
	yes := true
	days := 60
	step := func(id probe.StepID, ms probe.Ms, e probe.Evidence) probe.StepResult {
		return probe.StepResult{ID: id, Status: probe.Pass, DurationMs: &ms, Evidence: e}
	}
	result := probe.Result{Verdict: probe.Pass,
		Settings: probe.ShownSettings{Host: "smtp.acme.example", Port: &port, Encryption: "starttls", Account: "jobs@acme.example",
			From: []string{"jobs@acme.example"}, Password: &probe.SecretSource{Source: "env"}},
		Steps: []probe.StepResult{
			step(probe.StepDNS, 8, &probe.DNSEvidence{Rcode: "NOERROR", Addresses: []probe.HostAddress{{Address: "192.0.2.1", Family: 4}, {Address: "192.0.2.2", Family: 4}}}),
			step(probe.StepGreeting, 20, &probe.GreetingEvidence{HostName: "mx7.acme.example", Software: "Postfix", LooksLike: "smtp"}),
			step(probe.StepTLS, 30, &probe.TLSEvidence{Version: "1.3", Cipher: "TLS_AES_128_GCM_SHA256"}),
			step(probe.StepCertificate, 0, &probe.CertificateEvidence{NameMatches: &yes, TrustedPublic: &yes, TrustedHere: &yes, DaysLeft: &days,
				Chain: []probe.Certificate{{SHA256: "aa", Issuer: "CN=R10,O=Let's Encrypt,C=US", Names: []string{"smtp.acme.example"}, Key: "RSA 2048"}}}),
			step(probe.StepEHLOTLS, 10, &probe.EHLOEvidence{ServerName: "mx7.acme.example", Auth: []string{"PLAIN", "LOGIN"},
				Capabilities: []probe.Capability{{Keyword: "SIZE", Parameters: []string{"20000000"}}, {Keyword: "AUTH", Parameters: []string{"PLAIN", "LOGIN"}}, {Keyword: "PIPELINING"}, {Keyword: "SMTPUTF8"}}}),
			step(probe.StepAuth, 100, &probe.AuthEvidence{Mechanism: "PLAIN"}),
			step(probe.StepSender, 40, &probe.SenderEvidence{Tries: []probe.SenderTry{{From: "jobs@acme.example", To: "jobs@acme.example"}}}),
		}}
	return probe.Report{Tool: probe.Tool{Name: "smtpdx", Version: "1"}, StartedAt: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC), Verdict: probe.Pass,
		Vantage: probe.Vantage{OS: "linux", LocalAddress: "198.51.100.7"}, Results: []probe.Result{result}}
}

// evidence gives the evidence of a step of the only result.
func evidence[T probe.Evidence](r *probe.Report, id probe.StepID) T {
	return stepOf(&r.Results[0], id).Evidence.(T)
}

// fail makes a step of the only result fail with a finding.
func fail(r *probe.Report, id probe.StepID, because, summary string) {
	step := stepOf(&r.Results[0], id)
	step.Status, step.Summary = probe.Fail, summary
	step.Fault = &probe.Fault{Kind: probe.Rejected, Text: summary}
	r.Verdict, r.Results[0].Verdict, r.Results[0].FailedStep = probe.Fail, probe.Fail, probe.Maybe(id)
	r.Results[0].Findings = append(r.Results[0].Findings, probe.Finding{Cause: because, Step: probe.Maybe(id), Severity: cause.Error, Title: summary})
}

// until makes the only result one that was not asked for what follows a step.
func until(r *probe.Report, last probe.StepID) {
	steps := r.Results[0].Steps
	after := false
	for i := range steps {
		if after {
			steps[i] = probe.StepResult{ID: steps[i].ID, Status: probe.Skip, SkipReason: probe.Maybe(probe.NotAsked)}
		}
		after = after || steps[i].ID == last
	}
}

// startTLS adds the list from before STARTTLS, in which there is no login.
func startTLS(r *probe.Report) {
	plain := &probe.EHLOEvidence{ServerName: "mx7.acme.example", Capabilities: []probe.Capability{{Keyword: "STARTTLS"}, {Keyword: "SIZE", Parameters: []string{"999"}}}}
	r.Results[0].Steps = append(r.Results[0].Steps, probe.StepResult{ID: probe.StepEHLO, Status: probe.Pass, Evidence: plain})
}

// overSSL makes of the EHLO after STARTTLS the only one.
func overSSL(r *probe.Report) {
	r.Results[0].Settings.Encryption = "ssl"
	stepOf(&r.Results[0], probe.StepEHLOTLS).ID = probe.StepEHLO
}

// seen is what a test looks at.
func seen(c Comparison) []string {
	var all []string
	for _, d := range c.Differences {
		all = append(all, string(d.Effect)+" "+d.Path)
	}
	return all
}

func TestDifferencesAreNamedWithTheirEffect(t *testing.T) {
	tests := map[string]struct {
		change func(a, b *probe.Report)
		want   []string
	}{
		"nothing": {func(_, _ *probe.Report) {}, nil},
		"what changes by itself is no difference": {func(_, b *probe.Report) {
			b.Vantage.LocalAddress = "198.51.100.9"
			evidence[*probe.DNSEvidence](b, probe.StepDNS).Addresses = []probe.HostAddress{{Address: "192.0.2.77", Family: 4}}
			evidence[*probe.GreetingEvidence](b, probe.StepGreeting).HostName = "mx9.acme.example"
			evidence[*probe.EHLOEvidence](b, probe.StepEHLOTLS).ServerName = "mx9.acme.example"
			*stepOf(&b.Results[0], probe.StepTLS).DurationMs = 140
			*evidence[*probe.CertificateEvidence](b, probe.StepCertificate) = probe.CertificateEvidence{
				Chain: []probe.Certificate{{SHA256: "bb", Issuer: "CN=R13,O=Let's Encrypt,C=US", Names: []string{"smtp.acme.example"}, Key: "RSA 2048"}}}
		}, nil},
		"another server": {func(_, b *probe.Report) {
			evidence[*probe.DNSEvidence](b, probe.StepDNS).Addresses = []probe.HostAddress{{Address: "203.0.113.5", Family: 4}, {Address: "2001:db8::5", Family: 6}}
			evidence[*probe.GreetingEvidence](b, probe.StepGreeting).HostName = "other.example"
			evidence[*probe.EHLOEvidence](b, probe.StepEHLOTLS).ServerName = "other.example"
		}, []string{"neutral steps.dns.addresses.ipv4", "neutral steps.dns.addresses.ipv6", "neutral steps.greeting.host_name", "neutral steps.ehlo-tls.server_name"}},
		"it fails now": {func(_, b *probe.Report) { fail(b, probe.StepAuth, "auth-bad-credentials", "refused") },
			[]string{"worse verdict", "worse findings.auth-bad-credentials", "worse steps.auth.status"}},
		"it works now": {func(a, _ *probe.Report) { fail(a, probe.StepAuth, "auth-bad-credentials", "refused") },
			[]string{"better verdict", "better findings.auth-bad-credentials", "better steps.auth.status"}},
		"it fails earlier": {func(a, b *probe.Report) {
			fail(a, probe.StepSender, "sender-not-owned", "refused")
			fail(b, probe.StepTLS, "tls-handshake-failed", "broken")
			for _, id := range []probe.StepID{probe.StepCertificate, probe.StepEHLOTLS, probe.StepAuth, probe.StepSender} {
				step := stepOf(&b.Results[0], id)
				*step = probe.StepResult{ID: id, Status: probe.Skip, SkipReason: "blocked", BlockedBy: "tls", Evidence: probe.EvidenceOf(id)}
			}
		}, []string{"worse failed_step", "worse findings.tls-handshake-failed", "worse steps.tls.status"}},
		"it fails with another reply": {func(a, b *probe.Report) {
			fail(a, probe.StepAuth, "auth-failed", "refused")
			fail(b, probe.StepAuth, "auth-failed", "refused")
			stepOf(&a.Results[0], probe.StepAuth).Reply = &probe.Reply{Code: 535, Enhanced: "5.7.8", Lines: []string{"5.7.8 no, id1x"}}
			stepOf(&b.Results[0], probe.StepAuth).Reply = &probe.Reply{Code: 454, Enhanced: "4.7.0", Lines: []string{"4.7.0 later, id2x"}}
		}, []string{"neutral steps.auth.reply"}},
		"fewer capabilities": {func(_, b *probe.Report) {
			e := evidence[*probe.EHLOEvidence](b, probe.StepEHLOTLS)
			e.Auth = []string{"LOGIN"}
			e.Capabilities = []probe.Capability{{Keyword: "SIZE", Parameters: []string{"10000"}}, {Keyword: "AUTH", Parameters: []string{"LOGIN"}}, {Keyword: "DSN"}}
		}, []string{"worse steps.ehlo-tls.auth", "worse steps.ehlo-tls.capabilities.SIZE", "worse steps.ehlo-tls.capabilities.SMTPUTF8",
			"neutral steps.ehlo-tls.capabilities.PIPELINING", "neutral steps.ehlo-tls.capabilities.DSN"}},
		"another certificate": {func(_, b *probe.Report) {
			no := false
			e := evidence[*probe.CertificateEvidence](b, probe.StepCertificate)
			e.TrustedPublic, e.NameMatches = &no, &no
			e.Chain = []probe.Certificate{{SHA256: "cc", Issuer: "CN=box", Names: []string{"box"}, Key: "ECDSA P-256", SelfSigned: true}}
		}, []string{"worse steps.certificate.name_matches", "worse steps.certificate.trusted_public", "neutral steps.certificate.issuer",
			"neutral steps.certificate.names", "neutral steps.certificate.key"}},
		"an older TLS": {func(_, b *probe.Report) { evidence[*probe.TLSEvidence](b, probe.StepTLS).Version = "1.2" }, []string{"worse steps.tls.version"}},
		"much slower":  {func(_, b *probe.Report) { *stepOf(&b.Results[0], probe.StepAuth).DurationMs = 5100 }, []string{"worse steps.auth.duration_ms"}},
		"slower":       {func(_, b *probe.Report) { *stepOf(&b.Results[0], probe.StepAuth).DurationMs = 600 }, []string{"neutral steps.auth.duration_ms"}},
		"another question": {func(_, b *probe.Report) {
			s := &b.Results[0].Settings
			s.Encryption, s.Insecure, s.Password = "none", true, &probe.SecretSource{Source: "prompt"}
		}, []string{"worse settings.encryption", "worse settings.insecure", "neutral settings.password"}},
		"another place": {func(_, b *probe.Report) { b.Vantage.LocalAddress, b.Vantage.Proxy = "10.0.0.4", "socks5://p:1" },
			[]string{"neutral vantage.local_address", "neutral vantage.proxy"}},
		"another address of the same IPv6 network": {func(a, b *probe.Report) {
			a.Vantage.LocalAddress, b.Vantage.LocalAddress = "2001:db8:1:2:aaaa::1", "2001:db8:1:2:bbbb:1:2:3"
		}, nil},
		"another IPv6 network": {func(a, b *probe.Report) {
			a.Vantage.LocalAddress, b.Vantage.LocalAddress = "2001:db8:1:2::1", "2001:db8:1:3::1"
		}, []string{"neutral vantage.local_address"}},
		"SSL in place of STARTTLS": {func(a, b *probe.Report) { startTLS(a); overSSL(b) }, []string{"neutral settings.encryption"}},
		"STARTTLS in place of SSL": {func(a, b *probe.Report) { overSSL(a); startTLS(b) }, []string{"neutral settings.encryption"}},
		"the first was asked less": {func(a, b *probe.Report) {
			until(a, probe.StepTLS)
			fail(b, probe.StepAuth, "auth-bad-credentials", "refused")
		}, []string{"neutral verdict", "neutral findings.auth-bad-credentials", "neutral steps.certificate.status",
			"neutral steps.ehlo-tls.status", "neutral steps.auth.status", "neutral steps.sender.status"}},
		"the second was asked less": {func(a, b *probe.Report) {
			fail(a, probe.StepSender, "sender-not-owned", "refused")
			until(b, probe.StepAuth)
		}, []string{"neutral verdict", "neutral steps.sender.status"}},
		"it gets further, and fails there": {func(a, b *probe.Report) {
			fail(a, probe.StepEHLOTLS, "ehlo-refused", "refused")
			for _, id := range []probe.StepID{probe.StepAuth, probe.StepSender} {
				*stepOf(&a.Results[0], id) = probe.StepResult{ID: id, Status: probe.Skip, SkipReason: probe.Maybe(probe.Blocked), BlockedBy: "ehlo-tls"}
			}
			fail(b, probe.StepAuth, "auth-bad-credentials", "refused")
		}, []string{"better failed_step", "better findings.ehlo-refused", "better steps.ehlo-tls.status", "neutral findings.auth-bad-credentials"}},
		"the second was interrupted": {func(_, b *probe.Report) {
			b.Verdict, b.Results[0].Verdict, b.Results[0].Interrupted = probe.Fail, probe.Fail, true
			*stepOf(&b.Results[0], probe.StepSender) = probe.StepResult{ID: probe.StepSender, Status: probe.Skip, SkipReason: probe.Maybe(probe.Interrupted)}
		}, []string{"neutral interrupted", "neutral steps.sender.status"}},
		"interrupted while it waited": {func(_, b *probe.Report) {
			b.Results[0].Interrupted = true
			step := stepOf(&b.Results[0], probe.StepGreeting)
			step.Status, step.SkipReason = probe.Skip, probe.Maybe(probe.Interrupted)
			step.Evidence = &probe.GreetingEvidence{LooksLike: "nothing"}
		}, []string{"neutral interrupted", "neutral steps.greeting.status"}},
		"a sender that is refused now": {func(_, b *probe.Report) {
			evidence[*probe.SenderEvidence](b, probe.StepSender).Tries[0].Refused = "sender"
		}, []string{"worse steps.sender.tries.jobs@acme.example"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := healthy(), healthy()
			test.change(&a, &b)
			got := Reports(a, b)
			if diff := cmp.Diff(test.want, seen(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			worse := len(test.want) > 0 && test.want[0][:5] == "worse"
			if got.Worse != worse {
				t.Errorf("worse is %t", got.Worse)
			}
		})
	}
}

func TestProfilesArePairedByName(t *testing.T) {
	a, b := healthy(), healthy()
	a.Results[0].Profile, b.Results[0].Profile = "one", "two"
	second := healthy().Results[0]
	second.Profile = "one"
	b.Results = append(b.Results, second)
	b.Results[0].Verdict = probe.Fail
	got := Reports(a, b)
	if diff := cmp.Diff([]string{"worse results"}, seen(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Differences[0].Profile != "two" {
		t.Errorf("profile %q", got.Differences[0].Profile)
	}
}

func TestAFindingThatWasNotReachedIsNotCalledMended(t *testing.T) {
	a, b := healthy(), healthy()
	fail(&a, probe.StepAuth, "auth-bad-credentials", "refused")
	fail(&b, probe.StepTLS, "tls-handshake-failed", "broken")
	*stepOf(&b.Results[0], probe.StepAuth) = probe.StepResult{ID: probe.StepAuth, Status: probe.Skip, SkipReason: "blocked", BlockedBy: "tls"}
	for _, d := range Reports(a, b).Differences {
		if d.Path == "findings.auth-bad-credentials" {
			t.Errorf("%+v", d)
		}
	}
}

func TestTheSameServerTwiceIsPairedInOrder(t *testing.T) {
	a, b := healthy(), healthy()
	a.Results = append(a.Results, healthy().Results[0])
	fail(&b, probe.StepAuth, "auth-bad-credentials", "refused")
	b.Results = append(b.Results, healthy().Results[0])
	want := []string{"worse verdict", "worse findings.auth-bad-credentials", "worse steps.auth.status"}
	if diff := cmp.Diff(want, seen(Reports(a, b))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

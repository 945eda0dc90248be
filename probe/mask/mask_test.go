package mask

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

// taught knows a mailbox, a host, a profile and a client as a run's settings name them.
func taught() *Masker {
	m := New()
	m.Learn(probe.Settings{Profile: "berlin", Host: "smtp.acme.test-firm.de", Account: "anna.mueller@test-firm.de", From: []string{"vertrieb@test-firm.de"}, Helo: "DESKTOP-7Q2"})
	return m
}

func TestNamesHaveStandIns(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"550 5.1.1 <vertrieb@test-firm.de>: not owned by anna.mueller@test-firm.de", "550 5.1.1 <user2@domain1.example>: not owned by user1@domain1.example"},
		{"ANNA.MUELLER@TEST-FIRM.DE", "user1@domain1.example"},
		{"mailbox anna.mueller is full", "mailbox user1 is full"},
		{"host smtp.acme.test-firm.de:587", "host smtp.host1.domain1.example:587"},
		{"250-smtp.acme.test-firm.de Hello DESKTOP-7Q2 [10.1.2.3]", "250-smtp.host1.domain1.example Hello host2 [192.0.2.1]"},
		{"550-anna.mueller@test-firm.de is no more", "550-user1@domain1.example is no more"},
		{"[IPv6:2a01:4f8::1] [2a01:4f8::1]:587 2a01:4f8::2: refused ::ffff:10.1.2.3", "[IPv6:2001:db8::1] [2001:db8::1]:587 2001:db8::2: refused ::ffff:192.0.2.1"},
		{"listed: 3.2.1.10.zen.spamhaus.org, 10-1-2-3.dyn.test-firm.de", "listed: 1.2.0.192.zen.spamhaus.org, host4.host3.domain1.example"},
		{"dial tcp 10.1.2.3:587->10.1.2.4:4444: refused", "dial tcp 192.0.2.1:587->192.0.2.2:4444: refused"},
		{"127.0.0.1 ::1 localhost 8.8.8.8 [::]", "127.0.0.1 ::1 localhost 8.8.8.8 [::]"},
		{"535 5.7.139 at 12:34:56 (Exim 4.96)", "535 5.7.139 at 12:34:56 (Exim 4.96)"},
		{"unknown.other-firm.com sent it to x@other-firm.com", "host3.domain2.example sent it to user3@domain2.example"},
		{`C:\Users\Anna Huber\smtpdx.yaml /home/huber/x.pem /Users/huber`, `C:\Users\user3\smtpdx.yaml /home/user4/x.pem /Users/user4`},
		{`'C:\\Users\\huber\\a b.json'`, `'C:\\Users\\user3\\a b.json'`},
		{"smtpdx check berlin -c ~/smtpdx.yaml", "smtpdx check profile1 -c ~/smtpdx.yaml"},
		{"see https://support.google.com/mail/?p=BadCredentials abc - gsmtp", "see https://support.google.com/mail/?p=BadCredentials abc - gsmtp"},
		{"Visit https://aka.ms/smtp_auth_disabled [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM]", "Visit https://aka.ms/smtp_auth_disabled [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM]"},
		{"w0123456.kasserver.com", "host3.kasserver.com"},
		{`TEST-FIRM\anna.mueller`, `domain1\user1`},
		{"[AM0PR02CA0023.eurprd02.prod.outlook.com 2026-11-23]", "[AM0PR02CA0023.eurprd02.prod.outlook.com 2026-11-23]"},
		{"test-firm-de.mail.protection.outlook.com", "domain1-example.mail.protection.outlook.com"},
		{"acme77.onmicrosoft.com", "host3.onmicrosoft.com"},
		{"SRS0=h4Sh=TT=test-firm.de=anna.mueller@fwd.other-firm.com", "SRS0=h4Sh=TT=domain1.example=user1@host3.domain2.example"},
		{"prvs=0123456789=anna.mueller@test-firm.de", "prvs=0123456789=user1@domain1.example"},
		{"user=anna.mueller@test-firm.de", "user=user1@domain1.example"},
		{"ORCPT=rfc822;anna.mueller+40test-firm.de", "ORCPT=rfc822;user1+40domain1.example"},
		{"https://x.test-firm.de/?u=anna.mueller%40test-firm.de", "https://host3.domain1.example/?u=user1%40domain1.example"},
		{"%61nna.mueller%40TEST-FIRM.DE", "user1%40domain1.example"},
		{"user@xn--mller-kva.de and User@müller.de and www.MÜLLER.de", "user3@domain2.example and user3@domain2.example and www.domain2.example"},
		{"main.cf, smtpdx.yaml:3, System.Net.Mail.SmtpException, mail.smtp.auth", "main.cf, smtpdx.yaml:3, System.Net.Mail.SmtpException, mail.smtp.auth"},
		{"srv01.test-firm.local", "host3.domain2.local"},
		{"*.test-firm.de, _submission._tcp.test-firm.de", "*.domain1.example, _submission._tcp.domain1.example"},
		{"Test-Firm is down", "domain1 is down"},
		{"me@gmail.com at smtp.gmail.com", "user3@gmail.com at smtp.gmail.com"},
		{"jobs@[10.1.2.3] root@srv9 1.2.3.4@10.1.2.3", "user3@[192.0.2.1] user4@host3 user5@192.0.2.1"},
		{"334 " + base64.StdEncoding.EncodeToString([]byte("for anna.mueller@test-firm.de:")), "334 " + base64.StdEncoding.EncodeToString([]byte("for user1@domain1.example:"))},
		{base64.RawStdEncoding.EncodeToString([]byte("\xff\xfeanna.mueller\xff")), Masked},
		{"334 VXNlcm5hbWU6", "334 VXNlcm5hbWU6"},
		{"TlRMTVNTUAACAAAADAAMADgAAAAFgomi", Masked},
		{"::error file=x::forged", "::error file=x::forged"},
	} {
		m := taught()
		got := m.Text(c.in)
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
		if again := m.Text(got); again != got {
			t.Errorf("%s: masked again it is %s", got, again)
		}
	}
}

func TestOneOriginalHasOneStandIn(t *testing.T) {
	m := taught()
	first := m.Text("x@one.example.net y@one.example.net x@two.example.net")
	if again := m.Text("X@ONE.example.net Y@one.Example.net x@TWO.example.net"); again != first {
		t.Errorf("%q, then %q", first, again)
	}
	if other := taught().Text("x@one.example.net y@one.example.net x@two.example.net"); other != first {
		t.Errorf("another run says %q, not %q", other, first)
	}
}

func TestADocumentIsCopied(t *testing.T) {
	m := New()
	evidence := &probe.CertificateEvidence{HostChecked: "mail.test-firm.de", Chain: probe.List[probe.Certificate]{{Subject: "CN=mail.test-firm.de,O=Müller & Söhne\\, KG",
		Issuer: "CN=R11,O=Let's Encrypt,C=US", Names: probe.List[string]{"mail.test-firm.de", "10.9.8.7"}, SHA256: strings.Repeat("ab", 32), PEM: "-----BEGIN"}}}
	event := probe.Event{Kind: probe.EventStep, Profile: "nord", Step: &probe.StepResult{ID: probe.StepCertificate, Address: "10.9.8.7:587",
		Summary: "for mail.test-firm.de of Müller & Söhne\\, KG", Evidence: evidence}}
	masked := m.Event(event)
	if evidence.Chain[0].PEM == "" || event.Step.Address != "10.9.8.7:587" {
		t.Error("the event that was given has changed")
	}
	got := masked.Step.Evidence.(*probe.CertificateEvidence).Chain[0]
	if got.Subject != "CN=mail.domain1.example,O=name1" || got.Issuer != "CN=R11,O=Let's Encrypt,C=US" || got.PEM != "" || strings.Contains(got.SHA256, "ab") {
		t.Errorf("%+v", got)
	}
	if masked.Step.Summary != "for mail.domain1.example of name1" || masked.Step.Address != "192.0.2.1:587" || masked.Profile != "profile1" {
		t.Errorf("%+v %s", masked.Step, masked.Profile)
	}
}

func TestAProvidersCertificateStaysWhole(t *testing.T) {
	c := probe.Certificate{Subject: "CN=smtp.gmail.com", Issuer: "CN=WR2,O=Google Trust Services,C=US", Names: probe.List[string]{"smtp.gmail.com"}, SHA256: "00ff", PEM: "-----BEGIN"}
	if got := New().certificate(c); got.PEM != c.PEM || got.SHA256 != c.SHA256 || got.Subject != c.Subject {
		t.Errorf("%+v", got)
	}
}

func TestTheGreetingsNameIsLearnedFromTheTranscript(t *testing.T) {
	m := New()
	line := func(from, text string) string {
		return m.Event(probe.Event{Kind: probe.EventTranscript, Line: &probe.TranscriptLine{Connection: 1, From: from, Text: text}}).Line.Text
	}
	for _, c := range []struct{ from, in, want string }{
		{"server", "220 MAILGW7 ESMTP", "220 host1 ESMTP"},
		{"client", "EHLO PC-OF-ANNA", "EHLO host2"},
		{"server", "250-MAILGW8 hello pc-of-anna", "250-host3 hello host2"},
		{"server", "250 SIZE", "250 SIZE"},
		{"server", "220 Proceed", "220 Proceed"},
	} {
		if got := line(c.from, c.in); got != c.want {
			t.Errorf("%s: %s", c.in, got)
		}
	}
}

func TestAHostileTextIsBounded(t *testing.T) {
	m := New()
	var b strings.Builder
	for i := range 5000 {
		n := strings.Repeat("x", i%50) + string(rune('a'+i%26)) + strings.Repeat("y", i/50)
		b.WriteString(n + "@" + n + ".com 10." + "1.2.3 ")
	}
	m.Text(b.String())
	if total := len(m.users) + len(m.hosts) + len(m.words) + len(m.issued); total > 12*mostNames {
		t.Errorf("%d names are kept", total)
	}
}

// FuzzMasker: what was learned never comes through, in any of its encodings,
// and masked text stays as it is.
func FuzzMasker(f *testing.F) {
	f.Add("220 mail.acme.org ESMTP <x@y.z>", "anna", "acme.org")
	f.Add("a%40b %zz base64==", "jörg", "müller.de")
	f.Add("/home/x\\Users\\y:::1 1.2.3.4", "q7-z", "10.example.net")
	f.Fuzz(func(t *testing.T, text, local, domain string) {
		if !isHostName(local) || !isHostName(domain) || !strings.Contains(domain, ".") || len(local) < 5 || len(text) > 4000 {
			t.Skip()
		}
		m := New()
		domain = strings.Trim(strings.ToLower(domain), ".")
		address := local + "@" + domain
		if m.isOrdinary(fold(local)) || strings.Trim(local, "0123456789.-_") == "" || standInLike(local) || standInLike(domain) || m.host(domain) == domain {
			t.Skip()
		}
		m.Learn(probe.Settings{Account: address})
		plain := m.Text(text)
		for _, form := range []string{address, strings.ToUpper(address), url.QueryEscape(address), base64.StdEncoding.EncodeToString([]byte(address))} {
			for _, whole := range []string{form, "<" + form + ">", plain + " " + form + " " + text} {
				masked := m.Text(whole)
				holdsNo(t, masked, address, strings.ToUpper(address), url.QueryEscape(address), base64.RawStdEncoding.EncodeToString([]byte(address)))
				if again := m.Text(masked); again != masked {
					t.Errorf("%q masked again is %q", masked, again)
				}
			}
		}
	})
}

func standInLike(s string) bool {
	return strings.Contains(s, "user") || strings.Contains(s, "domain") || strings.Contains(s, "host") || strings.Contains(s, "name")
}

func holdsNo(t *testing.T, text string, forms ...string) {
	t.Helper()
	for _, form := range forms {
		if strings.Contains(text, form) {
			t.Errorf("%q is in %q", form, text)
		}
	}
}

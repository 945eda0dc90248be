package discover_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe/discover"
)

// best gives the best candidate as text, and fails when none was verified.
func best(t *testing.T, o discover.Outcome) discover.Candidate {
	t.Helper()
	c, ok := o.Best()
	if !ok {
		t.Fatalf("nothing was verified: %+v", shown(o))
	}
	return c
}

// shown is an outcome in a few lines.
func shown(o discover.Outcome) string {
	var lines []string
	for _, c := range o.Candidates {
		verified := "unknown"
		if c.Verified != nil {
			verified = map[bool]string{true: "works", false: "fails"}[*c.Verified]
		}
		lines = append(lines, c.String()+" "+verified+" "+strings.Join(c.Sources, ",")+": "+c.Why)
	}
	for _, s := range o.Sources {
		lines = append(lines, "  "+s.ID+" "+string(s.State)+" "+s.Text)
	}
	for _, f := range o.Findings {
		lines = append(lines, "  ! "+f.Cause+" "+f.Title)
	}
	return "\n" + strings.Join(lines, "\n")
}

func said(o discover.Outcome, id string) discover.Source {
	i := slices.IndexFunc(o.Sources, func(s discover.Source) bool { return s.ID == id })
	if i < 0 {
		return discover.Source{}
	}
	return o.Sources[i]
}

func wantSource(t *testing.T, o discover.Outcome, id string, state discover.State, parts ...string) {
	t.Helper()
	s := said(o, id)
	if s.State != state {
		t.Errorf("%s is %q, want %q: %s", id, s.State, state, s.Text)
	}
	for _, part := range parts {
		if !strings.Contains(s.Text, part) {
			t.Errorf("%s does not say %q: %s", id, part, s.Text)
		}
	}
}

func wantFinding(t *testing.T, o discover.Outcome, cause string) {
	t.Helper()
	for _, f := range o.Findings {
		if f.Cause == cause {
			return
		}
	}
	t.Errorf("no finding %s:%s", cause, shown(o))
}

func wantServers(t *testing.T, o discover.Outcome, servers ...string) {
	t.Helper()
	var got []string
	for _, c := range o.Candidates {
		got = append(got, c.String())
	}
	if !slices.Equal(got, servers) {
		t.Errorf("candidates %v, want %v%s", got, servers, shown(o))
	}
}

func TestSRVIsFoundAndVerified(t *testing.T) {
	n := newInternet(t,
		"acme.test. 60 IN MX 10 mx.acme.test.",
		"_submissions._tcp.acme.test. 60 IN SRV 0 1 465 smtp.acme.test.",
		"_submission._tcp.acme.test. 60 IN SRV 0 1 587 smtp.acme.test.",
		"_imaps._tcp.acme.test. 60 IN SRV 0 1 993 imap.acme.test.")
	n.mailServer("healthy-ssl", "smtp.acme.test", "192.0.2.11:465")
	n.mailServer("healthy", "smtp.acme.test", "192.0.2.11:587")
	o := n.find()
	wantServers(t, o, "smtp.acme.test:465 ssl", "smtp.acme.test:587 starttls")
	c := best(t, o)
	if c.Outside || c.NeedsConsent() || !strings.Contains(c.Why, "login offered") {
		t.Errorf("%+v", c)
	}
	if len(o.Inbox) != 1 || o.Inbox[0].Host != "imap.acme.test" || o.Inbox[0].Port != 993 {
		t.Errorf("inbox %+v", o.Inbox)
	}
	wantSource(t, o, "guess", discover.NotAsked)
	wantSource(t, o, "autodiscover", discover.NotAsked, "--autodiscover")
	wantSource(t, o, "database", discover.NotAsked, "--online-database")
	wantSource(t, o, "autoconfig", discover.Nothing, "no such host")
}

func TestSRVIsOrderedByPriorityThenWeight(t *testing.T) {
	n := newInternet(t,
		"_submission._tcp.acme.test. 60 IN SRV 20 100 587 third.acme.test.",
		"_submission._tcp.acme.test. 60 IN SRV 10 1 587 second.acme.test.",
		"_submission._tcp.acme.test. 60 IN SRV 10 50 587 first.acme.test.")
	for i, host := range []string{"first", "second", "third"} {
		n.mailServer("healthy", host+".acme.test", "192.0.2.1"+string(rune('1'+i))+":587")
	}
	wantServers(t, n.find(), "first.acme.test:587 starttls", "second.acme.test:587 starttls", "third.acme.test:587 starttls")
}

func TestSRVWithARootTargetMeansNoSuchService(t *testing.T) {
	n := newInternet(t, "_submission._tcp.acme.test. 60 IN SRV 0 0 0 .", "acme.test. 60 IN TXT x")
	o := n.find()
	wantSource(t, o, "srv-submission", discover.Nothing, "no such service")
	wantServers(t, o)
}

func TestTargetsOutsideTheDomainNeedConsent(t *testing.T) {
	n := newInternet(t, "_submissions._tcp.acme.test. 60 IN SRV 0 1 465 smtp.elsewhere.test.")
	n.mailServer("healthy-ssl", "smtp.elsewhere.test", "192.0.2.11:465")
	o := n.find()
	if c := best(t, o); !c.Outside || !c.NeedsConsent() {
		t.Errorf("%+v", c)
	}
	wantFinding(t, o, "discovery-outside-domain")
}

func TestSRVThatNamesNonsenseIsNotFollowed(t *testing.T) {
	n := newInternet(t,
		"_submission._tcp.acme.test. 60 IN SRV 0 0 0 smtp.acme.test.",
		"_submission._tcp.acme.test. 60 IN SRV 0 0 587 127.0.0.1.",
		`_submission._tcp.acme.test. 60 IN SRV 0 0 587 a\032b.acme.test.`)
	wantSource(t, n.find(), "srv-submission", discover.Nothing, "no usable server")
}

func TestAutoconfigOfTheDomainIsFound(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 mx.acme.test.")
	n.publish("https://autoconfig.acme.test/mail/config-v1.1.xml", text(outgoing("smtp.%EMAILDOMAIN% 465 SSL %EMAILLOCALPART%", "smtp.acme.test 587 STARTTLS", "smtp.acme.test 25 plain")))
	n.mailServer("healthy-ssl", "smtp.acme.test", "192.0.2.11:465")
	n.mailServer("healthy", "smtp.acme.test", "192.0.2.11:587")
	o := n.find()
	wantServers(t, o, "smtp.acme.test:465 ssl", "smtp.acme.test:587 starttls", "smtp.acme.test:25 none")
	if account := best(t, o).AccountFor(address(t, "anna@acme.test")); account != "anna" {
		t.Errorf("account %q", account)
	}
	if last := o.Candidates[2]; last.IsVerified() || !strings.Contains(last.Why, "encryption") || n.connected("192.0.2.11:25") {
		t.Errorf("a plain line was asked: %+v", last)
	}
	if len(o.Inbox) != 1 {
		t.Errorf("inbox %+v", o.Inbox)
	}
}

func TestWellKnownFollowsRedirectsToHTTPS(t *testing.T) {
	n := newInternet(t)
	n.publish("https://acme.test/.well-known/autoconfig/mail/config-v1.1.xml", redirect("https://config.hosting.test/acme.xml"))
	n.publish("https://config.hosting.test/acme.xml", text(outgoing("smtp.acme.test 587 STARTTLS")))
	n.mailServer("healthy", "smtp.acme.test", "192.0.2.11:587")
	o := n.find()
	best(t, o)
	wantSource(t, o, "well-known", discover.Found, "redirected to config.hosting.test")
}

func TestAutoconfigThatCannotBeUsed(t *testing.T) {
	const url = "https://autoconfig.acme.test/mail/config-v1.1.xml"
	for _, c := range []struct {
		name  string
		page  http.HandlerFunc
		state discover.State
		says  string
	}{
		{"web page", text("\n<!DOCTYPE html><html><body>Welcome</body></html>"), discover.Nothing, "a web page"},
		{"huge", text("<clientConfig>" + strings.Repeat("<a>x</a>", 200_000) + "</clientConfig>"), discover.Failed, "more than 256 KiB"},
		{"deep", text("<clientConfig>" + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + "</clientConfig>"), discover.Failed, "deeper than"},
		{"wide", text("<clientConfig>" + strings.Repeat("<a/>", 5000) + "</clientConfig>"), discover.Failed, "more than"},
		{"document type", text(`<!DOCTYPE x [<!ENTITY a "b">]><clientConfig>&a;</clientConfig>`), discover.Failed, "document type"},
		{"entity", text(`<clientConfig>&a;</clientConfig>`), discover.Failed, "no XML"},
		{"no XML", text("host = smtp.acme.test"), discover.Failed, "no XML"},
		{"empty", text(""), discover.Failed, "no XML"},
		{"other XML", text("<rss/>"), discover.Failed, "not of this kind"},
		{"no server", text("<clientConfig/>"), discover.Nothing, "no usable"},
		{"bad server", text(outgoing("smtp.acme.test 99999 SSL", "a..b 465 SSL", "smtp.acme.test 465 magic")), discover.Nothing, "no usable"},
		{"to http", redirect("http://autoconfig.acme.test/mail/other.xml"), discover.Failed, "not followed"},
		{"to a file", redirect("file:///etc/passwd"), discover.Failed, "not followed"},
		{"with a user name", redirect("https://a:b@autoconfig.acme.test/"), discover.Failed, "not followed"},
		{"for ever", redirect(url), discover.Failed, "more than 3 redirects"},
		{"nowhere", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) }, discover.Failed, "nowhere"},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, discover.Failed, "502"},
		{"locked", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, discover.Nothing, "none is sent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t)
			n.publish(url, c.page)
			o := n.find()
			wantSource(t, o, "autoconfig", c.state, c.says)
			wantServers(t, o)
			if n.asked("http://autoconfig.acme.test/mail/other.xml") {
				t.Error("the redirect to http was followed")
			}
			if said(o, "autoconfig").State == discover.Failed && strings.Contains(said(o, "autoconfig").Text, "a:b") {
				t.Error("a password stands in the text")
			}
		})
	}
}

func TestAutoconfigThatIsSlowTimesOut(t *testing.T) {
	n := newInternet(t, "_submissions._tcp.acme.test. 60 IN SRV 0 1 465 smtp.acme.test.")
	n.publish("https://autoconfig.acme.test/mail/config-v1.1.xml", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("<clientConfig>"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	n.mailServer("healthy-ssl", "smtp.acme.test", "192.0.2.11:465")
	w := n.world()
	w.Limits.HTTPS = 300 * time.Millisecond
	o := discover.Find(t.Context(), w, "acme.test", discover.Options{})
	wantSource(t, o, "autoconfig", discover.TimedOut)
	wantServers(t, o, "smtp.acme.test:465 ssl")
}

func TestAutoconfigWithABadCertificateIsNotRead(t *testing.T) {
	n := newInternet(t)
	n.publish("https://badcert.test/.well-known/autoconfig/mail/config-v1.1.xml", text(outgoing("smtp.badcert.test 465 SSL")))
	o := discover.Find(t.Context(), n.world(), "badcert.test", discover.Options{})
	wantSource(t, o, "well-known", discover.Failed, "certificate")
	wantServers(t, o)
	if n.asked("https://badcert.test") {
		t.Error("the page was fetched over a line that proves nothing")
	}
}

func TestHTTPIsShownAndNeverUsed(t *testing.T) {
	n := newInternet(t)
	n.publish("http://autoconfig.acme.test/mail/config-v1.1.xml", text(outgoing("smtp.acme.test 587 STARTTLS")))
	n.mailServer("healthy", "smtp.elsewhere.test", "192.0.2.11:587")
	n.add("smtp.acme.test. 60 IN MX 0 x.test.")
	o := n.find()
	wantSource(t, o, "autoconfig-http", discover.Found, "smtp.acme.test:587 starttls", "not used")
	wantServers(t, o)
}

func TestAutoconfigWhereTheMXIsIsAsked(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 mx7.cluster.smallhost.test.")
	n.publish("https://autoconfig.smallhost.test/mail/config-v1.1.xml", text(outgoing("smtp.smallhost.test 465 SSL")))
	n.mailServer("healthy-ssl", "smtp.smallhost.test", "192.0.2.11:465")
	o := n.find()
	c := best(t, o)
	if c.Host != "smtp.smallhost.test" || !c.NeedsConsent() || !slices.Contains(c.Sources, "autoconfig-mx") {
		t.Errorf("%+v", c)
	}
}

func TestTheProviderOfTheMXIsFound(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 a.mx.parcel.test.")
	n.mailServer("healthy-ssl", "smtp.parcel.test", "192.0.2.11:465")
	o := n.find()
	wantServers(t, o, "smtp.parcel.test:465 ssl", "smtp.parcel.test:587 starttls")
	if o.Provider == nil || o.Provider.ID != "parcel" {
		t.Errorf("provider %v", o.Provider)
	}
	if c := best(t, o); !slices.Equal(c.Sources, []string{"mx", "preset:parcel"}) || !c.NeedsConsent() {
		t.Errorf("%+v", c)
	}
	if second := o.Candidates[1]; second.Verified == nil || *second.Verified || !strings.Contains(second.Why, "tcp") {
		t.Errorf("nothing listens there: %+v", second)
	}
}

func TestAPlaceholderIsFilledFromTheMX(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 w0123.hoster.test.")
	n.mailServer("healthy-ssl", "w0123.hoster.test", "192.0.2.11:465")
	wantServers(t, n.find(), "w0123.hoster.test:465 ssl")
}

func TestAPlaceholderThatNobodyKnowsIsReported(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 hoster.test.")
	o := n.find()
	wantServers(t, o, "{server}.hoster.test:465 ssl")
	c := o.Candidates[0]
	if c.Verified != nil || !slices.Equal(c.Missing, []string{"server"}) || !strings.Contains(c.Why, "{server}") {
		t.Errorf("%+v", c)
	}
	if n.asked("{server}") {
		t.Error("a placeholder was looked up")
	}
}

func TestTheListKnowsTheDomain(t *testing.T) {
	n := newInternet(t, "parcel.test. 60 IN MX 10 a.mx.parcel.test.")
	n.mailServer("healthy-ssl", "smtp.parcel.test", "192.0.2.11:465")
	o := discover.Find(t.Context(), n.world(), "parcel.test", discover.Options{})
	if c := best(t, o); !c.Listed || c.NeedsConsent() || !slices.Equal(c.Sources, []string{"mx", "preset:parcel"}) {
		t.Errorf("%+v", c)
	}
}

func TestAProviderWithoutSMTPIsSaid(t *testing.T) {
	n := newInternet(t, "closed.test. 60 IN MX 10 mx.closed.test.")
	o := discover.Find(t.Context(), n.world(), "closed.test", discover.Options{})
	wantServers(t, o)
	wantFinding(t, o, "discovery-provider-without-smtp")
	wantSource(t, o, "mx", discover.Found, "only its own app")
}

func TestTheProviderBehindAFilterIsFound(t *testing.T) {
	for _, c := range []struct {
		name, source string
		records      []string
	}{
		{"autodiscover", "autodiscover-dns", []string{"autodiscover.acme.test. 60 IN CNAME autodiscover.outlook.com."}},
		{"SPF", "spf", []string{`acme.test. 60 IN TXT "v=spf1 include:smtp.sender.test include:spf.protection." "outlook.com -all"`}},
		{"DKIM", "dkim", []string{"selector1._domainkey.acme.test. 60 IN CNAME selector1-acme-test._domainkey.acme.onmicrosoft.com."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t, append(c.records, "acme.test. 60 IN MX 10 mx01.antispameurope.com.")...)
			n.mailServer("healthy", "smtp.office365.com", "192.0.2.11:587")
			o := n.find()
			if o.Filter != "Hornetsecurity" || o.Provider == nil || o.Provider.ID != "microsoft-365" {
				t.Errorf("filter %q, provider %v", o.Filter, o.Provider)
			}
			wantServers(t, o, "smtp.office365.com:587 starttls")
			wantSource(t, o, c.source, discover.Found, "Microsoft 365")
			wantFinding(t, o, "discovery-filtered-mx")
			wantSource(t, o, "autoconfig-mx", discover.NotAsked, "filter")
		})
	}
}

func TestTracesOfAnotherProviderThanTheMXAreOnlySaid(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 a.mx.parcel.test.", "autodiscover.acme.test. 60 IN CNAME autodiscover.outlook.com.")
	n.mailServer("healthy-ssl", "smtp.parcel.test", "192.0.2.11:465")
	o := n.find()
	wantServers(t, o, "smtp.parcel.test:465 ssl", "smtp.parcel.test:587 starttls")
	wantSource(t, o, "autodiscover-dns", discover.Found, "another provider")
}

func TestWhatTheDomainPublishesOutranksThePreset(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 a.mx.parcel.test.")
	n.publish("https://autoconfig.acme.test/mail/config-v1.1.xml", text(outgoing("smtp7.parcel.test 465 SSL")))
	n.mailServer("healthy-ssl", "smtp.parcel.test", "192.0.2.11:465")
	n.mailServer("healthy-ssl", "smtp7.parcel.test", "192.0.2.12:465")
	o := n.find()
	if c := best(t, o); c.Host != "smtp7.parcel.test" {
		t.Errorf("best is %s%s", c, shown(o))
	}
	wantFinding(t, o, "discovery-sources-disagree")
}

func TestTheMXOfAnotherProviderOutranksWhatTheDomainPublishes(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 a.mx.parcel.test.")
	n.publish("https://autoconfig.acme.test/mail/config-v1.1.xml", text(outgoing("smtp.acme.test 465 SSL")))
	n.mailServer("healthy-ssl", "smtp.parcel.test", "192.0.2.11:465")
	n.mailServer("healthy-ssl", "smtp.acme.test", "192.0.2.12:465")
	o := n.find()
	if c := best(t, o); c.Host != "smtp.parcel.test" {
		t.Errorf("best is %s%s", c, shown(o))
	}
	wantFinding(t, o, "discovery-mx-elsewhere")
}

func TestSourcesThatAgreeMerge(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 a.mx.parcel.test.", "_submissions._tcp.acme.test. 60 IN SRV 0 1 465 smtp.parcel.test.")
	n.publish("https://autoconfig.acme.test/mail/config-v1.1.xml", text(outgoing("SMTP.parcel.test. 465 SSL")))
	server := n.mailServer("healthy-ssl", "smtp.parcel.test", "192.0.2.11:465")
	o := n.find()
	sources := slices.Sorted(slices.Values(best(t, o).Sources))
	if !slices.Equal(sources, []string{"autoconfig", "mx", "preset:parcel", "srv-submissions"}) {
		t.Errorf("sources %v", sources)
	}
	if len(o.Findings) != 1 || o.Findings[0].Cause != "discovery-outside-domain" {
		t.Errorf("findings%s", shown(o))
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("verified %d times", n)
	}
}

func TestGuessesAreMadeWhenNobodyKnows(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 mx.acme.test.")
	n.mailServer("healthy", "mail.acme.test", "192.0.2.11:587")
	o := n.find()
	wantServers(t, o, "mail.acme.test:587 starttls")
	if c := best(t, o); !slices.Equal(c.Sources, []string{"guess"}) {
		t.Errorf("%+v", c)
	}
	if n.connected("192.0.2.11:2525") {
		t.Error("port 2525 was asked although 587 works")
	}
}

func TestGuessesTryPort2525Last(t *testing.T) {
	n := newInternet(t)
	n.mailServer("healthy", "smtp.acme.test", "192.0.2.11:2525")
	wantServers(t, n.find(), "smtp.acme.test:2525 starttls")
}

func TestAGuessThatMayNotBeUsedIsShown(t *testing.T) {
	n := newInternet(t)
	n.mailServer("cert-name-mismatch", "smtp.acme.test", "192.0.2.11:465")
	o := n.find()
	if len(o.Candidates) != 1 || o.Candidates[0].IsVerified() || !strings.Contains(o.Candidates[0].Why, "certificate") {
		t.Errorf("%s", shown(o))
	}
}

func TestAServerWithoutLoginIsNotVerified(t *testing.T) {
	n := newInternet(t, "_submission._tcp.acme.test. 60 IN SRV 0 1 587 smtp.acme.test.")
	n.mailServer("auth-not-offered", "smtp.acme.test", "192.0.2.11:587")
	o := n.find()
	if c := o.Candidates[0]; c.IsVerified() || c.Verified == nil || !strings.Contains(c.Why, "no login") {
		t.Errorf("%s", shown(o))
	}
}

func TestANullMXIsSaidAndNothingIsGuessed(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 0 .", "smtp.acme.test. 60 IN A 192.0.2.66")
	o := n.find()
	wantFinding(t, o, "discovery-null-mx")
	wantSource(t, o, "mx", discover.Nothing, "null MX")
	wantSource(t, o, "guess", discover.NotAsked)
}

func TestADomainThatDoesNotExistIsSaid(t *testing.T) {
	o := newInternet(t).find()
	wantFinding(t, o, "discovery-no-such-domain")
	wantServers(t, o)
}

func TestADomainWithNothingGivesNothing(t *testing.T) {
	o := newInternet(t, "acme.test. 60 IN A 192.0.2.99").find()
	wantServers(t, o)
	wantSource(t, o, "mx", discover.Nothing, "no MX")
	wantSource(t, o, "guess", discover.Nothing)
	if len(o.Findings) > 0 {
		t.Errorf("findings%s", shown(o))
	}
}

func TestADNSThatFailsIsSaid(t *testing.T) {
	n := newInternet(t)
	n.add("* SERVFAIL")
	o := n.find()
	wantSource(t, o, "mx", discover.Failed, "SERVFAIL")
	wantFinding(t, o, "discovery-dns-silent")
}

func TestADNSThatLiesIsNotBelieved(t *testing.T) {
	n := newInternet(t,
		"autodiscover.acme.test. 60 IN CNAME loop.acme.test.", "loop.acme.test. 60 IN CNAME autodiscover.acme.test.",
		"acme.test. 60 IN MX 10 acme.test.", "acme.test. 60 IN MX 20 10.0.0.1.")
	other := "_submission._tcp.acme.test."
	n.add(other + " 60 IN SRV 0 0 587 smtp.acme.test.")
	n.locked(func() { n.zone[other][0].Header().Name = "_submission._tcp.bank.test." })
	o := n.find()
	wantSource(t, o, "srv-submission", discover.Nothing)
	wantSource(t, o, "autodiscover-dns", discover.Nothing)
	wantSource(t, o, "mx", discover.Nothing, "acme.test: no provider")
}

func TestEverybodyButOneTimesOutWithinTheLongestLimit(t *testing.T) {
	n := newInternet(t, "_submissions._tcp.acme.test. 60 IN SRV 0 1 465 smtp.acme.test.",
		"acme.test silent", "_submission._tcp.acme.test silent", "_imaps._tcp.acme.test silent", "autodiscover.acme.test silent",
		"autoconfig.acme.test. 60 IN A 192.0.2.66")
	for _, selector := range []string{"selector1", "selector2", "google", "fm1", "protonmail", "s1-ionos", "mbo0001", "key1", "zmail", "default"} {
		n.add(selector + "._domainkey.acme.test silent")
	}
	n.mailServer("healthy-ssl", "smtp.acme.test", "192.0.2.11:465")
	w := n.world()
	w.Limits = discover.Limits{DNS: 500 * time.Millisecond, HTTPS: 700 * time.Millisecond, Guess: 600 * time.Millisecond, Verify: time.Second}
	begin := time.Now()
	o := discover.Find(t.Context(), w, "acme.test", discover.Options{Autodiscover: true, OnlineDatabase: false})
	took := time.Since(begin)
	best(t, o)
	for _, id := range []string{"autoconfig", "autoconfig-http", "well-known", "srv-submission", "srv-imaps", "mx", "spf", "dkim", "autodiscover-dns"} {
		wantSource(t, o, id, discover.TimedOut)
	}
	if limit := w.Limits.Verify; took > limit {
		t.Errorf("took %v, longer than %v", took, limit)
	}
}

func TestAServerThatNeverAnswersCostsNoMoreThanTheLongestLimit(t *testing.T) {
	n := newInternet(t, "_submissions._tcp.acme.test. 60 IN SRV 0 1 465 smtp.acme.test.", "smtp.acme.test. 60 IN A 192.0.2.66",
		"mail.acme.test. 60 IN A 192.0.2.66")
	w := n.world()
	w.Limits = discover.Limits{DNS: 200 * time.Millisecond, HTTPS: 200 * time.Millisecond, Guess: 100 * time.Millisecond, Verify: time.Second}
	o := discover.Find(t.Context(), w, "acme.test", discover.Options{})
	if o.Took > 1200*time.Millisecond {
		t.Errorf("took %v", o.Took)
	}
	if _, ok := o.Best(); ok || len(o.Candidates) != 1 {
		t.Errorf("%s", shown(o))
	}
}

func TestAnEndedContextEndsTheDiscovery(t *testing.T) {
	n := newInternet(t, "acme.test silent")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := discover.Find(ctx, n.world(), "acme.test", discover.Options{})
	if !o.Ended || o.Took > 2*time.Second {
		t.Errorf("ended %v after %v", o.Ended, o.Took)
	}
}

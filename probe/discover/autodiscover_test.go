package discover_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/discover"
)

// poxAnswer is an Autodiscover answer with an SMTP server.
func poxAnswer(fields string) string {
	return `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">` +
		`<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account>` + fields + `</Account></Response></Autodiscover>`
}

const poxURL = "https://autodiscover.acme.test/autodiscover/autodiscover.xml"

func TestAutodiscoverIsAskedForAnInventedAddress(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 mx.acme.test.")
	n.publish(poxURL, text(poxAnswer(`<Protocol><Type>SMTP</Type><Server>smtp.acme.test</Server><Port>465</Port><SSL>on</SSL><LoginName>autodiscover</LoginName></Protocol>`)))
	n.mailServer("healthy-ssl", "smtp.acme.test", "192.0.2.11:465")
	if o := n.find(); n.asked("autodiscover/autodiscover.xml") || said(o, "autodiscover").State != discover.NotAsked {
		t.Error("Autodiscover was asked without the flag")
	}
	o := n.find(discover.Options{Autodiscover: true})
	c := best(t, o)
	if c.AccountFor(address(t, "anna@acme.test")) != "anna" || !strings.Contains(strings.Join(c.Sources, " "), "autodiscover") {
		t.Errorf("%+v", c)
	}
	wantSource(t, o, "autodiscover", discover.Found, "autodiscover@acme.test, not for you")
	if !n.asked("<EMailAddress>autodiscover@acme.test</EMailAddress>") {
		t.Error("the request has no address in it")
	}
}

func TestAutodiscoverNeverAsksMicrosoft(t *testing.T) {
	for name, records := range map[string][]string{
		"by the alias": {"autodiscover.acme.test. 60 IN CNAME autodiscover.outlook.com.", "autodiscover.outlook.com. 60 IN A " + webAddress,
			"acme.test. 60 IN MX 10 mx.acme.test."},
		"by the MX": {"acme.test. 60 IN MX 10 acme-test.mail.protection.outlook.com.", "autodiscover.acme.test. 60 IN A " + webAddress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t, records...)
			n.locked(func() { n.pages[poxURL] = text(poxAnswer("")) })
			o := n.find(discover.Options{Autodiscover: true})
			if n.asked("autodiscover/autodiscover.xml") {
				t.Errorf("Microsoft was asked: %v", n.requests)
			}
			if s := said(o, "autodiscover"); s.State == discover.Found || !strings.Contains(s.Text, "Microsoft") {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAutodiscoverIsNotLedToMicrosoft(t *testing.T) {
	for name, page := range map[string]http.HandlerFunc{
		"by http": redirect("https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml"),
		"by XML":  text(poxAnswer(`<Action>redirectUrl</Action><RedirectUrl>https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml</RedirectUrl>`)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t, "autodiscover-s.outlook.com. 60 IN A "+webAddress)
			n.publish(poxURL, page)
			o := n.find(discover.Options{Autodiscover: true})
			if n.asked("https://autodiscover-s.outlook.com") || !n.asked(poxURL) {
				t.Errorf("requests %v", n.requests)
			}
			wantServers(t, o)
		})
	}
}

func TestAutodiscoverThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct {
		name  string
		page  http.HandlerFunc
		state discover.State
		says  string
	}{
		{"another address", text(poxAnswer(`<Action>redirectAddr</Action><RedirectAddr>x@other.test</RedirectAddr>`)), discover.Nothing, "another address, x@other.test"},
		{"plain http", text(poxAnswer(`<RedirectUrl>http://acme.test/x</RedirectUrl>`)), discover.Failed, "not over https"},
		{"for ever", text(poxAnswer(`<RedirectUrl>` + poxURL + `</RedirectUrl>`)), discover.Failed, "more than 3 times"},
		{"web page", text("<html></html>"), discover.Nothing, "a web page"},
		{"locked", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, discover.Nothing, "none is sent"},
		{"no SMTP", text(poxAnswer(`<Protocol><Type>IMAP</Type><Server>imap.acme.test</Server><Port>993</Port></Protocol>`)), discover.Nothing, "no SMTP server"},
		{"document type", text(`<!DOCTYPE a>` + poxAnswer("")), discover.Failed, "document type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t)
			n.publish(poxURL, c.page)
			o := n.find(discover.Options{Autodiscover: true})
			wantSource(t, o, "autodiscover", c.state, c.says)
			wantServers(t, o)
		})
	}
}

func TestAutodiscoverReadsTheEncryption(t *testing.T) {
	for fields, want := range map[string]string{
		"<Port>465</Port><SSL>on</SSL>":                             "smtp.acme.test:465 ssl",
		"<Port>587</Port><SSL>on</SSL>":                             "smtp.acme.test:587 starttls",
		"<Port>587</Port><SSL>off</SSL>":                            "smtp.acme.test:587 none",
		"<Port>587</Port><Encryption>TLS</Encryption>":              "smtp.acme.test:587 starttls",
		"<Port>2465</Port><Encryption>SSL</Encryption>":             "smtp.acme.test:2465 ssl",
		"<Port>25</Port><SSL>on</SSL><Encryption>None</Encryption>": "smtp.acme.test:25 none",
	} {
		n := newInternet(t)
		n.publish(poxURL, text(poxAnswer(fmt.Sprintf("<Protocol><Type>SMTP</Type><Server>smtp.acme.test</Server>%s</Protocol>", fields))))
		wantServers(t, n.find(discover.Options{Autodiscover: true}), want)
	}
}

func TestTheDatabaseIsAskedOnlyWithTheFlag(t *testing.T) {
	n := newInternet(t, "acme.test. 60 IN MX 10 mx1.smallhost.test.")
	n.publish("https://autoconfig.thunderbird.net/v1.1/smallhost.test", text(outgoing("smtp.smallhost.test 465 SSL")))
	n.mailServer("healthy-ssl", "smtp.smallhost.test", "192.0.2.11:465")
	if n.find(); n.asked("thunderbird") {
		t.Error("the database was asked without the flag")
	}
	c := best(t, n.find(discover.Options{OnlineDatabase: true}))
	if c.Host != "smtp.smallhost.test" || !c.NeedsConsent() {
		t.Errorf("%+v", c)
	}
}

package cause_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// FuzzMatch: no words of a server make a finding without a title, with a
// placeholder left open or with a control character in it.
func FuzzMatch(f *testing.F) {
	f.Add("auth", "rejected", 535, "5.7.8 authentication failed", "mail.acme.example ESMTP Postfix")
	f.Add("sender", "rejected", 553, "<{from}>: Sender address rejected: not owned by user x@y\x1b[2J", "")
	f.Add("greeting", "deferred", 421, "blocked using zen.spamhaus.org", "****")
	f.Add("tls", "tls-version", 0, "a second connection got TLS 1.2", "")
	base := cause.Builtin()
	f.Fuzz(func(t *testing.T, step, fault string, code int, text, greeting string) {
		for _, found := range base.Match(cause.Facts{Step: step, Failed: true, Fault: fault, Code: code, Text: text, Greeting: greeting,
			Host: "mail.acme.example", HostKind: "name", Port: 587, Encryption: "starttls", Account: "jobs@acme.example",
			AccountForm: "address", Credential: "password", From: "ceo@acme.example", To: "anna@other.example", Verb: "RCPT"}) {
			if found.Title == "" || found.Explanation == "" || strings.ContainsFunc(found.Title+found.Explanation, unicode.IsControl) {
				t.Errorf("%s: %q, %q", found.Cause, found.Title, found.Explanation)
			}
			for _, fix := range found.Fix {
				if fix.Text == "" || strings.ContainsFunc(fix.Text+fix.To+fix.From, unicode.IsControl) {
					t.Errorf("%s: %q", found.Cause, fix)
				}
			}
		}
	})
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPublishedServersAreThoseOfTheHostItsDomainOrItsNeighbour(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		host    string
		mx      []string
		missing bool
		want    string // HOST:PORT ENCRYPTION; "" = nothing
		why     string
	}{
		{host: "smtp.gmail.com", want: "smtp.gmail.com:465 ssl"},
		{host: "gmail.com", want: "smtp.gmail.com:465 ssl", why: "gmail.com is a mail domain of "},
		{host: "acme.example", mx: []string{"acme-example.mail.protection.outlook.com"}, want: "smtp.office365.com:587 starttls", why: "acme.example is a mail domain"},
		{host: "acme-example.mail.protection.outlook.com", want: "smtp.office365.com:587 starttls", why: "acme-example.mail.protection.outlook.com takes incoming mail only"},
		{host: "smtp.gmial.com", missing: true, want: "smtp.gmail.com:465 ssl", why: "Did you mean smtp.gmail.com?"},
		{host: "smpt.office365.com", missing: true, want: "smtp.office365.com:587 starttls", why: "Did you mean smtp.office365.com?"},
		{host: "smtp.gmial.com"},
		{host: "mail.nowhere-at-all.example", missing: true},
	} {
		list := publishedFor(test.host, test.mx, test.missing)
		if test.want == "" {
			if len(list) > 0 {
				t.Errorf("%s: %+v", test.host, list)
			}
			continue
		}
		var words []string
		for _, e := range list {
			words = append(words, fmt.Sprintf("%s:%d %s", e.Host, e.Port, e.Encryption))
			if !strings.HasPrefix(e.Why, test.why) || test.why == "" && e.Why != "" {
				t.Errorf("%s: %q", test.host, e.Why)
			}
		}
		if !slices.Contains(words, test.want) {
			t.Errorf("%s: %q", test.host, words)
		}
	}
}

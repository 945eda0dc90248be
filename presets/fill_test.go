package presets_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/smtpdx/smtpdx/presets"
)

func TestPlaceholdersAreFilledOrNamed(t *testing.T) {
	for _, c := range []struct {
		host, domain string
		values       map[string]string
		want         string
		missing      []string
	}{
		{"smtp.example.com", "acme.example", nil, "smtp.example.com", nil},
		{"mail.{domain}", "Acme.example.", nil, "mail.acme.example", nil},
		{"{domain-dashed}.mail.protection.outlook.com", "acme.co.example", nil, "acme-co-example.mail.protection.outlook.com", nil},
		{"{domain-first-label}.mail.plala.or.jp", "blue.plala.or.jp", nil, "blue.mail.plala.or.jp", nil},
		{"{server}.kasserver.com", "acme.example", nil, "{server}.kasserver.com", []string{"server"}},
		{"{server}.kasserver.com", "", map[string]string{"server": "w01"}, "w01.kasserver.com", nil},
		{"mail.{domain}", "", nil, "mail.{domain}", []string{"domain"}},
		{"mail.{domain}", "acme.example", map[string]string{"domain": "other.example"}, "mail.other.example", nil},
		{"{server}.{region}.{server}", "", map[string]string{"region": "eu"}, "{server}.eu.{server}", []string{"server"}},
		{"broken.{domain", "acme.example", nil, "broken.{domain", nil},
	} {
		got, missing := presets.Endpoint{Host: c.host, Port: 465}.Fill(c.domain, c.values)
		if got.Host != c.want || !slices.Equal(missing, c.missing) || got.Port != 465 {
			t.Errorf("%s for %s: %s, missing %v", c.host, c.domain, got.Host, missing)
		}
	}
}

func TestAHostTellsItsPlaceholder(t *testing.T) {
	for _, c := range []struct {
		pattern, host string
		want          map[string]string
		ok            bool
	}{
		{"{server}.kasserver.com", "W0123456.kasserver.com.", map[string]string{"server": "w0123456"}, true},
		{"smtp.email.{region}.oci.oraclecloud.com", "smtp.email.eu-frankfurt-1.oci.oraclecloud.com", map[string]string{"region": "eu-frankfurt-1"}, true},
		{"smtp.email.{region}.oci.oraclecloud.com", "smtp.email.oci.oraclecloud.com", nil, false},
		{"{server}.kasserver.com", "kasserver.com", nil, false},
		{"{server}.kasserver.com", ".kasserver.com", nil, false},
		{"smtp.example.com", "smtp.example.com", nil, true},
		{"smtp.example.com", "smtp.example.org", nil, false},
	} {
		got, ok := presets.Endpoint{Host: c.pattern}.Values(c.host)
		if ok != c.ok || !maps.Equal(got, c.want) {
			t.Errorf("%s in %s: %v %t", c.host, c.pattern, got, ok)
		}
	}
}

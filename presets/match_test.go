package presets_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/presets/internal/index"
)

func TestIndexIsFresh(t *testing.T) {
	want, err := index.Source(all(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("index_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("index_gen.go is not what the files give: go generate ./presets")
	}
}

func TestTwoProvidersWithOneNameMustDecide(t *testing.T) {
	for _, double := range []presets.Provider{
		{ID: "b", Domains: []string{"a.example"}},
		{ID: "b", Domains: []string{"*.a.example"}},
		{ID: "b", MX: []string{"mx.a.example"}},
		{ID: "b", Endpoints: []presets.Endpoint{{Host: "smtp.a.example"}}},
		{ID: "b", Endpoints: []presets.Endpoint{{Host: "{server}.a.example"}}},
	} {
		first := double
		first.ID = "a"
		if _, err := index.Source([]presets.Provider{first, double}); err == nil {
			t.Errorf("%+v: no error", double)
		}
		double.Yields = slices.Concat(double.Domains, double.MX, index.Hosts(double))
		if _, err := index.Source([]presets.Provider{first, double}); err != nil {
			t.Errorf("%+v: %v", double, err)
		}
	}
}

// Show 2 of the issue: every domain, wildcard and MX suffix leads to its provider.
func TestEveryNameLeadsToItsProvider(t *testing.T) {
	counts := map[string]int{}
	check := func(what, name string, p presets.Provider, match func(string) (string, bool)) {
		counts[what]++
		if id, ok := match(name); !ok || id != p.ID {
			t.Errorf("%s %s leads to %q, not to %s", what, name, id, p.ID)
		}
	}
	anything := func(name string) (string, bool) {
		id, _, ok := presets.Match(name)
		return id, ok
	}
	for _, p := range all(t) {
		for _, domain := range p.Domains {
			parent, isWildcard := strings.CutPrefix(domain, "*.")
			if isWildcard {
				check("wildcard", "a.b."+parent, p, presets.MatchDomain)
				check("wildcard, any kind of name", "a."+parent, p, anything)
				continue
			}
			check("domain", domain, p, presets.MatchDomain)
			check("domain", strings.ToUpper(domain)+".", p, presets.MatchDomain)
			check("domain, any kind of name", domain, p, anything)
		}
		for _, suffix := range p.MX {
			check("MX suffix", suffix+".", p, presets.MatchMX)
			check("MX suffix", "mx1.eu."+suffix, p, presets.MatchMX)
			check("MX suffix, any kind of name", "mx1.eu."+suffix, p, anything)
		}
		for _, host := range index.Hosts(p) {
			if !slices.Contains(p.Yields, host) {
				check("host", strings.NewReplacer("{server}", "w01", "{region}", "eu-1", "{domain-dashed}", "acme-example", "{domain-first-label}", "acme").Replace(host), p, presets.MatchHost)
			}
		}
		check("id", p.ID, p, func(id string) (string, bool) {
			got, ok := presets.Get(id)
			return got.ID, ok && presets.Name(id) == got.Name
		})
	}
	t.Logf("%v", counts)
	if counts["domain"] < 2*1456 || counts["MX suffix"] < 2*124 || counts["wildcard"] < 1 || counts["id"] < 348 {
		t.Errorf("names are missing: %v", counts)
	}
}

func TestLongerNamesAndLabelBoundariesDecide(t *testing.T) {
	for _, c := range []struct{ kind, name, want string }{
		{"domain", "gmail.com", "gmail"},
		{"domain", "sub.gmail.com", ""},
		{"domain", "rr.com", "roadrunner"},
		{"domain", "nyc.rr.com", "roadrunner"},
		{"domain", "notrr.com", ""},
		{"domain", "", ""},
		{"domain", ".", ""},
		{"mx", "alt1.gmail-smtp-in.l.google.com.", "gmail"},
		{"mx", "aspmx.l.google.com", "google-workspace"},
		{"mx", "ASPMX2.googlemail.com", "google-workspace"},
		{"mx", "notgoogle.com", ""},
		{"mx", "acme-example.mail.protection.outlook.com", "microsoft-365"},
		{"mx", "hotmail-com.olc.protection.outlook.com", "outlook-com"},
		{"mx", "com", ""},
		{"host", "smtp.gmail.com", "gmail"},
		{"host", "smtp.office365.com", "microsoft-365"},
		{"host", "w0123456.kasserver.com", "all-inkl"},
		{"host", "a.b.kasserver.com", "all-inkl"},
		{"host", "kasserver.com", ""},
		{"host", "smtp.email.eu-frankfurt-1.oci.oraclecloud.com", "oracle-email-delivery"},
		{"host", "imap.email.eu-frankfurt-1.oci.oraclecloud.com", ""},
		{"host", "pro1.mail.ovh.net", "ovh-email-pro"},
		{"host", "ex3.mail.ovh.net", "ovh-exchange"},
		{"host", "mail.acme.example", ""},
		{"host", "localhost", ""},
		{"host", "127.0.0.1", ""},
	} {
		match := map[string]func(string) (string, bool){"domain": presets.MatchDomain, "mx": presets.MatchMX, "host": presets.MatchHost}[c.kind]
		if id, ok := match(c.name); id != c.want || ok != (c.want != "") {
			t.Errorf("%s %q leads to %q, not %q", c.kind, c.name, id, c.want)
		}
	}
}

func TestLookUpParsesAndBuildsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { presets.MatchDomain("gmail.com") }); n > 0 {
		t.Errorf("a domain costs %g allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { presets.MatchMX("alt1.gmail-smtp-in.l.google.com") }); n > 4 {
		t.Errorf("an MX costs %g allocations", n)
	}
}

func TestUnknownIDsAreUnknown(t *testing.T) {
	for _, id := range []string{"", "gmial", "../presets", "gmail.yaml"} {
		if p, ok := presets.Get(id); ok || p.ID != "" || presets.Name(id) != "" {
			t.Errorf("%q is known", id)
		}
	}
}

// The table that the files were made from, row by row.
func TestFilesSayWhatTheTableSays(t *testing.T) {
	path := os.Getenv("SMTPDX_PRESETS_CSV")
	if path == "" {
		t.Skip("SMTPDX_PRESETS_CSV names no table")
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, cells := range rows[1:] {
		row := map[string]string{}
		for i, cell := range cells {
			row[rows[0][i]] = cell
		}
		p, ok := presets.Get(row["id"])
		if !ok {
			t.Errorf("no provider %s", row["id"])
			continue
		}
		for _, difference := range differences(p, row, seen[row["id"]]) {
			t.Errorf("%s %s:%s: %s", row["id"], row["host"], row["port"], difference)
		}
		seen[row["id"]]++
		if row["preferred"] == "1" {
			matchesRow(t, row)
		}
	}
	t.Logf("%d rows, %d providers, %d more that the table does not have", len(rows)-1, len(seen), len(presets.IDs())-len(seen))
}

// differences compares a row with its provider, the row being the place-th of its id.
func differences(p presets.Provider, row map[string]string, place int) []string {
	var found []string
	same := func(what, got, want string) {
		if got != want {
			found = append(found, fmt.Sprintf("%s is %q, not %q", what, got, want))
		}
	}
	same("name", p.Name, row["name"])
	same("kind", p.Kind, row["kind"])
	same("country", p.Country, row["country"])
	same("domains", strings.Join(p.Domains, " "), row["domains"])
	var mx []string
	for _, suffix := range strings.Fields(row["mx_suffixes"]) {
		mx = append(mx, strings.TrimSuffix(suffix, "."))
	}
	same("mx", strings.Join(p.MX, " "), strings.Join(mx, " "))
	same("username", username(p.Account), strings.TrimPrefix(row["username"], "other:"))
	same("auth", strings.Join(p.Auth, " "), row["auth"])
	same("app password", orUnknown(p.AppPassword), row["app_password"])
	same("oauth", orUnknown(p.OAuth), row["oauth"])
	same("sender rule", orUnknown(p.Sender.Rule), row["sender_rule"])
	if p.NoSMTP == "" {
		same("enable", mustEnable(p), row["smtp_must_be_enabled"])
		same("endpoint", endpoint(p, place), strings.Join([]string{row["host"], row["port"], row["encryption"], row["sources"], row["agree"]}, "|"))
	}
	if p.IMAP != nil {
		same("imap", fmt.Sprint(p.IMAP.Host, " ", p.IMAP.Port, " ", p.IMAP.Encryption), row["imap_host"]+" "+row["imap_port"]+" "+ours(row["imap_encryption"]))
	} else {
		same("imap", "", row["imap_host"])
	}
	same("help", p.Help, strings.Replace(row["help_url"], "http://", "https://", 1))
	return found
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func ours(encryption string) string {
	if encryption == "tls" {
		return "ssl"
	}
	return encryption
}

func mustEnable(p presets.Provider) string {
	switch {
	case p.Enable != nil:
		return "yes"
	case p.ReadyAtOnce:
		return "no"
	}
	return "unknown"
}

func username(a presets.Account) string {
	switch {
	case a.Form == "none" && a.Text != "":
		return "none (" + a.Text + ")"
	case a.Form == "other":
		return a.Text
	case a.Form == "fixed":
		return "fixed:" + a.Word
	}
	return a.Form
}

// endpoint gives one as the table writes it.
func endpoint(p presets.Provider, place int) string {
	if place >= len(p.Endpoints) {
		return "none"
	}
	e := p.Endpoints[place]
	encryption := e.Encryption
	if encryption == "ssl" {
		encryption = "tls"
	}
	return strings.Join([]string{e.Host, strconv.Itoa(e.Port), encryption, strings.Join(e.Sources, "; "), strconv.Itoa(e.Agree)}, "|")
}

// matchesRow: the names of a preferred row lead to its endpoint.
func matchesRow(t *testing.T, row map[string]string) {
	t.Helper()
	lead := func(name string, match func(string) (string, bool)) {
		id, _ := match(name)
		p, _ := presets.Get(id)
		host := ""
		if len(p.Endpoints) > 0 {
			host = p.Endpoints[0].Host
		}
		if id != row["id"] || host != row["host"] {
			t.Errorf("%s leads to %s %s, not to %s %s", name, id, host, row["id"], row["host"])
		}
	}
	for _, domain := range strings.Fields(row["domains"]) {
		lead(strings.Replace(domain, "*", "anywhere", 1), presets.MatchDomain)
	}
	for _, suffix := range strings.Fields(row["mx_suffixes"]) {
		lead("mx7."+suffix, presets.MatchMX)
		lead(suffix, presets.MatchMX)
	}
}

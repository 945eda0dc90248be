package presets_test

import (
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/presets/internal/index"
)

// all reads every provider's file.
func all(t *testing.T) []presets.Provider {
	t.Helper()
	providers, err := index.Read(os.DirFS("data"))
	if err != nil {
		t.Fatal(err)
	}
	return providers
}

var (
	validID     = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	validName   = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$`)
	placeholder = regexp.MustCompile(`\{[a-z]+(-[a-z]+)*\}`)
	validSource = regexp.MustCompile(`^(vendor|compiler|public-code|(ispdb|ispdb-old|deltachat|fairemail|nodemailer|gitlab|mailspring|cypht|k9|mailcore|web):.+|https://.+)$`)
)

func TestEveryFileHoldsAProviderThatMakesSense(t *testing.T) {
	providers := all(t)
	for _, p := range providers {
		for _, problem := range problems(p) {
			t.Errorf("%s.yaml: %s", p.ID, problem)
		}
	}
	t.Logf("%d providers", len(providers))
}

// judge collects what is wrong with a provider.
type judge struct{ found []string }

func (j *judge) demand(ok bool, problem string) {
	if !ok {
		j.found = append(j.found, problem)
	}
}

func problems(p presets.Provider) []string {
	j := &judge{}
	j.demand(validID.MatchString(p.ID), "id "+p.ID)
	j.demand(p.Name != "", "no name")
	j.demand(slices.Contains(presets.Kinds(), p.Kind), "kind "+p.Kind)
	j.demand(p.Country == "" || len(p.Country) == 2 && p.Country == strings.ToUpper(p.Country), "country "+p.Country)
	j.demand((p.NoSMTP == "") == (len(p.Endpoints) > 0), "either endpoints or no_smtp")
	j.demand(len(p.Sources) > 0, "no source")
	j.demand(isDate(p.Checked), "checked "+p.Checked)
	j.demand(!p.ReadyAtOnce || p.Enable == nil, "ready_at_once and enable")
	j.names(p)
	j.servers(p)
	j.words(p)
	j.links(p)
	return j.found
}

func (j *judge) names(p presets.Provider) {
	for _, domain := range p.Domains {
		j.demand(validName.MatchString(strings.TrimPrefix(domain, "*.")), "domain "+domain)
	}
	for _, name := range slices.Concat(p.MX, p.Hosts) {
		j.demand(validName.MatchString(name), "name "+name)
	}
	for _, name := range p.Yields {
		own := slices.Contains(slices.Concat(p.Domains, p.MX, index.Hosts(p)), name)
		j.demand(own, "yields what it does not have: "+name)
	}
	for _, list := range [][]string{p.Domains, p.MX, p.Hosts, p.Yields, p.Auth} {
		j.demand(len(slices.Compact(slices.Sorted(slices.Values(list)))) == len(list), "something twice in "+strings.Join(list, " "))
	}
}

func (j *judge) servers(p presets.Provider) {
	servers := slices.Clone(p.Endpoints)
	if p.IMAP != nil {
		servers = append(servers, *p.IMAP)
	}
	for _, e := range servers {
		j.demand(isHost(e.Host), "host "+e.Host)
		j.demand(e.Port > 0 && e.Port < 65536, "a port")
		j.demand(slices.Contains([]string{"starttls", "ssl", "none"}, e.Encryption), "encryption "+e.Encryption)
	}
	for i, e := range p.Endpoints {
		j.demand(len(e.Sources) > 0, "no source for "+e.Host)
		j.demand(e.Agree <= len(e.Sources) && (e.Agree > 0) == e.Verified, "agree of "+e.Host+" does not fit its sources")
		for _, other := range p.Endpoints[:i] {
			j.demand(other.Host != e.Host || other.Port != e.Port || other.Encryption != e.Encryption, "twice "+e.Host)
		}
	}
}

// isHost: a name, an address, or a name with one placeholder that Fill knows.
func isHost(host string) bool {
	if net.ParseIP(host) != nil || host == "localhost" {
		return true
	}
	names := placeholder.FindAllString(host, -1)
	known := []string{"{domain}", "{domain-dashed}", "{domain-first-label}", "{server}", "{region}"}
	if len(names) > 1 || len(names) == 1 && !slices.Contains(known, names[0]) {
		return false
	}
	return validName.MatchString(placeholder.ReplaceAllString(host, "x.example"))
}

func (j *judge) words(p presets.Provider) {
	oneOf := func(what, value string, known ...string) {
		j.demand(value == "" || slices.Contains(known, value), what+" "+value)
	}
	oneOf("account form", p.Account.Form, presets.AccountForms()...)
	oneOf("app_password", p.AppPassword, "required", "optional", "no")
	oneOf("oauth", p.OAuth, "required", "supported", "no")
	oneOf("sender rule", p.Sender.Rule, presets.SenderRules()...)
	oneOf("sender decided", p.Sender.Decided, "mail", "rcpt", "message", "rewritten")
	j.demand((p.Account.Form == "fixed") == (p.Account.Word != ""), "a fixed account has a word, no other has")
	j.demand(p.Account.Form != "other" || p.Account.Text != "", "account of form other without a text")
	j.demand(p.Sender.Rule != "" || p.Sender.Decided+p.Sender.Text == "", "sender without a rule")
	j.demand(p.Enable == nil || p.Enable.Text != "", "enable without a text")
	for _, a := range p.Announced {
		j.demand(isDate(a.Date) && a.Text != "", "announced "+a.Date)
	}
	for _, source := range p.Sources {
		j.demand(validSource.MatchString(source), "source "+source)
	}
	for _, source := range p.Sender.Sources {
		j.demand(source == "vendor" || strings.HasPrefix(source, "https://"), "source of the sender rule "+source)
	}
}

func (j *judge) links(p presets.Provider) {
	links := []string{p.Help}
	if p.Enable != nil {
		links = append(links, p.Enable.Link)
	}
	for _, a := range p.Announced {
		links = append(links, a.Link)
	}
	for _, link := range slices.Concat(links, p.Sources, p.Sender.Sources) {
		if link == "" || !strings.Contains(link, "://") {
			j.demand(link == "" || slices.Contains(p.Sources, link) || slices.Contains(p.Sender.Sources, link), "link "+link)
			continue
		}
		u, err := url.Parse(link)
		j.demand(err == nil && u.Scheme == "https" && strings.Contains(u.Host, "."), "link "+link)
	}
}

func isDate(s string) bool {
	_, err := time.Parse("2006-01-02", s)
	return err == nil
}

func TestSelfTestSeesWhatIsWrong(t *testing.T) {
	const good = `id: x
name: X
kind: isp
domains: [x.example]
endpoints:
  - {host: smtp.x.example, port: 465, encryption: ssl, sources: [vendor], agree: 1}
checked: "2026-11-26"
`
	for _, change := range [][2]string{
		{"kind: isp", "kind: shop"},
		{"[x.example]", "[X.example]"},
		{"[x.example]", "[x.example, x.example]"},
		{"port: 465", "port: 70000"},
		{"encryption: ssl", "encryption: tls"},
		{"smtp.x.example", "smtp x"},
		{"smtp.x.example", `"{nothing}.x.example"`},
		{"sources: [vendor]", "sources: [hearsay]"},
		{"agree: 1", "agree: 0"},
		{"2026-11-26", "26.11.2026"},
		{"checked:", "help: http://x.example\nchecked:"},
		{"checked:", "sender: {decided: mail}\nchecked:"},
		{"checked:", "account: {form: fixed}\nchecked:"},
		{"checked:", "yields: [y.example]\nchecked:"},
		{"checked:", "no_smtp: none\nchecked:"},
	} {
		p, err := presets.Parse([]byte(strings.Replace(good, change[0], change[1], 1)))
		if err != nil {
			t.Errorf("%s: %v", change[1], err)
		} else if len(problems(p)) == 0 {
			t.Errorf("nothing is found wrong with %s", change[1])
		}
	}
	p, err := presets.Parse([]byte(good))
	if err != nil || len(problems(p)) > 0 {
		t.Errorf("the good one: %v %v", err, problems(p))
	}
}

func TestUnknownKeysAndSecondDocumentsAreRefused(t *testing.T) {
	for _, text := range []string{"id: x\nnmae: X\n", "endpoints: [{hots: a}]\n", "id: x\n---\nid: y\n", "id: [x]\n", ""} {
		if _, err := presets.Parse([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestOnlyTheCompilersWordIsUnverified(t *testing.T) {
	for _, p := range all(t) {
		other := false
		for _, e := range p.Endpoints {
			backed := slices.ContainsFunc(e.Sources, func(s string) bool { return s != "compiler" })
			if e.Verified != backed {
				t.Errorf("%s: %s:%d is verified: %t, sources %v", p.ID, e.Host, e.Port, e.Verified, e.Sources)
			}
			other = other || backed
		}
		if len(p.Endpoints) > 0 && p.Verified != other {
			t.Errorf("%s is verified: %t", p.ID, p.Verified)
		}
	}
	for id, verified := range map[string]bool{"ionos-fr": false, "plesk": false, "gmail": true, "tuta": true} {
		if p, _ := presets.Get(id); p.Verified != verified {
			t.Errorf("%s is verified: %t", id, p.Verified)
		}
	}
	for id, verified := range map[string]bool{"strato": false, "microsoft-365": false, "ionos-de": true, "sendgrid": true} {
		if p, _ := presets.Get(id); p.Sender.Verified != verified {
			t.Errorf("the sender rule of %s is verified: %t", id, p.Sender.Verified)
		}
	}
}

// The providers people redirect from say how to keep the sender, in few words.
func TestRedirectingIsDescribedWherePeopleRedirect(t *testing.T) {
	for _, id := range []string{"microsoft-365", "exchange-on-premises", "gmail", "google-workspace", "gmx-net", "gmx-com", "web-de",
		"ionos-de", "strato", "ovh-mx-plan", "ovh-email-pro", "ovh-exchange", "infomaniak", "generic-cpanel", "plesk", "zimbra"} {
		p, _ := presets.Get(id)
		if words := len(strings.Fields(p.Redirect)); words < 20 || words > 90 {
			t.Errorf("%s: %d words on redirecting", id, words)
		}
	}
}

func TestMicrosoft365AnnouncesTheEndOfPasswordLogin(t *testing.T) {
	p, _ := presets.Get("microsoft-365")
	if len(p.Announced) != 1 || p.Announced[0].Date != "2026-12-31" || !strings.Contains(p.Announced[0].Text, "on again") {
		t.Errorf("%+v", p.Announced)
	}
}

func TestEverySourceIsCredited(t *testing.T) {
	credits, err := os.ReadFile("CREDITS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all(t) {
		for _, source := range p.Sources {
			word, _, _ := strings.Cut(source, ":")
			if !strings.HasPrefix(source, "https://") && !strings.Contains(string(credits), "`"+word+"`") {
				t.Errorf("%s: CREDITS.md does not know %s", p.ID, word)
			}
		}
	}
}

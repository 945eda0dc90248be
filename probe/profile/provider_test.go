package profile

import (
	"strings"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe"
)

func values(pairs string) map[string]string {
	out := map[string]string{}
	for _, pair := range strings.Fields(pairs) {
		key, value, _ := strings.Cut(pair, "=")
		out[key] = value
	}
	return out
}

func TestAPresetFillsWhatIsAbsent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ given, want string }{
		{"preset=gmail", "smtp.gmail.com:465 ssl "},
		{"preset=gmail port=587", "smtp.gmail.com:587 starttls "},
		{"preset=gmail encryption=starttls", "smtp.gmail.com:587 starttls "},
		{"preset=Microsoft-365 account=jobs@acme.example", "smtp.office365.com:587 starttls jobs@acme.example"},
		{"preset=sendgrid", "smtp.sendgrid.net:587 starttls apikey"},
		{"preset=gmail target=localhost:2603", "localhost:2603 auto "},
		{"preset=gmail target=smtp.gmail.com:587", "smtp.gmail.com:587 starttls "},
		{"preset=gmail target=smtps://smtp.gmail.com", "smtp.gmail.com:465 ssl "},
		{"preset=gmail host=smtp.relay.example", "smtp.relay.example:465 ssl "},
	} {
		d := desk{}
		f := Flags{Values: values(c.given), Until: "ehlo"}
		if target := f.Values["target"]; target != "" {
			f.Targets = []string{target}
			delete(f.Values, "target")
		}
		s := d.one(t, f)
		got := s.Host + ":" + portText(s.Port) + " " + string(s.Encryption) + " " + s.Account
		if s.Refused != nil || got != c.want {
			t.Errorf("%s: %s, want %s; %+v", c.given, got, c.want, s.Refused)
		}
		if s.Preset == "" || s.Provider == nil || s.Origins["preset"].From != "flag" {
			t.Errorf("%s: preset %q, provider %+v", c.given, s.Preset, s.Provider)
		}
	}
	d := desk{}
	if s := d.one(t, Flags{Values: values("preset=gmail"), Until: "ehlo"}); s.Origins["host"] != (probe.Origin{From: "preset", Where: "gmail"}) {
		t.Errorf("origin of the host: %+v", s.Origins["host"])
	}
}

func portText(n int) string {
	if n == 0 {
		return ""
	}
	return strings.TrimLeft(string([]byte{byte('0' + n/1000%10), byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)}), "0")
}

func TestAPresetThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ given, text, hint string }{
		{"preset=gmial", "--preset: there is no such preset", "Did you mean gmail?"},
		{"preset=tuta", "has no SMTP", ""},
		{"preset=all-inkl", "different for each customer", "--host"},
	} {
		d := desk{}
		text, hint := d.refusal(t, Flags{Values: values(c.given)})
		mustHold(t, "the message", text, c.text)
		mustHold(t, "the hint", hint, c.hint)
	}
}

// TestAPresetOnTheCommandLineGetsNoPasswordOfAFile: a preset names a server,
// so the rule on credentials counts for it as for a host.
func TestAPresetOnTheCommandLineGetsNoPasswordOfAFile(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"f.yaml": "host: mine.example\naccount: me@mine.example\npassword: " + canary + "\n",
		"g.yaml": "account: me@gmail.com\npassword: " + canary + "\n", "smtpdx.yaml": "host: mine.example\naccount: me\npassword: " + canary + "\n"}}
	if s := d.one(t, Flags{Values: values("preset=gmail account=me@gmail.com")}); s.Password.IsGiven() {
		t.Error("the password of a found file goes to the preset's server")
	}
	text, _ := d.refusal(t, Flags{Config: "g.yaml", Values: values("preset=gmail")})
	mustHold(t, "the message", text, "goes nowhere")
	if s := d.one(t, Flags{Config: "f.yaml", Values: values("preset=gmail")}); s.Host != "mine.example" || s.Refused != nil {
		t.Errorf("the host of the file stands, with its password: %q %+v", s.Host, s.Refused)
	}
}

func TestSettingsAreComparedWithTheProviders(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		given, provider, want string
		now                   time.Time
	}{
		{"host=smtp.gmail.com port=587 account=me@gmail.com", "gmail", "app-password-wanted", day},
		{"host=smtp.gmail.com port=465 encryption=starttls account=me@gmail.com", "gmail", "port-encryption-unusual differs-from-provider app-password-wanted", day},
		{"host=smtp.gmail.com port=587 account=me", "gmail", "account-form-differs app-password-wanted", day},
		{"host=smtp.office365.com account=me@acme.example", "microsoft-365", "switch-on-first password-login-ending-soon", day},
		{"host=smtp.office365.com account=me@acme.example", "microsoft-365", "switch-on-first password-login-ending", day.AddDate(-1, 0, 0)},
		{"host=smtp.office365.com account=me@acme.example", "microsoft-365", "switch-on-first password-login-ended", day.AddDate(1, 0, 0)},
		{"host=smtp.sendgrid.net account=me", "sendgrid", "account-form-differs", day},
		{"host=smtp.sendgrid.net account=apikey", "sendgrid", "", day},
		{"host=smtp.acme.example account=me@gmail.com", "", "", day},
		{"host=localhost account=me@gmail.com port=587", "", "", day},
	} {
		d := desk{vars: map[string]string{"P": "secret"}}
		w := d.world()
		w.Now = func() time.Time { return c.now }
		all, err := Load(t.Context(), Flags{Values: values(c.given), Password: []Source{{Kind: "env", Value: "P"}}}, w)
		if err != nil || all[0].Refused != nil {
			t.Fatalf("%s: %v %+v", c.given, err, all)
		}
		s := all[0]
		id := ""
		if s.Provider != nil {
			id = s.Provider.ID
		}
		if got := observations(s); id != c.provider || got != c.want {
			t.Errorf("%s: provider %q, %q; want %q, %q", c.given, id, got, c.provider, c.want)
		}
	}
}

func TestWhatTheProviderWantsIsSaidBeforeTheLogin(t *testing.T) {
	t.Parallel()
	d := desk{vars: map[string]string{"P": "secret"}}
	s := d.one(t, Flags{Values: values("host=smtp.gmail.com account=me@gmail.com"), Password: []Source{{Kind: "env", Value: "P"}}})
	mustHold(t, "the notes", strings.Join(s.Provider.BeforeLogin, "\n"), "Gmail takes an app password")
	s = d.one(t, Flags{Values: values("host=smtp.gmail.com account=me@gmail.com"), Token: []Source{{Kind: "env", Value: "P"}}})
	if len(s.Provider.BeforeLogin) > 0 {
		t.Errorf("with a token: %q", s.Provider.BeforeLogin)
	}
}

package cause_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/cause/internal/source"
)

// files reads the data as the generator does.
func files(t *testing.T) source.Base {
	t.Helper()
	words, err := source.Observations("facts.go")
	if err != nil {
		t.Fatal(err)
	}
	base, err := source.Read(os.DirFS("data"), words)
	if err != nil {
		t.Fatalf("the data is faulty:\n%v", err)
	}
	return base
}

func TestEveryExampleIsDiagnosedAsItsCause(t *testing.T) {
	base := cause.Builtin()
	for _, x := range files(t).Examples {
		found := base.Match(x.Facts)
		has := slices.ContainsFunc(found, func(f cause.Found) bool { return f.Cause == x.Cause })
		if !has || found[0].Cause != x.First {
			t.Errorf("%s:%d: want %s with %s first, got %s", x.File, x.Line, x.Cause, x.First, ids(found))
		}
	}
}

func ids(found []cause.Found) string {
	var words []string
	for _, f := range found {
		words = append(words, f.Cause+" ("+string(f.Severity)+", "+string(f.Confidence)+")")
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func TestNoTextShowsAPlaceholder(t *testing.T) {
	base := cause.Builtin()
	for _, x := range files(t).Examples {
		bare := cause.Facts{Step: x.Facts.Step, Failed: x.Facts.Failed, Fault: x.Facts.Fault, Code: x.Facts.Code, Enhanced: x.Facts.Enhanced,
			Text: x.Facts.Text, Verb: x.Facts.Verb, Seen: x.Facts.Seen}
		for _, facts := range []cause.Facts{x.Facts, bare} {
			for _, f := range base.Match(facts) {
				for _, text := range texts(f) {
					if text == "" || strings.ContainsAny(text, "{}") && !strings.Contains(text, "{keyring: ...}") {
						t.Errorf("%s:%d: %s says %q", x.File, x.Line, f.Cause, text)
					}
				}
			}
		}
	}
}

// texts gives all that must not be empty, and what is there of the rest.
func texts(f cause.Found) []string {
	all := []string{f.Title, f.Explanation, string(f.Who), string(f.Severity), string(f.Confidence)}
	for _, fix := range f.Fix {
		all = append(all, fix.Text, string(fix.Who))
		for _, optional := range []string{fix.From, fix.To, fix.Path} {
			if optional != "" {
				all = append(all, optional)
			}
		}
		for _, c := range fix.Commands {
			all = append(all, c.Shell, c.Text)
		}
	}
	for _, d := range f.Decides {
		all = append(all, d.Question)
		if d.Command != "" {
			all = append(all, d.Command)
		}
	}
	if f.Suggest != nil {
		all = append(all, f.Suggest.Text)
	}
	return all
}

func TestEveryFindingSaysWhatToDo(t *testing.T) {
	base := cause.Builtin()
	for _, x := range files(t).Examples {
		found := base.Match(x.Facts)
		if len(found) > 0 && len(found[0].Fix) == 0 {
			t.Errorf("%s:%d: %s has nothing to change", x.File, x.Line, found[0].Cause)
		}
	}
}

// where tells at which steps a fault can appear; it is the table of what must never be "unknown error".
func where() map[string][]string {
	conversation := []string{"greeting", "ehlo", "starttls", "ehlo-tls", "auth", "sender", "message"}
	wire := append([]string{"tls", "certificate"}, conversation...)
	return map[string][]string{
		"no-such-host": {"dns"}, "no-data": {"dns"}, "servfail": {"dns"}, "no-resolver": {"dns"}, "malformed-name": {"dns"},
		"refused": {"dns", "tcp"}, "unreachable": {"dns", "tcp"}, "timeout": append([]string{"dns", "tcp"}, wire...), "reset": append([]string{"tcp"}, wire...),
		"closed": append([]string{"dns", "tcp"}, wire...), "proxy": {"dns", "tcp"}, "not-smtp": conversation,
		"bad-reply": append([]string{"dns"}, wire...), "too-much": wire, "early-bytes": {"greeting", "ehlo", "starttls", "auth", "sender"},
		"rejected": conversation, "deferred": conversation, "not-offered": {"starttls", "auth", "sender"},
		"tls-record": {"tls"}, "tls-alert": {"tls", "ehlo-tls"}, "tls-version": {"tls"}, "tls-cipher": {"tls"}, "certificate": {"tls", "certificate"},
		"local-policy": {"settings", "auth", "sender"}, "mechanism": {"auth"}, "imap": {"delivery"}, "not-arrived": {"delivery", "redirect"}, "sender-lost": {"redirect"},
	}
}

func TestEveryFaultHasACauseWhereItCanAppear(t *testing.T) {
	base, table := cause.Builtin(), where()
	for _, fault := range cause.Faults() {
		if len(table[fault]) == 0 {
			t.Errorf("fault %s appears nowhere", fault)
		}
		for _, step := range table[fault] {
			facts := cause.Facts{Step: step, Failed: true, Fault: fault, Text: "?", Seen: cause.Set{}}
			if fault == "rejected" {
				facts.Code = 599
			} else if fault == "deferred" {
				facts.Code = 499
			}
			found := base.Match(facts)
			if len(found) == 0 || found[0].Severity != cause.Error {
				t.Errorf("%s at %s: %s", fault, step, ids(found))
			}
		}
	}
}

func TestAnyFailureOfAStepHasACause(t *testing.T) {
	for _, step := range []string{"settings", "dns", "tcp", "greeting", "ehlo", "starttls", "tls", "certificate", "ehlo-tls", "auth", "sender", "message", "delivery", "redirect"} {
		found := cause.Builtin().Match(cause.Facts{Step: step, Failed: true})
		if len(found) == 0 || found[0].Severity != cause.Error || found[0].Confidence == cause.Certain {
			t.Errorf("%s: %s", step, ids(found))
		}
	}
}

func TestAPassedStepWithNothingSeenHasNoFinding(t *testing.T) {
	for _, step := range cause.Steps() {
		facts := cause.Facts{Step: step, Code: 250, Text: "ok", Host: "mail.acme.example", Port: 587, Encryption: "starttls", Account: "a@acme.example", From: "a@acme.example"}
		if found := cause.Builtin().Match(facts); len(found) > 0 {
			t.Errorf("%s: %s", step, ids(found))
		}
	}
}

// informational are observations that no rule needs, with the reason.
func informational() map[string]string {
	return map[string]string{
		"not-logged-in":               "logged-in under unseen says it for pasted text too",
		"looks-like-nothing":          "what silence means is in the fault",
		"helo-name-default":           "the value {helo} says it",
		"other-address-bad":           "the lane that fails says it",
		"starttls-missing":            "the fault not-offered says it",
		"auth-offered-before-tls":     "evidence for readers of the report",
		"capabilities-gone-after-tls": "evidence for readers of the report",
		"refused-for-now":             "the reply code says it",
		"pasted":                      "the matcher itself asks for it",
	}
}

func TestEveryObservationIsUsed(t *testing.T) {
	words, err := source.Observations("facts.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, e := range files(t).Entries {
		for _, w := range conditions(e) {
			for _, o := range slices.Concat(w.Seen, w.AnySeen, w.Unseen) {
				used[string(o)] = true
			}
		}
	}
	for _, word := range words {
		if _, listed := informational()[word]; !used[word] && !listed {
			t.Errorf("no rule asks for %q", word)
		}
	}
}

// conditions gives those of an entry's rules, fixes and questions.
func conditions(e cause.Entry) []cause.When {
	var all []cause.When
	fixes, decides := slices.Clone(e.Fix), slices.Clone(e.Decides)
	for _, r := range e.Rules {
		all = append(all, r.When)
		fixes, decides = append(fixes, r.Fix...), append(decides, r.Decides...)
	}
	for _, f := range fixes {
		if f.When != nil {
			all = append(all, *f.When)
		}
	}
	for _, d := range decides {
		if d.When != nil {
			all = append(all, *d.When)
		}
	}
	return all
}

// catalogue lists the stable ids; scripts match on them, so none may vanish or be renamed.
func catalogue() []string {
	return strings.Fields(`dns-no-such-host dns-host-malformed dns-resolver-failure tcp-refused tcp-refused-localhost tcp-filtered-port
		tcp-ipv6-unreachable not-an-smtp-service smtp-redirected-by-host smtp-altered-by-middlebox connection-rate-limited helo-name-rejected
		helo-syntax-invalid client-protocol-defect tls-wrong-mode-implicit-on-starttls-port tls-wrong-mode-plain-on-tls-port
		tls-wrong-mode-starttls-inside-tls starttls-not-offered starttls-required tls-version-too-old tls-weak-crypto cert-expired
		cert-name-mismatch cert-self-signed cert-untrusted-chain cert-missing-intermediate cert-tls-intercepted client-ca-store-missing
		auth-bad-credentials auth-username-form auth-wrong-credential-kind auth-wrong-region auth-credentials-encoding
		auth-app-password-required auth-web-login-required auth-access-not-enabled auth-disabled-by-admin auth-oauth-required
		auth-oauth-token-invalid auth-rate-limited auth-ip-not-authorized auth-mechanism-unsupported auth-not-offered-before-tls
		auth-not-offered-at-all auth-not-needed auth-client-refuses-clear-text auth-required-missing account-blocked sender-not-owned
		sender-login-map-broken sender-unverified-identity account-in-sandbox sender-domain-not-found sender-verification-failed
		address-syntax-invalid recipient-unknown recipient-mailbox-unavailable recipient-server-misconfigured recipient-greylisted
		relay-denied-no-login relay-denied-not-allowed message-too-large message-format-invalid message-rejected-as-spam quota-exceeded
		sender-domain-authentication-failed policy-blocklisted policy-missing-ptr policy-direct-delivery-refused server-temporary-failure
		settings-host-cleaned settings-port-encryption-unusual settings-password-suspicious settings-account-form settings-from-differs
		settings-secret-exposed settings-differ-from-provider dns-mail-domain-as-host dns-address-partial tcp-unreachable tcp-reset
		server-silent connection-closed reply-invalid greeting-refused ehlo-refused starttls-refused starttls-injection tls-handshake-failed
		tls-client-certificate-required cert-expires-soon cert-not-yet-valid cert-weak auth-in-clear auth-failed addresses-differ
		sender-refused sender-undecided recipient-refused smtputf8-missing message-refused imap-login-failed imap-unreachable imap-disabled
		delivery-not-arrived delivery-late delivery-junk delivery-altered redirect-sender-kept redirect-forwarded-as-new
		redirect-from-rewritten redirect-loop redirect-duplicate redirect-not-arrived dns-private-address cert-trusted-here-only
		proxy-refused proxy-login auth-password-login-ending auth-windows-login-only error-text-generic redirect-external-blocked
		redirect-signature-broken redirect-absence-reply`)
}

func TestEveryCauseOfTheCatalogueIsThere(t *testing.T) {
	for _, id := range catalogue() {
		if _, ok := cause.Builtin().Lookup(id); !ok {
			t.Errorf("%s is missing", id)
		}
	}
}

func TestLookupAndAllSpeakWithoutACase(t *testing.T) {
	for _, c := range cause.Builtin().All() {
		again, ok := cause.Builtin().Lookup(c.ID)
		if !ok || again.Title != c.Title || c.Title == "" || c.Explanation == "" || len(c.Fix) == 0 || c.Step == "" {
			t.Errorf("%s is described poorly: %+v", c.ID, c)
		}
	}
	if _, ok := cause.Builtin().Lookup("no-such-cause"); ok {
		t.Error("a cause was found that does not exist")
	}
}

// weakens finds advice that gives security up.
var weakens = regexp.MustCompile(`(?i)(disable|turn(ed)? off|switch(ed)? off|deactivate|skip|ignore|without) (the )?(tls|ssl|encryption|verification|certificate (check|verification)|security defaults|mfa|2-step|two-step|multi-factor|firewall|virus)` +
	`|less secure app|insecure|trust all|verify_none|rejectUnauthorized|encryption to none|allow_plaintext|SmtpClientAuthenticationDisabled \$false.*Set-TransportConfig|Set-TransportConfig|open relay|0\.0\.0\.0/0|chmod (777|666)`)

func TestNoFixWeakensSecurity(t *testing.T) {
	for _, e := range files(t).Entries {
		all := slices.Clone(e.Fix)
		for _, r := range e.Rules {
			all = append(all, r.Fix...)
		}
		for _, fix := range all {
			line := strings.Join([]string{fix.Text, fix.Setting, fix.From + " -> " + fix.To, fix.Path}, " ")
			for _, c := range fix.Commands {
				line += " " + c.Text
			}
			if found := weakens.FindString(line); found != "" || fix.Setting == "encryption" && fix.To == "none" {
				t.Errorf("%s advises %q", e.ID, line)
			}
		}
	}
	for _, bad := range []string{"disable certificate verification", "Switch off TLS", "turn off security defaults", "set allow_plaintext_auth"} {
		if !weakens.MatchString(bad) {
			t.Errorf("the word list misses %q", bad)
		}
	}
}

func TestNothingSuggestedIsUnencrypted(t *testing.T) {
	for _, e := range files(t).Entries {
		for _, r := range e.Rules {
			if r.Suggest != nil && r.Suggest.Port != 0 && r.Suggest.Encryption == "" {
				t.Errorf("%s suggests a port without an encryption", e.ID)
			}
		}
	}
}

func TestTheTableIsMadeOfTheFiles(t *testing.T) {
	base := cause.Builtin()
	entries := files(t).Entries
	all := base.All()
	if len(all) != len(entries) {
		t.Fatalf("the table has %d causes, the files %d: run go generate ./probe/cause", len(all), len(entries))
	}
	for i, e := range entries {
		if all[i].ID != e.ID || all[i].Title != e.Title[len(e.Title)-1] {
			t.Errorf("%s is stale in the table: run go generate ./probe/cause", e.ID)
		}
	}
}

func TestTheProgramDoesNotReadYAML(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") && strings.Contains(string(data), "yaml.v3\"") {
			t.Errorf("%s imports a YAML library", name)
		}
	}
}

package cause_test

import (
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// entry makes a cause that one rule names.
func entry(id string, when cause.When, confidence cause.Confidence) cause.Entry {
	return cause.Entry{ID: id, Step: "auth", Title: []string{id}, Explanation: []string{"because"}, Who: cause.User, Severity: cause.Error,
		Rules: []cause.Rule{{When: when, Confidence: confidence}}}
}

func pattern(expr string) []cause.Pattern { return []cause.Pattern{{Expr: expr}} }

func names(found []cause.Found) string {
	var list []string
	for _, f := range found {
		list = append(list, f.Cause)
	}
	return strings.Join(list, " ")
}

func refused(text string) cause.Facts {
	return cause.Facts{Step: "auth", Failed: true, Fault: "rejected", Code: 535, Enhanced: "5.7.8", Text: text, Host: "smtp.acme.example", Port: 587,
		Encryption: "starttls", Account: "jobs@acme.example"}
}

var code535 = cause.When{Code: []cause.Codes{{From: 535, To: 535}}}

func TestTheSpecialCauseRemovesTheGeneralOne(t *testing.T) {
	special := entry("special", cause.When{Text: pattern("app password")}, cause.Likely)
	special.Over = []string{"wide"}
	base := cause.New([]cause.Entry{entry("wide", code535, cause.Likely), special}, nil)
	if got := names(base.Match(refused("you need an app password"))); got != "special" {
		t.Error(got)
	}
	if got := names(base.Match(refused("no"))); got != "wide" {
		t.Error(got)
	}
}

func TestOfTwoCausesThatRemoveEachOtherOneStays(t *testing.T) {
	a, b := entry("a", code535, cause.Likely), entry("b", code535, cause.Possible)
	a.Over, b.Over = []string{"b"}, []string{"a"}
	if got := names(cause.New([]cause.Entry{a, b}, nil).Match(refused("no"))); got != "a" {
		t.Errorf("got %q", got)
	}
}

func TestAGeneralRuleSpeaksOnlyWhenNothingElseDoes(t *testing.T) {
	general := entry("general", cause.When{Failed: cause.Yes}, cause.Possible)
	general.Rules[0].General = true
	remark := entry("remark", cause.When{Failed: cause.Yes}, cause.Certain)
	remark.Severity = cause.Info
	base := cause.New([]cause.Entry{general, entry("other", cause.When{Text: pattern("quota")}, cause.Possible), remark}, nil)
	if got := names(base.Match(refused("quota"))); got != "other remark" {
		t.Error(got)
	}
	if got := names(base.Match(refused("no"))); got != "general remark" {
		t.Error(got)
	}
}

func TestACertainCauseSilencesGuesses(t *testing.T) {
	base := cause.New([]cause.Entry{entry("guess", code535, cause.Likely), entry("sure", cause.When{Text: pattern("blocked")}, cause.Certain)}, nil)
	if got := names(base.Match(refused("blocked"))); got != "sure" {
		t.Error(got)
	}
}

func TestOfTwoThatFitTheOneThatAsksForMoreIsFirst(t *testing.T) {
	base := cause.New([]cause.Entry{entry("wide", code535, cause.Likely), entry("narrow", cause.When{Code: code535.Code, Enhanced: []string{"5.7.x"}}, cause.Likely)}, nil)
	if got := names(base.Match(refused("no"))); got != "narrow wide" {
		t.Error(got)
	}
}

func TestAFailureExplainedOnAPassedStepIsAWarning(t *testing.T) {
	base := cause.New([]cause.Entry{entry("weak", cause.When{Seen: []cause.Observation{cause.CertSelfSigned}}, cause.Certain)}, nil)
	facts := cause.Facts{Step: "auth", Seen: cause.Set{cause.CertSelfSigned: true}}
	if found := base.Match(facts); len(found) != 1 || found[0].Severity != cause.Warning {
		t.Error(found)
	}
	facts.Failed = true
	if found := base.Match(facts); len(found) != 1 || found[0].Severity != cause.Error {
		t.Error(found)
	}
}

func TestARuleThatInsistsOnErrorIsOneOnAPassedStepToo(t *testing.T) {
	facts := cause.Facts{Step: "dns", Host: "mail.acme.example", HostKind: "name", UsedBy: "cloud", Seen: cause.Set{cause.AddressPrivate: true}}
	found := cause.Builtin().Match(facts)
	if len(found) == 0 || found[0].Severity != cause.Error {
		t.Error(ids(found))
	}
	facts.UsedBy = "here"
	if found = cause.Builtin().Match(facts); len(found) == 0 || found[0].Severity != cause.Warning {
		t.Error(ids(found))
	}
}

func TestLinesOfAReplyAreReadAsOne(t *testing.T) {
	base := cause.New([]cause.Entry{entry("web", cause.When{Text: pattern("via your web browser and then")}, cause.Certain)}, nil)
	if got := names(base.Match(refused("Please log in via\n5.7.8 your web browser\n5.7.8  and then try"))); got != "web" {
		t.Errorf("got %q", got)
	}
}

func TestAnUnknownStepFitsAnyRule(t *testing.T) {
	facts := refused("Username and Password not accepted. - gsmtp")
	facts.Step, facts.Seen = "", cause.Set{cause.Pasted: true}
	if found := cause.Builtin().Match(facts); len(found) == 0 || !strings.HasPrefix(found[0].Cause, "auth-") {
		t.Error(ids(found))
	}
}

func TestMentionsWantsTheWholeAddress(t *testing.T) {
	base := cause.New([]cause.Entry{entry("named", cause.When{Mentions: []string{"account"}}, cause.Certain)}, nil)
	for text, want := range map[string]string{
		"<jobs@acme.example>: no":              "named",
		"Jobs@ACME.example.":                   "named",
		"is jobs@acme.example not":             "named",
		"other-jobs@acme.example":              "",
		"jobs@acme.example.org is not":         "",
		"bjobs@acme.example, no":               "",
		"jobs@acme.examples but":               "",
		"xjobs@acme.example jobs@acme.example": "named",
	} {
		if got := names(base.Match(refused(text))); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestTextThatCannotBeFilledGivesWayToTheNextVariant(t *testing.T) {
	e := entry("c", code535, cause.Likely)
	e.Title = []string{"runs out in {days} days", "runs out soon"}
	e.Fix = []cause.FixEntry{{Text: "for {names}", Who: cause.User}, {Text: "change it", Who: cause.User, From: "{port}", To: "{names}",
		Commands: []cause.Command{{Shell: "posix", Text: "do {names}"}, {Shell: "posix", Text: "do {account}"}}}}
	found := cause.New([]cause.Entry{e}, nil).Match(refused("no"))[0]
	if found.Title != "runs out soon" || len(found.Fix) != 1 || found.Fix[0].From != "587" || found.Fix[0].To != "" ||
		len(found.Fix[0].Commands) != 1 || found.Fix[0].Commands[0].Text != "do jobs@acme.example" {
		t.Errorf("%+v", found)
	}
}

func TestWhatComesFromAServerCannotLeaveItsQuotes(t *testing.T) {
	e := entry("c", code535, cause.Likely)
	e.Fix = []cause.FixEntry{{Text: "t", Who: cause.User, Commands: []cause.Command{{Shell: "posix", Text: "echo {names}"}, {Shell: "powershell", Text: "echo {names}"}}}}
	facts := refused("no")
	facts.Values = map[string]string{"names": "a'; rm -rf ~; $(id) '\x1b[31m\nb"}
	got := cause.New([]cause.Entry{e}, nil).Match(facts)[0].Fix[0].Commands
	if got[0].Text != `echo 'a'\''; rm -rf ~; $(id) '\'' [31m b'` || got[1].Text != `echo 'a''; rm -rf ~; $(id) '' [31m b'` {
		t.Errorf("%q", got)
	}
}

func TestTextsOfOthersAreBounded(t *testing.T) {
	e := entry("c", code535, cause.Likely)
	e.Title = []string{"said {text}", "said nothing"}
	found := cause.New([]cause.Entry{e}, nil).Match(refused(strings.Repeat("ä\x00\u202e ", 5000)))
	if n := len([]rune(found[0].Title)); n > 620 || strings.ContainsAny(found[0].Title, "\x00\u202e") {
		t.Errorf("%d characters: %q", n, found[0].Title)
	}
}

func TestTheFittingNameIsOneThatCanBeEntered(t *testing.T) {
	for _, test := range []struct{ names, cname, server, want string }{
		{"*.kasserver.example, kasserver.example", "w01.kasserver.example.", "", "w01.kasserver.example"},
		{"*.kasserver.example, kasserver.example", "other.example", "w02.kasserver.example", ""},
		{"*.acme.example", "", "smtp.acme.example", "smtp.acme.example"},
		{"srv1.acme.example, acme.example", "", "", "srv1.acme.example"},
		{"srv1.evil.example, evil.example", "", "srv1.evil.example", ""},
		{"192.0.2.1, a.b.example and 3 more", "", "", ""},
		{"$(id).acme.example", "", "", ""},
		{"", "w01.kasserver.example", "", ""},
	} {
		e := entry("c", cause.When{Failed: cause.Yes}, cause.Likely)
		e.Title = []string{"{fitting_name}", "none"}
		facts := cause.Facts{Step: "certificate", Failed: true, Host: "mail.acme.example", ServerName: test.server,
			Values: map[string]string{"names": test.names, "cname": test.cname}}
		got := cause.New([]cause.Entry{e}, nil).Match(facts)[0].Title
		if got != test.want && (test.want != "" || got != "none") {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestAHiddenAccountIsNotShown(t *testing.T) {
	facts := refused("Incorrect authentication data")
	facts.Account = "[hidden]"
	for _, f := range cause.Builtin().Match(facts) {
		for _, text := range texts(f) {
			if strings.Contains(text, "[hidden]") {
				t.Errorf("%s: %q", f.Cause, text)
			}
		}
	}
}

func TestASuggestionThatChangesNothingIsNone(t *testing.T) {
	e := entry("c", code535, cause.Likely)
	e.Rules[0].Suggest = &cause.Suggest{Port: 587, Encryption: "starttls", Text: "so"}
	facts := refused("no")
	if found := cause.New([]cause.Entry{e}, nil).Match(facts); found[0].Suggest != nil {
		t.Error(found[0].Suggest)
	}
	facts.Port = 25
	if found := cause.New([]cause.Entry{e}, nil).Match(facts); found[0].Suggest == nil || found[0].Suggest.Port != 587 {
		t.Error(found[0].Suggest)
	}
}

func TestTheSameFactsGiveTheSameOrder(t *testing.T) {
	first := ids(cause.Builtin().Match(refused("authentication failed")))
	for range 20 {
		if again := ids(cause.Builtin().Match(refused("authentication failed"))); again != first {
			t.Fatalf("%s, then %s", first, again)
		}
	}
}

func TestAChallengeRefusedWithoutAReasonAsksForPLAIN(t *testing.T) {
	facts := refused("Error: authentication failed")
	facts.Mechanism, facts.Credential, facts.Seen = "CRAM-MD5", "password", cause.Set{cause.ChallengeMechanism: true, cause.PlainOffered: true}
	found := cause.Builtin().Match(facts)
	if len(found) < 2 || found[0].Cause != "auth-bad-credentials" || found[1].Cause != "auth-mechanism-unsupported" ||
		!strings.HasSuffix(found[1].Decides[0].Command, "--auth PLAIN") {
		t.Errorf("%s", ids(found))
	}
}

func BenchmarkMatchWithoutText(b *testing.B) {
	facts := cause.Facts{Step: "tcp", Failed: true, Fault: "timeout", Host: "smtp.acme.example", HostKind: "name", Port: 587, Encryption: "starttls"}
	base := cause.Builtin()
	for b.Loop() {
		base.Match(facts)
	}
}

func BenchmarkMatchPassed(b *testing.B) {
	facts := cause.Facts{Step: "ehlo", Code: 250, Text: "mail.acme.example", Host: "smtp.acme.example", HostKind: "name", Port: 587, Encryption: "starttls"}
	base := cause.Builtin()
	for b.Loop() {
		base.Match(facts)
	}
}

func BenchmarkMatchRefusedLogin(b *testing.B) {
	base, facts := cause.Builtin(), refused("Error: authentication failed: authentication failure")
	for b.Loop() {
		base.Match(facts)
	}
}

func BenchmarkFirstRefusedLogin(b *testing.B) {
	facts := refused("Error: authentication failed: authentication failure")
	for b.Loop() {
		cause.Fresh().Match(facts)
	}
}

func TestAGuessTakesNoBetterOnesPlace(t *testing.T) {
	guess := entry("guess", cause.When{Text: pattern("quota")}, cause.Possible)
	guess.Over = []string{"better"}
	better := entry("better", code535, cause.Likely)
	if got := names(cause.New([]cause.Entry{guess, better}, nil).Match(refused("quota"))); got != "better guess" {
		t.Error(got)
	}
}

func TestWhatTheFactsCannotFillCanBeAskedFor(t *testing.T) {
	e := entry("c", code535, cause.Likely)
	e.Fix = []cause.FixEntry{{Text: "enter {names}", Who: cause.User}, {When: &cause.When{Unknown: []string{"names"}}, Text: "enter the right name", Who: cause.User}}
	base := cause.New([]cause.Entry{e}, nil)
	facts := refused("no")
	if fixes := base.Match(facts)[0].Fix; len(fixes) != 1 || fixes[0].Text != "enter the right name" {
		t.Errorf("%+v", fixes)
	}
	facts.Values = map[string]string{"names": "mail.acme.example"}
	if fixes := base.Match(facts)[0].Fix; len(fixes) != 1 || fixes[0].Text != "enter mail.acme.example" {
		t.Errorf("%+v", fixes)
	}
}

func TestARuleCanAskForAWordingAndATextTogether(t *testing.T) {
	e := entry("local", cause.When{Wording: []string{"refused"}, Text: pattern("localhost")}, cause.Likely)
	base := cause.New([]cause.Entry{e}, nil, cause.Wording{ID: "refused", Says: pattern("verweigert|refused")})
	for text, want := range map[string]string{"localhost: connection refused": "local", "mail.acme.example: refused": "", "localhost: timed out": ""} {
		if got := names(base.Match(refused(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

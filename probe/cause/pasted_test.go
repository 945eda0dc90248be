package cause_test

import (
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
)

func aText(text string) cause.Facts {
	return cause.Facts{Failed: true, Text: text, Seen: cause.Set{cause.Pasted: true}}
}

func stated(found []cause.Found) string {
	out := ""
	for _, f := range found {
		out += f.Cause + " " + string(f.Confidence) + "; "
	}
	return out
}

func TestWhatATextDoesNotShowIsAssumedAndStatedLessSurely(t *testing.T) {
	web := pattern("web")
	for name, c := range map[string]struct {
		when  cause.When
		facts cause.Facts
		want  string
	}{
		"the port":                     {cause.When{Text: web, Port: []int{465}}, aText("web"), "x likely; "},
		"the port and the encryption":  {cause.When{Text: web, Port: []int{465}, Encryption: []string{"ssl"}}, aText("web"), "x possible; "},
		"never who answers":            {cause.When{Text: web, Host: []string{"gmail.com"}}, aText("web"), ""},
		"never a code that is missing": {cause.When{Text: web, Code: []cause.Codes{{From: 500, To: 599}}}, aText("web"), ""},
		"the step, where words decide": {cause.When{Text: web, Step: []string{"auth"}}, aText("web"), "x certain; "},
		"nothing of a live check":      {cause.When{Text: web, Port: []int{465}}, cause.Facts{Step: "auth", Failed: true, Text: "web", Seen: cause.Set{}}, ""},
	} {
		base := cause.New([]cause.Entry{entry("x", c.when, cause.Certain)}, nil)
		if got := stated(base.Match(c.facts)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTheEnhancedCodeTellsTheClassOfACodeThatIsMissing(t *testing.T) {
	base := cause.New([]cause.Entry{entry("x", cause.When{Text: pattern("web"), Code: []cause.Codes{{From: 500, To: 599}}}, cause.Certain)}, nil)
	facts := aText("web")
	facts.Enhanced = "5.7.1"
	if got := stated(base.Match(facts)); got != "x certain; " {
		t.Error(got)
	}
	facts.Enhanced = "4.7.1"
	if got := stated(base.Match(facts)); got != "" {
		t.Error(got)
	}
}

func TestTwoCausesThatFitATextEquallyAreLessSureThanOne(t *testing.T) {
	all := []cause.Entry{entry("x", cause.When{Text: pattern("web")}, cause.Likely), entry("y", cause.When{Text: pattern("web")}, cause.Likely)}
	if got := stated(cause.New(all, nil).Match(aText("web"))); got != "x possible; y possible; " {
		t.Error(got)
	}
}

func TestAFixIsNotProposedForASettingThatIsAssumed(t *testing.T) {
	e := entry("x", cause.When{Text: pattern("web")}, cause.Certain)
	e.Fix = []cause.FixEntry{{When: &cause.When{Port: []int{25}}, Text: "change 25", Who: cause.User}, {Text: "look", Who: cause.User}}
	found := cause.New([]cause.Entry{e}, nil).Match(aText("web"))
	if len(found) != 1 || len(found[0].Fix) != 1 || found[0].Fix[0].Text != "look" {
		t.Errorf("%+v", found)
	}
}

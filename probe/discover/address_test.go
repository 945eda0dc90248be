package discover_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/discover"
)

func address(t *testing.T, text string) discover.Address {
	t.Helper()
	a, err := discover.ParseAddress(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return a
}

func TestAddressesAreReadAsPeoplePasteThem(t *testing.T) {
	for text, want := range map[string][3]string{
		"anna@acme.test":                       {"anna", "acme.test", "anna@acme.test"},
		"  Anna@ACME.Test.  ":                  {"Anna", "acme.test", "Anna@acme.test"},
		"Anna Muster <anna@acme.test>":         {"anna", "acme.test", "anna@acme.test"},
		"\"Muster, Anna\" <anna@acme.test>":    {"anna", "acme.test", "anna@acme.test"},
		"Müller & Söhne <info@acme.test>":      {"info", "acme.test", "info@acme.test"},
		"mailto:anna@acme.test":                {"anna", "acme.test", "anna@acme.test"},
		"anna@bücher.test":                     {"anna", "xn--bcher-kva.test", "anna@bücher.test"},
		"anna@XN--BCHER-KVA.test":              {"anna", "xn--bcher-kva.test", "anna@bücher.test"},
		"büro@acme.test":                       {"büro", "acme.test", "büro@acme.test"},
		`"anna muster"@acme.test`:              {"anna muster", "acme.test", `"anna muster"@acme.test`},
		`"a@b"@acme.test`:                      {"a@b", "acme.test", `"a@b"@acme.test`},
		"anna+jobs@acme.test":                  {"anna+jobs", "acme.test", "anna+jobs@acme.test"},
		"\u200banna@acme.test\u200b":           {"anna", "acme.test", "anna@acme.test"},
		"a..b.@acme.test":                      {"a..b.", "acme.test", `"a..b."@acme.test`},
		"<anna@acme.test>":                     {"anna", "acme.test", "anna@acme.test"},
		"anna@sub.sub.acme.test (Anna Muster)": {"anna", "sub.sub.acme.test", "anna@sub.sub.acme.test"},
	} {
		a, err := discover.ParseAddress(text)
		if err != nil || a.Local != want[0] || a.Domain != want[1] || a.String() != want[2] {
			t.Errorf("%q: %+v %q, %v", text, a, a.String(), err)
		}
	}
}

func TestWhatIsNoAddressIsRefusedWithoutRepeatingIt(t *testing.T) {
	for text, want := range map[string]error{
		"":                                   discover.ErrNoDomain,
		"hunter2secret":                      discover.ErrNoDomain,
		"anna@":                              discover.ErrNoDomain,
		"@acme.test":                         discover.ErrNoAddress,
		"anna@localhost":                     discover.ErrBadDomain,
		"anna@[192.0.2.1]":                   discover.ErrLiteral,
		"anna@192.0.2.1":                     discover.ErrLiteral,
		"anna@acme..test":                    discover.ErrBadDomain,
		"anna@-acme.test":                    discover.ErrBadDomain,
		"anna@ac me.test":                    discover.ErrBadDomain,
		"anna@acme.test/path":                discover.ErrBadDomain,
		"a@acme.test, b@acme.test":           discover.ErrMany,
		"a\x00b@acme.test":                   discover.ErrNoAddress,
		strings.Repeat("a", 200) + "@x.test": discover.ErrNoAddress,
		"anna@" + strings.Repeat("a", 64) + ".test":                                  discover.ErrBadDomain,
		"anna@" + strings.TrimSuffix(strings.Repeat("abcdefgh.", 40), ".") + ".test": discover.ErrBadDomain,
	} {
		if _, err := discover.ParseAddress(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

package report

import (
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

func TestAFurtherFindingWithTheSameTitleSaysWhatIsDifferent(t *testing.T) {
	f := &probe.Finding{Title: "the encryption setting does not fit the port", Explanation: "This port wants TLS from the first byte (SSL). Both sides wait."}
	if got := furtherTitle(f, []string{f.Title}); got != "This port wants TLS from the first byte (SSL)" {
		t.Errorf("%q", got)
	}
	if got := furtherTitle(f, []string{"another"}); got != f.Title {
		t.Errorf("%q", got)
	}
}

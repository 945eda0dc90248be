package explain

import (
	"slices"
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
)

func TestAServersListOfMechanismsHoldsNoSecret(t *testing.T) {
	if found := findSecrets("250-AUTH LOGIN XOAUTH2\n250-AUTH PLAIN GSSAPI\nAUTH XOAUTH2"); len(found) > 0 {
		t.Errorf("taken for secrets: %q", found)
	}
	if found := findSecrets("AUTH PLAIN AGpvYnMAc2VjcmV0LXdvcmQ="); !slices.Contains(found, "secret-word") {
		t.Errorf("the payload's password was not found: %q", found)
	}
}

func TestACodeBehindNodemailersPrefixIsTheReplys(t *testing.T) {
	x := explain(cause.Builtin(), "Error: Invalid login: 535 Error: authentication failed", Settings{Host: "smtp.163.com"})
	if len(x.Findings) == 0 || x.Findings[0].Cause != "auth-app-password-required" {
		t.Errorf("%+v", x.Findings)
	}
}

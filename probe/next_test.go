package probe

import (
	"crypto/tls"
	"testing"
)

// TestNextRepeatsTheWholeCheck: the command at the end asks with the settings
// that were used, not with fewer.
func TestNextRepeatsTheWholeCheck(t *testing.T) {
	t.Parallel()
	file := map[string]Origin{"host": {From: "file"}, "port": {From: "default"}, "encryption": {From: "found"}}
	for _, c := range []struct {
		name string
		s    Settings
		want string
	}{
		{"plain", Settings{Port: 587, Encryption: STARTTLS}, "smtpdx check smtp.acme.example:587"},
		{"unusual", Settings{Port: 2465, Encryption: SSL, Account: "me", Auth: "LOGIN", Helo: "a.example", Family: 6, Insecure: true, AllowPlaintextAuth: true, TLSMin: tls.VersionTLS10, TLSServerName: "b.example", UsedBy: "cloud"},
			"smtpdx check smtp.acme.example:2465 --encryption ssl -u me --auth LOGIN --helo a.example --tls-server-name b.example --tls-min 1.0 --used-by cloud -6"},
		{"profile of a found file", Settings{Port: 587, Encryption: STARTTLS, Profile: "berlin", Origins: file}, "smtpdx check berlin"},
		{"profile of a named file", Settings{Port: 587, Encryption: STARTTLS, Profile: "berlin", File: "my settings.yaml", Origins: file}, "smtpdx check -c 'my settings.yaml' berlin"},
		{"one profile without a name", Settings{Port: 587, Encryption: STARTTLS, File: "a.yaml", Origins: file}, "smtpdx check -c a.yaml"},
		{"standard input cannot be read again", Settings{Port: 587, Encryption: STARTTLS, File: "-", Origins: file}, "smtpdx check smtp.acme.example:587"},
		{"a flag over the file", Settings{Port: 465, Encryption: SSL, File: "a.yaml", Origins: map[string]Origin{"host": {From: "file"}, "port": {From: "flag"}}}, "smtpdx check smtp.acme.example:465"},
	} {
		c.s.Host = "smtp.acme.example"
		got := nextSteps(&c.s, &Result{FailedStep: "auth", Settings: c.s.Shown()})
		if len(got) != 1 || string(got[0].Command) != c.want {
			t.Errorf("%s: %q, want %q", c.name, got[0].Command, c.want)
		}
	}
}

//go:build linux

package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// comparesBeforeAndAfter changes a running Postfix as an administrator does,
// and compares a check of before with one of after.
func (w *world) comparesBeforeAndAfter(t *testing.T) {
	w.canRun(t, interopCase{})
	before := filepath.Join(root, "run/before.json")
	if p := w.checkTo(t, before); p.exit != 0 {
		t.Fatalf("exit code %d before anything was changed:\n%s\n%s", p.exit, p.out, p.complaints)
	}
	for _, c := range []struct {
		name, settings string
		exit           int
		says           []string
	}{
		{"nothing", "", 0, nil},
		{"capabilities", "smtpd_discard_ehlo_keywords = dsn, smtputf8\nmessage_size_limit = 1000000\n", 6,
			[]string{"worse steps.ehlo-tls.capabilities.SIZE", "worse steps.ehlo-tls.capabilities.SMTPUTF8", "neutral steps.ehlo-tls.capabilities.DSN"}},
		{"sender map", "smtpd_sender_login_maps = texthash:/srv/etc/postfix/senders-broken\n", 6,
			[]string{"worse verdict", "worse findings.sender-login-map-broken", "worse steps.sender.status"}},
		{"certificate", "smtpd_tls_chain_files = /srv/pki/expired.pem\n", 6,
			[]string{"worse verdict", "worse findings.cert-expired", "worse steps.certificate.status"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.reconfigure(t, c.settings)
			after := filepath.Join(root, "run/after.json")
			w.checkTo(t, after)
			text := w.smtpdx(t, 5*time.Second, nil, "compare", before, after)
			p := w.smtpdx(t, 5*time.Second, nil, "compare", before, after, "-o", "json")
			t.Logf("%s", text.out)
			var d struct {
				Differences []struct{ Effect, Path string }
			}
			if err := json.Unmarshal([]byte(p.out), &d); err != nil || p.exit != c.exit {
				t.Fatalf("exit code %d, %v\n%s\n%s", p.exit, err, p.out, p.complaints)
			}
			var got []string
			for _, one := range d.Differences {
				got = append(got, one.Effect+" "+one.Path)
			}
			for _, want := range c.says {
				if !slices.Contains(got, want) {
					t.Errorf("%q is not among %q", want, got)
				}
			}
			if len(c.says) == 0 && len(got) > 0 {
				t.Errorf("nothing was changed, and these differ: %q", got)
			}
		})
	}
}

// checkTo writes the report of a check of the server that is in order.
func (w *world) checkTo(t *testing.T, path string) printed {
	t.Helper()
	args, env := w.arguments(interopCase{target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right})
	return w.smtpdx(t, 20*time.Second, env, append(args, "-4", "--report", path)...)
}

// reconfigure adds settings to Postfix, and takes them away when the test ends.
func (w *world) reconfigure(t *testing.T, settings string) {
	t.Helper()
	path := root + "/etc/postfix/main.cf"
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
		if out, err := exec.Command("postfix", "-c", root+"/etc/postfix", "reload").CombinedOutput(); err != nil {
			t.Errorf("postfix reload: %v\n%s", err, out)
		}
		time.Sleep(500 * time.Millisecond) // its processes end one by one
	}
	t.Cleanup(func() { set(string(was)) })
	keys := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(settings), "\n") {
		key, _, _ := strings.Cut(line, " ")
		keys[key] = true
	}
	lines := slices.DeleteFunc(strings.Split(string(was), "\n"), func(line string) bool {
		key, _, found := strings.Cut(line, " =")
		return found && keys[key]
	})
	set(strings.Join(lines, "\n") + "\n" + settings)
}

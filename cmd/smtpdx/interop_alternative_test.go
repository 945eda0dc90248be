//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// suggestedDocument is what these tests read of a report besides the rest.
type suggestedDocument struct {
	Results []struct {
		result
		Suggestion *struct {
			Settings struct {
				Host       string `json:"host"`
				Port       int    `json:"port"`
				Encryption string `json:"encryption"`
			} `json:"settings"`
			Verified bool   `json:"verified"`
			Text     string `json:"text"`
		} `json:"suggestion"`
	} `json:"results"`
}

// suggests checks settings that do not work, demands a verified suggestion
// within five seconds, and checks the settings that are suggested.
func (w *world) suggests(t *testing.T) {
	w.canRun(t, interopCase{})
	for _, c := range []struct {
		name, target, encryption string
		step, cause              string
		exit                     int
		to, says                 string
	}{
		{"ssl-on-587", "smtp.acme.example:587", "ssl", "tls", "tls-wrong-mode-implicit-on-starttls-port", 14, "smtp.acme.example:587 starttls", "587 with SSL does not work"},
		{"starttls-on-465", "smtp.acme.example:465", "starttls", "greeting", "tls-wrong-mode-plain-on-tls-port", 12, "smtp.acme.example:465 ssl", "465 with SSL does"},
		{"blocked-587", "blocked.acme.example:587", "starttls", "tcp", "tcp-filtered-port", 11, "blocked.acme.example:465 ssl", "587 does not answer from here, 465 with SSL does"},
		{"name-of-the-hoster", "shop.acme.example:587", "starttls", "certificate", "cert-name-mismatch", 15, "w0123456.hoster.example:587 starttls", "the certificate fits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args, env := w.arguments(interopCase{target: c.target, encryption: c.encryption, account: jobs, password: right})
			log := w.readLog()
			p := w.smtpdx(t, 5*time.Second, env, append(args, "-o", "json")...)
			var d suggestedDocument
			if err := json.Unmarshal([]byte(p.out), &d); err != nil || len(d.Results) != 1 {
				t.Fatalf("no report (%v), exit code %d:\n%s\n%s", err, p.exit, p.out, p.complaints)
			}
			r := d.Results[0]
			if got, want := r.row(p.exit), failsAt(c.step, c.cause, c.exit); got != want {
				t.Errorf("came to %v, expected %v\n%s", got, want, listed(r.result))
			}
			s := r.Suggestion
			if s == nil || !s.Verified || !strings.Contains(s.Text, c.says) {
				t.Fatalf("suggestion %+v after %v\n%s", s, p.took, listed(r.result))
			}
			if got := fmt.Sprintf("%s:%d %s", s.Settings.Host, s.Settings.Port, s.Settings.Encryption); got != c.to {
				t.Errorf("suggested %s, expected %s", got, c.to)
			}
			if sessions := w.settledLog(t, log); strings.Contains(sessions, " auth=") {
				t.Errorf("a login was tried on an alternative:\n%s", sessions)
			}
			w.check(t, interopCase{target: fmt.Sprintf("%s:%d", s.Settings.Host, s.Settings.Port), encryption: s.Settings.Encryption,
				account: jobs, password: right, want: trusted})
			t.Logf("%v: %s", p.took.Round(time.Millisecond), s.Text)
		})
	}
}

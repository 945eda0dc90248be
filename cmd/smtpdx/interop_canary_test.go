//go:build linux

package main_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// leaksNoCanary logs in, and is refused, with secrets that are easy to find
// again, and looks for them in everything that the program writes.
func (w *world) leaksNoCanary(t *testing.T) {
	w.canRun(t, interopCase{})
	const key = "key-4c1f0d9e7b62a835-canary" // account and password at once
	canaries := []struct {
		interopCase
		secret string
	}{
		{interopCase{name: "non-ascii", account: "canary@acme.example", password: "Pa55-canary-ünï"}, "Pa55-canary-ünï"},
		{interopCase{name: "non-ascii-plain", account: "canary@acme.example", password: "Pa55-canary-ünï", auth: "PLAIN"}, "Pa55-canary-ünï"},
		{interopCase{name: "non-ascii-refused", account: jobs, password: "Pa55-canary-ünï", auth: "LOGIN", want: row{exit: 16}}, "Pa55-canary-ünï"},
		{interopCase{name: "key", account: key, password: key, from: "robot@acme.example"}, key},
		{interopCase{name: "key-plain", account: key, password: key, from: "robot@acme.example", auth: "PLAIN"}, key},
		{interopCase{name: "key-foreign-sender", account: key, password: key, from: boss, want: row{exit: 17}}, key}, // Postfix names the login
		{interopCase{name: "key-refused", account: key + "x", password: key + "x", from: "robot@acme.example", want: row{exit: 16}}, key},
		{interopCase{name: "three-characters", account: "three@acme.example", password: "~9^"}, "~9^"},
		{interopCase{name: "three-characters-plain", account: "three@acme.example", password: "~9^", auth: "PLAIN"}, "~9^"},
		{interopCase{name: "token", account: jobs, token: "accepted", auth: "XOAUTH2"}, w.token},
		{interopCase{name: "token-bearer", account: jobs, token: "accepted", auth: "OAUTHBEARER"}, w.token},
		{interopCase{name: "token-refused", account: jobs, token: "forged", auth: "XOAUTH2", want: row{exit: 16}}, w.forged},
		{interopCase{name: "token-as-password", account: jobs, password: w.token, auth: "PLAIN", want: row{exit: 16}}, w.token},
		{interopCase{name: "token-as-password-login", account: jobs, password: w.token, auth: "LOGIN", want: row{exit: 16}}, w.token},
	}
	for _, c := range canaries {
		c.target, c.encryption = "smtp.acme.example:587", "starttls"
		t.Run(c.name, func(t *testing.T) {
			forms := formsOf(c.account, c.secret)
			for _, format := range [][]string{{}, {"-v"}, {"-q"}, {"-o", "json", "-v"}, {"-o", "jsonl", "-v"}} {
				args, env := w.arguments(c.interopCase)
				dir := t.TempDir()
				args = append(args, "--report", filepath.Join(dir, "r.txt"), "--report", filepath.Join(dir, "r.json"), "--report", filepath.Join(dir, "r.jsonl"))
				p := w.smtpdx(t, 15*time.Second, env, append(args, format...)...)
				if p.exit != c.want.exit {
					t.Errorf("exit code %d, expected %d\n%s\n%s", p.exit, c.want.exit, p.out, p.complaints)
				}
				if len(p.out) == 0 {
					t.Errorf("nothing was printed with %q", format)
				}
				forms.absentFrom(t, "standard output of "+strings.Join(format, " "), p.out)
				forms.absentFrom(t, "standard error of "+strings.Join(format, " "), p.complaints)
				reports, _ := filepath.Glob(filepath.Join(dir, "r.*"))
				if len(reports) != 3 {
					t.Errorf("%d report files, expected 3", len(reports))
				}
				for _, path := range reports {
					text, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					forms.absentFrom(t, filepath.Base(path), string(text))
				}
			}
		})
	}
}

// secretForms are the ways in which a secret can stand in a text, by name.
type secretForms map[string]string

func formsOf(account, secret string) secretForms {
	encode := base64.StdEncoding.EncodeToString
	forms := secretForms{
		"raw": secret, "URL": url.QueryEscape(secret), "URL path": url.PathEscape(secret),
		"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"PLAIN":     encode([]byte("\x00" + account + "\x00" + secret)),
		"base64url": base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"XOAUTH2":   encode([]byte("user=" + account + "\x01auth=Bearer " + secret + "\x01\x01")),
	}
	for shift := range 3 {
		// What is left of a short one at an odd place stands in certificates by chance.
		if part := inside(secret, shift); len(part) >= 4 {
			forms["base64, shifted by "+strconv.Itoa(shift)] = part
		}
	}
	// A long secret must not show in parts either.
	if len(secret) > 1000 {
		forms["its beginning"], forms["its middle"], forms["its end"] = secret[:64], secret[1400:1464], secret[len(secret)-40:]
		forms["the beginning in base64"] = encode([]byte(secret[:60]))
	}
	return forms
}

// inside is the part of a secret's base64 that is the same whatever stands
// around it, when shift bytes (of three) stand before it.
func inside(secret string, shift int) string {
	text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
	return text[(shift*8+5)/6 : (shift+len(secret))*8/6]
}

func (forms secretForms) absentFrom(t *testing.T, where, text string) {
	t.Helper()
	for name, form := range forms {
		if strings.Contains(text, form) {
			t.Errorf("the secret (%s) stands in %s", name, where)
		}
	}
}

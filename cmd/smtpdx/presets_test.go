package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/smtpdx/smtpdx/presets"
)

// Show 2 of the issue, through the command's own way: the address, the MX.
func TestMatchGivesThePreferredSettings(t *testing.T) {
	t.Parallel()
	domains, suffixes := 0, 0
	for _, id := range presets.IDs() {
		p, _ := presets.Get(id)
		for _, domain := range p.Domains {
			domains++
			domain = strings.Replace(domain, "*", "anywhere", 1)
			expectMatch(t, "anna@"+domain, p, domain)
		}
		for _, suffix := range p.MX {
			suffixes++
			expectMatch(t, "mx1."+suffix+".", p, "")
		}
	}
	t.Logf("%d domains and wildcards, %d MX suffixes", domains, suffixes)
	if domains < 1457 || suffixes < 124 {
		t.Errorf("only %d domains and %d MX suffixes", domains, suffixes)
	}
}

func expectMatch(t *testing.T, typed string, want presets.Provider, domain string) {
	t.Helper()
	asked, err := parseWanted(typed)
	if err != nil {
		t.Errorf("%s: %v", typed, err)
		return
	}
	document := asked.match(nil).document(&process{})
	if string(document.Provider) != want.ID || len(document.Candidates) != len(want.Endpoints) {
		t.Errorf("%s: %s with %d candidates, not %s", typed, document.Provider, len(document.Candidates), want.ID)
		return
	}
	if len(want.Endpoints) == 0 {
		return
	}
	first, _ := want.Endpoints[0].Fill(domain, nil)
	if got := document.Candidates[0]; got.Host != first.Host || got.Port != first.Port || got.Encryption != first.Encryption || got.Verified != nil {
		t.Errorf("%s: %+v, not %s:%d", typed, got, first.Host, first.Port)
	}
}

func TestSheetsFitTheScreenAndLeaveNothingEmpty(t *testing.T) {
	t.Parallel()
	for _, id := range presets.IDs() {
		p, _ := presets.Get(id)
		s := presetSheet(p)
		for line := range strings.Lines(s.text(0)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > plainWidth && len(strings.Fields(line)) > 2 {
				t.Errorf("%s: %d columns: %s", id, n, line)
			}
		}
		for _, row := range s.rows {
			for _, paragraph := range row.paragraphs {
				if strings.TrimSpace(paragraph) == "" || strings.Contains(paragraph, "%!") {
					t.Errorf("%s: %s is %q", id, row.label, paragraph)
				}
			}
		}
		if text := s.text(0); p.NoSMTP == "" && !strings.Contains(text, "\n  Host ") {
			t.Errorf("%s: no host in\n%s", id, text)
		}
	}
}

// What is not known is null or [], and every field is there.
func TestDocumentsHaveEveryField(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	unknown := presets.Provider{ID: "x", Name: "X", Kind: "isp"}
	if err := printPresets(&process{out: &out}, []presets.Provider{unknown}); err != nil {
		t.Fatal(err)
	}
	var document struct{ Presets []map[string]any }
	if err := json.Unmarshal(out.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"country", "no_smtp", "app_password", "oauth", "enable", "must_be_enabled", "imap", "help", "redirect", "notes", "checked"} {
		if value, there := document.Presets[0][field]; !there || value != nil {
			t.Errorf("%s is %v", field, value)
		}
	}
	for _, field := range []string{"domains", "mx", "endpoints", "auth", "announced", "sources"} {
		if list, ok := document.Presets[0][field].([]any); !ok || len(list) != 0 {
			t.Errorf("%s is %v", field, document.Presets[0][field])
		}
	}
}

func TestSenderRulesSoundAsCertainAsTheyAre(t *testing.T) {
	t.Parallel()
	rule := presets.SenderRule{Rule: "own-address", Decided: "mail"}
	unsure := strings.Join(senderWords(rule), "\n")
	rule.Verified = true
	sure := strings.Join(senderWords(rule), "\n")
	if !strings.Contains(unsure, "unverified") || !strings.Contains(unsure, "as far as is known") {
		t.Errorf("unverified: %s", unsure)
	}
	if strings.Contains(sure, "unverified") || strings.Contains(sure, "as far as") {
		t.Errorf("verified: %s", sure)
	}
	if words := senderWords(presets.SenderRule{}); words != nil {
		t.Errorf("nothing known: %q", words)
	}
}

func TestOnlyTheDomainDecides(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]wanted{
		"Anna Muster <anna@GMX.net>":  {"anna@GMX.net", "anna", "gmx.net"},
		`"a@b c"@web.de`:              {`"a@b c"@web.de`, `"a@b c"`, "web.de"},
		" anna@web.de. ":              {"anna@web.de.", "anna", "web.de"},
		"anna@bücher.example":         {"anna@bücher.example", "anna", "xn--bcher-kva.example"},
		"@web.de":                     {"", "", "web.de"},
		"SMTP.Example.COM:587":        {"", "", "smtp.example.com"},
		"[2001:db8::1]":               {"", "", "[2001:db8::1]"},
		"anna@[192.0.2.1]":            {"anna@[192.0.2.1]", "anna", "[192.0.2.1]"},
		"=?utf-8?q?x?= <a@gmail.com>": {"a@gmail.com", "a", "gmail.com"},
	} {
		if got, err := parseWanted(typed); err != nil || got != want {
			t.Errorf("%s: %+v, %v", typed, got, err)
		}
	}
}

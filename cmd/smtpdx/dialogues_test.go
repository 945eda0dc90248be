package main

import (
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// withoutDialogue are causes that no dialogue of the lab can end in, with the reason.
func withoutDialogue() map[string]string {
	const (
		settingsAlone = "follows from the settings alone: no server takes part, and a dialogue brings settings that are right"
		loopback      = "the lab listens on loopback, which is always reachable and always this computer itself"
		proxy         = "the lab is no proxy"
		store         = "a dialogue cannot change the store of roots of the computer that it runs on"
	)
	return map[string]string{
		"settings-host-cleaned":              settingsAlone,
		"settings-port-encryption-unusual":   "the lab's ports are any free ones, which go with every encryption",
		"settings-account-form":              settingsAlone,
		"settings-from-differs":              "a remark for information: it never ends a dialogue (sender-undecided shows it beside)",
		"settings-secret-exposed":            settingsAlone,
		"settings-differ-from-provider":      settingsAlone,
		"settings-token-preferred":           settingsAlone,
		"settings-refused":                   settingsAlone,
		"dns-address-partial":                "a remark for information: it never ends a dialogue",
		"tcp-refused":                        loopback + ": a refusal is tcp-refused-localhost",
		"tcp-ipv6-unreachable":               loopback,
		"tcp-unreachable":                    loopback,
		"proxy-refused":                      proxy,
		"proxy-login":                        proxy,
		"tls-wrong-mode-starttls-inside-tls": "the check never sends STARTTLS inside TLS; other programs do, and explain names it from their words",
		"client-ca-store-missing":            store,
		"cert-trusted-here-only":             store,
		"client-protocol-defect":             "the check is a correct client; explain names it from the words of those that are not",
		"auth-client-refuses-clear-text":     "the check refuses too, before a program would, and calls it auth-in-clear; explain names it from a program's words",
		"auth-password-login-ending":         "a remark on a login that works; it follows from the provider's name",
		"auth-password-missing":              settingsAlone,
		"auth-wrong-region":                  "no server says it: only the provider's host makes it likely, and the lab is localhost",
		"imap-failed":                        "the lab's mailbox refuses nothing after the login",
		"imap-not-deleted":                   "a remark for information: it never ends a dialogue",
		"imap-certificate-unchecked":         "a demonstration goes past no bad certificate of a mailbox",
		"delivery-late":                      "it takes a minute",
		"sender-undecided":                   "a remark on a check that passes; the dialogue of that name shows it",
		"error-text-generic":                 "an application's own sentence, which no server says; explain names it",
		"settings-secret-pasted":             "it is about a pasted text; explain names it",
		"redirect-loop":                      "it takes two servers that redirect to each other",
		"redirect-absence-reply":             "a remark for information: it never ends a dialogue",
		"redirect-sender-kept":               "a remark for information: it never ends a dialogue",
	}
}

func TestEveryCauseHasADialogueOrAReasonWhyNot(t *testing.T) {
	shown := map[string]bool{}
	for _, d := range smtptest.Catalogue() {
		shown[d.Cause] = true
	}
	notes := withoutDialogue()
	for _, c := range cause.Builtin().All() {
		if reason := notes[c.ID]; shown[c.ID] && reason != "" {
			t.Errorf("%s has a dialogue, and a reason why it has none: %s", c.ID, reason)
		} else if !shown[c.ID] && reason == "" {
			t.Errorf("%s has no dialogue", c.ID)
		}
	}
	for id := range notes {
		if _, ok := cause.Builtin().Lookup(id); !ok {
			t.Errorf("a reason for %q, which is no cause", id)
		}
	}
}

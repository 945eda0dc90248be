package main

import (
	"bytes"
	"testing"

	"github.com/smtpdx/smtpdx/probe/profile"
)

func TestWhatAPresetLeavesOpenIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values map[string]string
		typed  []string
		host   string
	}{
		{map[string]string{"preset": "all-inkl"}, []string{"", "w0123456"}, "w0123456.kasserver.com"},
		{map[string]string{"preset": "all-inkl", "host": "mail.acme.example"}, nil, "mail.acme.example"},
		{map[string]string{"preset": "gmail"}, nil, ""},
		{map[string]string{"preset": "no-such"}, nil, ""},
		{map[string]string{}, nil, ""},
	} {
		p, _, _ := pipes(nil)
		ask := &scripted{answers: c.typed}
		p.ask, p.asked = ask, &bytes.Buffer{}
		flags := profile.Flags{Values: c.values}
		if err := fillPreset(t.Context(), p, &flags); err != nil || flags.Values["host"] != c.host || len(ask.answers) > 0 {
			t.Errorf("%v: host %q, %v, not asked for: %q", c.values, flags.Values["host"], err, ask.answers)
		}
	}
}

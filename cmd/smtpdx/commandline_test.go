package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestCommandLineOfTheReportHoldsNoSecret(t *testing.T) {
	for _, c := range []struct {
		typed   []string
		targets []string
		want    string
	}{
		{[]string{"-u", "me@example.com", "--strict"}, []string{"smtp.example.com:587"}, "smtpdx check smtp.example.com:587 -u me@example.com --strict"},
		{[]string{"--password-command", "echo geheim"}, nil, "smtpdx check --password-command '[hidden]'"},
		{[]string{"--token-command=echo geheim"}, nil, "smtpdx check --token-command '[hidden]'"},
		{[]string{"-u", "geheimAKIA0123456789"}, nil, "smtpdx check -u '[hidden]'"},
		{[]string{"--proxy", "socks5://user:geheim@p.example:1080"}, nil, "smtpdx check --proxy 'socks5://[hidden]@p.example:1080'"},
		{[]string{"--proxy", "socks5://user:geh%eim@p.example:1080"}, nil, "smtpdx check --proxy '[hidden]'"},
		{[]string{"--password-file", "/home/jane/doe/pw"}, nil, "smtpdx check --password-file ~/doe/pw"},
		{[]string{"--password-file", "/home/janet/pw"}, nil, "smtpdx check --password-file /home/janet/pw"},
		{[]string{"--password-keyring"}, nil, "smtpdx check --password-keyring"},
		{[]string{"--password-keyring=other"}, nil, "smtpdx check --password-keyring='[hidden]'"},
		{[]string{"--password-env", "PW"}, nil, "smtpdx check --password-env PW"},
		{[]string{"--password-env", "geheim"}, nil, "smtpdx check --password-env '[hidden]'"},
		{[]string{"--token-file", "geheim"}, nil, "smtpdx check --token-file '[hidden]'"},
		{[]string{"--auth", "geheim"}, nil, "smtpdx check --auth '[hidden]'"},
		{[]string{"--auth", "plain", "--preset", "geheim"}, nil, "smtpdx check --auth plain --preset '[hidden]'"},
		{[]string{"--from", "a@b.example", "--from", "O'Hara <o@b.example>"}, nil, `smtpdx check --from a@b.example --from 'O'\''Hara <o@b.example>'`},
	} {
		p, _, _ := pipes(nil)
		check, _, err := newRoot(p, nil).Find([]string{"check"})
		if err != nil {
			t.Fatal(err)
		}
		got := parsed(t, check, c.typed, c.targets)
		if got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.typed, got, c.want)
		}
		if strings.Contains(got, "geheim") {
			t.Errorf("secret in %s", got)
		}
	}
}

func parsed(t *testing.T, cmd *cobra.Command, args, targets []string) string {
	t.Helper()
	cmd.Flags().SortFlags = false
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return commandLine(cmd, targets, "/home/jane", func(name string) string { return map[string]string{"PW": "x"}[name] })
}

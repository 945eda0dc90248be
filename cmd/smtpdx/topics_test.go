package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/profile"
)

// TestHelpAndREADMEKnowTheSameExitCodes keeps the two tables together.
func TestHelpAndREADMEKnowTheSameExitCodes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| Exit code | |")
	if !found {
		t.Fatal("README.md has no table of exit codes")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var inREADME, inHelp []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(table, -1) {
		inREADME = append(inREADME, row[1])
	}
	for _, c := range exitCodes() {
		inHelp = append(inHelp, c.codes)
	}
	if !slices.Equal(inREADME, inHelp) {
		t.Errorf("README.md has %q, help has %q", inREADME, inHelp)
	}
}

func TestHelpOnSettingsExplainsEveryKey(t *testing.T) {
	t.Parallel()
	words := settingsWords()
	for _, key := range profile.Keys() {
		if words[key] == "" {
			t.Errorf("nothing is said of %s", key)
		}
	}
}

func TestHelpKeepsToEightyColumns(t *testing.T) {
	t.Parallel()
	for _, topic := range newTopics() {
		for _, line := range strings.Split(topic.Long, "\n") {
			if len([]rune(line)) > plainWidth+1 {
				t.Errorf("%s: %q", topic.Name(), line)
			}
		}
	}
}

func TestHelpSaysWhenThereIsNoSuchTopic(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]int{"nix": exitUsage, "exit-codes": exitPassed, "token show": exitPassed, "token nix": exitUsage, "": exitPassed} {
		p, out, errs := pipes(nil)
		code := run(context.Background(), p, append([]string{"help"}, strings.Fields(args)...))
		if code != want || (code == exitPassed) != (out.Len() > 0) {
			t.Errorf("help %s: exit code %d\n%s%s", args, code, out, errs)
		}
	}
}

func TestHelpCompletesCommandsAndTopics(t *testing.T) {
	t.Parallel()
	p, out, _ := pipes(nil)
	run(context.Background(), p, []string{"__complete", "help", ""})
	for _, want := range []string{"compare\t", "exit-codes\t", "environment\t"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not offered:\n%s", want, out)
		}
	}
}

package main

import (
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

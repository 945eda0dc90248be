package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
)

// readme is the text that a stranger reads first.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks gives the fenced blocks of a language.
func blocks(text, language string) []string {
	var all []string
	for _, found := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	return all
}

func TestReadmeNamesOnlyFlagsThatExist(t *testing.T) {
	known := map[string]bool{}
	p, _, _ := pipes(nil)
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			known["--"+f.Name] = true
			known["-"+f.Shorthand] = true
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(p, nil))
	for _, flag := range regexp.MustCompile("(?m)(?:^|[ `(])(--?[a-z][a-z-]*)").FindAllStringSubmatch(readme(t), -1) {
		if !known[flag[1]] {
			t.Errorf("the README speaks of %s", flag[1])
		}
	}
}

func TestReadmeListsTheExitCodesAndSteps(t *testing.T) {
	text := readme(t)
	for _, step := range probe.AllSteps() {
		if !strings.Contains(text, "| `"+string(step)+"` |") {
			t.Errorf("no row for the step %s", step)
		}
	}
	for _, format := range formats() {
		if !strings.Contains(text, "| `"+format+"` |") {
			t.Errorf("no row for the format %s", format)
		}
	}
	for _, code := range []string{"0", "1", "2", "3", "5", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "130"} {
		if !strings.Contains(text, "\n| "+code+" | ") {
			t.Errorf("no row for the exit code %s", code)
		}
	}
}

func TestReadmeSettingsFileIsUnderstood(t *testing.T) {
	files := blocks(readme(t), "yaml")
	if len(files) == 0 {
		t.Fatal("the README shows no settings file")
	}
	for _, text := range files {
		path := filepath.Join(t.TempDir(), "smtpdx.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, out, errs := pipes(nil)
		if code := run(context.Background(), p, []string{"check", "-c", path, "--all", "--until", "settings", "-q"}); code != exitPassed {
			t.Errorf("exit code %d\n%s%s", code, out, errs)
		}
	}
}

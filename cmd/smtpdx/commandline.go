package main

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// commandLine writes the command line as the report may show it: rebuilt from
// what the parser understood, so that nothing unknown gets in; a command that
// prints a password, and user and password in a URL, are hidden; paths below
// the home folder begin with ~. Targets are the arguments that were understood.
func commandLine(cmd *cobra.Command, targets []string, home string, getenv func(string) string) string {
	words := strings.Fields(cmd.CommandPath())
	for _, target := range targets {
		words = append(words, shellWord(withoutUser(target)))
	}
	cmd.Flags().SortFlags = false // in the order in which they were typed
	cmd.Flags().Visit(func(f *pflag.Flag) { words = append(words, flagWords(f, home, getenv)...) })
	return strings.Join(words, " ")
}

func flagWords(f *pflag.Flag, home string, getenv func(string) string) []string {
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand
	}
	switch {
	case f.Value.Type() == "bool":
		if f.Value.String() == "false" {
			return []string{name + "=false"}
		}
		return []string{name}
	case strings.HasSuffix(f.Name, "-command"), holdsNoName(f, getenv), f.Name == "account" && mayBeKey(f.Value.String()):
		return []string{name, shellWord(secret.Hidden)}
	case f.NoOptDefVal != "":
		if f.Value.String() == f.NoOptDefVal {
			return []string{name}
		}
		return []string{name + "=" + shellWord(secret.Hidden)} // a service, or the secret itself
	}
	var words []string
	for _, value := range valuesOf(f) {
		words = append(words, name, shellWord(withoutHome(withoutUser(value), home)))
	}
	return words
}

// holdsNoName tells whether the value of a flag that wants a name is none that
// is known: somebody may have put the secret itself there.
func holdsNoName(f *pflag.Flag, getenv func(string) string) bool {
	value := f.Value.String()
	switch {
	case strings.HasSuffix(f.Name, "-env"):
		return getenv(value) == ""
	case strings.HasSuffix(f.Name, "-file"), f.Name == "client-cert", f.Name == "client-key":
		_, err := os.Stat(value)
		return err != nil && value != "-" && !filepath.IsAbs(value)
	case f.Name == "auth":
		return !slices.Contains(profile.Mechanisms(), strings.ToUpper(value))
	case f.Name == "preset":
		return presets.Name(strings.ToLower(value)) == ""
	}
	return false
}

// mayBeKey: an account that is no address and long may be an API key, which is
// a secret itself.
func mayBeKey(account string) bool { return len(account) >= 16 && !strings.Contains(account, "@") }

func valuesOf(f *pflag.Flag) []string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{f.Value.String()}
}

// withoutUser hides user and password of a URL.
func withoutUser(word string) string {
	if !strings.Contains(word, "://") || !strings.Contains(word, "@") {
		return word
	}
	u, err := url.Parse(word)
	if err != nil {
		return secret.Hidden
	}
	if u.User == nil {
		return word
	}
	u.User = nil
	return strings.Replace(u.String(), "://", "://"+secret.Hidden+"@", 1)
}

func withoutHome(path, home string) string {
	if home == "" || !filepath.IsAbs(path) {
		return path
	}
	rest, err := filepath.Rel(home, path)
	if err != nil || rest == ".." || strings.HasPrefix(rest, ".."+string(filepath.Separator)) {
		return path
	}
	return "~" + string(filepath.Separator) + rest
}

// homeFolder is "" where there is none worth hiding.
func homeFolder() string {
	home, err := os.UserHomeDir()
	if err != nil || filepath.Dir(home) == home {
		return ""
	}
	return home
}

// shellWord writes a word so that POSIX shells and PowerShell read it back
// alike; a leading ~ stays open for the shell.
func shellWord(word string) string {
	if word != "" && !strings.HasPrefix(word, "@") && !strings.ContainsFunc(word, needsQuotes) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func needsQuotes(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%_-+=:,./~", r))
}

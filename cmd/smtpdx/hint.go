package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const noPasswordFlag = "No flag takes the password itself: it would stand in the process list and\n" +
	"in the shell's history. It is asked for when it is needed; without a\n" +
	"terminal use --password-env NAME, --password-file FILE,\n" +
	"--password-command CMD, --password-stdin or --password-keyring."

const noTokenFlag = "No flag takes the token itself: it would stand in the process list and in\n" +
	"the shell's history. Use --token-env NAME, --token-file FILE,\n" +
	"--token-command CMD, --token-stdin or --token-keyring."

const serverHint = "The server is the argument, smtpdx check HOST[:PORT], or --host HOST."

const encryptionHint = "--encryption starttls (STARTTLS, usual on 587), ssl (TLS from the first byte,\n" +
	"usual on 465) or none."

const noMessageHint = "check sends no message."

// foreignFlags are the flags that fingers of swaks, curl, openssl and msmtp
// type, and what does the same here. Only flags this program does not have.
func foreignFlags() map[string]string {
	return map[string]string{
		"-s": serverHint, "--server": serverHint, "--smtp-server": serverHint, "--hostname": serverHint, "-connect": serverHint,
		"--url": "The server is the argument: smtpdx check smtp://HOST:PORT or\nsmtps://HOST:PORT.",
		"-p":    "--port PORT, or smtpdx check HOST:PORT.", "-P": "--port PORT, or smtpdx check HOST:PORT.",
		"--tls": encryptionHint, "-tls": encryptionHint, "-tlsc": "--encryption ssl.", "--tls-on-connect": "--encryption ssl.",
		"--tlsc": "--encryption ssl.", "-tlsos": encryptionHint, "--tls-optional": encryptionHint, "--ssl": encryptionHint,
		"--smtps": "--encryption ssl.", "--ssl-reqd": "--encryption starttls; it is always demanded, never only tried.",
		"--starttls": "--encryption starttls.", "-starttls": "--encryption starttls.", "--tls-starttls": "--encryption starttls.",
		"--secure": encryptionHint, "--implicit": "--encryption ssl.",
		"--user": "-u ACCOUNT.\n" + noPasswordFlag, "-user": "-u ACCOUNT.", "--username": "-u ACCOUNT.", "--login": "-u ACCOUNT.", "-l": "-u ACCOUNT.",
		"-au": "-u ACCOUNT.", "--auth-user": "-u ACCOUNT.",
		"-ap": noPasswordFlag, "--auth-password": noPasswordFlag, "--password": noPasswordFlag, "--passwd": noPasswordFlag,
		"--pass": noPasswordFlag, "--pw": noPasswordFlag, "--pwd": noPasswordFlag, "-w": noPasswordFlag, "-pass": noPasswordFlag,
		"--passwordeval": "--password-command CMD.",
		"--token":        noTokenFlag, "--oauth2-bearer": noTokenFlag, "--bearer": noTokenFlag, "--access-token": noTokenFlag,
		"-a": "--auth MECHANISM; without it the best one that the server offers is taken.", "--login-options": "--auth MECHANISM.",
		"--sasl-ir": "It is used where the server allows it.",
		"-k":        "--insecure; the findings on the certificate stay.", "--no-verify": "--insecure.", "--no-check-certificate": "--insecure.",
		"--tls-verify": "The certificate is always checked.", "--tls-certcheck": "The certificate is always checked; --insecure goes on past a bad one.",
		"--cacert": "--ca-file FILE.", "-CAfile": "--ca-file FILE.", "--tls-ca-path": "--ca-file FILE.", "--capath": "--ca-file FILE.",
		"-CApath": "--ca-file FILE.", "--tls-trust-file": "--ca-file FILE.", "--ca": "--ca-file FILE.", "--cafile": "--ca-file FILE.",
		"--cert": "--client-cert FILE with --client-key FILE.", "-E": "--client-cert FILE with --client-key FILE.",
		"-cert": "--client-cert FILE with --client-key FILE.", "--tls-cert": "--client-cert FILE with --client-key FILE.",
		"--key": "--client-key FILE.", "-key": "--client-key FILE.", "--tls-key": "--client-key FILE.",
		"-servername": "--tls-server-name NAME.", "--tls-sni": "--tls-server-name NAME.", "--servername": "--tls-server-name NAME.",
		"--tls-protocol": "--tls-min 1.0, 1.1, 1.2 or 1.3.", "--tlsv1.2": "--tls-min 1.2.", "--tlsv1.3": "--tls-min 1.3.",
		"-tls1_2": "--tls-min 1.2.", "-tls1_3": "--tls-min 1.3.", "--tlsv1": "--tls-min 1.0.", "--tlsv1.0": "--tls-min 1.0.", "--tlsv1.1": "--tls-min 1.1.",
		"-f": "--from ADDRESS.", "--mail-from": "--from ADDRESS.", "--sender": "--from ADDRESS.",
		"-t": "--to ADDRESS.", "--rcpt-to": "--to ADDRESS.", "--mail-rcpt": "--to ADDRESS.", "--recipient": "--to ADDRESS.", "--rcpt": "--to ADDRESS.",
		"--ehlo": "--helo NAME.", "--lhlo": "--helo NAME.", "--domain": "--helo NAME.",
		"-x": "--proxy socks5://HOST:PORT or http://HOST:PORT.", "--socks5": "--proxy socks5://HOST:PORT.",
		"--socks5-hostname": "--proxy socks5://HOST:PORT; the proxy resolves the name.",
		"--dns-servers":     "--resolver IP[:PORT].", "--dns": "--resolver IP[:PORT].", "--nameserver": "--resolver IP[:PORT].",
		"-m": "--deadline TIME for the whole probe, --timeout TIME for each step.", "--max-time": "--deadline TIME for the whole probe.",
		"--connect-timeout": "--timeout TIME, for each step.",
		"--ipv4":            "-4.", "--ipv6": "-6.",
		"-q4": "-4.", "-S": "smtpdx check HOST shows what the server offers; -v shows every line.",
		"--serverinfo": "smtpdx check HOST shows what the server offers; -v shows every line.",
		"--quit-after": "--until STEP.", "--quit": "--until STEP.",
		"-d": noMessageHint, "--data": noMessageHint, "--body": noMessageHint, "--header": noMessageHint, "--add-header": noMessageHint,
		"--attach": noMessageHint, "-T": noMessageHint, "--upload-file": noMessageHint, "--subject": noMessageHint,
		"-crlf": "Not needed here.", "-quiet": "-q.", "--silent": "-q.", "-n": "-q.", "-debug": "-v.", "--debug": "-v.", "-showcerts": "-o json holds the chain as sent.",
		"-i": "-o json holds every reply.", "-V": "smtpdx version.",
		"--file": "-c FILE.", "-C": "-c FILE.", "--profile": "The profile's name is the argument: smtpdx check NAME.",
		"--json": "-o json.", "--jsonl": "-o jsonl.", "--format": "-o " + enumerated(formats(), "or") + ".", "-j": "-o json.",
		"--non-interactive": "--no-input.", "--batch": "--no-input.",
	}
}

// eatenFlags begin with a letter that is a flag of ours, which would swallow
// the rest as its value: "-connect HOST" would read the file "onnect".
func eatenFlags() []string {
	return []string{"-connect", "-crlf", "-quiet", "-user", "-cert", "-cipher", "-ciphersuites"}
}

// prescan finds foreign flags that the parser would misread.
func prescan(args []string) error {
	known := foreignFlags()
	for _, arg := range args {
		if arg == "--" {
			return nil
		}
		name, _, _ := strings.Cut(arg, "=")
		for _, eaten := range eatenFlags() {
			if name == eaten {
				return usage(known[name], "there is no flag %s", name)
			}
		}
	}
	return nil
}

// flagError makes a friendly error of the parser's own. Those repeat what was
// typed, which may be a password behind the wrong flag; only words that are in
// the tables of this program are repeated.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &missing):
		return usage(helpHint(cmd), "--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		return usage(fmt.Sprintf("--%s: %s", flag.Name, flag.Usage), "the value of --%s cannot be used", flag.Name)
	}
	return usage(helpHint(cmd), "a flag is not written as flags are")
}

func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	if letters := err.GetSpecifiedShortnames(); letters != "" {
		return unknownShort(cmd, letters)
	}
	name := err.GetSpecifiedName()
	if hint, ok := foreignFlags()["--"+name]; ok {
		return usage(hint, "there is no flag --%s", name)
	}
	if other := commandWith(cmd, name); other != nil {
		return usage(fmt.Sprintf("It belongs to %s.", other.CommandPath()), "%s has no flag --%s", cmd.CommandPath(), name)
	}
	switch near := nearest(name, append(flagNames(cmd), foreignNames()...)); {
	case near == "":
	case cmd.Flags().Lookup(near) != nil:
		return usage(helpHint(cmd), "there is no such flag; did you mean --%s?", near)
	default: // a slip in a flag of another program: "--passwrod"
		return usage(foreignFlags()["--"+near], "there is no such flag, and no --%s", near)
	}
	return usage(helpHint(cmd), "there is a flag in the command line that %s does not have", cmd.CommandPath())
}

// foreignNames are the long ones of foreignFlags, in a fixed order, without the dashes.
func foreignNames() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(foreignFlags())) {
		if long, found := strings.CutPrefix(name, "--"); found {
			names = append(names, long)
		}
	}
	return names
}

// unknownShort knows "-tlsc" and "-apSecret"; the longest known beginning counts.
func unknownShort(cmd *cobra.Command, letters string) error {
	typed := "-" + letters
	best, hint := "", ""
	for name, text := range foreignFlags() {
		if !strings.HasPrefix(name, "--") && strings.HasPrefix(typed, name) && len(name) > len(best) {
			best, hint = name, text
		}
	}
	if best != "" {
		return usage(hint, "there is no flag %s", best)
	}
	if near := nearest(letters, flagNames(cmd)); near != "" {
		return usage("Long names begin with two dashes.", "there is no such flag; did you mean --%s?", near)
	}
	return usage(helpHint(cmd), "there is a flag in the command line that %s does not have", cmd.CommandPath())
}

// commandWith finds another command that has this flag.
func commandWith(cmd *cobra.Command, flag string) *cobra.Command {
	for _, other := range cmd.Root().Commands() {
		if other != cmd && other.Flags().Lookup(flag) != nil {
			return other
		}
	}
	return nil
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

func helpHint(cmd *cobra.Command) string {
	return fmt.Sprintf("%s --help", cmd.CommandPath())
}

// noArguments refuses arguments without repeating them.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(helpHint(cmd), "%s takes no arguments", cmd.CommandPath())
}

func atMostOneArgument(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return usage(helpHint(cmd), "%s takes one argument at most", cmd.CommandPath())
}

func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return usage(helpHint(cmd), "%s takes one argument, %s", cmd.CommandPath(), what)
	}
}

// nearest gives the word that was probably meant, "" when none is near.
func nearest(typed string, words []string) string {
	best, least := "", 1+len(typed)/3
	for _, word := range words {
		if d := distance(typed, word); d <= least && (best == "" || d < distance(typed, best)) {
			best = word
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// indent puts every line of text behind a margin.
func indent(text, margin string) string {
	return margin + strings.ReplaceAll(text, "\n", "\n"+margin)
}

package profile

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// credential is a source that was chosen, before it is read.
type credential struct {
	source Source
	level  int
	at     string
	origin probe.Origin
	file   *layer // where it stands, nil for flag and variable
}

// credential finds where a password or token is to come from.
func (l *loader) credential(key string, file *layer) (*credential, *UsageError) {
	flags := l.flagSources(key)
	switch len(flags) {
	case 0:
	case 1:
		at := "--" + key + "-" + flags[0].Kind
		return &credential{source: flags[0], level: levelFlag, at: at, origin: probe.Origin{From: "flag", Where: at}}, nil
	default:
		return nil, &UsageError{Key: key, Text: fmt.Sprintf("two sources for the %s: --%s-%s and --%s-%s", key, key, flags[0].Kind, key, flags[1].Kind), Hint: "Keep one of them."}
	}
	literal, path := l.env(key), l.env(key+"_file")
	switch {
	case literal != "" && path != "":
		return nil, &UsageError{Key: key, Text: fmt.Sprintf("two sources for the %s: %s and %s", key, variable(key), variable(key+"_file")), Hint: "Unset one of them."}
	case literal != "":
		return &credential{source: Source{Kind: "env", Value: variable(key)}, level: levelEnv, at: variable(key), origin: probe.Origin{From: "env", Where: variable(key)}}, nil
	case path != "":
		return &credential{source: Source{Kind: "file", Value: path}, level: levelEnv, at: variable(key + "_file"), origin: probe.Origin{From: "env", Where: variable(key + "_file")}}, nil
	}
	if file == nil {
		return nil, nil
	}
	v, ok := file.values[key]
	if !ok {
		return nil, nil
	}
	return &credential{source: *v.source, level: levelFile, at: v.at, origin: v.origin, file: file}, nil
}

// read gets the credential from where it is. What a failing command or file
// said is not repeated.
func (l *loader) read(key string, c *credential, account string) (secret.Value, *UsageError) {
	refuse := func(hint, format string, args ...any) (secret.Value, *UsageError) {
		return secret.Value{}, &UsageError{Key: key, Text: c.at + ": " + fmt.Sprintf(format, args...), Hint: hint}
	}
	s := c.source
	switch s.Kind {
	case "literal":
		return secret.New(s.Value), nil
	case "env":
		text, _ := l.world.Env(s.Value)
		if text == "" {
			return refuse("Set it before the call; it is the name of the variable that is wanted, not the "+key+".", "the variable for the %s is not set or empty", key)
		}
		return secret.New(text), nil
	case "file":
		raw, err := l.world.ReadFile(c.path())
		if err != nil {
			return refuse("See whether the path is right and the file may be read.", "the file with the %s cannot be read: %s", key, reason(err))
		}
		return l.text(key, raw, refuse)
	case "stdin":
		raw, err := io.ReadAll(io.LimitReader(l.world.Stdin, MaxFile+1))
		if err != nil {
			return refuse("Pipe it in: printf %s \"$PASSWORD\" | smtpdx check ...", "standard input cannot be read")
		}
		return l.text(key, raw, refuse)
	case "command":
		return l.fromCommand(key, c, refuse)
	}
	return l.fromKeyring(key, c, account, refuse)
}

type refuser func(hint, format string, args ...any) (secret.Value, *UsageError)

func (l *loader) text(key string, raw []byte, refuse refuser) (secret.Value, *UsageError) {
	if len(raw) > MaxFile {
		return refuse("See whether it is the right one.", "a %s has no more than %d bytes", key, MaxFile)
	}
	text := withoutLineEnd(decodeText(raw))
	if text == "" {
		return refuse("See whether it is the right one.", "there is no %s in it, it is empty", key)
	}
	return secret.New(text), nil
}

func (l *loader) fromCommand(key string, c *credential, refuse refuser) (secret.Value, *UsageError) {
	if c.file != nil && !c.file.named {
		return refuse("Name the file with -c if it is to be trusted: -c "+c.file.file, "a settings file that was found and not named runs no command")
	}
	argv := c.source.Argv
	if len(argv) == 0 {
		var err error
		if argv, err = words(c.source.Value); err != nil {
			return refuse("Quote the words as in a shell; for pipes: sh -c '...'", "the command cannot be taken apart: %v", err)
		}
	}
	if len(argv) == 0 {
		return refuse("For example: pass show mail/jobs", "there is no command")
	}
	raw, err := l.world.Run(l.ctx, argv)
	if err != nil {
		return refuse("Run it by hand and see what it says.", "the command for the %s failed: %s", key, commandReason(err))
	}
	return l.text(key, raw, refuse)
}

// commandReason keeps the exit status and drops words that may hold the command line.
func commandReason(err error) string {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return fmt.Sprintf("exit status %d", coded.ExitCode())
	}
	if strings.Contains(err.Error(), "no answer within") {
		return err.Error()
	}
	return "it could not be started"
}

func (l *loader) fromKeyring(key string, c *credential, account string, refuse refuser) (secret.Value, *UsageError) {
	service := c.source.Value
	if service == "" {
		service = KeyringService
	}
	text, err := l.world.Keyring.Get(service, account)
	switch {
	case err != nil && IsNotFound(err):
		return refuse("Keep it there first: smtpdx password set", "the keyring has no %s for this account (service %s)", key, service)
	case err != nil:
		return refuse("On a computer without a desktop there is usually none; use --password-file or --password-env there.", "the system's keyring does not work: %v", err)
	case text == "":
		return refuse("Keep it again: smtpdx password set", "the keyring's %s is empty", key)
	}
	return secret.New(text), nil
}

// path is relative to the settings file, where it stands in one.
func (c *credential) path() string { return besideFile(c.source.Value, c.file) }

func besideFile(path string, file *layer) string {
	if file == nil || file.file == "" || file.file == "-" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file.file), path)
}

// words takes a command line apart as a shell would, without running one:
// blanks divide, quotes join, a backslash takes the next character as it is
// (but not in single quotes, and not on its own in a Windows path).
func words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	var quote rune
	started := false
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '\'':
			word.WriteRune(c)
		case c == '\\' && i+1 < len(runes) && strings.ContainsRune(`"' \`, runes[i+1]):
			i++
			word.WriteRune(runes[i])
			started = true
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, started = c, true
		case c == ' ' || c == '\t':
			if started {
				out = append(out, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteRune(c)
			started = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if started {
		out = append(out, word.String())
	}
	return out, nil
}

// exposure remarks a password that is written out in a file.
func exposure(c *credential, s *probe.Settings) {
	if c == nil || c.file == nil || c.source.Kind != "literal" {
		return
	}
	seen := cause.SecretLiteral
	if c.file.info != nil && c.file.info.OthersMayRead {
		s.Remarks = append(s.Remarks, probe.Remark{Observation: string(cause.SecretFileExposed), Values: map[string]string{"file": c.file.file}})
	}
	s.Remarks = append(s.Remarks, probe.Remark{Observation: string(seen), Values: map[string]string{"file": c.file.file}})
}

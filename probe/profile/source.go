package profile

import (
	"context"
	"errors"
	"fmt"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// credential is a source that was chosen, before it is read.
type credential struct {
	key    string // password or token
	source Source
	level  int
	at     string
	origin probe.Origin
	file   *fileOrigin // where it stands, nil for flag and variable
}

// credentials find password and token, see that they belong to this server,
// and read them, unless the plan ends before the login.
func (b *builder) credentials() {
	token, password := b.source("token"), b.source("password")
	if b.wrong != nil {
		return
	}
	b.exposure(token)
	b.exposure(password)
	if b.s.Account == "" {
		b.withoutAccount(token, password)
		return
	}
	switch {
	case token != nil && password != nil:
		b.see(cause.TokenBeforePassword, nil)
		b.s.Token = b.fetch(token)
	case token != nil:
		b.s.Token = b.fetch(token)
	case password != nil:
		b.s.Password = b.fetch(password)
	}
}

// withoutAccount refuses a credential that nobody would log in with: an account
// that was forgotten must not look like a check that passed.
func (b *builder) withoutAccount(all ...*credential) {
	for _, c := range all {
		if c != nil && c.source.Kind != "prompt" && reachesLogin(b.flags.Until) {
			b.reject(&UsageError{Key: "account", Text: c.at + ": there is a " + c.key + " and no account to log in with",
				Hint: "-u ACCOUNT, account: in the file, or SMTPDX_ACCOUNT. Without a login leave the " + c.key + " out."})
		}
	}
}

// source gives what was chosen, nil for none or when it may not be used.
func (b *builder) source(key string) *credential {
	c, wrong := b.credential(key, b.set.file)
	if wrong != nil {
		b.reject(wrong)
		return nil
	}
	if c == nil {
		return nil
	}
	if c.source.Kind != "prompt" && b.hostLevel > c.level {
		b.reject(&UsageError{Key: key,
			Text: fmt.Sprintf("the %s comes from %s and the host from %s: it may belong to another server, so it goes nowhere", key, levelWords(c.level, c.at), levelWords(b.hostLevel, "SMTPDX_HOST")),
			Hint: fmt.Sprintf("Say beside the host where its %s is: --%s-env NAME, --%s-file FILE, ...", key, key, key)})
		return nil
	}
	b.s.Origins[key] = c.origin
	return c
}

func levelWords(level int, name string) string {
	switch level {
	case levelFlag:
		return "the command line"
	case levelEnv:
		return "the environment (" + name + ")"
	}
	return "the settings file"
}

// credential finds where a password or token is to come from.
func (l *loader) credential(key string, file *layer) (*credential, *UsageError) {
	flags := l.flagSources(key)
	if len(flags) > 1 {
		return nil, &UsageError{Key: key, Text: fmt.Sprintf("two sources for the %s: %s and %s", key, sourceFlag(key, flags[0]), sourceFlag(key, flags[1])), Hint: "Keep one of them."}
	}
	if len(flags) == 1 {
		at := sourceFlag(key, flags[0])
		return &credential{key: key, source: flags[0], level: levelFlag, at: at, origin: probe.Origin{From: "flag", Where: at}}, nil
	}
	if c, wrong := l.fromVariables(key); c != nil || wrong != nil {
		return c, wrong
	}
	if file == nil {
		return nil, nil
	}
	v, ok := file.values[key]
	if !ok {
		return nil, nil
	}
	return &credential{key: key, source: *v.source, level: levelFile, at: v.at, origin: v.origin, file: v.file}, nil
}

func (l *loader) fromVariables(key string) (*credential, *UsageError) {
	kind, name := "env", variable(key)
	literal, path := l.env(key), l.env(key+"_file")
	switch {
	case literal == "" && path == "":
		return nil, nil
	case literal != "" && path != "":
		return nil, &UsageError{Key: key, Text: fmt.Sprintf("two sources for the %s: %s and %s", key, name, variable(key+"_file")), Hint: "Unset one of them."}
	case path != "":
		kind, name = "file", variable(key+"_file")
	}
	c := &credential{key: key, source: Source{Kind: kind, Value: name}, level: levelEnv, at: name, origin: probe.Origin{From: "env", Where: name}}
	if kind == "file" {
		c.source.Value = path
	}
	return c, nil
}

// fetch reads a credential unless a person is to be asked for it later, or
// the login is not in the plan.
func (b *builder) fetch(c *credential) probe.Credential {
	out := probe.Credential{Source: c.source.Kind}
	if c.source.Kind == "oauth" {
		b.s.OAuth = b.oauthRequest(c)
		return out
	}
	if c.source.Kind == "prompt" || !reachesLogin(b.flags.Until) {
		return out
	}
	v, wrong := b.bounded(c)
	if wrong != nil {
		b.reject(wrong)
		return out
	}
	out.Value = v
	return out
}

// bounded reads a credential within the time of a command, or the deadline
// where that is shorter.
func (b *builder) bounded(c *credential) (secret.Value, *UsageError) {
	limit := commandTime
	if b.s.Deadline > 0 {
		limit = min(limit, b.s.Deadline)
	}
	ctx, cancel := context.WithTimeoutCause(b.ctx, limit, &commandError{fmt.Sprintf("it did not end within %v", limit)})
	defer cancel()
	l := *b.loader
	l.ctx = ctx
	v, wrong := l.read(c, b.s.Account)
	b.stdin = l.stdin
	return v, wrong
}

func reachesLogin(until probe.StepID) bool {
	return until == "" || until == probe.StepAuth || until == probe.StepSender
}

// exposure remarks a credential that is written out in a file.
func (b *builder) exposure(c *credential) {
	if c == nil || c.source.Kind != "literal" || c.file == nil {
		return
	}
	seen := cause.SecretLiteral
	if c.file.owner.OthersMayRead {
		seen = cause.SecretFileExposed
	}
	b.see(seen, map[string]string{"file": c.file.path, "secret": c.key})
}

// read gets the credential from where it is. What a failing command, file or
// keyring said is not repeated.
func (l *loader) read(c *credential, account string) (secret.Value, *UsageError) {
	switch c.source.Kind {
	case "literal":
		return secret.New(c.source.Value), nil
	case "env":
		text := l.world.variable(c.source.Value)
		if text == "" {
			return c.refuse("Set it before the call; it is the name of the variable that is wanted, not the "+c.key+".", "the variable for the %s is not set or empty", c.key)
		}
		return secret.New(text), nil
	case "file":
		return l.fromFile(c)
	case "stdin":
		return l.fromStdin(c)
	case "command":
		return l.fromCommand(c)
	}
	return l.fromKeyring(c, account)
}

func (c *credential) refuse(hint, format string, args ...any) (secret.Value, *UsageError) {
	return secret.Value{}, &UsageError{Key: c.key, Text: c.at + ": " + fmt.Sprintf(format, args...), Hint: hint}
}

// text makes a credential of what was read.
func (c *credential) text(raw []byte) (secret.Value, *UsageError) {
	if len(raw) > maxSecret {
		return c.refuse("See whether it is the right one.", "a %s has no more than %d bytes", c.key, maxSecret)
	}
	text := withoutLineEnd(DecodeText(raw))
	if text == "" {
		return c.refuse("See whether it is the right one.", "there is no %s in it, it is empty", c.key)
	}
	return secret.New(text), nil
}

func (l *loader) fromFile(c *credential) (secret.Value, *UsageError) {
	path := c.source.Value
	if c.file != nil {
		path = c.file.beside(path)
	}
	raw, err := l.readPath(path, "the "+c.key, maxSecret)
	if err != nil {
		return c.refuse(hintOfPath(c.source.Value), "the file with the %s cannot be read: %s", c.key, reason(err))
	}
	return c.text(raw)
}

func (l *loader) fromStdin(c *credential) (secret.Value, *UsageError) {
	raw, err := l.readStdin("the "+c.key, maxSecret)
	if err != nil {
		return c.refuse(`Pipe it in: printf %s "$PASSWORD" | smtpdx check ...`, "the %s cannot be read from standard input: %s", c.key, reason(err))
	}
	return c.text(raw)
}

// fromCommand runs a command of a file only where a person named that file:
// one that was found may have been put there by somebody else.
func (l *loader) fromCommand(c *credential) (secret.Value, *UsageError) {
	if c.file != nil && !c.file.named {
		return c.refuse("Name the file with -c if it is to be trusted: -c "+c.file.path, "a settings file that was found and not named runs no command")
	}
	argv := c.source.Argv
	if len(argv) == 0 {
		var err error
		if argv, err = words(c.source.Value); err != nil {
			return c.refuse("Quote the words as in a shell; for pipes: sh -c '...'", "the command cannot be taken apart: %v", err)
		}
	}
	if len(argv) == 0 || l.world.Run == nil {
		return c.refuse("For example: pass show mail/jobs", "there is no command")
	}
	raw, err := l.world.Run(l.ctx, argv)
	if err != nil {
		return c.refuse("Run it by hand and see what it says.", "the command for the %s failed: %s", c.key, commandReason(err))
	}
	return c.text(raw)
}

func commandReason(err error) string {
	var said *commandError
	if errors.As(err, &said) {
		return said.text
	}
	return "it could not be run"
}

func (l *loader) fromKeyring(c *credential, account string) (secret.Value, *UsageError) {
	service := c.source.Value
	if service == "" {
		service = KeyringService
	}
	if l.world.Keyring == nil {
		return c.refuse(noKeyringHint, "there is no keyring here")
	}
	text, err := await(l.ctx, func() (string, error) { return l.world.Keyring.Get(service, account) })
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return c.refuse(noKeyringHint, "the system's keyring did not answer")
	case err != nil && IsNotFound(err):
		return c.refuse("Keep it there first: smtpdx password set", "the keyring has no %s for this account (service %s)", c.key, service)
	case err != nil:
		return c.refuse(noKeyringHint, "the system's keyring does not work here")
	case text == "":
		return c.refuse("Keep it again: smtpdx password set", "the keyring's %s is empty", c.key)
	}
	return secret.New(text), nil
}

const noKeyringHint = "On a computer without a desktop there is usually none; use --password-file or --password-env there."

// Package profile turns targets, flags, environment variables and the settings
// file into settings for the engine: cleaned, complete, each value with its
// origin, and refused with a hint where they cannot be used. It contacts
// nothing. For the command line.
package profile

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// Flags are what the command line says, as texts.
type Flags struct {
	Values   map[string]string // by YAML key, only those that were given; booleans "true"
	From, To []string
	Password []Source // sources given by flags; more than one is refused
	Token    []Source
	Config   string // -c: a file, "-" for standard input, "" for the default places
	Targets  []string
	All      bool
	Until    probe.StepID
}

// Source is one way to get a credential.
type Source struct {
	Kind  string   // env, file, command, stdin, keyring, prompt, literal
	Value string   // name, path, command line or service
	Argv  []string // of a command given as a list
}

// UsageError says why nothing can be probed at all, and what to do about it.
// Its text never holds a credential.
type UsageError struct {
	Text, Hint string
	Key        string // of the setting, "" when it is about none
}

func (e *UsageError) Error() string { return e.Text }

func usage(hint, format string, args ...any) *UsageError {
	return &UsageError{Text: fmt.Sprintf(format, args...), Hint: hint}
}

// Errors that a person on a terminal can answer.
var ErrNoSettings = errors.New("no settings were given")

// NeedChoice tells that the file has several profiles and none was named.
type NeedChoice struct {
	File     string
	Profiles []string
}

func (e *NeedChoice) Error() string {
	return fmt.Sprintf("%s has several profiles and none was named: %s", e.File, strings.Join(e.Profiles, ", "))
}

// Load gives the settings to probe, at least one. Settings that cannot be used
// come with Refused set, so that the other profiles still run; an error means
// that nothing can: *UsageError, *NeedChoice or ErrNoSettings.
func Load(ctx context.Context, f Flags, w World) ([]probe.Settings, error) {
	l := &loader{ctx: ctx, flags: f, world: w}
	targets, err := readTargets(f.Targets)
	if err != nil {
		return nil, err
	}
	doc, err := l.readFile(targets)
	if err != nil {
		return nil, err
	}
	chosen, err := l.choose(targets, doc)
	if err != nil {
		return nil, err
	}
	if len(chosen) > 1 {
		if err := l.refuseShared(); err != nil {
			return nil, err
		}
	}
	out := make([]probe.Settings, 0, len(chosen))
	for _, c := range chosen {
		out = append(out, l.build(c))
	}
	return out, nil
}

// Names lists the profiles of the file that would be read, for completion.
func Names(f Flags, w World) []string {
	l := &loader{ctx: context.Background(), flags: f, world: w}
	doc, err := l.readFile(nil)
	if err != nil || doc == nil {
		return nil
	}
	return doc.names()
}

type loader struct {
	ctx   context.Context
	flags Flags
	world World
}

// chosen is one set of settings to build: a profile of the file or none, and a target or none.
type chosen struct {
	name   string
	file   *layer // nil: nothing from a file
	target *target
}

var profileName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// target is one word of the command line: a profile or a server.
type target struct {
	profile string
	values  map[string]string // host, port, encryption, account
}

// readTargets understands the words; what cannot be one is not repeated, as
// it may be a password at the wrong place.
func readTargets(words []string) ([]target, error) {
	var out []target
	for _, word := range words {
		t, err := readTarget(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func readTarget(word string) (target, error) {
	lower := strings.ToLower(word)
	switch {
	case strings.Contains(word, "://"):
		return urlTarget(word, lower)
	case strings.Contains(word, "@"):
		return target{}, usage("Name the server: smtpdx check smtp.example.com:587 -u me@example.com",
			"a target with @ is an address; finding its settings is not in this version")
	case strings.ContainsAny(word, ".:"):
		return target{values: map[string]string{"host": word}}, nil
	case profileName.MatchString(word):
		return target{profile: word}, nil
	}
	return target{}, usage("A target is a profile of the settings file, or HOST[:PORT].", "a target is neither a profile's name nor a server")
}

// urlTarget takes smtp://HOST[:PORT] and smtps://HOST[:PORT].
func urlTarget(word, lower string) (target, error) {
	scheme, rest, _ := strings.Cut(lower, "://")
	rest = word[len(word)-len(rest):]
	rest, _, _ = strings.Cut(rest, "/")
	values := map[string]string{}
	if user, host, found := cutLast(rest, "@"); found {
		if strings.Contains(user, ":") {
			return target{}, usage("Leave the password out of the URL; --password-env NAME says where it is.", "the URL has a password in it, and a command line is no place for one")
		}
		values["account"], rest = strings.ReplaceAll(user, "%40", "@"), host
	}
	switch scheme {
	case "smtp":
	case "smtps":
		values["encryption"] = string(probe.SSL)
	default:
		return target{}, usage("smtp:// or smtps:// (TLS from the first byte), or HOST:PORT.", "the target's scheme is none of this tool's")
	}
	if rest == "" {
		return target{}, usage("smtp://smtp.example.com:587", "the URL names no host")
	}
	values["host"] = rest
	return target{values: values}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// namesServer tells whether the command line says which server is meant.
func (l *loader) namesServer(targets []target) bool {
	return l.flags.Values["host"] != "" || slices.ContainsFunc(targets, func(t target) bool { return t.profile == "" })
}

func namesProfile(targets []target) bool {
	return slices.ContainsFunc(targets, func(t target) bool { return t.profile != "" })
}

// choose pairs targets and profiles.
func (l *loader) choose(targets []target, doc *document) ([]chosen, error) {
	if l.flags.All {
		if len(targets) > 0 {
			return nil, usage("Either --all, or the profiles by name.", "--all and a target cannot be used together")
		}
		return everyProfile(doc)
	}
	if len(targets) == 0 {
		c, err := l.chooseAlone(doc)
		if err != nil {
			return nil, err
		}
		return []chosen{c}, nil
	}
	var out []chosen
	for _, t := range targets {
		c, err := chooseFor(t, doc)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func everyProfile(doc *document) ([]chosen, error) {
	if doc == nil {
		return nil, usage("Name a file with -c, or write ./smtpdx.yaml.", "--all wants a settings file, and there is none")
	}
	var out []chosen
	for _, name := range doc.names() {
		out = append(out, chosen{name: name, file: doc.profile(name)})
	}
	if doc.single {
		out = []chosen{{file: doc.profile("")}}
	}
	return out, nil
}

func chooseFor(t target, doc *document) (chosen, error) {
	if t.profile == "" {
		c := chosen{target: &t}
		if doc != nil {
			c.name, c.file = doc.only()
		}
		return c, nil
	}
	if doc == nil {
		return chosen{}, usage("A profile stands in ./smtpdx.yaml or the file that -c names; a server is written HOST:PORT.",
			"the target is a profile's name, and there is no settings file")
	}
	if !slices.Contains(doc.names(), t.profile) {
		hint := "The file has: " + strings.Join(doc.names(), ", ") + "."
		if doc.single {
			hint = "The file holds one profile without a name; leave the target out. A server is written HOST:PORT."
		} else if near := nearest(t.profile, doc.names()); near != "" {
			hint = "Did you mean " + near + "? " + hint
		}
		return chosen{}, usage(hint, "%s has no profile of that name", doc.file)
	}
	return chosen{name: t.profile, file: doc.profile(t.profile)}, nil
}

// chooseAlone is for a command line without a target.
func (l *loader) chooseAlone(doc *document) (chosen, error) {
	if doc == nil {
		if l.flags.Values["host"] == "" && l.env("host") == "" {
			return chosen{}, ErrNoSettings
		}
		return chosen{}, nil
	}
	name, file := doc.only()
	if file == nil {
		if l.flags.Values["host"] != "" {
			return chosen{}, nil
		}
		return chosen{}, &NeedChoice{File: doc.file, Profiles: doc.names()}
	}
	return chosen{name: name, file: file}, nil
}

// perServer are the keys that make no sense for several profiles at once.
var perServer = []string{"host", "port", "encryption", "account", "from", "preset"}

// refuseShared refuses flags and variables that would fit one profile only.
func (l *loader) refuseShared() error {
	for _, key := range perServer {
		if l.flags.Values[key] != "" || key == "from" && len(l.flags.From) > 0 {
			return usage("Leave it out, or check the profiles one by one.", "--%s cannot be used for several profiles at once", flagName(key))
		}
		if l.env(key) != "" {
			return usage("Unset it, or check the profiles one by one.", "%s cannot be used for several profiles at once", variable(key))
		}
	}
	for _, secret := range []string{"password", "token"} {
		if len(l.flagSources(secret)) > 0 {
			return usage("Each profile names its own source.", "a %s given by a flag cannot be used for several profiles at once", secret)
		}
		if l.env(secret) != "" || l.env(secret+"_file") != "" {
			return usage("Unset it, or check the profiles one by one.", "%s cannot be used for several profiles at once", variable(secret))
		}
	}
	return nil
}

func (l *loader) flagSources(key string) []Source {
	if key == "token" {
		return l.flags.Token
	}
	return l.flags.Password
}

func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

func variable(key string) string { return "SMTPDX_" + strings.ToUpper(key) }

// env gives a variable of ours; an empty one counts as unset.
func (l *loader) env(key string) string {
	value, _ := l.world.Env(variable(key))
	return value
}

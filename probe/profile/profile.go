// Package profile turns targets, flags, environment variables and the settings
// file into settings for the engine: cleaned, complete, each value with its
// origin, and refused with a hint where they cannot be used. It contacts no
// server. For the command line.
package profile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// Flags are what the command line says, as texts.
type Flags struct {
	Values   map[string]string // by YAML key, only those that were given; booleans "true" and "false"
	From, To []string
	Password []Source // sources given by flags; more than one is refused
	Token    []Source
	Config   string // -c: a file, "-" for standard input, "" for the default places
	Targets  []string
	All      bool
	Until    probe.StepID
	Follow   bool // an inbox is wanted: Values["inbox"] names the profile, else it is the own one
}

// Source is one way to get a credential.
type Source struct {
	Kind  string   // env, file, command, stdin, keyring, prompt, literal, oauth
	Value string   // name, path, command line or service
	Argv  []string // of a command given as a list
	OAuth *oauth   // of kind oauth
}

// UsageError says why nothing can be probed at all, and what to do about it.
// Its text begins with file, line and column where there is a file, and never
// holds a credential.
type UsageError struct {
	Text, Hint string
	Key        string // of the setting, "" when it is about none
}

func (e *UsageError) Error() string { return e.Text }

func usage(hint, format string, args ...any) *UsageError {
	return &UsageError{Text: fmt.Sprintf(format, args...), Hint: hint}
}

// ErrNoSettings tells that there is no target, no host and no file: a person
// on a terminal can be asked.
var ErrNoSettings = errors.New("no settings were given")

// ChoiceError tells that the file has several profiles and none was named: a
// person on a terminal can choose.
type ChoiceError struct {
	File     string
	Profiles []string
}

func (e *ChoiceError) Error() string {
	return fmt.Sprintf("%s has several profiles and none was named: %s", e.File, strings.Join(e.Profiles, ", "))
}

// Load gives the settings to probe, at least one. Settings that cannot be used
// come with Refused set, so that the other profiles still run; an error means
// that nothing can: *UsageError, *ChoiceError, ErrNoSettings, or that of ctx.
func Load(ctx context.Context, f Flags, w World) ([]probe.Settings, error) {
	out, err := load(&loader{ctx: ctx, flags: f, world: w})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, err
}

func load(l *loader) ([]probe.Settings, error) {
	targets, err := readTargets(l.flags.Targets)
	if err != nil {
		return nil, err
	}
	doc, err := l.readFile(targets)
	if err != nil {
		return nil, err
	}
	l.doc = doc
	sets, err := l.choose(targets, doc)
	if err != nil {
		return nil, err
	}
	if len(sets) > 1 {
		if err := l.refuseShared(); err != nil {
			return nil, err
		}
	}
	out := make([]probe.Settings, 0, len(sets))
	for _, set := range sets {
		out = append(out, l.build(set))
	}
	return out, nil
}

// Names lists the profiles of the file that would be read, for completion.
func Names(f Flags, w World) []string {
	if f.Config == "-" {
		return nil
	}
	l := &loader{ctx: context.Background(), flags: f, world: w}
	doc, err := l.readFile(nil)
	if err != nil || doc == nil {
		return nil
	}
	return doc.names
}

type loader struct {
	ctx   context.Context
	flags Flags
	world World
	doc   *document // the settings file, nil: none was read
	stdin string    // what standard input was read for, "" when it was not
}

// set is one set of settings to build: of a profile, a target, or both.
type set struct {
	name   string
	file   *layer // nil: nothing from a file
	target target
}

// choose pairs targets and profiles.
func (l *loader) choose(targets []target, doc *document) ([]set, error) {
	switch {
	case l.flags.All && len(targets) > 0:
		return nil, usage("Either --all, or the profiles by name.", "--all and a target cannot be used together")
	case l.flags.All:
		return everyProfile(doc)
	case len(targets) == 0:
		one, err := l.chooseAlone(doc)
		return []set{one}, err
	}
	var out []set
	for _, t := range targets {
		one, err := l.chooseFor(t, doc)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func everyProfile(doc *document) ([]set, error) {
	if doc == nil {
		return nil, usage("Name a file with -c, or write ./smtpdx.yaml.", "--all wants a settings file, and there is none")
	}
	if doc.single {
		return []set{{file: doc.profiles[""]}}, nil
	}
	var out []set
	for _, name := range doc.names {
		out = append(out, set{name: name, file: doc.profiles[name]})
	}
	return out, nil
}

func (l *loader) chooseFor(t target, doc *document) (set, error) {
	switch {
	case t.profile == "" && l.flags.Config == "":
		return set{target: t}, nil // a file that was found says nothing about this server
	case t.profile == "":
		name, file := doc.only()
		if file == nil {
			return set{}, usage("Name the profile and give the server by --host and --port; it has: "+strings.Join(doc.names, ", ")+".",
				"%s has several profiles, and it is not said which one goes with the server", doc.file)
		}
		return set{name: name, file: file, target: t}, nil
	case doc == nil:
		return set{}, usage("A profile stands in ./smtpdx.yaml or the file that -c names. A server is written HOST:PORT.",
			"the target is a profile's name, and there is no settings file")
	case doc.single:
		return set{}, usage("Leave the target out. A server is written HOST:PORT.", "%s holds one profile without a name, and the target names one", doc.file)
	case !slices.Contains(doc.names, t.profile):
		return set{}, usage(profileHint(t.profile, doc.names), "%s has no profile of that name", doc.file)
	}
	return set{name: t.profile, file: doc.profiles[t.profile]}, nil
}

func profileHint(word string, names []string) string {
	hint := "It has: " + strings.Join(names, ", ") + "."
	if near := nearest(word, names); near != "" {
		hint = "Did you mean " + near + "? " + hint
	}
	return hint
}

// chooseAlone is for a command line without a target.
func (l *loader) chooseAlone(doc *document) (set, error) {
	if doc == nil {
		if l.flags.Values["host"] == "" && l.env("host") == "" && l.flags.Values["preset"] == "" && l.env("preset") == "" {
			return set{}, ErrNoSettings
		}
		return set{}, nil
	}
	name, file := doc.only()
	if file == nil {
		return set{}, &ChoiceError{File: doc.file, Profiles: doc.names}
	}
	return set{name: name, file: file}, nil
}

// perServer are the keys that make no sense for several profiles at once.
func perServer() []string {
	return []string{"host", "port", "encryption", "account", "from", "preset"}
}

// refuseShared refuses flags and variables that would fit one profile only.
func (l *loader) refuseShared() error {
	for _, key := range perServer() {
		if l.flags.Values[key] != "" || key == "from" && len(l.flags.From) > 0 {
			return sharedFlag(key, "--"+flagName(key))
		}
		if l.env(key) != "" {
			return sharedVariable(key, variable(key))
		}
	}
	for _, key := range []string{"password", "token"} {
		for _, source := range l.flagSources(key) {
			return sharedFlag(key, sourceFlag(key, source))
		}
		for _, name := range []string{key, key + "_file"} {
			if l.env(name) != "" {
				return sharedVariable(key, variable(name))
			}
		}
	}
	return nil
}

func sharedFlag(key, flag string) error {
	return &UsageError{Key: key, Text: flag + " cannot be used for several profiles at once", Hint: "Leave it out, or check the profiles one by one."}
}

func sharedVariable(key, name string) error {
	return &UsageError{Key: key, Text: name + " cannot be used for several profiles at once", Hint: "Unset it, or check the profiles one by one."}
}

func (l *loader) flagSources(key string) []Source {
	if key == "token" {
		return l.flags.Token
	}
	return l.flags.Password
}

func sourceFlag(key string, s Source) string { return "--" + key + "-" + s.Kind }

func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

func variable(key string) string { return "SMTPDX_" + strings.ToUpper(key) }

// env gives a variable of ours; an empty one counts as unset.
func (l *loader) env(key string) string { return l.world.variable(variable(key)) }

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
)

// load reads the settings; a person who may be asked is asked for what is
// missing: all of them, or which profile is meant.
func (o *checkOptions) load(ctx context.Context, p *process, targets []string, mayAsk bool) ([]probe.Settings, error) {
	address, err := onlyAddress(targets)
	if err != nil {
		return nil, err
	}
	if address != "" {
		return o.loadAddress(ctx, p, address, mayAsk)
	}
	flags := o.settings.flags(targets)
	if mayAsk && len(targets) == 0 {
		if err := fillPreset(ctx, p, &flags); err != nil {
			return nil, unanswered(err)
		}
	}
	all, err := profile.Load(ctx, flags, p.world())
	var choice *profile.ChoiceError
	switch {
	case err == nil || !mayAsk:
	case errors.Is(err, profile.ErrNoSettings):
		a, err := fillForm(ctx, p.ask, p.asked, o.finder(p))
		if err != nil {
			return nil, unanswered(err)
		}
		return o.loadAnswers(ctx, p, a)
	case errors.As(err, &choice):
		name, err := choose(ctx, p.ask, p.asked, "Which profile", choice.Profiles)
		if err != nil {
			return nil, unanswered(err)
		}
		flags.Targets = []string{name}
		all, err = profile.Load(ctx, flags, p.world())
		return all, refused(err)
	}
	return all, refused(err)
}

// loadAnswers reads what a person entered in the form as if it were flags, and
// says that it was asked.
func (o *checkOptions) loadAnswers(ctx context.Context, p *process, a answers) ([]probe.Settings, error) {
	flags := o.settings.flags(nil)
	typed := map[string]string{"host": a.host, "port": a.port, "encryption": a.encryption, "account": a.account}
	for key, text := range typed {
		if text != "" {
			flags.Values[key] = text
		}
	}
	if a.from != "" {
		flags.From = []string{a.from}
		typed["from"] = a.from
	}
	all, err := profile.Load(ctx, flags, p.world())
	for _, s := range all {
		for key, text := range typed {
			if text != "" {
				s.Origins[key] = probe.Origin{From: "asked", Where: "terminal"}
			}
		}
	}
	return all, refused(err)
}

// fillPreset asks for what is different for each customer in the host of a
// preset, as the number of a server.
func fillPreset(ctx context.Context, p *process, flags *profile.Flags) error {
	provider, known := presets.Get(strings.ToLower(flags.Values["preset"]))
	if !known || flags.Values["host"] != "" || len(provider.Endpoints) == 0 {
		return nil
	}
	account := flags.Values["account"]
	endpoint, missing := provider.Endpoints[0].Fill(account[strings.LastIndex(account, "@")+1:], nil)
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintf(p.asked, "The host of %s is different for each customer: %s.\nIt stands in the welcome mail or in the customer area.\n", provider.Name, endpoint.Host)
	f := form{ctx: ctx, ask: p.ask, out: p.asked}
	values := map[string]string{}
	for _, name := range missing {
		values[name] = f.until("  "+name, "", func(s string) string {
			if s == "" {
				return "The part of the host that stands for {" + name + "}."
			}
			return ""
		})
	}
	filled, _ := endpoint.Fill("", values)
	flags.Values["host"] = filled.Host
	return f.err
}

// unanswered: a question that got no answer is a matter of usage.
func unanswered(err error) error {
	if errors.Is(err, errNoAnswer) {
		return usage("Give the settings as flags, or in a file with -c FILE.", "%v", err)
	}
	return err
}

// refused makes an error of this program of one of package profile.
func refused(err error) error {
	var wrong *profile.UsageError
	var choice *profile.ChoiceError
	switch {
	case errors.As(err, &wrong):
		return usage(wrong.Hint, "%s", wrong.Text)
	case errors.As(err, &choice):
		return usage("smtpdx check NAME, or --all for every one of them.", "%v", choice)
	case errors.Is(err, profile.ErrNoSettings):
		return usage("smtpdx check HOST[:PORT] -u ACCOUNT, --host HOST with --port, --encryption and --account,\nor -c FILE. On a terminal they are asked for, unless --no-input or CI is set.", "no settings were given")
	}
	return err
}

// world is what package profile may look at.
func (p *process) world() profile.World {
	w := profile.Real()
	w.Stdin = p.in
	w.Env = func(name string) (string, bool) {
		value := p.getenv(name)
		return value, value != ""
	}
	return w
}

// flags hands on what was given, by the names of the settings file.
func (s *settingsFlags) flags(targets []string) profile.Flags {
	f := profile.Flags{Values: map[string]string{}, From: *s.lists["from"], To: *s.lists["to"], Config: s.config,
		Targets: targets, All: s.all, Until: probe.StepID(s.until), Follow: s.follow}
	for name, value := range s.values {
		switch secret, kind, _ := strings.Cut(name, "-"); {
		case *value == "":
		case secret == "password":
			f.Password = append(f.Password, profile.Source{Kind: kind, Value: *value})
		case secret == "token":
			f.Token = append(f.Token, profile.Source{Kind: kind, Value: *value})
		default:
			f.Values[key(name)] = *value
		}
	}
	for name, value := range s.bools {
		switch {
		case !s.set.Changed(name):
		case name == "password-stdin" && *value:
			f.Password = append(f.Password, profile.Source{Kind: "stdin"})
		case name == "token-stdin" && *value:
			f.Token = append(f.Token, profile.Source{Kind: "stdin"})
		case name == "ipv4-only" && *value:
			f.Values["family"] = "4"
		case name == "ipv6-only" && *value:
			f.Values["family"] = "6"
		case *value:
			f.Values[key(name)] = "true"
		default:
			f.Values[key(name)] = "false"
		}
	}
	return f
}

// key is the name of a flag's setting in a file.
func key(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// completeTargets offers the profiles of the file.
func (o *checkOptions) completeTargets(p *process) ([]cobra.Completion, cobra.ShellCompDirective) {
	return profile.Names(o.settings.flags(nil), p.world()), cobra.ShellCompDirectiveNoFileComp
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/discover"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// isAddress tells whether a target is a mail address.
func isAddress(target string) bool {
	return strings.Contains(target, "@") && !strings.Contains(target, "://")
}

// onlyAddress gives the target that is an address; it stands alone.
func onlyAddress(targets []string) (string, error) {
	for _, target := range targets {
		switch {
		case !isAddress(target):
		case len(targets) > 1:
			return "", usage("One address at a time.", "an address and other targets cannot be used together")
		default:
			return target, nil
		}
	}
	return "", nil
}

// finding is what a discovery says for an address.
type finding struct {
	address discover.Address
	outcome discover.Outcome
	server  discover.Candidate
}

// find looks for the settings of an address; flags say whom to ask and trust.
func (o *checkOptions) find(ctx context.Context, p *process, typed string) (*finding, error) {
	address, err := discover.ParseAddress(typed)
	if err != nil {
		return nil, usage(addressHint(err), "%v", err)
	}
	world, err := o.discoveryWorld(ctx, p, address.Domain)
	if err != nil {
		return nil, err
	}
	f := &finding{address: address, outcome: discover.Find(ctx, world, address.Domain, discover.Options{})}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	best, ok := f.outcome.Best()
	if !ok {
		best, ok = f.usable()
	}
	if !ok {
		return nil, usage("smtpdx discover "+shellWord(address.String())+" shows who was asked. With the server known: smtpdx check HOST[:PORT] -u "+shellWord(address.String()),
			"no settings were found for %s", address.Unicode)
	}
	f.server = best
	return f, nil
}

// usable is the best server that none was seen to be wrong with but its
// verification: the check says why.
func (f *finding) usable() (discover.Candidate, bool) {
	for _, c := range f.outcome.Candidates {
		if len(c.Missing) == 0 {
			return c, true
		}
	}
	return discover.Candidate{}, false
}

// discoveryWorld reads from the flags which DNS server to ask and whom to trust.
func (o *checkOptions) discoveryWorld(ctx context.Context, p *process, domain string) (discover.World, error) {
	flags := profile.Flags{Values: map[string]string{"host": domain}, Until: probe.StepSettings}
	for _, name := range []string{"resolver", "ca-file"} {
		if given := o.settings.values[name]; given != nil && *given != "" {
			flags.Values[key(name)] = *given
		}
	}
	all, err := profile.Load(ctx, flags, p.world())
	if err != nil {
		return discover.World{}, refused(err)
	}
	if wrong := all[0].Refused; wrong != nil {
		return discover.World{}, usage(wrong.Hint, "%s", wrong.Text)
	}
	return discover.World{Resolver: all[0].Resolver, CA: all[0].CA}, nil
}

// words says in a sentence what was found, and where.
func (f *finding) words() string {
	by := "found by: " + strings.Join(f.server.Sources, ", ")
	if p := f.outcome.Provider; p != nil {
		return fmt.Sprintf("%s is at %s (%s)", f.address.Unicode, p.Name, by)
	}
	return fmt.Sprintf("%s has its mail server at %s (%s)", f.address.Unicode, f.server.Host, by)
}

// loadAddress finds the settings of an address and reads them as if they were
// flags; what flags say goes before.
func (o *checkOptions) loadAddress(ctx context.Context, p *process, typed string, mayAsk bool) ([]probe.Settings, error) {
	if p.mask != nil {
		p.mask.LearnAddress(typed)
	}
	flags := o.settings.flags(nil)
	if flags.Values["host"] != "" || flags.Values["preset"] != "" {
		return o.loadAccount(ctx, p, flags, typed)
	}
	if !o.isSilent() {
		fmt.Fprintf(p.err, "Looking for the settings of %s ...\n", p.masked(secret.Clean(typed[strings.LastIndex(typed, "@")+1:])))
	}
	f, err := o.find(ctx, p, typed)
	if err != nil {
		return nil, err
	}
	if !o.isSilent() {
		f.say(p)
	}
	values := f.server.Values(f.address)
	if len(flags.From) == 0 {
		flags.From = []string{values["from"]}
	}
	delete(values, "from")
	for key := range values {
		if flags.Values[key] != "" {
			delete(values, key)
			continue
		}
		flags.Values[key] = values[key]
	}
	all, err := profile.Load(ctx, flags, p.world())
	if err != nil {
		return nil, refused(err)
	}
	for key := range values {
		all[0].Origins[key] = probe.Origin{From: "found", Where: strings.Join(f.server.Sources, ", ")}
	}
	return all, o.consent(ctx, p, f, &all[0], mayAsk)
}

// loadAccount takes an address as account where the server is given.
func (o *checkOptions) loadAccount(ctx context.Context, p *process, flags profile.Flags, typed string) ([]probe.Settings, error) {
	address, err := discover.ParseAddress(typed)
	if err != nil {
		return nil, usage(addressHint(err), "%v", err)
	}
	if flags.Values["account"] == "" {
		flags.Values["account"] = address.Local + "@" + address.Domain
	}
	all, err := profile.Load(ctx, flags, p.world())
	return all, refused(err)
}

// say tells a person what was found before it is checked.
func (f *finding) say(p *process) {
	fmt.Fprintln(p.err, folded(p.masked(f.words()+".")))
	for _, note := range f.outcome.Findings {
		fmt.Fprintln(p.err, folded(p.masked("Note: "+note.Title)))
	}
	fmt.Fprintln(p.err)
}

// isSilent: standard error is for errors only.
func (o *checkOptions) isSilent() bool { return o.output.quiet || o.output.isMachine() }

// consent asks before a password goes to a server that only the DNS or a page
// names (RFC 6186 section 6).
func (o *checkOptions) consent(ctx context.Context, p *process, f *finding, s *probe.Settings, mayAsk bool) error {
	if !f.server.NeedsConsent() || o.settings.yes || s.Account == "" || !reachesLogin(s.Until) || s.Refused != nil {
		return nil
	}
	no := usage("See whether you know the server; --yes sends the password there, --until ehlo-tls needs none.",
		"%s is not in %s, so the password was not sent there", f.server.Host, f.address.Unicode)
	if !mayAsk {
		return no
	}
	return askConsent(ctx, p, f.server, f.address, no)
}

// askConsent puts the question of RFC 6186; no is for every answer but yes.
func askConsent(ctx context.Context, p *process, c discover.Candidate, a discover.Address, no error) error {
	answer, err := p.ask.Line(ctx, fmt.Sprintf("%s is not in %s (says so: %s).\nSend the password there? [y/N] ", c.Host, a.Unicode, strings.Join(c.Sources, ", ")))
	if err != nil || !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		return no
	}
	return nil
}

// finder is how the form looks for the settings of an address.
func (o *checkOptions) finder(p *process) finder {
	return func(ctx context.Context, typed string) (answers, string, error) {
		f, err := o.find(ctx, p, typed)
		if err != nil {
			return answers{}, "", err
		}
		v := f.server.Values(f.address)
		return answers{host: v["host"], port: v["port"], encryption: v["encryption"], account: v["account"], from: v["from"]}, f.words(), nil
	}
}

package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/net/idna"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/discover"
)

type presetsMatchOptions struct {
	output presetsOutput
	fill   fillFlag
}

func newPresetsMatch(p *process) *cobra.Command {
	var o presetsMatchOptions
	cmd := &cobra.Command{
		Use:   "match ADDRESS-OR-HOST",
		Short: "The provider of a mail address, a mail domain, a submission host or an MX",
		Long: "Finds the provider in the list, by the domain of an address, or by the name of a\n" +
			"mail domain, a submission host or an MX. Nothing is contacted, DNS neither.",
		Example: "  smtpdx presets match me@gmail.com\n  smtpdx presets match acme-example.mail.protection.outlook.com",
		Args:    oneArgument("a mail address or a host"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(p, args[0]) },
	}
	o.output.add(cmd)
	o.fill.add(cmd)
	return cmd
}

func (o *presetsMatchOptions) run(p *process, typed string) error {
	if err := o.output.check(); err != nil {
		return err
	}
	values, err := o.fill.values()
	if err != nil {
		return err
	}
	asked, err := parseWanted(typed)
	if err != nil {
		return err
	}
	m := asked.match(values)
	if err := o.print(p, m); err != nil {
		return err
	}
	if m.provider.ID == "" {
		return unmatched(p, asked)
	}
	return nil
}

func (o *presetsMatchOptions) print(p *process, m presetMatch) error {
	switch {
	case o.output.format == formatJSON:
		return printDocument(p, m.document(p))
	case m.provider.ID == "":
	case o.output.format == formatMarkdown:
		fmt.Fprint(p.out, m.sheet(p).markdown())
	default:
		fmt.Fprint(p.out, m.sheet(p).text(p.term.width))
	}
	return nil
}

func unmatched(p *process, asked wanted) error {
	hint := "The MX of the domain may tell more: smtpdx presets match MX-HOST."
	if asked.address == "" {
		hint = "smtpdx presets list shows what there is."
	}
	p.complain("no provider in the list is known by that name", hint)
	return exitWith(exitUnknown)
}

// wanted is what somebody asks the provider of.
type wanted struct {
	address string // without display name; "" when a host was given
	local   string // its part before the @
	name    string // the domain or the host, in ASCII
}

// parseWanted never repeats what was typed in an error: it may be a secret.
func parseWanted(typed string) (wanted, error) {
	s := strings.TrimSpace(typed)
	if strings.Contains(s, "://") {
		return wanted{}, usage("smtpdx presets match HOST", "this is a URL, not an address or a host")
	}
	if open := strings.LastIndex(s, "<"); open >= 0 && strings.HasSuffix(s, ">") {
		s = strings.TrimSpace(s[open+1 : len(s)-1])
	}
	at := strings.LastIndex(s, "@")
	if at <= 0 {
		return wantedHost(strings.TrimPrefix(s, "@"))
	}
	w := wanted{address: s, local: s[:at], name: asciiName(s[at+1:])}
	if !isQuoted(w.local) && strings.ContainsAny(w.local, "@, ;") {
		return wanted{}, usage("smtpdx presets match ADDRESS, one at a time", "this is not one address")
	}
	return w, checkName(w.name, "the address has no domain that can be looked up")
}

func isQuoted(local string) bool {
	return len(local) > 1 && strings.HasPrefix(local, `"`) && strings.HasSuffix(local, `"`)
}

func wantedHost(s string) (wanted, error) {
	if host, port, found := strings.Cut(s, ":"); found {
		if _, err := strconv.ParseUint(port, 10, 16); err == nil {
			s = host
		}
	}
	w := wanted{name: asciiName(s)}
	if err := checkName(w.name, "this is neither an address nor a host"); err != nil {
		if near := nearPreset(s); near != "" {
			return w, usage("Did you mean smtpdx presets show "+near+"?", "this is neither an address nor a host")
		}
		return w, err
	}
	return w, nil
}

// asciiName gives a domain in A-labels and lower case (RFC 5891), "" when it cannot be one.
func asciiName(name string) string {
	name = strings.TrimSuffix(strings.TrimSpace(name), ".")
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return name
	}
	ascii, err := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true)).ToASCII(name)
	if err != nil {
		return ""
	}
	return ascii
}

func checkName(name, text string) error {
	if strings.ContainsAny(name, ".:") {
		return nil
	}
	return usage("For example me@example.com, example.com or smtp.example.com.", "%s", text)
}

// presetMatch is the provider that was found, its hosts filled in as far as
// they can be.
type presetMatch struct {
	asked    wanted
	by       string // host, domain or mx
	provider presets.Provider
}

func (w wanted) match(values map[string]string) presetMatch {
	m := presetMatch{asked: w}
	var id string
	if w.address != "" {
		id, _ = presets.MatchDomain(w.name)
		m.by = "domain"
	} else {
		id, m.by, _ = presets.Match(w.name)
	}
	provider, known := presets.Get(id)
	if !known {
		return m
	}
	domain := values["domain"]
	if domain == "" && m.by == "domain" {
		domain = w.name
	}
	m.provider = fillIn(provider, domain, w.told(provider, m.by, values))
	return m
}

// told adds what a submission host itself tells of a placeholder; the name of
// an MX need not be that of the submission server.
func (w wanted) told(p presets.Provider, by string, values map[string]string) map[string]string {
	all := map[string]string{}
	if by == "host" {
		for _, e := range p.Endpoints {
			found, fits := e.Values(w.name)
			for name, value := range found {
				if fits && !strings.HasSuffix(e.Host, "}") {
					all[name] = value
				}
			}
		}
	}
	for name, value := range values {
		all[name] = value
	}
	return all
}

// account is the login name that follows from the address, "" when none does.
func (m presetMatch) account() string {
	switch m.provider.Account.Form {
	case "full-address":
		return m.asked.address
	case "local-part":
		return m.asked.local
	case "fixed":
		return m.provider.Account.Word
	}
	return ""
}

func (m presetMatch) foundBy() string {
	what := map[string]string{"domain": "the mail domain", "mx": "the MX", "host": "the submission host"}[m.by]
	return fmt.Sprintf("%s (%s), by %s %s", m.provider.Name, m.provider.ID, what, shown(m.asked.name))
}

func (m presetMatch) sheet(p *process) *sheet {
	s := &sheet{title: m.foundBy()}
	s.add("No SMTP", m.provider.NoSMTP)
	s.endpoints(m.provider.Endpoints)
	if account := m.account(); account != "" {
		s.add("Account", shown(account))
	} else if m.provider.NoSMTP == "" {
		s.add("Account", accountWords(m.provider.Account))
	}
	s.add("Password", appPasswordWords(m.provider), m.provider.AppPasswordPath)
	if m.provider.OAuth == "required" {
		s.add("OAuth", oauthWords(m.provider.OAuth))
	}
	s.enable(m.provider)
	for _, a := range m.provider.Announced {
		s.add("Announced", a.Date+": "+a.Text)
	}
	for _, next := range m.next(p) {
		s.addCommand("Next", string(next.Command))
	}
	return s
}

// next is the check of the first endpoint, when nothing in it is missing.
func (m presetMatch) next(p *process) probe.List[probe.Next] {
	steps := probe.List[probe.Next]{{Text: "all that is known of this provider", Command: probe.Maybe("smtpdx presets show " + m.provider.ID), Shell: probe.Maybe(p.term.shell())}}
	if len(m.provider.Endpoints) == 0 || len(m.provider.Endpoints[0].Placeholders()) > 0 {
		return steps
	}
	first := m.provider.Endpoints[0]
	command := fmt.Sprintf("smtpdx check %s:%d --encryption %s", first.Host, first.Port, first.Encryption)
	if account := m.account(); account != "" {
		command += " -u " + shellWord(shown(account))
	}
	return append(probe.List[probe.Next]{{Text: "check these settings", Command: probe.Maybe(command), Shell: probe.Maybe(p.term.shell())}}, steps...)
}

// document is a discovery that asked nobody: nothing in it is verified.
func (m presetMatch) document(p *process) discoveryDocument {
	d := discoveryDocument{Schema: discover.Schema, Address: probe.Maybe(shown(m.asked.address)), Provider: probe.Maybe(m.provider.ID)}
	if m.provider.ID == "" {
		d.Sources = append(d.Sources, discoverySource{Source: "preset", State: discover.Nothing, Text: "no provider in the list is known by that name"})
		return d
	}
	d.Sources = append(d.Sources, discoverySource{Source: "preset", State: discover.Found, Text: m.foundBy()})
	for i, e := range m.provider.Endpoints {
		d.Candidates = append(d.Candidates, discoveryCandidate{
			Host: e.Host, Port: e.Port, Encryption: e.Encryption, Account: probe.Maybe(shown(m.account())),
			Sources: probe.List[string]{"preset:" + m.provider.ID}, Why: whyEndpoint(i, e), Missing: e.Placeholders(),
		})
	}
	if m.provider.NoSMTP != "" {
		d.Next = append(d.Next, probe.Next{Text: m.provider.NoSMTP})
	}
	d.Next = append(d.Next, m.next(p)...)
	return d
}

func whyEndpoint(place int, e presets.Endpoint) string {
	why := "an alternative of the provider"
	if place == 0 {
		why = "the first choice for this provider"
	}
	if !e.Verified {
		why += ", not confirmed by any list"
	}
	if words := placeholderWords(e); words != "" {
		why += "; to be filled in: " + words
	}
	return why
}

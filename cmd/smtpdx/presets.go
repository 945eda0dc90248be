package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe/secret"
)

const (
	presetsSchema  = "smtpdx.presets/v1"
	formatMarkdown = "markdown"
)

func newPresets(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "presets",
		Short: "The settings of mail providers: list them, show one, find one",
		Long: "What is known of mail providers: hosts, ports, encryption, the form of the login,\n" +
			"what must be switched on first, and who may be the sender. Nothing is contacted:\n" +
			"the list is part of this program.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("smtpdx presets list, smtpdx presets show ID, or\nsmtpdx presets match ADDRESS-OR-HOST", "there is no such command under presets")
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newPresetsList(p), newPresetsShow(p), newPresetsMatch(p))
	return cmd
}

// presetsOutput is the -o of the commands under presets.
type presetsOutput struct{ format string }

func (o *presetsOutput) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", formatText, "`FORMAT` of standard output: text, json or markdown")
	completeWith(cmd, "output", formatText, formatJSON, formatMarkdown)
}

func (o *presetsOutput) check() error {
	return oneOf("-o", o.format, []string{formatText, formatJSON, formatMarkdown})
}

// oneOf refuses a value without repeating it, and names those there are.
func oneOf(flag, value string, known []string) error {
	if slices.Contains(known, value) {
		return nil
	}
	hint := flag + " " + strings.Join(known, ", ")
	if near := nearest(value, known); near != "" {
		hint = "Did you mean " + near + "? " + hint
	}
	return usage(hint, "%s has no such value", flag)
}

type presetsListOptions struct {
	output                             presetsOutput
	kind, country, domain, host        string
	oauth, appPassword                 string
	noSMTP, unverified, announced, ids bool
}

func newPresetsList(p *process) *cobra.Command {
	var o presetsListOptions
	cmd := &cobra.Command{
		Use:   "list [WORD]",
		Short: "One line a provider: id, first endpoint, name",
		Long:  "One line a provider: id, first endpoint, name. WORD and the flags narrow the\nlist; WORD is looked for in ids, names, domains and hosts.",
		Example: "  smtpdx presets list --kind hosting --country DE\n" +
			"  smtpdx presets list ovh",
		Args: atMostOneArgument, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(p, strings.Join(args, "")) },
	}
	f := cmd.Flags()
	f.StringVar(&o.kind, "kind", "", "only this `KIND`: "+strings.Join(presets.Kinds(), ", "))
	f.StringVar(&o.country, "country", "", "only this country, two letters (`DE`)")
	f.StringVar(&o.domain, "domain", "", "only the provider of this mail `DOMAIN`")
	f.StringVar(&o.host, "host", "", "only providers with this submission `HOST`")
	f.StringVar(&o.oauth, "oauth", "", "only where OAuth is so: required, supported, no or unknown")
	f.StringVar(&o.appPassword, "app-password", "", "only where an app password is so: required, optional, no or unknown")
	f.BoolVar(&o.announced, "announced", false, "only those that have announced a change")
	f.BoolVar(&o.noSMTP, "no-smtp", false, "only those without SMTP")
	f.BoolVar(&o.unverified, "unverified", false, "only those that no public list and no provider confirms")
	f.BoolVarP(&o.ids, "quiet", "q", false, "only the ids")
	o.output.add(cmd)
	completeWith(cmd, "kind", presets.Kinds()...)
	completeWith(cmd, "oauth", oauthValues()...)
	completeWith(cmd, "app-password", appPasswordValues()...)
	return cmd
}

func oauthValues() []string       { return []string{"required", "supported", "no", "unknown"} }
func appPasswordValues() []string { return []string{"required", "optional", "no", "unknown"} }

func (o *presetsListOptions) check() error {
	if err := o.output.check(); err != nil {
		return err
	}
	for _, limited := range []struct {
		flag, value string
		known       []string
	}{{"--kind", o.kind, presets.Kinds()}, {"--oauth", o.oauth, oauthValues()}, {"--app-password", o.appPassword, appPasswordValues()}} {
		if limited.value == "" {
			continue
		}
		if err := oneOf(limited.flag, limited.value, limited.known); err != nil {
			return err
		}
	}
	if o.country != "" && len(o.country) != 2 {
		return usage("For example --country DE.", "--country wants two letters")
	}
	return nil
}

func (o *presetsListOptions) run(p *process, word string) error {
	if err := o.check(); err != nil {
		return err
	}
	var kept []presets.Provider
	for _, id := range presets.IDs() {
		if provider, ok := presets.Get(id); ok && o.keeps(provider) && mentions(provider, word) {
			kept = append(kept, provider)
		}
	}
	if o.output.format == formatJSON {
		return printPresets(p, kept)
	}
	o.print(p, kept)
	if len(kept) == 0 {
		fmt.Fprintln(p.err, "smtpdx: no provider fits.")
	}
	return nil
}

func (o *presetsListOptions) keeps(p presets.Provider) bool {
	fits := func(wanted, value string) bool {
		return wanted == "" || wanted == value || wanted == "unknown" && value == ""
	}
	return fits(o.kind, p.Kind) && (o.country == "" || strings.EqualFold(o.country, p.Country)) &&
		fits(o.oauth, p.OAuth) && fits(o.appPassword, p.AppPassword) &&
		(!o.noSMTP || p.NoSMTP != "") && (!o.unverified || !p.Verified) && (!o.announced || len(p.Announced) > 0) &&
		o.serves(p) && o.isAt(p)
}

func (o *presetsListOptions) serves(p presets.Provider) bool {
	if o.domain == "" {
		return true
	}
	id, _ := presets.MatchDomain(asciiName(o.domain))
	return id == p.ID
}

func (o *presetsListOptions) isAt(p presets.Provider) bool {
	host := strings.ToLower(strings.TrimSuffix(o.host, "."))
	return host == "" || slices.Contains(p.Hosts, host) ||
		slices.ContainsFunc(p.Endpoints, func(e presets.Endpoint) bool {
			_, fits := e.Values(host)
			return fits && !strings.HasSuffix(e.Host, "}")
		})
}

// mentions looks for a word in what names a provider.
func mentions(p presets.Provider, word string) bool {
	word = strings.ToLower(word)
	names := slices.Concat([]string{p.ID, p.Name}, p.Domains, p.MX, p.Hosts)
	for _, e := range p.Endpoints {
		names = append(names, e.Host)
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(strings.ToLower(name), word) })
}

func (o *presetsListOptions) print(p *process, kept []presets.Provider) {
	idWidth, endpointWidth := 0, 0
	for _, provider := range kept {
		idWidth = max(idWidth, len(provider.ID))
		endpointWidth = max(endpointWidth, len(firstEndpoint(provider)))
	}
	for _, provider := range kept {
		switch {
		case o.ids:
			fmt.Fprintln(p.out, provider.ID)
		case o.output.format == formatMarkdown:
			fmt.Fprintf(p.out, "- `%s`: %s, %s\n", provider.ID, provider.Name, firstEndpoint(provider))
		default:
			fmt.Fprintf(p.out, "%-*s  %-*s  %s\n", idWidth, provider.ID, endpointWidth, firstEndpoint(provider), provider.Name)
		}
	}
}

func firstEndpoint(p presets.Provider) string {
	if len(p.Endpoints) == 0 {
		return "no SMTP"
	}
	e := p.Endpoints[0]
	return fmt.Sprintf("%s:%d %s", e.Host, e.Port, e.Encryption)
}

// completePresets offers ids with names.
func completePresets(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []cobra.Completion
	for _, id := range presets.IDs() {
		ids = append(ids, cobra.CompletionWithDesc(id, presets.Name(id)))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// fillFlag are the values for placeholders in hosts.
type fillFlag struct{ pairs []string }

func (f *fillFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.pairs, "fill", nil, "`NAME=VALUE` for a part of the host in braces, such as server=NAME; repeatable")
}

func (f *fillFlag) values() (map[string]string, error) {
	values := map[string]string{}
	for _, pair := range f.pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" || !isHostPart(value) {
			return nil, usage("For example --fill server=w0123456: letters, digits, dots and dashes.", "--fill wants NAME=VALUE, the value a part of a host name")
		}
		values[name] = strings.ToLower(value)
	}
	return values, nil
}

func isHostPart(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

type presetsShowOptions struct {
	output presetsOutput
	fill   fillFlag
}

func newPresetsShow(p *process) *cobra.Command {
	var o presetsShowOptions
	cmd := &cobra.Command{
		Use: "show ID", Short: "All that is known of one provider, as a settings sheet",
		Example: "  smtpdx presets show gmail\n  smtpdx presets show all-inkl --fill server=w0123456",
		Args:    oneArgument("the id of a provider (smtpdx presets list)"), ValidArgsFunction: completePresets,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(p, args[0]) },
	}
	o.output.add(cmd)
	o.fill.add(cmd)
	return cmd
}

func (o *presetsShowOptions) run(p *process, id string) error {
	if err := o.output.check(); err != nil {
		return err
	}
	values, err := o.fill.values()
	if err != nil {
		return err
	}
	provider, known := presets.Get(strings.ToLower(id))
	if !known {
		return unknownPreset(p, id)
	}
	provider = fillIn(provider, values["domain"], values)
	switch o.output.format {
	case formatJSON:
		return printPresets(p, []presets.Provider{provider})
	case formatMarkdown:
		fmt.Fprint(p.out, presetSheet(provider).markdown())
	default:
		fmt.Fprint(p.out, presetSheet(provider).text(p.term.width))
	}
	return nil
}

// unknownPreset does not repeat the id; a name or an address in its place leads on.
func unknownPreset(p *process, id string) error {
	hint := "smtpdx presets list shows what there is."
	if found, _, ok := presets.Match(asciiName(id[strings.LastIndex(id, "@")+1:])); ok {
		hint = "Did you mean " + found + "? " + hint
	} else if near := nearPreset(id); near != "" {
		hint = "Did you mean " + near + "? " + hint
	}
	p.complain("there is no provider of that id", hint)
	return exitWith(exitUnknown)
}

// nearPreset finds the id that was probably meant by a wrong one, by its
// beginning or by a name.
func nearPreset(typed string) string {
	typed = strings.ToLower(strings.TrimSpace(typed))
	ids := presets.IDs()
	for _, id := range ids {
		if strings.EqualFold(presets.Name(id), typed) {
			return id
		}
	}
	begins := func(id string) bool { return len(typed) > 2 && strings.HasPrefix(id, typed) }
	if i := slices.IndexFunc(ids, begins); i >= 0 {
		return ids[i]
	}
	return nearest(typed, ids)
}

func fillIn(p presets.Provider, domain string, values map[string]string) presets.Provider {
	p.Endpoints = slices.Clone(p.Endpoints)
	for i := range p.Endpoints {
		p.Endpoints[i], _ = p.Endpoints[i].Fill(domain, values)
	}
	if p.IMAP != nil {
		imap, _ := p.IMAP.Fill(domain, values)
		p.IMAP = &imap
	}
	return p
}

func printDocument(p *process, document any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

// shown makes what was typed fit for a terminal.
func shown(s string) string { return secret.Clean(s) }

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/discover"
	"github.com/smtpdx/smtpdx/probe/mask"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
)

type discoverOptions struct {
	output         presetsOutput
	account        string
	passwords      map[string]*string // by source, those with a value
	stdin          bool
	write          string
	autodiscover   bool
	onlineDatabase bool
	yes            bool
	noAsk          bool
	mask           bool
	resolver       string
	caFile         string
}

func newDiscover(p *process) *cobra.Command {
	o := discoverOptions{passwords: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   "discover ADDRESS",
		Short: "Find the settings for a mail address; sends no mail",
		Long: `Finds host, port, encryption and account for a mail address: in the list of
providers, in the DNS (SRV, MX, SPF, DKIM, autodiscover), in what the domain
publishes for mail programs (autoconfig), and last by guessing. All are asked at
once, for at most 12 seconds, and every server is verified without a password.
Only the domain is told to anybody, never the part before the @.

With --account, the login is tried, once and on the best verified server only. A
server outside the domain gets the password only with --yes or after a question.

Exit codes: 0 found, 4 nothing found, 2 usage, or a question that could not be
asked; with --account the code of the step that failed, 16 for a refused login.`,
		Example: "  smtpdx discover me@example.com\n" +
			"  smtpdx discover me@example.com --write smtpdx.yaml && smtpdx check -c smtpdx.yaml",
		Args: oneArgument("a mail address"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), p, args[0]) },
	}
	o.add(cmd)
	return cmd
}

func (o *discoverOptions) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	inGroup(flags, "Whom to ask", func(f *pflag.FlagSet) {
		f.BoolVar(&o.autodiscover, "autodiscover", false, "ask the domain's Autodiscover too, for an invented address (never Microsoft)")
		f.BoolVar(&o.onlineDatabase, "online-database", false, "ask the public configuration database too; it learns the domain")
		f.StringVar(&o.resolver, "resolver", "", "ask this DNS server, `IP[:PORT]`")
		f.StringVar(&o.caFile, "ca-file", "", "trust the certificates in `FILE` in place of the system's")
	})
	inGroup(flags, "Login (no flag takes the password itself)", func(f *pflag.FlagSet) {
		f.StringVarP(&o.account, "account", "u", "", "try a login with this `NAME`")
		o.passwords["env"] = f.String("password-env", "", "the password stands in the variable `NAME`")
		o.passwords["file"] = f.String("password-file", "", "... in `FILE`; one line end is removed")
		o.passwords["command"] = f.String("password-command", "", "... is what `CMD` prints")
		f.BoolVar(&o.stdin, "password-stdin", false, "... comes on standard input")
		o.passwords["keyring"] = f.String("password-keyring", "", "... in the system's keyring, under `SERVICE`")
		f.Lookup("password-keyring").NoOptDefVal = profile.KeyringService
		f.BoolVar(&o.yes, "yes", false, "send the password to a server outside the domain")
		f.BoolVar(&o.noAsk, "no-input", false, "never ask (also when CI is set)")
	})
	inGroup(flags, "Output", func(f *pflag.FlagSet) {
		f.StringVar(&o.write, "write", "", "save the settings, without a password, to a new `FILE`")
	})
	o.output.add(cmd)
	inGroup(flags, "Output", func(f *pflag.FlagSet) { addMask(f, &o.mask) })
	for _, name := range []string{"account", "resolver", "password-env", "password-command", "password-keyring"} {
		completeWith(cmd, name)
	}
}

// discovery is one run of the command.
type discovery struct {
	process  *process
	options  *discoverOptions
	address  discover.Address
	settings probe.Settings // of the login, without a server; and what else was set
	outcome  discover.Outcome
	login    *discoveryLogin
}

func (o *discoverOptions) run(ctx context.Context, p *process, typed string) error {
	d := &discovery{process: p, options: o}
	if err := d.prepare(ctx, typed); err != nil {
		return err
	}
	if p.term.errTTY && o.output.format == formatText {
		fmt.Fprintf(p.err, "Looking for the settings of %s, for at most 12 seconds ...\n", p.masked(d.address.Unicode))
	}
	world := discover.World{Resolver: d.settings.Resolver, CA: d.settings.CA}
	d.outcome = discover.Find(ctx, world, d.address.Domain, discover.Options{Autodiscover: o.autodiscover, OnlineDatabase: o.onlineDatabase})
	refusal := d.tryLogin(ctx)
	if err := d.save(); err != nil {
		return err
	}
	if err := d.print(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if refusal != nil {
		return refusal
	}
	return exitWith(d.code())
}

// prepare reads everything that can be wrong before anybody is asked.
func (d *discovery) prepare(ctx context.Context, typed string) error {
	o := d.options
	if err := o.output.check(); err != nil {
		return err
	}
	address, err := discover.ParseAddress(typed)
	if err != nil {
		return usage(addressHint(err), "%v", err)
	}
	d.address = address
	if d.process.maskIf(o.mask); o.mask {
		d.process.mask.LearnAddress(o.account)
		d.process.mask.LearnAddress(typed)
		d.process.mask.LearnHosts(address.Domain, address.Unicode)
	}
	if _, err := os.Lstat(o.write); o.write != "" && !errors.Is(err, fs.ErrNotExist) {
		return usage("Name a file that is not there yet.", "--write: there is such a file already, and none is overwritten")
	}
	if o.account == "" && len(o.sources()) > 0 {
		return usage("-u ACCOUNT, as a rule the whole address.", "there is a password and no account to log in with")
	}
	return d.readSettings(ctx)
}

// addressHint does not repeat what was typed.
func addressHint(err error) string {
	switch {
	case errors.Is(err, discover.ErrLiteral):
		return "smtpdx check HOST[:PORT] checks a server."
	case errors.Is(err, discover.ErrMany):
		return "smtpdx discover ADDRESS, one at a time."
	}
	return "For example smtpdx discover me@example.com; a server is checked by smtpdx check HOST."
}

// sources are the password sources that were given.
func (o *discoverOptions) sources() []profile.Source {
	var all []profile.Source
	for _, kind := range []string{"env", "file", "command", "keyring"} {
		if *o.passwords[kind] != "" {
			all = append(all, profile.Source{Kind: kind, Value: *o.passwords[kind]})
		}
	}
	if o.stdin {
		all = append(all, profile.Source{Kind: "stdin"})
	}
	return all
}

// readSettings has package profile read what the flags say, with the domain
// in the place of the server that is not known yet.
func (d *discovery) readSettings(ctx context.Context) error {
	o := d.options
	flags := profile.Flags{Values: map[string]string{"host": d.address.Domain}, Password: o.sources(), Until: probe.StepSettings}
	for key, value := range map[string]string{"account": o.account, "resolver": o.resolver, "ca_file": o.caFile} {
		if value != "" {
			flags.Values[key] = value
		}
	}
	if o.account != "" {
		flags.Until = probe.StepAuth
	}
	all, err := profile.Load(ctx, flags, d.process.world())
	if err != nil {
		return refused(err)
	}
	d.settings = all[0]
	if o.account != "" {
		check := checkOptions{settings: settingsFlags{until: string(probe.StepAuth)}}
		check.finish(&d.settings, d.mayAsk())
	}
	if wrong := d.settings.Refused; wrong != nil {
		return usage(wrong.Hint, "%s", wrong.Text)
	}
	return nil
}

func (d *discovery) mayAsk() bool {
	return d.process.ask != nil && !d.options.noAsk && !inCI(d.process.getenv)
}

// discoveryLogin is the one attempt that was made with the account.
type discoveryLogin struct {
	Server     string      `json:"server"` // HOST:PORT
	Account    string      `json:"account"`
	Accepted   bool        `json:"accepted"`
	FailedStep probe.Maybe `json:"failed_step"`
	Text       string      `json:"text"`
}

// tryLogin logs in at the best verified server, if that was asked for and a
// person agrees where one has to.
func (d *discovery) tryLogin(ctx context.Context) error {
	best, ok := d.outcome.Best()
	if d.options.account == "" || !ok || d.outcome.Ended {
		return nil
	}
	if err := d.consent(ctx, best); err != nil {
		return err
	}
	result := d.check(ctx, best)
	d.login = &discoveryLogin{Server: best.Server(), Account: string(result.Settings.Account), FailedStep: result.FailedStep, Text: "no login was tried"}
	for _, step := range result.Steps {
		if step.ID == probe.StepAuth && (step.Status == probe.Pass || step.Status == probe.Warn) {
			d.login.Accepted = true
			d.login.Text = step.Summary
		} else if step.Status == probe.Fail {
			d.login.Text = string(step.ID) + ": " + step.Summary
		}
	}
	for _, f := range result.Findings {
		if f.Severity != "info" {
			d.outcome.Findings = append(d.outcome.Findings, f)
		}
	}
	return nil
}

// consent asks before a password goes to a server outside the domain (RFC 6186 section 6).
func (d *discovery) consent(ctx context.Context, c discover.Candidate) error {
	if !c.NeedsConsent() || d.options.yes {
		return nil
	}
	refusal := usage("See whether you know the server; --yes sends the password there.",
		"%s is not in %s, so the password was not sent there", c.Host, d.address.Unicode)
	if !d.mayAsk() {
		return refusal
	}
	return askConsent(ctx, d.process, c, d.address, refusal)
}

// check runs the engine up to the login.
func (d *discovery) check(ctx context.Context, c discover.Candidate) probe.Result {
	s := d.settings
	s.Host, s.Port, s.Encryption, s.Until = c.Host, c.Port, c.Encryption, probe.StepAuth
	s.Provider, s.Preset, s.Remarks, s.Cleaned, s.From, s.To = nil, "", nil, nil, nil, nil
	prober := probe.Prober{AskPassword: func(ctx context.Context, s probe.Settings) (secret.Value, error) {
		return d.process.ask.Hidden(ctx, "Password for "+secret.Clean(s.Account)+" at "+s.Host+": ")
	}}
	var report probe.Report
	for e := range prober.Run(ctx, s) {
		report.Add(e)
	}
	return report.Results[0]
}

// code is the exit code.
func (d *discovery) code() int {
	_, works := d.outcome.Best()
	switch {
	case len(d.outcome.Candidates) == 0:
		return exitUnknown
	case d.login != nil && !d.login.Accepted:
		return codeOfStep(probe.StepID(d.login.FailedStep))
	case d.options.account != "" && !works:
		return d.codeOfFirst()
	}
	return exitPassed
}

// codeOfFirst is why the login could not even be tried.
func (d *discovery) codeOfFirst() int {
	if step := d.outcome.Candidates[0].FailedStep; step != "" {
		return codeOfStep(step)
	}
	return exitUnknown
}

// save writes the settings to a new file. Others may not read it: a password may be added.
func (d *discovery) save() error {
	if d.options.write == "" {
		return nil
	}
	text, ok := d.profile(time.Now())
	if !ok {
		d.process.complain("nothing was found that could be saved, so "+d.options.write+" was not written", "")
		d.options.write = ""
		return nil
	}
	file, err := os.OpenFile(d.options.write, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usage("Name a file that is not there yet, in a folder that is.", "the settings cannot be saved: %v", err)
	}
	_, err = file.WriteString(text)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("save the settings: %w", err)
	}
	return nil
}

func (d *discovery) print() error {
	switch d.options.output.format {
	case formatJSON:
		fmt.Fprintf(d.process.err, "%s\n", d.process.masked(d.verdict()))
		document := d.document()
		if d.process.mask != nil {
			document = mask.Document(d.process.mask, document)
		}
		return printDocument(d.process, document)
	case formatMarkdown:
		fmt.Fprint(d.process.out, d.sheet().masked(d.process).markdown())
	default:
		fmt.Fprint(d.process.out, d.sheet().masked(d.process).text(d.process.term.width))
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/delivery"
)

type checkOptions struct {
	settings settingsFlags
	output   outputOptions
	baseline baselineOption
}

func newCheck(p *process) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [TARGET...]",
		Short: "Probe the settings step by step; sends no mail",
		Long: `Probes mail settings step by step, from the name look-up to the permission to
send as a given address, and says what to change. No mail is sent: the last step
is MAIL FROM, RCPT TO, RSET.

TARGET is a profile of the settings file, HOST[:PORT], smtp://HOST[:PORT] or
smtps://HOST[:PORT], or a mail address, whose settings are looked for first.
Settings come from flags, then from variables SMTPDX_HOST, SMTPDX_PORT, ... (the
names of the flags), then from the file, then from a preset. Without any, and on
a terminal, they are asked for.

Exit codes: 0 passed (warnings too), 2 usage or settings, 3 warnings under
--strict, 10 dns, 11 tcp, 12 greeting, 13 ehlo, 14 starttls or tls,
15 certificate, 16 auth, 17 sender, 5 several profiles that failed in different
ways, 6 worse than the --baseline, 130 interrupted, 1 the tool itself failed.`,
		Example: `  smtpdx check smtp.example.com:587 -u me@example.com
  smtpdx check me@example.com
  smtpdx check smtps://smtp.example.com -u me@example.com --from jobs@example.com
  smtpdx check -c smtpdx.yaml --all -o json`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return o.completeTargets(p)
		},
		RunE: func(cmd *cobra.Command, targets []string) error { return o.run(cmd, p, targets) },
	}
	cmd.Flags().SortFlags = false
	o.settings.add(cmd.Flags())
	o.output.add(cmd.Flags())
	o.baseline.add(cmd.Flags())
	o.settings.complete(cmd)
	completeOutput(cmd)
	return cmd
}

func (o *checkOptions) run(cmd *cobra.Command, p *process, targets []string) error {
	if err := o.output.check(p); err != nil {
		return err
	}
	if err := o.settings.check(); err != nil {
		return err
	}
	if err := o.baseline.read(p, o.output.format); err != nil {
		return err
	}
	mayAsk := o.mayAsk(p)
	all, err := o.load(cmd.Context(), p, targets, mayAsk)
	if err != nil {
		return err
	}
	for i := range all {
		o.finish(&all[i], mayAsk)
	}
	return o.probe(cmd, p, targets, all, mayAsk)
}

// mayAsk: a person is there and may be asked.
func (o *checkOptions) mayAsk(p *process) bool {
	return p.ask != nil && !o.settings.noAsk && !inCI(p.getenv)
}

// finish adds to loaded settings what only the command knows.
func (o *checkOptions) finish(s *probe.Settings, mayAsk bool) {
	refuseToken(s)
	if s.Refused != nil || s.Account == "" || s.Password.Value.IsSet() || s.Token.IsGiven() || !reachesLogin(s.Until) {
		return
	}
	if !s.Password.IsGiven() {
		s.Password.Source = "prompt"
	}
	if s.Password.Source == "prompt" && !mayAsk {
		s.Refused = &probe.Refusal{Key: "password", Text: "there is an account and no password, and nobody can be asked for it",
			Hint: "--password-env NAME, --password-file FILE, --password-command CMD, --password-stdin\nor --password-keyring; or --until ehlo-tls, which needs none."}
	}
}

func reachesLogin(until probe.StepID) bool {
	return until == "" || until == probe.StepAuth || until == probe.StepSender || until == probe.StepMessage
}

// probe runs the engine and prints what it says.
func (o *checkOptions) probe(cmd *cobra.Command, p *process, targets []string, all []probe.Settings, mayAsk bool) error {
	alone := refusedAlone(all)
	out, err := o.output.open(p, printing{noScreen: alone != nil && !o.output.reportsRefusals(), noVerdict: alone != nil})
	if err != nil {
		return err
	}
	if p.mask != nil {
		p.mask.Learn(all...)
	}
	o.beforeLogin(p, all)
	run := probing{process: p, command: commandLine(cmd, understood(targets, all), homeFolder(), p.getenv), strict: o.output.strict,
		out: out, mayAsk: mayAsk, prober: probe.Prober{Transcript: o.output.verbose, ProviderOf: providerOf, JudgeToken: judgeToken, Alternatives: o.alternatives(), Mailbox: delivery.Mailbox{}}}
	if o.settings.follow {
		run.prober.LookUpSender = delivery.SenderDomain
	}
	if slices.ContainsFunc(all, func(s probe.Settings) bool { return s.OAuth != nil }) {
		run.token = tokenOf(p, p.world(), mayAsk)
	}
	code, err := run.run(cmd.Context(), all)
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if alone != nil {
		p.complain(alone.Text, alone.Hint)
		return exitWith(code)
	}
	code, err = o.baseline.compare(p, &o.output, out.seen, code)
	if err != nil {
		return err
	}
	return exitWith(code)
}

// providerOf knows a provider by the name of its server.
func providerOf(host string) *probe.Provider {
	id, ok := presets.MatchHost(host)
	if !ok {
		return nil
	}
	return &probe.Provider{ID: id, Name: presets.Name(id)}
}

// beforeLogin tells a person, before the first login is tried, what the
// provider wants for it.
func (o *checkOptions) beforeLogin(p *process, all []probe.Settings) {
	if o.output.quiet || o.output.isMachine() {
		return
	}
	said := map[string]bool{}
	for _, s := range all {
		if s.Provider == nil || s.Refused != nil {
			continue
		}
		for _, sentence := range s.Provider.BeforeLogin {
			if !said[sentence] {
				fmt.Fprintln(p.err, folded(p.masked("Note: "+sentence)))
			}
			said[sentence] = true
		}
	}
}

// folded breaks a text at blanks, so that no line is longer than a screen where a
// word is not; lines after the first are indented.
func folded(text string) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > plainWidth-2 {
			lines = append(lines, line)
			line = "     "
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

// refusedAlone gives the refusal of the only settings there are.
func refusedAlone(all []probe.Settings) *probe.Refusal {
	if len(all) != 1 {
		return nil
	}
	return all[0].Refused
}

// understood gives the targets that turned out to be profiles or hosts; any
// other word may be a secret that was pasted at the wrong place.
func understood(targets []string, all []probe.Settings) []string {
	var known []string
	for i, target := range targets {
		if i < len(all) && all[i].Refused == nil || i < len(all) && all[i].Profile == target {
			known = append(known, target)
		}
	}
	return known
}

// reportUsage gives a machine the report that it expects also for a command
// line that cannot be used; a person has been told already.
func (p *process) reportUsage(ctx context.Context, args []string, wrong *usageError) {
	format := wantedFormat(args)
	if format == "" {
		return
	}
	o := outputOptions{format: format}
	out, err := o.open(p, printing{noVerdict: true})
	if err != nil {
		return
	}
	run := probing{process: p, command: "smtpdx " + args[0], out: out}
	refused := probe.Settings{Refused: &probe.Refusal{Text: wrong.text, Hint: wrong.hint}}
	if _, err := run.run(ctx, []probe.Settings{refused}); err != nil {
		p.complain(err.Error(), "")
	}
}

// probes names the commands whose output is a report of a probe.
func probes() []string { return []string{"check", "send", "deliver"} }

// wantedFormat looks for the -o of a format that reports refusals in a command
// line that probes and that the parser may not have understood; "" for any other.
func wantedFormat(args []string) string {
	if len(args) == 0 || !slices.Contains(probes(), args[0]) {
		return ""
	}
	if format := formatOf(args); (&outputOptions{format: format}).reportsRefusals() {
		return format
	}
	return ""
}

// isForMonitoring tells whether a command line whose output is a report has -o nagios.
func isForMonitoring(args []string) bool {
	return len(args) > 0 && slices.Contains(append(probes(), "demo", "report"), args[0]) && formatOf(args) == formatNagios
}

// formatOf is the last value of -o in a command line, as the parser has it.
func formatOf(args []string) string {
	format := ""
	for i, arg := range args {
		value, found := strings.CutPrefix(arg, "--output=")
		if !found && !strings.HasPrefix(arg, "--") {
			value, found = strings.CutPrefix(arg, "-o")
			value = strings.TrimPrefix(value, "=")
		}
		if (arg == "-o" || arg == "--output") && i+1 < len(args) {
			value, found = args[i+1], true
		}
		if found {
			format = value
		}
	}
	return format
}

// checkByDoubleClick asks, checks, and leaves a report beside the program,
// since the window closes with it.
func checkByDoubleClick(ctx context.Context, p *process) error {
	fmt.Fprintln(p.asked, "smtpdx finds out why mail settings (SMTP) do not work, and what to change.")
	a, err := fillForm(ctx, p.ask, p.asked, (&checkOptions{}).finder(p))
	if err == nil {
		err = checkAnswers(ctx, p, a)
	}
	code := p.conclude(ctx, nil, err)
	fmt.Fprint(p.asked, "Press Enter to close.")
	_, _ = p.ask.Line(ctx, "") // whatever comes, the window closes now
	return exitWith(code)
}

func checkAnswers(ctx context.Context, p *process, a answers) error {
	o := checkOptions{output: outputOptions{format: formatText}}
	cmd := newCheck(p)
	cmd.SetContext(ctx)
	path, err := reportPath(a.host)
	if err != nil {
		return err
	}
	o.settings.add(cmd.Flags())
	o.output.reports = []string{formatText + "=" + path}
	all, err := o.loadAnswers(ctx, p, a)
	if err != nil {
		return err
	}
	for i := range all {
		o.finish(&all[i], true)
	}
	err = o.probe(cmd, p, nil, all, true)
	fmt.Fprintf(p.asked, "\nReport written to %s. ", path)
	return err
}

// reportPath is a file named after the host, in the current folder if that can
// be written, else among the temporary files.
func reportPath(host string) (string, error) {
	name := "smtpdx-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, host) + ".txt"
	for _, dir := range []string{".", os.TempDir()} {
		path := filepath.Join(dir, name)
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
		if err == nil {
			return path, file.Close()
		}
	}
	return "", fmt.Errorf("no folder to write the report %s to", name)
}

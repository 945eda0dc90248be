package main

import (
	"crypto/x509"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/delivery"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// The dialogues that a first contact meets.
const (
	healthy         = "healthy"
	healthyDelivery = "healthy-delivery"
	healthyRedirect = "healthy-redirect"
	wrongEncryption = "wrong-encryption"
)

type demoOptions struct {
	output   outputOptions
	deliver  bool
	redirect bool
}

func newDemo(p *process) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo [NAME]",
		Short: "Check a local server of the lab: everything with nothing to set up",
		Long: "Starts a server of the lab on this computer, checks it, and ends it. NAME is one\n" +
			"of \"smtpdx lab list\"; without it, a server that is in order. No settings file,\n" +
			"no credential and no other host is touched. Where the dialogue is about a\n" +
			"message, one is sent to that server, as \"smtpdx send\" does; where it is about a\n" +
			"mailbox, that is in the process too (--deliver shows one, --redirect an address\n" +
			"that redirects to it). The exit code is the check's, or 1 when the check does not\n" +
			"find what the dialogue is about.",
		Example: "  smtpdx demo\n  smtpdx demo " + wrongEncryption + "\n  smtpdx demo --deliver\n  smtpdx demo --redirect",
		Args:    atMostOneArgument, ValidArgsFunction: completeDialogues,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := healthy
			switch {
			case o.deliver && o.redirect:
				return usage("", "--deliver and --redirect show a dialogue each; take one of them")
			case len(args) == 1 && (o.deliver || o.redirect):
				return usage("", "--deliver and --redirect show a dialogue of their own; leave the name out")
			case len(args) == 1:
				name = args[0]
			case o.deliver:
				name = healthyDelivery
			case o.redirect:
				name = healthyRedirect
			}
			return o.run(cmd, p, name)
		},
	}
	inGroup(cmd.Flags(), "Demonstration", func(f *pflag.FlagSet) {
		f.BoolVar(&o.deliver, "deliver", false, "send a message and follow it into a mailbox")
		f.BoolVar(&o.redirect, "redirect", false, "send a message through an address that redirects")
	})
	o.output.add(cmd.Flags())
	completeOutput(cmd)
	return cmd
}

func (o *demoOptions) run(cmd *cobra.Command, p *process, name string) error {
	if err := o.output.check(p); err != nil {
		return err
	}
	dialogue, err := findDialogue(name)
	if err != nil {
		return err
	}
	if dialogue.LinuxOnly && runtime.GOOS != "linux" {
		return usage("", "this dialogue needs what only Linux does")
	}
	out, err := o.output.open(p, printing{})
	if err != nil {
		return err
	}
	server, err := smtptest.Start(cmd.Context(), dialogue, smtptest.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	settings, roots, err := demoSettings(dialogue, server)
	if err != nil {
		return err
	}
	if p.mask != nil {
		p.mask.Learn(settings)
	}
	prober := probe.Prober{Transcript: o.output.verbose, Net: probe.Net{Roots: roots, PublicRoots: roots}, Mailbox: delivery.Mailbox{}}
	if dialogue.Follows() {
		prober.LookUpSender = delivery.SenderDomain // asks the lab's name server
	}
	o.introduce(p, dialogue, server)
	var seen probe.Report
	out.printers = append(out.printers, folding{&seen})
	run := probing{process: p, command: commandLine(cmd, []string{name}, "", p.getenv), strict: o.output.strict, out: out, next: o.next(dialogue),
		prober: prober}
	code, err := run.run(cmd.Context(), []probe.Settings{settings})
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if code == exitInterrupted {
		return exitWith(code)
	}
	return o.conclude(p, dialogue, &seen, code, server.Violations())
}

// demoSettings are what the dialogue wants to be checked with, and the lab's roots.
func demoSettings(d smtptest.Dialogue, server *smtptest.Server) (probe.Settings, *x509.CertPool, error) {
	s := probe.Settings{
		Host: server.Host(), Port: server.Port(), Encryption: probe.Encryption(d.Settings.Encryption),
		Account: d.Settings.Account, Auth: d.Settings.Auth, From: d.Settings.From, To: d.Settings.To, Helo: d.Settings.Helo,
		UsedBy: "here", Resolver: server.Resolver(), Until: probe.StepID(d.Settings.Until),
		AllowPlaintextAuth: d.Settings.AllowPlaintextAuth, Insecure: d.Settings.Insecure,
		TLSMin: 0x0303, Origins: map[string]probe.Origin{},
	}
	if d.Sends() {
		s.Message = testMessage()
	}
	if d.Follows() {
		s.Follow = demoInbox(d, server)
	}
	if d.Redirects() {
		s.Message.AsPerson = true
		s.Redirect = &probe.Redirect{Via: d.Settings.To[0], Bounces: labInbox(server.SenderBox())}
	}
	if d.Settings.Password != "" {
		s.Password = probe.Credential{Value: secret.New(d.Settings.Password), Source: "literal"}
	}
	if d.Settings.Token != "" {
		s.Token = probe.Credential{Value: secret.New(d.Settings.Token), Source: "literal"}
	}
	if d.Settings.Timeout != "" {
		timeout, err := time.ParseDuration(d.Settings.Timeout)
		if err != nil {
			return s, nil, fmt.Errorf("dialogue %s: %w", d.Name, err)
		}
		s.Timeout = timeout
	}
	for _, key := range []string{"host", "port", "encryption", "account", "password"} {
		s.Origins[key] = probe.Origin{From: "default", Where: "dialogue " + d.Name}
	}
	if len(s.From) == 0 && strings.Contains(s.Account, "@") {
		s.From = []string{s.Account} // as for everyone who names no sender
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(server.CA()) {
		return s, nil, fmt.Errorf("dialogue %s: the lab has no root certificate", d.Name)
	}
	return s, roots, nil
}

// demoInbox is the mailbox of the lab.
func demoInbox(d smtptest.Dialogue, server *smtptest.Server) *probe.Follow {
	wait, _ := profile.ParseTime(d.Settings.Wait) // "": the usual time
	return &probe.Follow{Wait: wait, Inbox: labInbox(server.LetterBox())}
}

func labInbox(box *smtptest.LetterBox) *probe.Inbox {
	return &probe.Inbox{Host: box.Host(), Port: box.Port(), Encryption: probe.SSL, Account: box.Account(),
		Password: probe.Credential{Value: secret.New(box.Password()), Source: "literal"}}
}

// introduce says what is checked here, for a person.
func (o *demoOptions) introduce(p *process, d smtptest.Dialogue, server *smtptest.Server) {
	if o.output.isMachine() || o.output.quiet {
		return
	}
	fmt.Fprintf(p.out, "%s: a server of the lab on 127.0.0.1:%d\n%s\n\n", d.Name, server.Port(), d.Title)
}

// conclude compares what was found with what the dialogue is about, and names
// the next demonstration.
func (o *demoOptions) conclude(p *process, d smtptest.Dialogue, seen *probe.Report, code int, violations []string) error {
	for _, violation := range violations {
		fmt.Fprintf(p.err, "smtpdx: the lab's server complains: %s\n", p.masked(violation))
	}
	if !fits(d, seen, code, o.output.strict) || len(violations) > 0 {
		fmt.Fprintf(p.err, "smtpdx: this is not what the dialogue %s is about (%s, exit code %d).\n  Found: %s, exit code %d.\n",
			d.Name, outcomeWords(d), d.ExitCode, foundWords(seen), code)
		return exitWith(exitFailed)
	}
	if !o.output.isMachine() && !o.output.quiet {
		words, name := nextDemo(d)
		fmt.Fprintf(p.out, "\n%s: smtpdx demo %s\n", words, name)
	}
	return exitWith(code)
}

// next replaces the engine's next step, which would lead to a server that has
// ended by then. A person finds it in the last line.
func (o *demoOptions) next(d smtptest.Dialogue) func() probe.List[probe.Next] {
	return func() probe.List[probe.Next] {
		if !o.output.isMachine() {
			return nil
		}
		words, name := nextDemo(d)
		return probe.List[probe.Next]{{Text: words, Command: probe.Maybe("smtpdx demo " + name), Shell: "posix"}}
	}
}

func nextDemo(d smtptest.Dialogue) (words, name string) {
	if d.Name == healthy {
		return "Now a broken one", wrongEncryption
	}
	return "Another one", following(d.Name)
}

// following is the next dialogue of the catalogue; the last is followed by the first.
func following(name string) string {
	names := dialogueNames()
	for i, n := range names {
		if n == name {
			return names[(i+1)%len(names)]
		}
	}
	return healthy
}

// fits tells whether step, cause and exit code are the dialogue's.
func fits(d smtptest.Dialogue, seen *probe.Report, code int, strict bool) bool {
	want := d.ExitCode
	if strict && d.Verdict == "warn" {
		want = exitWarnings
	}
	step, cause := found(seen)
	return code == want && string(seen.Verdict) == d.Verdict && step == d.Step && cause == d.Cause
}

// found gives the step that failed or warned, and the first cause named for it.
func found(seen *probe.Report) (step, cause string) {
	if len(seen.Results) == 0 || seen.Verdict == probe.Pass {
		return "", ""
	}
	result := seen.Results[0]
	step = string(result.FailedStep)
	for _, f := range result.Findings {
		if f.Severity == "info" || step != "" && string(f.Step) != step {
			continue
		}
		if step == "" {
			step = string(f.Step)
		}
		return step, f.Cause
	}
	return step, ""
}

func foundWords(seen *probe.Report) string {
	step, cause := found(seen)
	if step == "" {
		return string(seen.Verdict)
	}
	return fmt.Sprintf("%s at %s: %s", seen.Verdict, step, cause)
}

// folding is a printer that collects the events as a report.
type folding struct{ report *probe.Report }

func (f folding) Event(e probe.Event) error {
	f.report.Add(e)
	return nil
}

func (f folding) Close() error { return nil }

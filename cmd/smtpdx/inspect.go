package main

import (
	"errors"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/judge"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
	"github.com/smtpdx/smtpdx/probe/mask"
	"github.com/smtpdx/smtpdx/probe/report"
)

type inspectOptions struct {
	output presetsOutput
	via    []string
	sender string
	inbox  string
	mask   bool
}

func newInspect(p *process) *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "How a saved message came, and whether its sender survived",
		Long: `Looks at a saved message and says how it came: straight, redirected, or forwarded
as something new; whether a program that reads its header gets the original
sender; and whether mail of senders with a strict DMARC policy comes through on
this way. Nothing is contacted, and no settings file is read.

FILE is a message (.eml, or .msg of Outlook), the lines of its header alone, or a
bounce; - is standard input. What the file does not say can be given.

Exit codes: 0 the sender is kept, 4 it cannot be told, 20 the sender is not kept
or the message came back, 2 usage, or a file that is no message.`,
		Example: "  smtpdx inspect message.eml\n" +
			"  smtpdx inspect message.eml --via jobs@example.com --sender ann@example.org\n" +
			"  pbpaste | smtpdx inspect -",
		Args: oneArgument("a saved message, or - for standard input"),
		RunE: func(_ *cobra.Command, args []string) error { return o.run(p, args[0]) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&o.via, "via", nil, "an `ADDRESS` that redirects; repeatable")
	f.StringVar(&o.sender, "sender", "", "the `ADDRESS` that sent the message first")
	f.StringVar(&o.inbox, "mailbox", "", "the `ADDRESS` of the mailbox in which it was found")
	o.output.add(cmd)
	addMask(f, &o.mask)
	for _, name := range []string{"via", "sender", "mailbox"} {
		completeWith(cmd, name)
	}
	return cmd
}

func (o *inspectOptions) run(p *process, path string) error {
	if err := o.output.check(); err != nil {
		return err
	}
	known, err := o.known()
	if err != nil {
		return err
	}
	m, err := openMessage(p, path)
	if err != nil {
		return err
	}
	in := judge.Inspect(m, known)
	for i := range in.Next {
		in.Next[i].Command = probe.Maybe(strings.ReplaceAll(string(in.Next[i].Command), "inspect FILE", "inspect "+quoteFile(path)))
	}
	code := codeOfInspection(in)
	if p.maskIf(o.mask); o.mask {
		in = maskInspection(p.mask, known, in)
	}
	if err := o.print(p, path, in); err != nil {
		return err
	}
	return exitWith(code)
}

// maskInspection replaces the names that the message and the flags have.
func maskInspection(m *mask.Masker, known judge.Known, in probe.Inspection) probe.Inspection {
	for _, address := range append(known.Via, known.Sender, known.Target, string(in.OriginalSender), string(in.From), string(in.Via), string(in.Mailbox)) {
		m.LearnAddress(address)
	}
	for _, hop := range in.Hops {
		m.LearnHosts(string(hop.From), string(hop.By))
	}
	in = mask.Document(m, in)
	for i, line := range in.Rule.Headers {
		in.Rule.Headers[i] = withoutPerson(line)
	}
	return in
}

// withoutPerson takes the name of a person before an address off a field.
func withoutPerson(line string) string {
	field, value, found := strings.Cut(line, ": ")
	if at := strings.IndexByte(value, '<'); found && at > 0 && strings.Contains(value[at:], "@") {
		return field + ": " + value[at:]
	}
	return line
}

// known is what the flags say of the message.
func (o *inspectOptions) known() (judge.Known, error) {
	known := judge.Known{Advice: redirectAdvice}
	var err error
	for _, v := range o.via {
		address, wrong := plainAddress("--via", v)
		err = errors.Join(err, wrong)
		known.Via = append(known.Via, address)
	}
	if err == nil && o.sender != "" {
		known.Sender, err = plainAddress("--sender", o.sender)
	}
	if err == nil && o.inbox != "" {
		known.Target, err = plainAddress("--mailbox", o.inbox)
	}
	return known, err
}

// plainAddress reads an address as people write it, and refuses anything else
// without repeating it.
func plainAddress(flag, text string) (string, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsAny(a.Address, "\r\n") {
		return "", usage("For example "+flag+" jobs@example.com", "%s: this is no mail address", flag)
	}
	return a.Address, nil
}

// redirectAdvice is how the provider of an address redirects so that the
// sender survives, known by domain or by the names of its servers.
func redirectAdvice(via string, servers []string) string {
	domain := via[strings.LastIndexByte(via, '@')+1:]
	ids := []string{}
	if id, ok := presets.MatchDomain(domain); ok {
		ids = append(ids, id)
	}
	for _, server := range slices.Backward(servers) {
		if id, ok := presets.MatchMX(server); ok {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		if p, ok := presets.Get(id); ok && p.Redirect != "" {
			return p.Name + ": " + p.Redirect
		}
	}
	return ""
}

// howToSave is for files that are no message.
const howToSave = "Outlook: open the message, File > Save As; or File > Properties, and copy the internet headers into a text file.\n" +
	"New Outlook and Outlook on the web: ... > Download (as EML). Gmail: Show original > Download original.\n" +
	"Thunderbird and Apple Mail: Save As."

// openMessage reads a file or standard input.
func openMessage(p *process, path string) (*received.Message, error) {
	in := p.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, usage("", "the message cannot be read: %v", err)
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return nil, usage("smtpdx inspect FILE", "this is a folder, and not a message")
		}
		in = file
	} else if p.ask != nil {
		fmt.Fprintln(p.err, "Paste the header or the whole message. End with Ctrl-D (Windows: Ctrl-Z and Enter).")
	}
	return readMessage(in)
}

func readMessage(in io.Reader) (*received.Message, error) {
	m, err := received.Read(in)
	switch {
	case errors.Is(err, received.ErrMany):
		return nil, usage("Save the one message as a file of its own.", "the file is no single message: %v", err)
	case errors.Is(err, received.ErrOutlookNoHeader):
		return nil, usage("Inspect the copy that arrived in the other mailbox, not one from \"Sent items\" or from inside.", "the message cannot be judged: %v", err)
	case errors.Is(err, received.ErrEmpty), errors.Is(err, received.ErrNoHeader), errors.Is(err, received.ErrOutlook):
		return nil, usage(howToSave, "the file is no message: %v", err)
	case err != nil:
		return nil, usage("", "the message cannot be read: %v", err)
	}
	return m, nil
}

// inspectionDocument is smtpdx.inspection/v1.
type inspectionDocument struct {
	Schema string `json:"schema"`
	probe.Inspection
}

func (o *inspectOptions) print(p *process, path string, in probe.Inspection) error {
	if o.output.format == formatJSON {
		fmt.Fprintln(p.err, folded(report.KeptSentence(in)))
		return printDocument(p, inspectionDocument{probe.InspectionSchema, in})
	}
	options := report.Options{Terminal: p.term.outTTY, Width: p.term.width, Color: p.term.color, Unicode: p.term.unicode, Shell: p.term.shell()}
	return report.Inspected(p.out, o.output.format, options, messageName(path), in)
}

func messageName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return shown(filepath.Base(path))
}

// quoteFile writes a file's name for a command line; a name that a shell would
// read as something else stays FILE.
func quoteFile(path string) string {
	isPlain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/@+,:", r)
	}
	if path == "-" || strings.ContainsFunc(path, func(r rune) bool { return !isPlain(r) }) {
		return "FILE"
	}
	return path
}

// codeOfInspection: a message that came back has failed, and one of which it
// cannot be told whether the sender is kept is not recognised.
func codeOfInspection(in probe.Inspection) int {
	failed := slices.ContainsFunc(in.Findings, func(f probe.Finding) bool { return f.Severity == cause.Error })
	switch {
	case failed, in.SenderKept != nil && !*in.SenderKept:
		return codeOfStep(probe.StepRedirect)
	case in.How == probe.Undetermined, in.SenderKept == nil:
		return exitUnknown
	}
	return exitPassed
}

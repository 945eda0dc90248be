package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/explain"
	"github.com/smtpdx/smtpdx/probe/mask"
	"github.com/smtpdx/smtpdx/probe/report"
)

// explainOptions are the flags of explain, as texts.
type explainOptions struct {
	output presetsOutput
	file   string
	cause  string
	list   bool
	mask   bool

	host, port, encryption, account, from, provider, step string
}

func newExplain(p *process) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain [TEXT]",
		Short: "What a pasted error, ticket or mail log means, and what to change",
		Long: "Finds the error in a text and says what it means, as check would: a line, a\n" +
			"transcript, a stack trace, a whole ticket, a mail log of any size. The settings\n" +
			"are read out of the text too, unless flags say them. Nothing is contacted, and\n" +
			"no settings file is read. Without TEXT and -f the text comes on standard input.\n" +
			"A password in the text is dropped, and nothing repeats it.",
		Example: "  smtpdx explain \"535 5.7.139 Authentication unsuccessful\"\n" +
			"  smtpdx explain -f ticket.txt -o markdown\n" +
			"  journalctl -u postfix | smtpdx explain\n" +
			"  smtpdx explain --port 587 --encryption ssl \"wrong version number\"\n" +
			"  smtpdx explain --cause auth-disabled-by-admin",
		Args: cobra.ArbitraryArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(p, args) },
	}
	o.add(cmd)
	return cmd
}

func (o *explainOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "the text stands in `FILE`; - is standard input")
	f.StringVar(&o.host, "host", "", "server `NAME` that was entered")
	f.StringVar(&o.port, "port", "", "`PORT` that was entered")
	f.StringVar(&o.encryption, "encryption", "", "`MODE` that was entered: starttls, ssl or none")
	f.StringVarP(&o.account, "account", "u", "", "login `NAME` that was entered")
	f.StringVar(&o.from, "from", "", "`ADDRESS` of the sender")
	f.StringVar(&o.provider, "provider", "", "provider `ID` (smtpdx presets list)")
	f.StringVar(&o.step, "step", "", "`STEP` at which it failed")
	f.StringVar(&o.cause, "cause", "", "show all that is known of the cause `ID`")
	f.BoolVar(&o.list, "list", false, "list the causes")
	o.output.add(cmd)
	addMask(f, &o.mask)
	completeWith(cmd, "encryption", "starttls", "ssl", "none")
	completeWith(cmd, "provider", presets.IDs()...)
	completeWith(cmd, "step", stepNames()...)
	completeWith(cmd, "cause", causeIDs()...)
	for _, name := range []string{"host", "port", "account", "from"} {
		completeWith(cmd, name)
	}
}

func (o *explainOptions) run(p *process, args []string) error {
	if err := o.check(args); err != nil {
		return err
	}
	switch {
	case o.list:
		return o.printCauses(p)
	case o.cause != "":
		return o.printCause(p)
	}
	known, err := o.settings()
	if err != nil {
		return err
	}
	in, closeIn, err := o.open(p, args)
	if err != nil {
		return err
	}
	defer closeIn()
	x, err := explain.Read(cause.Builtin(), in, known)
	if err != nil {
		return fmt.Errorf("read the text: %w", err)
	}
	if p.maskIf(o.mask); o.mask {
		p.mask.LearnHosts(string(x.Settings.Host))
		p.mask.LearnAddress(string(x.Settings.Account))
		p.mask.LearnAddress(string(x.Settings.From))
		x = mask.Document(p.mask, x)
	}
	return o.print(p, x)
}

// check refuses flags that contradict each other.
func (o *explainOptions) check(args []string) error {
	if err := o.output.check(); err != nil {
		return err
	}
	ways := 0
	for _, given := range []bool{len(args) > 0, o.file != "", o.cause != "", o.list} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return usage("One of: the text itself, -f FILE, --cause ID, --list.", "explain takes one thing at a time")
	}
	if (o.cause != "" || o.list) && o.host+o.port+o.encryption+o.account+o.from+o.provider+o.step != "" {
		return usage("They go with a text.", "--cause and --list take no settings")
	}
	return nil
}

// settings reads the flags; no value is repeated, as it may be a secret.
func (o *explainOptions) settings() (explain.Settings, error) {
	s := explain.Settings{Host: strings.TrimSpace(o.host), Account: o.account, From: o.from, Provider: strings.ToLower(o.provider), Step: o.step, Now: time.Now()}
	if i := strings.LastIndex(s.Host, "@"); i >= 0 && strings.Contains(strings.TrimPrefix(s.Host[:i], "://"), ":") {
		return s, usage("Give the host alone: --host smtp.example.com", "--host has a password in it, and a command line is no place for one")
	}
	if host, port, found := strings.Cut(s.Host, ":"); found && !strings.Contains(port, ":") && !strings.Contains(port, "/") {
		if o.port != "" && o.port != port {
			return s, usage("Keep one of them.", "two ports are given, by --port and behind the host")
		}
		s.Host, o.port = host, port
	}
	if o.port != "" {
		n, err := strconv.Atoi(o.port)
		if err != nil || n < 1 || n > 65535 {
			return s, usage("Usual are 587 (TLS/STARTTLS) and 465 (SSL).", "the port has to be a number from 1 to 65535")
		}
		s.Port = n
	}
	if o.encryption != "" {
		s.Encryption = explain.EncryptionOf(o.encryption, s.Port)
		if s.Encryption == "" {
			return s, usage("starttls, ssl (TLS from the first byte) or none.", "there is no such encryption")
		}
	}
	if o.step != "" {
		if err := oneOf("--step", o.step, stepNames()); err != nil {
			return s, err
		}
	}
	return s, o.checkProvider(s)
}

func (o *explainOptions) checkProvider(s explain.Settings) error {
	if s.Provider == "" {
		return nil
	}
	if presets.Name(s.Provider) == "" {
		hint := "smtpdx presets list shows what there is."
		if near := nearPreset(s.Provider); near != "" {
			hint = "Did you mean " + near + "? " + hint
		}
		return usage(hint, "--provider: there is no provider of that id")
	}
	if other, ok := presets.MatchHost(s.Host); ok && other != s.Provider && !sharesHost(s.Provider, s.Host) {
		return usage("Keep one of them.", "--host is a server of %s, which is not --provider", presets.Name(other))
	}
	return nil
}

// sharesHost: several providers of the list have the same server.
func sharesHost(id, host string) bool {
	p, _ := presets.Get(id)
	return slices.ContainsFunc(p.Endpoints, func(e presets.Endpoint) bool {
		_, fits := e.Values(strings.ToLower(host))
		return fits
	})
}

// open finds the text.
func (o *explainOptions) open(p *process, args []string) (io.Reader, func(), error) {
	nothing := func() {}
	switch {
	case len(args) == 1 && args[0] == "-" || o.file == "-" || len(args) == 0 && o.file == "":
		if p.ask != nil {
			fmt.Fprintf(p.err, "%s\nEnd with %s.\n", whatToPaste, endOfInput(p))
		}
		return p.in, nothing, nil
	case o.file == "":
		return strings.NewReader(strings.Join(args, " ")), nothing, nil
	}
	file, err := os.Open(o.file)
	if err != nil {
		return nil, nothing, usage("-f FILE, or the text itself as the argument.", "the file cannot be read: %v", withoutPath(err))
	}
	return file, func() { file.Close() }, nil
}

// withoutPath: what stands behind -f may be the pasted text.
func withoutPath(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

const whatToPaste = "Paste the error: the server's line with its number (535 5.7.8 ...), the lines\n" +
	"around it, or the whole ticket."

func endOfInput(p *process) string {
	if p.term.windowed {
		return "Ctrl-Z and Enter"
	}
	return "Ctrl-D"
}

func (o *explainOptions) print(p *process, x *explain.Explanation) error {
	if o.output.format == formatJSON {
		if err := printDocument(p, x); err != nil {
			return err
		}
	}
	if words := nothingFound(x.Kind); words != "" {
		p.complain(words, whatToPaste)
		return exitWith(exitUnknown)
	}
	if o.output.format == formatJSON {
		return nil
	}
	options := report.Options{Terminal: p.term.outTTY, Width: p.term.width, Color: p.term.color, Unicode: p.term.unicode, Shell: p.term.shell()}
	return report.Explained(p.out, o.output.format, options, told(x))
}

// nothingFound says why there is nothing to explain.
func nothingFound(kind explain.Kind) string {
	switch kind {
	case explain.Empty:
		return "there is no text"
	case explain.Binary:
		return "this is no text: a picture or another binary file"
	case explain.Other:
		return "there is neither an error nor a setting in this text"
	}
	return ""
}

// mostSeen is how many lines of a log's summary are printed; JSON has all.
const mostSeen = 12

func told(x *explain.Explanation) report.Told {
	t := report.Told{Findings: x.Findings, Next: x.Next, Read: readWords(x.Settings)}
	isLog := len(x.Occurrences) > 1 || len(x.Occurrences) == 1 && x.Occurrences[0].Count > 1
	for i, o := range x.Occurrences {
		if !isLog {
			break
		}
		if i == mostSeen {
			t.Seen = append(t.Seen, fmt.Sprintf("and %d more: -o json", len(x.Occurrences)-i))
			break
		}
		t.Seen = append(t.Seen, report.SeenWords(o.Count, stampWords(o.First), stampWords(o.Last), string(o.Host), o.Cause))
	}
	return t
}

func stampWords(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format("2006-01-02 15:04:05")
}

// readWords are the settings that were read out of the text.
func readWords(k explain.Known) []string {
	var words []string
	add := func(key, label, value string) {
		if k.Origins[key] == "text" && value != "" {
			words = append(words, label+" "+value)
		}
	}
	add("host", "Host", string(k.Host))
	if k.Port != nil {
		add("port", "Port", strconv.Itoa(*k.Port))
	}
	add("encryption", "Encryption", report.EncryptionWord(string(k.Encryption)))
	add("account", "Account", string(k.Account))
	add("from", "Sender", string(k.From))
	if len(words) == 0 {
		return nil
	}
	return []string{strings.Join(words, ", ") + " (from the text)"}
}

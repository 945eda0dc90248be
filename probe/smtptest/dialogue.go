package smtptest

import (
	"cmp"
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// Dialogue is one behaviour of a server, the settings to meet it with, and
// what a diagnosis must say. The package comment describes its text.
type Dialogue struct {
	Name    string // of the file, without .txt
	Title   string // one line
	Teaches string // what a person learns from it, one paragraph
	Make    string // whose healthy ways it begins with: postfix, exchange, ...

	Settings Settings // what the client should be asked to use

	Verdict   string // pass, warn or fail
	Step      string // the step that fails or warns, "" for pass
	Cause     string // the first cause expected, "" for pass
	ExitCode  int    // 0 for pass and warn
	LinuxOnly bool   // needs what only Linux does

	Text string // the source

	mailbox  *arrival     // nil: there is none
	redirect *redirection // nil: the recipient's own mailbox it is
	lanes    []lane       // at least one
	records  []record
}

// Sends tells whether meeting the dialogue takes a message; all others are met
// by a check, which sends none.
func (d Dialogue) Sends() bool { return d.Step == "message" || d.Follows() }

// Follows tells whether the message is to be looked for in a mailbox.
func (d Dialogue) Follows() bool { return d.mailbox != nil }

// Redirects tells whether the recipient is an address that redirects to the mailbox.
func (d Dialogue) Redirects() bool { return d.redirect != nil }

// Settings are what the client is asked to use; zero means not set.
type Settings struct {
	Host       string // "localhost" unless the dialogue has names of its own
	Encryption string // starttls, ssl, none
	Account    string
	Password   string
	Token      string
	Auth       string // a forced mechanism
	From, To   []string
	Helo       string
	Timeout    string // "3s"
	Until      string // a step
	Wait       string // "3s", for the message to arrive

	AllowPlaintextAuth bool
	Insecure           bool
}

// lane is what one address does.
type lane struct {
	address string // "" for every address that has no lane of its own
	script  *script
}

//go:embed catalogue/*.txt makes/*.txt
var files embed.FS

// The catalogue is compiled in, so an error in it is a programming error; a
// test parses every file before it gets here.
var catalogue = sync.OnceValue(func() []Dialogue {
	names, err := fs.Glob(files, "catalogue/*.txt")
	if err != nil {
		panic(err)
	}
	all := make([]Dialogue, 0, len(names))
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		d, err := Parse(strings.TrimSuffix(path.Base(name), ".txt"), text)
		if err != nil {
			panic(err)
		}
		all = append(all, d)
	}
	slices.SortStableFunc(all, byStep)
	return all
})

// Catalogue gives every dialogue: the healthy ones, then those that warn or
// fail in the order of the steps, by name within a step.
func Catalogue() []Dialogue { return slices.Clone(catalogue()) }

// Lookup finds a dialogue by its name.
func Lookup(name string) (Dialogue, bool) {
	for _, d := range catalogue() {
		if d.Name == name {
			return d, true
		}
	}
	return Dialogue{}, false
}

func byStep(a, b Dialogue) int {
	return cmp.Or(
		cmp.Compare(slices.Index(stepOrder, a.Step), slices.Index(stepOrder, b.Step)),
		strings.Compare(a.Name, b.Name))
}

// stepOrder are the steps a dialogue can name, the healthy one first.
var stepOrder = []string{"", "settings", "dns", "tcp", "greeting", "ehlo", "starttls", "tls", "certificate",
	"ehlo-tls", "auth", "sender", "message", "delivery", "redirect"}

// exitCode is the code of a run that fails at a step.
func exitCode(step string) int {
	switch step {
	case "settings":
		return 2
	case "dns":
		return 10
	case "tcp":
		return 11
	case "greeting":
		return 12
	case "ehlo", "ehlo-tls":
		return 13
	case "starttls", "tls":
		return 14
	case "certificate":
		return 15
	case "auth":
		return 16
	case "sender":
		return 17
	case "message":
		return 18
	case "delivery":
		return 19
	case "redirect":
		return 20
	}
	return 0
}

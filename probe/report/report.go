// Package report prints what a run of the engine found, in the formats of the
// command line: text for a person, JSON for a program. Every printer is a pure
// function of the events it is given, so that a saved run prints like a live one.
//
// To add a format: one file with its printer, one line in formats, golden files.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// Printer prints the events of one run in the order in which they come. The
// errors are those of the writer. Close ends the output; it does not close the
// writer.
type Printer interface {
	Event(probe.Event) error
	Close() error
}

// Pauser is a Printer that can make room for a question: it prints what was
// held back and takes the running line away until the next event. What New
// gives is one.
type Pauser interface {
	Pause() error
}

// Options say where the output goes. The zero value is a pipe of 80 columns
// that takes ASCII only.
type Options struct {
	Terminal bool      // the output is a terminal: every step has its line as soon as it is known
	Width    int       // columns; 0 means 80, more than 80 are not used, fewer than 40 are taken as 40
	Color    bool      // the 16 colours of ANSI may be used
	Unicode  bool      // more than ASCII can be shown
	Verbose  bool      // with the transcript
	Quiet    bool      // text only: one line a result
	Progress io.Writer // a terminal for the running line, usually standard error; nil: none
	Shell    string    // posix or powershell: whose commands are shown where there is a choice; "" means posix
}

// Format is one way to print a run.
type Format struct {
	Name    string   // as -o has it
	Endings []string // of the files that --report writes in this format, with the dot
	Machine bool     // a document or for a program: the verdict goes to standard error too
	// Refusals: a command line or settings that cannot be used are reported too;
	// with the other formats standard output stays empty.
	Refusals bool
	printer  func(io.Writer, Options) output
}

// output is a Printer whose writer cannot fail; New makes the rest of it.
type output interface {
	event(probe.Event) error
	flush() // what was held back
}

// Formats lists the formats, the default first.
func Formats() []Format {
	return []Format{
		{Name: "text", Endings: []string{".txt"}, printer: newText},
		{Name: "json", Endings: []string{".json"}, Machine: true, Refusals: true, printer: newJSON},
		{Name: "jsonl", Endings: []string{".jsonl"}, Machine: true, Refusals: true, printer: newJSONLines},
		{Name: "markdown", Endings: []string{".md"}, Machine: true, printer: newMarkdown},
		{Name: "html", Endings: []string{".html", ".htm"}, Machine: true, printer: newHTML},
		{Name: "junit", Endings: []string{".xml"}, Machine: true, printer: newJUnit},
		{Name: "github", Machine: true, printer: newGitHub},
		{Name: "nagios", Machine: true, Refusals: true, printer: newNagios},
	}
}

// Lookup finds a format by its name.
func Lookup(name string) (Format, bool) {
	all := Formats()
	i := slices.IndexFunc(all, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return all[i], true
}

// ByEnding finds the format of a file by the ending of its name.
func ByEnding(file string) (Format, bool) {
	for _, f := range Formats() {
		for _, ending := range f.Endings {
			if strings.HasSuffix(strings.ToLower(file), ending) {
				return f, true
			}
		}
	}
	return Format{}, false
}

// New gives the printer of a format. It fails for a name that Formats does not list.
func New(name string, w io.Writer, o Options) (Printer, error) {
	format, ok := Lookup(name)
	if !ok {
		return nil, fmt.Errorf("there is no output format %q", name)
	}
	return newScreen(w, o, format.printer), nil
}

package main

import (
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe/mask"
)

// process is what a command knows of the process it runs in, handed in so that
// a test can hand in its own.
type process struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	getenv func(string) string // "" when unset
	term   terminal
	ask    asker     // nil: nobody can be asked
	asked  io.Writer // where the questions stand; nil as ask is
	// doubleClicked: the program has a console window of its own, which closes with it.
	doubleClicked bool
	mask          *mask.Masker // replaces names in what is said; nil: names are shown
	monitored     *int         // the state of the run for a monitoring system, nil until one has ended
}

// realProcess is the process as the operating system started it.
func realProcess() *process {
	p := &process{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	p.term = lookAtTerminal(os.Stdout, os.Stderr, os.Getenv)
	if screen := questionScreen(os.Stdin, os.Stderr); screen != nil {
		p.ask = &person{in: os.Stdin, out: screen}
		p.asked = screen
		p.doubleClicked = ownsConsole()
	}
	return p
}

// addMask adds the flag --mask.
func addMask(flags *pflag.FlagSet, to *bool) {
	flags.BoolVar(to, "mask", false, "replace names and addresses by stand-ins, except the provider's")
}

// maskIf has names replaced in all that is said from now on.
func (p *process) maskIf(wanted bool) {
	if wanted && p.mask == nil {
		p.mask = mask.New()
	}
}

// masked is a text as it may be said.
func (p *process) masked(text string) string {
	if p.mask == nil {
		return text
	}
	return p.mask.Text(text)
}

package main

import (
	"io"
	"os"
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
	monitored     *int // the state of the run for a monitoring system, nil until one has ended
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

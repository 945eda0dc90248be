// Package probe is the engine: it puts one set of settings to the network and
// the server, step by step, and reports what it saw, what that means and what
// to do. Run yields events; a Report is their fold. For the commands, which
// bring the settings and print, and for whoever asks the same from Go. It
// prints nothing, reads no environment and knows no format.
package probe

// Package explain reads what people paste when mail does not work: a reply, a
// log, a stack trace, a whole ticket. It finds the server's refusals and the
// client's errors in it, turns them into the Facts that a check would have
// had, and asks the same rules. For the command of that name.
//
// A password that stands in the text is dropped at once and in every form; it
// is in nothing that Read gives.
package explain

import (
	"io"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// Schema names the JSON document that Explanation is.
const Schema = "smtpdx.explanation/v1"

// Settings are what is known beside the text: zero values mean not known.
type Settings struct {
	Host       string
	Port       int
	Encryption string // starttls, ssl, none
	Account    string
	From       string
	Provider   string // preset id
	Step       string // a step id of the contract

	Now time.Time // for stamps without a year; zero: the present

	tlsAlone bool // the text says "TLS" and no more, which forms use for both ways
}

// Explanation is what a text says, and the JSON document of that schema.
// Nothing in it is secret.
type Explanation struct {
	Schema      string                    `json:"schema"`
	Settings    Known                     `json:"settings"`
	Findings    probe.List[probe.Finding] `json:"findings"`
	Next        probe.List[probe.Next]    `json:"next"`
	Occurrences probe.List[Occurrence]    `json:"occurrences"`

	Kind Kind `json:"-"`
}

// Kind is what was given to Read.
type Kind string

// The kinds of text.
const (
	Error        Kind = "error"
	SettingsOnly Kind = "settings" // no error, but settings
	Other        Kind = "other"    // neither
	Empty        Kind = "empty"
	Binary       Kind = "binary"
)

// Known are the settings, given or read out of the text.
type Known struct {
	Host       probe.Maybe       `json:"host"`
	Port       *int              `json:"port"`
	Encryption probe.Maybe       `json:"encryption"`
	Account    probe.Maybe       `json:"account"`
	From       probe.Maybe       `json:"from"`
	Provider   probe.Maybe       `json:"provider"`
	Step       probe.Maybe       `json:"step"`
	Origins    map[string]string `json:"origins"` // by setting: given or text
}

// Occurrence is a cause in a log, at one server.
type Occurrence struct {
	Cause   string      `json:"cause"`
	Host    probe.Maybe `json:"host"` // the server, as far as the log names it
	Count   int         `json:"count"`
	First   *time.Time  `json:"first"`
	Last    *time.Time  `json:"last"`
	Example string      `json:"example"`
}

// longestTicket is how much of a text is looked at as a whole, in bytes; what
// is longer is read as a log, line by line.
const longestTicket = 64 << 10

// Read explains a text of any length in memory that does not grow with it.
// Findings come the most likely first. The error is the reader's own.
func Read(base *cause.Base, r io.Reader, s Settings) (*Explanation, error) {
	if s.Now.IsZero() {
		s.Now = time.Now()
	}
	head := make([]byte, longestTicket)
	n, err := io.ReadFull(r, head)
	head = head[:n]
	switch err {
	case nil: // there may be more
		l := newLog(s)
		if err := l.read(head, r); err != nil {
			return nil, err
		}
		return l.explain(base), nil
	case io.EOF, io.ErrUnexpectedEOF:
		return explain(base, decode(head), s), nil
	}
	return nil, err
}

// explain explains a text as a whole.
func explain(base *cause.Base, text string, s Settings) *Explanation {
	switch {
	case isBlank(text):
		return newExplanation(s, s, Empty)
	case isBinary(text):
		return newExplanation(s, s, Binary)
	case isLog(text):
		l := newLog(s)
		l.line(l.lines([]byte(text)))
		if x := l.explain(base); x.Kind == Error {
			return x
		}
	}
	return readTicket(text, s).explain(base, s)
}

func newExplanation(given, known Settings, kind Kind) *Explanation {
	x := &Explanation{Schema: Schema, Kind: kind, Settings: Known{
		Host: probe.Maybe(known.Host), Encryption: probe.Maybe(known.Encryption), Account: probe.Maybe(known.Account),
		From: probe.Maybe(known.From), Provider: probe.Maybe(known.Provider), Step: probe.Maybe(known.Step), Origins: map[string]string{},
	}}
	if known.Port != 0 {
		x.Settings.Port = &known.Port
	}
	origin := func(key string, isGiven, isKnown bool) {
		if isGiven {
			x.Settings.Origins[key] = "given"
		} else if isKnown {
			x.Settings.Origins[key] = "text"
		}
	}
	origin("host", given.Host != "", known.Host != "")
	origin("port", given.Port != 0, known.Port != 0)
	origin("encryption", given.Encryption != "", known.Encryption != "")
	origin("account", given.Account != "", known.Account != "")
	origin("from", given.From != "", known.From != "")
	origin("provider", given.Provider != "", known.Provider != "")
	origin("step", given.Step != "", known.Step != "")
	return x
}

// isUsable tells whether there is anything to say of the text.
func (x *Explanation) isUsable() bool { return x.Kind == Error || x.Kind == SettingsOnly }

// Package explain reads what people paste when mail does not work: a reply, a
// log, a stack trace, a whole ticket. It finds the server's refusals and the
// client's errors in it, turns them into the Facts that a check would have
// had, and asks the same rules. For the command of that name.
package explain

import (
	"io"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// Settings are what is known beside the text: zero values mean not known.
type Settings struct {
	Host       string
	Port       int
	Encryption string // starttls, ssl, none
	Account    string
	From       string
	Provider   string // preset id
	Step       string // a step id of the contract
}

// Explanation is what a text says.
type Explanation struct {
	Settings Settings // given, completed by what the text says
	Findings []Finding
	Refused  string // the words that decided, as they stand in the text; "" when there are none
	Anything bool   // the text had an error or a setting in it
}

// Finding is a cause and the step where it shows, "" when the text does not tell.
type Finding struct {
	cause.Found
	Step string
}

// longestTicket is how much of a text is looked at as a whole, in bytes.
const longestTicket = 256 << 10

// Read explains a text. The error is the reader's own.
func Read(base *cause.Base, r io.Reader, s Settings) (*Explanation, error) {
	data, err := io.ReadAll(io.LimitReader(r, longestTicket))
	if err != nil {
		return nil, err
	}
	return explain(base, string(data), s), nil
}

func explain(base *cause.Base, text string, s Settings) *Explanation {
	facts, anything := factsOf(text, s)
	x := &Explanation{Settings: s, Anything: anything}
	if !anything {
		return x
	}
	for _, found := range base.Match(facts) {
		x.Findings = append(x.Findings, Finding{found, facts.Step})
	}
	x.Refused = facts.Text
	return x
}

package discover

import (
	"github.com/smtpdx/smtpdx/probe"
)

// Schema names the JSON document that Document is.
const Schema = "smtpdx.discovery/v1"

// Document is a discovery as JSON. Nothing in it is secret.
type Document struct {
	Schema     string                    `json:"schema"`
	Address    string                    `json:"address"`
	Provider   probe.Maybe               `json:"provider"` // its id
	Candidates probe.List[ShownServer]   `json:"candidates"`
	Inbox      probe.List[ShownInbox]    `json:"inbox"`
	Login      *Login                    `json:"login"`
	Sources    probe.List[ShownSource]   `json:"sources"`
	Findings   probe.List[probe.Finding] `json:"findings"`
	Next       probe.List[probe.Next]    `json:"next"`
	DurationMs probe.Ms                  `json:"duration_ms"`
}

// ShownServer is a candidate in a document.
type ShownServer struct {
	Host       string             `json:"host"`
	Port       int                `json:"port"`
	Encryption string             `json:"encryption"`
	Account    probe.Maybe        `json:"account"`
	Sources    probe.List[string] `json:"sources"`
	Verified   *bool              `json:"verified"`
	Why        string             `json:"why"`
	Outside    bool               `json:"outside_domain"`
	Missing    probe.List[string] `json:"missing"` // placeholders in the host
}

// ShownInbox is an IMAP server in a document.
type ShownInbox struct {
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Encryption string `json:"encryption"`
	Source     string `json:"source"`
}

// ShownSource is a source in a document.
type ShownSource struct {
	Source     string   `json:"source"`
	State      State    `json:"state"`
	Text       string   `json:"text"`
	DurationMs probe.Ms `json:"duration_ms"`
}

// Login is the one attempt that was made with the account.
type Login struct {
	Server   string      `json:"server"` // HOST:PORT
	Account  string      `json:"account"`
	Accepted bool        `json:"accepted"`
	Step     probe.Maybe `json:"failed_step"`
	Text     string      `json:"text"`
}

// Document gives the outcome for an address as JSON has it.
func (s Sheet) Document() Document {
	d := Document{Schema: Schema, Address: s.Address.String(), Login: s.Login, Findings: s.Outcome.Findings, Next: s.Next,
		DurationMs: probe.Milliseconds(s.Outcome.Took)}
	if p := s.Outcome.Provider; p != nil {
		d.Provider = probe.Maybe(p.ID)
	}
	for _, c := range s.Outcome.Candidates {
		d.Candidates = append(d.Candidates, ShownServer{Host: c.Host, Port: c.Port, Encryption: string(c.Encryption),
			Account: probe.Maybe(c.AccountFor(s.Address)), Sources: c.Sources, Verified: c.Verified, Why: c.Why, Outside: c.Outside, Missing: c.Missing})
	}
	for _, i := range s.Outcome.Inbox {
		d.Inbox = append(d.Inbox, ShownInbox{Host: i.Host, Port: i.Port, Encryption: string(i.Encryption), Source: i.Source})
	}
	for _, source := range s.Outcome.Sources {
		d.Sources = append(d.Sources, ShownSource{Source: source.ID, State: source.State, Text: source.Text, DurationMs: probe.Milliseconds(source.Took)})
	}
	return d
}

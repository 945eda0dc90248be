package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/discover"
)

// verdict is the outcome in a sentence.
func (d *discovery) verdict() string {
	best, works := d.outcome.Best()
	switch {
	case d.login != nil && d.login.Accepted:
		return "FOUND: the settings work, the login too."
	case d.login != nil:
		return "FOUND, but the login did not succeed."
	case works && best.NeedsConsent():
		return "FOUND: a server that works, but it is not in " + d.address.Unicode + "."
	case works:
		return "FOUND: settings that work, as far as can be seen without the password."
	case len(d.outcome.Candidates) > 0:
		return "FOUND, but nothing of it could be seen to work from this computer."
	}
	return "NOTHING FOUND for " + d.address.Unicode + "."
}

func (d *discovery) title() string {
	title := shown(d.address.String())
	if p := d.outcome.Provider; p != nil {
		title += ", at " + p.Name
	}
	if d.outcome.Filter != "" {
		title += ", behind " + d.outcome.Filter
	}
	return title
}

// sheet is what to enter, what to know about it, and who said what.
func (d *discovery) sheet() *sheet {
	s := &sheet{title: d.title() + "\n\n" + d.verdict()}
	if d.options.output.format == formatMarkdown {
		s.title = d.title()
		s.add("Result", d.verdict())
	}
	if c, ok := d.chosen(); ok {
		d.enter(s, c)
	}
	if d.login != nil {
		s.add("Login", d.login.Text)
	}
	for _, f := range d.outcome.Findings {
		s.add(findingLabel(f), findingWords(f)...)
	}
	s.add("Also", d.others()...)
	s.add("Inbox", d.inboxes()...)
	if d.options.write != "" {
		s.add("Written", d.options.write+", without a password")
	}
	for _, source := range d.outcome.Sources {
		s.add("Asked", fmt.Sprintf("%s: %s, %s", source.ID, source.State, shown(source.Text)))
	}
	s.joinRows("Asked")
	for _, next := range d.next() {
		if next.Command == "" {
			s.add("Next", next.Text)
		} else {
			s.addCommand("Next", string(next.Command))
		}
	}
	return s
}

// joinRows makes one row of those with a label.
func (s *sheet) joinRows(label string) {
	var rows []sheetRow
	for _, row := range s.rows {
		if n := len(rows); n > 0 && row.label == label && rows[n-1].label == label {
			rows[n-1].paragraphs = append(rows[n-1].paragraphs, row.paragraphs...)
			continue
		}
		rows = append(rows, row)
	}
	s.rows = rows
}

// chosen is the candidate to enter: the best verified one, else the first that
// names a whole server with TLS.
func (d *discovery) chosen() (discover.Candidate, bool) {
	if best, ok := d.outcome.Best(); ok {
		return best, true
	}
	for _, c := range d.outcome.Candidates {
		if len(c.Missing) == 0 && c.Encryption != probe.NoEncryption {
			return c, true
		}
	}
	return discover.Candidate{}, false
}

// enter is the candidate in the words of a form, and what goes with it.
func (d *discovery) enter(s *sheet, c discover.Candidate) {
	s.add("Host", c.Host)
	s.add("Port", fmt.Sprint(c.Port))
	s.add("Encryption", presetEncryption(string(c.Encryption)), formWords(string(c.Encryption)))
	s.add("Account", d.accountWords(c))
	s.add("Sender", shown(d.address.String()))
	s.add("Seen", c.Why)
	s.add("Says so", strings.Join(c.Sources, ", "))
	if p := d.providerOf(c); p != nil {
		s.add("Password", appPasswordWords(*p), p.AppPasswordPath)
		if p.OAuth == "required" {
			s.add("OAuth", oauthWords(p.OAuth))
		}
		s.enable(*p)
		s.add("Sender rule", senderWords(p.Sender)...)
		for _, a := range p.Announced {
			s.add("Announced", a.Date+": "+a.Text, a.Link)
		}
	}
	for _, e := range c.Enable {
		s.add("First", e.Text+" (says the domain)", e.Link)
	}
}

// providerOf is what is known of the provider of the candidate's host.
func (d *discovery) providerOf(c discover.Candidate) *presets.Provider {
	if p := d.outcome.Provider; p != nil && c.Provider == p.ID {
		return p
	}
	return nil
}

func (d *discovery) accountWords(c discover.Candidate) string {
	if d.login != nil {
		return d.login.Account
	}
	if account := c.AccountFor(d.address); account != "" {
		return shown(account)
	}
	return accountWords(c.Account)
}

func findingLabel(f probe.Finding) string {
	if f.Severity == "info" {
		return "Know"
	}
	return "Beware"
}

func findingWords(f probe.Finding) []string {
	words := []string{f.Title, f.Explanation}
	for _, e := range f.Evidence {
		words = append(words, shown(e.Text))
	}
	for _, fix := range f.Fix {
		words = append(words, "To do: "+fix.Text)
	}
	return words
}

// others are the candidates that were not chosen.
func (d *discovery) others() []string {
	chosen, _ := d.chosen()
	var lines []string
	for _, c := range d.outcome.Candidates {
		if c.String() != chosen.String() {
			lines = append(lines, fmt.Sprintf("%s, port %d, %s: %s (%s)", c.Host, c.Port, presetEncryption(string(c.Encryption)), candidateWords(c), strings.Join(c.Sources, ", ")))
		}
	}
	return lines
}

func candidateWords(c discover.Candidate) string {
	switch {
	case c.Verified == nil:
		return c.Why
	case *c.Verified:
		return "works as well, " + c.Why
	}
	return "cannot be used, " + c.Why
}

func (d *discovery) inboxes() []string {
	var lines []string
	for _, i := range d.outcome.Inbox {
		lines = append(lines, fmt.Sprintf("%s, port %d, %s (IMAP, not verified; says %s)", i.Host, i.Port, presetEncryption(string(i.Encryption)), i.Source))
	}
	return lines
}

// next is the check of what was found.
func (d *discovery) next() probe.List[probe.Next] {
	shell := probe.Maybe(d.process.term.shell())
	c, ok := d.chosen()
	switch {
	case ok && d.options.write != "":
		return probe.List[probe.Next]{{Text: "check the saved settings", Command: probe.Maybe("smtpdx check -c " + shellWord(d.options.write)), Shell: shell}}
	case ok:
		return probe.List[probe.Next]{{Text: "check these settings", Command: probe.Maybe(d.checkCommand(c)), Shell: shell}}
	}
	return probe.List[probe.Next]{{Text: "Ask whoever runs the mail of " + d.address.Unicode + " for host, port and encryption; then smtpdx check HOST[:PORT] -u ACCOUNT."}}
}

func (d *discovery) checkCommand(c discover.Candidate) string {
	command := fmt.Sprintf("smtpdx check %s --encryption %s", c.Server(), c.Encryption)
	account := d.options.account
	if account == "" {
		account = c.AccountFor(d.address)
	}
	if account != "" && !mayBeKey(account) {
		command += " -u " + shellWord(shown(account))
	}
	if d.options.caFile != "" {
		command += " --ca-file " + shellWord(d.options.caFile)
	}
	if d.options.resolver != "" {
		command += " --resolver " + shellWord(d.options.resolver)
	}
	return command
}

// discoveryDocument is a discovery as JSON. Nothing in it is secret.
type discoveryDocument struct {
	Schema     string                         `json:"schema"`
	Address    probe.Maybe                    `json:"address"`  // null where a host was asked for
	Provider   probe.Maybe                    `json:"provider"` // its id
	Candidates probe.List[discoveryCandidate] `json:"candidates"`
	Inbox      probe.List[discoveryInbox]     `json:"inbox"`
	Login      *discoveryLogin                `json:"login"`
	Sources    probe.List[discoverySource]    `json:"sources"`
	Findings   probe.List[probe.Finding]      `json:"findings"`
	Next       probe.List[probe.Next]         `json:"next"`
	DurationMs probe.Ms                       `json:"duration_ms"`
}

type discoveryCandidate struct {
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

type discoveryInbox struct {
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Encryption string `json:"encryption"`
	Source     string `json:"source"`
}

type discoverySource struct {
	Source     string         `json:"source"`
	State      discover.State `json:"state"`
	Text       string         `json:"text"`
	DurationMs probe.Ms       `json:"duration_ms"`
}

func (d *discovery) document() discoveryDocument {
	out := discoveryDocument{Schema: discover.Schema, Address: probe.Maybe(shown(d.address.String())), Login: d.login, Findings: d.outcome.Findings,
		Next: d.next(), DurationMs: probe.Milliseconds(d.outcome.Took)}
	if p := d.outcome.Provider; p != nil {
		out.Provider = probe.Maybe(p.ID)
	}
	for _, c := range d.outcome.Candidates {
		out.Candidates = append(out.Candidates, discoveryCandidate{Host: c.Host, Port: c.Port, Encryption: string(c.Encryption),
			Account: probe.Maybe(shown(c.AccountFor(d.address))), Sources: c.Sources, Verified: c.Verified, Why: c.Why, Outside: c.Outside, Missing: c.Missing})
	}
	for _, i := range d.outcome.Inbox {
		out.Inbox = append(out.Inbox, discoveryInbox{i.Host, i.Port, string(i.Encryption), i.Source})
	}
	for _, s := range d.outcome.Sources {
		out.Sources = append(out.Sources, discoverySource{s.ID, s.State, shown(s.Text), probe.Milliseconds(s.Took)})
	}
	return out
}

// profile is the chosen candidate as a settings file, with what to know about
// it as comments. It holds no password.
func (d *discovery) profile(now time.Time) (text string, ok bool) {
	c, ok := d.chosen()
	if !ok {
		return "", false
	}
	var b strings.Builder
	comment := func(words ...string) {
		for _, line := range wrapWords(strings.Join(words, " "), plainWidth-2) {
			fmt.Fprintf(&b, "# %s\n", line)
		}
	}
	comment("Settings for", shown(d.address.String())+", found by smtpdx discover on", now.Format(time.DateOnly)+".")
	s := &sheet{}
	d.enter(s, c)
	for _, row := range s.rows {
		switch row.label {
		case "Host", "Port", "Encryption", "Account", "Sender":
		default:
			comment(append([]string{row.label + ":"}, row.paragraphs...)...)
		}
	}
	if !c.IsVerified() {
		comment("NOT seen to work from this computer.")
	}
	if c.NeedsConsent() {
		comment(c.Host, "is not in", d.address.Unicode+": see whether you know it before you enter a password.")
	}
	for _, line := range d.inboxes() {
		comment("Inbox:", line)
	}
	b.WriteString("\n")
	d.writeKeys(&b, c)
	return b.String(), true
}

func (d *discovery) writeKeys(b *strings.Builder, c discover.Candidate) {
	values := c.Values(d.address)
	if d.options.account != "" {
		values["account"] = d.options.account
	}
	if values["from"] == values["account"] {
		delete(values, "from")
	}
	values["ca_file"], values["resolver"] = absolute(d.options.caFile), d.options.resolver
	for _, key := range []string{"host", "port", "encryption", "account", "from", "ca_file", "resolver"} {
		switch {
		case key == "port", key == "encryption":
			fmt.Fprintf(b, "%s: %s\n", key, values[key])
		case values[key] != "":
			fmt.Fprintf(b, "%s: %s\n", key, yamlWord(values[key]))
		case key == "account":
			fmt.Fprintf(b, "# account: ...   (%s)\n", accountWords(c.Account))
		}
		if key == "account" {
			b.WriteString("# password: {env: NAME}, {file: FILE}, {command: [...]} or {keyring: smtpdx};\n# without one it is asked for.\n")
		}
	}
}

// yamlWord writes a value for a settings file: names and addresses as they
// are, what YAML could read as something else in quotes.
func yamlWord(text string) string {
	isLetter := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
	isOdd := func(r rune) bool { return !isLetter(r) && !strings.ContainsRune("0123456789@._+-/", r) }
	if text != "" && isLetter(rune(text[0])) && strings.ContainsAny(text, ".@") && !strings.ContainsFunc(text, isOdd) {
		return text
	}
	if quoted, err := json.Marshal(text); err == nil && strings.ContainsFunc(text, unicode.IsControl) {
		return string(quoted)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// absolute is a path as it is found from the settings file too, which may lie elsewhere.
func absolute(path string) string {
	if path == "" {
		return ""
	}
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

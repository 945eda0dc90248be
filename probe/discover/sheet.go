package discover

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// Sheet is an outcome for a person: what to enter, what to know about it, and
// who said what.
type Sheet struct {
	Outcome Outcome
	Address Address
	Login   *Login // nil: none was tried
	Next    []probe.Next
	Written string // the file that the settings were saved to, ""
	Width   int    // columns; 0 means 80
}

// Verdict is the outcome in a sentence.
func (s Sheet) Verdict() string {
	domain := s.Address.Unicode
	best, verified := s.Outcome.Best()
	switch {
	case s.Login != nil && s.Login.Accepted:
		return "FOUND: the settings work, with the password too."
	case s.Login != nil:
		return "FOUND, but the login did not succeed."
	case verified && best.NeedsConsent():
		return "FOUND: a server that works, as far as can be seen without the password."
	case verified:
		return "FOUND: settings that work, as far as can be seen without the password."
	case len(s.Outcome.Candidates) > 0:
		return "FOUND, but nothing of it could be seen to work from this computer."
	}
	return "NOTHING FOUND for " + domain + "."
}

// section is a label with its lines.
type section struct {
	label string
	lines []string
}

// labelWidth is the margin of the labels, as in the report of a check.
const labelWidth = 12

// Text is the sheet for a terminal or a file.
func (s Sheet) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", s.heading())
	fmt.Fprintf(&b, "%s\n\n", strings.Join(s.wrap(s.Verdict(), 0), "\n"))
	for _, section := range s.sections() {
		label := section.label
		for _, line := range section.lines {
			for _, part := range s.wrap(line, labelWidth) {
				fmt.Fprintf(&b, "  %-*s%s\n", labelWidth-2, label, part)
				label = ""
			}
		}
	}
	for _, next := range s.Next {
		fmt.Fprintf(&b, "\nNext: %s\n", nextWords(next))
	}
	return b.String()
}

func nextWords(n probe.Next) string {
	if n.Command == "" {
		return n.Text
	}
	return string(n.Command)
}

func (s Sheet) heading() string {
	heading := s.Address.String()
	if p := s.Outcome.Provider; p != nil {
		heading += ": " + p.Name
	}
	if s.Outcome.Filter != "" {
		heading += " behind " + s.Outcome.Filter
	}
	return heading
}

// Markdown is the sheet for a ticket: CommonMark without tables.
func (s Sheet) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Mail settings of %s\n\n**%s**\n", escape(s.heading()), escape(s.Verdict()))
	for _, section := range s.sections() {
		fmt.Fprintf(&b, "\n## %s\n\n", section.label)
		for _, line := range section.lines {
			fmt.Fprintf(&b, "- %s\n", escape(strings.Join(strings.Fields(line), " ")))
		}
	}
	for _, next := range s.Next {
		fmt.Fprintf(&b, "\nNext: %s\n", codeOr(next))
	}
	return b.String()
}

func codeOr(n probe.Next) string {
	if n.Command == "" {
		return escape(n.Text)
	}
	return "`" + string(n.Command) + "`"
}

// escape takes the meaning from what Markdown reads as marks.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", `\<`, "[", `\[`, "#", `\#`).Replace(text)
}

func (s Sheet) sections() []section {
	var all []section
	add := func(label string, lines ...string) {
		if len(lines) > 0 {
			all = append(all, section{label, lines})
		}
	}
	if c, ok := s.Chosen(); ok {
		add("Enter", s.enter(c)...)
		add("Seen", c.Why)
		add("Says so", strings.Join(c.Sources, ", "))
		add("First", s.first(c)...)
		add("Password", passwordWords(s.providerOf(c))...)
		add("Sender", senderWords(s.providerOf(c))...)
		add("Soon", announcements(s.providerOf(c))...)
	}
	if s.Login != nil {
		add("Login", s.Login.Text)
	}
	for _, f := range s.Outcome.Findings {
		add(label(f), findingLines(f)...)
	}
	add("Also", s.others()...)
	add("Inbox", s.inboxes()...)
	if s.Written != "" {
		add("Written", s.Written+", without a password")
	}
	add("Asked", s.asked()...)
	return all
}

// Chosen is the candidate to enter: the best verified one, else the first that
// names a whole server.
func (s Sheet) Chosen() (Candidate, bool) {
	if best, ok := s.Outcome.Best(); ok {
		return best, true
	}
	for _, c := range s.Outcome.Candidates {
		if len(c.Missing) == 0 && c.Encryption != probe.NoEncryption {
			return c, true
		}
	}
	return Candidate{}, false
}

// enter is the candidate in the words of a form.
func (s Sheet) enter(c Candidate) []string {
	lines := []string{fmt.Sprintf("Host %s   Port %d   Encryption %s", c.Host, c.Port, formWord(c.Encryption))}
	lines = append(lines, s.people(c))
	switch c.Encryption {
	case probe.SSL:
		lines = append(lines, `(a form that offers only "SSL" and "TLS": SSL here)`)
	case probe.STARTTLS:
		lines = append(lines, `(a form that offers only "SSL" and "TLS": TLS here)`)
	}
	return lines
}

func (s Sheet) people(c Candidate) string {
	return "Account " + s.accountWords(c) + "   Sender " + s.Address.String()
}

// accountWords is the account, or what is known of it.
func (s Sheet) accountWords(c Candidate) string {
	if s.Login != nil && s.Login.Server == c.Server() {
		return s.Login.Account
	}
	if account := c.AccountFor(s.Address); account != "" {
		return account
	}
	switch c.Account.Form {
	case "none":
		return "none: no login"
	case "api-key":
		return "an API key of the provider"
	}
	if c.Account.Text != "" {
		return c.Account.Text
	}
	return s.Address.Local + "@" + s.Address.Domain + " (usually; no source says it)"
}

func formWord(e probe.Encryption) string {
	switch e {
	case probe.SSL:
		return "SSL"
	case probe.STARTTLS:
		return "STARTTLS"
	}
	return string(e)
}

// providerOf is what is known of the provider of the candidate's host; the
// domain's provider is another one where a candidate leads elsewhere.
func (s Sheet) providerOf(c Candidate) *presets.Provider {
	p := s.Outcome.Provider
	if p == nil || c.Provider != p.ID {
		return nil
	}
	return p
}

// first is what must be switched on before the settings work.
func (s Sheet) first(c Candidate) []string {
	var lines []string
	if p := s.providerOf(c); p != nil && p.Enable != nil {
		lines = append(lines, enableWords(*p.Enable))
	}
	for _, e := range c.Enable {
		lines = append(lines, enableWords(e)+" (says the domain)")
	}
	return lines
}

func enableWords(e presets.Enable) string {
	words := e.Text
	if e.Path != "" {
		words += ": " + e.Path
	}
	if e.Link != "" {
		words += " " + e.Link
	}
	return words
}

func passwordWords(p *presets.Provider) []string {
	switch {
	case p == nil:
		return nil
	case p.OAuth == "required":
		return []string{"none: this provider wants its own sign-in (OAuth 2.0)"}
	case p.AppPassword == "required":
		return []string{"an app password, made in the account's security settings; the account's own is refused"}
	case p.AppPassword == "optional":
		return []string{"the account's own; an app password where two-step verification is on"}
	}
	return nil
}

func senderWords(p *presets.Provider) []string {
	if p == nil || p.Sender.Rule == "" && p.Sender.Text == "" {
		return nil
	}
	words := p.Sender.Text
	if words == "" {
		words = map[string]string{
			"own-address":       "only the address of the account",
			"alias-allowed":     "the address of the account and its aliases",
			"own-domain":        "addresses of the account's own domain",
			"verified-identity": "only addresses that were verified at the provider",
			"any":               "any address",
		}[p.Sender.Rule]
	}
	switch p.Sender.Decided {
	case "message":
		words += "; decided only after a message was sent"
	case "rewritten":
		words += "; another From is replaced"
	}
	if !p.Sender.Verified {
		words += " (not confirmed by the provider)"
	}
	return []string{words}
}

func announcements(p *presets.Provider) []string {
	if p == nil {
		return nil
	}
	var lines []string
	for _, a := range p.Announced {
		lines = append(lines, strings.TrimSpace(a.Text+" ("+a.Date+") "+a.Link))
	}
	return lines
}

func label(f probe.Finding) string {
	if f.Severity == cause.Info {
		return "Know"
	}
	return "Beware"
}

func findingLines(f probe.Finding) []string {
	lines := []string{f.Title}
	if f.Explanation != "" {
		lines = append(lines, f.Explanation)
	}
	for _, e := range f.Evidence {
		lines = append(lines, "  "+e.Text)
	}
	for _, fix := range f.Fix {
		lines = append(lines, "To do: "+fix.Text)
	}
	return lines
}

// others are the candidates that were not chosen.
func (s Sheet) others() []string {
	chosen, _ := s.Chosen()
	var lines []string
	for _, c := range s.Outcome.Candidates {
		if c.isSame(chosen) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s:%d %s, %s (%s): %s", c.Host, c.Port, formWord(c.Encryption), verifiedWord(c), strings.Join(c.Sources, ", "), c.Why))
	}
	return lines
}

func verifiedWord(c Candidate) string {
	switch {
	case c.Verified == nil:
		return "not verified"
	case *c.Verified:
		return "works as well"
	}
	return "does not work"
}

func (s Sheet) inboxes() []string {
	var lines []string
	for _, i := range s.Outcome.Inbox {
		line := fmt.Sprintf("%s:%d %s (IMAP)", i.Host, i.Port, formWord(i.Encryption))
		if len(lines) == 0 || lines[len(lines)-1] != line {
			lines = append(lines, line)
		}
	}
	return lines
}

// asked lists every source and what it said.
func (s Sheet) asked() []string {
	var lines []string
	for _, source := range s.Outcome.Sources {
		lines = append(lines, fmt.Sprintf("%-16s %-9s %s", source.ID, source.State, source.Text))
	}
	return lines
}

// wrap breaks a line at blanks; what follows the first line is indented as the
// line itself is, and by two more.
func (s Sheet) wrap(line string, margin int) []string {
	room := s.Width
	if room <= 0 {
		room = 80
	}
	room = max(room-margin, 20)
	if utf8.RuneCountInString(line) <= room {
		return []string{line}
	}
	var lines []string
	indent := "  "
	for utf8.RuneCountInString(line) > room {
		at := breakAt(line, room)
		if at <= len(indent) {
			break // one long word
		}
		lines = append(lines, strings.TrimRight(line[:at], " "))
		line = indent + strings.TrimLeft(line[at:], " ")
	}
	return append(lines, line)
}

// breakAt is the byte at which to break: the last blank that fits, else the first one.
func breakAt(line string, room int) int {
	count, best := 0, 0
	for i, r := range line {
		if r == ' ' && strings.TrimSpace(line[:i]) != "" {
			if count > room && best > 0 {
				return best
			}
			best = i
			if count > room {
				return best
			}
		}
		count++
	}
	if count <= room {
		return len(line)
	}
	return best
}

package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
)

// sheet is what a person enters, and what there is to know beside it.
type sheet struct {
	title string
	rows  []sheetRow
}

// sheetRow is a label and its paragraphs. Words are never broken, so that links
// stay whole; a command is not broken at all.
type sheetRow struct {
	label      string
	paragraphs []string
	isCommand  bool
}

func (s *sheet) add(label string, paragraphs ...string) {
	var kept []string
	for _, text := range paragraphs {
		if text != "" {
			kept = append(kept, text)
		}
	}
	if len(kept) > 0 {
		s.rows = append(s.rows, sheetRow{label: label, paragraphs: kept})
	}
}

func (s *sheet) addCommand(label, command string) {
	s.rows = append(s.rows, sheetRow{label: label, paragraphs: []string{command}, isCommand: true})
}

// masked is the sheet as it may be shown.
func (s *sheet) masked(p *process) *sheet {
	if p.mask == nil {
		return s
	}
	out := &sheet{title: p.masked(s.title)}
	for _, row := range s.rows {
		masked := sheetRow{label: row.label, isCommand: row.isCommand}
		for _, text := range row.paragraphs {
			masked.paragraphs = append(masked.paragraphs, p.masked(text))
		}
		out.rows = append(out.rows, masked)
	}
	return out
}

const sheetLabelWidth = 13

func (s *sheet) text(width int) string {
	var b strings.Builder
	width = min(max(width, 40), plainWidth)
	b.WriteString(strings.Join(wrapWords(s.title, width), "\n") + "\n\n")
	for _, row := range s.rows {
		label := row.label
		for _, line := range row.lines(width - 2 - sheetLabelWidth) {
			fmt.Fprintf(&b, "  %-*s%s\n", sheetLabelWidth, label, line)
			label = ""
		}
	}
	return b.String()
}

func (r sheetRow) lines(width int) []string {
	if r.isCommand {
		return r.paragraphs
	}
	var lines []string
	for _, paragraph := range r.paragraphs {
		lines = append(lines, wrapWords(paragraph, width)...)
	}
	return lines
}

func (s *sheet) markdown() string {
	var b strings.Builder
	b.WriteString("# " + s.title + "\n\n")
	for _, row := range s.rows {
		text := strings.Join(row.paragraphs, "\n  ")
		if row.isCommand {
			text = "`" + text + "`"
		}
		fmt.Fprintf(&b, "- **%s:** %s\n", row.label, text)
	}
	return b.String()
}

// wrapWords breaks at blanks only; a longer word stands on a line of its own.
func wrapWords(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func presetSheet(p presets.Provider) *sheet {
	s := &sheet{title: fmt.Sprintf("%s: %s (%s)", p.ID, p.Name, strings.Join(nonEmpty(p.Kind, p.Country), ", "))}
	s.add("No SMTP", p.NoSMTP)
	s.endpoints(p.Endpoints)
	s.add("Account", accountWords(p.Account))
	s.add("Password", appPasswordWords(p), p.AppPasswordPath)
	s.add("OAuth", oauthWords(p.OAuth))
	s.add("Mechanisms", strings.Join(p.Auth, ", "))
	s.enable(p)
	s.add("Sender", senderWords(p.Sender)...)
	if p.IMAP != nil {
		s.add("IMAP", fmt.Sprintf("%s, port %d, %s", p.IMAP.Host, p.IMAP.Port, presetEncryption(p.IMAP.Encryption)))
	}
	for _, a := range p.Announced {
		s.add("Announced", a.Date+": "+a.Text, a.Link)
	}
	s.add("Redirecting", p.Redirect)
	s.add("Notes", p.Notes)
	s.add("Domains", listWords(p.Domains))
	s.add("MX", listWords(p.MX))
	s.add("Help", p.Help)
	s.add("Sources", sourceWords(p))
	s.add("Checked", p.Checked)
	return s
}

func nonEmpty(words ...string) []string {
	var kept []string
	for _, word := range words {
		if word != "" {
			kept = append(kept, word)
		}
	}
	return kept
}

// endpoints gives the first one in full and the others in a line each.
func (s *sheet) endpoints(all []presets.Endpoint) {
	for i, e := range all {
		if i > 0 {
			s.add("or", otherHost(e, all[0])+fmt.Sprintf("port %d, %s%s", e.Port, presetEncryption(e.Encryption), unverifiedMark(e.Verified)))
			continue
		}
		s.add("Host", e.Host+unverifiedMark(e.Verified), placeholderWords(e))
		s.add("Port", fmt.Sprint(e.Port))
		s.add("Encryption", presetEncryption(e.Encryption), formWords(e.Encryption))
	}
}

func otherHost(e, first presets.Endpoint) string {
	if e.Host == first.Host {
		return ""
	}
	return e.Host + ", "
}

func unverifiedMark(verified bool) string {
	if verified {
		return ""
	}
	return " (not verified)"
}

func presetEncryption(encryption string) string {
	switch probe.Encryption(encryption) {
	case probe.SSL:
		return "SSL"
	case probe.STARTTLS:
		return "STARTTLS"
	}
	return "no encryption"
}

func formWords(encryption string) string {
	switch probe.Encryption(encryption) {
	case probe.SSL:
		return `(a form that offers only "SSL" and "TLS": SSL here)`
	case probe.STARTTLS:
		return `(a form that offers only "SSL" and "TLS": TLS here)`
	}
	return ""
}

// placeholderWords explains the parts of a host that are not filled in.
func placeholderWords(e presets.Endpoint) string {
	var parts []string
	for _, name := range e.Placeholders() {
		meaning := map[string]string{
			"domain":             "the mail domain",
			"domain-dashed":      "the mail domain, with dashes for its dots",
			"domain-first-label": "the first part of the mail domain",
			"server":             "the name of your server, as the provider shows it",
			"region":             "the region of your account",
		}[name]
		parts = append(parts, strings.TrimSuffix("{"+name+"} is "+meaning, " is "))
	}
	return strings.Join(parts, "; ")
}

func accountWords(a presets.Account) string {
	switch a.Form {
	case "full-address":
		return "the full mail address"
	case "local-part":
		return "the part of the address before the @"
	case "api-key":
		return "a key of the account (API or SMTP key), no mail address"
	case "fixed":
		return "always the word " + a.Word
	case "other":
		return a.Text
	case "none":
		return strings.TrimSuffix("none, there is no login: "+a.Text, ": ")
	}
	return "its form is not known; try the full mail address"
}

func appPasswordWords(p presets.Provider) string {
	switch p.AppPassword {
	case "required":
		return "an app password; the account's own password is refused"
	case "optional":
		return "the mailbox's own, or an app password (needed with two-factor login)"
	}
	return ""
}

func oauthWords(oauth string) string {
	return map[string]string{"required": "required: a password is refused", "supported": "supported", "no": "not offered"}[oauth]
}

func (s *sheet) enable(p presets.Provider) {
	switch {
	case p.Enable != nil:
		s.add("First", p.Enable.Text, p.Enable.Path, p.Enable.Link)
		if p.Enable.Path == "" && p.Enable.Link == "" {
			s.rows[len(s.rows)-1].paragraphs = append(s.rows[len(s.rows)-1].paragraphs, "(the way there is not known; see Help)")
		}
	case p.ReadyAtOnce:
		s.add("First", "nothing must be switched on")
	}
}

// senderWords never sound more certain than their sources are.
func senderWords(r presets.SenderRule) []string {
	rule := map[string]string{
		"verified-identity": "an address or domain that the provider has verified for the account",
		"own-address":       "the account's own address",
		"alias-allowed":     "the account's own address or one of its aliases",
		"own-domain":        "an address of the account's own domain",
		"any":               "any address",
	}[r.Rule]
	if rule == "" {
		return nil
	}
	decided := decidedWords(r.Decided)
	if r.Verified {
		return []string{rule, decided, r.Text}
	}
	if decided != "" {
		decided = "as far as is known " + decided
	}
	return []string{rule + " (unverified: the provider's own pages were not seen to say so)", decided, r.Text}
}

func decidedWords(decided string) string {
	return map[string]string{
		"mail":      "decided at MAIL FROM, before the message",
		"rcpt":      "decided at RCPT TO, before the message",
		"message":   "decided only after the message, which a check without a mail cannot see",
		"rewritten": "never refused: From is rewritten",
	}[decided]
}

const mostListed = 12

func listWords(names []string) string {
	if len(names) > mostListed {
		return fmt.Sprintf("%s and %d more (-o json)", strings.Join(names[:mostListed], ", "), len(names)-mostListed)
	}
	return strings.Join(names, ", ")
}

func sourceWords(p presets.Provider) string {
	words := strings.Join(p.Sources, ", ")
	switch {
	case !p.Verified:
		return "not verified: known to the makers of this list only (" + words + ")"
	case p.Agree > 1:
		return fmt.Sprintf("%s; %d independent lists agree", words, p.Agree)
	}
	return words
}

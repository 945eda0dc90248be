package report

import (
	"fmt"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// transcript shows every line of the dialogue: when, on which connection, who.
func (p page) transcript(lines []probe.TranscriptLine) []row {
	if len(lines) == 0 {
		return nil
	}
	rows := []row{nil, {{"Transcript, credentials hidden (time, connection, C: this client, S: the server)", plain}}, nil}
	if p.limit < widest-1 {
		rows = append(rows[:1], append(p.paragraph(span{rows[1][0].text, plain}), nil)...)
	}
	introduced := map[int]bool{}
	for _, line := range lines {
		if !introduced[line.Connection] {
			introduced[line.Connection] = true
			rows = append(rows, p.transcriptRows("", line.Connection, "--", introduction(line))...)
		}
		who := map[string]string{"client": "C:", "server": "S:"}[line.From]
		if who == "" {
			who = "--"
		}
		rows = append(rows, p.transcriptRows(transcriptTime(line.AtMs), line.Connection, who, line.Text)...)
	}
	return rows
}

// introduction says what a connection is for.
func introduction(line probe.TranscriptLine) string {
	words := "connection"
	if line.Address != "" {
		words += " to " + string(line.Address)
	}
	switch line.Purpose {
	case "", "lane":
	case "imap":
		words += " (the mailbox)"
	default:
		words += " (" + line.Purpose + ", without credentials)"
	}
	return words
}

func transcriptTime(at probe.Ms) string { return fmt.Sprintf("%.0f ms", float64(at)) }

func (p page) transcriptRows(at string, connection int, who, text string) []row {
	before := fmt.Sprintf("%10s  %d %s ", at, connection, who)
	if p.limit < roomy {
		before = fmt.Sprintf("%d %s ", connection, who)
	}
	room := p.limit - columns(before)
	var rows []row
	for i, line := range p.wrap(text, room, room) {
		if i > 0 {
			before = strings.Repeat(" ", columns(before))
		}
		rows = append(rows, row{{before, faint}, {line, plain}})
	}
	return rows
}

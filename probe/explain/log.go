package explain

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// Bounds on what is kept of a log, whatever its length.
const (
	chunk          = 1 << 20 // bytes read at once
	longestLine    = 8 << 10 // bytes of a line that are looked at
	mostGroups     = 8192    // kinds of line
	mostCodes      = 512     // further kinds, told apart by their codes only
	mostFindings   = 20
	longestExample = 1024 // bytes
)

// log counts the lines of a log that tell of an error. Lines that differ only
// in numbers, queue ids and addresses are of one kind; only the first of a
// kind is read closely.
type log struct {
	settings Settings
	groups   map[uint64]*group
	order    []*group
	buffer   []byte // for normalising
	utf16    int    // 1: the text is UTF-16, little endian; 2: big endian
	isText   bool
}

// group is a kind of line.
type group struct {
	example     []byte
	count       int
	first, last []byte // beginnings of lines, with their stamps
	isError     bool
}

func newLog(s Settings) *log { return &log{settings: s, groups: map[uint64]*group{}} }

// read takes in all of a log.
func (l *log) read(head []byte, r io.Reader) error {
	l.look(head)
	if l.utf16 != 0 {
		return l.readWide(head, r)
	}
	buffer := make([]byte, 0, chunk+longestTicket)
	buffer = append(buffer, head...)
	for {
		rest := l.lines(buffer)
		buffer = buffer[:copy(buffer[:cap(buffer)], rest)]
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			l.line(l.lines(buffer))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// look decides how the bytes are to be read.
func (l *log) look(head []byte) {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), looksUTF16(head, 1):
		l.utf16 = 1
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), looksUTF16(head, 0):
		l.utf16 = 2
	}
	l.isText = l.utf16 != 0 || !isBinary(fromBytes(bytes.Clone(head[:min(len(head), 4096)])))
}

// readWide reads UTF-16 in pieces.
func (l *log) readWide(head []byte, r io.Reader) error {
	all := io.MultiReader(bytes.NewReader(head), r)
	piece, kept := make([]byte, chunk), []byte(nil)
	for {
		n, err := io.ReadFull(all, piece)
		text := []byte(fromUTF16(piece[:n&^1], wideOrder(l.utf16)))
		kept = slices.Clone(l.lines(append(kept, text...)))
		if len(kept) > longestLine {
			kept = kept[:longestLine]
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			l.line(kept)
			return nil
		case err != nil:
			return err
		}
	}
}

// lines takes in every whole line and gives what is left; a line without end
// is cut so that it cannot fill the memory.
func (l *log) lines(text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			break
		}
		l.line(text[:i])
		text = text[i+1:]
	}
	if len(text) > chunk/2 {
		l.line(text)
		return nil
	}
	return text
}

func (l *log) line(line []byte) {
	line = line[:min(len(line), longestLine)]
	if !mayTell(line) {
		return
	}
	l.buffer = normalise(l.buffer[:0], line)
	key := hash(l.buffer)
	g, known := l.groups[key]
	if !known && len(l.order) >= mostGroups {
		l.buffer = codesOf(l.buffer[:0], line)
		key = hash(l.buffer)
		g, known = l.groups[key]
	}
	if !known {
		if g = l.add(key, line); g == nil {
			return
		}
	}
	g.count++
	g.last = append(g.last[:0], line[:min(len(line), longestStamp)]...)
}

// refusedHere is a refusal of the server whose log it is, in its own words and without a code.
var refusedHere = compiled(`(?i)\bSASL \S+ authentication failed|\brejected (?:RCPT|MAIL|EHLO|HELO)\b|\bauthenticator failed`)

func tellsInLog(line string) bool { return tellsOfFault(line) || refusedHere().MatchString(line) }

// add makes a group for a line that is unlike all before.
func (l *log) add(key uint64, line []byte) *group {
	if len(l.order) >= mostGroups+mostCodes {
		return nil
	}
	text := fromBytes(bytes.Clone(line[:min(len(line), longestExample)]))
	g := &group{isError: tellsInLog(text)}
	if g.isError {
		g.example = []byte(text)
		g.first = bytes.Clone(line[:min(len(line), longestStamp)])
	}
	l.groups[key] = g
	l.order = append(l.order, g)
	return g
}

// serverIn finds the server that a line of a log is about.
var serverIn = compiled(`(?i)(?:\brelay=|\bhost |\bH=|\bserver |connect to |connected to |\bto )((?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]+)(?: ?\[[0-9a-f.:]+\])?`)

// explain asks the rules about each kind of line, those seen most first, and
// sums up by cause and server.
func (l *log) explain(base *cause.Base) *Explanation {
	x := newExplanation(l.settings, l.settings, Other)
	if !l.isText && len(l.order) == 0 && l.utf16 == 0 {
		x.Kind = Binary
	}
	kinds := slices.DeleteFunc(slices.Clone(l.order), func(g *group) bool { return !g.isError })
	slices.SortStableFunc(kinds, func(a, b *group) int { return b.count - a.count })
	secrets := 0
	for _, g := range kinds {
		s := l.settings
		if at := serverIn().FindSubmatch(g.example); at != nil && s.Host == "" {
			s.Host = string(at[1])
		}
		t := readTicket(string(g.example), s)
		secrets += t.secrets
		facts, _ := factsOf(t)
		found := base.Match(facts)
		if len(found) == 0 {
			continue
		}
		x.Kind = Error
		example := shortened(t.text, longestEvidence)
		if len(x.Findings) < mostFindings && !hasCause(x.Findings, found[0].Cause) {
			f := probe.NewFinding(found[0])
			f.Step = probe.Maybe(stepOf(facts))
			f.Evidence = probe.List[probe.FindingEvidence]{{Step: f.Step, Text: example}}
			x.Findings = append(x.Findings, f)
		}
		x.count(found[0].Cause, t.settings.Host, g, example, l.settings)
	}
	if x.Kind == Error {
		l.finish(base, x, secrets)
	}
	return x
}

// finish puts in order what was found, by how often it was seen.
func (l *log) finish(base *cause.Base, x *Explanation, secrets int) {
	slices.SortFunc(x.Occurrences, func(a, b Occurrence) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Host, b.Host))
	})
	total := map[string]int{}
	for _, o := range x.Occurrences {
		total[o.Cause] += o.Count
	}
	slices.SortStableFunc(x.Findings, func(a, b probe.Finding) int { return total[b.Cause] - total[a.Cause] })
	facts := settingsFacts(&ticket{settings: l.settings, secrets: secrets})
	x.add(base.Match(facts), facts, "")
	x.Findings = ordered(x.Findings)
	s := l.settings
	if i := slices.IndexFunc(x.Occurrences, func(o Occurrence) bool { return o.Cause == x.Findings[0].Cause }); i >= 0 && s.Host == "" {
		s.Host = string(x.Occurrences[i].Host)
	}
	x.Next = nextFor(s, nil, x.Findings)
}

// count adds a group to its cause at its server.
func (x *Explanation) count(id, host string, g *group, example string, s Settings) {
	first, last := stampOf(g.first, s.Now), stampOf(g.last, s.Now)
	for i := range x.Occurrences {
		o := &x.Occurrences[i]
		if o.Cause != id || string(o.Host) != host {
			continue
		}
		o.Count += g.count
		if first != nil && (o.First == nil || first.Before(*o.First)) {
			o.First = first
		}
		if last != nil && (o.Last == nil || last.After(*o.Last)) {
			o.Last = last
		}
		return
	}
	x.Occurrences = append(x.Occurrences, Occurrence{Cause: id, Host: probe.Maybe(host), Count: g.count, First: first, Last: last, Example: secret.Clean(example)})
}

package received

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
)

// How much of one header is kept.
const (
	maxFields = 1000
	maxField  = 32 << 10 // bytes of a field
	maxHeader = 2 << 20  // bytes of all fields
)

// Field is one field of a header.
type Field struct {
	Name  string // as it is written
	Value string // unfolded and cleaned, encoded words as they are
	raw   string // unfolded
}

// Header is the fields of a message or part, in their order.
type Header struct {
	Fields []Field
	Cut    bool // there was more than is kept
	Broken int  // lines that belong to no field
}

// All gives the values of every field with a name, the topmost first.
func (h Header) All(name string) []string {
	var values []string
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// Get gives the value of the topmost field with a name, "" when there is none.
func (h Header) Get(name string) string {
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Has tells whether one of the fields is there, empty or not.
func (h Header) Has(names ...string) bool {
	return slices.ContainsFunc(h.Fields, func(f Field) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(f.Name, n) })
	})
}

// Text gives the topmost field with a name in plain words: encoded words
// (RFC 2047) decoded, in whatever charset.
func (h Header) Text(name string) string {
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			return DecodeWords(f.raw)
		}
	}
	return ""
}

// Lines gives fields as they stand, "Name: value", those of one name or more.
func (h Header) Lines(names ...string) []string {
	var lines []string
	for _, f := range h.Fields {
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(f.Name, n) }) {
			lines = append(lines, f.Line())
		}
	}
	return lines
}

// maxLine is how much of a field is quoted.
const maxLine = 300

// Line gives the field as it stands, cut where it is long.
func (f Field) Line() string {
	line := f.Name + ": " + f.Value
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + " [cut]"
	}
	return line
}

// ParseHeader reads the header at the beginning of a text.
func ParseHeader(text string) Header {
	lines := &lineReader{in: bufio.NewReader(strings.NewReader(text))}
	h, _ := readHeader(lines, nil)
	return h
}

// readHeader reads fields up to the empty line, to the end, or to a line at
// which the caller stops. Lines that are no field belong to the field before,
// as in headers that were copied from a window and lost their indentation.
func readHeader(lines *lineReader, stop func(line string) bool) (h Header, stopped string) {
	size := 0
	for {
		line, err := lines.next()
		if err != nil || line == "" {
			return h.finished(), ""
		}
		if stop != nil && stop(line) {
			return h.finished(), line
		}
		size += len(line)
		if size > maxHeader || len(h.Fields) > maxFields {
			h.Cut = true
			continue
		}
		h.take(line)
	}
}

// take puts a line into the header.
func (h *Header) take(line string) {
	name, value, isField := cutField(line)
	last := len(h.Fields) - 1
	switch {
	case isField:
		h.Fields = append(h.Fields, Field{Name: name, raw: value})
	case last < 0:
		h.Broken++
	case len(h.Fields[last].raw) < maxField:
		if line[0] != ' ' && line[0] != '\t' {
			h.Broken++
		}
		h.Fields[last].raw += " " + strings.TrimSpace(line)
	default:
		h.Cut = true
	}
}

// finished makes the values of fields that are whole.
func (h Header) finished() Header {
	for i := range h.Fields {
		f := &h.Fields[i]
		f.raw = strings.TrimSpace(toUTF8(f.raw[:min(len(f.raw), maxField)]))
		f.Value = clean(f.raw)
	}
	return h
}

// cutField cuts a line that begins a field: a name of visible characters, then a colon.
func cutField(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || name == "" || len(name) > 80 {
		return "", "", false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || strings.IndexByte(`()<>[]@,;\"/?={}`, c) >= 0 {
			return "", "", false
		}
	}
	return name, value, true
}

// lineReader gives lines without their ends, cut at a length.
type lineReader struct {
	in     *bufio.Reader
	again  *string // a line that was given back
	quoted bool    // every line begins with "> ", as in an answer
	mbox   bool    // "From " after an empty line begins another message
	many   bool    // and one did
	after  int     // lines since mbox was set that are not empty
	empty  bool    // the line before was empty
}

// maxRead is how much of one line is kept; the rest is read and dropped.
const maxRead = 64 << 10

// next gives the next line, and io.EOF after the last one.
func (l *lineReader) next() (string, error) {
	line, err := l.read()
	if err != nil {
		return "", err
	}
	if l.quoted {
		line = strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")
	}
	if l.mbox && l.empty && strings.HasPrefix(line, "From ") && mboxLine().MatchString(line) {
		l.many = true
	}
	l.empty = line == ""
	if !l.empty {
		l.after++
	}
	return line, nil
}

func (l *lineReader) read() (string, error) {
	if l.again != nil {
		line := *l.again
		l.again = nil
		return line, nil
	}
	var kept []byte
	for {
		part, err := l.in.ReadSlice('\n')
		if room := maxRead - len(kept); room > 0 {
			kept = append(kept, part[:min(room, len(part))]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && len(kept) == 0 {
			return "", io.EOF
		}
		return strings.TrimRight(string(kept), "\r\n"), nil
	}
}

func (l *lineReader) back(line string) { l.again = &line }

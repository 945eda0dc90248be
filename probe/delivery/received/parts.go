package received

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"slices"
	"strings"
)

// How much of a message is kept.
const (
	maxParts = 200
	maxDepth = 12       // of parts in parts
	maxText  = 64 << 10 // of a part that is text
	maxTexts = 1 << 20  // of all of them
)

// Part is a piece of a message that is no container of others.
type Part struct {
	Type     string  // "text/plain"; "message/rfc822" for a message that is attached
	Filename string  // "" when it has none
	Attached bool    // to be shown as a file
	Depth    int     // 0: of the message itself; 1: in a message attached to it
	Text     string  // of text and delivery statuses: decoded, and cut; line ends \n. Not cleaned
	Header   *Header // of an attached message, or of one that a bounce brings back
}

// walker reads the body of a message line by line, each once.
type walker struct {
	lines      *lineReader
	parts      []Part
	boundaries []string // of the containers that are open, the innermost last
	texts      int
	incomplete bool // it ended within a container
	skipped    bool // there were more parts, or deeper ones
}

// limits of the container: which boundary a line is, and whether it is the last of its kind.
func (w *walker) boundary(line string) (depth int, last, ok bool) {
	if !strings.HasPrefix(line, "--") {
		return 0, false, false
	}
	line = strings.TrimRight(line, " \t")
	for i := len(w.boundaries) - 1; i >= 0; i-- {
		switch line {
		case "--" + w.boundaries[i]:
			return i, false, true
		case "--" + w.boundaries[i] + "--":
			return i, true, true
		}
	}
	return 0, false, false
}

// entity reads one body: of the message, of a part, of an attached message.
// It gives the boundary line that ended it, "" at the end of all.
func (w *walker) entity(h Header, depth int) string {
	kind, params := mediaType(h.Get("Content-Type"))
	boundary := strings.TrimRight(params["boundary"], " ")
	switch {
	case strings.HasPrefix(kind, "multipart/") && boundary != "" && len(w.boundaries) < maxDepth:
		return w.container(boundary, depth)
	case kind == "message/rfc822" || kind == "message/global":
		return w.attachedMessage(h, depth)
	case len(w.parts) >= maxParts || len(w.boundaries) >= maxDepth:
		w.skipped = true
		return w.skip()
	}
	return w.leaf(h, kind, params, depth)
}

// container reads the parts of a multipart.
func (w *walker) container(boundary string, depth int) string {
	level := len(w.boundaries)
	w.boundaries = append(w.boundaries, boundary)
	defer func() { w.boundaries = w.boundaries[:level] }()
	line := w.skip() // what stands before the first part
	for {
		at, last, ok := w.boundary(line)
		switch {
		case !ok:
			w.incomplete = true
			return ""
		case at < level:
			return line // an outer one ends while this is open
		case last:
			w.boundaries = w.boundaries[:level]
			return w.skip() // what stands after the last part
		}
		header, stopped := readHeader(w.lines, w.isBoundary)
		if stopped != "" {
			line = stopped
			continue
		}
		line = w.entity(header, depth)
	}
}

func (w *walker) isBoundary(line string) bool {
	_, _, ok := w.boundary(line)
	return ok
}

// skip reads up to a boundary.
func (w *walker) skip() string { return w.each(func(string) {}) }

// each hands on lines up to a boundary, which it gives; "" at the end of all.
func (w *walker) each(take func(string)) string {
	for {
		line, err := w.lines.next()
		if err != nil {
			return ""
		}
		if w.isBoundary(line) {
			return line
		}
		take(line)
	}
}

// attachedMessage keeps the header of a message within the message, and what
// is in it one level deeper.
func (w *walker) attachedMessage(h Header, depth int) string {
	encoding := strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding")))
	part := Part{Type: "message/rfc822", Filename: filename(h), Attached: isAttached(h), Depth: depth}
	if len(w.parts) >= maxParts || depth >= maxDepth {
		w.skipped = true
		return w.skip()
	}
	if encoding == "base64" || encoding == "quoted-printable" { // against RFC 2046, and done
		text, ended := w.text(encoding, "")
		inner := ParseHeader(strings.TrimLeft(text, "\n"))
		part.Header = &inner
		w.parts = append(w.parts, part)
		return ended
	}
	inner, stopped := readHeader(w.lines, w.isBoundary)
	part.Header = &inner
	w.parts = append(w.parts, part)
	if stopped != "" {
		return stopped
	}
	return w.entity(inner, depth+1)
}

// leaf keeps what can tell of redirecting, and reads over the rest.
func (w *walker) leaf(h Header, kind string, params map[string]string, depth int) string {
	part := Part{Type: kind, Filename: filename(h), Attached: isAttached(h), Depth: depth}
	if !isTold(kind) || w.texts > maxTexts {
		w.parts = append(w.parts, part)
		return w.skip()
	}
	text, ended := w.text(strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))), params["charset"])
	part.Text = text
	if kind == "text/rfc822-headers" || kind == "message/global-headers" {
		inner := ParseHeader(text)
		part.Header, part.Text = &inner, ""
	}
	w.texts += len(part.Text)
	w.parts = append(w.parts, part)
	return ended
}

func isTold(kind string) bool {
	return kind == "text/plain" || kind == "text/html" || kind == "text/rfc822-headers" || strings.HasPrefix(kind, "message/")
}

// text reads a part that is text.
func (w *walker) text(encoding, charset string) (text, ended string) {
	var raw strings.Builder
	limit := maxText
	if encoding == "base64" {
		limit = maxText * 4 / 3
	}
	ended = w.each(func(line string) {
		if raw.Len() < limit {
			raw.WriteString(line + "\n")
		}
	})
	return decodeBody(raw.String(), encoding, charset), ended
}

// decodeBody decodes as far as it can be decoded.
func decodeBody(raw, encoding, charset string) string {
	var in io.Reader = strings.NewReader(raw)
	switch encoding {
	case "base64":
		in = base64.NewDecoder(base64.StdEncoding, in)
	case "quoted-printable":
		in = quotedprintable.NewReader(in)
	}
	decodedText, _ := io.ReadAll(io.LimitReader(decoded(charset, in), maxText)) // the rest is broken
	return strings.ReplaceAll(toUTF8(string(decodedText)), "\r\n", "\n")
}

// mediaType reads a Content-Type, tolerantly.
func mediaType(value string) (kind string, params map[string]string) {
	kind, params, err := mime.ParseMediaType(value)
	if err == nil {
		return kind, params
	}
	kind, _, _ = strings.Cut(value, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if !strings.Contains(kind, "/") {
		kind = "text/plain" // RFC 2045 section 5.2
	}
	params = map[string]string{}
	for _, found := range bodyParameter().FindAllStringSubmatch(value, 20) {
		params[strings.ToLower(found[1])] = found[2] + found[3]
	}
	return kind, params
}

func filename(h Header) string {
	for _, name := range []string{"Content-Disposition", "Content-Type"} {
		_, params, err := mime.ParseMediaType(h.Get(name))
		if err != nil {
			continue
		}
		if file := params["filename"] + params["name"]; file != "" {
			return DecodeWords(file)
		}
	}
	return ""
}

func isAttached(h Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Disposition")), "attachment")
}

// Attached gives the headers of messages that are attached to the message
// itself, or that a bounce brings back.
func (m *Message) Attached() []Header {
	var all []Header
	for _, p := range m.Parts {
		if p.Header != nil && p.Depth == 0 {
			all = append(all, *p.Header)
		}
	}
	return all
}

// Body gives the text of the message itself as a person reads it: the plain
// part, else the HTML part without its marks.
func (m *Message) Body() string {
	for _, kind := range []string{"text/plain", "text/html"} {
		i := slices.IndexFunc(m.Parts, func(p Part) bool {
			return p.Type == kind && p.Depth == 0 && !p.Attached && strings.TrimSpace(p.Text) != ""
		})
		if i >= 0 && kind == "text/html" {
			return htmlText(m.Parts[i].Text)
		}
		if i >= 0 {
			return m.Parts[i].Text
		}
	}
	return ""
}

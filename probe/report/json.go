package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// document prints the report as one JSON document when the run has ended.
type document struct {
	w      io.Writer
	report probe.Report
}

func newJSON(w io.Writer, _ Options) output { return &document{w: w} }

func (d *document) event(e probe.Event) error {
	d.report.Add(e)
	if e.End == nil {
		return nil
	}
	return write(d.w, d.report, "  ")
}

func (d *document) flush() {}

// lines prints every event as a line of JSON.
type lines struct{ w io.Writer }

func newJSONLines(w io.Writer, _ Options) output { return lines{w} }

func (l lines) event(e probe.Event) error { return write(l.w, e, "") }

func (l lines) flush() {}

// write encodes a value on lines of its own, in a form that can be shown.
func write(w io.Writer, value any, indent string) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	_, err := w.Write(showable(b.Bytes()))
	return err
}

// showable rewrites JSON without changing its meaning: < > & stand for
// themselves, also where a type's own MarshalJSON escaped them, and what a
// terminal would act upon (control characters, a change of the direction of
// writing, invisible characters) stands as an escape.
func showable(in []byte) []byte {
	out := make([]byte, 0, len(in)+64)
	for i := 0; i < len(in); {
		switch c := in[i]; {
		case c == '\\':
			plain, n := unescape(in[i:])
			out = append(out, plain...)
			i += n
		case c < 0x7f:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(in[i:])
			if shown := string(in[i : i+n]); secret.Clean(shown) == shown {
				out = append(out, shown...)
			} else {
				out = appendEscape(out, r)
			}
			i += n
		}
	}
	return out
}

// unescape reads one escape, and gives what to write for it and its length.
func unescape(in []byte) ([]byte, int) {
	if len(in) >= 6 && in[1] == 'u' {
		switch string(in[2:6]) {
		case "003c":
			return []byte("<"), 6
		case "003e":
			return []byte(">"), 6
		case "0026":
			return []byte("&"), 6
		}
	}
	return in[:min(2, len(in))], min(2, len(in))
}

// appendEscape writes a character as JSON does, with surrogates beyond 16 bits.
func appendEscape(out []byte, r rune) []byte {
	if r < 0x10000 {
		return fmt.Appendf(out, `\u%04x`, r)
	}
	r -= 0x10000
	return fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
}

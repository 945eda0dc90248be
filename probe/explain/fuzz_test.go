package explain

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// FuzzRead: whatever is pasted, Read gives bounded text without control
// characters, and a document that can be written.
func FuzzRead(f *testing.F) {
	for _, text := range []string{disabled, germanTicket, "", "\xff\xfe5\x003\x005\x00", "334 UGFzc3dvcmQ6\nZ2VoZWlt\n535 no", `{"a":"\u001b[31m535 5.7.8\n"}`,
		"smtp://u:p@ss@h:1", "Host: \x1b]0;x\x07", "&#27;[2J 550 5.7.1 x", "=1B=5B 535 =\n x =3D", logLines(3, bounced), strings.Repeat("5", 5000), "535-\n535-\n535 ", "Password: \u202e550"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := Read(cause.Builtin(), bytes.NewReader(text), Settings{Now: day})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 256<<10 {
			t.Errorf("%d bytes out of %d", len(b), len(text))
		}
		var strs any
		if err := json.Unmarshal(b, &strs); err != nil {
			t.Fatal(err)
		}
		noControls(t, strs)
	})
}

func noControls(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return r != '\n' && unicode.IsControl(r) || r == '\u202e' }) {
			t.Errorf("%q", v)
		}
	case []any:
		for _, e := range v {
			noControls(t, e)
		}
	case map[string]any:
		for _, e := range v {
			noControls(t, e)
		}
	}
}

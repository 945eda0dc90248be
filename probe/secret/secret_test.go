package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValueDoesNotPrintItself(t *testing.T) {
	type inner struct{ password Value }
	v := inner{New("Pa55-canary")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(format, v); strings.Contains(out, "canary") || strings.Contains(out, hex.EncodeToString([]byte("canary"))) {
			t.Errorf("%s prints %s", format, out)
		}
		if out := fmt.Sprintf(format, v.password); strings.Contains(out, "canary") {
			t.Errorf("%s prints %s", format, out)
		}
	}
	b, err := json.Marshal(struct{ P Value }{v.password})
	if err != nil || strings.Contains(string(b), "canary") {
		t.Errorf("json: %s %v", b, err)
	}
	if v.password.Reveal() != "Pa55-canary" || !v.password.IsSet() || (Value{}).IsSet() {
		t.Error("the value itself is lost")
	}
}

func TestRedactorFindsEveryEncoding(t *testing.T) {
	const canary = "Pa55-canary-ünï"
	var r Redactor
	r.Learn(canary)
	texts := []string{
		canary, url.QueryEscape(canary), url.PathEscape(canary), hex.EncodeToString([]byte(canary)),
		strings.ToUpper(hex.EncodeToString([]byte(canary))),
	}
	for _, lead := range []string{"", "a", "ab", "\x00user\x00", "user=x\x01auth=Bearer "} {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
			texts = append(texts, enc.EncodeToString([]byte(lead+canary+"\x01 and more")))
		}
	}
	for _, text := range texts {
		got := r.Text("535 you sent " + text + " to me")
		if !strings.Contains(got, Hidden) || strings.Contains(got, text) {
			t.Errorf("%q stays as %q", text, got)
		}
	}
	if got := r.Text("535 5.7.8 Authentication failed"); got != "535 5.7.8 Authentication failed" {
		t.Errorf("honest words became %q", got)
	}
}

func TestRedactorFindsWhatWasQuoted(t *testing.T) {
	const canary = `pa"ss\\wörd'x`
	var r Redactor
	r.Learn(canary)
	for _, text := range []string{strconv.Quote(canary), strconv.QuoteToASCII(canary), "'" + canary + "'"} {
		if got := r.Text("refused: " + text); got != "refused: "+text[:1]+Hidden+text[len(text)-1:] {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// A server folds a long token into lines, or breaks off in it.
func TestPiecesOfALongSecretAreHidden(t *testing.T) {
	var token strings.Builder
	for i := range 500 {
		fmt.Fprintf(&token, "%x-%d.", i*7919, i)
	}
	var r Redactor
	r.Learn(token.String())
	whole := map[string]string{"raw": token.String(), "base64": base64.StdEncoding.EncodeToString([]byte("user=me\x01auth=Bearer " + token.String()))}
	for name, text := range whole {
		for from := 40; from+76 <= len(text); from += 76 {
			line := "you sent " + text[from:from+76] + " to us"
			if got := r.Text(line); got != "you sent [hidden] to us" {
				t.Fatalf("%s: %q became %q", name, line, got)
			}
		}
	}
	const honest = "535 5.7.8 Username and Password not accepted, see https://support.example/mail?p=BadCredentials"
	if got := r.Text(honest); got != honest {
		t.Errorf("honest words became %q", got)
	}
}

func TestPiecesCutNoCharacter(t *testing.T) {
	var r Redactor
	r.Learn(strings.Repeat("äöüß€", 8))
	for _, text := range []string{"x€äöüß€äöüß€y", "ß€äöüß€äöü", "Ä" + "öüß€äöüß€"} {
		if got := r.Text(text); !utf8.ValidString(got) || strings.Contains(got, "öüß€äöüß") {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestShortSecretsAreReplacedAsWholeWordsOnly(t *testing.T) {
	var r Redactor
	r.Learn("abc")
	payload := base64.StdEncoding.EncodeToString([]byte("\x00me\x00abc"))
	for in, want := range map[string]string{
		"535 abc is wrong":       "535 [hidden] is wrong",
		"the abcde stays":        "the abcde stays",
		"you sent " + payload:    "you sent [hidden]",
		"password=abc;":          "password=[hidden];",
		"hex 616263 stands here": "hex [hidden] stands here",
		"all of it %61%62%63":    "all of it [hidden]",
		"auth=" + base64.StdEncoding.EncodeToString([]byte("me:abc")): "auth=[hidden]",
	} {
		if got := r.Text(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestCleanShowsWhatATerminalWouldObey(t *testing.T) {
	for in, want := range map[string]string{
		"plain text":            "plain text",
		"\x1b[2Jgone":           `\x1b[2Jgone`,
		"a\tb\r\nc":             `a b\x0d` + "\nc",
		"bell\a nul\x00":        `bell\x07 nul\x00`,
		"\u202egnp.exe":         `\u202egnp.exe`,
		"bad \xff byte":         `bad \xff byte`,
		"grüße, привет, 你好":     "grüße, привет, 你好",
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"c1 \u009b31m":          `c1 \u009b31m`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := Clean(strings.Repeat("x", 1<<20)); len(got) > MaxText+16 {
		t.Errorf("a megabyte stays %d bytes long", len(got))
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("Pa55-canary-ünï", "535 no Pa55-canary-ünï here")
	f.Add("\u0130stanbul", "x\u0130stanbul")
	f.Fuzz(func(t *testing.T, secretText, around string) {
		var r Redactor
		r.Learn(secretText)
		got := r.Text(Clean(r.Text(around + " " + secretText + " " + around)))
		if len(secretText) >= shortSecret && !strings.Contains(Hidden, secretText) && strings.Contains(got, secretText) {
			t.Errorf("%q is still in %q", secretText, got)
		}
		for _, c := range got {
			if c < 0x20 && c != '\n' {
				t.Errorf("control character %q left", c)
			}
		}
	})
}

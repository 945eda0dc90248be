package mask

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"
)

// encodedRuns finds what may be percent-encoded or base64.
var encodedRuns = compiled(`[^\s<>()"',]*%[0-9A-Fa-f]{2}[^\s<>()"',]*|[A-Za-z0-9+/_-]{8,}={0,2}`)

var percentPattern = compiled(`%[0-9A-Fa-f]{2}`)

// encoded masks what is in an encoded stretch; false where it holds no name, or
// is not encoded after all.
func (m *Masker) encoded(run string, depth int) (masked string, changed bool) {
	if percentPattern().MatchString(run) {
		return m.percent(run, depth)
	}
	return m.base64(run, depth)
}

func (m *Masker) percent(run string, depth int) (string, bool) {
	decoded := percentPattern().ReplaceAllStringFunc(run, func(code string) string {
		b, err := hex.DecodeString(code[1:])
		if err != nil {
			return code
		}
		return string(b)
	})
	masked := m.text(decoded, depth)
	if masked == decoded {
		return run, true // as its pieces would look like names
	}
	var b strings.Builder
	for i := 0; i < len(masked); i++ {
		if c := masked[i]; c > 0x20 && c < 0x7f && c != '@' && c != '%' {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{masked[i]})))
	}
	return b.String(), true
}

// ntlm is how the messages of NTLM begin, which name computer and domain in UTF-16.
const ntlm = "TlRMTVNTUA"

func (m *Masker) base64(run string, depth int) (string, bool) {
	if strings.HasPrefix(run, ntlm) {
		return Masked, true
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(run, "-_") {
		encoding = base64.RawURLEncoding
	}
	bare := strings.TrimRight(run, "=")
	if decoded, err := encoding.DecodeString(bare); err == nil && isText(decoded) {
		text := string(decoded)
		if masked := m.text(text, depth); masked != text {
			out := encoding.EncodeToString([]byte(masked))
			if len(bare)%4 == 0 || bare != run {
				out += strings.Repeat("=", (4-len(out)%4)%4)
			}
			return out, true
		}
	}
	return Masked, m.holdsPiece(run)
}

func (m *Masker) holdsPiece(run string) bool {
	for i := 0; i+shortestPiece <= len(run); i++ {
		for _, piece := range m.payloads[run[i:i+shortestPiece]] {
			if strings.HasPrefix(run[i:], piece) {
				return true
			}
		}
	}
	return false
}

// isText: what could be said in a login, with the NUL and ^A between its parts.
func isText(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != 0 && c != 1 && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

// shortestPiece of base64 is so long that it is in nothing else by chance.
const shortestPiece = 6

// mostAlike is how many pieces may begin alike; names that people have never come near it.
const mostAlike = 64

// learnPayloads learns how a name looks within base64, wherever it begins in it.
func (m *Masker) learnPayloads(name string) {
	if len(m.payloads) > 8*mostNames {
		return
	}
	for _, form := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
		for lead := range 3 {
			padded := append(make([]byte, lead), form...)
			from, to := (lead*8+5)/6, len(padded)*8/6
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				if to-from >= shortestPiece {
					piece := encoding.EncodeToString(padded)[from:to]
					start := piece[:shortestPiece]
					if len(m.payloads[start]) < mostAlike && !slices.Contains(m.payloads[start], piece) {
						m.payloads[start] = append(m.payloads[start], piece)
					}
				}
			}
		}
	}
}

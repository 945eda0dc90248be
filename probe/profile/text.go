package profile

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// DecodeText makes a string of a file's bytes: UTF-8 with or without a
// byte-order mark, or UTF-16 as PowerShell writes it. Anything else stays as it is.
func DecodeText(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		return string(b[3:])
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return fromUTF16(b[2:], 0)
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return fromUTF16(b[2:], 1)
	case looksUTF16(b, 0):
		return fromUTF16(b, 0)
	case looksUTF16(b, 1):
		return fromUTF16(b, 1)
	}
	return string(b)
}

// looksUTF16 tells by the zero bytes of the first two characters; low is the
// place of the low byte in each pair.
func looksUTF16(b []byte, low int) bool {
	return len(b) >= 4 && len(b)%2 == 0 && b[low] != 0 && b[1-low] == 0 && b[2+low] != 0 && b[3-low] == 0
}

func fromUTF16(b []byte, low int) string {
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i+1-low])<<8|uint16(b[i+low]))
	}
	return string(utf16.Decode(units))
}

// withoutLineEnd removes one line end; more stays, and is remarked.
func withoutLineEnd(s string) string {
	if t, ok := strings.CutSuffix(s, "\r\n"); ok {
		return t
	}
	return strings.TrimSuffix(s, "\n")
}

// firstUnreadable gives line and column, from 1, of the first byte that is no
// UTF-8 or a control character that no text file has; 0 when there is none.
func firstUnreadable(text string) (line, column int, isControl bool) {
	line, column = 1, 1
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return line, column, false
		case r < 0x20 && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			return line, column, true
		case r == '\n':
			line, column = line+1, 0
		}
		column++
		i += n
	}
	return 0, 0, false
}

package secret

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the number of bytes of one piece of outside text that is kept.
const MaxText = 8 << 10

// Clean makes outside text fit for a terminal or report: control characters,
// escape sequences, bidirectional overrides, invisible characters and invalid
// UTF-8 are replaced by visible ASCII (\x1b, \u202e), tabs by a blank, and what
// goes beyond MaxText bytes is cut with a word that says so. Line ends stay.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	cut := len(s) > MaxText
	if cut {
		s = s[:MaxText]
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		writeClean(&b, r, n, s[i])
		i += n
	}
	if cut {
		b.WriteString(" [cut]")
	}
	return b.String()
}

func isClean(s string) bool {
	if len(s) > MaxText {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '\n' && (c < 0x20 || c > 0x7e) {
			return false
		}
	}
	return true
}

func writeClean(b *strings.Builder, r rune, width int, first byte) {
	const hex = "0123456789abcdef"
	switch {
	case r == utf8.RuneError && width <= 1, r < 0x20 && r != '\n' && r != '\t', r == 0x7f:
		b.WriteString(`\x`)
		b.WriteByte(hex[first>>4])
		b.WriteByte(hex[first&15])
	case r == '\t':
		b.WriteByte(' ')
	case r != '\n' && !unicode.IsPrint(r) && !(unicode.Is(unicode.Zs, r)), isInvisible(r):
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(hex[(r>>shift)&15])
		}
	default:
		b.WriteRune(r)
	}
}

// isInvisible knows characters that print nothing or change the direction of
// what follows; some count as printable for package unicode.
func isInvisible(r rune) bool {
	return r == 0x00ad || r == 0x034f || r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 ||
		unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

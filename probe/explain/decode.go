package explain

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode gives a text in UTF-8: UTF-16 by its byte-order mark or by its zero
// bytes, else UTF-8 without a mark; single wrong bytes are read as Latin-1,
// which is what they are in the files of mail servers and Windows programs.
func decode(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return fromUTF16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return fromUTF16(b[2:], binary.BigEndian)
	case looksUTF16(b, 1):
		return fromUTF16(b, binary.LittleEndian)
	case looksUTF16(b, 0):
		return fromUTF16(b, binary.BigEndian)
	}
	return fromBytes(bytes.TrimPrefix(b, []byte{0xef, 0xbb, 0xbf}))
}

// looksUTF16 tells whether nearly every second byte of the beginning is zero,
// and hardly any of the others; high is where the zeros are, 0 or 1.
func looksUTF16(b []byte, high int) bool {
	b = b[:min(len(b), 512)&^1]
	zeros, others := 0, 0
	for i := 0; i < len(b); i += 2 {
		if b[i+high] == 0 {
			zeros++
		}
		if b[i+1-high] == 0 {
			others++
		}
	}
	return len(b) >= 8 && zeros*10 >= len(b)/2*9 && others*10 < len(b)/2
}

func fromUTF16(b []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func fromBytes(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			r = rune(b[0])
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String()
}

// isBinary tells whether a text is none: a picture, an archive, a program.
func isBinary(text string) bool {
	text = text[:min(len(text), 4096)]
	odd := 0
	for _, r := range text {
		if r < ' ' && !strings.ContainsRune("\t\r\n\v\f\x1b", r) || r == utf8.RuneError || r >= 0x80 && r < 0xa0 {
			odd++
		}
	}
	return odd*20 > len(text)
}

package received

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// DecodeWords decodes the encoded words of a field (RFC 2047) and cleans it.
// What cannot be decoded stays as it is.
func DecodeWords(raw string) string {
	text, err := wordDecoder().DecodeHeader(toUTF8(raw))
	if err != nil {
		text = toUTF8(raw)
	}
	return clean(text)
}

func wordDecoder() *mime.WordDecoder {
	return &mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
		return decoded(charset, in), nil
	}}
}

// decoded makes UTF-8 of a charset by its name; an unknown one is taken for
// the most common one of the Western world, in which every byte is a character.
func decoded(charset string, in io.Reader) io.Reader {
	if charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") {
		return in
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		encoding = charmap.Windows1252
	}
	return encoding.NewDecoder().Reader(in)
}

// toUTF8 takes bytes that are no UTF-8 for Windows-1252.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	text, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "?")
	}
	return text
}

// clean makes a value one line that a terminal can show.
func clean(s string) string {
	return secret.Clean(strings.TrimSpace(strings.NewReplacer("\r", " ", "\n", " ").Replace(s)))
}

// plain makes a reader of a saved text one of bytes as mail has them: a
// byte-order mark is taken off, UTF-16 becomes UTF-8, with or without its mark.
func plain(r io.Reader) *bufio.Reader {
	in := bufio.NewReaderSize(r, 64<<10)
	start, _ := in.Peek(64) // what an error means shows at the first read
	switch {
	case bytes.HasPrefix(start, []byte{0xEF, 0xBB, 0xBF}):
		_, _ = in.Discard(3) // was peeked at
		return in
	case bytes.HasPrefix(start, []byte{0xFF, 0xFE}), looksUTF16(start, 1):
		return wide(in, unicode.LittleEndian)
	case bytes.HasPrefix(start, []byte{0xFE, 0xFF}), looksUTF16(start, 0):
		return wide(in, unicode.BigEndian)
	}
	return in
}

func wide(in io.Reader, order unicode.Endianness) *bufio.Reader {
	return bufio.NewReaderSize(transform.NewReader(in, unicode.UTF16(order, unicode.UseBOM).NewDecoder()), 64<<10)
}

// looksUTF16: every second byte of a header in UTF-16 is zero.
func looksUTF16(start []byte, zero int) bool {
	if len(start) < 16 {
		return false
	}
	for i := range 16 {
		if (start[i] == 0) != (i%2 == zero) {
			return false
		}
	}
	return true
}

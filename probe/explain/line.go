package explain

import (
	"bytes"
	"strings"
)

// mayTell tells in one pass over its bytes whether a line can be about an
// error: a number like a reply code, or a word that errors have. Of a log of
// gigabytes hardly a line gets past it.
func mayTell(line []byte) bool {
	if bytes.Contains(line, []byte("status=sent")) {
		return false
	}
	var word uint32
	for i, c := range line {
		word = word<<8 | uint32(c|0x20)
		if c == '4' || c == '5' {
			if isCodeAt(line, i) {
				return true
			}
			continue
		}
		if isErrorWord(word) {
			return true
		}
	}
	return false
}

func isCodeAt(line []byte, i int) bool {
	if i+3 > len(line) || !isDigit(line[i+1]) || !isDigit(line[i+2]) || line[i+1] > '7' {
		return isEnhancedAt(line, i)
	}
	if i > 0 && (isWordByte(line[i-1]) || strings.IndexByte(".:/+-", line[i-1]) >= 0) {
		return false
	}
	return i+3 == len(line) || strings.IndexByte(" -:,;)]\"'#=", line[i+3]) >= 0
}

// isEnhancedAt finds 5.7.8, but not an address.
func isEnhancedAt(line []byte, i int) bool {
	return i+4 < len(line) && line[i+1] == '.' && isDigit(line[i+2]) && line[i+3] == '.' && isDigit(line[i+4]) &&
		(i == 0 || !isWordByte(line[i-1]) && line[i-1] != '.')
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordByte(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// isErrorWord knows four letters out of each word that errors have: error,
// refuse, reject, denied, fail, fehler, timeout, timed out, unreachable, lost,
// certificate, exception, unable, cannot, could not, not found, enotfound, reset.
func isErrorWord(w uint32) bool {
	switch w {
	case 'e'<<24 | 'r'<<16 | 'r'<<8 | 'o', 'r'<<24 | 'e'<<16 | 'f'<<8 | 'u', 'r'<<24 | 'e'<<16 | 'j'<<8 | 'e', 'd'<<24 | 'e'<<16 | 'n'<<8 | 'i',
		'f'<<24 | 'a'<<16 | 'i'<<8 | 'l', 'f'<<24 | 'e'<<16 | 'h'<<8 | 'l', 'i'<<24 | 'm'<<16 | 'e'<<8 | 'o', 'i'<<24 | 'm'<<16 | 'e'<<8 | 'd',
		'n'<<24 | 'r'<<16 | 'e'<<8 | 'a', 'l'<<24 | 'o'<<16 | 's'<<8 | 't', 'c'<<24 | 'e'<<16 | 'r'<<8 | 't', 'e'<<24 | 'x'<<16 | 'c'<<8 | 'e',
		'u'<<24 | 'n'<<16 | 'a'<<8 | 'b', 'c'<<24 | 'a'<<16 | 'n'<<8 | 'n', 'c'<<24 | 'o'<<16 | 'u'<<8 | 'l', 't'<<24 | 'f'<<16 | 'o'<<8 | 'u',
		'r'<<24 | 'e'<<16 | 's'<<8 | 'e':
		return true
	}
	return false
}

// normalise writes a line without what differs from one message to the next:
// numbers become 0, queue ids and addresses one letter. Reply codes stay, and
// so does the name of the server spoken to.
func normalise(out, line []byte) []byte {
	line = withoutStamp(line)
	for i := 0; i < len(line); {
		if !isTokenByte(line[i]) {
			out = append(out, line[i])
			i++
			continue
		}
		end := i
		for end < len(line) && isTokenByte(line[end]) {
			end++
		}
		out = appendToken(out, line[i:end])
		i = end
	}
	return out
}

func isTokenByte(c byte) bool {
	return isWordByte(c) || c == '.' || c == '@' || c == '-' || c == '+' || c >= 0x80
}

func appendToken(out, token []byte) []byte {
	digits, letters := 0, 0
	for _, c := range token {
		switch {
		case c == '@':
			return append(out, 'A')
		case isDigit(c):
			digits++
		case c != '.' && c != '-':
			letters++
		}
	}
	switch {
	case digits == 0, letters == 0 && isCode(out, token), letters > 0 && namesServer(out):
		return append(out, token...)
	case letters > 0 && len(token) >= 8 && bytes.IndexByte(token, '.') < 0:
		return append(out, 'X') // a queue id, a session id
	}
	return appendWithoutNumbers(out, token)
}

// isCode: 550, 5.7.1; not the number of a process, which stands in brackets.
func isCode(out, token []byte) bool {
	if token[0] != '4' && token[0] != '5' {
		return false
	}
	if len(token) == 3 {
		return len(out) == 0 || bytes.IndexByte([]byte(" (\"':<"), out[len(out)-1]) >= 0
	}
	return len(token) > 4 && len(token) <= 8 && token[1] == '.'
}

// namesServer tells whether the name of the server spoken to comes next.
func namesServer(out []byte) bool {
	return bytes.HasSuffix(out, []byte("relay=")) || bytes.HasSuffix(out, []byte("host ")) || bytes.HasSuffix(out, []byte("connect to ")) ||
		bytes.HasSuffix(out, []byte("H=")) || bytes.HasSuffix(out, []byte("server "))
}

func appendWithoutNumbers(out, token []byte) []byte {
	for i, c := range token {
		switch {
		case !isDigit(c):
			out = append(out, c)
		case i == 0 || !isDigit(token[i-1]):
			out = append(out, '0')
		}
	}
	return out
}

// codesOf gives the numbers of a line that can be reply codes: what is left to
// tell lines apart when there are too many kinds of them.
func codesOf(out, line []byte) []byte {
	for i, c := range line {
		if (c == '4' || c == '5') && isCodeAt(line, i) {
			out = append(out, line[i:min(i+5, len(line))]...)
		}
	}
	return out
}

// hash is FNV-1a.
func hash(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

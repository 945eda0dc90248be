package secret

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// shortSecret is the length in bytes below which a secret is replaced only as
// a whole word, since "abc" is part of honest words too.
const shortSecret = 6

// Of a secret of longSecret bytes and more a piece of fragment bytes is hidden
// too: servers fold what they repeat into several lines, or break off in it.
const (
	longSecret = 24
	fragment   = 12
)

// Redactor replaces what it learned in text that came from outside: raw, URL
// and hex encoded, quoted, and base64 at all three alignments. The zero value
// knows nothing and is ready; it may be used by several goroutines.
type Redactor struct {
	mu       sync.RWMutex
	anywhere []string // longest first
	words    []string
	known    map[string]bool
	pieces   map[string]bool // of long secrets, each of fragment bytes
}

// Learn teaches a secret or a payload that holds one. Unset and empty are ignored.
func (r *Redactor) Learn(secrets ...string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		r.learn(s)
		if t := strings.TrimSpace(s); t != s {
			r.learn(t)
		}
	}
	sort.SliceStable(r.anywhere, func(i, j int) bool { return len(r.anywhere[i]) > len(r.anywhere[j]) })
}

func (r *Redactor) learn(s string) {
	if s == "" || r.known[s] {
		return
	}
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[s] = true
	if len(s) < shortSecret {
		r.words = append(r.words, s)
		for _, form := range wholeForms(s) {
			r.words = appendNew(r.words, form)
		}
		return
	}
	for _, form := range encodings(s) {
		r.anywhere = appendNew(r.anywhere, form)
	}
	if len(s) >= longSecret {
		r.learnPieces(append(aligned(s), s))
	}
}

func (r *Redactor) learnPieces(forms []string) {
	if r.pieces == nil {
		r.pieces = map[string]bool{}
	}
	for _, form := range forms {
		for i := 0; i+fragment <= len(form); i++ {
			r.pieces[form[i:i+fragment]] = true
		}
	}
}

// fragments hides what is made of pieces of long secrets.
func (r *Redactor) fragments(s string) string {
	var b strings.Builder
	done := 0
	for i := 0; i+fragment <= len(s); i++ {
		if !r.pieces[s[i:i+fragment]] {
			continue
		}
		from, to := i, i+fragment
		for i++; i <= to && i+fragment <= len(s); i++ {
			if r.pieces[s[i:i+fragment]] {
				to = i + fragment
			}
		}
		from, to = wholeRunes(s, max(from, done), to)
		b.WriteString(s[done:max(from, done)] + Hidden)
		done, i = to, to-1
	}
	return b.String() + s[done:]
}

// wholeRunes widens a span so that it cuts no character.
func wholeRunes(s string, from, to int) (int, int) {
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	for to < len(s) && !utf8.RuneStart(s[to]) {
		to++
	}
	return from, to
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// Text gives s without anything that was learned.
func (r *Redactor) Text(s string) string {
	if r == nil || s == "" {
		return s
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.anywhere) == 0 && len(r.words) == 0 {
		return s
	}
	for _, form := range r.anywhere {
		s = replaceFold(s, form)
	}
	for _, word := range r.words {
		s = replaceWord(s, word)
	}
	if len(r.words) > 0 {
		s = r.payloads(s)
	}
	if len(r.pieces) > 0 {
		s = r.fragments(s)
	}
	return s
}

// wholeForms are the encodings in which a short secret can stand alone.
func wholeForms(s string) []string {
	b := []byte(s)
	return []string{
		base64.StdEncoding.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b),
		hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), url.QueryEscape(s), url.PathEscape(s), percentAll(s),
	}
}

// encodings are the forms in which a secret can stand anywhere in a text.
func encodings(s string) []string {
	forms := []string{s, url.QueryEscape(s), url.PathEscape(s), hex.EncodeToString([]byte(s))}
	forms = append(forms, percentAll(s), latin1(s), xtext(s), quotedPrintable(s), quoted(strconv.Quote(s)), quoted(strconv.QuoteToASCII(s)))
	for _, raw := range []string{s, latin1(s)} {
		forms = append(forms, aligned(raw)...)
	}
	out := forms[:0]
	for _, f := range forms {
		if len(f) >= shortSecret {
			out = append(out, f)
		}
	}
	return out
}

// aligned gives the base64 characters of s that do not depend on what stands
// around it, for each of the three positions s can have in a longer payload.
func aligned(s string) []string {
	var out []string
	for lead := 0; lead < 3; lead++ {
		padded := append(make([]byte, lead), s...)
		bits := len(padded) * 8
		from, to := (lead*8+5)/6, bits/6
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if text := enc.EncodeToString(padded); to > from {
				out = append(out, text[from:to])
			}
		}
	}
	return out
}

func percentAll(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{s[i]})))
	}
	return b.String()
}

func escaped(s string, mark byte) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c > 0x20 && c < 0x7f && c != '+' && c != '=' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte(mark)
		b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{s[i]})))
	}
	return b.String()
}

// quoted is what stands between the quotes of programs that quote what they repeat.
func quoted(literal string) string { return literal[1 : len(literal)-1] }

func xtext(s string) string           { return escaped(s, '+') }
func quotedPrintable(s string) string { return escaped(s, '=') }

// latin1 is s as a client of the old kind would have encoded it; s itself where it cannot.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return s
		}
		b = append(b, byte(r))
	}
	return string(b)
}

func replaceFold(s, form string) string {
	if strings.Contains(s, form) {
		s = strings.ReplaceAll(s, form, Hidden)
	}
	if !isHexLike(form) {
		return s
	}
	lower := asciiLower(form)
	for {
		i := strings.Index(asciiLower(s), lower)
		if i < 0 {
			return s
		}
		s = s[:i] + Hidden + s[i+len(form):]
	}
}

// asciiLower keeps every byte's place, which strings.ToLower does not.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// isHexLike tells whether the letter case of a form is the encoder's choice.
func isHexLike(form string) bool {
	for i := 0; i < len(form); i++ {
		c := form[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' || c == '%') {
			return false
		}
	}
	return true
}

func replaceWord(s, word string) string {
	for at := 0; at < len(s); {
		i := strings.Index(s[at:], word)
		if i < 0 {
			return s
		}
		i += at
		end := i + len(word)
		if isWordEnd(s[:i], true) && isWordEnd(s[end:], false) {
			s = s[:i] + Hidden + s[end:]
			at = i + len(Hidden)
			continue
		}
		at = i + 1
	}
	return s
}

func isWordEnd(s string, before bool) bool {
	if s == "" {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s)
	if before {
		r, _ = utf8.DecodeLastRuneInString(s)
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// payloads hides base64 words whose decoded text holds a short secret as a word.
func (r *Redactor) payloads(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := base64Run(s)
		if n == 0 {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		word := s[:n]
		s = s[n:]
		if n >= 4 && r.holdsShort(word) {
			word = Hidden
		}
		b.WriteString(word)
	}
	return b.String()
}

// base64Run counts the octets that can be base64 at the beginning of s; padding ends it.
func base64Run(s string) int {
	n := 0
	for n < len(s) && strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_", s[n]) >= 0 {
		n++
	}
	for n > 0 && n < len(s) && s[n] == '=' {
		n++
	}
	return n
}

func (r *Redactor) holdsShort(word string) bool {
	raw := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(word), "=")
	decoded, err := base64.RawStdEncoding.DecodeString(raw)
	if err != nil || len(decoded) == 0 {
		return false
	}
	text := string(decoded)
	for _, short := range r.words {
		if replaceWord(text, short) != text {
			return true
		}
	}
	return false
}

package probe

import (
	"strings"
	"unicode"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// PasswordRemarks tells what about a password looks as if copying had changed
// it. It does not show it.
func PasswordRemarks(v secret.Value) []cause.Observation {
	text := v.Reveal()
	if text == "" {
		return []cause.Observation{cause.PasswordEmpty}
	}
	var seen []cause.Observation
	note := func(o cause.Observation, is bool) {
		if is {
			seen = append(seen, o)
		}
	}
	bare := strings.Trim(text, "\r\n")
	inner := strings.TrimSpace(bare)
	note(cause.PasswordLineEnd, bare != text || strings.ContainsAny(bare, "\r\n"))
	note(cause.PasswordEdgeBlank, inner != bare)
	note(cause.PasswordInnerBlank, strings.ContainsFunc(inner, func(r rune) bool { return unicode.IsSpace(r) && r != '\r' && r != '\n' }))
	note(cause.PasswordTypographic, strings.ContainsAny(text, "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb\u2013\u2014\u2026"))
	note(cause.PasswordNonASCII, strings.ContainsFunc(text, func(r rune) bool { return r > 0x7e && !unicode.IsControl(r) }))
	note(cause.PasswordControl, strings.ContainsFunc(text, func(r rune) bool {
		return r != '\r' && r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
	}))
	return seen
}

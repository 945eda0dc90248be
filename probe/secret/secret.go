// Package secret keeps credentials from being printed: a Value cannot leave by
// accident, and a Redactor removes from outside text what it was taught. For
// everybody who holds a password or token, or shows what a server said.
package secret

import (
	"fmt"
)

// Hidden stands wherever a credential would have been.
const Hidden = "[hidden]"

// Value is a credential. It holds a closure and no string, since a string in
// an unexported field of a nested struct leaks through %v. The zero Value is
// unset.
type Value struct{ reveal func() string }

// New wraps a credential.
func New(s string) Value {
	return Value{reveal: func() string { return s }}
}

// Reveal gives the credential to the one place that sends it.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// IsSet tells whether a credential, be it an empty one, was given.
func (v Value) IsSet() bool { return v.reveal != nil }

// Format prints a placeholder whatever the verb.
func (v Value) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(v.String()))
}

// String gives a placeholder.
func (v Value) String() string {
	if !v.IsSet() {
		return "[none]"
	}
	return Hidden
}

// MarshalText gives the placeholder, for JSON, YAML and XML alike.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

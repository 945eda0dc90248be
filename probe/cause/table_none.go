//go:build causegen

package cause

// The generator is built without the table that it makes.
var (
	entries  []Entry
	services []Service
	wordings []Wording
)

//go:build presetsgen

package presets

// The program that writes index_gen.go is built without it.
var (
	ids, names                          []string
	domains, wildcards, suffixes, hosts []key
	patterns                            []pattern
)

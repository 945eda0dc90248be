package explain

import (
	"regexp"
	"sync"
)

// compiled gives an expression that is compiled when it is first needed: all
// of them together would cost each command of the program ten milliseconds.
func compiled(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

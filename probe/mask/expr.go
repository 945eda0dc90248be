package mask

import (
	"regexp"
	"sync"
)

// compiled compiles an expression when it is first needed: most runs mask nothing.
func compiled(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

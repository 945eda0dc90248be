package received

import (
	"regexp"
	"sync"
)

// pattern compiles an expression when it is first needed.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

var (
	mboxLine        = pattern(`^From \S+ .*\d{2}:\d{2}`) // begins a message of a mailbox file
	anAddress       = pattern(`[^\s<>()\[\],;:"'@]+@[^\s<>()\[\],;:"'@]+`)
	aDate           = pattern(`\d{1,2} [A-Za-z]{3} \d{4} \d{1,2}:\d{2}(:\d{2})?( [-+]\d{4}| [A-Z]{1,4})?`)
	spacedEquals    = pattern(`\s*=\s*`)
	policyInComment = pattern(`(?i)[( ]p=(none|quarantine|reject)\b`)
	envelopeFrom    = pattern(`(?i)envelope-from="?<?([^\s;">]+)`)
	bodyParameter   = pattern(`(?i)[;\s](boundary|charset|name)\s*=\s*(?:"([^"]*)"|([^\s;"]+))`)
	refusalLine     = pattern(`(?m)\b([45]\d\d)[ -]#?([45]\.\d{1,3}\.\d{1,3})?[^\n]{0,400}`)
)

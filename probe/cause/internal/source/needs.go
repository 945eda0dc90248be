package source

import (
	"regexp/syntax"
	"strings"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// needs gives words of which every text that fits a pattern has one, in lower
// case; none when the pattern has no such words. The longer the shortest of
// them, the more texts they rule out.
func needs(pattern string) []string {
	parsed, err := syntax.Parse(cause.Flags+pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	words := needsOf(parsed)
	if shortest(words) < 3 {
		return nil
	}
	return words
}

func needsOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return needsOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needsOf(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if words := needsOf(sub); shortest(words) > shortest(best) {
				best = words
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			words := needsOf(sub)
			if len(words) == 0 {
				return nil
			}
			all = append(all, words...)
		}
		return all
	}
	return nil
}

// shortest is the length of the shortest word, 0 for none.
func shortest(words []string) int {
	n := 0
	for i, w := range words {
		if i == 0 || len(w) < n {
			n = len(w)
		}
	}
	return n
}

package explain

import (
	"encoding/binary"
	"regexp"
	"strings"
	"time"
)

// longestStamp is how much of a line's beginning can hold its time.
const longestStamp = 48

// stamps are the forms of times at the beginning of a line, with the layouts of package time.
var stamps = []struct {
	words   func() *regexp.Regexp
	layouts []string
}{
	{compiled(`^\W{0,2}(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?`), []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"}},
	{compiled(`^(?:<\d+>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)()`), []string{"Jan _2 15:04:05"}},
	{compiled(`^\W{0,2}(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)(?: ([+-]\d{4}))?`), []string{"02/Jan/2006:15:04:05-0700", "02/Jan/2006:15:04:05"}},
	{compiled(`^\W{0,2}(\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d)()`), []string{"02.01.2006 15:04:05"}},
	{compiled(`^\W{0,2}([A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d)(?: ([+-]\d{4}))?`), []string{"Mon, 2 Jan 2006 15:04:05-0700", "Mon, 2 Jan 2006 15:04:05"}},
}

// stampOf reads the time at the beginning of a line, nil when there is none. A
// stamp without a year is of the last year in which it lies before now.
func stampOf(line []byte, now time.Time) *time.Time {
	for _, s := range stamps {
		at := s.words().FindSubmatch(line)
		if at == nil {
			continue
		}
		word := strings.Replace(string(at[1]), " ", "T", boolCount(at[1][0] >= '0' && at[1][0] <= '9' && at[1][4] == '-')) + string(at[2])
		for _, layout := range s.layouts {
			t, err := time.ParseInLocation(layout, word, time.UTC)
			if err != nil {
				continue
			}
			if t.Year() == 0 {
				t = t.AddDate(now.Year(), 0, 0)
				if t.After(now.Add(24 * time.Hour)) {
					t = t.AddDate(-1, 0, 0)
				}
			}
			t = t.UTC()
			return &t
		}
	}
	return nil
}

func boolCount(b bool) int {
	if b {
		return 1
	}
	return 0
}

// logLine is the beginning of a line of syslog, Exim, or sendmail, with the program that wrote it.
var logLine = compiled(`^(?:<\d+>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*) (?:\S+ [\w./-]+(?:\[\d+\])?:|(?:\[\d+\] )?[\w-]{16,23} (?:==|\*\*|=>|<=|->|\w+) )`)

// isLog tells whether a text is an excerpt of a mail log with several errors.
func isLog(text string) bool {
	n := 0
	for line := range strings.Lines(text) {
		if logLine().MatchString(line) && tellsInLog(line) {
			n++
		}
	}
	return n > 1
}

// withoutStamp takes the time from a line.
func withoutStamp(line []byte) []byte {
	head := line[:min(len(line), longestStamp)]
	switch {
	case len(head) > 19 && isDigit(head[0]) && head[4] == '-' && head[7] == '-':
		return line[19:]
	case len(head) > 15 && head[0] >= 'A' && head[0] <= 'Z' && head[9] == ':' && head[12] == ':':
		return line[15:]
	}
	return line
}

func wideOrder(kind int) binary.ByteOrder {
	if kind == 2 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// plainWidth is assumed where no terminal says how wide it is.
const plainWidth = 80

// terminal holds the rules of the terminal, decided once. The terminal itself
// is never queried: one that does not answer would cost seconds.
type terminal struct {
	outTTY   bool // standard output is a terminal
	errTTY   bool // standard error is a terminal
	width    int  // columns of standard output
	color    bool // standard output may be coloured
	unicode  bool // marks beyond ASCII show as they should
	isDumb   bool // no line can be rewritten
	windowed bool // Windows: commands are printed for PowerShell
}

// lookAtTerminal decides from the two files and the environment.
func lookAtTerminal(out, err *os.File, getenv func(string) string) terminal {
	t := terminal{outTTY: isTerminal(out), errTTY: isTerminal(err), windowed: onWindows}
	t.isDumb = getenv("TERM") == "dumb"
	t.width = width(out, t.outTTY, getenv)
	t.color = t.outTTY && mayColor(getenv) && enableColor(out)
	t.unicode = !t.isDumb && consoleShowsUnicode(getenv, t.outTTY)
	return t
}

// questionScreen is where a person sees a question: standard error, or the
// terminal itself when that was redirected. It is nil when standard input is
// no terminal, since then nobody can answer.
func questionScreen(in, err *os.File) *os.File {
	if !isTerminal(in) {
		return nil
	}
	if isTerminal(err) {
		return err
	}
	screen, failed := os.OpenFile(consoleOutput, os.O_WRONLY, 0)
	if failed != nil {
		return nil
	}
	return screen
}

// shell names the shell whose commands are shown.
func (t terminal) shell() string {
	if t.windowed {
		return "powershell"
	}
	return "posix"
}

func isTerminal(f *os.File) bool { return f != nil && term.IsTerminal(int(f.Fd())) }

// mayColor follows no-color.org and the older CLICOLOR.
func mayColor(getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("CLICOLOR") != "0" && getenv("TERM") != "dumb"
}

// width is COLUMNS where that is set, else the terminal's own, else 80.
func width(out *os.File, isTTY bool, getenv func(string) string) int {
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if isTTY {
		if n, _, err := term.GetSize(int(out.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return plainWidth
}

// isUTF8Locale reads the locale as POSIX orders its variables.
func isUTF8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := getenv(name); value != "" {
			value = strings.ToLower(value)
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}

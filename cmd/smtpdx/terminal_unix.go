//go:build !windows

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

const onWindows = false

// consoleOutput is the terminal that this process belongs to.
const consoleOutput = "/dev/tty"

// enableColor: terminals outside Windows need no preparation.
func enableColor(*os.File) bool { return true }

func consoleShowsUnicode(getenv func(string) string, _ bool) bool { return isUTF8Locale(getenv) }

// ownsConsole: outside Windows a double-click starts no console program.
func ownsConsole() bool { return false }

// hideTyping makes the terminal show nothing of what is typed until show is
// called; Ctrl-C and the editing of the line go on as usual.
func hideTyping(f *os.File) (show func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, readTermios)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, writeTermios, &hidden); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, writeTermios, before) }, nil
}

// readHidden reads a line behind hideTyping.
func readHidden(f *os.File) (string, error) { return readLine(f) }

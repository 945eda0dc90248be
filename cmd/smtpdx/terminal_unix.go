//go:build !windows

package main

import "os"

const onWindows = false

// consoleOutput is the terminal that this process belongs to.
const consoleOutput = "/dev/tty"

// enableColor: terminals outside Windows need no preparation.
func enableColor(*os.File) bool { return true }

func consoleShowsUnicode(getenv func(string) string, _ bool) bool { return isUTF8Locale(getenv) }

// ownsConsole: outside Windows a double-click starts no console program.
func ownsConsole() bool { return false }

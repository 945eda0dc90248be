package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

const onWindows = true

// consoleOutput is the console that this process belongs to.
const consoleOutput = "CONOUT$"

const codePageUTF8 = 65001

// enableColor asks the console to understand escape sequences (Windows 10 and up).
func enableColor(f *os.File) bool {
	handle := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(handle, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// consoleShowsUnicode: the Windows Terminal does, an older console with the
// UTF-8 code page does; a pipe is read by PowerShell in the old code page.
func consoleShowsUnicode(getenv func(string) string, isTTY bool) bool {
	if !isTTY {
		return false
	}
	if getenv("WT_SESSION") != "" {
		return true
	}
	page, err := windows.GetConsoleOutputCP()
	return err == nil && page == codePageUTF8
}

// ownsConsole tells whether no other process, such as a shell, shares the
// console: then the program was started by a double-click.
func ownsConsole() bool {
	list := windows.NewLazySystemDLL("kernel32.dll").NewProc("GetConsoleProcessList")
	if list.Find() != nil {
		return false
	}
	var ids [2]uint32
	n, _, _ := list.Call(uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids)))
	return n == 1
}

// hideTyping makes the console show nothing of what is typed until show is called.
func hideTyping(f *os.File) (show func(), err error) {
	handle := windows.Handle(f.Fd())
	var before uint32
	if err := windows.GetConsoleMode(handle, &before); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(handle, before&^windows.ENABLE_ECHO_INPUT); err != nil {
		return nil, err
	}
	return func() { _ = windows.SetConsoleMode(handle, before) }, nil
}

// readHidden reads a line behind hideTyping. A console hands over no more than
// 254 characters of a line at once; term knows the way around that.
func readHidden(f *os.File) (string, error) {
	typed, err := term.ReadPassword(int(f.Fd()))
	return string(typed), err
}

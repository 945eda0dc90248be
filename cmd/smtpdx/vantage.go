package main

import (
	"os"
	"runtime"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// vantage tells from what kind of place the run looks; what the network shows
// is added by the engine.
func vantage(getenv func(string) string) probe.Vantage {
	v := probe.Vantage{OS: runtime.GOOS}
	add := func(word string, seen bool) {
		if seen {
			v.Environment = append(v.Environment, word)
		}
	}
	add("container", inContainer(getenv))
	add("ci", inCI(getenv))
	add("wsl", getenv("WSL_DISTRO_NAME") != "" || fileSays("/proc/sys/kernel/osrelease", "microsoft"))
	add("ssh", getenv("SSH_CONNECTION") != "")
	return v
}

// inCI follows the habit of CI services, whose CI is "true" or "1".
func inCI(getenv func(string) string) bool {
	switch strings.ToLower(getenv("CI")) {
	case "", "0", "false", "no":
		return false
	}
	return true
}

func inContainer(getenv func(string) string) bool {
	if getenv("KUBERNETES_SERVICE_HOST") != "" || getenv("container") != "" {
		return true
	}
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

func fileSays(path, word string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.Contains(strings.ToLower(string(text)), word)
}

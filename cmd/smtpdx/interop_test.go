//go:build linux

// The interoperability tests ask real servers of Debian and Mailpit the
// questions that users have, and compare each answer with one that was written
// down beforehand. They run in network, mount and process namespaces of their
// own: ports, names and addresses are real there, and nothing leaves the
// machine. Run them as root with
//
//	SMTPDX_INTEROP=1 go test ./cmd/smtpdx -run Interop -v
//
// With SMTPDX_INTEROP=require, as .ci/run has it, nothing may be missing or
// skipped. What they need is listed in testdata/interop/packages.txt; Mailpit
// is looked for in PATH and in $SMTPDX_TOOLS.
package main_test

import (
	"flag"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

const (
	interopVariable = "SMTPDX_INTEROP"
	insideVariable  = "SMTPDX_INTEROP_INSIDE" // set in the namespaces
)

func TestInterop(t *testing.T) {
	if os.Getenv(insideVariable) != "" {
		interop(t)
		return
	}
	if os.Getenv(interopVariable) == "" {
		t.Skip("needs root and servers: SMTPDX_INTEROP=1 runs what this machine can, SMTPDX_INTEROP=require all of it")
	}
	if os.Geteuid() != 0 {
		missing(t, "only root can make namespaces in which Postfix runs")
	}
	runInside(t)
}

// required tells whether all must be there.
func required() bool { return os.Getenv(interopVariable) == "require" }

// missing ends a test that cannot run here: as a failure where all is required.
func missing(t *testing.T, why string) {
	t.Helper()
	if required() {
		t.Fatal(why)
	}
	t.Skip(why)
}

// runInside runs this test again in namespaces of its own. The new process is
// the first of its process namespace: what it started ends with it.
func runInside(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run="+insidePattern(), "-test.v", "-test.count=1", "-test.timeout="+flag.Lookup("test.timeout").Value.String())
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	// The signal comes when the thread ends that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		t.Fatalf("inside the namespaces: %v", err)
	}
}

// insidePattern is -run for the process inside: this test, and below it what was asked for.
func insidePattern() string {
	_, below, found := strings.Cut(flag.Lookup("test.run").Value.String(), "/")
	if !found {
		return "^TestInterop$"
	}
	return "^TestInterop$/" + below
}

// interop is the test inside the namespaces.
func interop(t *testing.T) {
	t.Helper()
	w := newWorld(t)
	var results outcomes
	t.Cleanup(func() { results.print(os.Stdout) })
	t.Run("cases", func(t *testing.T) {
		for _, c := range interopCases {
			t.Run(c.name, func(t *testing.T) { results.add(c, w.check(t, c)) })
		}
	})
	t.Run("alternatives", w.suggests)
	t.Run("compare", w.comparesBeforeAndAfter)
	t.Run("profiles", w.checksProfiles)
	t.Run("discover", w.discovers)
	t.Run("oauth", w.logsInWithTokens)
	t.Run("canaries", w.leaksNoCanary)
	t.Run("nothing-was-sent", w.sentNothing)
	t.Run("peers", func(t *testing.T) {
		for _, c := range interopCases {
			t.Run(c.name, func(t *testing.T) { results.addPeer(c, w.askPeer(t, c)) })
		}
	})
	t.Run("lab", w.meetLab)
	t.Run("delivery", w.delivers)
	t.Run("complete", func(t *testing.T) { results.areComplete(t) })
}

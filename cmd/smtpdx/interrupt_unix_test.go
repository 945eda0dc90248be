//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

func TestInterruptGivesTheReportSoFar(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		dialogue, ok := smtptest.Lookup("greeting-silent")
		if !ok {
			t.Fatal("no dialogue that is silent")
		}
		connected := make(chan string, 100)
		server, err := smtptest.Start(t.Context(), dialogue, smtptest.Options{Log: func(line string) {
			select {
			case connected <- line:
			default:
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		var out, errs bytes.Buffer
		cmd := exec.Command("smtpdx", "check", "127.0.0.1:"+strconv.Itoa(server.Port()), "--encryption", "starttls", "-o", "json")
		cmd.Stdout, cmd.Stderr = &out, &errs
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "XDG_CONFIG_HOME="+cmd.Dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-connected:
		case <-time.After(20 * time.Second):
			t.Error("no connection")
		}
		began := time.Now()
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
			t.Errorf("%v: %v, want exit code 130\n%s", signal, err, &errs)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%v: the end took %v", signal, took)
		}
		var report probe.Report
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatalf("%v: %v\n%s", signal, err, &out)
		}
		fitsSchema(t, report)
		if report.ExitCode != exitInterrupted || !report.Results[0].Interrupted {
			t.Errorf("%v: exit code %d, interrupted %v", signal, report.ExitCode, report.Results[0].Interrupted)
		}
	}
}

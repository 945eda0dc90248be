//go:build linux

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// document is what these tests read of a report.
type document struct {
	Schema   string   `json:"schema"`
	Verdict  string   `json:"verdict"`
	ExitCode int      `json:"exit_code"`
	Results  []result `json:"results"`
}

type result struct {
	Profile    *string   `json:"profile"`
	Verdict    string    `json:"verdict"`
	FailedStep *string   `json:"failed_step"`
	Address    *string   `json:"address"`
	Steps      []step    `json:"steps"`
	Findings   []finding `json:"findings"`
}

type step struct {
	ID         string  `json:"id"`
	Address    *string `json:"address"`
	Status     string  `json:"status"`
	SkipReason *string `json:"skip_reason"`
	BlockedBy  *string `json:"blocked_by"`
}

type finding struct {
	Cause    string `json:"cause"`
	Step     string `json:"step"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
}

// row is what the result comes to.
func (r result) row(exit int) row {
	got := row{step: "-", cause: "-", exit: exit, verdict: r.Verdict}
	if r.FailedStep != nil {
		got.step = *r.FailedStep
	}
	for _, f := range r.Findings {
		if r.Verdict == "fail" || f.Severity == "warning" {
			got.cause = f.Cause
			break
		}
	}
	return got
}

func (r result) names(cause string) bool {
	return slices.ContainsFunc(r.Findings, func(f finding) bool { return f.Cause == cause })
}

// printed is what one run of the program gave.
type printed struct {
	out, complaints string // standard output and error
	exit            int
	took            time.Duration
}

// smtpdx runs the program with nothing in its environment but what is given.
func (w *world) smtpdx(t *testing.T, limit time.Duration, env []string, args ...string) printed {
	t.Helper()
	binary, err := w.binary()
	if err != nil {
		t.Fatal(err)
	}
	return runLimited(t, limit, env, binary, args...)
}

func runLimited(t *testing.T, limit time.Duration, env []string, program string, args ...string) printed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + root + "/home", "LC_ALL=C.UTF-8"}, env...)
	cmd.Dir = root + "/home"
	cmd.WaitDelay = time.Second
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	begun := time.Now()
	err := cmd.Run()
	p := printed{out: out.String(), complaints: complaints.String(), exit: cmd.ProcessState.ExitCode(), took: time.Since(begun)}
	var exit *exec.ExitError
	if ctx.Err() != nil {
		t.Errorf("did not end within %v", limit)
	} else if err != nil && !errors.As(err, &exit) {
		t.Errorf("%s: %v", program, err)
	}
	return p
}

// arguments are those of `smtpdx check` for a case, with its environment.
func (w *world) arguments(c interopCase) (args, env []string) {
	args = []string{"check", c.target, "--no-input", "--ca-file", caFile}
	for _, flag := range [][2]string{{"--encryption", c.encryption}, {"--account", c.account}, {"--auth", c.auth}, {"--from", c.from}, {"--to", c.to}} {
		if flag[1] != "" {
			args = append(args, flag[0], flag[1])
		}
	}
	if c.password != "" {
		args, env = append(args, "--password-env", "INTEROP_SECRET"), append(env, "INTEROP_SECRET="+c.password)
	}
	if c.token != "" {
		args, env = append(args, "--token-env", "INTEROP_SECRET"), append(env, "INTEROP_SECRET="+w.tokenOf(c))
	}
	if c.proxy != "" {
		env = append(env, "SMTPDX_PROXY="+c.proxy)
	}
	return append(args, c.more...), env
}

func (w *world) tokenOf(c interopCase) string {
	if c.token == "forged" {
		return w.forged
	}
	return w.token
}

// canRun ends a case whose server is not there.
func (w *world) canRun(t *testing.T, c interopCase) {
	t.Helper()
	for _, name := range []string{"postfix", "dovecot", c.needs} {
		if name != "" && !w.running[name] {
			missing(t, name+" is not there")
		}
	}
	if c.nameserver.IsValid() {
		setNameserver(t, c.nameserver)
	}
}

// check runs one case and compares.
func (w *world) check(t *testing.T, c interopCase) outcome {
	t.Helper()
	w.canRun(t, c)
	limit := c.within
	if limit == 0 {
		limit = 10 * time.Second
	}
	args, env := w.arguments(c)
	log := w.readLog()
	p := w.smtpdx(t, limit, env, append(args, "-o", "json")...)
	got := outcome{took: p.took}
	var d document
	if err := json.Unmarshal([]byte(p.out), &d); err != nil || len(d.Results) != 1 {
		t.Errorf("no report with one result (%v), exit code %d:\n%s\n%s", err, p.exit, p.out, p.complaints)
		got.row = row{"?", "?", p.exit, "?"}
		return got
	}
	r := d.Results[0]
	got.row = r.row(p.exit)
	if got.row != c.want {
		t.Errorf("came to %v, expected %v\nsmtpdx %s\n%s\n%s", got.row, c.want, strings.Join(args, " "), p.complaints, listed(r))
	}
	for _, cause := range c.also {
		if !r.names(cause) {
			t.Errorf("%s is not named\n%s", cause, listed(r))
		}
	}
	if !strings.Contains(p.out, c.says) {
		t.Errorf("the report does not say %q\n%s", c.says, listed(r))
	}
	if d.ExitCode != p.exit || d.Verdict != r.Verdict {
		t.Errorf("the report says exit code %d and %s, the program ended with %d and the result is %s", d.ExitCode, d.Verdict, p.exit, r.Verdict)
	}
	checkSteps(t, r)
	w.endedWell(t, log, c.cutShort)
	got.ok = !t.Failed()
	return got
}

// listed is a result in a few lines.
func listed(r result) string {
	var text strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&text, "  %-5s %s %s %s%s\n", s.Status, s.ID, deref(s.Address), deref(s.SkipReason), deref(s.BlockedBy))
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "  %s %s at %s: %s\n", f.Severity, f.Cause, f.Step, f.Title)
	}
	return text.String()
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// checkSteps demands that skips say why, and that a failed step is among the steps.
func checkSteps(t *testing.T, r result) {
	t.Helper()
	failed := false
	for _, s := range r.Steps {
		if s.Status == "skip" && s.SkipReason == nil {
			t.Errorf("%s was skipped without a reason", s.ID)
		}
		if deref(s.SkipReason) == "blocked" && s.BlockedBy == nil {
			t.Errorf("%s was blocked by nothing", s.ID)
		}
		failed = failed || r.FailedStep != nil && s.ID == *r.FailedStep && s.Status == "fail"
	}
	if r.FailedStep != nil && !failed {
		t.Errorf("no step %s that failed", *r.FailedStep)
	}
}

// checksProfiles runs a settings file with several profiles.
func (w *world) checksProfiles(t *testing.T) {
	w.canRun(t, interopCase{})
	env := []string{"INTEROP_RIGHT=" + right, "INTEROP_WRONG=" + wrong}
	for _, c := range []struct {
		file string
		exit int
		want map[string]row
	}{
		{"profiles.yaml", 5, map[string]row{
			"good":           trusted,
			"wrong-password": failsAt("auth", "auth-bad-credentials", 5),
			"expired":        failsAt("certificate", "cert-expired", 5),
			"no-such-host":   failsAt("dns", "dns-no-such-host", 5),
		}},
		{"profiles-same.yaml", 15, map[string]row{
			"good":        trusted,
			"expired":     failsAt("certificate", "cert-expired", 15),
			"self-signed": failsAt("certificate", "cert-self-signed", 15),
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			p := w.smtpdx(t, 30*time.Second, env, "check", "-c", root+"/etc/"+c.file, "--all", "--no-input", "-o", "json")
			var d document
			if err := json.Unmarshal([]byte(p.out), &d); err != nil {
				t.Fatalf("no report: %v\n%s\n%s", err, p.out, p.complaints)
			}
			if p.exit != c.exit || d.ExitCode != c.exit || d.Verdict != "fail" {
				t.Errorf("exit code %d, in the report %d and verdict %s; expected %d and fail", p.exit, d.ExitCode, d.Verdict, c.exit)
			}
			if len(d.Results) != len(c.want) {
				t.Errorf("%d results, expected %d", len(d.Results), len(c.want))
			}
			for _, r := range d.Results {
				want := c.want[deref(r.Profile)]
				if got := r.row(want.exit); got != want {
					t.Errorf("profile %q came to %v, expected %v\n%s", deref(r.Profile), got, want, listed(r))
				}
				checkSteps(t, r)
			}
		})
	}
}

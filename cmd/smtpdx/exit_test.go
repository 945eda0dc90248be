package main

import (
	"context"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

func TestExitCodeOfARun(t *testing.T) {
	pass := probe.Outcome{Verdict: probe.Pass}
	warn := probe.Outcome{Verdict: probe.Warn}
	fail := func(step probe.StepID) probe.Outcome {
		return probe.Outcome{Verdict: probe.Fail, FailedStep: probe.Maybe(step)}
	}
	interrupted := probe.Outcome{Verdict: probe.Pass, Interrupted: true}
	for _, c := range []struct {
		name     string
		outcomes []probe.Outcome
		strict   bool
		want     int
	}{
		{"passed", []probe.Outcome{pass}, false, 0},
		{"warnings", []probe.Outcome{warn}, false, 0},
		{"warnings under strict", []probe.Outcome{pass, warn, pass}, true, 3},
		{"one failure among passes", []probe.Outcome{pass, fail(probe.StepAuth), pass}, false, 16},
		{"a failure goes before warnings", []probe.Outcome{warn, fail(probe.StepAuth), warn}, true, 16},
		{"the same failure twice", []probe.Outcome{fail(probe.StepTCP), fail(probe.StepTCP)}, false, 11},
		{"steps that share a code", []probe.Outcome{fail(probe.StepEHLO), fail(probe.StepEHLOTLS)}, false, 13},
		{"different failures", []probe.Outcome{fail(probe.StepTCP), fail(probe.StepAuth)}, false, 5},
		{"different failures, then one of the first", []probe.Outcome{fail(probe.StepTCP), fail(probe.StepAuth), fail(probe.StepTCP)}, false, 5},
		{"bad settings among failures", []probe.Outcome{fail(probe.StepSettings), fail(probe.StepAuth)}, false, 5},
		{"interrupted", []probe.Outcome{fail(probe.StepTCP), interrupted}, false, 130},
	} {
		if got := codeOf(c.outcomes, c.strict); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestEveryStepHasItsExitCode(t *testing.T) {
	want := map[probe.StepID]int{probe.StepSettings: 2, probe.StepDNS: 10, probe.StepTCP: 11, probe.StepGreeting: 12,
		probe.StepEHLO: 13, probe.StepEHLOTLS: 13, probe.StepSTARTTLS: 14, probe.StepTLS: 14, probe.StepCertificate: 15,
		probe.StepAuth: 16, probe.StepSender: 17, probe.StepMessage: 18, probe.StepDelivery: 19, probe.StepRedirect: 20}
	for _, step := range probe.AllSteps() {
		if got := codeOfStep(step); got != want[step] || got == 0 {
			t.Errorf("%s: %d, want %d", step, got, want[step])
		}
	}
}

func TestMonitoringGetsItsOwnExitCodes(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]struct {
		code int
		line string
	}{
		"demo -o nagios":                          {0, "SMTP OK - "},
		"demo cert-expires-soon -o nagios":        {1, "SMTP WARNING - "},
		"demo wrong-encryption --output=nagios":   {2, "SMTP CRITICAL - "},
		"check -o nagios":                         {3, "SMTP UNKNOWN - "},
		"check localhost --port many -onagios":    {3, "SMTP UNKNOWN - "},
		"demo no-such-dialogue -o nagios":         {3, ""},
		"demo wrong-encryption -o nagios -o json": {14, "{"},
	} {
		p, out, errs := pipes(nil)
		if code := run(context.Background(), p, strings.Fields(args)); code != want.code || !strings.HasPrefix(out.String(), want.line) {
			t.Errorf("%s: exit code %d\n%s%s", args, code, out, errs)
		}
	}
}

package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

func TestNagiosIsGolden(t *testing.T) { goldenDocuments(t, "nagios", ".nagios") }

func TestNagiosIsOneLineWithPerformanceData(t *testing.T) {
	shape := regexp.MustCompile(`^SMTP (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+ \| time=[0-9.]+s;;;0( ([^ '=|]+|'[^'=|]+')=-?[0-9.]+(s;;;0)?)*\n$`)
	for name, scenes := range documentScenes() {
		if out := string(printed(t, "nagios", Options{}, play(scenes...))); !shape.MatchString(out) {
			t.Errorf("%s: %q", name, out)
		}
	}
}

func TestNagiosStateIsTheWorst(t *testing.T) {
	result := func(verdict probe.Status, failed probe.StepID, interrupted bool) probe.Result {
		return probe.Result{Verdict: verdict, FailedStep: probe.Maybe(failed), Interrupted: interrupted}
	}
	ok, warning := result(probe.Pass, "", false), result(probe.Warn, "", false)
	critical, settings := result(probe.Fail, probe.StepAuth, false), result(probe.Fail, probe.StepSettings, false)
	for _, c := range []struct {
		results []probe.Result
		want    int
	}{
		{nil, 3},
		{[]probe.Result{ok}, 0},
		{[]probe.Result{ok, warning, ok}, 1},
		{[]probe.Result{warning, settings}, 3},
		{[]probe.Result{settings, critical, warning}, 2},
		{[]probe.Result{result(probe.Pass, "", true)}, 3},
		{[]probe.Result{result(probe.Fail, probe.StepTCP, true)}, 2},
		{[]probe.Result{result("", "", false)}, 3},
	} {
		if got := NagiosState(probe.Report{Results: c.results}); got != c.want {
			t.Errorf("%v: %d, want %d", c.results, got, c.want)
		}
	}
}

func TestNagiosTextBeginsNoPerformanceData(t *testing.T) {
	out := string(printed(t, "nagios", Options{}, play(injectionScene())))
	if strings.Count(out, "|") != 1 || strings.Count(out, "\n") != 1 {
		t.Errorf("%q", out)
	}
}

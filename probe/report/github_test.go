package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

func TestGitHubIsGolden(t *testing.T) { goldenDocuments(t, "github", ".github") }

var annotation = regexp.MustCompile(`^::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)$`)

func TestGitHubGetsNothingButAnnotations(t *testing.T) {
	for name, scenes := range documentScenes() {
		out := string(printed(t, "github", Options{}, play(scenes...)))
		errors := 0
		for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
			found := annotation.FindStringSubmatch(line)
			if found == nil {
				t.Errorf("%s: %q", name, line)
				continue
			}
			if found[1] == "error" {
				errors++
			}
		}
		want := 0
		for _, r := range folded(play(scenes...)).Results {
			if r.Verdict == probe.Fail {
				want++
			}
		}
		if errors != want {
			t.Errorf("%s: %d errors for %d failures\n%s", name, errors, want, out)
		}
	}
}

// The runner's own way back, in its order.
func readBack(s string) string {
	return strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(s)
}

func TestGitHubReadsBackWhatTheServerSaid(t *testing.T) {
	out := string(printed(t, "github", Options{}, play(injectionScene())))
	found := annotation.FindStringSubmatch(strings.SplitN(out, "\n", 2)[0])
	if found == nil || found[1] != "error" {
		t.Fatalf("%q", out)
	}
	for _, try := range []string{htmlTry, markdownTry, xmlTry, "::set-output name=a::b%0A::warning::c"} {
		if !strings.Contains(readBack(found[3]), try) {
			t.Errorf("not shown: %s\n%s", try, found[3])
		}
	}
	if strings.Contains(found[3], "b%0A::warning") {
		t.Errorf("an escape of the server's own was kept: %s", found[3])
	}
}

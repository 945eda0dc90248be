package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEventsOfAReportFoldToIt(t *testing.T) {
	for name, scenes := range allScenes() {
		events := play(scenes...)
		want := string(printed(t, "json", Options{}, events))
		if diff := cmp.Diff(want, string(printed(t, "json", Options{}, Events(folded(events))))); diff != "" {
			t.Errorf("%s (-report +of its events):\n%s", name, diff)
		}
	}
}

package probe

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// One of three servers behind a name has the old certificate: the check names
// it, whether it is met first or last, and the run goes on at another.
func TestTheServerWithTheOldCertificateIsNamed(t *testing.T) {
	expired := "certificate: expired\n"
	for _, old := range []string{"192.0.2.10", "192.0.2.12"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for _, ip := range []string{"192.0.2.10", "192.0.2.11", "192.0.2.12"} {
				text := healthy
				if ip == old {
					text += "\n" + expired
				}
				w.at(ip+":587", dialogue(t, text))
			}
			w.names["localhost"] = []string{"192.0.2.10", "192.0.2.11", "192.0.2.12"}
			report, _ := w.probed(t.Context(), given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password"))
			res := report.Results[0]
			if res.Verdict != Warn || string(res.Address) == old+":587" {
				t.Errorf("verdict %s at %s", res.Verdict, res.Address)
			}
			findings := map[string]Finding{}
			for _, f := range res.Findings {
				findings[f.Cause] = f
			}
			for _, id := range []string{"cert-expired", "addresses-differ"} {
				if f, ok := findings[id]; !ok || string(f.Address) != old+":587" || f.Severity != cause.Warning {
					t.Errorf("%s: %v %s %s", id, ok, f.Address, f.Severity)
				}
			}
			if title := findings["addresses-differ"].Title; !strings.Contains(title, old) {
				t.Errorf("the title names no server: %q", title)
			}
		})
	}
}

package report

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// dice makes decisions and texts out of a fuzzer's bytes.
type dice struct{ bytes []byte }

func (d *dice) roll(n int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % n
}

func (d *dice) text() string {
	n := min(d.roll(256), len(d.bytes))
	s := string(d.bytes[:n])
	d.bytes = d.bytes[n:]
	return s
}

// command is a text without quotes, as a quoted word is never broken.
func (d *dice) command() string { return strings.NewReplacer("'", "", `"`, "").Replace(d.text()) }

func (d *dice) address() probe.Maybe {
	return pick(d, []probe.Maybe{"", "192.0.2.1:587", "[2001:db8::1]:587", "192.0.2.2:587", probe.Maybe(d.text())})
}

func pick[T any](d *dice, of []T) T { return of[d.roll(len(of))] }

func (d *dice) settings() probe.ShownSettings {
	s := settings(d.text(), 1+d.roll(65535), pick(d, []probe.Encryption{probe.SSL, probe.STARTTLS, probe.NoEncryption, "x y"}), d.text(), d.text())
	s.Proxy, s.Insecure = probe.Maybe(d.text()), d.roll(2) == 1
	return s
}

func (d *dice) step() *probe.StepResult {
	r := probe.StepResult{ID: pick(d, probe.AllSteps()), Address: d.address(), Status: pick(d, []probe.Status{probe.Pass, probe.Warn, probe.Fail, probe.Skip}), Summary: d.text()}
	r.Evidence = probe.EvidenceOf(r.ID)
	switch e := r.Evidence.(type) {
	case *probe.DNSEvidence:
		e.Addresses = probe.List[probe.HostAddress]{{Address: "192.0.2.1", Family: 4}, {Address: d.text(), Family: 6}}
	case *probe.CertificateEvidence:
		e.HostChecked, e.NameMatches, e.DaysLeft = probe.Maybe(d.text()), ptr(d.roll(2) == 1), ptr(d.roll(200)-100)
		e.Chain = probe.List[probe.Certificate]{{Names: []string{d.text()}, Issuer: d.text()}}
	case *probe.SettingsEvidence:
		e.Cleaned = probe.List[probe.Cleaned]{{Key: "host", Given: d.text(), Used: d.text()}}
	case *probe.SenderEvidence:
		e.Tries = probe.List[probe.SenderTry]{{From: d.text(), AccountItself: true, Refused: "sender"}}
	}
	if d.roll(2) == 1 {
		r.Reply = reply(d.roll(256)*3, "", d.text(), d.text())
	}
	if d.roll(2) == 1 {
		r.Fault = &probe.Fault{Kind: pick(d, probe.FaultKinds()), Text: d.text()}
	}
	if d.roll(2) == 1 {
		r.DurationMs, r.StartedMs = ptr(probe.Ms(d.roll(256)*d.roll(256))), ptr(probe.Ms(d.roll(256)))
	}
	r.SkipReason, r.BlockedBy = probe.Maybe(pick(d, []probe.SkipReason{"", probe.Blocked, probe.NotAsked})), "tls"
	return &r
}

func (d *dice) finding() *probe.Finding {
	f := probe.Finding{Cause: d.text(), Step: probe.Maybe(pick(d, probe.AllSteps())), Address: d.address(), Severity: pick(d, []cause.Severity{cause.Error, cause.Warning, cause.Info}),
		Confidence: cause.Likely, Title: d.text(), Explanation: d.text(), Who: cause.User}
	for range d.roll(6) {
		f.Fix = append(f.Fix, probe.Fix{Text: d.text(), Setting: probe.Maybe(pick(d, []string{"", "host", "encryption"})), From: probe.Maybe(d.text()), To: probe.Maybe(d.text()),
			Path: probe.Maybe(d.text()), Commands: probe.List[probe.Command]{{Shell: pick(d, []string{"posix", "powershell"}), Text: d.command()}}})
	}
	f.Decides = probe.List[probe.Decides]{{Question: d.text(), Command: probe.Maybe(d.command())}}
	f.Evidence = probe.List[probe.FindingEvidence]{{Text: d.text()}}
	return &f
}

func (d *dice) event() probe.Event {
	switch d.roll(10) {
	case 0:
		return probe.Event{Plan: &probe.Planned{Settings: d.settings(), Steps: probe.AllSteps()}}
	case 1:
		return probe.Event{Finding: d.finding()}
	case 2:
		return probe.Event{Line: &probe.TranscriptLine{AtMs: 1, Connection: d.roll(9), Address: d.address(), Purpose: d.text(), From: "server", Text: d.text()}}
	case 3:
		return probe.Event{Result: &probe.Outcome{Verdict: pick(d, []probe.Status{probe.Pass, probe.Warn, probe.Fail}), FailedStep: probe.Maybe(pick(d, probe.AllSteps())),
			Settings: d.settings(), Vantage: probe.Vantage{LocalAddress: d.address(), SeenAs: probe.Maybe(d.text())}, Interrupted: d.roll(8) == 1,
			Next: probe.List[probe.Next]{{Text: d.text(), Command: probe.Maybe(d.command()), Shell: "posix"}}}}
	case 4:
		return probe.Event{Suggestion: &probe.Suggestion{Settings: probe.SuggestedSettings{Host: d.text(), Port: 1, Encryption: "ssl", Account: probe.Maybe(d.text())}, Verified: d.roll(2) == 1, Text: d.text()}}
	}
	return probe.Event{Step: d.step()}
}

// FuzzText holds whatever events come to what a terminal can bear: no panic, no
// control character, no line that is too long but for a word that is.
func FuzzText(f *testing.F) {
	f.Add([]byte("\x00\x05hello\x03\x01"), uint8(0))
	f.Add([]byte(strings.Repeat("\x00\x07a b c d\x1b[2J\u202e", 40)), uint8(7))
	f.Add([]byte(strings.Repeat("\x09\x03\x01\x02 word word", 60)), uint8(12))
	f.Fuzz(func(t *testing.T, data []byte, options uint8) {
		o := Options{Terminal: options&1 != 0, Unicode: options&2 != 0, Verbose: options&4 != 0, Width: 40 + 40*int(options>>3&1)}
		d := &dice{bytes: data[:min(len(data), 2048)]}
		profiles := 1 + int(options>>4&1)
		events := []probe.Event{{Run: &probe.RunBegin{Profiles: profiles}}}
		for len(d.bytes) > 0 {
			events = append(events, d.event())
		}
		events = append(events, probe.Event{End: &probe.RunEnd{}})
		out := string(printed(t, "text", o, events))
		for _, line := range strings.Split(out, "\n") {
			if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }); i >= 0 {
				t.Errorf("a control character: %q", line)
			}
			if columns(line) >= o.Width && !hasLongWord(line) {
				t.Errorf("%d columns: %q", columns(line), line)
			}
		}
	})
}

// hasLongWord tells whether a line has a word for which there may have been no room.
func hasLongWord(line string) bool {
	return slices.ContainsFunc(strings.Split(line, " "), func(word string) bool { return columns(word) > 10 })
}

package report

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

var terminal = Options{Terminal: true, Width: 100}

func TestScreens(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		scenes  []scene
	}{
		{"wrong-encryption", terminal, []scene{wrongEncryptionScene()}},
		{"tenant", terminal, []scene{tenantScene()}},
		{"sender-in-a-pipe", Options{}, []scene{senderScene()}},
		{"port-blocked", terminal, []scene{portScene()}},
		{"certificate-name", terminal, []scene{nameScene()}},
		{"pass", terminal, []scene{passScene()}},
		{"pass-in-a-pipe", Options{}, []scene{passScene()}},
		{"warn", terminal, []scene{warnScene()}},
		{"interrupted", terminal, []scene{interruptedScene()}},
		{"until-tls", Options{}, []scene{untilScene()}},
		{"addresses-differ", terminal, []scene{differingScene()}},
		{"addresses-differ-in-a-pipe", Options{}, []scene{differingScene()}},
		{"several-profiles", Options{}, severalScenes()},
		{"several-profiles-quiet", Options{Quiet: true}, severalScenes()},
		{"quiet-without-a-name", Options{Quiet: true}, []scene{wrongEncryptionScene()}},
		{"transcript", Options{Verbose: true}, []scene{transcriptScene()}},
		{"hostile", Options{Unicode: true, Verbose: true, Terminal: true}, []scene{hostileScene()}},
		{"ascii-only", Options{Verbose: true}, []scene{internationalScene()}},
		{"unicode-in-a-pipe", Options{Unicode: true}, []scene{internationalScene()}},
		{"too-much-to-say", terminal, []scene{talkativeScene()}},
		{"tenant-40-columns", Options{Terminal: true, Width: 40}, []scene{tenantScene()}},
		{"warn-40-columns", Options{Terminal: true, Width: 40, Verbose: true}, []scene{warnScene()}},
		{"unicode", Options{Terminal: true, Unicode: true}, []scene{nameScene()}},
		{"colour", Options{Terminal: true, Unicode: true, Color: true}, []scene{wrongEncryptionScene()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden(t, c.name, printed(t, "text", c.options, play(c.scenes...)))
		})
	}
}

func interruptedScene() scene {
	s := passScene()
	auth := len(s.steps) - 2
	s.steps = append(s.steps[:auth:auth], skippedFor(probe.Interrupted, "interrupted", "", probe.StepAuth, probe.StepSender)...)
	s.findings = nil
	s.outcome.Interrupted = true
	return s
}

func untilScene() scene {
	s := passScene()
	s.steps = append(s.steps[:7:7], skippedFor(probe.NotAsked, "not asked for", "192.0.2.1:587", probe.StepCertificate, probe.StepEHLOTLS)...)
	s.steps = append(s.steps, skippedFor(probe.NotAsked, "not asked for", "", probe.StepAuth, probe.StepSender)...)
	s.findings = nil
	return s
}

// differingScene: three servers behind one name, no two of them alike.
func differingScene() scene {
	const a, b, c = "192.0.2.1:587", "192.0.2.2:587", "192.0.2.3:587"
	s := passScene()
	untrusted := failed(probe.StepCertificate, b, "self-signed", 1, probe.BadCertificate, "self-signed")
	s.steps = join(read(), dns("3 addresses", 9, "192.0.2.1", "192.0.2.2", "192.0.2.3"),
		passed(probe.StepTCP, c, "answers", 11), passed(probe.StepTCP, b, "answers", 12), passed(probe.StepTCP, a, "answers", 13),
		passed(probe.StepGreeting, b, "mx2.acme.example", 11), passed(probe.StepGreeting, a, "mx1.acme.example", 11),
		failed(probe.StepGreeting, c, "the server hung up without a greeting", 4000, probe.Closed, "EOF"),
		blocked(probe.StepGreeting, c, probe.StepEHLO, probe.StepSTARTTLS, probe.StepTLS, probe.StepCertificate, probe.StepEHLOTLS),
		passed(probe.StepEHLO, a, "STARTTLS offered", 10), passed(probe.StepEHLO, b, "STARTTLS offered", 10),
		passed(probe.StepSTARTTLS, a, "accepted", 10), passed(probe.StepSTARTTLS, b, "accepted", 10),
		passed(probe.StepTLS, a, "TLS 1.3", 10), passed(probe.StepTLS, b, "TLS 1.2", 10),
		passed(probe.StepCertificate, a, "fits the name, public issuer, 90 days left", 1), untrusted,
		passed(probe.StepEHLOTLS, a, "login offered: PLAIN", 10), passed(probe.StepEHLOTLS, b, "login offered: PLAIN", 10),
		passed(probe.StepAuth, "", "logged in as svc-hr@acme.example (PLAIN)", 50), passed(probe.StepSender, "", "jobs@acme.example accepted so far", 50))
	s.findings = []probe.Finding{{Cause: "addresses-differ", Severity: cause.Warning, Confidence: cause.Certain, Title: "the servers behind this name answer differently",
		Explanation: "An application takes one of them, not always the same one.", Who: cause.ITAdmin}}
	s.outcome.Verdict = probe.Warn
	return s
}

func severalScenes() []scene {
	broken, fine, odd := wrongEncryptionScene(), passScene(), warnScene()
	broken.profile, fine.profile, odd.profile = "billing", "recruiting", "newsletter-eu"
	unreadable := scene{profile: "old", plan: starttlsPlan, settings: probe.ShownSettings{Encryption: "starttls", Origins: map[string]probe.Origin{}},
		steps:   join(failed(probe.StepSettings, "", "smtpdx.yaml:14:9: port: 70000 is not a port", 0, probe.LocalPolicy, "smtpdx.yaml:14:9: port: 70000 is not a port"), blocked(probe.StepSettings, "", starttlsPlan[1:]...)),
		outcome: probe.Outcome{Verdict: probe.Fail, FailedStep: "settings"}}
	return []scene{broken, fine, odd, unreadable}
}

func transcriptScene() scene {
	s := senderScene()
	line := func(at float64, connection int, purpose, from, text string) probe.TranscriptLine {
		return probe.TranscriptLine{AtMs: probe.Ms(at), Connection: connection, Address: "192.0.2.7:587", Purpose: purpose, From: from, Text: text}
	}
	s.transcript = []probe.TranscriptLine{line(32.4, 1, "lane", "server", "220 kundenserver.example ESMTP"), line(32.9, 1, "lane", "client", "EHLO [192.168.20.31]"),
		line(60, 1, "lane", "server", "250-kundenserver.example   with  blanks"), line(60, 1, "lane", "server", "250 STARTTLS"),
		line(61, 1, "lane", "note", "TLS 1.3 TLS_AES_128_GCM_SHA256"), line(70, 2, "tls-probe", "note", "closed"),
		line(212, 1, "lane", "client", "AUTH PLAIN [hidden]"), line(300, 1, "lane", "server", "235 2.7.0 Authentication successful")}
	return s
}

// hostileScene: the server tries to take over the terminal.
func hostileScene() scene {
	s := senderScene()
	evil := []string{"\x1b[2J\x1b]0;owned\x07 sender\r\nrefused", "\u202egnp.exe\u202c \u0085 \x9b31m", strings.Repeat("A", 8<<10), "tab\there", "zero\u200bwidth", "more", "and more"}
	sender := &s.steps[len(s.steps)-1]
	sender.Reply = reply(550, "", evil...)
	sender.Exchanges = nil
	sender.Summary = "\x1b[31mrefused\x1b[0m"
	s.settings.Host, s.settings.Account = "evil\x1b[5m.example", "a\u202eb@acme.example"
	s.findings[0].Title = "the title\x1b[31m\nhas two lines"
	s.findings[0].Cause = "cause\x07"
	s.outcome.Next = next("smtpdx check 'evil\x1b[0m'", "again\x07")
	for _, text := range evil {
		s.transcript = append(s.transcript, probe.TranscriptLine{Connection: 1, Address: "\x1b[2J", Purpose: "lane\x07", From: "server", Text: text})
	}
	return s
}

func internationalScene() scene {
	s := senderScene()
	s.settings = settings("xn--mller-kva.example", 587, probe.STARTTLS, "bewerbung@müller.example", "bewerbung@müller.example")
	s.findings[0].Title = "die Anmeldung von bewerbung@müller.example wurde abgelehnt 😀"
	s.steps[len(s.steps)-1].Reply = reply(550, "", "Absender ungültig – bitte prüfen")
	return s
}

// talkativeScene has more to say than there is room for.
func talkativeScene() scene {
	s := portScene()
	f := &s.findings[0]
	f.Explanation = strings.Repeat("A long explanation that goes on and on, as explanations do. ", 12)
	f.Decides = probe.List[probe.Decides]{{Question: "Does it work from another network?", Command: "smtpdx check smtp.gmail.example:587 --until tcp"}}
	for range 5 {
		f.Fix = append(f.Fix, probe.Fix{Text: "another thing that could be changed, which takes a line", Who: cause.User})
	}
	for _, id := range []string{"tcp-ipv6-unreachable", "smtp-redirected-by-host", "server-silent", "connection-closed"} {
		s.findings = append(s.findings, probe.Finding{Cause: id, Step: "tcp", Severity: cause.Error, Confidence: cause.Possible, Title: "a further cause that it could have", Who: cause.Network})
	}
	return s
}

func TestAtMostTwentyFourLinesFollowTheSteps(t *testing.T) {
	for _, s := range []scene{wrongEncryptionScene(), tenantScene(), senderScene(), portScene(), nameScene(), passScene(), warnScene(), talkativeScene(), hostileScene()} {
		s.transcript = nil
		out := string(printed(t, "text", Options{}, play(s)))
		_, after, found := strings.Cut(out, "\n  skip  ")
		if found {
			_, after, _ = strings.Cut(after, "\n\n")
		} else {
			_, after, _ = strings.Cut(out, "  sender  ")
			_, after, _ = strings.Cut(after, "\n\n")
		}
		if n := strings.Count(after, "\n") + 1; n > mostRows {
			t.Errorf("%d lines after the steps:\n%s", n, out)
		}
	}
}

func TestLinesFitEveryTerminal(t *testing.T) {
	for width := 40; width <= 80; width++ {
		for name, scenes := range allScenes() {
			out := string(printed(t, "text", Options{Terminal: width%2 == 0, Verbose: width%3 == 0, Width: width}, play(scenes...)))
			for _, line := range strings.Split(out, "\n") {
				long := slices.ContainsFunc(strings.Fields(line), func(word string) bool { return len(word) >= width-22 }) // a word for which a step's line has no room
				if columns(line) >= width && !long {
					t.Errorf("%s, %d columns: %q", name, width, line)
				}
			}
		}
	}
}

func TestWhatAFixSaysTwiceIsSaidOnce(t *testing.T) {
	page := newText(io.Discard, Options{}).(*text)
	for words, want := range map[string]string{
		"Set the port to 465":                      "Port  587 -> 465",
		"keep SSL":                                 "Port  587 -> 465   (keep SSL)",
		"or set the port to 465 and keep SSL":      "Port  587 -> 465   (keep SSL)",
		"Set the port to 465: 587 is blocked here": "Port  587 -> 465   587 is blocked here",
		"Ask for it":                               "Port  587 -> 465   Ask for it",
	} {
		lines := page.fixLines(probe.Fix{Text: words, Setting: "port", From: "587", To: "465"}, 0)
		if len(lines) != 1 || lines[0].text != want {
			t.Errorf("%q: %v, want %q", words, lines, want)
		}
	}
}

func TestALongCommandCanStillBeCopied(t *testing.T) {
	p := newPage(Options{})
	for _, c := range []struct{ shell, text, want string }{
		{"posix", "tool --name 'two  words' --flag last", "tool --name 'two  words' \\\n  --flag last"},
		{"powershell", "Set-Thing someone@acme.example -Enabled $true", "Set-Thing someone@acme.example `\n  -Enabled $true"},
		{"fish", "tool --name 'two words' --flag last", "tool --name 'two words' --flag last"},
		{"posix", "short", "short"},
	} {
		if got := strings.Join(p.breakCommand(c.text, c.shell, 34, 34), "\n"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestTheLastLineIsTheNextCommand(t *testing.T) {
	for _, s := range []scene{wrongEncryptionScene(), tenantScene(), portScene(), nameScene(), warnScene(), talkativeScene(), interruptedScene()} {
		out := strings.TrimRight(string(printed(t, "text", terminal, play(s))), "\n")
		last := strings.Join(strings.Fields(strings.ReplaceAll(out[strings.LastIndex(out, "\n\n")+2:], "\\\n", "")), " ")
		if want := "Next: " + string(s.outcome.Next[0].Command); last != want {
			t.Errorf("the last line is %q, want %q", last, want)
		}
	}
}

func TestStepsKeepTheOrderOfPlanAndResolver(t *testing.T) {
	var b bytes.Buffer
	p, err := New("text", &b, terminal)
	if err != nil {
		t.Fatal(err)
	}
	const v6, v4 = "[2001:db8::9]:587", "192.0.2.9:587"
	send := func(steps ...probe.StepResult) string {
		b.Reset()
		for _, step := range steps {
			if err := p.Event(probe.Event{Kind: probe.EventStep, Step: &step}); err != nil {
				t.Fatal(err)
			}
		}
		return b.String()
	}
	s := warnScene()
	if err := p.Event(s.events()[0]); err != nil {
		t.Fatal(err)
	}
	send(read(), dns("2", 1, "2001:db8::9", "192.0.2.9"))
	if out := send(passed(probe.StepTCP, v4, "answers", 1), passed(probe.StepGreeting, v4, "four", 1)); out != "" {
		t.Errorf("printed before both addresses have reported: %q", out)
	}
	if out := send(passed(probe.StepTCP, v6, "answers", 2)); !strings.Contains(out, "tcp          both answer") || strings.Contains(out, "greeting") {
		t.Errorf("after tcp on both: %q", out)
	}
	out := send(passed(probe.StepGreeting, v6, "six", 2))
	if six, four := strings.Index(out, "2001:db8::9: six"), strings.Index(out, "192.0.2.9: four"); six < 0 || four < six {
		t.Errorf("not the resolver's order: %q", out)
	}
}

func TestAPauseShowsWhatIsKnownAndLateReportsFollow(t *testing.T) {
	var b bytes.Buffer
	p, err := New("text", &b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const v6, v4 = "[2001:db8::9]:587", "192.0.2.9:587"
	step := func(s probe.StepResult) {
		t.Helper()
		if err := p.Event(probe.Event{Kind: probe.EventStep, Step: &s}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Event(warnScene().events()[0]); err != nil {
		t.Fatal(err)
	}
	step(dns("2", 1, "2001:db8::9", "192.0.2.9"))
	step(passed(probe.StepTCP, v4, "answers", 1))
	step(passed(probe.StepGreeting, v4, "four", 1))
	if err := p.(Pauser).Pause(); err != nil {
		t.Fatal(err)
	}
	if out := b.String(); !strings.Contains(out, "ok    dns, tcp, greeting ") {
		t.Errorf("at the pause: %q", out)
	}
	b.Reset()
	step(skippedFor(probe.GivenUp, "given up, another address was enough", v6, probe.StepTCP)[0])
	step(skippedFor(probe.GivenUp, "given up, another address was enough", v6, probe.StepGreeting)[0])
	if out, want := b.String(), "  skip  tcp          2001:db8::9: given up, another address was enough\n"; out != want {
		t.Errorf("late: %q, want %q", out, want)
	}
}

// screenful is a terminal that shows the last state of its running line. The
// timer writes to it in a goroutine of its own, as to a real one.
type screenful struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (s *screenful) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written.Write(b)
}

func (s *screenful) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written.String()
}

func (s *screenful) line() string {
	parts := strings.Split(s.String(), "\r")
	return strings.TrimRight(parts[len(parts)-1], " ")
}

func TestTheRunningLineSaysHowLongAStepTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var progress screenful
		p, err := New("text", &out, Options{Terminal: true, Progress: &progress})
		if err != nil {
			t.Fatal(err)
		}
		send := func(e probe.Event) {
			if err := p.Event(e); err != nil {
				t.Fatal(err)
			}
		}
		events := tenantScene().events()
		send(events[0])
		send(probe.Event{Start: &probe.StepStart{ID: probe.StepTCP, Address: "192.0.2.1:587"}})
		if got := progress.line(); got != "  ..    tcp" {
			t.Errorf("at once: %q", got)
		}
		time.Sleep(1500 * time.Millisecond)
		if got := progress.line(); got != "  ..    tcp" {
			t.Errorf("after 1.5 s: %q", got)
		}
		time.Sleep(2 * time.Second)
		if got := progress.line(); got != "  ..    tcp  (3 s)" {
			t.Errorf("after 3.5 s: %q", got)
		}
		done := passed(probe.StepTCP, "192.0.2.1:587", "answers", 3500)
		send(probe.Event{Step: &done})
		if got := progress.line(); got != "" {
			t.Errorf("after the step: %q", got)
		}
		written := progress.String()
		time.Sleep(10 * time.Second)
		if later := progress.String(); later != written {
			t.Errorf("the running line went on: %q", later[len(written):])
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "\r") {
			t.Errorf("the running line is part of the output: %q", out.String())
		}
	})
}

func TestCloseTakesTheRunningLineAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var progress screenful
		p, err := New("json", io.Discard, Options{Progress: &progress})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Event(probe.Event{Start: &probe.StepStart{ID: probe.StepAuth}}); err != nil {
			t.Fatal(err)
		}
		if progress.line() == "" {
			t.Error("no running line with a machine's format")
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if got := progress.line(); got != "" {
			t.Errorf("left behind: %q", got)
		}
	}) // synctest fails where a timer's function is still to run
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAWriterThatFailsIsReported(t *testing.T) {
	for _, f := range Formats() {
		p, err := New(f.Name, brokenPipe{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var failure error
		for _, e := range play(passScene()) {
			failure = errors.Join(failure, p.Event(e))
		}
		if !errors.Is(failure, io.ErrClosedPipe) {
			t.Errorf("%s: %v", f.Name, failure)
		}
	}
}

func TestVerdictIsOneLineAResult(t *testing.T) {
	one := Verdict(folded(play(wrongEncryptionScene())))
	if want := "FAILED: the encryption setting does not fit the port."; one != want {
		t.Errorf("%q, want %q", one, want)
	}
	several := Verdict(folded(play(severalScenes()...)))
	want := `billing: FAILED: the encryption setting does not fit the port.
recruiting: PASSED as far as a check without a mail can tell (1.3 s).
newsletter-eu: PASSED with remarks, as far as a check without a mail can tell (291 ms).
old: FAILED: smtpdx.yaml:14:9: port: 70000 is not a port.`
	if several != want {
		t.Errorf("%q, want %q", several, want)
	}
	if hostile := Verdict(folded(play(hostileScene()))); strings.ContainsAny(hostile, "\x1b\n\x07") {
		t.Errorf("%q", hostile)
	}
}

func TestFormatsAreFoundByNameAndEnding(t *testing.T) {
	for file, want := range map[string]string{"a.txt": "text", "A.JSON": "json", "x/y.jsonl": "jsonl", "r.md": "markdown", "r.xml": "junit", "a.doc": "", "json": ""} {
		if f, ok := ByEnding(file); f.Name != want || ok != (want != "") {
			t.Errorf("%s: %q", file, f.Name)
		}
	}
	if _, err := New("yaml", io.Discard, Options{}); err == nil {
		t.Error("an unknown format was accepted")
	}
}

func TestBlanksBeforeAWordMakeNoLineTooLong(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{strings.Repeat(" ", 90) + "word", []string{strings.Repeat(" ", 16) + "word"}},
		{"  a list", []string{"  a list"}},
		{strings.Repeat(" ", 90) + "12345678901234567890123 b", []string{"12345678901234567890123", "b"}},
		{"a" + strings.Repeat(" ", 90) + "b", []string{"a", "b"}},
	} {
		if got := newPage(Options{}).wrap(c.text, 20, 20); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestWordsOfFixesAreNotRepeatedBesideTheirLabels(t *testing.T) {
	page := &text{page: newPage(Options{}), shell: "posix"}
	change, _, _ := page.fixes(&probe.Finding{Fix: probe.List[probe.Fix]{
		{Text: "Enter the server for sending", Setting: "port", From: "993", To: "587"},
		{Text: "Enter the port for sending", Setting: "port", From: "993", To: "587"},
		{Text: "or the port to 465 and keep SSL", Setting: "port", From: "993", To: "465"},
		{Text: "or, for a server of your own, give its certificate"},
	}})
	want := []line{
		{text: "Port  993 -> 587   Enter the server for sending"},
		{lead: "or", text: "Enter the port for sending"},
		{lead: "or", text: "Port  993 -> 465   (keep SSL)"},
		{lead: "or", text: "for a server of your own, give its certificate"},
	}
	if !slices.Equal(change.lines, want) {
		t.Errorf("%q, want %q", change.lines, want)
	}
}

func TestWhatThisProgramMakesOfAnAnswerIsNotQuotedAsTheServer(t *testing.T) {
	step := &probe.StepResult{ID: probe.StepGreeting, Status: probe.Fail, Fault: &probe.Fault{Kind: probe.NotSMTP}}
	page := &text{page: newPage(Options{})}
	for said, shown := range map[string]bool{"read reply: what came is no SMTP reply": false, "answered in plain text: 220 hello": true} {
		f := &probe.Finding{Evidence: probe.List[probe.FindingEvidence]{{Text: said}}}
		if got := page.server(f, step); (got != nil) != shown {
			t.Errorf("%q: %v", said, got)
		}
	}
}

func TestTheTimeOfAVerdictIsNotTornApart(t *testing.T) {
	r := &probe.Result{Verdict: probe.Warn, Steps: probe.List[probe.StepResult]{
		{ID: probe.StepSender, Status: probe.Pass, StartedMs: ptr(probe.Ms(0)), DurationMs: ptr(probe.Ms(2))}}}
	rows := (&text{page: newPage(Options{})}).verdict(r)
	if got := rows[len(rows)-1][0].text; len(rows) != 2 || got != "(2 ms)." {
		t.Errorf("%d lines, the last %q", len(rows), got)
	}
}

func TestSettingsThatPassQuestionablyNameTheBetterOnes(t *testing.T) {
	s := warnScene()
	s.suggestion = &probe.Suggestion{Verified: true, Text: "587 with TLS/STARTTLS works too and is the usual way.",
		Settings: probe.SuggestedSettings{Host: "smtp.acme.example", Port: 587, Encryption: "starttls"}}
	out := string(printed(t, "text", Options{}, play(s)))
	if !strings.Contains(out, "Better") || !strings.Contains(out, "Host smtp.acme.example   Port 587   Encryption STARTTLS") {
		t.Errorf("not named:\n%s", out)
	}
}

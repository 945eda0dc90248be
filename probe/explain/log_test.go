package explain

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// day is in the year in which the logs of these tests were written.
var day = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)

func logLines(n int, write func(i int, stamp string) string) string {
	var b strings.Builder
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		b.WriteString(write(i, at.Add(time.Duration(i)*time.Second).Format("Jan _2 15:04:05")) + "\n")
	}
	return b.String()
}

func bounced(i int, stamp string) string {
	return fmt.Sprintf("%s mx postfix/smtp[%d]: %010X: to=<u%d@example.org>, relay=mx%d.example.org[192.0.2.%d]:25, dsn=5.1.1, status=bounced (host mx%d.example.org[192.0.2.9] said: 550 5.1.1 <u%d@example.org>: Recipient address rejected: User unknown (in reply to RCPT TO command))",
		stamp, i%30000, i*2654435761, i, i%2, i%250, i%2, i)
}

func sent(i int, stamp string) string {
	return fmt.Sprintf("%s mx postfix/smtp[%d]: %010X: to=<u%d@example.com>, relay=mx.example.com[192.0.2.4]:25, delay=0.45, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as %X)", stamp, i%30000, i*40503, i, i)
}

func mixed(i int, stamp string) string {
	if i%10 == 3 {
		return bounced(i/10, stamp)
	}
	return sent(i, stamp)
}

func TestALogIsCountedByCauseAndServer(t *testing.T) {
	for name, n := range map[string]int{"an excerpt": 200, "a whole log": 20000} {
		x := read(t, logLines(n, mixed), Settings{Now: day})
		if len(x.Occurrences) != 2 {
			t.Fatalf("%s: %+v", name, x.Occurrences)
		}
		for i, o := range x.Occurrences {
			if o.Cause != "recipient-unknown" || o.Count != n/20 || string(o.Host) != fmt.Sprintf("mx%d.example.org", i) || !strings.Contains(o.Example, "User unknown") {
				t.Errorf("%s: %+v", name, o)
			}
		}
		first := time.Date(2026, 11, 1, 0, 0, 3, 0, time.UTC)
		last := first.Add(time.Duration(n-20) * time.Second)
		if o := x.Occurrences[0]; o.First == nil || !o.First.Equal(first) || o.Last == nil || !o.Last.Equal(last) {
			t.Errorf("%s: first %v, last %v, want %v and %v", name, o.First, o.Last, first, last)
		}
	}
}

func TestSettingsOfOneServerAreNotUsedForAnother(t *testing.T) {
	text := logLines(40, func(i int, stamp string) string {
		if i%2 == 0 {
			return stamp + " mx postfix/smtp[1]: connect to smtp.gmail.com[192.0.2.1]:587: Connection timed out"
		}
		return stamp + " mx postfix/smtp[1]: 4F2: SASL authentication failed; server smtp.office365.com[192.0.2.2] said: " + disabled
	})
	x := read(t, text, Settings{Now: day})
	if x.Settings.Host != "" || len(x.Occurrences) != 2 {
		t.Fatalf("%+v %+v", x.Settings, x.Occurrences)
	}
	for _, o := range x.Occurrences {
		if want := map[string]string{"tcp-filtered-port": "smtp.gmail.com", "auth-disabled-by-admin": "smtp.office365.com"}[o.Cause]; string(o.Host) != want {
			t.Errorf("%s at %q, want %q", o.Cause, o.Host, want)
		}
	}
}

func TestALogInUTF16IsRead(t *testing.T) {
	var b bytes.Buffer
	for _, u := range utf16.Encode([]rune("\ufeff" + logLines(4000, mixed))) {
		b.Write([]byte{byte(u), byte(u >> 8)})
	}
	x, err := Read(cause.Builtin(), &b, Settings{Now: day})
	if err != nil || len(x.Occurrences) != 2 || x.Occurrences[0].Count != 200 {
		t.Errorf("%v, %+v", err, x.Occurrences)
	}
}

// repeated gives a text again and again.
type repeated struct {
	text string
	left int
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	r.left -= n
	return n, nil
}

func TestMemoryDoesNotGrowWithTheText(t *testing.T) {
	for name, text := range map[string]string{
		"lines":           logLines(1000, mixed),
		"no line end":     strings.Repeat("535 5.7.8 authentication failed ", 100),
		"every line anew": logLines(1000, bounced),
		"zeros":           strings.Repeat("\x00", 1000),
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x, err := Read(cause.Builtin(), &repeated{text: text, left: 16 << 20}, Settings{Now: day})
		runtime.GC()
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if after.HeapAlloc > before.HeapAlloc+16<<20 || after.TotalAlloc-before.TotalAlloc > 64<<20 {
			t.Errorf("%s: %d MiB kept, %d MiB allocated", name, int64(after.HeapAlloc-before.HeapAlloc)>>20, (after.TotalAlloc-before.TotalAlloc)>>20)
		}
		runtime.KeepAlive(x)
	}
}

func TestTimesAreReadFromTheBeginningOfALine(t *testing.T) {
	want := time.Date(2026, 11, 23, 14, 2, 11, 0, time.UTC)
	for _, line := range []string{
		"Nov 23 14:02:11 mx postfix/smtp[1]: x", "<22>Nov 23 14:02:11 mx x", "2026-11-23T14:02:11Z mx x", "2026-11-23T15:02:11.123456+01:00 mx x", "2026-11-23 14:02:11 1ABC-XY x",
		"[2026-11-23 14:02:11] x", "23/Nov/2026:15:02:11 +0100 x", "23.11.2026 14:02:11 x", "Mon, 23 Nov 2026 14:02:11 +0000 x",
	} {
		if got := stampOf([]byte(line), day); got == nil || !got.Equal(want) {
			t.Errorf("%q: %v", line, got)
		}
	}
	if got := stampOf([]byte("Dec 24 12:00:00 mx x"), day); got == nil || got.Year() != 2025 {
		t.Errorf("a stamp without a year lies in the future: %v", got)
	}
	if got := stampOf([]byte("no time"), day); got != nil {
		t.Error(got)
	}
}

func BenchmarkLog(b *testing.B) {
	text := logLines(20000, mixed)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Read(cause.Builtin(), strings.NewReader(text), Settings{Now: day}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReply(b *testing.B) {
	for b.Loop() {
		explain(cause.Builtin(), disabled, Settings{})
	}
}

func TestTheLastLineOfALogCountsWithoutALineEnd(t *testing.T) {
	const line = "Nov 20 08:00:0%d mx1 postfix/smtpd[99]: NOQUEUE: reject: RCPT from pc[192.0.2.50]: 554 5.7.1 <x%d@example.net>: Relay access denied; from=<a@acme.example> to=<x%d@example.net> proto=ESMTP helo=<pc>"
	var lines []string
	for i := range 5 {
		lines = append(lines, fmt.Sprintf(line, i, i, i))
	}
	x := read(t, strings.Join(lines, "\n"), Settings{})
	if len(x.Occurrences) != 1 || x.Occurrences[0].Count != 5 {
		t.Errorf("5 lines are counted as %+v", x.Occurrences)
	}
}

func TestARefusalInTheServersOwnLogCountsWithoutACode(t *testing.T) {
	const line = "Nov 20 08:00:0%d mx1 postfix/smtpd[99]: warning: unknown[198.51.100.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6\n" +
		"2026-11-20 08:00:0%d H=(pc) [198.51.100.7] F=<x@acme.example> rejected RCPT <y@example.net>: relay not permitted\n"
	text := ""
	for i := range 4 {
		text += fmt.Sprintf(line, i, i)
	}
	got := map[string]int{}
	for _, o := range read(t, text, Settings{}).Occurrences {
		got[o.Cause] += o.Count
	}
	if got["auth-bad-credentials"] != 4 || got["relay-denied-no-login"]+got["relay-denied-not-allowed"] != 4 {
		t.Errorf("counted %v", got)
	}
}

package wire

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var dataLimits = DataLimits{Chunk: 3 * time.Minute, Reply: 5 * time.Minute}

// takes reads a message to its final dot and hands it on, then answers.
func takes(got chan<- string, answer string) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		var all strings.Builder
		for {
			line, err := in.ReadString('\n')
			all.WriteString(line)
			if err != nil || line == ".\r\n" {
				break
			}
		}
		got <- all.String()
		_, _ = io.WriteString(c, answer)
	}
}

func TestAMessageIsWrittenAsDATAWantsIt(t *testing.T) {
	long := strings.Repeat("0123456789\r\n", 10000)
	for name, test := range map[string]struct{ message, want string }{
		"dots are doubled":        {"a\r\n.b\r\n..c\r\n", "a\r\n..b\r\n...c\r\n.\r\n"},
		"a dot alone":             {".\r\n", "..\r\n.\r\n"},
		"bare line feeds":         {"a\nb\n", "a\r\nb\r\n.\r\n"},
		"no end":                  {"a\r\nb", "a\r\nb\r\n.\r\n"},
		"bare carriage returns":   {"a\rb\r\n", "ab\r\n.\r\n"},
		"a hidden end":            {"a\n.\nMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"},
		"a hidden end by CR":      {"a\r\n\r.\r\nMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"},
		"nothing":                 {"", ".\r\n"},
		"more than one write has": {long, long + ".\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := make(chan string, 1)
				c := serve(t, Options{}, takes(got, "250 ok\r\n"))
				reply, whole, err := c.Data(t.Context(), []byte(test.message), dataLimits)
				if err != nil || !whole || reply.Code != 250 {
					t.Errorf("%d, whole %v, %v", reply.Code, whole, err)
				}
				if raw := <-got; raw != test.want {
					t.Errorf("sent %q, want %q", raw, test.want)
				}
			})
		})
	}
}

func TestTheReplyAfterAMessageHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Options{}, takes(make(chan string, 1), ""))
		begin := time.Now()
		_, whole, err := c.Data(t.Context(), []byte("a\r\n"), dataLimits)
		if !whole || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 5*time.Minute {
			t.Errorf("whole %v, %v after %v", whole, err, time.Since(begin))
		}
	})
}

func TestAServerThatTakesNothingIsNotWaitedForForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe() // without a buffer: nobody reads
		defer client.Close()
		defer server.Close()
		begin := time.Now()
		_, whole, err := New(client, Options{}).Data(t.Context(), []byte("a\r\n"), dataLimits)
		if whole || err == nil || time.Since(begin) != 3*time.Minute {
			t.Errorf("whole %v, %v after %v", whole, err, time.Since(begin))
		}
	})
}

func TestTheTranscriptHasTheHeaderAndNotTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		var done []Exchange
		opt := Options{Record: func(l Line) { lines = append(lines, l.From+" "+l.Text) }, Done: func(e Exchange) { done = append(done, e) }}
		c := serve(t, opt, takes(make(chan string, 1), "554 5.7.1 no\r\n"))
		_, _, _ = c.Data(t.Context(), []byte("Subject: x\r\nFrom: <a@b.example>\r\n\r\nsome words\r\n"), dataLimits)
		want := []string{"client Subject: x", "client From: <a@b.example>", "note and a body of 12 octets", "server 554 5.7.1 no"}
		if strings.Join(lines, "\n") != strings.Join(want, "\n") {
			t.Errorf("lines %q", lines)
		}
		if len(done) != 1 || done[0].Reply == nil || done[0].Reply.Code != 554 {
			t.Errorf("exchanges %v", done)
		}
	})
}

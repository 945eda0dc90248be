package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe/internal/pipe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// serve runs say against the server's end and gives the client's.
func serve(t *testing.T, opt Options, say func(net.Conn)) *Conn {
	t.Helper()
	client, server := pipe.New(time.Millisecond, &net.TCPAddr{}, &net.TCPAddr{})
	go say(server)
	t.Cleanup(func() { client.Close(); server.Close() })
	return New(client, opt)
}

func says(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

func saysAndCloses(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text); c.Close() }
}

func second(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

// The numbers are those of the traps that net/smtp and go-mail's client fall into.
func TestRepliesThatOtherClientsMisread(t *testing.T) {
	for _, test := range []struct {
		name string
		say  func(net.Conn)
		code int
		text string
		kind ErrorKind
		seen string
	}{
		{"1: half a reply and silence is no reply", says("220 hal"), 0, "", Incomplete, "220 hal"},
		{"1: half a reply and a close is no reply", saysAndCloses("220 hal"), 0, "", Incomplete, "220 hal"},
		{"1: a multi-line reply without its last line is no reply", saysAndCloses("250-one\r\n250-two\r\n"), 0, "", Incomplete, ""},
		{"2: a bare code is a reply", says("220\r\n"), 220, "", "", ""},
		{"2: a bare 334 is a reply", says("334\r\n"), 334, "", "", ""},
		{"3: a code that changes inside a reply ends it", says("250-x\r\n550 no\r\n"), 0, "", BadReply, "550 no"},
		{"4: an SSH banner does not hang", says("SSH-2.0-OpenSSH_9.2\r\n"), 0, "", NotSMTP, "SSH-2.0-OpenSSH_9.2"},
		{"4: an IMAP greeting is no reply", says("* OK ready\r\n"), 0, "", NotSMTP, "* OK ready"},
		{"4: a TLS alert is seen before a line end comes", says("\x15\x03\x01\x00\x02\x02\x46"), 0, "", NotSMTP, "\x15\x03\x01\x00\x02\x02\x46"},
		{"5: a line has an end", says("220 " + strings.Repeat("x", 1<<20)), 0, "", TooMuch, ""},
		{"5: a reply has an end", says(strings.Repeat("220-x\r\n", 100000)), 0, "", TooMuch, ""},
		{"5: long lines are bounded over the whole step", says(strings.Repeat("220-"+strings.Repeat("y", 4000)+"\r\n", 400)), 0, "", TooMuch, ""},
		{"6: control characters do not come through", says("220 \x1b[2Jhi\x07\x00\xff\r\n"), 220, `\x1b[2Jhi\x07\x00\xff`, "", ""},
		{"6: a bare line feed ends a line", says("220 hi\n"), 220, "hi", "", ""},
		{"7: all lines of a greeting are kept", says("220-one\r\n220-two\r\n220 three\r\n"), 220, "one\ntwo\nthree", "", ""},
		{"a mark that is none", says("220_x\r\n"), 0, "", BadReply, "220_x"},
		{"a code out of range", says("999 x\r\n"), 0, "", BadReply, "999 x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, err := serve(t, Options{}, test.say).ReadReply(second(t))
				if test.kind == "" {
					if err != nil || r.Code != test.code || r.Text() != test.text {
						t.Fatalf("got %d %q, %v", r.Code, r.Text(), err)
					}
					return
				}
				var p *ProtocolError
				if !errors.As(err, &p) || p.Kind != test.kind {
					t.Fatalf("got reply %v, error %v, want %s", r, err, test.kind)
				}
				if test.seen != "" && string(p.Seen) != test.seen {
					t.Errorf("seen %q, want %q", p.Seen, test.seen)
				}
			})
		})
	}
}

func TestTheContextIsTheOnlyTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Options{}, func(net.Conn) {})
		begin := time.Now()
		_, err := c.ReadReply(second(t))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		begin = time.Now()
		if _, err := c.ReadReply(ctx); err == nil || time.Since(begin) != time.Second {
			t.Errorf("a cancelled context ended after %v with %v", time.Since(begin), err)
		}
	})
}

func TestEnhancedCodesAreReadFromTheBeginningOnly(t *testing.T) {
	for text, want := range map[string]string{
		"5.7.8 no": "5.7.8", "see 5.9.12.34": "", "5.9.12.34 is listed": "", "4.7.0 class differs": "",
		"5.7.1234 x": "", "#5.1.1 old form": "5.1.1", "5.7.139 Authentication": "5.7.139", "": "",
	} {
		if got := enhancedCode(535, text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestHiddenLinesNeverReachTheObservers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var red secret.Redactor
		var lines []string
		var asked []Exchange
		opt := Options{Redactor: &red,
			Record: func(l Line) { lines = append(lines, l.From+": "+l.Text) },
			Done:   func(e Exchange) { asked = append(asked, e) }}
		const payload = "AGFubmEAUGE1NS1jYW5hcnk="
		c := serve(t, opt, func(s net.Conn) {
			buf := make([]byte, 100)
			n, _ := s.Read(buf)
			_, _ = io.WriteString(s, "535 5.7.8 you sent "+string(buf[:n-2])+"\r\n")
		})
		r, err := c.Hidden(second(t), "AUTH", secret.Hidden, "AUTH PLAIN ", payload)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(lines, "\n") + r.Text() + asked[0].Argument + asked[0].Reply.Text()
		if strings.Contains(all, payload) || strings.Contains(all, "UGE1NS1jYW5hcnk") {
			t.Errorf("the payload shows in %q", all)
		}
		if lines[0] != "client: AUTH PLAIN [hidden]" || asked[0].Command != "AUTH" || asked[0].Argument != "PLAIN [hidden]" {
			t.Errorf("recorded %q and %+v", lines[0], asked[0])
		}
	})
}

func TestAFlightWaitsOnceForItsReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Options{}, func(s net.Conn) {
			buf := make([]byte, 200)
			n, _ := s.Read(buf)
			if strings.Count(string(buf[:n]), "\r\n") == 3 {
				_, _ = io.WriteString(s, "250 a\r\n550 5.1.1 b\r\n250 c\r\n")
			}
		})
		begin := time.Now()
		replies, err := c.Flight(second(t), Ask{"MAIL", "FROM:<a@b>"}, Ask{"RCPT", "TO:<a@b>"}, Ask{"RSET", ""})
		if err != nil || len(replies) != 3 || replies[1].Enhanced != "5.1.1" {
			t.Fatalf("%v %v", replies, err)
		}
		if time.Since(begin) != 2*time.Millisecond {
			t.Errorf("took %v, one round trip is 2ms", time.Since(begin))
		}
	})
}

func TestALineThatIsCutShowsNoPartOfASecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var red secret.Redactor
		red.Learn("Pa55-canary-ünï")
		var shown strings.Builder
		c := serve(t, Options{Redactor: &red, Record: func(l Line) { shown.WriteString(l.Text) }},
			says("535 "+strings.Repeat("x", 52)+" Pa55-canary-ünï "+strings.Repeat("y", MaxLine)))
		_, err := c.ReadReply(second(t))
		var p *ProtocolError
		if !errors.As(err, &p) || p.Kind != TooMuch || strings.Contains(shown.String(), "Pa55") || shown.Len() > 100 {
			t.Errorf("%v, shown %q", err, shown.String())
		}
	})
}

func TestACommandIsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, argument := range []string{"FROM:<a@b>\r\nRCPT TO:<c@d>", "FROM:<a@b>\n", "FROM:<\x00>"} {
			c := serve(t, Options{}, func(s net.Conn) {
				if n, _ := s.Read(make([]byte, 100)); n > 0 {
					t.Errorf("%d octets of %q were sent", n, argument)
				}
			})
			if _, err := c.Command(second(t), "MAIL", argument); !errors.Is(err, ErrTwoLines) {
				t.Errorf("%q: %v", argument, err)
			}
			if _, err := c.Flight(second(t), Ask{"RSET", ""}, Ask{"MAIL", argument}); !errors.Is(err, ErrTwoLines) {
				t.Errorf("%q in a flight: %v", argument, err)
			}
			c.Close()
		}
	})
}

// 15: bytes behind the 220 belong to nobody who speaks TLS.
func TestBytesBehindTheStarttlsReplyAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Options{}, func(s net.Conn) {
			buf := make([]byte, 100)
			_, _ = s.Read(buf)
			_, _ = io.WriteString(s, "220 go\r\n250 injected\r\n")
		})
		if _, err := c.Command(second(t), "STARTTLS", ""); err != nil {
			t.Fatal(err)
		}
		if got := string(c.Waiting()); got != "250 injected\r\n" {
			t.Errorf("waiting: %q", got)
		}
	})
}

// 14: a failed handshake leaves a connection that says so and is not TLS.
func TestAFailedHandshakeLeavesThePlainConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, Options{}, says("220 plain text\r\n"))
		_, err := c.Handshake(second(t), &tls.Config{ServerName: "x"})
		var header tls.RecordHeaderError
		if !errors.As(err, &header) {
			t.Fatalf("got %v", err)
		}
		if _, isTLS := c.NetConn().(*tls.Conn); isTLS {
			t.Error("the connection claims to be TLS")
		}
	})
}

// 18: after a final refusal no "*" is sent, and the connection stays usable.
func TestARefusedLoginLeavesAUsableConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got strings.Builder
		c := serve(t, Options{}, func(s net.Conn) {
			buf := make([]byte, 100)
			for _, reply := range []string{"535 5.7.8 no\r\n", "221 bye\r\n"} {
				n, _ := s.Read(buf)
				got.Write(buf[:n])
				_, _ = io.WriteString(s, reply)
			}
		})
		r, err := c.Hidden(second(t), "AUTH", secret.Hidden, "AUTH PLAIN ", "AGEAYg==")
		if err != nil || r.Code != 535 {
			t.Fatal(r, err)
		}
		c.Quit(second(t))
		if want := "AUTH PLAIN AGEAYg==\r\nQUIT\r\n"; got.String() != want {
			t.Errorf("sent %q, want %q", got.String(), want)
		}
	})
}

func TestAnOpenLoginIsCancelledBeforeQuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string, 1)
		c := serve(t, Options{}, func(s net.Conn) {
			buf := make([]byte, 100)
			_, _ = s.Read(buf)
			_, _ = io.WriteString(s, "334 \r\n")
			n, _ := s.Read(buf)
			got <- string(buf[:n])
			_, _ = io.WriteString(s, "501 cancelled\r\n221 bye\r\n")
		})
		if _, err := c.Command(second(t), "AUTH", "PLAIN"); err != nil {
			t.Fatal(err)
		}
		c.Quit(second(t))
		if sent := <-got; sent != "*\r\nQUIT\r\n" {
			t.Errorf("sent %q", sent)
		}
	})
}

func TestAServerThatHungUpIsNoticed(t *testing.T) {
	for name, test := range map[string]struct {
		say  func(net.Conn)
		idle bool
	}{
		"quiet":               {func(net.Conn) {}, true},
		"closed":              {saysAndCloses(""), false},
		"said 421 on its own": {says("421 idle too long\r\n"), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := serve(t, Options{}, test.say)
				time.Sleep(time.Second)
				if got := c.IsIdle(); got != test.idle {
					t.Errorf("idle is %v", got)
				}
			})
		})
	}
}

func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{"220 hi\r\n", "250-a\r\n250 b\r\n", "220", "SSH-2.0\r\n", "\x16\x03\x01", "250-x\r\n550 no\r\n", "334 \r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		client, server := net.Pipe()
		go func() {
			_, _ = server.Write(b)
			server.Close()
		}()
		defer client.Close()
		var shown strings.Builder
		c := New(client, Options{Record: func(l Line) { shown.WriteString(l.Text) }})
		r, err := c.ReadReply(context.Background())
		if err == nil && (r.Code < 200 || r.Code > 599 || len(r.Lines) != len(r.Raw())) {
			t.Errorf("reply %+v", r)
		}
		for _, ch := range shown.String() + r.Text() {
			if ch < 0x20 && ch != '\n' || ch == 0x7f {
				t.Errorf("control character %q comes through", ch)
			}
		}
	})
}

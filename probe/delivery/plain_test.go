package delivery

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// plainServer is an old IMAP server: it offers what caps says and no more, and
// its one folder gets a message at a moment.
type plainServer struct {
	caps    string
	login   string // what it answers to a login; "" = OK
	arrives time.Time
	heard   []string
}

// selfSigned is a certificate that nobody trusts.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// serve answers the commands that this client has, one by one.
func (p *plainServer) serve(t *testing.T) func(net.Conn) {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MinVersion: tls.VersionTLS12}
	return func(raw net.Conn) {
		conn := tls.Server(raw, config)
		defer raw.Close()
		in := bufio.NewReader(conn)
		_, _ = io.WriteString(conn, "* OK old server ready\r\n")
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			p.heard = append(p.heard, strings.TrimSpace(line))
			tag, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			if _, err := io.WriteString(conn, p.answer(in, conn, tag, rest)); err != nil || strings.HasPrefix(rest, "LOGOUT") {
				return
			}
		}
	}
}

func (p *plainServer) answer(in *bufio.Reader, out io.Writer, tag, command string) string {
	ok := tag + " OK done\r\n"
	letter := goodLetter()
	switch verb, _, _ := strings.Cut(command, " "); {
	case verb == "CAPABILITY":
		return "* CAPABILITY IMAP4rev1 " + p.caps + "\r\n" + ok
	case verb == "LOGIN" && p.login != "", verb == "AUTHENTICATE" && p.login != "":
		if verb == "AUTHENTICATE" {
			_, _ = io.WriteString(out, "+ "+base64.StdEncoding.EncodeToString([]byte(`{"status":"400"}`))+"\r\n")
			_, _ = in.ReadString('\n')
		}
		return tag + " " + p.login + "\r\n"
	case verb == "LIST":
		return "* LIST (\\HasNoChildren) \".\" INBOX\r\n* LIST (\\HasNoChildren) \".\" INBOX.Spam\r\n* LIST (\\Noselect) \".\" Junk\r\n" + ok
	case verb == "EXAMINE", verb == "SELECT":
		return "* FLAGS (\\Deleted)\r\n* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 10] x\r\n" + ok
	case strings.HasPrefix(command, "UID SEARCH"):
		if time.Now().Before(p.arrives) {
			return "* SEARCH\r\n" + ok
		}
		return "* SEARCH 9\r\n" + ok
	case strings.HasPrefix(command, "UID FETCH"):
		return fmt.Sprintf("* 1 FETCH (UID 9 INTERNALDATE \"26-Nov-2026 16:00:20 +0000\" RFC822.SIZE %d BODY[]<0> {%d}\r\n%s)\r\n", len(letter), len(letter), letter) + ok
	}
	return ok
}

func (p *plainServer) settings(o *office, change func(*probe.Inbox)) probe.Settings {
	s := o.settings()
	s.Follow.Inbox.Insecure = true
	change(s.Follow.Inbox)
	return s
}

func TestAServerWithoutIDLEIsAskedWithLongerAndLongerPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := &plainServer{arrives: time.Now().Add(90 * time.Second)}
		o.answers = p.serve(t)
		s := p.settings(o, func(*probe.Inbox) {})
		s.Follow.Delete = true
		e, err := o.follow(t.Context(), s)
		if err != nil {
			t.Fatal(err, o.transcript())
		}
		if after := e.ArrivedAfterMs.Duration(); after < 90*time.Second || after > 105*time.Second || !slices.Contains(e.Saw, cause.ArrivedLate) {
			t.Errorf("after %v, saw %v", after, e.Saw)
		}
		if looks := strings.Count(strings.Join(p.heard, "\n"), `EXAMINE "INBOX.Spam"`); looks < 5 || looks > 20 {
			t.Errorf("the junk folder was looked at %d times", looks)
		}
		if e.Deleted != "marked" || !slices.ContainsFunc(p.heard, func(l string) bool { return strings.Contains(l, "UID STORE 9 +FLAGS.SILENT (\\Deleted)") }) {
			t.Errorf("deleted %q", e.Deleted)
		}
		if slices.ContainsFunc(p.heard, func(l string) bool { return strings.Contains(l, "EXPUNGE") || strings.Contains(l, "IDLE") }) {
			t.Errorf("heard what it does not offer:\n%s", strings.Join(p.heard, "\n"))
		}
	})
}

func TestTheWayToLogInIsTheServers(t *testing.T) {
	token := func(i *probe.Inbox) {
		i.Token, i.Password = probe.Credential{Value: secret.New("ya29.canary"), Source: "env"}, probe.Credential{}
	}
	for name, c := range map[string]struct {
		caps, login string
		change      func(*probe.Inbox)
		said        string
		saw         cause.Observation // "" = it passes
	}{
		"LOGIN command":             {"", "", func(*probe.Inbox) {}, "LOGIN " + secret.Hidden, ""},
		"LOGIN mechanism":           {"LOGINDISABLED AUTH=LOGIN SASL-IR", "NO [AUTHENTICATIONFAILED] no", func(*probe.Inbox) {}, "AUTHENTICATE LOGIN", cause.IMAPLoginRefused},
		"refused":                   {"", "NO [AUTHENTICATIONFAILED] Invalid credentials", func(*probe.Inbox) {}, "LOGIN " + secret.Hidden, cause.IMAPLoginRefused},
		"no way with a password":    {"LOGINDISABLED AUTH=XOAUTH2", "", func(*probe.Inbox) {}, "CAPABILITY", cause.IMAPNoMechanism},
		"a token":                   {"AUTH=XOAUTH2 SASL-IR", "NO AUTHENTICATE failed.", token, "AUTHENTICATE XOAUTH2 " + secret.Hidden, cause.IMAPLoginRefused},
		"a token that nobody wants": {"AUTH=PLAIN", "", token, "CAPABILITY", cause.IMAPNoMechanism},
		"neither":                   {"", "", func(i *probe.Inbox) { i.Password = probe.Credential{} }, "CAPABILITY", cause.IMAPNoCredential},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t)
				p := &plainServer{caps: c.caps, login: c.login, arrives: time.Now()}
				o.answers = p.serve(t)
				e, err := o.follow(t.Context(), p.settings(o, c.change))
				var fault *probe.Fault
				if c.saw == "" && err != nil || c.saw != "" && (!errors.As(err, &fault) || !slices.Contains(e.Saw, c.saw)) {
					t.Errorf("%v, saw %v", err, e.Saw)
				}
				said := o.transcript()
				if !strings.Contains(said, c.said) {
					t.Errorf("no %q in:\n%s", c.said, said)
				}
				for _, s := range []string{password, quoted.Replace(password), "ya29.canary", base64.StdEncoding.EncodeToString([]byte(password))} {
					if strings.Contains(said, s) {
						t.Errorf("the transcript shows %q", s)
					}
				}
			})
		})
	}
}

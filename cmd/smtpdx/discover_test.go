package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// domainWith is a mail domain on loopback: a name server that knows its
// records, and a server of the lab at smtp.acme.example or wherever host says.
type domainWith struct {
	resolver, ca string
	server       *smtptest.Server

	mu        sync.Mutex
	questions []string
}

func newDomain(t *testing.T, dialogue, host string, records ...string) *domainWith {
	t.Helper()
	d, known := smtptest.Lookup(dialogue)
	if !known {
		t.Fatalf("no dialogue %s", dialogue)
	}
	d.Settings.Host = host
	server, err := smtptest.Start(t.Context(), d, smtptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	w := &domainWith{server: server, ca: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(w.ca, server.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	zone := map[string][]dns.RR{}
	for _, record := range append(records, host+". 60 IN A 127.0.0.1") {
		rr, err := dns.NewRR(strings.ReplaceAll(record, "PORT", fmt.Sprint(server.Port())))
		if err != nil {
			t.Fatal(err)
		}
		zone[rr.Header().Name] = append(zone[rr.Header().Name], rr)
	}
	w.serve(t, zone)
	return w
}

func (w *domainWith) serve(t *testing.T, zone map[string][]dns.RR) {
	t.Helper()
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(out dns.ResponseWriter, question *dns.Msg) {
		q := question.Question[0]
		w.mu.Lock()
		w.questions = append(w.questions, q.Name)
		w.mu.Unlock()
		reply := new(dns.Msg).SetReply(question)
		for _, rr := range zone[strings.ToLower(q.Name)] {
			if rr.Header().Rrtype == q.Qtype {
				reply.Answer = append(reply.Answer, rr)
			}
		}
		_ = out.WriteMsg(reply)
	})}
	started, ended := make(chan struct{}), make(chan error, 1)
	server.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-ended
	})
	w.resolver = packets.LocalAddr().String()
}

// discover runs the command and demands an exit code.
func (w *domainWith) discover(t *testing.T, p *process, code int, args ...string) {
	t.Helper()
	args = append([]string{"discover"}, args...)
	if got := run(context.Background(), p, append(args, "--resolver", w.resolver, "--ca-file", w.ca)); got != code {
		t.Fatalf("exit code %d, want %d\n%s%s", got, code, p.out, p.err)
	}
}

const submissionSRV = "_submission._tcp.acme.example. 60 IN SRV 0 1 PORT smtp.acme.example."

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

func TestDiscoverPrintsASheet(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.acme.example", submissionSRV)
	p, out, errs := pipes(nil)
	w.discover(t, p, exitPassed, "Jobs <jobs@acme.example>")
	contains(t, out.String(), "FOUND: settings that work", "smtp.acme.example", fmt.Sprint(w.server.Port()), "STARTTLS",
		`(a form that offers only "SSL" and "TLS": TLS here)`, "jobs@acme.example", "srv-submission", "well-known: nothing", "Next",
		"smtpdx check smtp.acme.example:")
	if errs.Len() > 0 {
		t.Errorf("on standard error: %s", errs)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > 80 && !strings.Contains(line, "https://") && !strings.Contains(line, "http://") && !strings.Contains(line, "smtpdx check") {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestDiscoverTellsNobodyTheLocalPart(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.acme.example", submissionSRV)
	p, _, _ := pipes(nil)
	w.discover(t, p, exitPassed, "canarius@acme.example")
	if len(w.questions) < 5 {
		t.Fatalf("only %d questions were asked", len(w.questions))
	}
	for _, said := range append(w.questions, w.server.Transcript()...) {
		if strings.Contains(strings.ToLower(said), "canarius") {
			t.Errorf("the local part was told: %s", said)
		}
	}
}

func TestDiscoverWritesJSONByTheContract(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.acme.example", submissionSRV)
	p, out, errs := pipes(nil)
	w.discover(t, p, exitPassed, "jobs@acme.example", "-o", "json")
	var d map[string]any
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if d["schema"] != "smtpdx.discovery/v1" || d["address"] != "jobs@acme.example" || d["provider"] != nil {
		t.Errorf("%v", d)
	}
	c := d["candidates"].([]any)[0].(map[string]any)
	if c["host"] != "smtp.acme.example" || c["encryption"] != "starttls" || c["verified"] != true || c["account"] != "jobs@acme.example" {
		t.Errorf("%v", c)
	}
	for _, key := range []string{"sources", "findings", "next", "inbox"} {
		if _, isList := d[key].([]any); !isList {
			t.Errorf("%s is %v", key, d[key])
		}
	}
	contains(t, errs.String(), "FOUND")
}

func TestAMaskedDiscoveryNamesNobody(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.acme.example", submissionSRV)
	saved := filepath.Join(t.TempDir(), "acme.yaml")
	for _, args := range [][]string{{"-o", "text"}, {"-o", "json"}, {"-o", "markdown", "--write", saved}} {
		p, out, errs := pipes(nil)
		w.discover(t, p, exitPassed, append(args, "wilhelmine.huber@acme.example", "--mask")...)
		text := strings.ReplaceAll(out.String()+errs.String(), saved, "")
		contains(t, text, "user1@domain1.example", "smtp.domain1.example", "FOUND")
		if args[1] == formatJSON {
			if err := fitsOwn(out.Bytes()); err != nil {
				t.Error(err)
			}
		}
		for _, name := range []string{"wilhelmine", "huber", "acme"} {
			if strings.Contains(strings.ToLower(text), name) {
				t.Errorf("%v: %s in\n%s", args, name, text)
			}
		}
	}
	if text, err := os.ReadFile(saved); err != nil || !strings.Contains(string(text), "smtp.acme.example") {
		t.Errorf("what was saved is of no use: %v\n%s", err, text)
	}
}

func TestDiscoverWritesMarkdown(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.acme.example", submissionSRV)
	p, out, _ := pipes(nil)
	w.discover(t, p, exitPassed, "jobs@acme.example", "-o", "markdown")
	contains(t, out.String(), "# jobs@acme.example\n", "- **Host:** smtp.acme.example\n", "- **Result:** FOUND")
}

func TestDiscoverSavesAProfileThatCheckTakes(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.acme.example", submissionSRV)
	path := filepath.Join(t.TempDir(), "found.yaml")
	p, out, _ := pipes(nil)
	w.discover(t, p, exitPassed, "jobs@acme.example", "--write", path)
	contains(t, out.String(), "Written", "smtpdx check -c "+path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(text), "host: smtp.acme.example\n", "encryption: starttls\n", "account: jobs@acme.example\n", "# Says so: srv-submission")
	p, out, errs := pipes(map[string]string{"LAB": "correct-horse"})
	if code := run(context.Background(), p, []string{"check", "-c", path, "--password-env", "LAB", "--to", "someone@recipient.example"}); code != exitPassed {
		t.Errorf("check of the profile: exit code %d\n%s%s\n%s", code, out, errs, text)
	}
	p, _, errs = pipes(nil)
	w.discover(t, p, exitUsage, "jobs@acme.example", "--write", path)
	contains(t, errs.String(), "none is overwritten")
	if again, _ := os.ReadFile(path); string(again) != string(text) {
		t.Error("the file was changed")
	}
}

func TestDiscoverLogsInOnceAtTheBestServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, dialogue, password string
		code                     int
		says                     string
	}{
		{"accepted", "healthy", "correct-horse", exitPassed, "FOUND: the settings work, the login too."},
		{"refused", "wrong-password", "battery staple", 16, "the login did not succeed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newDomain(t, c.dialogue, "smtp.acme.example", submissionSRV)
			p, out, _ := pipes(map[string]string{"LAB": c.password})
			w.discover(t, p, c.code, "jobs@acme.example", "-u", "jobs@acme.example", "--password-env", "LAB")
			contains(t, out.String(), c.says, "Login")
			if strings.Contains(out.String(), c.password) {
				t.Error("the password was printed")
			}
			if n := strings.Count(strings.Join(w.server.Transcript(), "\n"), "C: AUTH"); n != 1 {
				t.Errorf("%d logins", n)
			}
		})
	}
}

func TestDiscoverSendsNoPasswordOutsideTheDomainUnasked(t *testing.T) {
	t.Parallel()
	const record = "_submission._tcp.acme.example. 60 IN SRV 0 1 PORT smtp.elsewhere.example."
	args := []string{"jobs@acme.example", "-u", "jobs@acme.example", "--password-env", "LAB"}
	env := map[string]string{"LAB": "correct-horse"}
	w := newDomain(t, "healthy", "smtp.elsewhere.example", record)
	p, out, errs := pipes(env)
	w.discover(t, p, exitUsage, args...)
	contains(t, errs.String(), "smtp.elsewhere.example is not in acme.example", "--yes")
	contains(t, out.String(), "Host", "smtp.elsewhere.example")
	if said := strings.Join(w.server.Transcript(), "\n"); strings.Contains(said, "C: AUTH") {
		t.Errorf("a login was tried:\n%s", said)
	}
	p, out, _ = pipes(env)
	w.discover(t, p, exitPassed, append(args, "--yes")...)
	contains(t, out.String(), "the login too")
	for answer, code := range map[string]int{"y": exitPassed, "": exitUsage} {
		p, out, _ = pipes(env)
		asked := &scripted{answers: []string{answer}}
		p.ask, p.asked = asked, out
		w.discover(t, p, code, args...)
		contains(t, strings.Join(asked.questions, " "), "smtp.elsewhere.example is not in acme.example")
	}
}

func TestDiscoverAsksForThePasswordOnATerminal(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.acme.example", submissionSRV)
	p, out, _ := pipes(nil)
	asked := &scripted{answers: []string{"correct-horse"}}
	p.ask, p.asked = asked, out
	w.discover(t, p, exitPassed, "jobs@acme.example", "-u", "jobs@acme.example")
	contains(t, out.String(), "the login too")
	p, _, errs := pipes(nil)
	w.discover(t, p, exitUsage, "jobs@acme.example", "-u", "jobs@acme.example")
	contains(t, errs.String(), "no password")
}

func TestDiscoverThatFindsNothingExitsWith4(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "other.example")
	path := filepath.Join(t.TempDir(), "found.yaml")
	p, out, errs := pipes(nil)
	w.discover(t, p, exitUnknown, "jobs@nothing.example", "--write", path)
	contains(t, out.String(), "NOTHING FOUND for nothing.example", "Ask whoever runs the mail")
	contains(t, errs.String(), "was not written")
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}

func TestDiscoverRefusesWhatIsNoAddressBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.acme.example")
	for name, args := range map[string][]string{
		"no domain":      {"hunter2secret"},
		"two":            {"a@acme.example, b@acme.example"},
		"literal":        {"a@[192.0.2.1]"},
		"format":         {"a@acme.example", "-o", "yaml"},
		"no account":     {"a@acme.example", "--password-stdin"},
		"empty variable": {"a@acme.example", "-u", "a", "--password-env", "NOT_SET"},
		"two passwords":  {"a@acme.example", "-u", "a", "--password-env", "A", "--password-stdin"},
		"not there":      {},
		"two arguments":  {"a@acme.example", "b@acme.example"},
	} {
		p, out, errs := pipes(nil)
		w.discover(t, p, exitUsage, args...)
		if out.Len() > 0 || strings.Contains(errs.String(), "hunter2secret") || errs.Len() == 0 {
			t.Errorf("%s: %s%s", name, out, errs)
		}
	}
	w.ca = filepath.Join(t.TempDir(), "nothing.pem")
	p, _, errs := pipes(nil)
	w.discover(t, p, exitUsage, "a@acme.example")
	contains(t, errs.String(), "--ca-file")
	if len(w.questions) > 0 {
		t.Errorf("somebody was asked: %v", w.questions)
	}
}

func TestInternationalDomainsAreShownAsWrittenAndAskedInASCII(t *testing.T) {
	t.Parallel()
	w := newDomain(t, "healthy", "smtp.xn--bcher-kva.example", "_submission._tcp.xn--bcher-kva.example. 60 IN SRV 0 1 PORT smtp.xn--bcher-kva.example.")
	p, out, _ := pipes(nil)
	w.discover(t, p, exitPassed, "anna@bücher.example")
	contains(t, out.String(), "anna@bücher.example", "smtp.xn--bcher-kva.example", "anna@xn--bcher-kva.example")
}

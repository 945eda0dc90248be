//go:build linux

package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/miekg/dns"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// notSeenByPeers are dialogues whose fault another client passes by, and why:
// it does not look for it, or goes on where we stop. Everything else that our
// check fails makes the other client fail as well.
var notSeenByPeers = map[string]string{
	"smtp-redirected":       "does not compare the banner with the host",
	"message-over-size":     "sends a message that is small enough",
	"message-one-recipient": "sends to the first recipient only",
	"auth-in-clear":         "sends the password in clear",
	"cert-name-mismatch":    "does not compare the name",
}

// strangeToPeers are dialogues that our check passes and another client does
// not, and why.
var strangeToPeers = map[string]string{
	"healthy-bare-codes":   "waits for a text behind the code",
	"healthy-bare-prompts": "waits for a text behind 334",
	"healthy-lower-case":   "wants capabilities in capitals",
	"healthy-utf8":         "has no SMTPUTF8",
}

// labRow is how a dialogue of the lab ended for another client.
type labRow struct {
	dialogue smtptest.Dialogue
	client   string
	exit     int
	says     string
}

// meetLab serves every dialogue of the lab and lets another client meet it:
// what our check says of it must not be the lab's own idea of the world.
func (w *world) meetLab(t *testing.T) {
	t.Helper()
	rows := map[string]labRow{}
	var mu sync.Mutex
	meet := func(t *testing.T, d smtptest.Dialogue) {
		t.Helper()
		row := meetDialogue(t, d)
		mu.Lock()
		defer mu.Unlock()
		rows[d.Name] = row
	}
	t.Run("served", func(t *testing.T) {
		for _, d := range smtptest.Catalogue() {
			if hasNames(d) {
				continue
			}
			t.Run(d.Name, func(t *testing.T) { t.Parallel(); meet(t, d) })
		}
	})
	t.Run("with-names", func(t *testing.T) { // resolv.conf is one for all
		for _, d := range smtptest.Catalogue() {
			if hasNames(d) {
				t.Run(d.Name, func(t *testing.T) { meet(t, d) })
			}
		}
	})
	printLab(os.Stdout, rows)
}

// hasNames tells whether a dialogue brings a name server of its own.
func hasNames(d smtptest.Dialogue) bool {
	return strings.Contains("\n"+d.Text, "\ndns\n")
}

func meetDialogue(t *testing.T, d smtptest.Dialogue) labRow {
	t.Helper()
	server, err := smtptest.Start(t.Context(), d, smtptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	if server.Resolver() != "" {
		setNameserver(t, netip.MustParseAddr("127.0.0.53"))
		forwardDNS(t, "127.0.0.53:53", server.Resolver())
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, server.CA(), 0o644); err != nil {
		t.Fatal(err)
	}
	program, args := labClient(d, server, ca)
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, err.Error())
	}
	// swaks waits for a silent handshake without end.
	p := runLimited(t, 30*time.Second, nil, "timeout", append([]string{"15", path}, args...)...)
	row := labRow{d, program, p.exit, strings.ReplaceAll(lastWords(program, p.out+"\n"+p.complaints), "\t", " ")}
	_, passedBy := notSeenByPeers[d.Name]
	passedBy = passedBy || d.Step == "delivery" || d.Step == "redirect" // swaks reads no mailbox
	_, strange := strangeToPeers[d.Name]
	switch fails := p.exit != 0; {
	case d.Verdict == "fail" && fails == passedBy, d.Verdict == "pass" && fails != strange:
		t.Errorf("our check: %s; %s ended with %d and %q\n%s %s\n%.3000s%.1000s", d.Verdict, program, p.exit, row.says, program, strings.Join(args, " "), p.out, p.complaints)
	}
	return row
}

// labClient is swaks, and what knows more where swaks does not.
func labClient(d smtptest.Dialogue, server *smtptest.Server, ca string) (program string, args []string) {
	s := d.Settings
	host, port := server.Host(), strconv.Itoa(server.Port())
	scram := strings.HasPrefix(s.Auth, "SCRAM") || strings.Contains(d.Text, "mechanisms: SCRAM")
	switch {
	case s.Token != "":
		scheme := "smtp"
		if s.Encryption == "ssl" {
			scheme = "smtps"
		}
		return "curl", []string{"--silent", "--show-error", "--verbose", "--max-time", "8", "--ssl-reqd", "--cacert", ca, "--user", s.Account + ":", "--oauth2-bearer", s.Token,
			"--request", "NOOP", fmt.Sprintf("%s://%s/client.acme.example", scheme, net.JoinHostPort(host, port))}
	case scram && s.Encryption == "starttls":
		mechanism := "SCRAM-SHA-256"
		if strings.Contains(d.Text, "mechanisms: SCRAM-SHA-1\n") || s.Auth == "SCRAM-SHA-1" {
			mechanism = "SCRAM-SHA-1"
		}
		return "gsasl", []string{"--smtp", "--verbose", "--connect=" + host + ":" + port, "--starttls", "--x509-ca-file=" + ca, "--mechanism=" + mechanism,
			"--authentication-id=" + s.Account, "--password=" + s.Password, "--no-cb"}
	}
	return "swaks", labSwaks(d, host, port, ca)
}

func labSwaks(d smtptest.Dialogue, host, port, ca string) []string {
	s := d.Settings
	helo, from := s.Helo, s.Account
	if helo == "" {
		helo = "[127.0.0.1]"
	}
	if len(s.From) > 0 {
		from = s.From[0]
	}
	to := from
	if len(s.To) > 0 {
		to = s.To[0]
	}
	args := []string{"--server", host, "--port", port, "--helo", helo, "--timeout", "5", "--tls-verify", "--tls-ca-path", ca}
	if d.Step != "message" { // only there a message is what the server refuses
		args = append(args, "--quit-after", "RCPT")
	}
	switch s.Encryption {
	case "ssl":
		args = append(args, "--tlsc")
	case "starttls":
		args = append(args, "--tls")
	}
	if s.Account != "" {
		mechanism := s.Auth
		if mechanism == "" {
			mechanism = "PLAIN,LOGIN"
		}
		args = append(args, "--auth", mechanism, "--auth-user", s.Account, "--auth-password", s.Password)
	}
	return append(args, "--from", from, "--to", to)
}

// forwardDNS hands questions on to a name server on another port: programs
// look for theirs at port 53 only.
func forwardDNS(t *testing.T, at, to string) {
	t.Helper()
	packets, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if answer, err := dns.ExchangeContext(ctx, question, to); err == nil {
			_ = w.WriteMsg(answer)
		}
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = packets.Close()
		<-ended
	})
}

func printLab(out io.Writer, rows map[string]labRow) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nTHE LAB\ndialogue\tour check\texit\tclient\texit\tlast words\twhy they differ")
	for _, d := range smtptest.Catalogue() {
		row, there := rows[d.Name]
		if !there {
			fmt.Fprintf(table, "%s\t%s\t%d\tnot met\n", d.Name, labWords(d), d.ExitCode)
			continue
		}
		why := notSeenByPeers[d.Name] + strangeToPeers[d.Name]
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\t%.70s\t%s\n", d.Name, labWords(d), d.ExitCode, row.client, row.exit, row.says, why)
	}
	_ = table.Flush()
}

func labWords(d smtptest.Dialogue) string {
	return strings.Join(slices.DeleteFunc([]string{d.Verdict, d.Step, d.Cause}, func(s string) bool { return s == "" }), " ")
}

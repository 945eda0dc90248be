//go:build linux

package main_test

import (
	"encoding/base64"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// peer is another client that meets the same case, with what it must come to:
// that is the proof that the server really does what the case says.
type peer struct {
	program string
	exit    int
	says    string // stands in the last line that says anything of the server
}

func swaks(exit int, says string) peer   { return peer{"swaks", exit, says} }
func gsasl(exit int, says string) peer   { return peer{"gsasl", exit, says} }   // for SCRAM
func curl(exit int, says string) peer    { return peer{"curl", exit, says} }    // for tokens and proxies
func openssl(exit int, says string) peer { return peer{"openssl", exit, says} } // for SCRAM within TLS

// askPeer runs the other client and compares.
func (w *world) askPeer(t *testing.T, c interopCase) peer {
	t.Helper()
	w.canRun(t, c)
	path, err := exec.LookPath(c.peer.program)
	if err != nil {
		missing(t, err.Error())
	}
	arguments := map[string]func(interopCase) []string{"swaks": w.swaksArguments, "gsasl": w.gsaslArguments, "curl": w.curlArguments, "openssl": w.opensslArguments}
	args := arguments[c.peer.program](c)
	if c.peer.program == "openssl" {
		path, args = "/bin/sh", append([]string{"-c", w.opensslInput(c) + ` | exec openssl "$@"`, "openssl"}, args...)
	}
	p := runLimited(t, 20*time.Second, nil, path, args...)
	got := peer{c.peer.program, p.exit, lastWords(c.peer.program, p.out+"\n"+p.complaints)}
	if p.exit != c.peer.exit || !strings.Contains(got.says, c.peer.says) {
		t.Errorf("ended with %d and %q, expected %d and %q\n%s %s\n%s%s", p.exit, got.says, c.peer.exit, c.peer.says,
			c.peer.program, strings.Join(args, " "), p.out, p.complaints)
	}
	return got
}

// lastWords is the last line that the server said, goodbyes aside, and after it
// the client's own last complaint.
func lastWords(program, text string) string {
	server, complaint := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		said, isServer := serverLine(program, line)
		switch {
		case isServer && !strings.HasPrefix(said, "221"):
			server = said
		case strings.HasPrefix(line, "*** "), strings.HasPrefix(line, "curl: "), strings.HasPrefix(line, "/usr/bin/gsasl: "):
			complaint = line
		}
	}
	return strings.TrimSpace(server + " " + complaint)
}

var replyLine = regexp.MustCompile(`^[2-5][0-9][0-9][ -]`)

// serverLine tells whether a client prints a line as the server's, and which.
func serverLine(program, line string) (said string, ok bool) {
	switch program {
	case "swaks":
		if len(line) > 4 && line[0] == '<' && strings.ContainsAny(line[1:2], "-~*") {
			return strings.TrimSpace(line[3:]), true
		}
		return "", false
	case "curl":
		return strings.CutPrefix(line, "< ")
	case "openssl": // gives the login up, to which the server has words, too
		return line, strings.HasPrefix(line, "334 ")
	}
	return line, replyLine.MatchString(line)
}

func (w *world) swaksArguments(c interopCase) []string {
	host, port, _ := net.SplitHostPort(c.target)
	args := []string{"--server", host, "--port", port, "--helo", "client.acme.example", "--timeout", "4", "--quit-after", "RCPT", "--tls-verify", "--tls-ca-path", caFile}
	switch {
	case c.encryption == "ssl" || c.encryption == "" && port == "465":
		args = append(args, "--tlsc")
	case c.encryption == "starttls" || c.encryption == "":
		args = append(args, "--tls")
	}
	from, to := c.from, c.to
	if from == "" {
		from = c.account
	}
	if to == "" {
		to = from
	}
	args = append(args, "--from", from, "--to", to)
	if c.account != "" {
		mechanism := c.auth
		if mechanism == "" {
			mechanism = "PLAIN"
		}
		args = append(args, "--auth", mechanism, "--auth-user", c.account, "--auth-password", c.password)
	}
	if i := slices.Index(c.more, "--helo"); i >= 0 {
		args = append(args, c.more[i:i+2]...)
	}
	return args
}

func (w *world) gsaslArguments(c interopCase) []string {
	host, port, _ := net.SplitHostPort(c.target)
	return []string{"--smtp", "--verbose", "--connect=" + host + ":" + port, "--starttls", "--x509-ca-file=" + caFile, "--mechanism=" + c.auth,
		"--authentication-id=" + c.account, "--password=" + c.password, "--no-cb"}
}

func (w *world) curlArguments(c interopCase) []string {
	scheme := "smtp"
	if c.encryption == "ssl" {
		scheme = "smtps"
	}
	args := []string{"--silent", "--show-error", "--verbose", "--max-time", "10", "--ssl-reqd", "--cacert", caFile, "--request", "NOOP"}
	if c.account != "" {
		args = append(args, "--user", c.account+":"+c.password)
	}
	if c.token != "" {
		mechanism := c.auth
		if mechanism == "" {
			mechanism = "OAUTHBEARER"
		}
		args = append(args, "--oauth2-bearer", w.tokenOf(c), "--login-options", "AUTH="+mechanism)
	}
	if slices.Contains(c.more, "-6") {
		args = append(args, "-6")
	}
	if c.proxy != "" {
		proxy := strings.Replace(strings.Replace(c.proxy, "socks5+local://", "socks5://", 1), "socks5://", "socks5h://", 1)
		args = append(args, "--proxy", proxy, "--proxytunnel")
	}
	return append(args, fmt.Sprintf("%s://%s/client.acme.example", scheme, c.target))
}

func (w *world) opensslArguments(c interopCase) []string {
	return []string{"s_client", "-connect", c.target, "-quiet", "-ign_eof", "-verify_return_error", "-CAfile", caFile}
}

// opensslInput begins a SCRAM login and gives it up.
func (w *world) opensslInput(c interopCase) string {
	first := base64.StdEncoding.EncodeToString([]byte("n,,n=" + c.account + ",r=rOprNGfwEbeRWgbNEkqO"))
	return fmt.Sprintf(`for line in 'EHLO client.acme.example' 'AUTH %s %s' '*' QUIT; do sleep 0.3; printf '%%s\r\n' "$line"; done`, c.auth, first)
}

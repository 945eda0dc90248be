//go:build linux

package main_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// world is the machine inside the namespaces.
type world struct {
	binary  func() (string, error)
	running map[string]bool // by name of the server
	token   string          // one of 3,000 characters that Dovecot accepts for jobs@acme.example
	forged  string          // the same signed with another key
	log     string          // Postfix's
}

// servers are started in this order. A case names those it needs.
var servers = []struct {
	name    string
	program string
	args    []string
	listens []string
}{
	{"dovecot", "dovecot", []string{"-F", "-c", root + "/etc/dovecot/dovecot.conf"}, []string{"192.0.2.21:587"}},
	{"postfix", "postfix", []string{"-c", root + "/etc/postfix", "start-fg"}, []string{"192.0.2.11:587", "[2001:db8::11]:465", "192.0.2.27:587"}},
	{"mailpit", "mailpit", []string{"--disable-version-check", "--verbose", "--smtp-disable-rdns", "--smtp", "192.0.2.22:587", "--listen", "192.0.2.22:8025",
		"--smtp-tls-cert", root + "/pki/good.pem", "--smtp-tls-key", root + "/pki/good.pem", "--smtp-auth-file", root + "/etc/mailpit/users",
		"--pop3", "192.0.2.22:1110", "--pop3-auth-file", root + "/etc/mailpit/users",
		"--database", root + "/run/mailpit-login.db"}, []string{"192.0.2.22:587", "192.0.2.22:8025", "192.0.2.22:1110"}},
	{"mailpit-open", "mailpit", []string{"--disable-version-check", "--verbose", "--smtp-disable-rdns", "--smtp", "192.0.2.22:1025", "--listen", "192.0.2.22:8026",
		"--database", root + "/run/mailpit-open.db"}, []string{"192.0.2.22:1025", "192.0.2.22:8026"}},
	{"dante", "danted", []string{"-f", root + "/etc/proxy/danted.conf", "-p", root + "/run/danted.pid"}, []string{"192.0.2.30:1080"}},
	{"microsocks", "microsocks", []string{"-i", "192.0.2.30", "-p", "1081", "-u", proxyUser, "-P", proxyPassword}, []string{"192.0.2.30:1081"}},
	{"tinyproxy", "tinyproxy", []string{"-d", "-c", root + "/etc/proxy/tinyproxy.conf"}, []string{"192.0.2.30:8888"}},
	{"tinyproxy-login", "tinyproxy", []string{"-d", "-c", root + "/etc/proxy/tinyproxy-login.conf"}, []string{"192.0.2.30:8889"}},
}

const proxyUser, proxyPassword = "mallory", "letmein"

func newWorld(t *testing.T) *world {
	t.Helper()
	findServers(t)
	for _, tool := range []string{"ip", "nft", "ss"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, err.Error())
		}
	}
	binary := sync.OnceValues(func() (string, error) { return buildBinary(filepath.Join(root, "run/smtpdx")) })
	mountRoot(t)
	raiseNetwork(t)
	makeCertificates(t)
	startNameServers(t)
	w := &world{binary: binary, running: map[string]bool{}, log: root + "/log/postfix.log"}
	w.makeTokens(t)
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t)
		}
	})
	for _, s := range servers {
		path, err := exec.LookPath(s.program)
		if err != nil {
			if required() {
				t.Fatalf("%s is missing: %v", s.name, err)
			}
			t.Logf("%s is missing, its cases are skipped: %v", s.name, err)
			continue
		}
		start(t, s.name, path, s.args)
		for _, address := range s.listens {
			waitFor(t, s.name, address)
		}
		w.running[s.name] = true
	}
	return w
}

// findServers adds the folders where servers are to PATH.
func findServers(t *testing.T) {
	t.Helper()
	tools := os.Getenv("SMTPDX_TOOLS")
	if tools == "" {
		tools = filepath.Join(os.Getenv("HOME"), ".cache/smtpdx-ci/bin")
	}
	t.Setenv("PATH", strings.Join([]string{os.Getenv("PATH"), tools, "/usr/sbin", "/sbin"}, ":"))
}

// buildBinary builds the program as it is released.
func buildBinary(path string) (string, error) {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// start runs a server in the foreground until the test ends.
func start(t *testing.T, name, path string, args []string) {
	t.Helper()
	out, err := os.Create(filepath.Join(root, "log", name+".out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + root + "/home", "LC_ALL=C.UTF-8"}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(3 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
}

// waitFor waits until a server listens. It looks without connecting, since every
// connection stands in the server's log.
func waitFor(t *testing.T, name, address string) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command("ss", "-Hltn", "src", address).Output()
		if err != nil {
			t.Fatalf("ss: %v", err)
		}
		if len(out) > 0 {
			return
		}
	}
	t.Fatalf("%s does not listen at %s", name, address)
}

// showLogs prints the end of every server's log.
func showLogs(t *testing.T) {
	t.Helper()
	paths, _ := filepath.Glob(root + "/log/*")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil || len(text) == 0 {
			continue
		}
		const most = 2500
		text = text[max(0, len(text)-most):]
		t.Logf("the end of %s:\n%s", path, text)
	}
}

// makeTokens makes a JSON web token (RFC 7519, HS256) as a login service would
// give, of exactly 3,000 characters, and Dovecot's key for it.
func (w *world) makeTokens(t *testing.T) {
	t.Helper()
	key, other := make([]byte, 32), make([]byte, 32)
	_, _ = rand.Read(key)
	_, _ = rand.Read(other)
	path := root + "/dovecot/keys/default/HS256/default"
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)), 0o644); err != nil {
		t.Fatal(err)
	}
	w.token, w.forged = webToken(t, key), webToken(t, other)
}

func webToken(t *testing.T, key []byte) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	for padding := 1500; padding < 2500; padding++ {
		claims := fmt.Sprintf(`{"sub":"jobs","email":%q,"iss":"https://login.acme.example","iat":%d,"exp":%d,"scp":"SMTP.Send","pad":%q}`,
			jobs, time.Now().Unix()-60, time.Now().Unix()+3600, bytes.Repeat([]byte{'x'}, padding))
		signed := encode([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + encode([]byte(claims))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(signed))
		if token := signed + "." + encode(mac.Sum(nil)); len(token) == 3000 {
			return token
		}
	}
	t.Fatal("no padding gives 3000 characters")
	return ""
}

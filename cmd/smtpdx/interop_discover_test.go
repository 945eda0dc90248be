//go:build linux

package main_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// discoverResolver is the name server of discover.zone.
const discoverResolver = "127.0.0.1:5354"

// discoverHosts are the hosts of discover.zone that speak TLS: Postfix, and the web server.
var (
	discoverHosts = []string{"smtp.srv.test", "smtp.published.test", "smtp.hosting.test", "smtp.office365.com", "smtp.guess.test", "smtp.conflict.test"}
	discoverWeb   = []string{"autoconfig.published.test", "autoconfig.hosting.test", "autoconfig.conflict.test"}
)

// discovers finds the settings of domains that publish them in different
// ways, and checks the profile that was written with a login at Postfix.
func (w *world) discovers(t *testing.T) {
	t.Helper()
	w.canRun(t, interopCase{})
	serveNSD(t, discoverResolver, "discover.zone")
	asked := serveAutoconfig(t, map[string]string{
		"autoconfig.published.test": "smtp.published.test 587 STARTTLS",
		"autoconfig.hosting.test":   "smtp.hosting.test 465 SSL",
		"autoconfig.conflict.test":  "smtp.conflict.test 465 SSL",
	})
	for _, c := range []struct {
		name, domain string
		server       string // the best candidate, "" for none
		source       string // that names it
		finding      string
	}{
		{"SRV only", "srv.test", "smtp.srv.test:465 ssl", "srv-submissions", ""},
		{"autoconfig only", "published.test", "smtp.published.test:587 starttls", "autoconfig", ""},
		{"autoconfig at the MX", "customer.test", "smtp.hosting.test:465 ssl", "autoconfig-mx", "discovery-outside-domain"},
		{"MX only", "mxonly.test", "smtp.office365.com:587 starttls", "mx", "discovery-outside-domain"},
		{"filtered MX", "filtered.test", "smtp.office365.com:587 starttls", "autodiscover-dns", "discovery-filtered-mx"},
		{"guess only", "guess.test", "smtp.guess.test:465 ssl", "guess", ""},
		{"conflict", "conflict.test", "smtp.office365.com:587 starttls", "mx", "discovery-mx-elsewhere"},
		{"null MX", "nullmx.test", "", "", "discovery-null-mx"},
		{"nothing", "nothing.test", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := "anna@" + c.domain
			file := filepath.Join(root, "home", c.domain+".yaml")
			want := 0
			if c.server == "" {
				want = 4
			}
			p := w.smtpdx(t, 20*time.Second, nil, "discover", address, "--resolver", discoverResolver, "--ca-file", caFile, "--write", file, "-o", "json")
			var d foundDocument
			if err := json.Unmarshal([]byte(p.out), &d); err != nil || p.exit != want {
				t.Fatalf("exit code %d, expected %d; %v\n%s%s", p.exit, want, err, p.out, p.complaints)
			}
			t.Logf("%s in %v", p.complaints, p.took.Round(time.Millisecond))
			if c.finding != "" && !strings.Contains(p.out, `"cause": "`+c.finding+`"`) {
				t.Errorf("no finding %s\n%s", c.finding, p.out)
			}
			d.compare(t, c.server, c.source)
			if c.server == "" {
				if _, err := os.Stat(file); err == nil {
					t.Error("a profile was written")
				}
				return
			}
			w.checksFound(t, file)
			w.checksAddress(t, address, c.server, d.Candidates[0].OutsideDomain)
		})
	}
	asked.sawNoAddress(t)
}

// foundDocument is what is read of smtpdx.discovery/v1.
type foundDocument struct {
	Candidates []struct {
		Host       string   `json:"host"`
		Port       int      `json:"port"`
		Encryption string   `json:"encryption"`
		Sources    []string `json:"sources"`
		Verified   *bool    `json:"verified"`
		Why        string   `json:"why"`

		OutsideDomain bool `json:"outside_domain"`
	} `json:"candidates"`
}

func (d foundDocument) compare(t *testing.T, server, source string) {
	t.Helper()
	if len(d.Candidates) == 0 {
		if server != "" {
			t.Error("no candidate")
		}
		return
	}
	best := d.Candidates[0]
	if got := fmt.Sprintf("%s:%d %s", best.Host, best.Port, best.Encryption); got != server || !slices.Contains(best.Sources, source) {
		t.Errorf("the best is %s of %v, expected %s of %s", got, best.Sources, server, source)
	}
	if best.Verified == nil || !*best.Verified {
		t.Errorf("the best was not verified: %s", best.Why)
	}
}

// checksFound checks the profile that discover wrote, login and sender too.
func (w *world) checksFound(t *testing.T, file string) {
	t.Helper()
	p := w.smtpdx(t, 20*time.Second, []string{"INTEROP_RIGHT=" + right}, "check", "-c", file, "--password-env", "INTEROP_RIGHT", "--no-input", "-o", "json")
	var d document
	if err := json.Unmarshal([]byte(p.out), &d); err != nil || len(d.Results) != 1 {
		t.Fatalf("no report: %v\n%s%s", err, p.out, p.complaints)
	}
	if p.exit != 0 {
		text, _ := os.ReadFile(file)
		t.Errorf("exit code %d\n%s\n%s%s", p.exit, text, listed(d.Results[0]), p.complaints)
	}
}

// checksAddress gives check the address itself. A server outside the domain
// gets the password only with --yes.
func (w *world) checksAddress(t *testing.T, address, server string, outside bool) {
	t.Helper()
	args := []string{"check", address, "--resolver", discoverResolver, "--ca-file", caFile, "--password-env", "INTEROP_RIGHT", "--no-input"}
	env := []string{"INTEROP_RIGHT=" + right}
	if outside {
		if p := w.smtpdx(t, 20*time.Second, env, args...); p.exit != 2 || !strings.Contains(p.complaints, "--yes") {
			t.Errorf("without --yes: exit code %d\n%s%s", p.exit, p.out, p.complaints)
		}
	}
	p := w.smtpdx(t, 20*time.Second, env, append(args, "--yes")...)
	hostPort, _, _ := strings.Cut(server, " ")
	if p.exit != 0 || !strings.Contains(p.out, hostPort) || !strings.Contains(p.out, address) {
		t.Errorf("exit code %d\n%s%s", p.exit, p.out, p.complaints)
	}
}

// webLog is what a web server was asked.
type webLog struct {
	mu       sync.Mutex
	requests []string
}

func (l *webLog) sawNoAddress(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.requests) == 0 {
		t.Error("the web server was not asked")
	}
	for _, request := range l.requests {
		if strings.Contains(request, "anna") || strings.Contains(request, "@") {
			t.Errorf("more than the domain was told: %s", request)
		}
	}
}

// serveAutoconfig serves autoconfig documents over https, by host: "HOST PORT SOCKET".
func serveAutoconfig(t *testing.T, servers map[string]string) *webLog {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(root+"/pki/web.pem", root+"/pki/web.pem")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "192.0.2.80:443")
	if err != nil {
		t.Fatal(err)
	}
	asked := &webLog{}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		asked.mu.Lock()
		asked.requests = append(asked.requests, r.Host+r.URL.String())
		asked.mu.Unlock()
		f := strings.Fields(servers[r.Host])
		if len(f) != 3 || r.URL.Path != "/mail/config-v1.1.xml" {
			http.NotFound(out, r)
			return
		}
		fmt.Fprintf(out, `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="test"><outgoingServer type="smtp"><hostname>%s</hostname><port>%s</port>`+
			`<socketType>%s</socketType><username>%%EMAILADDRESS%%</username></outgoingServer></emailProvider></clientConfig>`, f[0], f[1], f[2])
	})}
	ended := make(chan error, 1)
	go func() {
		ended <- server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}}))
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return asked
}

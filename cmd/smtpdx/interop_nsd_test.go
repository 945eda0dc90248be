//go:build linux

package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// rootZone goes before a zone file, so that one zone holds all of its names.
const rootZone = `$TTL 60
. IN SOA ns. hostmaster. 1 3600 600 86400 60
. IN NS ns.
ns. IN A 127.0.0.1
`

// serveNSD serves a zone file by NSD, a name server that shares no code with
// this program.
func serveNSD(t *testing.T, address, zone string) {
	t.Helper()
	path, err := exec.LookPath("nsd")
	if err != nil {
		missing(t, err.Error())
	}
	text, err := os.ReadFile(filepath.Join(root, "etc", zone))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	host, port, _ := net.SplitHostPort(address)
	conf := fmt.Sprintf("server:\n  ip-address: %s@%s\n  username: \"\"\n  chroot: \"\"\n  zonesdir: %q\n  pidfile: %q\n  xfrdfile: %q\n  zonelistfile: %q\n  xfrdir: %q\n  logfile: %q\n"+
		"remote-control:\n  control-enable: no\nzone:\n  name: \".\"\n  zonefile: all.zone\n",
		host, port, dir, dir+"/nsd.pid", dir+"/xfrd.state", dir+"/zone.list", dir, dir+"/nsd.log")
	for name, text := range map[string]string{"nsd.conf": conf, "all.zone": rootZone + string(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-d", "-c", filepath.Join(dir, "nsd.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	question := new(dns.Msg).SetQuestion("ns.", dns.TypeA)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if answer, err := dns.Exchange(question, address); err == nil && len(answer.Answer) == 1 {
			return
		}
	}
	log, _ := os.ReadFile(dir + "/nsd.log")
	t.Fatalf("NSD does not answer\n%s", log)
}

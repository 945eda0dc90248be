//go:build linux

package main_test

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// root is a file system in memory that only the namespaces see; the servers'
// configuration names it.
const root = "/srv"

// networkSetup makes all of 192.0.2.0/24 ours, with the client at 192.0.2.200,
// and two addresses of 2001:db8::/32 (for documentation: RFC 5737, RFC 3849).
var networkSetup = []string{
	"link set lo up",
	"addr add 192.0.2.200/32 dev lo",
	"route add local 192.0.2.0/24 dev lo src 192.0.2.200",
	"addr add 2001:db8::11/128 dev lo nodad",
	"addr add 2001:db8::66/128 dev lo nodad",
}

// mountRoot gives the namespaces a file system, process list, resolver
// configuration and hosts file of their own.
func mountRoot(t *testing.T) {
	t.Helper()
	mount := func(source, target, kind string, flags uintptr, data string) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, flags, data); err != nil {
			t.Fatalf("mount %s on %s: %v", source, target, err)
		}
	}
	mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	mount("proc", "/proc", "proc", 0, "")
	mount("tmpfs", root, "tmpfs", 0, "mode=755,size=256m")
	for _, dir := range []string{"etc", "pki", "log", "run", "home", "postfix/queue", "postfix/data", "dovecot/run", "dovecot/state", "dovecot/mail", "dovecot/keys/default/HS256"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Postfix's master gives up root before it opens its lock there.
	run(t, "chown", "postfix", filepath.Join(root, "postfix/data"))
	if err := os.CopyFS(filepath.Join(root, "etc"), os.DirFS("testdata/interop")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"resolv.conf", "hosts"} {
		mount(filepath.Join(root, "etc", name), "/etc/"+name, "", syscall.MS_BIND, "")
	}
}

// raiseNetwork sets loopback up with the addresses that the zone names, and
// drops what comes for some of them.
func raiseNetwork(t *testing.T) {
	t.Helper()
	for _, line := range networkSetup {
		run(t, "ip", strings.Fields(line)...)
	}
	run(t, "nft", "-f", filepath.Join(root, "etc/blackhole.nft"))
}

// run runs a command that must succeed.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// setNameserver writes resolv.conf, and puts it back after the test.
func setNameserver(t *testing.T, address netip.Addr) {
	t.Helper()
	path := filepath.Join(root, "etc/resolv.conf")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rewrite(t, path, string(before)) })
	rewrite(t, path, "nameserver "+address.String()+"\noptions timeout:2 attempts:1\n")
}

// rewrite changes a file in place: another file would not be the one that is mounted.
func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
}

// nameServer answers from a zone file; everything else does not exist, but for
// broken.acme.example, for which it fails.
type nameServer map[string][]dns.RR

func startNameServers(t *testing.T) {
	t.Helper()
	common := readZone(t, "example.zone")
	serveDNS(t, "127.0.0.1:53", common)
	serveDNS(t, "127.0.0.1:5353", readZone(t, "elsewhere.zone"))
}

func readZone(t *testing.T, name string) nameServer {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "etc", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zone := nameServer{}
	parser := dns.NewZoneParser(file, "", name)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		zone[rr.Header().Name] = append(zone[rr.Header().Name], rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	return zone
}

func serveDNS(t *testing.T, address string, zone nameServer) {
	t.Helper()
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: zone}, {Listener: listener, Handler: zone}} {
		ended := make(chan error, 1)
		go func() { ended <- server.ActivateAndServe() }()
		t.Cleanup(func() {
			_ = server.Shutdown()
			<-ended
		})
	}
}

// ServeDNS answers one question.
func (z nameServer) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(query)
	reply.Authoritative, reply.RecursionAvailable = true, true
	z.answer(reply, strings.ToLower(query.Question[0].Name), query.Question[0].Qtype)
	_ = w.WriteMsg(reply)
}

func (z nameServer) answer(reply *dns.Msg, name string, kind uint16) {
	if name == "broken.acme.example." {
		reply.Rcode = dns.RcodeServerFailure
		return
	}
	records, exists := z[name]
	for _, rr := range records {
		switch rr := rr.(type) {
		case *dns.CNAME:
			reply.Answer = append(reply.Answer, rr)
			if kind != dns.TypeCNAME {
				z.answer(reply, rr.Target, kind)
			}
			return
		default:
			if rr.Header().Rrtype == kind {
				reply.Answer = append(reply.Answer, rr)
			}
		}
	}
	if !exists {
		reply.Rcode = dns.RcodeNameError
	}
	if len(reply.Answer) == 0 {
		reply.Ns = z["acme.example."][:1] // the SOA, the first record of the file
	}
}

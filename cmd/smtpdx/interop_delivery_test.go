//go:build linux

package main_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// deliveryDir holds what the delivery tests' servers write; their
// configuration is testdata/interop/delivery.
const deliveryDir = root + "/delivery"

// deliveryHosts are the hosts of delivery.zone that speak TLS.
var deliveryHosts = []string{"smtp.sender.example", "imap.sender.example", "mx.company.example", "mx-srs.company.example", "mx.app.example", "imap.app.example", "mailpit.app.example"}

// deliveryServers are started in this order: a sender's provider, a company
// that redirects, the application's MX, and everybody's mailboxes.
var deliveryServers = []struct {
	name, program string
	args          []string
	listens       []string
}{
	{"mailman", "setpriv", []string{"--reuid", "list", "--regid", "list", "--clear-groups", "/usr/lib/mailman3/bin/master", "-C", root + "/etc/delivery/mailman.cfg"}, nil}, // takes its time: awaited where it is needed
	{"dovecot", "dovecot", []string{"-F", "-c", root + "/etc/delivery/dovecot.conf"}, []string{"192.0.2.56:24", "192.0.2.56:993"}},
	{"opendkim-sender", "opendkim", []string{"-f", "-x", root + "/etc/delivery/opendkim/sender.conf"}, []string{"127.0.0.1:8891"}},
	{"opendkim-company", "opendkim", []string{"-f", "-x", root + "/etc/delivery/opendkim/company.conf"}, []string{"127.0.0.1:8892"}},
	{"opendkim-app", "opendkim", []string{"-f", "-x", root + "/etc/delivery/opendkim/app.conf"}, []string{"127.0.0.1:8893"}},
	{"opendmarc", "opendmarc", []string{"-f", "-c", root + "/etc/delivery/opendmarc.conf"}, []string{"127.0.0.1:8894"}},
	{"postsrsd", "postsrsd", []string{"-4", "-d", "srs.company.example", "-s", deliveryDir + "/srs.secret"}, []string{"127.0.0.1:10001", "127.0.0.1:10002"}},
	{"postfix-sender", "postfix", []string{"-c", root + "/etc/delivery/sender", "start-fg"}, []string{"192.0.2.51:587"}},
	{"postfix-company", "postfix", []string{"-c", root + "/etc/delivery/company", "start-fg"}, []string{"192.0.2.52:25", "127.0.0.1:2552"}},
	{"postfix-app", "postfix", []string{"-c", root + "/etc/delivery/app", "start-fg"}, []string{"192.0.2.55:25"}},
}

// delivery is the world with three mail systems in it.
type delivery struct {
	*world
}

// delivers follows messages through three mail systems into mailboxes.
func (w *world) delivers(t *testing.T) {
	d := w.startDelivery(t)
	d.startMailpit(t)
	t.Run("sends-only-when-told", d.sendsOnlyWhenTold)
	t.Run("page", d.showsMessage)
	t.Run("real-messages", d.makesRealMessages)
	t.Run("follows", d.follows)
}

// startDelivery starts the three mail systems for one test.
func (w *world) startDelivery(t *testing.T) *delivery {
	t.Helper()
	w.canRun(t, interopCase{})
	for _, tool := range []string{"formail", "altermime", "mutt", "script", "dkimverify", "opendkim-genkey", "policyd-spf"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, err.Error())
		}
	}
	prepareDelivery(t)
	serveNSD(t, "127.0.0.54:53", "delivery/all.zone")
	setNameserver(t, netip.MustParseAddr("127.0.0.54"))
	for _, s := range deliveryServers {
		path, err := exec.LookPath(s.program)
		if err != nil {
			missing(t, err.Error())
		}
		start(t, "delivery-"+s.name, path, s.args)
	}
	for _, s := range deliveryServers {
		for _, address := range s.listens {
			waitFor(t, s.name, address)
		}
	}
	return &delivery{w}
}

// prepareDelivery makes folders, keys, lists and what is put together of files.
func prepareDelivery(t *testing.T) {
	t.Helper()
	for dir, owner := range map[string]string{"dovecot/run": "root", "dovecot/state": "root", "mail": "dovecot", "keys": "root", "mailman": "list", "mutt": "root"} {
		path := filepath.Join(deliveryDir, dir)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		run(t, "chown", owner, path)
	}
	etc := root + "/etc/delivery"
	common, services := readFile(t, etc+"/common.cf"), readFile(t, etc+"/services.cf")
	for _, name := range []string{"sender", "company", "app"} {
		for _, dir := range []string{"queue", "data"} {
			if err := os.MkdirAll(filepath.Join(deliveryDir, name, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		run(t, "chown", "postfix", filepath.Join(deliveryDir, name, "data"))
		rewrite(t, etc+"/"+name+"/main.cf", common+readFile(t, etc+"/"+name+"/main.cf"))
		rewrite(t, etc+"/"+name+"/master.cf", readFile(t, etc+"/"+name+"/master.cf")+services)
	}
	rewrite(t, deliveryDir+"/srs.secret", "the test's own\n")
	rewrite(t, etc+"/all.zone", readFile(t, etc+"/delivery.zone")+makeKeys(t))
	// What a pipe hands to sendmail without saying to which Postfix.
	run(t, "mount", "--bind", etc+"/company/main.cf", "/etc/postfix/main.cf")
	run(t, "chmod", "1777", root+"/run")
	for _, script := range globbed(t, etc+"/sieve/*.sieve") {
		run(t, "sievec", "-c", etc+"/dovecot.conf", script)
	}
	run(t, "setpriv", "--reuid", "list", "--regid", "list", "--clear-groups", "/usr/bin/python3", etc+"/lists.py")
}

// makeKeys makes the DKIM keys of both signing domains and of the lists (for
// ARC), and gives their records.
func makeKeys(t *testing.T) string {
	t.Helper()
	var records strings.Builder
	for _, key := range []struct{ selector, domain string }{{"mail", "sender.example"}, {"jobs", "company.example"}, {"list", "company.example"}} {
		run(t, "opendkim-genkey", "-a", "-b", "2048", "-d", key.domain, "-s", key.selector, "-D", deliveryDir+"/keys")
		records.WriteString(readFile(t, deliveryDir+"/keys/"+key.selector+".txt"))
	}
	list := deliveryDir + "/mailman/list.private"
	rewrite(t, list, readFile(t, deliveryDir+"/keys/list.private"))
	run(t, "chown", "list", list)
	return records.String()
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files are %s (%v)", len(paths), pattern, err)
	}
	return paths
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// submit has swaks send a message of a candidate, with a plain and an HTML part.
func (d *delivery) submit(t *testing.T, from, to, token string) {
	t.Helper()
	name, _, _ := strings.Cut(from, "@")
	args := []string{"--server", "smtp.sender.example", "--port", "587", "--helo", "laptop.sender.example", "--tls",
		"--auth", "PLAIN", "--auth-user", from, "--auth-password", name + "-4711", "--from", from, "--to", to,
		"--header", "From: Carla Candidate <" + from + ">", "--header", "Subject: Application as a welder " + token, "--header", "Message-Id: <" + token + "@laptop.sender.example>",
		"--attach-type", "text/plain", "--attach-body", "Dear Sir or Madam,\n\nI apply for the job. Reference " + token + ".\n\nCarla Candidate\n",
		"--attach-type", "text/html", "--attach-body", "<p>Dear Sir or Madam,</p><p>I apply for the job. Reference " + token + ".</p><p>Carla Candidate</p>\n"}
	p := runLimited(t, 20*time.Second, nil, "/usr/bin/swaks", args...)
	if p.exit != 0 {
		t.Fatalf("swaks to %s ended with %d\n%s%s", to, p.exit, p.out, p.complaints)
	}
}

// arrived waits for messages with a token in a mailbox and gives their files.
func (d *delivery) arrived(t *testing.T, mailbox, token string, count int) []string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if found := inMailbox(mailbox, token); len(found) >= count {
			return found
		}
	}
	t.Errorf("%s did not get %d messages with %s", mailbox, count, token)
	return inMailbox(mailbox, token)
}

// inMailbox gives the files of a mailbox, in any folder, that contain a word.
func inMailbox(mailbox, token string) []string {
	local, domain, _ := strings.Cut(mailbox, "@")
	var found []string
	for _, pattern := range []string{"new/*", "cur/*", ".*/new/*", ".*/cur/*"} {
		paths, _ := filepath.Glob(filepath.Join(deliveryDir, "mail", domain, local, "Maildir", pattern))
		for _, path := range paths {
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), token) {
				found = append(found, path)
			}
		}
	}
	slices.Sort(found)
	return found
}

// byHand is what a person at the company does in a mailbox, with mutt.
type byHand struct {
	keys     string
	settings []string
}

// does has the person press the keys, once a message with a word is there.
func (d *delivery) does(t *testing.T, hand *byHand, mailbox, word string) {
	t.Helper()
	if len(d.arrived(t, mailbox, word, 1)) == 0 {
		return
	}
	local, domain, _ := strings.Cut(mailbox, "@")
	rc := filepath.Join(deliveryDir, "mutt", local+".rc")
	rewrite(t, rc, readFile(t, root+"/etc/delivery/muttrc")+strings.Join(hand.settings, "\n")+"\npush '"+hand.keys+"'\n")
	folder := filepath.Join(deliveryDir, "mail", domain, local, "Maildir")
	p := runLimited(t, 20*time.Second, []string{"TERM=xterm"}, "/usr/bin/script", "-qec", "mutt -n -F "+rc+" -f "+folder, "/dev/null")
	if p.exit != 0 {
		t.Errorf("mutt ended with %d\n%s", p.exit, p.out)
	}
}

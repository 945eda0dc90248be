//go:build linux

package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What Postfix logs of a client that behaves badly. A lost connection is one of
// them, but where the fault itself allows no QUIT.
var (
	badManners  = regexp.MustCompile(`improper command pipelining|non-SMTP command|PREGREET|BARE NEWLINE|HANGUP|COMMAND |too many errors|timeout after|SSL_read|unexpected eof`)
	lost        = regexp.MustCompile(`lost connection after|SSL_accept error`)
	connected   = regexp.MustCompile(`postfix/smtpd\[\d+\]: connect from`)
	ended       = regexp.MustCompile(`postfix/smtpd\[\d+\]: disconnect from`)
	logins      = regexp.MustCompile(` auth=(?:\d+/)?(\d+)`) // auth=1, or auth=0/1 where none succeeded
	mailpitQuit = regexp.MustCompile(`received \([^)]*\) QUIT"`)
	mailpitData = regexp.MustCompile(`received \([^)]*\) (DATA|BDAT)\b`)
	queued      = regexp.MustCompile(`postfix/(cleanup|qmgr)\[\d+\]: [0-9A-Za-z]+: (message-id|from)=`)
)

// readLog gives the length of Postfix's log, to read on from there.
func (w *world) readLog() int {
	text, _ := os.ReadFile(w.log)
	return len(text)
}

// endedWell looks at what Postfix has logged since: every session has ended,
// with QUIT, without a remark on the client's manners, and with one login at most.
func (w *world) endedWell(t *testing.T, since int, cutShort bool) {
	t.Helper()
	log := w.settledLog(t, since)
	attempts := 0
	for line := range strings.Lines(log) {
		if found := logins.FindStringSubmatch(line); found != nil && ended.MatchString(line) {
			n, _ := strconv.Atoi(found[1])
			attempts += n
		}
		switch {
		case badManners.MatchString(line) && !cutShort, lost.MatchString(line) && !cutShort:
			t.Errorf("Postfix says: %s", line)
		case ended.MatchString(line) && !strings.Contains(line, "quit=1") && !cutShort:
			t.Errorf("no QUIT: %s", line)
		case queued.MatchString(line):
			t.Errorf("a message was queued: %s", line)
		}
	}
	if attempts > 1 {
		t.Errorf("%d logins were tried, one is allowed:\n%s", attempts, log)
	}
}

// settledLog waits until every session in the log has ended: the program does
// not wait for the answer to its QUIT.
func (w *world) settledLog(t *testing.T, since int) string {
	t.Helper()
	var log string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(w.log)
		if err != nil {
			t.Fatal(err)
		}
		log = string(text[since:])
		if len(connected.FindAllString(log, -1)) == len(ended.FindAllString(log, -1)) {
			return log
		}
	}
	t.Errorf("a session did not end:\n%s", log)
	return log
}

// sentNothing asks the servers themselves for messages.
func (w *world) sentNothing(t *testing.T) {
	if w.running["postfix"] {
		for _, queue := range []string{"maildrop", "incoming", "active", "deferred", "hold", "corrupt"} {
			_ = filepath.WalkDir(root+"/postfix/queue/"+queue, func(path string, entry os.DirEntry, err error) error {
				if err == nil && !entry.IsDir() {
					t.Errorf("Postfix has a message in %s", path)
				}
				return nil
			})
		}
	}
	for name, address := range map[string]string{"mailpit": "192.0.2.22:8025", "mailpit-open": "192.0.2.22:8026"} {
		if w.running[name] {
			mailpitIsEmpty(t, address)
			mailpitWasLeftWell(t, name)
		}
	}
}

// mailpitWasLeftWell reads in Mailpit's log that every session ended with QUIT
// and none came to DATA.
func mailpitWasLeftWell(t *testing.T, name string) {
	t.Helper()
	var sessions, quits int
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(root + "/log/" + name + ".out")
		if err != nil {
			t.Fatal(err)
		}
		if found := mailpitData.Find(text); found != nil {
			t.Errorf("%s was told to take a message: %s", name, found)
		}
		sessions, quits = strings.Count(string(text), "ESMTP Service ready"), len(mailpitQuit.FindAll(text, -1))
		if sessions == quits && sessions > 0 {
			return
		}
	}
	t.Errorf("%s had %d sessions and %d times QUIT", name, sessions, quits)
}

func mailpitIsEmpty(t *testing.T, address string) {
	t.Helper()
	reply, err := http.Get("http://" + address + "/api/v1/messages")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var list struct{ Total *int }
	if err := json.NewDecoder(reply.Body).Decode(&list); err != nil || list.Total == nil {
		t.Fatalf("Mailpit does not tell how many messages it has: %v", err)
	}
	if *list.Total != 0 {
		t.Errorf("Mailpit at %s has %d messages", address, *list.Total)
	}
}

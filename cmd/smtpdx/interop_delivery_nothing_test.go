//go:build linux

package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// traces is what a server has of messages: how many Mailpit holds and has ever
// accepted, or Postfix's queue and what it logged of messages.
type traces struct {
	messages, accepted int
	queue              string
	logged             int
}

// looks gives the traces once that many sessions have ended.
type looks func(t *testing.T, sessions int) traces

// sendsOnlyWhenTold has check ask both servers all it asks, which leaves no
// trace of a message, and then send, which leaves one.
func (d *delivery) sendsOnlyWhenTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		secret string
		look   looks
	}{
		{"mailpit", []string{"mailpit.app.example:587", "--account", box, "--from", candidate, "--to", target}, "box-2323", mailpitTraces},
		{"postfix", []string{"smtp.sender.example:587", "--account", candidate, "--to", anna, "--to", target}, "candidate-4711", postfixTraces},
	} {
		t.Run(c.name, func(t *testing.T) {
			common := []string{"--encryption", "starttls", "--password-env", "INTEROP_SECRET", "--ca-file", caFile, "--no-input", "-o", "json"}
			env := []string{"INTEROP_SECRET=" + c.secret}
			sessions := len(ended.FindAllString(readFile(t, deliveryLog), -1))
			before := c.look(t, sessions)
			p := d.smtpdx(t, 20*time.Second, env, append(append([]string{"check"}, c.args...), common...)...)
			if after := c.look(t, sessions+1); p.exit != 0 || after != before {
				t.Errorf("check ended with %d; %+v before it, %+v after it\n%s", p.exit, before, after, p.complaints)
			} else {
				t.Logf("before and after check: %+v", after)
			}
			p = d.smtpdx(t, 20*time.Second, env, append(append([]string{"send", "--yes"}, c.args...), common...)...)
			if after := c.look(t, sessions+2); p.exit != 0 || after == before {
				t.Errorf("send ended with %d; %+v before it, %+v after it\n%s", p.exit, before, after, p.complaints)
			} else {
				t.Logf("after send: %+v", after)
			}
		})
	}
}

func mailpitTraces(t *testing.T, _ int) traces {
	t.Helper()
	var info struct {
		Messages     *int
		RuntimeStats struct{ SMTPAccepted *int }
	}
	text := fetch(t, mailpitURL+"/api/v1/info")
	if err := json.Unmarshal([]byte(text), &info); err != nil || info.Messages == nil || info.RuntimeStats.SMTPAccepted == nil {
		t.Fatalf("Mailpit does not tell of its messages: %v\n%s", err, text)
	}
	return traces{messages: *info.Messages, accepted: *info.RuntimeStats.SMTPAccepted}
}

const deliveryLog = root + "/log/delivery-sender.log"

// postfixTraces looks when the sessions have ended: until then Postfix keeps
// an empty file in its queue for a recipient that it was only asked about.
func postfixTraces(t *testing.T, sessions int) traces {
	t.Helper()
	var log string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if log = readFile(t, deliveryLog); len(ended.FindAllString(log, -1)) >= sessions {
			break
		}
	}
	var queue []string
	for _, name := range []string{"maildrop", "incoming", "active", "deferred", "hold", "corrupt"} {
		_ = filepath.WalkDir(deliveryDir+"/sender/queue/"+name, func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				queue = append(queue, path)
			}
			return nil
		})
	}
	return traces{queue: strings.Join(queue, " "), logged: len(queued.FindAllString(log, -1))}
}

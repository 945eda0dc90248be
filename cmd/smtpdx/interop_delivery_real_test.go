//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keepVariable names a folder into which the messages are written, to be kept
// as probe/delivery/judge/testdata/real.
const keepVariable = "SMTPDX_INTEROP_KEEP"

const (
	candidate = "candidate@sender.example"
	anna      = "anna@unsigned.example"
	target    = "in@app.example"
)

// realFacts are what is true of a message, known from the way it was made and
// written down before anything judged it.
type realFacts struct {
	How            string  `json:"how"`             // as in smtpdx.inspection/v1
	SenderKept     *bool   `json:"sender_kept"`     // null: the file is a report, not the message
	OriginalSender *string `json:"original_sender"` // null: it stands nowhere in the header
	DKIM           string  `json:"dkim"`            // of the sender's domain: kept, broken or none
	Status         *string `json:"status"`          // of a report of RFC 3464
	Recipient      *string `json:"recipient"`       // its final recipient
}

// realMessage is a message that real programs make.
type realMessage struct {
	File     string `json:"file"`
	Programs string `json:"programs"` // Debian packages; versions are added
	Did      string `json:"did"`
	Sender   string `json:"sender"`
	Via      string `json:"via"`
	Mailbox  string `json:"mailbox"` // in which it was found
	realFacts
	hand *byHand // what somebody does once it is at Via
}

func kept(how, dkim string) realFacts {
	return realFacts{How: how, SenderKept: ref(true), OriginalSender: ref(candidate), DKIM: dkim}
}

func notKept(how, dkim string) realFacts {
	return realFacts{How: how, SenderKept: ref(false), DKIM: dkim}
}

func reported(status, recipient string) realFacts {
	return realFacts{How: "undetermined", DKIM: "none", Status: ref(status), Recipient: ref(recipient)}
}

func ref[T any](value T) *T { return &value }

// realMessages is the table of what is made and what is true of it.
var realMessages = []realMessage{
	{File: "direct", Programs: "postfix opendkim", Did: "sent to the mailbox itself", Via: target, realFacts: kept("direct", "kept")},
	{File: "direct-unsigned", Programs: "postfix", Did: "sent to the mailbox itself by a domain that does not sign", Sender: anna, Via: target,
		realFacts: realFacts{How: "direct", SenderKept: ref(true), OriginalSender: ref(anna), DKIM: "none"}},
	{File: "postfix-alias", Programs: "postfix", Did: "virtual alias; the envelope's sender stays", Via: "alias@company.example", realFacts: kept("redirected", "kept")},
	{File: "postfix-alias-unsigned", Programs: "postfix", Did: "virtual alias, of a sender that does not sign", Sender: anna, Via: "alias@company.example",
		realFacts: realFacts{How: "redirected", SenderKept: ref(true), OriginalSender: ref(anna), DKIM: "none"}},
	{File: "postsrsd", Programs: "postfix postsrsd", Did: "virtual alias; the envelope's sender rewritten to SRS0", Via: "alias@srs.company.example", realFacts: kept("redirected-srs", "kept")},
	{File: "sieve-redirect", Programs: "dovecot-sieve", Did: "Sieve redirect; the envelope's sender stays", Via: "sieve@company.example", realFacts: kept("redirected", "kept")},
	{File: "sieve-redirect-recipient", Programs: "dovecot-sieve", Did: "Sieve redirect with sieve_redirect_envelope_from=recipient", Via: "recipient@company.example", realFacts: kept("redirected", "kept")},
	{File: "sieve-vacation", Programs: "dovecot-sieve", Did: "Sieve redirect, and an absence reply to the sender", Via: "away@company.example", realFacts: kept("redirected", "kept")},
	{File: "sieve-editheader", Programs: "dovecot-sieve", Did: "Sieve editheader puts [Jobs] into the subject, then redirect", Via: "edited@company.example", realFacts: kept("redirected", "broken")},
	{File: "sieve-from-reply-to", Programs: "dovecot-sieve", Did: "Sieve editheader replaces From and puts the sender into Reply-To, then redirect", Via: "refrom@company.example", realFacts: kept("from-rewritten", "broken")},
	{File: "sieve-from", Programs: "dovecot-sieve", Did: "Sieve editheader replaces From and leaves no trace of the sender in the header's address fields, then redirect", Via: "nofrom@company.example",
		realFacts: notKept("from-rewritten", "broken")},
	{File: "altermime-footer", Programs: "postfix altermime", Did: "virtual alias; a filter adds a footer to both parts", Via: "footer@company.example", realFacts: kept("redirected", "broken")},
	{File: "mutt-bounce", Programs: "mutt", Did: "bounce-message (b): resent by hand", Via: "mutt-bounce@company.example", realFacts: kept("resent", "kept"),
		hand: &byHand{keys: "<bounce-message>in@app.example<enter><exit>"}},
	{File: "mutt-forward", Programs: "mutt", Did: "forward-message (f), inline", Via: "mutt-forward@company.example", realFacts: notKept("forwarded-as-new", "none"),
		hand: &byHand{keys: "<forward-message>in@app.example<enter><send-message><exit>", settings: []string{"set mime_forward=no"}}},
	{File: "mutt-forward-attached", Programs: "mutt", Did: "forward-message (f) with mime_forward: as message/rfc822", Via: "mutt-attach@company.example", realFacts: notKept("forwarded-as-attachment", "none"),
		hand: &byHand{keys: "<forward-message>in@app.example<enter><send-message><exit>", settings: []string{"set mime_forward=yes", `set forward_format="Fwd: %s"`}}},
	{File: "mailman-munged", Programs: "mailman3", Did: "list with dmarc_mitigate_action=munge_from and a footer", Via: "munged@lists.company.example", realFacts: kept("from-rewritten", "broken")},
	{File: "mailman-footer", Programs: "mailman3", Did: "list that leaves From alone and adds a footer", Via: "footer@lists.company.example", realFacts: kept("redirected", "broken")},
	{File: "mailman-wrapped", Programs: "mailman3", Did: "list with dmarc_mitigate_action=wrap_message: the message within one of the list", Via: "wrapped@lists.company.example", realFacts: kept("from-rewritten", "none")},
	{File: "formail-as-new", Programs: "procmail postfix", Did: "a pipe that forwards as a new message with the header fields quoted in the text", Via: "as-new@company.example", realFacts: notKept("forwarded-as-new", "none")},
	{File: "formail-old-from", Programs: "procmail postfix", Did: "formail -i From: the old field is renamed Old-From", Via: "old-from@company.example", realFacts: notKept("from-rewritten", "broken")},
	{File: "bounce-unknown", Programs: "postfix", Did: "virtual alias to a mailbox that does not exist; the report to the sender", Via: "gone@company.example", Mailbox: candidate, realFacts: reported("5.1.1", "nobody@app.example")},
	{File: "bounce-unknown-srs", Programs: "postfix postsrsd", Did: "the same, its report sent back through the rewritten address", Via: "gone@srs.company.example", Mailbox: candidate, realFacts: reported("5.1.1", "nobody@app.example")},
	{File: "bounce-quota", Programs: "postfix dovecot-lmtpd", Did: "virtual alias to a full mailbox; the report to the sender", Via: "full@company.example", Mailbox: candidate, realFacts: reported("5.2.2", "full@app.example")},
	{File: "bounce-external-blocked", Programs: "postfix", Did: "the words of Microsoft 365 as a Postfix transport says them; the report to the sender", Via: "blocked@company.example", Mailbox: candidate, realFacts: reported("5.7.520", "blocked@company.example")},
	{File: "bounce-loop", Programs: "postfix", Did: "two aliases that point to each other; the report to the sender", Via: "loop@company.example", Mailbox: candidate, realFacts: reported("5.4.0", "loop@company.example")},
}

// makesRealMessages has real programs make each message, compares the facts
// with what other programs see, and has them judged.
func (d *delivery) makesRealMessages(t *testing.T) {
	waitFor(t, "mailman", "127.0.0.1:8024")
	tokens := map[string]string{}
	for i, m := range realMessages {
		tokens[m.File] = fmt.Sprintf("Ref%dQ%x", i, time.Now().UnixNano())
		d.submit(t, m.sender(), m.Via, tokens[m.File])
	}
	for _, m := range realMessages {
		t.Run(m.File, func(t *testing.T) {
			if m.hand != nil {
				d.does(t, m.hand, m.Via, tokens[m.File])
			}
			found := d.arrived(t, m.mailbox(), tokens[m.File], 1)
			if len(found) != 1 {
				t.Fatalf("%d messages", len(found))
			}
			text := readFile(t, found[0])
			if got := d.signature(t, text); got != m.DKIM {
				t.Errorf("dkimverify says that the sender's signature is %s, expected %s\n%s", got, m.DKIM, text)
			}
			if m.Status != nil {
				isReport(t, text, *m.Status, *m.Recipient)
			}
			d.judges(t, m, found[0])
			keep(t, m.File+".eml", text)
		})
	}
	keepIndex(t)
}

func (m realMessage) sender() string {
	if m.Sender != "" {
		return m.Sender
	}
	return candidate
}

func (m realMessage) mailbox() string {
	if m.Mailbox != "" {
		return m.Mailbox
	}
	return target
}

// judges has the program judge a message, offline: by itself, and knowing who
// wrote to which address.
func (d *delivery) judges(t *testing.T, m realMessage, path string) {
	t.Helper()
	for name, known := range map[string][]string{"alone": nil, "told via and sender": {"--via", m.Via, "--sender", m.sender()}} {
		p := d.smtpdx(t, 20*time.Second, nil, append([]string{"inspect", path, "-o", "json"}, known...)...)
		var got struct {
			How            string
			SenderKept     *bool   `json:"sender_kept"`
			OriginalSender *string `json:"original_sender"`
			Rule           struct{ ID, Text string }
			Findings       []finding
		}
		if err := json.Unmarshal([]byte(p.out), &got); err != nil {
			t.Fatalf("no inspection: %v\n%s\n%s", err, p.out, p.complaints)
		}
		if got.How != m.How || told(got.SenderKept) != told(m.SenderKept) || m.OriginalSender != nil && deref(got.OriginalSender) != *m.OriginalSender {
			t.Errorf("%s: judged as %s, sender %s kept: %s; it came as %s, sender %s kept: %s (%s: %s)", name, got.How, deref(got.OriginalSender), told(got.SenderKept),
				m.How, deref(m.OriginalSender), told(m.SenderKept), got.Rule.ID, got.Rule.Text)
		}
		want := map[string]int{"yes": 0, "no": 20, "?": 4}[told(m.SenderKept)]
		if m.Status != nil { // the message came back
			want = 20
		}
		if p.exit != want {
			t.Errorf("%s: inspect ended with %d, expected %d", name, p.exit, want)
		}
	}
}

// isReport demands the fields of a delivery report (RFC 3464).
func isReport(t *testing.T, text, status, recipient string) {
	t.Helper()
	for _, field := range []string{"report-type=delivery-status", "\nStatus: " + status + "\n", "\nFinal-Recipient: rfc822; " + recipient + "\n"} {
		if !strings.Contains(text, field) {
			t.Errorf("no %q in\n%s", field, text)
		}
	}
}

// signature asks dkimpy, which shares no code with this program, whether the
// signature of the sender's domain holds.
func (d *delivery) signature(t *testing.T, message string) string {
	t.Helper()
	header, _, _ := strings.Cut(message, "\n\n")
	for index := 0; ; index++ {
		domain := signingDomain(header, index)
		switch domain {
		case "":
			return "none"
		case "sender.example":
			cmd := exec.Command("dkimverify", "--index", fmt.Sprint(index))
			cmd.Stdin = strings.NewReader(message)
			out, _ := cmd.CombinedOutput()
			return map[bool]string{true: "kept", false: "broken"}[strings.HasPrefix(string(out), "signature ok")]
		}
	}
}

// signingDomain is d= of a signature by its number, "" when there are not as many.
func signingDomain(header string, index int) string {
	fields := strings.Split("\n"+header, "\nDKIM-Signature:")[1:]
	if index >= len(fields) {
		return ""
	}
	for tag := range strings.SplitSeq(fields[index], ";") {
		if domain, found := strings.CutPrefix(strings.TrimSpace(tag), "d="); found {
			return domain
		}
	}
	return "?"
}

// keep writes a file where the test was asked to keep what it makes.
func keep(t *testing.T, name, text string) {
	t.Helper()
	if dir := os.Getenv(keepVariable); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// keepIndex writes the table with the programs' versions, and the zone with the
// keys that verify the signatures.
func keepIndex(t *testing.T) {
	t.Helper()
	if os.Getenv(keepVariable) == "" {
		return
	}
	index := make([]realMessage, len(realMessages))
	for i, m := range realMessages {
		m.Sender, m.Mailbox, m.File = m.sender(), m.mailbox(), m.File+".eml"
		var versions []string
		for name := range strings.FieldsSeq(m.Programs) {
			out, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}", name).Output()
			if err != nil {
				t.Fatal(err)
			}
			versions = append(versions, string(out))
		}
		m.Programs = strings.Join(versions, ", ")
		index[i] = m
	}
	text, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	keep(t, "index.json", string(text)+"\n")
	keep(t, "dns.zone", readFile(t, root+"/etc/delivery/all.zone"))
}

package delivery

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// What counts as slow and as late, from when the server took the message.
const (
	slow = 15 * time.Second
	late = time.Minute
)

// DefaultWait is how long a message is waited for.
const DefaultWait = 2 * time.Minute

// Mailbox follows messages; it is the engine's probe.Mailbox. The zero value
// asks the DNS server of the settings, or the system's.
type Mailbox struct {
	DNS spf.DNSResolver // nil: the real one
}

func (m Mailbox) resolver(s probe.Settings) spf.DNSResolver {
	if m.DNS != nil {
		return m.DNS
	}
	return probe.ResolverAt(s.Resolver)
}

// Follow looks for the message until it is found, s.Follow.Wait is over or ctx ends.
func (m Mailbox) Follow(ctx context.Context, s probe.Settings, sent *probe.MessageEvidence, w probe.Watch) (*probe.DeliveryEvidence, error) {
	if s.Redirect != nil {
		return m.followRedirect(ctx, s, sent, w)
	}
	return m.follow(ctx, s, sent, w)
}

func (m Mailbox) follow(ctx context.Context, s probe.Settings, sent *probe.MessageEvidence, w probe.Watch) (*probe.DeliveryEvidence, error) {
	inbox := *s.Follow.Inbox
	e := &probe.DeliveryEvidence{Server: probe.Maybe(net.JoinHostPort(inbox.Host, strconv.Itoa(inbox.Port))), Words: map[string]string{}}
	session, err := Open(ctx, s, inbox, w)
	if err != nil {
		return e, saw(e, ended(ctx, err))
	}
	defer session.Close()
	if session.line.badCert != nil {
		e.Saw = append(e.Saw, cause.IMAPCertificateBad)
		e.Words["imap_text"] = shown(w, session.line.badCert.Error())
	}
	e.LookedIn = session.Folders()
	wanted := Wanted{Token: string(sent.Token), Since: time.Now()}
	if sent.SentAt != nil {
		wanted.Since = *sent.SentAt
	}
	wait := s.Follow.Wait
	if wait <= 0 {
		wait = DefaultWait
	}
	begin := time.Now()
	found, others, err := session.Await(ctx, wanted, wait)
	waited, count := probe.Milliseconds(time.Since(begin)), others
	e.WaitedMs, e.Others = &waited, &count
	switch {
	case err != nil:
		return e, saw(e, err)
	case found == nil:
		return e, notArrived(e, wait)
	}
	if s.Redirect != nil {
		found = session.again(ctx, wanted, found)
	}
	if bounce := bounceOf(found); bounce != nil {
		return e, cameBack(e, bounce, w)
	}
	describe(ctx, e, m.resolver(s), sent, found, w)
	if s.Follow.Delete {
		remove(e, session, found, wanted)
	}
	return e, nil
}

// saw keeps for the rules what a fault of IMAP was.
func saw(e *probe.DeliveryEvidence, err error) error {
	var t *Trouble
	if errors.As(err, &t) {
		e.Saw = append(e.Saw, t.Saw)
		e.Words["imap_text"] = t.Text
	}
	return err
}

func notArrived(e *probe.DeliveryEvidence, wait time.Duration) error {
	e.Saw = append(e.Saw, cause.NothingArrived)
	text := fmt.Sprintf("not in %s within %s", strings.Join(e.LookedIn, ", "), wait)
	if *e.Others > 0 {
		e.Saw = append(e.Saw, cause.OthersArrived)
		text += fmt.Sprintf("; other messages that came meanwhile: %d", *e.Others)
	}
	return &probe.Fault{Kind: probe.NotArrived, Text: text}
}

// bounceOf reads a notice of failure that holds the token; nil: it is the message.
func bounceOf(found *Arrived) *received.Bounce {
	message, err := received.Read(bytes.NewReader(found.Raw))
	if err != nil {
		return nil
	}
	return message.Bounce()
}

func cameBack(e *probe.DeliveryEvidence, bounce *received.Bounce, w probe.Watch) error {
	e.Saw = append(e.Saw, cause.BounceArrived)
	text := "a notice of failure came back"
	if len(bounce.Statuses) > 0 {
		first := bounce.Statuses[0]
		words := shown(w, cut(cmp.Or(strings.TrimSpace(string(first.Diagnostic)), string(first.Status)), 400))
		text += ": " + words
		e.Words["bounce"] = words
	}
	return &probe.Fault{Kind: probe.NotArrived, Text: text}
}

package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// What counts as slow and as late, from when the server took the message.
const (
	slow = 15 * time.Second
	late = time.Minute
)

// DefaultWait is how long a message is waited for.
const DefaultWait = 2 * time.Minute

// Mailbox follows messages; it is the engine's probe.Mailbox.
type Mailbox struct{}

// Follow looks for the message until it is found, s.Follow.Wait is over or ctx ends.
func (Mailbox) Follow(ctx context.Context, s probe.Settings, sent *probe.MessageEvidence, w probe.Watch) (*probe.DeliveryEvidence, error) {
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
	describe(ctx, e, s, sent, found, w)
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

package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// maxMessage is how many octets of a message are fetched.
const maxMessage = 1 << 20

// Wanted is a message to look for.
type Wanted struct {
	Token string    // a word of its subject or text
	Since time.Time // when it was sent
}

// Arrived is a message that was found.
type Arrived struct {
	Folder   string
	Junk     bool
	Copies   int // how often it is in that folder
	SeenAt   time.Time
	Internal time.Time // when the server says that it came
	Raw      []byte    // at most maxMessage octets
	Whole    bool      // all of it is in Raw
	Others   int       // messages that came into the inbox meanwhile, beside it

	name     string
	uid      imap.UID
	validity uint32
}

// The time between two looks: at first short, then longer and longer. With
// IDLE the inbox tells by itself, and the junk folder is what is looked at.
func interval(round int, idles bool) time.Duration {
	steps := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 8 * time.Second, 10 * time.Second}
	if idles {
		steps = []time.Duration{3 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second}
	}
	return steps[min(round, len(steps)-1)]
}

// deepEvery: how often the text is searched as well as the subject, which a
// message that was forwarded may have lost.
const deepEvery = 3

// Await looks for a message until it is there or the time is over; then it
// gives nil and how many other messages came. Errors are *Trouble, or ctx's.
func (c *Session) Await(ctx context.Context, w Wanted, limit time.Duration) (*Arrived, int, error) {
	end := time.Now().Add(limit)
	idles := c.caps.Has(imap.CapIdle)
	first := -1
	for round := 0; ; round++ {
		left := time.Until(end)
		deep := round%deepEvery == deepEvery-1 || left <= 0
		found, count, err := c.look(ctx, w, deep)
		if first < 0 {
			first = count
		}
		others := max(count-first, 0)
		switch {
		case err != nil:
			return nil, others, err
		case found != nil:
			if !found.Junk {
				others = max(others-1, 0)
			}
			found.Others = others
			return found, others, nil
		case left <= 0:
			return nil, others, nil
		}
		if err := c.pause(ctx, min(interval(round, idles), left), idles); err != nil {
			return nil, others, err
		}
	}
}

// look searches every folder once, and counts the messages of the inbox.
func (c *Session) look(ctx context.Context, w Wanted, deep bool) (found *Arrived, count int, err error) {
	for _, f := range slices.Clone(c.folders) {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		if !f.junk {
			c.forgetNews()
		}
		data, err := c.examine(f)
		var t *Trouble
		if errors.As(err, &t) && t.Saw == cause.IMAPRefused && f.junk {
			c.folders = slices.DeleteFunc(c.folders, func(other folder) bool { return other == f })
			continue
		}
		if err != nil {
			return nil, 0, ended(ctx, err)
		}
		if !f.junk {
			count = int(data.NumMessages)
		}
		uids, err := c.search(w, deep)
		if err != nil {
			return nil, 0, ended(ctx, err)
		}
		if len(uids) == 0 || found != nil {
			continue
		}
		found = &Arrived{Folder: shown(c.watch, f.name), Junk: f.junk, Copies: len(uids), SeenAt: time.Now(),
			name: f.name, uid: uids[len(uids)-1], validity: data.UIDValidity}
		if err := c.fetch(found); err != nil {
			return nil, 0, ended(ctx, err)
		}
	}
	return found, count, nil
}

// ended: a connection that ctx has closed is no fault of the server's.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (c *Session) forgetNews() {
	select {
	case <-c.news:
	default:
	}
}

// search looks for the token in the selected folder, among what came since the
// day before the message was sent (days are the server's). It lists nothing.
func (c *Session) search(w Wanted, deep bool) ([]imap.UID, error) {
	defer c.within(commandLimit)()
	criteria := &imap.SearchCriteria{Since: w.Since.AddDate(0, 0, -1)}
	if deep {
		criteria.Text = []string{w.Token}
	} else {
		criteria.Header = []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: w.Token}}
	}
	data, err := c.client.UIDSearch(criteria, nil).Wait()
	if err != nil {
		return nil, c.failed("search", err)
	}
	uids := data.AllUIDs()
	slices.Sort(uids)
	return uids, nil
}

// fetch reads one message, or the beginning of a long one.
func (c *Session) fetch(a *Arrived) error {
	defer c.within(commandLimit)()
	body := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Offset: 0, Size: maxMessage}}
	command := c.client.Fetch(imap.UIDSetNum(a.uid), &imap.FetchOptions{UID: true, InternalDate: true, RFC822Size: true,
		BodySection: []*imap.FetchItemBodySection{body}})
	defer func() { _ = command.Close() }() // once more is nothing
	message := command.Next()
	if message == nil {
		return c.failed("reading the message", errors.Join(command.Close(), errors.New("the server gave nothing")))
	}
	got, err := message.Collect()
	if err != nil {
		return c.failed("reading the message", err)
	}
	for _, part := range got.BodySection {
		a.Raw = part.Bytes
	}
	a.Internal, a.Whole = got.InternalDate, got.RFC822Size <= int64(len(a.Raw))
	if err := command.Close(); err != nil {
		return c.failed("reading the message", err)
	}
	return nil
}

// pause waits for news of the inbox, or until it is time to look again.
func (c *Session) pause(ctx context.Context, d time.Duration, idles bool) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	if !idles {
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	idle, err := c.client.Idle()
	if err != nil {
		return ended(ctx, c.failed("waiting (IDLE)", err))
	}
	select {
	case <-timer.C:
	case <-c.news:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.client.Closed():
	}
	defer c.within(commandLimit)()
	if err := errors.Join(idle.Close(), idle.Wait()); err != nil {
		return ended(ctx, c.failed("waiting (IDLE)", err))
	}
	return nil
}

// Remove deletes the message that was found and no other: the folder must be
// the same still, and the token in the message. Where the server cannot remove
// a single message (UIDPLUS, RFC 4315), it is only marked. It gives removed or marked.
func (c *Session) Remove(a *Arrived, w Wanted) (string, error) {
	defer c.within(commandLimit)()
	data, err := c.client.Select(a.name, nil).Wait()
	if err != nil {
		return "", c.failed("opening the folder to delete the message", err)
	}
	if data.UIDValidity != a.validity {
		return "", trouble(cause.IMAPRefused, "the folder was made anew meanwhile; nothing was deleted")
	}
	only := imap.UIDSetNum(a.uid)
	found, err := c.client.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{only}, Text: []string{w.Token}}, nil).Wait()
	if err != nil {
		return "", c.failed("search", err)
	}
	if uids := found.AllUIDs(); len(uids) != 1 || uids[0] != a.uid {
		return "", trouble(cause.IMAPRefused, "the message is no longer there; nothing was deleted")
	}
	if err := c.client.Store(only, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return "", c.failed("marking the message as deleted", err)
	}
	if !c.caps.Has(imap.CapUIDPlus) {
		return "marked", nil
	}
	if err := c.client.UIDExpunge(only).Close(); err != nil {
		return "", c.failed("removing the message", err)
	}
	return "removed", nil
}

package token

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// desk is a source in virtual time with everything it tells.
type desk struct {
	t       *testing.T // of the bubble
	id      *identity
	source  *Source
	ring    *ring
	prompts int
	notes   []string
}

func atDesk(t *testing.T, kept string, run func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, id: newIdentity(), ring: &ring{entries: map[string]secret.Value{}}}
		r := deviceRequest()
		if kept != "" {
			d.ring.entries[KeyringService+"/"+r.entry()] = secret.New(kept)
		}
		d.source = &Source{Request: r, World: World{Transport: online(t, d.id), Store: InKeyring(d.ring),
			Show: func(Prompt) { d.prompts++ }, Note: func(text string) { d.notes = append(d.notes, text) }}}
		run(d)
		d.source.World.Transport = nil // others may still be at work in it
		hidesSecrets(t, d.source, d.notes)
	})
}

func (d *desk) token() {
	d.t.Helper()
	v, err := d.source.Token(d.t.Context())
	if err != nil || v.Reveal() != canaryAccess {
		d.t.Fatalf("%v", err)
	}
}

func (d *desk) kept() string {
	return d.ring.entries[KeyringService+"/"+d.source.Request.entry()].Reveal()
}

func TestFirstSignInIsKept(t *testing.T) {
	atDesk(t, "", func(d *desk) {
		d.token()
		if d.prompts != 1 || d.kept() != canaryRefresh || d.notes != nil {
			d.t.Errorf("%d prompts, notes %q", d.prompts, d.notes)
		}
	})
}

func TestKeptSignInNeedsNobody(t *testing.T) {
	atDesk(t, canaryRefresh, func(d *desk) {
		d.source.World.Show = nil
		d.id.rotate = true
		d.token()
		if d.kept() != canaryRefresh+"-next" {
			t.Error("the new refresh token was not kept")
		}
	})
}

func TestTokenIsUsedUntilFiveMinutesBeforeItsEnd(t *testing.T) {
	atDesk(t, canaryRefresh, func(d *desk) {
		d.token()
		time.Sleep(55*time.Minute - time.Second)
		d.token()
		if len(d.id.requests) != 1 {
			d.t.Errorf("%d requests within the time", len(d.id.requests))
		}
		time.Sleep(time.Second)
		d.token()
		if len(d.id.requests) != 2 {
			d.t.Errorf("%d requests at the end of it", len(d.id.requests))
		}
	})
}

func TestRefusedSignInIsRemovedAndSaid(t *testing.T) {
	atDesk(t, "1.canaryRefresh-old", func(d *desk) {
		d.token()
		if d.prompts != 1 || d.kept() != canaryRefresh {
			d.t.Errorf("%d prompts", d.prompts)
		}
		if len(d.notes) != 1 || !strings.Contains(d.notes[0], "was revoked") || !strings.Contains(d.notes[0], "was removed") {
			d.t.Errorf("%q", d.notes)
		}
	})
}

func TestRefusedSignInWithNobodyThereIsTheError(t *testing.T) {
	atDesk(t, "1.canaryRefresh-old", func(d *desk) {
		d.source.World.Show = nil
		_, err := d.source.Token(d.t.Context())
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Vendor != "AADSTS50173" || d.kept() != "" {
			d.t.Errorf("%v", err)
		}
		hidesSecrets(d.t, err)
	})
}

// What another error says is no proof that the kept sign-in is worth nothing.
func TestUnrelatedRefusalLeavesTheKeptSignIn(t *testing.T) {
	atDesk(t, canaryRefresh, func(d *desk) {
		d.source.World.Show = nil
		d.id.clientSecret = "wanted"
		if _, err := d.source.Token(d.t.Context()); err == nil || d.kept() != canaryRefresh {
			d.t.Errorf("%v", err)
		}
	})
}

func TestNetworkThatFailsLeavesTheKeptSignIn(t *testing.T) {
	atDesk(t, canaryRefresh, func(d *desk) {
		d.id.lose = 1
		_, err := d.source.Token(d.t.Context())
		if !errors.Is(err, context.DeadlineExceeded) || d.kept() != canaryRefresh || d.prompts != 0 {
			d.t.Errorf("%v, %d prompts", err, d.prompts)
		}
	})
}

func TestSignInThatCannotBeKeptIsStillGood(t *testing.T) {
	atDesk(t, "", func(d *desk) {
		d.ring.fails = errors.New("no D-Bus, canary")
		d.token()
		if len(d.notes) != 1 || !strings.Contains(d.notes[0], "--token-cache FILE") {
			d.t.Errorf("%q", d.notes)
		}
	})
}

func TestCacheThatOthersMayReadStopsBeforeAnythingIsAsked(t *testing.T) {
	s := Source{Request: deviceRequest(), World: World{Transport: unreachable{t}, Store: InFile(t.TempDir()), Show: func(Prompt) { t.Error("asks") }}}
	var refused *CacheError
	if _, err := s.Token(t.Context()); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
}

func TestApplicationKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := newIdentity()
		id.clientSecret = canarySecret
		path := filepath.Join(t.TempDir(), "cache")
		s := &Source{Request: appRequest(), World: World{Transport: online(t, id), Store: InFile(path)}}
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if had, err := s.Forget(t.Context()); had || err != nil {
			t.Errorf("%v, %v", had, err)
		}
	})
}

func TestForgetRemovesTheKeptSignIn(t *testing.T) {
	atDesk(t, canaryRefresh, func(d *desk) {
		if had, err := d.source.Forget(d.t.Context()); !had || err != nil || d.kept() != "" {
			d.t.Errorf("%v, %v", had, err)
		}
		if had, err := d.source.Forget(d.t.Context()); had || err != nil {
			d.t.Errorf("again: %v, %v", had, err)
		}
	})
}

func TestManyWhoAskAtOnceShareOneSignIn(t *testing.T) {
	atDesk(t, "", func(d *desk) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if v, err := d.source.Token(d.t.Context()); err != nil || v.Reveal() != canaryAccess {
					d.t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if d.prompts != 1 {
			d.t.Errorf("%d prompts", d.prompts)
		}
	})
}

func TestEntriesOfDifferentRequestsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range []Request{
		{Provider: Microsoft, ClientID: "a"}, {Provider: Google, ClientID: "a"}, {Provider: Microsoft, ClientID: "b"},
		{Provider: Microsoft, ClientID: "a", Tenant: "t"}, {Provider: Microsoft, ClientID: "a", Account: "t"},
	} {
		if seen[r.entry()] {
			t.Errorf("%q twice", r.entry())
		}
		seen[r.entry()] = true
	}
	if (Request{Account: "A@b.example"}).entry() != (Request{Account: "a@B.example"}).entry() {
		t.Error("letter case divides")
	}
	if !strings.Contains(secret.New("x").String(), "hidden") {
		t.Error("values print")
	}
}

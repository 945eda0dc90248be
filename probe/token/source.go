package token

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// Early is how long before its end a token is renewed.
const Early = 5 * time.Minute

// Source gives an access token that is good for a while: the one it has, else
// one for the kept refresh token, else one from the whole flow. It may be used
// by several goroutines, which wait for each other.
type Source struct {
	Request Request
	World   World

	once sync.Once
	turn chan struct{} // holds one: whoever put it there may use what follows
	has  Grant
}

// enter waits for the turn, no longer than ctx: who is before may wait for a person.
func (s *Source) enter(ctx context.Context) error {
	s.once.Do(func() { s.turn = make(chan struct{}, 1) })
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Source) leave() { <-s.turn }

// Token gives a token that does not end within Early, as far as that is known.
// Errors are those of Fetch, and *CacheError.
func (s *Source) Token(ctx context.Context) (secret.Value, error) {
	g, err := s.Grant(ctx)
	return g.Access, err
}

// Grant is Token with what is known of it.
func (s *Source) Grant(ctx context.Context) (Grant, error) {
	if err := s.enter(ctx); err != nil {
		return Grant{}, err
	}
	defer s.leave()
	if s.has.Access.IsSet() && time.Until(s.has.Expires) > Early {
		return s.has, nil
	}
	r, err := s.Request.Check()
	if err != nil {
		return Grant{}, err
	}
	g, err := s.renew(ctx, r)
	if err != nil {
		return Grant{}, err
	}
	if g.Expires.IsZero() {
		g.Expires = Inspect(g.Access.Reveal(), time.Now()).Expires
	}
	s.has = g
	return g, nil
}

// Forget removes the kept refresh token and tells whether there was one.
func (s *Source) Forget(ctx context.Context) (bool, error) {
	if s.World.Store == nil {
		return false, nil
	}
	kept, err := s.World.Store.Get(ctx, s.Request.entry())
	if err != nil || !kept.IsSet() {
		return false, err
	}
	return true, s.World.Store.Delete(ctx, s.Request.entry())
}

func (s *Source) renew(ctx context.Context, r Request) (Grant, error) {
	if !r.Flow.WantsPerson() || s.World.Store == nil {
		return Fetch(ctx, s.World, r)
	}
	kept, err := s.kept(ctx, r)
	if err != nil {
		return Grant{}, err
	}
	if !kept.IsSet() {
		return s.signIn(ctx, r, nil)
	}
	g, err := Refresh(ctx, s.World, r, kept)
	var refused *RefusedError
	switch {
	case err == nil:
		s.keep(ctx, r, kept, g.Refresh)
		return g, nil
	case errors.As(err, &refused) && refused.endsKept():
		s.drop(ctx, r, refused)
		return s.signIn(ctx, r, refused)
	case errors.As(err, &refused):
		return s.signIn(ctx, r, refused)
	}
	return Grant{}, err
}

// kept gives the kept refresh token; a keyring that does not work keeps none.
func (s *Source) kept(ctx context.Context, r Request) (secret.Value, error) {
	kept, err := s.World.Store.Get(ctx, r.entry())
	if errors.Is(err, ErrNoKeyring) {
		return secret.Value{}, nil
	}
	return kept, err
}

// signIn has a person sign in; where nobody is there, the refusal of what was
// kept says more than that.
func (s *Source) signIn(ctx context.Context, r Request, refused *RefusedError) (Grant, error) {
	if s.World.Show == nil && refused != nil {
		return Grant{}, refused
	}
	g, err := Fetch(ctx, s.World, r)
	if err != nil {
		return Grant{}, err
	}
	s.keep(ctx, r, secret.Value{}, g.Refresh)
	return g, nil
}

// keep stores a refresh token that is new: servers may give another one with
// each use. A token that cannot be kept can still be used.
func (s *Source) keep(ctx context.Context, r Request, before, given secret.Value) {
	if !given.IsSet() || given.Reveal() == before.Reveal() {
		return
	}
	if err := s.World.Store.Set(ctx, r.entry(), given); err != nil {
		s.note(fmt.Sprintf("The sign-in is not kept: %v.", err))
	}
}

func (s *Source) drop(ctx context.Context, r Request, refused *RefusedError) {
	if err := s.World.Store.Delete(ctx, r.entry()); err != nil {
		s.note(fmt.Sprintf("The kept sign-in is refused (%s) and could not be removed: %v.", refused.Text, err))
		return
	}
	s.note(fmt.Sprintf("The kept sign-in is refused (%s) and was removed.", refused.Text))
}

func (s *Source) note(text string) {
	if s.World.Note != nil {
		s.World.Note(text)
	}
}

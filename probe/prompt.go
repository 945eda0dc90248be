package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// RefusedLogins remembers which credentials a server refused in this run, so
// that the same one is not tried again with another profile: accounts get
// locked that way. The zero value is ready.
type RefusedLogins struct{ seen map[string]string }

func loginKey(s *Settings) string {
	v := s.Password.Value
	if s.Token.IsGiven() {
		v = s.Token.Value
	}
	return s.Host + "\x00" + s.Account + "\x00" + v.Reveal()
}

// remember notes a refused credential; nil remembers nothing.
func (k *RefusedLogins) remember(s *Settings) {
	if k == nil {
		return
	}
	if k.seen == nil {
		k.seen = map[string]string{}
	}
	k.seen[loginKey(s)] = s.Profile
}

// profile gives the profile with which the same credential was refused.
func (k *RefusedLogins) profile(s *Settings) (string, bool) {
	if k == nil {
		return "", false
	}
	name, ok := k.seen[loginKey(s)]
	return name, ok
}

// fetchCredential asks a person for the password, or an identity server for
// the token, where one could be used. Waiting is no step's time; a server that
// hung up meanwhile is called again.
func (r *run) fetchCredential(ctx context.Context, l *lane) {
	wanted, fetch, failed := r.outstanding()
	if fetch == nil || l.mayNotLogIn(l.newAuthEvidence()) != nil {
		return
	}
	begin := time.Now()
	value, err := fetch(ctx, r.settings)
	r.mu.Lock()
	r.end = r.end.Add(time.Since(begin))
	r.mu.Unlock()
	if err != nil {
		l.askErr = policy(failed+": %v", err)
		return
	}
	wanted.Value = value
	r.learn(value)
	if err := r.renew(ctx, l); err != nil {
		l.askErr = fmt.Errorf("connect again after the password was asked for: %w", err)
	}
}

// outstanding is the credential that is still to be had, and how; nil: none.
func (r *run) outstanding() (wanted *Credential, fetch func(context.Context, Settings) (secret.Value, error), failed string) {
	s := &r.settings
	switch {
	case s.Token.Source == "oauth" && !s.Token.Value.IsSet():
		return &s.Token, r.prober.FetchToken, "no token could be fetched"
	case s.Password.Source == "prompt" && !s.Password.Value.IsSet():
		return &s.Password, r.prober.AskPassword, "no password or token was given"
	}
	return nil, nil, ""
}

// renew makes the lane's connection again if the server has closed it; the
// certificate is judged again too.
func (r *run) renew(ctx context.Context, l *lane) error {
	if l.conn.IsIdle() {
		return nil
	}
	l.conn.Close()
	l.conn, l.id, l.tls, l.greeted, l.seen = nil, 0, nil, false, map[StepID]Evidence{}
	for _, step := range r.plan {
		if step.Scope != PerLane {
			continue
		}
		l.reply = nil
		limit, _, cancel := r.limit(ctx, step.ID)
		evidence, err := step.do(limit, l)
		cancel()
		if err != nil {
			l.noteFailure(step.ID)
			return err
		}
		l.seen[step.ID] = evidence
	}
	l.conn.Note("the server had closed the connection while the password was typed; this is a new one")
	return nil
}

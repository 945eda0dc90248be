package probe

import (
	"context"
	"time"
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

// fetchPassword asks a person, where nothing else gave a credential. Waiting
// for a person is no step's time; a server that hung up meanwhile is called again.
func (r *run) fetchPassword(ctx context.Context, l *lane) {
	s := &r.settings
	if s.Password.Source != "prompt" || s.Password.Value.IsSet() || r.prober.AskPassword == nil {
		return
	}
	begin := time.Now()
	value, err := r.prober.AskPassword(ctx, *s)
	r.mu.Lock()
	r.end = r.end.Add(time.Since(begin))
	r.mu.Unlock()
	if err != nil {
		l.askErr = err
		return
	}
	s.Password.Value = value
	r.learn(value)
	if err := r.renew(ctx, l); err != nil {
		l.askErr = err
	}
}

// renew makes the lane's connection again if the server has closed it.
func (r *run) renew(ctx context.Context, l *lane) error {
	if l.conn.IsIdle() {
		return nil
	}
	l.conn.Close()
	again := &lane{run: r, index: l.index, addr: l.addr, seen: map[StepID]Evidence{}}
	for _, step := range r.plan {
		if step.Scope != PerLane {
			continue
		}
		limit, cancel := r.limit(ctx, step.ID)
		evidence, err := step.do(limit, again)
		cancel()
		if err != nil {
			if again.conn != nil {
				again.conn.Close()
			}
			return err
		}
		again.seen[step.ID] = evidence
	}
	l.conn, l.id, l.tls, l.seen, l.greeted = again.conn, again.id, again.tls, again.seen, again.greeted
	l.conn.Note("the server had closed the connection while the password was typed; this is a new one")
	return nil
}

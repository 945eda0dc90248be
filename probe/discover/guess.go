package discover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
)

// guess tries the names and ports that many use. A guess becomes a candidate
// only if a mail server answers there.
func (s *search) guess(ctx context.Context) reply {
	mx := s.mx.seen()
	switch {
	case mx.noDomain:
		return notAsked("the domain does not exist")
	case mx.null:
		return notAsked("the domain takes no mail")
	}
	hosts := s.existing(ctx, s.guessed(mx))
	if len(hosts) == 0 {
		return reply{state: Nothing, text: "none of the usual names exists: " + strings.Join(s.guessed(mx), ", ")}
	}
	r := reply{state: Nothing, text: "no mail server that one may use on 465, 587 or 2525 at " + strings.Join(hosts, ", ")}
	r.offers = s.tryAll(ctx, guesses(hosts, probe.SSL, 465), guesses(hosts, probe.STARTTLS, 587))
	if !slices.ContainsFunc(r.offers, Candidate.IsVerified) {
		r.offers = append(r.offers, s.tryAll(ctx, guesses(hosts, probe.STARTTLS, 2525))...)
	}
	if len(r.offers) > 0 {
		r.state, r.text = Found, fmt.Sprintf("tried %s: a mail server at %s", strings.Join(hosts, ", "), words(r.offers))
	}
	if isTimeout(ctx.Err()) && len(r.offers) == 0 {
		r.state = TimedOut
	}
	return r
}

// guessed are the names to try: the usual ones, and the MX where it is nobody's filter.
func (s *search) guessed(mx mxSeen) []string {
	names := []string{"smtp." + s.domain, "mail." + s.domain, s.domain}
	if len(mx.hosts) > 0 && mx.filter == "" && !slices.Contains(names, mx.hosts[0]) {
		names = append(names, mx.hosts[0])
	}
	return names
}

// existing keeps the names that have an address.
func (s *search) existing(ctx context.Context, names []string) []string {
	has := make([]chan bool, len(names))
	for i, name := range names {
		has[i] = make(chan bool, 1)
		go func() {
			addrs, err := s.addresses(ctx, name)
			has[i] <- err == nil && len(addrs) > 0
		}()
	}
	var there []string
	for i, name := range names {
		if <-has[i] {
			there = append(there, name)
		}
	}
	return there
}

func guesses(hosts []string, encryption probe.Encryption, port int) []Candidate {
	var all []Candidate
	for i, host := range hosts {
		all = append(all, Candidate{Host: host, Port: port, Encryption: encryption, Account: presets.Account{Form: "full-address"},
			rank: rankGuess, order: i*10000 + port})
	}
	return all
}

// tryAll verifies guesses side by side and keeps those where a mail server
// with TLS answered, even if it may not be used.
func (s *search) tryAll(ctx context.Context, lists ...[]Candidate) []Candidate {
	all := slices.Concat(lists...)
	tried := make([]chan Candidate, len(all))
	for i, c := range all {
		tried[i] = make(chan Candidate, 1)
		go func() {
			report := s.probe(ctx, c)
			if len(report.Results) > 0 && answered(report.Results[0]) {
				c.judge(report.Results[0])
			}
			tried[i] <- c
		}()
	}
	var there []Candidate
	for i := range all {
		if c := <-tried[i]; c.Verified != nil {
			there = append(there, c)
		}
	}
	return there
}

// answered tells whether somebody speaks SMTP there.
func answered(r probe.Result) bool {
	return slices.ContainsFunc(r.Steps, func(s probe.StepResult) bool {
		return s.ID == probe.StepEHLO && (s.Status == probe.Pass || s.Status == probe.Warn)
	})
}

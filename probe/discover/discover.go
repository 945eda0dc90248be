// Package discover finds the submission settings of a mail domain: it asks the
// list of providers, the DNS and the domain's own web servers, all at once,
// ranks what they say, and verifies it without credentials. For commands that
// are given an address in place of settings. Nobody is told more than the
// domain: the local part of an address never gets into this package's look-ups.
package discover

import (
	"context"
	"crypto/x509"
	"slices"
	"time"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
)

// World is what lies outside; zero fields mean the real thing.
type World struct {
	Net       probe.Net
	Resolver  string         // IP:PORT to ask in place of the system's DNS servers
	CA        *x509.CertPool // trusted in place of Net.Roots, by https and by verification
	Catalogue Catalogue
	Limits    Limits
}

// Catalogue is a list of providers, as package presets has it.
type Catalogue interface {
	MatchDomain(domain string) (id string, ok bool)
	MatchMX(host string) (id string, ok bool)
	MatchHost(host string) (id string, ok bool)
	Get(id string) (presets.Provider, bool)
}

// builtin is the list that the binary holds.
type builtin struct{}

func (builtin) MatchDomain(domain string) (string, bool) { return presets.MatchDomain(domain) }
func (builtin) MatchMX(host string) (string, bool)       { return presets.MatchMX(host) }
func (builtin) MatchHost(host string) (string, bool)     { return presets.MatchHost(host) }
func (builtin) Get(id string) (presets.Provider, bool)   { return presets.Get(id) }

// Limits are the times after which a question counts as unanswered. All begin
// with the discovery, so that it takes no longer than the longest of them.
type Limits struct {
	DNS    time.Duration // 6 s: a look-up
	HTTPS  time.Duration // 8 s: a fetch, its look-ups and redirects among it
	Guess  time.Duration // 3 s: how long guesses wait for the other sources
	Verify time.Duration // 12 s: the verification of whatever was found
}

func (l Limits) filled() Limits {
	usual := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	usual(&l.DNS, 6*time.Second)
	usual(&l.HTTPS, 8*time.Second)
	usual(&l.Guess, 3*time.Second)
	usual(&l.Verify, 12*time.Second)
	return l
}

func (l Limits) longest() time.Duration { return max(l.DNS, l.HTTPS, l.Verify) }

// Options ask for sources that are not asked as a matter of course.
type Options struct {
	Autodiscover   bool // POX Autodiscover, without credentials and never of Microsoft
	OnlineDatabase bool // the public configuration database, which learns the domain
}

// Schema names the JSON document of a discovery.
const Schema = "smtpdx.discovery/v1"

// State tells how a source answered.
type State string

// The states of the contract.
const (
	Found    State = "found"
	Nothing  State = "nothing"
	Failed   State = "failed"
	TimedOut State = "timeout"
	NotAsked State = "not-asked"
)

// Source is one that was asked, or not, and what it said.
type Source struct {
	ID    string
	State State
	Text  string
	Took  time.Duration
}

// Outcome is what a discovery found.
type Outcome struct {
	Domain     string            // ASCII, lower case
	Provider   *presets.Provider // whose the mail of the domain is, nil when that is not known
	Filter     string            // the name of a filter that the MX belongs to, ""
	Candidates []Candidate       // the best one first
	Inbox      []Inbox           // IMAP servers that were met on the way
	Sources    []Source
	Findings   []probe.Finding
	Took       time.Duration
	Ended      bool // ctx ended before everybody had answered
}

// Best gives the first candidate that was seen to work, as far as that can be
// seen without credentials.
func (o Outcome) Best() (Candidate, bool) {
	i := slices.IndexFunc(o.Candidates, Candidate.IsVerified)
	if i < 0 {
		return Candidate{}, false
	}
	return o.Candidates[i], true
}

// Find asks every source for the submission settings of a domain (ASCII, see
// ParseAddress) and verifies what they say. Ending ctx ends it early.
func Find(ctx context.Context, w World, domain string, o Options) Outcome {
	begin := time.Now()
	limits := w.Limits.filled()
	bounded, cancel := context.WithTimeout(ctx, limits.longest())
	defer cancel()
	s := newSearch(w, limits, domain)
	found := s.collect(bounded, s.sources(o))
	s.demote(found)
	found.rank()
	out := Outcome{Domain: domain, Candidates: found.candidates, Inbox: found.inbox, Sources: found.sources, Filter: s.mx.seen().filter}
	out.Provider = s.provider(found)
	out.Findings = s.findings(found, out)
	out.Ended = ctx.Err() != nil
	out.Took = time.Since(begin)
	return out
}

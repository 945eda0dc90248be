package discover

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/presets"
)

// search is one discovery under way.
type search struct {
	world  World
	limits Limits
	domain string
	began  time.Time
	mx     *mxAnswer
	turns  *turns
	web    *web
}

func newSearch(w World, limits Limits, domain string) *search {
	if w.Catalogue == nil {
		w.Catalogue = builtin{}
	}
	s := &search{world: w, limits: limits, domain: domain, began: time.Now(), mx: newMXAnswer(), turns: newTurns()}
	s.web = newWeb(s)
	return s
}

// source is somebody who may know, and how long one waits for the answer.
type source struct {
	id    string
	limit time.Duration
	ask   func(context.Context) reply
}

// reply is what a source says.
type reply struct {
	id     string
	state  State
	text   string
	offers []Candidate
	inbox  []Inbox
	took   time.Duration
}

// sources lists everybody, in the order in which a person reads them. Guesses
// are not among them: they come last, see collect.
func (s *search) sources(o Options) []source {
	dns, https := s.limits.DNS, s.limits.HTTPS
	return []source{
		{"preset", dns, s.askPresets},
		{"autoconfig", https, s.published("https://autoconfig." + s.domain + "/mail/config-v1.1.xml")},
		{"well-known", https, s.published("https://" + s.domain + "/.well-known/autoconfig/mail/config-v1.1.xml")},
		{"autoconfig-http", https, s.askPlainHTTP},
		{"srv-submissions", dns, s.submissions},
		{"srv-submission", dns, s.submission},
		{"srv-imaps", dns, s.imaps},
		{"mx", dns, s.askMX},
		{"autoconfig-mx", https, s.askWhereMXIs},
		{"autodiscover-dns", dns, s.askAutodiscoverName},
		{"spf", dns, s.askSPF},
		{"dkim", dns, s.askDKIM},
		{"autodiscover", https, onlyIf(o.Autodiscover, "only with --autodiscover", s.askAutodiscover)},
		{"database", https, onlyIf(o.OnlineDatabase, "only with --online-database, as it learns the domain", s.askDatabase)},
	}
}

func onlyIf(wanted bool, otherwise string, ask func(context.Context) reply) func(context.Context) reply {
	if wanted {
		return ask
	}
	return func(context.Context) reply { return notAsked(otherwise) }
}

func notAsked(why string) reply { return reply{state: NotAsked, text: why} }

// finds are what came together.
type finds struct {
	candidates []Candidate
	inbox      []Inbox
	sources    []Source
	elsewhere  []Candidate // what the domain publishes although its MX belongs to another provider
}

func (f *finds) take(r reply) {
	f.inbox = append(f.inbox, r.inbox...)
	f.sources = append(f.sources, Source{ID: r.id, State: r.state, Text: r.text, Took: r.took})
}

// works tells whether a candidate was seen to work.
func (f *finds) works() bool { return slices.ContainsFunc(f.candidates, Candidate.IsVerified) }

// judge notes what a verification saw.
func (f *finds) judge(c Candidate) {
	if i := slices.IndexFunc(f.candidates, c.isSame); i >= 0 {
		f.candidates[i].Verified, f.candidates[i].Why, f.candidates[i].FailedStep = c.Verified, c.Why, c.FailedStep
	}
}

// collect asks all sources at once and verifies what they offer as it comes
// in. Guesses are made when nobody else has found anything by then.
func (s *search) collect(ctx context.Context, sources []source) *finds {
	found := &finds{}
	replies := make(chan reply)
	verdicts := make(chan Candidate)
	asked, verifying := 0, 0
	ask := func(one source) {
		asked++
		go func() { replies <- s.put(ctx, one) }()
	}
	for _, one := range sources {
		ask(one)
	}
	patience := time.NewTimer(s.limits.Guess)
	defer patience.Stop()
	guessing := false
	guess := func() {
		guessing = true
		ask(source{"guess", s.limits.Verify, onlyIf(!found.works(), "other sources have settings that work", s.guess)})
	}
	for asked > 0 || verifying > 0 {
		select {
		case r := <-replies:
			asked--
			found.take(r)
			for _, offer := range r.offers {
				if !found.add(offer) && offer.isVerifiable() {
					verifying++
					go func() { verdicts <- s.verify(ctx, offer) }()
				}
			}
		case c := <-verdicts:
			verifying--
			found.judge(c)
		case <-patience.C:
			if len(found.candidates) == 0 && !guessing {
				guess()
			}
		}
		if asked == 0 && verifying == 0 && !guessing {
			guess()
		}
	}
	slices.SortStableFunc(found.sources, func(a, b Source) int { return placeOf(sources, a.ID) - placeOf(sources, b.ID) })
	for _, c := range found.candidates {
		slices.SortFunc(c.Sources, func(a, b string) int {
			return cmp.Or(placeOf(sources, a)-placeOf(sources, b), strings.Compare(a, b))
		})
	}
	return found
}

// placeOf is where a source stands in the list; guesses, and what the list of
// providers adds to another source, stand behind it.
func placeOf(sources []source, id string) int {
	if i := slices.IndexFunc(sources, func(s source) bool { return s.id == id }); i >= 0 {
		return i
	}
	return len(sources)
}

// put asks one source within its limit, which began with the discovery.
func (s *search) put(ctx context.Context, one source) reply {
	limit, cancel := context.WithDeadline(ctx, s.began.Add(one.limit))
	defer cancel()
	begin := time.Now()
	r := one.ask(limit)
	r.id, r.took = one.id, time.Since(begin)
	for i := range r.offers {
		offer := &r.offers[i]
		if one.id != "preset" {
			offer.Sources = append([]string{one.id}, offer.Sources...)
		}
		offer.settle()
		offer.Outside = !isWithin(offer.Host, s.domain)
		if offer.Provider == "" {
			offer.Provider, _ = s.world.Catalogue.MatchHost(offer.Host)
		}
	}
	return r
}

// provider is whose the mail of the domain is: by the domain, by the MX, by
// other signs, or at last by the host of the best candidate.
func (s *search) provider(f *finds) *presets.Provider {
	ids := []string{s.listed(), s.mx.seen().provider}
	for _, c := range f.candidates {
		ids = append(ids, c.Provider)
	}
	for _, id := range ids {
		if p, ok := s.world.Catalogue.Get(id); id != "" && ok {
			return &p
		}
	}
	return nil
}

func (s *search) listed() string {
	id, _ := s.world.Catalogue.MatchDomain(s.domain)
	return id
}

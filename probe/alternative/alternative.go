// Package alternative finds settings that work in place of some that do not:
// other ports with the encryption that goes with them, what the rules suggest,
// what the provider publishes, the other address family. Each is probed without
// credentials; only what was seen to work is called so. It is for the engine,
// which starts it when a connection does not come about.
package alternative

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/smtpdx/smtpdx/probe"
)

// Endpoint is a server that somebody knows of.
type Endpoint struct {
	Host       string
	Port       int
	Encryption probe.Encryption
	Why        string // a clause that says what makes it likely: "did you mean smtp.gmail.com?"
}

// Finder implements probe.Alternatives. The zero value knows no provider.
type Finder struct {
	// Published gives the servers that the provider of a host publishes; mx are
	// the host's, missing tells that the DNS does not know the host.
	Published func(host string, mx []string, missing bool) []Endpoint
}

// candidate is one thing to try.
type candidate struct {
	Endpoint
	family int // of the address, where that is what differs
}

func (c candidate) settings() probe.SuggestedSettings {
	return probe.SuggestedSettings{Host: c.Host, Port: c.Port, Encryption: string(c.Encryption)}
}

// Try probes what is likely to work, the hosts side by side and the ports of a
// host one after the other, the likeliest first.
func (f Finder) Try(ctx context.Context, t probe.Trouble, tell func(probe.Attempt)) {
	hosts := map[string][]candidate{}
	for _, c := range f.list(t) {
		hosts[c.Host] = append(hosts[c.Host], c)
	}
	var running sync.WaitGroup
	for _, list := range hosts {
		running.Go(func() {
			for _, c := range list {
				if ctx.Err() != nil {
					return
				}
				if a, decided := try(ctx, t, c); decided {
					tell(a)
				}
			}
		})
	}
	running.Wait()
}

func try(ctx context.Context, t probe.Trouble, c candidate) (a probe.Attempt, decided bool) {
	s := t.Settings
	if c.Host != s.Host {
		s.TLSServerName, s.Insecure = "", false // both were meant for the server entered
	}
	s.Host, s.Port, s.Encryption = c.Host, c.Port, c.Encryption
	if c.family != 0 {
		s.Family = c.family
	}
	a = judge(t.Probe(ctx, s), c, t.WantsLogin)
	return a, a.Passed || ctx.Err() == nil
}

// list gives what to try, nothing twice, and not what is in trouble itself.
func (f Finder) list(t probe.Trouble) []candidate {
	var all []candidate
	add := func(c candidate) {
		same := func(s probe.SuggestedSettings, family int) bool { return s == c.settings() && family == c.family }
		self := probe.SuggestedSettings{Host: t.Settings.Host, Port: t.Settings.Port, Encryption: string(t.Settings.Encryption)}
		if same(self, 0) || c.Encryption == probe.NoEncryption || isOddSelf(t, c) ||
			slices.ContainsFunc(all, func(b candidate) bool { return same(b.settings(), b.family) }) ||
			slices.ContainsFunc(t.Tried, func(b probe.Attempt) bool { return same(b.Settings, b.Family) }) {
			return
		}
		all = append(all, c)
	}
	if t.Step == probe.StepDNS && t.Fault != probe.NoSuchHost && t.Fault != probe.NoData {
		return nil // other names would not be found either
	}
	if s := t.Suggested; s != nil {
		add(candidate{Endpoint: Endpoint{Host: s.Settings.Host, Port: s.Settings.Port, Encryption: probe.Encryption(s.Settings.Encryption)}})
	}
	if t.Tried != nil {
		return all
	}
	if t.Step != probe.StepDNS {
		for _, e := range usual(t.Settings) {
			add(candidate{Endpoint: e})
		}
	}
	for _, e := range f.published(t) {
		add(candidate{Endpoint: e})
	}
	if family := t.Settings.Family; family != 0 {
		add(candidate{Endpoint{t.Settings.Host, t.Settings.Port, t.Settings.Encryption, ""}, 10 - family})
	}
	return all
}

// isOddSelf: an unusual port of this computer is a tunnel's or a test's, and
// its neighbours tell nothing about the server behind it.
func isOddSelf(t probe.Trouble, c candidate) bool {
	return c.Host == t.Settings.Host && isHere(t) && !isUsual(t.Settings.Port)
}

func isHere(t probe.Trouble) bool {
	host := strings.TrimSuffix(t.Settings.Host, ".")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback()
	}
	if strings.EqualFold(host, "localhost") || t.DNS == nil {
		return strings.EqualFold(host, "localhost")
	}
	return slices.ContainsFunc(t.DNS.Addresses, func(h probe.HostAddress) bool {
		a, err := netip.ParseAddr(h.Address)
		return err == nil && a.IsLoopback()
	})
}

// usualPorts are those on which servers take mail from clients (RFC 8314, RFC
// 6409), the likeliest first.
func usualPorts() []Endpoint {
	return []Endpoint{{Port: 465, Encryption: probe.SSL}, {Port: 587, Encryption: probe.STARTTLS},
		{Port: 2525, Encryption: probe.STARTTLS}, {Port: 25, Encryption: probe.STARTTLS}}
}

func isUsual(port int) bool {
	return slices.ContainsFunc(usualPorts(), func(e Endpoint) bool { return e.Port == port })
}

// usual gives the usual ports of the host; first, where the port is no usual
// one, the port itself with the other encryption.
func usual(s probe.Settings) []Endpoint {
	list := usualPorts()
	if !isUsual(s.Port) {
		list = slices.Insert(list, 0, Endpoint{Port: s.Port, Encryption: other(s.Encryption)})
	}
	for i := range list {
		list[i].Host = s.Host
	}
	// The port that was entered was meant: it goes first.
	slices.SortStableFunc(list, func(a, b Endpoint) int { return rank(a, s.Port) - rank(b, s.Port) })
	return list
}

func rank(e Endpoint, port int) int {
	if e.Port == port {
		return 0
	}
	return 1
}

func other(e probe.Encryption) probe.Encryption {
	if e == probe.SSL {
		return probe.STARTTLS
	}
	return probe.SSL
}

func (f Finder) published(t probe.Trouble) []Endpoint {
	if f.Published == nil {
		return nil
	}
	var mx []string
	if t.DNS != nil {
		mx = t.DNS.MX
	}
	return f.Published(t.Settings.Host, mx, t.Step == probe.StepDNS && t.Fault == probe.NoSuchHost)
}

// judge reads what a probe came to.
func judge(r probe.Result, c candidate, wantsLogin bool) probe.Attempt {
	a := probe.Attempt{Settings: c.settings(), Family: c.family, Why: c.Why}
	if r.FailedStep != "" {
		a.Text = failure(r)
		return a
	}
	for _, step := range r.Steps {
		hello, ok := step.Evidence.(*probe.EHLOEvidence)
		if !ok || step.Address != r.Address || step.ID != lastStep(c.Encryption) || step.Status == probe.Skip {
			continue
		}
		if wantsLogin && len(hello.Auth) == 0 {
			a.Text = "answers, but offers no login"
			return a
		}
		a.Passed, a.Text = true, works(r, wantsLogin)
		return a
	}
	a.Text = "no answer in time"
	return a
}

func lastStep(e probe.Encryption) probe.StepID {
	if e == probe.SSL {
		return probe.StepEHLO
	}
	return probe.StepEHLOTLS
}

func works(r probe.Result, wantsLogin bool) string {
	words := "works"
	if wantsLogin {
		words = "works as far as the login"
	}
	if r.Settings.Insecure {
		return words + ", the certificate not demanded to be good"
	}
	return words + ", certificate good"
}

// failure says in which step a probe ended, in the step's own words.
func failure(r probe.Result) string {
	for _, step := range r.Steps {
		if string(step.ID) != string(r.FailedStep) || step.Status != probe.Fail {
			continue
		}
		if step.ID == probe.StepTCP {
			return step.Summary
		}
		return fmt.Sprintf("%s: %s", step.ID, step.Summary)
	}
	return "failed at " + string(r.FailedStep)
}

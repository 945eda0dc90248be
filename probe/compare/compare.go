// Package compare tells what differs between two reports, and whether it
// matters: for "works here, fails there" and "worked yesterday". For whoever
// has both reports and not the server.
//
// What changes by itself is no difference: the addresses that a provider
// rotates, host ids in greetings, times within noise, a certificate renewed by
// the same issuer for the same names.
package compare

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// Schema names the JSON document that Comparison is.
const Schema = "smtpdx.comparison/v1"

// Effect says what a difference means, seen from the first report.
type Effect string

// The effects.
const (
	Worse   Effect = "worse"   // something works no more, or less safely
	Better  Effect = "better"  // something works now
	Neutral Effect = "neutral" // another question or another answer; it may explain the rest
)

// Comparison is what differs between report A, the earlier or the good one,
// and report B: the JSON document of that schema.
type Comparison struct {
	Schema      string                 `json:"schema"`
	Worse       bool                   `json:"worse"` // one of the differences is worse
	A           Side                   `json:"a"`
	B           Side                   `json:"b"`
	Differences probe.List[Difference] `json:"differences"`
}

// Side is what is known of one of the two reports.
type Side struct {
	StartedAt string       `json:"started_at"` // RFC 3339, UTC
	Verdict   probe.Status `json:"verdict"`
	ExitCode  int          `json:"exit_code"`
	Command   string       `json:"command"`
}

// Difference is one thing that is not the same in both. Path names it as the
// report does ("settings.port", "steps.tls.version"); A and B are its values,
// null where there is none.
type Difference struct {
	Profile probe.Maybe `json:"profile"`
	Path    string      `json:"path"`
	A       probe.Maybe `json:"a"`
	B       probe.Maybe `json:"b"`
	Effect  Effect      `json:"effect"`
	Text    string      `json:"text"`
}

// Reports compares b with a, profile by profile: by name, or the only one
// with the only one.
func Reports(a, b probe.Report) Comparison {
	c := Comparison{Schema: Schema, A: sideOf(&a), B: sideOf(&b)}
	all := differences{}
	all.tools(&a, &b)
	all.vantage(&a.Vantage, &b.Vantage)
	for _, pair := range pairs(a.Results, b.Results) {
		all.profile = name(pair)
		all.results(pair.a, pair.b)
	}
	c.Differences = inOrder(all.list)
	c.Worse = slices.ContainsFunc(c.Differences, func(d Difference) bool { return d.Effect == Worse })
	return c
}

func sideOf(r *probe.Report) Side {
	return Side{StartedAt: r.StartedAt.UTC().Format("2006-01-02T15:04:05Z"), Verdict: r.Verdict, ExitCode: r.ExitCode, Command: r.Command}
}

// inOrder puts first what is worse, then what is better.
func inOrder(list []Difference) []Difference {
	rank := []Effect{Worse, Better, Neutral}
	slices.SortStableFunc(list, func(a, b Difference) int { return slices.Index(rank, a.Effect) - slices.Index(rank, b.Effect) })
	return list
}

// pair is one profile in both reports; nil where it is not in one.
type pair struct{ a, b *probe.Result }

func pairs(a, b []probe.Result) []pair {
	if len(a) == 1 && len(b) == 1 {
		return []pair{{&a[0], &b[0]}}
	}
	var all []pair
	taken := map[int]bool{}
	places := map[string][]int{}
	for k := range b {
		places[key(&b[k])] = append(places[key(&b[k])], k)
	}
	for i := range a {
		at := places[key(&a[i])]
		if len(at) == 0 {
			all = append(all, pair{a: &a[i]})
			continue
		}
		taken[at[0]] = true
		places[key(&a[i])] = at[1:]
		all = append(all, pair{&a[i], &b[at[0]]})
	}
	for k := range b {
		if !taken[k] {
			all = append(all, pair{b: &b[k]})
		}
	}
	return all
}

// key is the profile's name, else the server and account.
func key(r *probe.Result) string {
	if r.Profile != "" {
		return string(r.Profile)
	}
	return strings.Join([]string{string(r.Settings.Host), number(r.Settings.Port), string(r.Settings.Account)}, " ")
}

func name(p pair) probe.Maybe {
	if p.a != nil {
		return p.a.Profile
	}
	return p.b.Profile
}

// differences collects them.
type differences struct {
	profile probe.Maybe
	mixed   bool // one of the two had TLS from the first byte
	list    []Difference
}

func (d *differences) add(path, a, b string, effect Effect, text string) {
	d.list = append(d.list, Difference{d.profile, path, probe.Maybe(a), probe.Maybe(b), effect, text})
}

// differs adds a difference of two values where they are not equal.
func (d *differences) differs(path, a, b string, effect Effect, text string) {
	if a != b {
		d.add(path, a, b, effect, text)
	}
}

func (d *differences) tools(a, b *probe.Report) {
	d.differs("tool.version", a.Tool.Version, b.Tool.Version, Neutral, "another version of smtpdx made the report: it may see or name more")
}

func (d *differences) vantage(a, b *probe.Vantage) {
	const place = "looked from another place: firewalls, resolvers and allow lists can differ there"
	d.differs("vantage.os", a.OS, b.OS, Neutral, "another system, with other trusted certificates")
	d.differs("vantage.environment", join(a.Environment), join(b.Environment), Neutral, place)
	if network(string(a.LocalAddress)) != network(string(b.LocalAddress)) {
		d.differs("vantage.local_address", string(a.LocalAddress), string(b.LocalAddress), Neutral, place)
	}
	d.both("vantage.seen_as", string(a.SeenAs), string(b.SeenAs), Neutral, "the server saw another client address: what it allows or blocks by address can differ")
	d.both("vantage.resolver", string(a.Resolver), string(b.Resolver), Neutral, "another DNS server was asked: inside and outside of a company can get other answers")
	d.differs("vantage.proxy", string(a.Proxy), string(b.Proxy), Neutral, "a proxy on the way in one of the two")
}

// both adds a difference of two values that were both observed.
func (d *differences) both(path, a, b string, effect Effect, text string) {
	if a != "" && b != "" {
		d.differs(path, a, b, effect, text)
	}
}

// network is the /24 or /64 of an address: a computer gets another address of
// the same network by itself (of IPv6 every day, RFC 8981).
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	bits := 24
	if ip.Is6() {
		bits = 64
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return address
	}
	return prefix.String()
}

func join(words []string) string { return strings.Join(words, ", ") }

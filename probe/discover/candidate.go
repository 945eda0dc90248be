package discover

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
)

// Candidate is a server that mail of the domain may be handed to.
type Candidate struct {
	Host       string // with {server} or the like in it where something is Missing
	Port       int
	Encryption probe.Encryption
	Account    presets.Account  // how the login name is made of the address
	Sources    []string         // who says so: ids of Outcome.Sources, and preset:ID for what the list of providers says
	Provider   string           // the id of the provider whose host it is, ""
	Missing    []string         // placeholders that nobody could fill
	Outside    bool             // the host is not in the domain
	Listed     bool             // the list of providers has it for exactly this domain
	Verified   *bool            // nil: not known
	Why        string           // what the verification saw, or why there was none
	FailedStep probe.StepID     // where the verification failed, ""
	Enable     []presets.Enable // what the domain itself says must be switched on first

	template string // of the login name, as autoconfig has it
	rank     int
	order    int // within the rank
}

// IsVerified tells whether the server was seen to offer a login over TLS, with
// a certificate for its name.
func (c Candidate) IsVerified() bool { return c.Verified != nil && *c.Verified }

// NeedsConsent tells whether a person has to agree before a password goes
// there: only the DNS or a page says that a host outside the domain is the
// domain's (RFC 6186 section 6).
func (c Candidate) NeedsConsent() bool { return c.Outside && !c.Listed }

// AccountFor gives the login name for an address, "" when it does not follow from one.
func (c Candidate) AccountFor(a Address) string {
	if c.template != "" {
		full := a.Local + "@" + a.Domain
		return strings.NewReplacer("%EMAILADDRESS%", full, "%EMAILLOCALPART%", a.Local, "%EMAILDOMAIN%", a.Domain).Replace(c.template)
	}
	switch c.Account.Form {
	case "full-address":
		return a.Local + "@" + a.Domain
	case "local-part":
		return a.Local
	case "fixed":
		return c.Account.Word
	}
	return ""
}

// Values are the settings of the candidate for an address, by the keys of a
// settings file; a login name that is not known is left out.
func (c Candidate) Values(a Address) map[string]string {
	values := map[string]string{"host": c.Host, "port": strconv.Itoa(c.Port), "encryption": string(c.Encryption), "from": a.Local + "@" + a.Domain}
	if account := c.AccountFor(a); account != "" {
		values["account"] = account
	}
	return values
}

// Server is HOST:PORT.
func (c Candidate) Server() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

func (c Candidate) String() string { return fmt.Sprintf("%s:%d %s", c.Host, c.Port, c.Encryption) }

func (c Candidate) isSame(other Candidate) bool {
	return c.Host == other.Host && c.Port == other.Port && c.Encryption == other.Encryption
}

// Inbox is an IMAP server that was met on the way.
type Inbox struct {
	Host       string
	Port       int
	Encryption probe.Encryption
	Source     string
}

// The ranks of the sources: the lower goes first. What the domain publishes
// over https outranks everything but a provider that takes the domain's mail
// and is another one; see outrank.
const (
	rankPublished    = 10 * (iota + 1) // autoconfig of the domain, over https
	rankAutodiscover                   // POX, over https
	rankListed                         // the list of providers, by the domain
	rankSRV                            // plain DNS, but of the domain
	rankMX                             // the list of providers, by the MX
	rankMXPublished                    // autoconfig where the MX is
	rankBehind                         // the list of providers, by other signs in the DNS
	rankElsewhere                      // what the domain says, when the MX belongs to another provider
	rankDatabase
	rankGuess
)

// words lists servers in a sentence.
func words(all []Candidate) string {
	var out []string
	for _, c := range all {
		out = append(out, c.String())
	}
	return strings.Join(out, ", ")
}

// isWithin tells whether a host is the domain or below it.
func isWithin(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// registrable is the part of a name that somebody registered (the public
// suffix and one label), the name itself where there is no such part.
func registrable(host string) string {
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}

// add merges a candidate with one that is the same server.
func (f *finds) add(c Candidate) (merged bool) {
	i := slices.IndexFunc(f.candidates, c.isSame)
	if i < 0 {
		f.candidates = append(f.candidates, c)
		return false
	}
	f.candidates[i].merge(c)
	return true
}

// merge takes over what the other source knows; the better source's word counts.
func (c *Candidate) merge(other Candidate) {
	for _, source := range other.Sources {
		if !slices.Contains(c.Sources, source) {
			c.Sources = append(c.Sources, source)
		}
	}
	better, worse := *c, other
	if other.rank < c.rank {
		better, worse = other, *c
		c.rank, c.order = other.rank, other.order
	}
	c.Account, c.template = better.Account, better.template
	if better.Account.Form == "" && better.template == "" {
		c.Account, c.template = worse.Account, worse.template
	}
	c.Listed = c.Listed || other.Listed
	c.Enable = append(c.Enable, other.Enable...)
	if c.Provider == "" {
		c.Provider = other.Provider
	}
	if c.Verified == nil && other.Verified != nil {
		c.Verified, c.Why = other.Verified, other.Why
	}
}

package smtptest

import (
	"crypto/tls"
	"slices"
	"strings"
	"time"
)

// script is what a server does at one address: how it listens, and what it
// says to which event. The text of doc.go becomes this and nothing else.
type script struct {
	tcp    string // "", refused, timeout, reset
	listen string // plain or tls
	name   string // what the server calls itself
	hello  string // first line of its replies to EHLO and HELO

	capabilities []string // as in the EHLO reply, without AUTH
	without      []string // keywords left out of them
	gone         bool     // after TLS none of them is left
	mechanisms   []string // offered after TLS
	inClear      []string // offered before TLS

	certificate        string
	minTLS, maxTLS     uint16
	weakCiphers        bool
	clientCertificate  string // "", asked, required
	account            string // what the server knows, settings unless given
	password, token    string
	prompts            []string // of LOGIN; texts after "334 ", nil: the usual ones
	barePrompts        bool     // "334" alone
	refusesInitial     bool     // AUTH with an initial response is a syntax error
	oauthError         string   // JSON of the 334; "" none: the refusal comes at once
	scram              string   // "", no-signature, wrong-signature
	iterations         int
	forbidsEarlyBytes  bool // as on 25 and 587: not even a TLS probe
	requiresLogin      bool // MAIL before AUTH is refused with 530
	requiresEncryption bool // AUTH and MAIL before STARTTLS are refused with 530

	events map[string][]action
}

// action is one thing that the server does.
type action struct {
	verb string // line, say, raw, wait, await, stall, close, reset, flood, tls, alert
	text string
	wait time.Duration
	code byte // of an alert
}

// clone copies what an overlay may change.
func (s *script) clone() *script {
	c := *s
	c.events = make(map[string][]action, len(s.events))
	for name, actions := range s.events {
		c.events[name] = actions
	}
	return &c
}

// find gives the actions of the first event that the dialogue or its make has.
func (s *script) find(encrypted bool, names ...string) ([]action, bool) {
	suffix := " in clear"
	if encrypted {
		suffix = " over tls"
	}
	for _, name := range names {
		name = strings.ToLower(name)
		if a, ok := s.events[name+suffix]; ok {
			return a, true
		}
		if a, ok := s.events[name]; ok {
			return a, true
		}
	}
	return nil, false
}

// offered gives the capabilities of an EHLO reply.
func (s *script) offered(encrypted bool) []string {
	if encrypted && s.gone {
		return nil
	}
	var all []string
	for _, c := range s.capabilities {
		keyword, _, _ := strings.Cut(c, " ")
		if slices.Contains(s.without, keyword) || encrypted && keyword == "STARTTLS" {
			continue
		}
		all = append(all, c)
	}
	if m := s.offers(encrypted); len(m) > 0 {
		all = append(all, "AUTH "+strings.Join(m, " "))
	}
	return all
}

// offers gives the mechanisms on the connection as it is.
func (s *script) offers(encrypted bool) []string {
	if encrypted {
		return s.mechanisms
	}
	return s.inClear
}

// replies tells whether text begins as a reply line does (RFC 5321 section 4.2).
func replies(text string) bool {
	return len(text) >= 3 && text[0] >= '2' && text[0] <= '5' && digit(text[1]) && digit(text[2]) &&
		(len(text) == 3 || text[3] == ' ' || text[3] == '-')
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// tlsVersions names the versions a dialogue can ask for.
func tlsVersions(text string) (lowest, highest uint16, ok bool) {
	from, to, both := strings.Cut(text, "-")
	if !both {
		to = from
	}
	known := map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	lowest, highest = known[strings.TrimSpace(from)], known[strings.TrimSpace(to)]
	return lowest, highest, lowest != 0 && highest >= lowest
}

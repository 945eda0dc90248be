package received

import (
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// Verdict is the results of one server about the message as it had it.
type Verdict struct {
	probe.Authentication
	MailFrom string // the envelope's sender, or its domain, as SPF was asked about it
	From     string // domain of From that DMARC was asked about, "" when not said
	Above    int    // number of Received fields above it: 0 is the last server's own
	Set      int    // number of the ARC set that has kept it, 0 for a plain Authentication-Results
	Compauth string // what Microsoft made of it all ("pass", "fail", "softpass", "none"), "" elsewhere
	Reason   string // and its number for why: 130 is a seal of ARC that it trusts

	BodyChanged bool // it says that a signature failed for the body
}

// Authentication gives the results of the outermost server that left some, the
// last one on the way; nil when none did. Results below every Received came
// with the message and prove nothing, as anybody can write them, unless they are
// signed with the name of a server above, which takes out what others wrote in
// its name (RFC 8601 section 5).
func (h Header) Authentication() *probe.Authentication {
	all := h.Verdicts()
	if len(all) == 0 {
		return h.bareSPF()
	}
	outermost := all[0].Authentication
	for _, v := range all[1:] { // one server may use several fields
		if v.Above == all[0].Above && strings.EqualFold(string(v.Server), string(outermost.Server)) {
			outermost = joined(outermost, v.Authentication)
		}
	}
	outermost.ARC = h.arc(outermost.ARC)
	return &outermost
}

// Verdicts gives what servers found out on the way, the last server first, and
// then what the sets of ARC have kept, the newest first.
func (h Header) Verdicts() []Verdict {
	var plain, kept []Verdict
	received, stamps := 0, len(h.All("Received"))
	from := h.Address("From").Address
	for _, f := range h.Fields {
		switch strings.ToLower(f.Name) {
		case "received":
			received++
		case "authentication-results":
			v := parseVerdict(f.Value, from, received)
			if received < stamps || stamps == 0 || h.isStampedBy(string(v.Server)) {
				plain = append(plain, v)
			}
		case "arc-authentication-results":
			instance, rest, _ := strings.Cut(f.Value, ";")
			v := parseVerdict(rest, from, received)
			v.Set = arcInstance(instance)
			kept = append(kept, v)
		}
	}
	slices.SortStableFunc(kept, func(a, b Verdict) int { return b.Set - a.Set })
	return append(plain, kept...)
}

// isStampedBy tells whether a server of a name, or of its organisation, put its
// stamp on the message.
func (h Header) isStampedBy(server string) bool {
	return strings.Contains(server, ".") && slices.ContainsFunc(h.Hops(), func(hop probe.Hop) bool {
		return Organisation(string(hop.By)) == Organisation(server)
	})
}

func joined(a, b probe.Authentication) probe.Authentication {
	if a.SPF == nil {
		a.SPF = b.SPF
	}
	if a.DMARC == nil {
		a.DMARC = b.DMARC
	}
	if a.ARC == nil {
		a.ARC = b.ARC
	}
	a.DKIM = append(a.DKIM, b.DKIM...)
	return a
}

// parseVerdict reads an Authentication-Results field (RFC 8601 section 2.2).
// Microsoft leaves the name of the server out.
func parseVerdict(value, from string, above int) Verdict {
	v := Verdict{Above: above}
	parts := splitResults(value)
	if len(parts) > 0 && !strings.Contains(dropComments(parts[0]), "=") {
		server, _, _ := strings.Cut(strings.TrimSpace(dropComments(parts[0])), " ")
		v.Server = probe.Maybe(server)
		parts = parts[1:]
	}
	for _, part := range parts {
		if method, m := parseMethod(part); method != "" {
			v.take(method, m)
		}
	}
	fromDomain := Domain(from)
	if v.From != "" {
		fromDomain = v.From
	}
	align(&v.Authentication, fromDomain)
	return v
}

// splitResults cuts at semicolons, but not in comments and quotes: OpenDKIM
// writes "(2048-bit key; unprotected)".
func splitResults(value string) []string {
	var parts []string
	depth, quoted, start := 0, false, 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ';' && depth == 0:
			parts, start = append(parts, value[start:i]), i+1
		}
	}
	return append(parts, value[start:])
}

// method is one result with its properties.
type method struct {
	result     string
	properties map[string]string // "header.d": "acme.example"
	comment    string
}

func parseMethod(part string) (name string, m method) {
	plain := spacedEquals().ReplaceAllString(dropComments(part), "=")
	words := strings.Fields(plain)
	if len(words) == 0 {
		return "", m
	}
	name, result, found := strings.Cut(words[0], "=")
	if !found {
		return "", m
	}
	name, _, _ = strings.Cut(strings.ToLower(name), "/")
	m = method{result: strings.ToLower(strings.Trim(result, `"`)), properties: map[string]string{}, comment: part}
	for _, word := range words[1:] {
		key, value, found := strings.Cut(word, "=")
		key = strings.ToLower(key)
		if _, twice := m.properties[key]; found && !twice {
			m.properties[key] = strings.Trim(value, `"<>`)
		}
	}
	return name, m
}

// take puts one result into its place.
func (v *Verdict) take(name string, m method) {
	switch name {
	case "spf":
		if v.SPF == nil || v.SPF.Domain == "" {
			v.MailFrom = m.properties["smtp.mailfrom"]
			v.SPF = &probe.SPFResult{Result: m.result, Domain: probe.Maybe(domainOrName(m.properties["smtp.mailfrom"], m.properties["smtp.mail"], m.properties["smtp.helo"]))}
		}
	case "dkim":
		domain := m.properties["header.d"]
		if domain == "" {
			domain = Domain(m.properties["header.i"])
		}
		if domain == "" && m.result == "none" {
			return
		}
		if strings.Contains(strings.ToLower(m.comment), "body hash") {
			v.BodyChanged = true
		}
		v.DKIM = append(v.DKIM, probe.DKIMResult{Result: m.result, Domain: probe.Maybe(strings.ToLower(domain)), Selector: probe.Maybe(m.properties["header.s"])})
	case "dmarc":
		v.From = strings.ToLower(m.properties["header.from"])
		v.DMARC = &probe.DMARCResult{Result: m.result, Domain: probe.Maybe(v.From), Policy: probe.Maybe(policy(m))}
	case "arc":
		v.ARC = &probe.ARCResult{Result: probe.Maybe(m.result)}
	case "compauth":
		v.Compauth, v.Reason = m.result, m.properties["reason"]
	}
}

func domainOrName(values ...string) string {
	for _, value := range values {
		if domain := Domain(value); domain != "" {
			return domain
		}
		if value != "" {
			return strings.ToLower(value)
		}
	}
	return ""
}

// policy finds the sender's wish in the ways in which servers write it:
// (p=REJECT sp=REJECT dis=NONE), policy.dmarc=reject, action=oreject.
func policy(m method) string {
	for _, key := range []string{"policy.published-domain-policy", "policy.dmarc", "policy"} {
		if value := strings.ToLower(m.properties[key]); isPolicy(value) {
			return value
		}
	}
	if found := policyInComment().FindStringSubmatch(m.comment); found != nil {
		return strings.ToLower(found[1])
	}
	switch m.properties["action"] { // Microsoft says it where DMARC failed
	case "oreject", "reject":
		return "reject"
	case "quarantine":
		return "quarantine"
	}
	return ""
}

func isPolicy(word string) bool {
	return slices.Contains([]string{"none", "quarantine", "reject"}, word)
}

// align says which results are about the domain of From, relaxed (RFC 7489 section 3.1).
func align(a *probe.Authentication, from string) {
	if from == "" {
		return
	}
	same := func(domain probe.Maybe) *bool {
		if domain == "" {
			return nil
		}
		is := Organisation(string(domain)) == Organisation(from)
		return &is
	}
	if a.SPF != nil {
		a.SPF.Aligned = same(a.SPF.Domain)
	}
	for i := range a.DKIM {
		a.DKIM[i].Aligned = same(a.DKIM[i].Domain)
	}
}

// bareSPF reads Received-SPF (RFC 7208 section 9.1) where there is nothing better.
func (h Header) bareSPF() *probe.Authentication {
	value := h.Get("Received-SPF")
	words := strings.Fields(value)
	if len(words) == 0 {
		return withSeals(h)
	}
	result := strings.ToLower(strings.Trim(words[0], ";:,"))
	spf := &probe.SPFResult{Result: result}
	if found := envelopeFrom().FindStringSubmatch(value); found != nil {
		spf.Domain = probe.Maybe(domainOrName(found[1]))
	}
	a := &probe.Authentication{SPF: spf, ARC: h.arc(nil)}
	align(a, Domain(h.Address("From").Address))
	return a
}

func withSeals(h Header) *probe.Authentication {
	if seals := h.arc(nil); seals != nil {
		return &probe.Authentication{ARC: seals}
	}
	return nil
}

// arc adds who sealed the message to what was found out about the seals.
func (h Header) arc(found *probe.ARCResult) *probe.ARCResult {
	type seal struct {
		instance int
		domain   string
	}
	var seals []seal
	for _, value := range h.All("ARC-Seal") {
		tags := Tags(value)
		seals = append(seals, seal{arcInstance("i=" + tags["i"]), strings.ToLower(tags["d"])})
	}
	if len(seals) == 0 && found == nil {
		return nil
	}
	slices.SortStableFunc(seals, func(a, b seal) int { return a.instance - b.instance })
	result := probe.ARCResult{}
	if found != nil {
		result = *found
	}
	for _, s := range seals[:min(len(seals), 50)] { // RFC 8617 section 4.2.1
		result.Sealers = append(result.Sealers, s.domain)
	}
	return &result
}

// arcInstance reads "i=2".
func arcInstance(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(strings.ReplaceAll(text, " ", ""), "i=")))
	if err != nil || n < 1 || n > 50 {
		return 0
	}
	return n
}

// Tags reads a list of tags as DKIM and ARC have it (RFC 6376 section 3.2).
func Tags(value string) map[string]string {
	tags := map[string]string{}
	for _, part := range strings.Split(value, ";") {
		key, text, found := strings.Cut(part, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if _, twice := tags[key]; found && !twice {
			tags[key] = strings.Join(strings.Fields(text), "")
		}
	}
	return tags
}

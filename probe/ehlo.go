package probe

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// EHLOEvidence is how the server introduced itself.
type EHLOEvidence struct {
	Helo         Maybe            `json:"helo"` // the name we gave
	Verb         Maybe            `json:"verb"` // EHLO or HELO
	ServerName   Maybe            `json:"server_name"`
	Capabilities List[Capability] `json:"capabilities"`
	Auth         List[string]     `json:"auth"`
	Added        List[string]     `json:"added"` // after TLS, against before
	Removed      List[string]     `json:"removed"`

	text string // of the reply, for the rules
}

// Capability is one line of an EHLO reply (RFC 5321 section 4.1.1.1).
type Capability struct {
	Keyword    string       `json:"keyword"`
	Parameters List[string] `json:"parameters"`
}

func (*EHLOEvidence) isEvidence() {}

// offers tells whether a capability was announced.
func (e *EHLOEvidence) offers(keyword string) bool {
	return e != nil && slices.ContainsFunc(e.Capabilities, func(c Capability) bool { return c.Keyword == keyword })
}

func (e *EHLOEvidence) summary(fault *Fault) string {
	if fault != nil {
		return ""
	}
	var words []string
	if e.Verb == "HELO" {
		words = append(words, "EHLO refused, HELO accepted")
	}
	if e.offers("STARTTLS") {
		words = append(words, "STARTTLS offered")
	}
	if len(e.Auth) > 0 {
		words = append(words, "login offered: "+strings.Join(e.Auth, ", "))
	}
	if len(words) == 0 {
		return "no STARTTLS and no login offered"
	}
	return strings.Join(words, "; ")
}

func ehloStep(ctx context.Context, l *lane) (Evidence, error) { return l.sayHello(ctx) }

// ehloTLSStep asks again after TLS, as what was said in plain text counts no
// more (RFC 3207 section 4.2), and tells what has changed.
func ehloTLSStep(ctx context.Context, l *lane) (Evidence, error) {
	e, err := l.sayHello(ctx)
	before, _ := l.seen[StepEHLO].(*EHLOEvidence)
	if err == nil && before != nil {
		e.Added, e.Removed = changes(before, e)
	}
	return e, err
}

// sayHello says EHLO, and HELO where EHLO is refused for good; the refusal stays in the exchanges.
func (l *lane) sayHello(ctx context.Context) (*EHLOEvidence, error) {
	e := &EHLOEvidence{Helo: Maybe(l.heloName()), Verb: "EHLO"}
	reply, err := l.conn.Command(ctx, "EHLO", string(e.Helo))
	if err != nil {
		return e, err
	}
	l.reply = &reply
	if reply.Code/100 == 5 {
		return l.fallBack(ctx, e, reply)
	}
	if reply.Code != 250 {
		return e, &refusal{reply}
	}
	e.read(reply)
	l.run.noteSeenAs(reply)
	return e, nil
}

// fallBack says HELO, for servers that know no EHLO (RFC 5321 section 3.2).
func (l *lane) fallBack(ctx context.Context, e *EHLOEvidence, refused wire.Reply) (*EHLOEvidence, error) {
	reply, err := l.conn.Command(ctx, "HELO", string(e.Helo))
	if err != nil || reply.Code != 250 {
		return e, &refusal{refused}
	}
	e.Verb = "HELO"
	e.read(wire.Reply{Code: 250, Lines: reply.Lines[:1]})
	e.text = refused.String()
	return e, nil
}

// read takes the server's name and capabilities from the reply. Keywords are
// compared in capitals (RFC 5321 section 4.1.1.1); "AUTH=LOGIN" is the form of
// servers from before RFC 2554, and several AUTH lines add up.
func (e *EHLOEvidence) read(reply wire.Reply) {
	e.text = reply.Text()
	e.ServerName = Maybe(hostName(reply.Lines[0]))
	for _, line := range reply.Lines[1:] {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		keyword := strings.ToUpper(words[0])
		params := List[string](words[1:])
		if mech, old := strings.CutPrefix(keyword, "AUTH="); old {
			keyword = "AUTH"
			params = append(List[string]{mech}, params...)
		}
		e.Capabilities = append(e.Capabilities, Capability{Keyword: keyword, Parameters: params})
		if keyword == "AUTH" {
			e.addMechanisms(params)
		}
	}
}

func (e *EHLOEvidence) addMechanisms(names []string) {
	for _, name := range names {
		if name = strings.ToUpper(name); name != "" && !slices.Contains(e.Auth, name) {
			e.Auth = append(e.Auth, name)
		}
	}
}

// changes compares what was offered before and after TLS, mechanisms one by one.
func changes(before, after *EHLOEvidence) (added, removed List[string]) {
	a, b := before.words(), after.words()
	for _, w := range b {
		if !slices.Contains(a, w) {
			added = append(added, w)
		}
	}
	for _, w := range a {
		if !slices.Contains(b, w) && w != "STARTTLS" {
			removed = append(removed, w)
		}
	}
	return added, removed
}

func (e *EHLOEvidence) words() []string {
	var words []string
	for _, c := range e.Capabilities {
		if c.Keyword != "AUTH" {
			words = append(words, c.Keyword)
		}
	}
	for _, mech := range e.Auth {
		words = append(words, "AUTH "+mech)
	}
	return words
}

// heloName is the name given with EHLO: the one that was set, else the
// address literal of this end (RFC 5321 section 4.1.3), which names no computer
// and which servers that check names accept.
func (l *lane) heloName() string {
	if l.run.settings.Helo != "" {
		return l.run.settings.Helo
	}
	addr := netip.MustParseAddr("127.0.0.1")
	if l.conn != nil {
		if ip, ok := addrOf(l.conn.NetConn().LocalAddr()); ok {
			addr = ip
		}
	}
	if addr.Is6() {
		return "[IPv6:" + addr.String() + "]"
	}
	return "[" + addr.String() + "]"
}

func addrOf(a net.Addr) (netip.Addr, bool) {
	if a == nil {
		return netip.Addr{}, false
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}, false
	}
	return ap.Addr().Unmap().WithZone(""), true
}

// noteSeenAs takes the client address that the server names in its EHLO reply
// ("at your service, [203.0.113.7]"): the last one on the first line.
func (r *run) noteSeenAs(reply wire.Reply) {
	var last string
	for _, word := range strings.FieldsFunc(reply.Lines[0], func(c rune) bool { return strings.ContainsRune(" ()[],;\t", c) }) {
		if a, err := netip.ParseAddr(strings.TrimPrefix(word, "IPv6:")); err == nil {
			last = a.String()
		}
	}
	if last == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seenAs == "" {
		r.seenAs = last
	}
}

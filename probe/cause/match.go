package cause

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// rule is a Rule made ready: its patterns are compiled when they are first
// needed, as compiling all of them would cost more than a whole check.
type rule struct {
	*Rule
	entry                                         *Entry
	order                                         int
	weight                                        int
	text, notText, greeting, account, notGreeting []*pattern
}

type pattern struct {
	*Pattern
	once sync.Once
	expr *regexp.Regexp
}

func (s shared) rule(e *Entry, r *Rule, order int) *rule {
	return &rule{Rule: r, entry: e, order: order, weight: weigh(&r.When),
		text: s.patterns(r.When.Text), notText: s.patterns(r.When.NotText), greeting: s.patterns(r.When.Greeting), account: s.patterns(r.When.Account),
		notGreeting: s.patterns(r.When.NotGreeting)}
}

// shared are the patterns of a base by their expressions: many rules name the
// same, and it is compiled once.
type shared map[string]*pattern

func (s shared) patterns(all []Pattern) []*pattern {
	var list []*pattern
	for i := range all {
		p, ok := s[all[i].Expr]
		if !ok {
			p = &pattern{Pattern: &all[i]}
			s[p.Expr] = p
		}
		list = append(list, p)
	}
	return list
}

// Compile gives the expression that a pattern of the data stands for.
func Compile(expr string) (*regexp.Regexp, error) { return regexp.Compile(Flags + expr) }

// Flags go before every pattern: any case, and a dot for line ends too.
const Flags = "(?is)"

// find gives the submatches of the pattern in a text, nil when it is not
// there. lower is the text in lower case.
func (p *pattern) find(text, lower string) []string {
	if !p.mayFit(lower) {
		return nil
	}
	return p.match(text)
}

// mayFit tells whether the text has a word without which the pattern cannot fit.
func (p *pattern) mayFit(lower string) bool { return len(p.Needs) == 0 || hasPart(lower, p.Needs) }

func (p *pattern) match(text string) []string {
	p.once.Do(func() { p.expr = regexp.MustCompile(Flags + p.Expr) })
	return p.expr.FindStringSubmatch(text)
}

func anyFits(all []*pattern, text, lower string) bool {
	return slices.ContainsFunc(all, func(p *pattern) bool { return p.find(text, lower) != nil })
}

// weigh counts how much a rule asks for: of two that fit, the one that asks
// for more says more.
func weigh(w *When) int {
	n := 0
	add := func(points int, given bool) {
		if given {
			n += points
		}
	}
	add(6, len(w.Text)+len(w.Wording) > 0)
	add(3, len(w.Enhanced) > 0)
	add(3, len(w.Mentions) > 0)
	add(2, len(w.Service)+len(w.Host)+len(w.Provider) > 0)
	add(2, len(w.Greeting)+len(w.NotGreeting)+len(w.Software) > 0)
	add(2, len(w.Account)+len(w.Sender)+len(w.AccountForm) > 0)
	add(1, len(w.Code) > 0)
	add(1, len(w.Fault) > 0)
	add(1, len(w.Port) > 0)
	add(1, len(w.Verb) > 0)
	add(1, len(w.Mechanism)+len(w.Credential)+len(w.Encryption) > 0)
	return n + 2*len(w.Seen) + min(len(w.AnySeen), 1) + min(len(w.Unseen), 1)
}

// view is facts made ready to be asked.
type view struct {
	f        *Facts
	base     *Base
	text     string          // with single blanks, the enhanced code of every line but the first taken out
	lower    string          // the same in lower case
	services map[string]bool // who answers
	asked    bool            // services are known
	caught   map[string]string
	tried    map[*pattern][]string // what patterns caught that were tried: rules share them
	said     map[string]bool       // wordings that were asked for, and whether the text has them
	assumed  int                   // what a rule wants and a pasted text does not show
	strict   bool                  // nothing may be assumed
}

// hit is a rule that fits.
type hit struct {
	*rule
	caught  map[string]string
	assumed int
}

// Match names the causes that fit, the most likely first: those that explain
// a failure, then remarks.
func (b *Base) Match(f Facts) []Found {
	text := plainText(&f)
	v := &view{f: &f, base: b, text: text, lower: strings.ToLower(text), tried: map[*pattern][]string{}}
	best := map[*Entry]hit{}
	for _, r := range b.byStep[f.Step] {
		if !v.fits(r) {
			continue
		}
		now := hit{r, v.caught, v.assumed}
		if old, ok := best[r.entry]; !ok || compare(now, old) < 0 {
			best[r.entry] = now
		}
	}
	hits := make([]hit, 0, len(best))
	for _, h := range best {
		hits = append(hits, h)
	}
	slices.SortFunc(hits, compare)
	hits = remaining(hits)
	stated := v.stated(hits)
	found := make([]Found, len(hits))
	for i, h := range hits {
		found[i] = v.found(h)
		found[i].Confidence = stated[i]
	}
	slices.SortStableFunc(found, func(a, b Found) int { return severityRank(a.Severity) - severityRank(b.Severity) })
	return found
}

// plainText is the text on one line. Servers repeat the enhanced code on every
// line; there it would stand between the words.
func plainText(f *Facts) string {
	lines := strings.Split(f.Text, "\n")
	for i, line := range lines {
		if i > 0 && f.Enhanced != "" {
			lines[i] = strings.TrimPrefix(strings.TrimSpace(line), f.Enhanced)
		}
	}
	return strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
}

// compare puts the more likely first.
func compare(a, b hit) int {
	if d := boolRank(a.General) - boolRank(b.General); d != 0 {
		return d
	}
	if d := confidenceRank(a.confidence()) - confidenceRank(b.confidence()); d != 0 {
		return d
	}
	if d := a.assumed - b.assumed; d != 0 {
		return d
	}
	if d := b.weight - a.weight; d != 0 {
		return d
	}
	return a.order - b.order
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func confidenceRank(c Confidence) int {
	return slices.Index([]Confidence{Certain, Likely, Possible}, c)
}

func severityRank(s Severity) int { return slices.Index([]Severity{Error, Warning, Info}, s) }

// remaining takes out what another one says better: causes named in "over",
// then general ones beside a special one, and guesses beside a certainty.
func remaining(hits []hit) []hit {
	hits = slices.DeleteFunc(slices.Clone(hits), func(h hit) bool {
		return slices.ContainsFunc(hits, func(other hit) bool { return other.over(h) && !(h.over(other) && compare(h, other) < 0) })
	})
	explains := func(h hit) bool { return h.severity() == Error && !h.General }
	special := slices.ContainsFunc(hits, explains)
	certain := slices.ContainsFunc(hits, func(h hit) bool { return explains(h) && h.confidence() == Certain })
	return slices.DeleteFunc(hits, func(h hit) bool {
		return h.General && special || h.severity() == Error && h.confidence() != Certain && certain
	})
}

// over tells whether a hit takes another one's place; a general one, and one
// that is only possible, take none but a general one's. Of two that would
// take each other's, the more likely stays.
func (h hit) over(other hit) bool {
	if h.General && !other.General || h.confidence() == Possible && !other.General {
		return false
	}
	return has(h.entry.Over, other.entry.ID) || has(h.Rule.Over, other.entry.ID)
}

// severity is what the rule or its entry says, before a passed step softens it.
func (h hit) severity() Severity {
	if h.Severity != "" {
		return h.Severity
	}
	return h.entry.Severity
}

func (v *view) found(h hit) Found {
	v.caught = h.caught
	e := h.entry
	found := Found{
		Cause: e.ID, Severity: h.severity(), Confidence: h.confidence(), General: h.General, Who: e.Who,
		Title:       firstFilled(slices.Concat(h.Title, e.Title), v),
		Explanation: firstFilled(slices.Concat(h.Explanation, e.Explanation), v),
		Links:       links(e.Links, v), Suggest: v.suggest(h.Suggest),
	}
	if h.Who != "" {
		found.Who = h.Who
	}
	if h.Severity == "" && found.Severity == Error && !v.f.Failed {
		found.Severity = Warning // the run could go on
	}
	found.Fix = fixes(v, orElse(h.Fix, e.Fix), v)
	found.Decides = decides(v, orElse(h.Decides, e.Decides), v)
	return found
}

func orElse[T any](own, general []T) []T {
	if len(own) > 0 {
		return own
	}
	return general
}

// suggest fills a suggestion; one that would change nothing is none.
func (v *view) suggest(s *Suggest) *Suggest {
	if s == nil {
		return nil
	}
	host, ok := fill(s.Host, v, nil)
	text, textOK := fill(s.Text, v, nil)
	if !ok || !textOK {
		return nil
	}
	same := (host == "" || host == v.f.Host) && (s.Port == 0 || s.Port == v.f.Port) && (s.Encryption == "" || s.Encryption == v.f.Encryption)
	if same {
		return nil
	}
	return &Suggest{Host: host, Port: s.Port, Encryption: s.Encryption, Text: text}
}

// fits tells whether a rule holds; the patterns come last, and what a pattern
// caught stays in v.caught.
func (v *view) fits(r *rule) bool {
	v.caught, v.assumed = nil, 0
	return v.holds(&r.When) && v.fitsGreeting(r) && v.fitsText(r)
}

func (v *view) fitsGreeting(r *rule) bool {
	greeting, account := v.f.Greeting, v.f.Account
	if len(r.greeting)+len(r.notGreeting)+len(r.account) == 0 {
		return true
	}
	lowGreeting, lowAccount := strings.ToLower(greeting), strings.ToLower(account)
	return (len(r.greeting) == 0 || anyFits(r.greeting, greeting, lowGreeting)) &&
		(len(r.notGreeting) == 0 || greeting != "" && !anyFits(r.notGreeting, greeting, lowGreeting)) &&
		(len(r.account) == 0 || account != "" && anyFits(r.account, account, lowAccount))
}

func (v *view) fitsText(r *rule) bool {
	if len(r.text) > 0 && !v.catch(r.text) {
		return false
	}
	return v.caughtSame(r.When.Same) && v.says(r.When.Wording) && !v.anyFits(r.notText)
}

// find is pattern.find in the text, with a memory.
func (v *view) find(p *pattern) []string {
	if !p.mayFit(v.lower) {
		return nil
	}
	found, ok := v.tried[p]
	if !ok {
		found = p.match(v.text)
		v.tried[p] = found
	}
	return found
}

func (v *view) anyFits(all []*pattern) bool {
	return slices.ContainsFunc(all, func(p *pattern) bool { return v.find(p) != nil })
}

// says tells whether the text has one of some wordings. Rules share them, so
// each is looked for once.
func (v *view) says(ids []string) bool {
	return len(ids) == 0 || slices.ContainsFunc(ids, func(id string) bool {
		if said, ok := v.said[id]; ok {
			return said
		}
		if v.said == nil {
			v.said = map[string]bool{}
		}
		v.said[id] = v.anyFits(v.base.wordings[id])
		return v.said[id]
	})
}

func (v *view) caughtSame(groups []string) bool {
	return !slices.ContainsFunc(groups, func(g string) bool { return !strings.EqualFold(v.caught[g], v.caught[groups[0]]) })
}

// catch finds the first pattern that fits and keeps its named groups.
func (v *view) catch(all []*pattern) bool {
	for _, p := range all {
		found := v.find(p)
		if found == nil {
			continue
		}
		for i, name := range p.expr.SubexpNames() {
			if name != "" && found[i] != "" {
				if v.caught == nil {
					v.caught = map[string]string{}
				}
				v.caught[name] = strings.Trim(found[i], " .,;:")
			}
		}
		return true
	}
	return false
}

// holds tells whether every condition but the patterns holds; nil always does.
func (v *view) holds(w *When) bool {
	return w == nil || v == nil || v.holdsReply(w) && v.holdsSettings(w) && v.holdsSeen(w) && v.holdsServer(w)
}

// holdsReply: what went wrong.
func (v *view) holdsReply(w *When) bool {
	f := v.f
	return v.fitsStep(w) && fitsTruth(w.Failed, f.Failed) && fitsWord(w.Fault, f.Fault) &&
		v.fitsCode(w) && fitsEnhanced(w.Enhanced, f.Enhanced) && v.fitsOrAssumes(w.Verb, f.Verb) &&
		(len(w.Mentions) == 0 || slices.ContainsFunc(w.Mentions, v.mentions)) && !slices.ContainsFunc(w.NotMentions, v.mentions)
}

func (v *view) holdsSettings(w *When) bool {
	f := v.f
	return fitsWord(w.HostKind, f.HostKind) && v.fitsOrAssumes(w.Encryption, f.Encryption) && v.fitsOrAssumes(w.AccountForm, f.AccountForm) &&
		v.fitsCredential(w.Credential) && fitsWord(w.Mechanism, f.Mechanism) && fitsWord(w.UsedBy, f.UsedBy) &&
		v.fitsPort(w.Port) && v.fitsNotPort(w.NotPort) &&
		(len(w.Host) == 0 || underAny(w.Host, f.Host)) && fitsWord(w.Provider, f.Provider) && fitsWord(w.Sender, f.sender()) && v.knows(w.Known) && !v.knowsAny(w.Unknown)
}

func (v *view) holdsSeen(w *When) bool {
	seen := func(o Observation) bool { return v.f.Seen[o] }
	missing := slices.ContainsFunc(w.Seen, func(o Observation) bool { return !seen(o) && !v.assumes(w, o) })
	any := slices.ContainsFunc(w.AnySeen, seen) || slices.ContainsFunc(w.AnySeen, func(o Observation) bool { return v.assumes(w, o) })
	return !missing && (len(w.AnySeen) == 0 || any) && !slices.ContainsFunc(w.Unseen, seen)
}

func (v *view) holdsServer(w *When) bool {
	if len(w.Software) > 0 && !hasPart(v.f.Software, w.Software) {
		return false
	}
	is := func(id string) bool { return v.whoAnswers()[id] }
	return (len(w.Service) == 0 || slices.ContainsFunc(w.Service, is)) && (len(w.NotService) == 0 || !slices.ContainsFunc(w.NotService, is))
}

func (v *view) knows(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { _, ok := v.word(n); return !ok })
}

func (v *view) knowsAny(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { _, ok := v.word(n); return ok })
}

func has(list []string, word string) bool { return slices.Contains(list, word) }

func fitsWord(list []string, word string) bool { return len(list) == 0 || has(list, word) }

func fitsTruth(want Truth, is bool) bool { return want == "" || (want == Yes) == is }

func hasCode(all []Codes, code int) bool {
	return slices.ContainsFunc(all, func(c Codes) bool { return c.From <= code && code <= c.To })
}

func fitsEnhanced(all []string, code string) bool {
	return len(all) == 0 || slices.ContainsFunc(all, func(want string) bool { return sameEnhanced(want, code) })
}

func sameEnhanced(want, code string) bool {
	a, b := strings.Split(want, "."), strings.Split(code, ".")
	if len(a) != 3 || len(b) != 3 {
		return false
	}
	for i := range a {
		if a[i] != "x" && a[i] != b[i] {
			return false
		}
	}
	return true
}

// mentions tells whether the text has the value of a setting in it as a word.
func (v *view) mentions(setting string) bool {
	word, _ := v.word(setting)
	word = strings.ToLower(word)
	if len(word) < 3 {
		return false
	}
	text := v.lower
	for start := 0; ; {
		i := strings.Index(text[start:], word)
		if i < 0 {
			return false
		}
		i += start
		if !joined(text, i-1) && !joined(text, i+len(word)) {
			return true
		}
		start = i + 1
	}
}

// joined tells whether the byte belongs to an address around a place.
func joined(text string, i int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	c := text[i]
	if c == '.' { // the end of a sentence, or of a longer name
		return i+1 < len(text) && text[i+1] > ' '
	}
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_+@", c) >= 0
}

// sender is From against the account.
func (f *Facts) sender() string {
	switch {
	case f.From == "" || f.Account == "":
		return "unknown"
	case strings.EqualFold(f.From, f.Account):
		return "account"
	case domainOf(f.Account) == "":
		return "unknown"
	case domainOf(f.From) == domainOf(f.Account):
		return "same-domain"
	}
	return "other-domain"
}

// whoAnswers names the service by every sign of it: host, preset, greeting, the reply's own words.
func (v *view) whoAnswers() map[string]bool {
	if v.asked {
		return v.services
	}
	v.asked, v.services = true, map[string]bool{}
	greeting, text := strings.ToLower(v.f.Greeting+" "+v.f.Software), v.lower
	for _, s := range v.base.services {
		if underAny(s.Hosts, v.f.Host) || underAny(s.Hosts, v.f.ServerName) || has(s.Providers, v.f.Provider) && v.f.Provider != "" ||
			hasPart(greeting, s.Greetings) || hasPart(text, s.Replies) {
			v.services[s.ID] = true
		}
	}
	return v.services
}

// underAny tells whether a name is one of some domains or under one.
func underAny(domains []string, name string) bool {
	if name == "" {
		return false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return slices.ContainsFunc(domains, func(d string) bool { return name == d || strings.HasSuffix(name, "."+d) })
}

func hasPart(text string, parts []string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
}

// ParseCodes reads "535", "5xx" or "53x".
func ParseCodes(word string) (Codes, bool) {
	from, err := strconv.Atoi(strings.ReplaceAll(word, "x", "0"))
	to, _ := strconv.Atoi(strings.ReplaceAll(word, "x", "9"))
	if err != nil || len(word) != 3 || from < 200 || to > 599 {
		return Codes{}, false
	}
	return Codes{from, to}, true
}

package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// The bounds on a server's words in a diagnosis; -v shows all of them.
const (
	mostReplyLines = 4
	mostReplyText  = 400 // bytes of one line
)

// ownReading begins what this program says of words that it could not read:
// those are not the server's.
const ownReading = "read reply: "

func settingPort(port int) string { return strconv.Itoa(port) }

// server quotes what the server said.
func (t *text) server(f *probe.Finding, step *probe.StepResult) *section {
	if step == nil {
		return nil
	}
	var lines []string
	switch {
	case step.Reply != nil && (step.Status == probe.Fail || step.Reply.Code >= 400):
		if command := commandOf(step); command != "" && isEnvelope(step, command) {
			lines = append(lines, "to "+command)
		}
		lines = append(lines, replyLines(step.Reply)...)
	case f != nil && saysSomething(step.Fault):
		for _, e := range f.Evidence {
			if e.Text != "" && e.Text != step.Summary && !strings.HasPrefix(e.Text, ownReading) {
				lines = []string{cutText(e.Text)}
				break
			}
		}
	}
	if others := otherAddresses(f); len(lines) > 0 && others > 0 {
		lines = append(lines, fmt.Sprintf("(the same on %d more %s)", others, pluralAddress(others)))
	}
	return t.section("Server", 2, lines...)
}

func pluralAddress(n int) string {
	if n == 1 {
		return "address"
	}
	return "addresses"
}

// otherAddresses counts on how many further addresses the same was seen.
func otherAddresses(f *probe.Finding) int {
	if f == nil {
		return 0
	}
	var addresses []probe.Maybe
	for _, e := range f.Evidence {
		if e.Address != "" && !slices.Contains(addresses, e.Address) {
			addresses = append(addresses, e.Address)
		}
	}
	return max(len(addresses)-1, 0)
}

// saysSomething tells whether a fault's text has the server's words in it.
func saysSomething(f *probe.Fault) bool {
	if f == nil {
		return false
	}
	switch f.Kind {
	case probe.TLSRecord, probe.TLSAlert, probe.TLSVersion, probe.TLSCipher, probe.NotSMTP, probe.BadReply, probe.TooMuch,
		probe.EarlyBytes, probe.ProxyFault, probe.Mechanism, probe.Rejected, probe.Deferred:
		return true
	}
	return false
}

// commandOf is the command that the deciding reply answered.
func commandOf(step *probe.StepResult) string {
	for _, e := range step.Exchanges {
		if e.Reply != nil && e.Reply.Code == step.Reply.Code && slices.Equal(e.Reply.Lines, step.Reply.Lines) {
			return strings.TrimSpace(e.Command + " " + e.Argument)
		}
	}
	return ""
}

// replyLines writes a reply as it went over the line.
func replyLines(r *probe.Reply) []string {
	var out []string
	for i, text := range r.Lines {
		if i == mostReplyLines-1 && len(r.Lines) > mostReplyLines {
			return append(out, fmt.Sprintf("(%d more lines: -v)", len(r.Lines)-i))
		}
		mark := " "
		if i < len(r.Lines)-1 {
			mark = "-"
		}
		out = append(out, fmt.Sprintf("%03d%s%s", r.Code, mark, cutText(text)))
	}
	if len(out) == 0 {
		out = []string{fmt.Sprintf("%03d", r.Code)}
	}
	return out
}

// cutText bounds text that came from outside, and says so.
func cutText(s string) string {
	if len(s) <= mostReplyText {
		return s
	}
	return strings.ToValidUTF8(s[:mostReplyText], "") + " ... (all of it: -v)"
}

// carries sets the certificate beside what was entered.
func (t *text) carries(step *probe.StepResult) *section {
	if step == nil {
		return nil
	}
	e, ok := step.Evidence.(*probe.CertificateEvidence)
	if !ok || len(e.Chain) == 0 {
		return nil
	}
	names := strings.Join(e.Chain[0].Names, ", ")
	if names == "" {
		names = e.Chain[0].Subject
	}
	names = cutText(names)
	facts := "(" + certificateWords(e) + ")"
	if together := t.clean(names + "    " + facts); columns(together) <= t.limit-labelWidth {
		return t.section("Carries", 1, together)
	}
	return t.section("Carries", 2, names, facts)
}

// entered is the name that was asked for, where the certificate has others.
func (t *text) entered(step *probe.StepResult) *section {
	if step == nil {
		return nil
	}
	e, ok := step.Evidence.(*probe.CertificateEvidence)
	if !ok || len(e.Chain) == 0 || e.NameMatches == nil || *e.NameMatches {
		return nil
	}
	return t.section("Entered", 1, string(e.HostChecked))
}

func certificateWords(e *probe.CertificateEvidence) string {
	var words []string
	leaf := e.Chain[0]
	switch {
	case leaf.SelfSigned:
		words = append(words, "self-signed")
	case e.TrustedPublic != nil && *e.TrustedPublic:
		words = append(words, "public issuer")
	case leaf.Issuer != "":
		words = append(words, "issuer "+commonName(leaf.Issuer))
	}
	switch {
	case slices.Contains(e.Problems, string(cause.CertNotYetValid)):
		words = append(words, "valid from "+leaf.NotBefore.UTC().Format("2006-01-02"))
	case e.DaysLeft != nil:
		words = append(words, daysWords(*e.DaysLeft))
	}
	if len(words) == 0 {
		return "nothing is known of its issuer"
	}
	return strings.Join(words, ", ")
}

// commonName is the name in a distinguished name, and all of it where there is none.
func commonName(distinguished string) string {
	for _, part := range strings.Split(distinguished, ",") {
		if name, found := strings.CutPrefix(part, "CN="); found && name != "" && !strings.HasSuffix(name, `\`) {
			return name
		}
	}
	return distinguished
}

func daysWords(left int) string {
	switch {
	case left == 1:
		return "1 day left"
	case left >= 0:
		return fmt.Sprintf("%d days left", left)
	case left == -1:
		return "expired 1 day ago"
	}
	return fmt.Sprintf("expired %d days ago", -left)
}

// tried is what was tried besides, without the password.
func (t *text) tried(r *probe.Result, step *probe.StepResult) *section {
	var lines []string
	if s := r.Suggestion; s != nil && s.Verified && s.Text != "" {
		lines = append(lines, s.Text)
	}
	if len(r.Findings) > 0 {
		for _, e := range r.Findings[0].Evidence {
			if words, ok := e.Tried(); ok {
				lines = append(lines, words)
			}
		}
	}
	if step != nil {
		if e, ok := step.Evidence.(*probe.SenderEvidence); ok {
			lines = append(lines, accountTries(e)...)
		}
	}
	return t.section("Tried", 1, lines...)
}

// accountTries: whether the account itself may send tells a foreign sender from a broken login map.
func accountTries(e *probe.SenderEvidence) []string {
	var out []string
	for _, try := range e.Tries {
		if !try.AccountItself {
			continue
		}
		words := "accepted"
		if try.Refused != "" {
			words = "refused too"
			if try.Reply != nil {
				words += fmt.Sprintf(" (%d)", try.Reply.Code)
			}
		}
		out = append(out, "MAIL FROM:<"+try.From+">: "+words)
	}
	return out
}

// fixes sorts what to do into what to change, what is better still, and what
// not to do. Fixes that begin with "Better:", "Better,", "Not:" or "Do not" say so themselves.
func (t *text) fixes(f *probe.Finding) (change, better, not *section) {
	change, better, not = &section{label: "Change", floor: 4}, &section{label: "Better", floor: 2}, &section{label: "Not", floor: 2}
	width := 0
	shown := map[string]bool{}
	for _, fix := range f.Fix {
		if fix.To != "" && fix.Setting != "" {
			width = max(width, columns(t.clean(settingWord(string(fix.Setting)))))
		}
	}
	for _, fix := range f.Fix {
		into := change
		switch word, rest, _ := strings.Cut(fix.Text, " "); {
		case word == "Better:" || word == "Better,":
			into, fix.Text = better, rest
		case word == "Not:":
			into, fix.Text = not, rest
		case strings.HasPrefix(fix.Text, "Do not "):
			into = not
		}
		if change := t.changeWords(fix, 0); shown[change] {
			fix.To = "" // two ways of saying why: the change itself stands there already
		} else if change != "" {
			shown[change] = true
		}
		lines := t.fixLines(fix, width)
		if len(into.lines) > 0 && len(lines) > 0 && into == change {
			lines[0].lead = "or"
		}
		into.lines = append(into.lines, lines...)
	}
	return given(change), given(better), given(not)
}

func given(s *section) *section {
	if len(s.lines) == 0 {
		return nil
	}
	return s
}

// fixLines is one thing to change: the setting with its old and new value, the
// words about it, the way there, the commands. Names of settings are width
// columns wide, so that values stand below each other.
func (t *text) fixLines(fix probe.Fix, width int) []line {
	change := t.changeWords(fix, width)
	words := withoutOr(fix.Text)
	if change != "" {
		words = remark(words, change, fix)
	}
	var lines []line
	switch together := t.clean(change + "   " + words); {
	case change != "" && words != "" && columns(together) <= t.limit-labelWidth:
		lines = []line{{text: together}}
	default:
		lines = append(t.wrapped(change), t.wrapped(words)...)
	}
	lines = append(lines, t.wrapped(string(fix.Path))...)
	return append(lines, t.commandLines(fix.Commands)...)
}

// withoutOr takes away the "or" that stands in the label's place already.
func withoutOr(words string) string {
	for _, beginning := range []string{"or ", "or, "} {
		words = strings.TrimPrefix(words, beginning)
	}
	return strings.TrimSpace(words)
}

// remark is what a fix's words add to its change: a few words stand in
// brackets, a sentence as it is, and a repetition not at all.
func remark(words, change string, fix probe.Fix) string {
	if !saysMore(words, change, fix) {
		return ""
	}
	key := string(fix.Setting)
	value := settingValue(key, string(fix.To))
	for _, known := range []string{"set the " + key + " to " + value, "the " + key + " to " + value, "use " + key + " " + value, "try " + key + " " + value} {
		if rest, found := cutFold(words, known); found {
			words = strings.TrimLeft(rest, ",;: ")
			words = strings.TrimPrefix(words, "and ")
			break
		}
	}
	first, _ := utf8.DecodeRuneInString(words)
	switch {
	case unicode.IsLower(first):
		return "(" + words + ")"
	}
	return words
}

// cutFold is strings.CutPrefix for ASCII whose case does not count; only whole
// words are cut.
func cutFold(s, prefix string) (rest string, found bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	rest = s[len(prefix):]
	return rest, rest == "" || strings.ContainsRune(",;: ", rune(rest[0]))
}

// changeWords is "Port 587 -> 465".
func (t *text) changeWords(fix probe.Fix, width int) string {
	if fix.Setting == "" || fix.To == "" {
		return ""
	}
	key := string(fix.Setting)
	words := pad(t.clean(settingWord(key)), width) + "  "
	if fix.From != "" {
		words += settingValue(key, string(fix.From)) + " "
	}
	return words + "-> " + settingValue(key, string(fix.To))
}

// saysMore tells whether a fix's words say more than its change does: "Set the
// port to 465" does not, "keep SSL" does.
func saysMore(words, change string, fix probe.Fix) bool {
	known := strings.Fields(strings.ToLower(change + " " + string(fix.Setting) + " " + string(fix.From) + " " + string(fix.To) +
		" set change enter use choose the to as from instead of in application's settings"))
	for _, word := range strings.Fields(strings.ToLower(words)) {
		if !slices.Contains(known, strings.Trim(word, `.,;:"'`)) {
			return true
		}
	}
	return false
}

// commandLines shows the commands for this shell, and where there are none the others.
func (t *text) commandLines(commands []probe.Command) []line {
	var mine, others []probe.Command
	for _, c := range commands {
		if c.Shell == t.shell {
			mine = append(mine, c)
		} else {
			others = append(others, c)
		}
	}
	if len(mine) == 0 {
		mine = others
	}
	room := t.limit - labelWidth
	var lines []line
	for _, c := range mine {
		for _, text := range strings.Split(c.Text, "\n") {
			for _, part := range t.breakCommand(text, c.Shell, room, room) {
				lines = append(lines, line{text: part})
			}
		}
	}
	return lines
}

// seenFromFailure says from where nothing was reached, as an application elsewhere may reach it.
func (t *text) seenFromFailure(r *probe.Result, v probe.Vantage) *section {
	if isLoopback(v.LocalAddress) || !isAboutTheWay(r) {
		return nil
	}
	words := placeOf(v)
	if v.Proxy == "" {
		words += ", no proxy"
	}
	if probe.StepID(r.FailedStep) == probe.StepDNS && v.Resolver != "" {
		words += ", name server " + string(v.Resolver)
	}
	return t.section("Seen from", 0, words+". If the application runs elsewhere (in the cloud), this says nothing about its way to the server.")
}

// isAboutTheWay tells whether the failure can be this network's.
func isAboutTheWay(r *probe.Result) bool {
	step := deciding(r, nil)
	if step == nil {
		return false
	}
	if step.ID == probe.StepDNS || step.ID == probe.StepTCP {
		return true
	}
	return step.Fault != nil && slices.Contains([]probe.FaultKind{probe.Timeout, probe.Reset, probe.Closed, probe.ProxyFault}, step.Fault.Kind)
}

// seenFromPass says from where it worked; on one's own computer that goes without saying.
func (t *text) seenFromPass(r *probe.Result, v probe.Vantage) *section {
	if isLoopback(v.LocalAddress) || v.LocalAddress == "" && v.SeenAs == "" {
		return nil
	}
	return t.section("Seen from", 0, placeOf(v)+". An application elsewhere takes another way: its network must let it reach "+target(r.Settings)+".")
}

func placeOf(v probe.Vantage) string {
	words := "this computer"
	switch {
	case v.SeenAs != "":
		words = string(v.SeenAs) + " (the server's own words)"
	case v.LocalAddress != "":
		words = string(v.LocalAddress)
	}
	if v.Proxy != "" {
		words += ", through " + string(v.Proxy)
	}
	return words
}

func isLoopback(address probe.Maybe) bool {
	a, err := netip.ParseAddr(string(address))
	return err == nil && a.IsLoopback()
}

package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// handover is a report that a person forwards to whoever can act: its first
// part is what to do, its last the transcript. It is content only; what is
// text and what is code is said, and each format writes that in its own way.
type handover struct {
	title string
	parts []part
}

// part is a heading (level > 0), a paragraph, a list, or lines of code. A
// format that can draw more than lines takes steps or chain in place of their
// code.
type part struct {
	level    int
	words    []piece
	items    []item
	numbered bool
	code     []string

	steps      []probe.StepResult
	chain      []probe.Certificate
	transcript bool // code is the transcript, which is long
}

// item is one of a list: words, then lines of code.
type item struct {
	words []piece
	code  []string
}

// piece is text within a line. Code is what was typed or what a server said.
type piece struct {
	text         string
	code, strong bool
}

func says(format string, args ...any) []piece { return []piece{{text: fmt.Sprintf(format, args...)}} }

func asCode(text string) piece { return piece{text: text, code: true} }

func (h *handover) heading(level int, format string, args ...any) {
	h.parts = append(h.parts, part{level: level, words: says(format, args...)})
}

func (h *handover) paragraph(words ...piece) { h.parts = append(h.parts, part{words: words}) }

func (h *handover) list(numbered bool, items []item) {
	if len(items) > 0 {
		h.parts = append(h.parts, part{numbered: numbered, items: items})
	}
}

// handOver lays out a report.
func handOver(r *probe.Report) *handover {
	h := &handover{title: "Mail settings"}
	if len(r.Results) == 1 {
		h.title = headline(&r.Results[0])
	} else {
		h.title = "Mail settings: " + strings.TrimSuffix(countWords(r), ".")
	}
	h.heading(1, "%s", h.title)
	h.paragraph(contents(r)...)
	for i := range r.Results {
		result := &r.Results[i]
		level := 2
		if len(r.Results) > 1 {
			h.heading(2, "%s", headline(result))
			level = 3
		}
		h.result(r, result, level)
	}
	h.heading(2, "Made by")
	h.list(false, []item{{words: says("%s %s", r.Tool.Name, r.Tool.Version)}, {words: append(says("Command line: "), asCode(r.Command))},
		{words: says("Exit code: %d", r.ExitCode)}})
	return h
}

// contents says what is in the report of what somebody may want to keep.
func contents(r *probe.Report) []piece {
	secrets := " No password and no token is in it; please do not send one with it."
	if r.Masked {
		return says("This report quotes what the server said. It is masked: names and addresses are stand-ins, except the provider's.%s", secrets)
	}
	return append(says("This report names the mail server, the account, addresses and computers, and quotes what the server said; "),
		asCode("--mask"), piece{text: " replaces names and addresses by stand-ins." + secrets})
}

// headline names the settings and what is wrong with them.
func headline(r *probe.Result) string {
	words := verdictSentence(r)
	if r.Verdict == probe.Fail {
		words = titleOf(r, mainFinding(r))
	} else if f := mainFinding(r); f != nil && !r.Interrupted {
		words = f.Title
	}
	return "Mail settings of " + nameOf(r) + ": " + strings.TrimRight(words, ". ")
}

// result is one profile, in the order in which the receiver needs it.
func (h *handover) result(r *probe.Report, result *probe.Result, level int) {
	h.toDo(result)
	h.heading(level, "How we know")
	h.list(false, evidenceItems(result))
	if items := messageItems(result); len(items) > 0 {
		h.heading(level, "The test message")
		h.list(false, items)
	}
	h.heading(level, "Settings used")
	h.list(false, settingItems(result.Settings))
	h.heading(level, "Where and when")
	h.list(false, placeItems(r, result))
	h.heading(level, "Steps")
	h.parts = append(h.parts, part{code: stepLines(result), steps: result.Steps})
	h.certificates(result, level)
	if len(result.Transcript) > 0 {
		h.heading(level, "Transcript, credentials hidden")
		h.paragraph(says("Time, connection, C: this client, S: the server.")...)
		h.parts = append(h.parts, part{code: transcriptLines(result.Transcript), transcript: true})
	}
}

// toDo is what the receiver must do.
func (h *handover) toDo(r *probe.Result) {
	f := mainFinding(r)
	if f == nil {
		h.verdictOnly(r)
		return
	}
	h.paragraph(piece{text: "To do, for " + whoWords(f.Who) + ":", strong: true})
	var steps []item
	var advice [][]piece
	for _, fix := range f.Fix {
		if isAdvice(fix) {
			advice = append(advice, says("%s", fix.Text))
			continue
		}
		steps = append(steps, fixItem(fix, f.Who, len(steps) > 0))
	}
	if len(steps) == 0 {
		steps = []item{{words: says("Read what was found, below; there is no known repair for it.")}}
	}
	h.list(true, append(steps, nextItems(r)...))
	for _, words := range advice {
		h.paragraph(words...)
	}
	h.suggestion(r.Suggestion)
}

// verdictOnly is a result in which nothing is named that could be changed.
func (h *handover) verdictOnly(r *probe.Result) {
	if r.Verdict == probe.Pass && !r.Interrupted {
		h.paragraph(piece{text: "To do:", strong: true}, piece{text: " nothing. " + verdictSentence(r)})
	} else {
		h.paragraph(piece{text: verdictSentence(r), strong: true})
	}
	h.suggestion(r.Suggestion)
	h.list(false, nextItems(r))
}

// isAdvice tells what is better still, or not to be done, from what to change.
func isAdvice(fix probe.Fix) bool {
	for _, word := range []string{"Better:", "Better,", "Not:", "Do not "} {
		if strings.HasPrefix(fix.Text, word) {
			return true
		}
	}
	return false
}

func fixItem(fix probe.Fix, who cause.Who, another bool) item {
	change := ""
	if fix.Setting != "" && fix.To != "" {
		key := string(fix.Setting)
		change = settingWord(key) + ": " + settingValue(key, string(fix.To))
		if fix.From != "" {
			change += ", not " + settingValue(key, string(fix.From))
		}
	}
	words := strings.TrimSpace(strings.TrimPrefix(fix.Text, "or "))
	if change != "" {
		words = sentences(change, remark(words, change, fix))
	}
	if fix.Path != "" {
		words = strings.TrimPrefix(strings.TrimSuffix(words, ":")+": "+string(fix.Path), ": ")
	}
	if words == "" {
		words = "with this command:"
	}
	words = upperFirst(words)
	if another {
		words = "Or: " + words
	}
	if fix.Who != "" && fix.Who != who {
		words += " (for " + whoWords(fix.Who) + ")"
	}
	return item{words: says("%s", words), code: commandTexts(fix.Commands)}
}

// sentences puts the second behind the first: in brackets as it is, else as a
// sentence of its own.
func sentences(first, second string) string {
	switch {
	case second == "":
		return first
	case strings.HasPrefix(second, "("):
		return first + " " + second
	}
	return first + ". " + upperFirst(second)
}

func upperFirst(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if first == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(first)) + s[n:]
}

// commandTexts shows the commands of all shells: who reads this has another computer.
func commandTexts(commands []probe.Command) []string {
	shells := map[string]bool{}
	for _, c := range commands {
		shells[c.Shell] = true
	}
	var out []string
	for _, c := range commands {
		if len(shells) > 1 {
			out = append(out, "# "+c.Shell)
		}
		out = append(out, strings.Split(c.Text, "\n")...)
	}
	return out
}

func nextItems(r *probe.Result) []item {
	var items []item
	for _, next := range r.Next {
		words := next.Text
		if words == "" {
			words = "check again"
		}
		if next.Command == "" {
			items = append(items, item{words: says("Then: %s", words)})
			continue
		}
		items = append(items, item{words: says("Then: %s:", words), code: []string{string(next.Command)}})
	}
	return items
}

func (h *handover) suggestion(s *probe.Suggestion) {
	if s == nil {
		return
	}
	words := "Settings that are likely to work (not tried yet):"
	if s.Verified {
		words = "Settings that were tried, without the password:"
	}
	h.paragraph(says("%s", words)...)
	h.list(false, fieldItems(s))
}

func fieldItems(s *probe.Suggestion) []item {
	set := s.Settings
	items := []item{{words: append(says("Host: "), asCode(set.Host))}, {words: append(says("Port: "), asCode(strconv.Itoa(set.Port)))},
		{words: says("Encryption: %s", encryptionForm(set.Encryption))}}
	if set.Account != "" {
		items = append(items, item{words: append(says("Account: "), asCode(string(set.Account)))})
	}
	if s.Text != "" {
		items = append(items, item{words: says("What came of it: %s", s.Text)})
	}
	return items
}

// encryptionForm names an encryption, and what forms with other words call it.
func encryptionForm(e string) string {
	switch probe.Encryption(e) {
	case probe.SSL:
		return `SSL (in a form that offers only "SSL" and "TLS": SSL)`
	case probe.STARTTLS:
		return `STARTTLS (in a form that offers only "SSL" and "TLS": TLS)`
	}
	return e
}

// evidenceItems: what was seen, what is fine, and what is not known.
func evidenceItems(r *probe.Result) []item {
	f := mainFinding(r)
	step := deciding(r, f)
	var items []item
	if f != nil {
		items = append(items, foundItem(r, f))
		for _, text := range strings.Split(f.Explanation, "\n") {
			if strings.TrimSpace(text) != "" {
				items = append(items, item{words: says("%s", text)})
			}
		}
	}
	items = append(items, serverItems(f, step)...)
	items = append(items, triedItems(step)...)
	if fine := stepNames(r, func(s probe.Status) bool { return s == probe.Pass || s == probe.Warn }); fine != "" {
		items = append(items, item{words: says("Fine: %s", fine)})
	}
	items = append(items, unknownItems(r)...)
	return append(items, furtherItems(r, f)...)
}

func foundItem(r *probe.Result, f *probe.Finding) item {
	words := "Failed at the step "
	if r.Verdict != probe.Fail {
		words = "Seen at the step "
	}
	step := string(f.Step)
	if step == "" {
		step = string(r.FailedStep)
	}
	return item{words: append(says("%s%s%s, %s. Cause: ", words, step, elsewhere(r, f), f.Confidence), asCode(f.Cause))}
}

// mostQuoted is how many lines of a reply stand in a hand-over.
const mostQuoted = 20

// serverItems quotes the server, whole: the administrator there knows the words.
func serverItems(f *probe.Finding, step *probe.StepResult) []item {
	var items []item
	if step != nil && step.Reply != nil && (step.Status == probe.Fail || step.Reply.Code >= 400) {
		words := says("The server's words:")
		if command := commandOf(step); command != "" {
			words = append(append(says("The server's words to "), asCode(command)), piece{text: ":"})
		}
		return []item{{words: words, code: wholeReply(step.Reply)}}
	}
	if f != nil {
		for _, e := range f.Evidence {
			if e.Text != "" {
				items = append(items, item{words: append(says("Seen: "), asCode(e.Text))})
			}
		}
	}
	if len(items) == 0 && step != nil && step.Fault != nil {
		items = append(items, item{words: append(says("Seen: "), asCode(step.Fault.Text))})
	}
	return items
}

func wholeReply(r *probe.Reply) []string {
	var out []string
	for i, text := range r.Lines {
		if i == mostQuoted {
			return append(out, fmt.Sprintf("(%d more lines)", len(r.Lines)-i))
		}
		mark := " "
		if i < len(r.Lines)-1 {
			mark = "-"
		}
		out = append(out, fmt.Sprintf("%03d%s%s", r.Code, mark, text))
	}
	if len(out) == 0 {
		out = []string{fmt.Sprintf("%03d", r.Code)}
	}
	return out
}

func triedItems(step *probe.StepResult) []item {
	if step == nil {
		return nil
	}
	e, ok := step.Evidence.(*probe.SenderEvidence)
	if !ok {
		return nil
	}
	var items []item
	for _, words := range accountTries(e) {
		items = append(items, item{words: append(says("Tried besides, with the account itself: "), asCode(words))})
	}
	return items
}

// stepNames lists the steps that ended so on every address.
func stepNames(r *probe.Result, ended func(probe.Status) bool) string {
	var names []string
	for _, id := range plannedOf(r) {
		if !slices.ContainsFunc(r.Steps, func(s probe.StepResult) bool { return s.ID == id && !ended(s.Status) }) {
			names = append(names, string(id))
		}
	}
	return strings.Join(names, ", ")
}

// unknownItems are the steps that did not run, and the questions that are open.
func unknownItems(r *probe.Result) []item {
	var items []item
	var reasons []string
	names := map[string][]string{}
	for _, step := range r.Steps {
		if step.Status != probe.Skip {
			continue
		}
		why := skipWords(step)
		if names[why] == nil {
			reasons = append(reasons, why)
		}
		if !slices.Contains(names[why], string(step.ID)) {
			names[why] = append(names[why], string(step.ID))
		}
	}
	for _, why := range reasons {
		items = append(items, item{words: says("Not known: %s (%s)", strings.Join(names[why], ", "), why)})
	}
	for _, f := range r.Findings {
		for _, d := range f.Decides {
			open := item{words: says("Not known: %s", d.Question)}
			if d.Command != "" {
				open.code = []string{string(d.Command)}
			}
			items = append(items, open)
		}
	}
	return items
}

// furtherItems are the findings that the headline does not name.
func furtherItems(r *probe.Result, main *probe.Finding) []item {
	var items []item
	for i := range r.Findings {
		f := &r.Findings[i]
		if f == main {
			continue
		}
		items = append(items, item{words: append(says("Also, %s: %s. Cause: ", f.Severity, strings.TrimRight(f.Title, ". ")), asCode(f.Cause))})
	}
	return items
}

// settingItems are the settings with where each came from.
func settingItems(s probe.ShownSettings) []item {
	var items []item
	add := func(key, name, value string) {
		if value == "" {
			return
		}
		items = append(items, item{words: append(append(says("%s: ", name), asCode(value)), says("%s", originWords(s.Origins[key]))...)})
	}
	add("host", "Host", string(s.Host))
	add("port", "Port", number(s.Port))
	if s.Encryption != "" {
		items = append(items, item{words: says("Encryption: %s%s", encryptionForm(string(s.Encryption)), originWords(s.Origins["encryption"]))})
	}
	add("account", "Account", string(s.Account))
	if s.Account == "" {
		items = append(items, item{words: says("No account, so no login")})
	}
	items = append(items, secretItems(s)...)
	add("from", "Sender", strings.Join(s.From, ", "))
	add("to", "Recipient", strings.Join(s.To, ", "))
	add("auth", "Login method", string(s.Auth))
	add("helo", "EHLO name", string(s.Helo))
	add("preset", "Preset", string(s.Preset))
	add("provider", "Provider", string(s.Provider))
	add("used_by", "Used from", string(s.UsedBy))
	add("tls_min", "Oldest TLS version", string(s.TLSMin))
	add("tls_server_name", "Name asked of the certificate", string(s.TLSServerName))
	add("ca_file", "Roots of trust", string(s.CAFile))
	add("resolver", "Name server", string(s.Resolver))
	add("family", "Address family", number(s.Family))
	add("proxy", "Proxy", string(s.Proxy))
	add("timeout", "Time for a step", spanOf(s.TimeoutMs))
	add("deadline", "Time for all steps", spanOf(s.DeadlineMs))
	if s.Insecure {
		items = append(items, item{words: says("A bad certificate is let pass%s", originWords(s.Origins["insecure"]))})
	}
	if s.AllowPlaintextAuth {
		items = append(items, item{words: says("Login without encryption is allowed%s", originWords(s.Origins["allow_plaintext_auth"]))})
	}
	return items
}

func secretItems(s probe.ShownSettings) []item {
	var items []item
	for name, source := range map[string]*probe.SecretSource{"Password": s.Password, "Token": s.Token} {
		if source != nil {
			items = append(items, item{words: says("%s: not shown; its source: %s", name, source.Source)})
		}
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.words[0].text, b.words[0].text) })
	return items
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func spanOf(ms *probe.Ms) string {
	if ms == nil {
		return ""
	}
	return took(*ms)
}

// originWords says in brackets where a setting came from.
func originWords(o probe.Origin) string {
	switch {
	case o.From == "" || o.From == "default" && o.Where == "":
		return ""
	case o.Where == "":
		return " (" + o.From + ")"
	}
	return " (" + o.From + ": " + o.Where + ")"
}

// placeItems say from where and when this was seen.
func placeItems(r *probe.Report, result *probe.Result) []item {
	v := r.Vantage
	items := []item{{words: says("%s UTC, from %s", r.StartedAt.UTC().Format("2006-01-02 15:04:05"), placeOf(v))}}
	add := func(name, value string) {
		if value != "" {
			items = append(items, item{words: says("%s: %s", name, value)})
		}
	}
	add("Local address", string(v.LocalAddress))
	add("Address of the server", string(result.Address))
	add("Name server", string(v.Resolver))
	add("Operating system", v.OS)
	add("Environment", strings.Join(v.Environment, ", "))
	if !isLoopback(v.LocalAddress) {
		items = append(items, item{words: says("Not seen from the application, if that runs elsewhere: another network may be let through where this one is not, and the other way round.")})
	}
	return items
}

// transcriptLines are the dialogue, one line each.
func transcriptLines(lines []probe.TranscriptLine) []string {
	var out []string
	introduced := map[int]bool{}
	for _, line := range lines {
		if !introduced[line.Connection] {
			introduced[line.Connection] = true
			out = append(out, fmt.Sprintf("%10s  %d -- %s", "", line.Connection, introduction(line)))
		}
		who := map[string]string{"client": "C:", "server": "S:"}[line.From]
		if who == "" {
			who = "--"
		}
		out = append(out, fmt.Sprintf("%10s  %d %s %s", transcriptTime(line.AtMs), line.Connection, who, line.Text))
	}
	return out
}

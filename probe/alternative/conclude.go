package alternative

import (
	"cmp"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// Conclude suggests what was seen to work: what the rules suggest, if it does,
// else the likeliest. What the rules suggest and does not work is suggested no
// more. The lines tell what else was tried, and what came of it.
func (f Finder) Conclude(res *probe.Result, rules *probe.Suggestion, tried []probe.Attempt) (*probe.Suggestion, []string) {
	tried = slices.Clone(tried)
	slices.SortStableFunc(tried, func(a, b probe.Attempt) int { return cmp.Compare(likely(a, res, rules), likely(b, res, rules)) })
	suggestion := rules
	best := slices.IndexFunc(tried, func(a probe.Attempt) bool { return a.Passed && a.Family == 0 })
	switch {
	case best >= 0:
		a := tried[best]
		tried = slices.Delete(tried, best, best+1)
		suggestion = &probe.Suggestion{Settings: a.Settings, Verified: true, Text: sentence(res, a)}
		suggestion.Settings.Account = res.Settings.Account
	case rules != nil && slices.ContainsFunc(tried, func(a probe.Attempt) bool { return isOf(a, rules) }):
		suggestion = nil
	}
	return suggestion, lines(res, tried)
}

func isOf(a probe.Attempt, s *probe.Suggestion) bool {
	return s != nil && a.Family == 0 && a.Settings.Port == s.Settings.Port && a.Settings.Encryption == s.Settings.Encryption &&
		strings.EqualFold(a.Settings.Host, s.Settings.Host)
}

// likely orders what was tried: the rules' suggestion, the same host, then the
// encrypted ports in their order, whatever ended first.
func likely(a probe.Attempt, res *probe.Result, rules *probe.Suggestion) int {
	n := slices.IndexFunc(usualPorts(), func(e Endpoint) bool { return e.Port == a.Settings.Port })
	if n < 0 {
		n = len(usualPorts())
	}
	switch {
	case isOf(a, rules):
		return -1
	case a.Family != 0:
		return 100 + n
	case !strings.EqualFold(a.Settings.Host, string(res.Settings.Host)):
		return 50 + n
	}
	return n
}

// sentence says what does not work and what does.
func sentence(res *probe.Result, a probe.Attempt) string {
	it := name(res, a)
	switch {
	case a.Why != "":
		return a.Why + " " + a.Settings.Host + " answers on " + portWords(a) + " (tried without the password)."
	case !strings.EqualFold(a.Settings.Host, string(res.Settings.Host)):
		return it + " works: tried without the password, the certificate fits."
	case res.FailedStep == "":
		return it + " works too and is the usual way (tried without the password)."
	case noAnswer(res):
		return entered(res) + " does not answer from here, " + it + " does (tried without the password)."
	}
	return entered(res) + " does not work, " + it + " does (tried without the password)."
}

// noAnswer: nothing came back at all.
func noAnswer(res *probe.Result) bool {
	return slices.ContainsFunc(res.Steps, func(s probe.StepResult) bool {
		return string(s.ID) == string(res.FailedStep) && s.Status == probe.Fail && s.Fault != nil && s.Fault.Kind == probe.Timeout &&
			(s.ID == probe.StepTCP || s.ID == probe.StepGreeting)
	})
}

// entered names what was entered: the port, with its encryption where that tells more.
func entered(res *probe.Result) string {
	if res.Settings.Port == nil {
		return "This"
	}
	a := probe.Attempt{Settings: probe.SuggestedSettings{Port: *res.Settings.Port, Encryption: string(res.Settings.Encryption)}}
	if noAnswer(res) && res.FailedStep == probe.Maybe(probe.StepTCP) {
		return portText(a.Settings.Port)
	}
	return portWords(a)
}

// name names an alternative by what differs.
func name(res *probe.Result, a probe.Attempt) string {
	words := portWords(a)
	if !strings.EqualFold(a.Settings.Host, string(res.Settings.Host)) {
		words = a.Settings.Host + ", " + words + ","
	}
	if a.Family != 0 {
		words += " over IPv" + string(rune('0'+a.Family))
	}
	return words
}

// lines say what was tried; the ports of the host with the same end share a line.
func lines(res *probe.Result, tried []probe.Attempt) []string {
	var out []string
	for i, a := range tried {
		if slices.ContainsFunc(tried[:i], func(b probe.Attempt) bool { return sameEnd(a, b) }) {
			continue
		}
		var names []string
		for _, b := range tried[i:] {
			if sameEnd(a, b) {
				names = append(names, name(res, b))
			}
		}
		out = append(out, strings.TrimSuffix(strings.Join(names, "; "), ",")+": "+a.Text)
	}
	return out
}

func sameEnd(a, b probe.Attempt) bool {
	return a.Text == b.Text && a.Settings.Host == b.Settings.Host && a.Family == b.Family
}

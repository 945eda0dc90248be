package report

import (
	"fmt"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// barWidth is how many columns the time of a run takes in a drawing.
const barWidth = 20

// stepLines draws the steps with a bar each that shows when it ran.
func stepLines(r *probe.Result) []string {
	begin, end := timeSpan(r)
	var out []string
	for _, step := range r.Steps {
		out = append(out, strings.TrimRight(fmt.Sprintf("%-4s  %-11s  %8s  |%s|  %s", step.Status, step.ID, tookOf(step), bar(step, begin, end), stepWords(step)), " "))
	}
	return out
}

// stepWords say what a step saw, and where.
func stepWords(step probe.StepResult) string {
	words := step.Summary
	if step.Status == probe.Skip {
		words = skipWords(step)
	}
	if step.Address != "" {
		words = string(step.Address) + ": " + words
	}
	return words
}

func tookOf(step probe.StepResult) string {
	if step.DurationMs == nil {
		return ""
	}
	return took(*step.DurationMs)
}

// timeSpan is when the first step began and the last ended, in milliseconds.
func timeSpan(r *probe.Result) (begin, end float64) {
	seen := false
	for _, step := range r.Steps {
		if step.StartedMs == nil || step.DurationMs == nil {
			continue
		}
		started := float64(*step.StartedMs)
		if !seen || started < begin {
			begin, seen = started, true
		}
		end = max(end, started+float64(*step.DurationMs))
	}
	return begin, max(begin, end)
}

// bar marks a step's time within the run's; the shortest has a mark too.
func bar(step probe.StepResult, begin, end float64) string {
	if step.StartedMs == nil || step.DurationMs == nil || end <= begin {
		return strings.Repeat(" ", barWidth)
	}
	at := func(ms float64) int { return int(min(max((ms-begin)/(end-begin)*barWidth, 0), barWidth)) }
	from := min(at(float64(*step.StartedMs)), barWidth-1)
	to := max(at(float64(*step.StartedMs)+float64(*step.DurationMs)), from+1)
	return strings.Repeat(" ", from) + strings.Repeat("#", to-from) + strings.Repeat(" ", barWidth-to)
}

// certificates draws every chain that was seen, each once.
func (h *handover) certificates(r *probe.Result, level int) {
	drawn := map[string]bool{}
	for _, step := range r.Steps {
		e, ok := step.Evidence.(*probe.CertificateEvidence)
		if !ok || len(e.Chain) == 0 || drawn[e.Chain[0].SHA256+e.Chain[0].Subject] {
			continue
		}
		drawn[e.Chain[0].SHA256+e.Chain[0].Subject] = true
		h.heading(level, "Certificate%s", ofAddress(step.Address))
		h.list(false, certificateItems(e))
		h.paragraph(says("The chain as it was sent, each certificate above its issuer:")...)
		h.parts = append(h.parts, part{code: chainLines(e.Chain), chain: e.Chain})
	}
}

func ofAddress(address probe.Maybe) string {
	if address == "" {
		return ""
	}
	return " of " + string(address)
}

func certificateItems(e *probe.CertificateEvidence) []item {
	items := []item{{words: says("Judged: %s", certificateWords(e))}}
	if e.HostChecked != "" {
		fits := "not known whether it is for it"
		if e.NameMatches != nil && *e.NameMatches {
			fits = "it is for that name"
		} else if e.NameMatches != nil {
			fits = "it is not for that name"
		}
		items = append(items, item{words: append(append(says("Name asked for: "), asCode(string(e.HostChecked))), says(", %s", fits)...)})
	}
	items = append(items, item{words: says("Trusted by the public list: %s; on this computer: %s", yesNo(e.TrustedPublic), yesNo(e.TrustedHere))})
	if len(e.Problems) > 0 {
		items = append(items, item{words: says("Problems: %s", strings.Join(e.Problems, ", "))})
	}
	return items
}

func yesNo(b *bool) string {
	switch {
	case b == nil:
		return "not known"
	case *b:
		return "yes"
	}
	return "no"
}

// chainLines draws a chain as a tree, from the server's certificate to its issuers.
func chainLines(chain []probe.Certificate) []string {
	var out []string
	for i, c := range chain {
		margin := ""
		if i > 0 {
			margin = strings.Repeat("   ", i-1) + "`- "
		}
		out = append(out, margin+c.Subject)
		below := strings.Repeat("   ", i)
		for _, row := range certificateRows(&c) {
			out = append(out, below+"   "+row[0]+": "+row[1])
		}
	}
	last := chain[len(chain)-1]
	if !last.SelfSigned && last.Issuer != "" {
		out = append(out, strings.Repeat("   ", len(chain)-1)+"`- "+last.Issuer+" (not sent)")
	}
	return out
}

// certificateRows are names and values of what is known of a certificate.
func certificateRows(c *probe.Certificate) [][2]string {
	var rows [][2]string
	if len(c.Names) > 0 {
		rows = append(rows, [2]string{"names", cutText(strings.Join(c.Names, ", "))})
	}
	if !c.NotBefore.IsZero() || !c.NotAfter.IsZero() {
		rows = append(rows, [2]string{"valid", c.NotBefore.UTC().Format("2006-01-02") + " to " + c.NotAfter.UTC().Format("2006-01-02")})
	}
	if c.Key != "" || c.Signature != "" {
		rows = append(rows, [2]string{"key", c.Key + ", signature: " + c.Signature})
	}
	if c.SHA256 != "" {
		rows = append(rows, [2]string{"sha256", c.SHA256})
	}
	return rows
}

//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// deliveryRow is what a run comes to.
type deliveryRow struct {
	row
	how  string // of a redirect, "-" where no message was judged
	kept string // whether the sender is in the header, and whether DMARC survives: yes, no or ?
}

func (r deliveryRow) String() string { return fmt.Sprintf("%v %s %s", r.row, r.how, r.kept) }

// deliveryCase is one message on one way, and what must come of it.
type deliveryCase struct {
	name    string
	args    []string
	also    []string      // causes that must be named as well
	decided string        // stands in the evidence
	within  time.Duration // 0 = 30 s
	at      string        // a mailbox at which somebody does something meanwhile
	hand    *byHand
	says    func(t *testing.T, s deliveryStep) // further demands on the evidence
	want    deliveryRow
}

// deliveryStep is what the table needs of the steps delivery and redirect.
type deliveryStep struct {
	Folder         string  `json:"folder"`
	ArrivedAfterMs float64 `json:"arrived_after_ms"`
	Copies         int     `json:"copies"`
	ReturnPath     string  `json:"return_path"`
	Authentication *struct {
		DMARC *struct{ Result string }
	} `json:"authentication"`
	Checked *struct {
		Client string
		SPF    *struct{ Result string }
		DKIM   []struct{ Result string }
	} `json:"checked"`

	How           string `json:"how"`
	SenderKept    *bool  `json:"sender_kept"`
	DMARCSurvives *bool  `json:"dmarc_survives"`
	DMARCReason   string `json:"dmarc_reason"`
	Rule          struct {
		ID      string
		Headers []string
	} `json:"rule"`
}

// judged is a result that went as far as a message.
type judged struct {
	Steps []struct {
		ID       string
		Evidence json.RawMessage
		Fault    *struct{ Text string }
	}
}

// follows sends each message and demands what must come of it.
func (d *delivery) follows(t *testing.T) {
	var table strings.Builder
	rows := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "\nDELIVERY\ncase\tstep\tcause\texit\tverdict\thow\tkept/DMARC\tok\tms\tevidence")
	t.Cleanup(func() { _, _ = io.WriteString(os.Stdout, table.String()) })
	for _, c := range deliveryCases {
		t.Run(c.name, func(t *testing.T) {
			got, evidence, took := d.follow(t, c)
			fmt.Fprintf(rows, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%d\t%.150s\n", c.name, got.step, got.cause, got.exit, got.verdict, got.how, got.kept, yesNo(!t.Failed()), took.Milliseconds(), evidence)
		})
	}
	_ = rows.Flush()
}

// follow runs one case and compares.
func (d *delivery) follow(t *testing.T, c deliveryCase) (deliveryRow, string, time.Duration) {
	t.Helper()
	limit := c.within
	if limit == 0 {
		limit = 30 * time.Second
	}
	if c.hand != nil {
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.does(t, c.hand, c.at, "smtpdx")
		}()
		defer func() { <-done }()
	}
	args := append(slices.Clone(c.args), "-c", root+"/etc/delivery/profiles.yaml", "--yes", "--no-input", "-o", "json")
	p := d.smtpdx(t, limit, d.secrets(), args...)
	var doc document
	var steps struct{ Results []judged }
	if err := json.Unmarshal([]byte(p.out), &doc); err != nil || len(doc.Results) != 1 {
		t.Fatalf("no report with one result (%v), exit code %d:\n%s\n%s", err, p.exit, p.out, p.complaints)
	}
	if err := json.Unmarshal([]byte(p.out), &steps); err != nil {
		t.Fatal(err)
	}
	r := doc.Results[0]
	seen, fault := decisive(t, steps.Results[0])
	got := deliveryRow{r.row(p.exit), "-", "-"}
	if seen.How != "" {
		got.how, got.kept = seen.How, told(seen.SenderKept)+"/"+told(seen.DMARCSurvives)
	}
	evidence := seen.evidence(fault)
	if got != c.want {
		t.Errorf("came to %v, expected %v\nsmtpdx %s\n%s\n%s\n%s", got, c.want, strings.Join(args, " "), evidence, listed(r), p.complaints)
	}
	for _, cause := range c.also {
		if !r.names(cause) {
			t.Errorf("%s is not named\n%s", cause, listed(r))
		}
	}
	if !strings.Contains(evidence, c.decided) {
		t.Errorf("the evidence does not say %q: %s", c.decided, evidence)
	}
	if c.says != nil {
		c.says(t, seen)
	}
	return got, evidence, p.took
}

// decisive puts what the last steps saw into one, with the fault of the one that failed.
func decisive(t *testing.T, r judged) (seen deliveryStep, fault string) {
	t.Helper()
	for _, s := range r.Steps {
		if s.Fault != nil {
			fault = s.Fault.Text
		}
		if s.ID != "delivery" && s.ID != "redirect" || len(s.Evidence) == 0 {
			continue
		}
		if err := json.Unmarshal(s.Evidence, &seen); err != nil {
			t.Errorf("evidence of %s: %v\n%s", s.ID, err, s.Evidence)
		}
	}
	return seen, fault
}

// evidence is what decided, in one line.
func (s deliveryStep) evidence(fault string) string {
	var parts []string
	if fault != "" {
		parts = append(parts, fault)
	}
	if s.Folder != "" {
		parts = append(parts, fmt.Sprintf("in %s after %.0f ms", s.Folder, s.ArrivedAfterMs))
	}
	if s.Authentication != nil && s.Authentication.DMARC != nil {
		parts = append(parts, "dmarc="+s.Authentication.DMARC.Result)
	}
	if s.Rule.ID != "" {
		parts = append(parts, s.Rule.ID+": "+strings.Join(s.Rule.Headers, " | "))
	}
	if s.DMARCReason != "" {
		parts = append(parts, s.DMARCReason)
	}
	return strings.Join(parts, "; ")
}

func told(b *bool) string {
	if b == nil {
		return "?"
	}
	return map[bool]string{true: "yes", false: "no"}[*b]
}

// secrets are the passwords that profiles.yaml names.
func (d *delivery) secrets() []string {
	return []string{"CANDIDATE=candidate-4711", "ANNA=anna-4711", "IN=in-0815", "SPAM=spam-0815", "LATE=late-0815", "FULL=full-0815", "WRONG=" + wrong, "TOKEN=" + d.token}
}

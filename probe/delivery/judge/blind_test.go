package judge_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

// blind is what testdata/blind/index.json says of a message that was written
// without knowledge of the rules.
type blind struct {
	File     string  `json:"file"`
	Source   string  `json:"source"`
	Via      *string `json:"via"`
	Sender   *string `json:"sender"`
	How      string  `json:"how"`
	Kept     *bool   `json:"sender_kept"`
	Original *string `json:"original_sender"`
	Survives *bool   `json:"dmarc_survives"`
}

func blindMessages(t *testing.T) []blind {
	t.Helper()
	text, err := os.ReadFile("testdata/blind/index.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []blind
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// score counts in how many points judgements are as expected.
type score struct{ how, kept, survives, original, whole int }

func (s *score) add(b blind, in probe.Inspection) []string {
	var wrong []string
	point := func(n *int, what, got, want string) {
		if got == want {
			*n++
		} else {
			wrong = append(wrong, what+" "+got+", want "+want)
		}
	}
	point(&s.how, "how", string(in.How), b.How)
	point(&s.kept, "sender_kept", truth(in.SenderKept), truth(b.Kept))
	point(&s.survives, "dmarc_survives", truth(in.DMARCSurvives), truth(b.Survives))
	if b.Original != nil {
		point(&s.original, "original_sender", string(in.OriginalSender), *b.Original)
	}
	if len(wrong) == 0 {
		s.whole++
	}
	return wrong
}

// The score when they were judged for the first time, before anybody who wrote
// rules had seen them: how 20 of 22, sender_kept 22, dmarc_survives 8, original
// sender 19 of 19, all of it 7. Nothing that they expect was changed since.
func TestMessagesWrittenWithoutKnowledgeOfTheRules(t *testing.T) {
	var total score
	all := blindMessages(t)
	for _, b := range all {
		s := saved{File: "blind/" + b.File}
		if b.Via != nil {
			s.Via = []string{*b.Via}
		}
		if b.Sender != nil {
			s.Sender = *b.Sender
		}
		in := inspect(t, s)
		if wrong := total.add(b, in); len(wrong) > 0 {
			t.Errorf("%s: %s (rule %s: %s; %s)", b.File, strings.Join(wrong, "; "), in.Rule.ID, in.Rule.Text, in.DMARCReason)
		}
	}
	t.Logf("of %d: how %d, sender_kept %d, dmarc_survives %d, original sender %d, all of it %d", len(all), total.how, total.kept, total.survives, total.original, total.whole)
}

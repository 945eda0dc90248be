package judge_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/smtpdx/smtpdx/probe/delivery/judge"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// FuzzAnyFileIsJudged feeds what is on the disk of others: whatever it is, it
// is refused or judged, and the judgement holds nothing that a terminal obeys.
func FuzzAnyFileIsJudged(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.[et][mx][lt]")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + string(make([]byte, 1024))))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := received.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		in := judge.Inspect(m, judge.Known{Via: []string{"jobs@acme.example"}})
		if in.How == "" || in.Confidence == "" || in.Rule.ID == "" || in.DMARCReason == "" {
			t.Errorf("no judgement: %+v", in)
		}
		words := []string{in.Rule.Text, string(in.OriginalSender), string(in.From), in.DMARCReason}
		words = append(words, in.Rule.Headers...)
		for _, finding := range in.Findings {
			words = append(words, finding.Title)
		}
		for _, hop := range in.Hops {
			words = append(words, string(hop.From), string(hop.By), string(hop.For))
		}
		for _, word := range words {
			for _, r := range word {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e {
					t.Errorf("%q", word)
				}
			}
		}
		if _, err := json.Marshal(in); err != nil {
			t.Error(err)
		}
	})
}

package judge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/delivery/judge"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// saved is what an index of testdata says of a message: what it must be judged
// as, what is known beside it, and where it comes from.
type saved struct {
	File     string   `yaml:"file"`
	How      string   `yaml:"how"`
	Kept     *bool    `yaml:"sender_kept"`
	Survives *bool    `yaml:"dmarc_survives"`
	Original string   `yaml:"original_sender"`
	Cause    string   `yaml:"cause"`
	Via      []string `yaml:"via"`
	Sender   string   `yaml:"sender"`
	Target   string   `yaml:"target"`
	Source   string   `yaml:"source"`
	MadeBy   string   `yaml:"-"`
}

func indexed(t *testing.T) []saved {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no index: %v", err)
	}
	var all []saved
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var list []saved
		decoder := yaml.NewDecoder(strings.NewReader(string(text)))
		decoder.KnownFields(true)
		if err := decoder.Decode(&list); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, list...)
	}
	return all
}

func inspect(t *testing.T, s saved) probe.Inspection {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", s.File))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := received.Read(file)
	if err != nil {
		t.Fatalf("%s: %v", s.File, err)
	}
	return judge.Inspect(m, judge.Known{Via: s.Via, Sender: s.Sender, Target: s.Target})
}

// differences says in which points a judgement is another than the index has.
func differences(s saved, in probe.Inspection) []string {
	var all []string
	add := func(what, got, want string) {
		if got != want {
			all = append(all, what+" "+got+", want "+want)
		}
	}
	add("how", string(in.How), s.How)
	add("sender_kept", truth(in.SenderKept), truth(s.Kept))
	add("dmarc_survives", truth(in.DMARCSurvives), truth(s.Survives))
	if s.Original != "" {
		add("original_sender", string(in.OriginalSender), s.Original)
	}
	if s.Cause != "" {
		add("first cause", firstCause(in, s.Cause), s.Cause)
	}
	return all
}

func truth(is *bool) string {
	switch {
	case is == nil:
		return "null"
	case *is:
		return "true"
	}
	return "false"
}

// firstCause is the cause that was found first, or the wanted one wherever it
// stands beside the word that the sender was kept.
func firstCause(in probe.Inspection, want string) string {
	var causes []string
	for _, f := range in.Findings {
		if f.Cause == want {
			return want
		}
		causes = append(causes, f.Cause)
	}
	return strings.Join(causes, " ")
}

func TestSavedMessagesAreJudgedAsTheyCame(t *testing.T) {
	for _, s := range indexed(t) {
		in := inspect(t, s)
		if wrong := differences(s, in); len(wrong) > 0 {
			t.Errorf("%s: %s (rule %s: %s; %s)", s.File, strings.Join(wrong, "; "), in.Rule.ID, in.Rule.Text, in.DMARCReason)
		}
	}
}

func TestEverySavedMessageSaysWhereItComesFrom(t *testing.T) {
	listed := map[string]bool{}
	for _, s := range indexed(t) {
		if s.Source == "" && s.MadeBy == "" {
			t.Errorf("%s names no source", s.File)
		}
		if listed[s.File] {
			t.Errorf("%s stands twice", s.File)
		}
		listed[s.File] = true
	}
	for _, b := range blindMessages(t) {
		if b.Source == "" {
			t.Errorf("%s names no source", b.File)
		}
		listed["blind/"+b.File] = true
	}
	for _, r := range realMessages(t) {
		listed["real/"+r.File] = true
	}
	files, err := filepath.Glob("testdata/*/*.[et][mx][lt]")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if rel, _ := filepath.Rel("testdata", name); !listed[filepath.ToSlash(rel)] {
			t.Errorf("%s stands in no index", name)
		}
	}
}

func TestEveryJudgementSaysWhatItRestsOn(t *testing.T) {
	for _, s := range indexed(t) {
		in := inspect(t, s)
		if in.Rule.ID == "" || in.Rule.Text == "" || len(in.Rule.Headers) == 0 || in.DMARCReason == "" || in.Confidence == "" {
			t.Errorf("%s: %+v", s.File, in.Rule)
		}
		if in.How == probe.Undetermined && len(in.Next) == 0 && len(in.Findings) == 0 {
			t.Errorf("%s: undetermined, and nothing said that would decide", s.File)
		}
	}
}

package explain

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// The corpus is real errors with their true causes, one JSON object a line;
// SMTPDX_CORPUS is the full path of the file. Other variables:
//
//	SMTPDX_CORPUS_PART=worked   leave out the quarter that is set aside, and print every miss
//	SMTPDX_CORPUS_PART=every    print every miss of a file that has nothing set aside
//	SMTPDX_CORPUS_STAGE=auth    print only the misses of these stages (comma-separated)
//	SMTPDX_CORPUS_MIN=20        allow a smaller file
const (
	fewestCases = 300

	// sharedCorpus is the SHA-256 of the file that the rules were worked out with; the floors hold for it.
	sharedCorpus = "6b99435ee20ef55544efbb5d319d26dcb80c6a69783d3dc83afcb459e6724c68"
)

// corpusCase is a line of the file.
type corpusCase struct {
	ID       string `json:"id"`
	Stage    string `json:"stage"`
	Settings struct {
		Host       *string `json:"host"`
		Port       *int    `json:"port"`
		Encryption *string `json:"encryption"`
	} `json:"settings"`
	Evidence   string   `json:"evidence"`
	Cause      string   `json:"cause"`
	Also       []string `json:"also"`
	Confidence string   `json:"confidence"`
	Group      string   `json:"group"`
	Decidable  bool     `json:"decidable"`
}

// isSetAside tells whether the case is of the quarter that nobody looked at
// while the rules were written.
func (c corpusCase) isSetAside() bool {
	n, err := strconv.Atoi(strings.TrimLeft(c.Group, "abcdefghijklmnopqrstuvwxyz"))
	return err == nil && n%4 == 0
}

func (c corpusCase) settings() Settings {
	var s Settings
	if c.Settings.Host != nil {
		s.Host = *c.Settings.Host
	}
	if c.Settings.Port != nil {
		s.Port = *c.Settings.Port
	}
	if c.Settings.Encryption != nil {
		s.Encryption = map[string]string{"tls": "ssl"}[*c.Settings.Encryption]
		if s.Encryption == "" {
			s.Encryption = *c.Settings.Encryption
		}
	}
	return s
}

func (c corpusCase) accepts(id string) bool { return id == c.Cause || slices.Contains(c.Also, id) }

// corpus is a file and how it is to be measured.
type corpus struct {
	cases        []corpusCase
	part         string
	stages       []string
	isShared     bool
	printsEvery  bool
	leftSetAside bool
}

func loadCorpus(t *testing.T) corpus {
	t.Helper()
	path := os.Getenv("SMTPDX_CORPUS")
	if path == "" {
		t.Skip("SMTPDX_CORPUS names no file of real errors: nothing to measure")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("SMTPDX_CORPUS: %v (go test runs in the package's folder: give the full path)", err)
	}
	sum := sha256.Sum256(data)
	c := corpus{part: os.Getenv("SMTPDX_CORPUS_PART"), isShared: hex.EncodeToString(sum[:]) == sharedCorpus}
	if word := os.Getenv("SMTPDX_CORPUS_STAGE"); word != "" {
		c.stages = strings.Split(word, ",")
	}
	c.cases = readCases(t, data)
	fewest := fewestCases
	if n, err := strconv.Atoi(os.Getenv("SMTPDX_CORPUS_MIN")); err == nil {
		fewest = n
	}
	if len(c.cases) < fewest {
		t.Fatalf("SMTPDX_CORPUS has %d cases, at least %d are wanted", len(c.cases), fewest)
	}
	c.choose(t)
	return c
}

func readCases(t *testing.T, data []byte) []corpusCase {
	t.Helper()
	var cases []corpusCase
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var c corpusCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("SMTPDX_CORPUS, line %d: %v", n, err)
		}
		if c.Evidence == "" || c.Cause == "" {
			t.Fatalf("SMTPDX_CORPUS, line %d: no evidence or no cause", n)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("SMTPDX_CORPUS: %v", err)
	}
	return cases
}

func (c *corpus) choose(t *testing.T) {
	t.Helper()
	switch c.part {
	case "":
	case "worked":
		c.cases = slices.DeleteFunc(c.cases, corpusCase.isSetAside)
		c.printsEvery, c.leftSetAside = true, true
	case "every":
		if c.isShared {
			t.Fatal("this file has a quarter that is set aside: SMTPDX_CORPUS_PART=worked")
		}
		c.printsEvery = true
	default:
		t.Fatal("SMTPDX_CORPUS_PART is worked, every or nothing")
	}
}

// outcome is a case and what explain said of it.
type outcome struct {
	corpusCase
	found []probe.Finding
}

func (o outcome) first() string {
	if len(o.found) == 0 {
		return "nothing"
	}
	return o.found[0].Cause
}

func (o outcome) isHit() bool    { return o.accepts(o.first()) }
func (o outcome) isStrict() bool { return o.first() == o.Cause }
func (o outcome) isInThree() bool {
	return slices.ContainsFunc(o.found[:min(3, len(o.found))], func(f probe.Finding) bool { return o.accepts(f.Cause) })
}

func run(base *cause.Base, cases []corpusCase, withSettings bool) []outcome {
	all := make([]outcome, len(cases))
	for i, c := range cases {
		var s Settings
		if withSettings {
			s = c.settings()
		}
		all[i] = outcome{c, explain(base, c.Evidence, s).Findings}
	}
	return all
}

func TestCorpus(t *testing.T) {
	c := loadCorpus(t)
	for _, how := range []struct {
		name         string
		withSettings bool
		floor        float64 // share of hits on what was worked with
	}{{"with host, port and encryption", true, floorWithSettings}, {"text alone", false, floorTextAlone}} {
		t.Run(how.name, func(t *testing.T) {
			all := run(cause.Builtin(), c.cases, how.withSettings)
			t.Log(c.tables(all))
			worked, _ := halves(all)
			if hits := share(worked, outcome.isHit); c.isShared && hits < how.floor {
				t.Errorf("%.1f %% hits, %.1f %% were reached before", 100*hits, 100*how.floor)
			}
		})
	}
}

func halves(all []outcome) (worked, setAside []outcome) {
	for _, o := range all {
		if o.isSetAside() {
			setAside = append(setAside, o)
		} else {
			worked = append(worked, o)
		}
	}
	return worked, setAside
}

func share(all []outcome, is func(outcome) bool) float64 {
	if len(all) == 0 {
		return 0
	}
	return float64(len(only(all, is))) / float64(len(all))
}

func only(all []outcome, is func(outcome) bool) []outcome {
	var kept []outcome
	for _, o := range all {
		if is(o) {
			kept = append(kept, o)
		}
	}
	return kept
}

// tables prints what was measured. Nothing but sums is said of the quarter set aside.
func (c *corpus) tables(all []outcome) string {
	var b strings.Builder
	worked, setAside := halves(all)
	if c.part == "every" {
		worked, setAside = all, nil
	}
	fmt.Fprintf(&b, "\n%-24s %5s %8s %8s %8s\n", "", "cases", "hit", "strict", "top 3")
	figures := func(name string, some []outcome) {
		if len(some) > 0 {
			fmt.Fprintf(&b, "%-24s %5d %7.1f%% %7.1f%% %7.1f%%\n", name, len(some), 100*share(some, outcome.isHit), 100*share(some, outcome.isStrict), 100*share(some, outcome.isInThree))
		}
	}
	groups := func(name string, some []outcome) {
		figures(name, some)
		figures("  confidence high", only(some, func(o outcome) bool { return o.Confidence == "high" }))
		figures("  decidable", only(some, func(o outcome) bool { return o.Decidable }))
	}
	if len(setAside) > 0 {
		groups("all", all)
	}
	groups("worked with", worked)
	if len(setAside) > 0 {
		groups("set aside", setAside)
	}
	calibration(&b, worked, setAside)
	byKey(&b, "stage", worked, func(o outcome) string { return o.Stage })
	byKey(&b, "cause", worked, func(o outcome) string { return o.Cause })
	confusions(&b, worked)
	if c.printsEvery {
		c.misses(&b, worked)
	}
	return b.String()
}

func calibration(b *strings.Builder, worked, setAside []outcome) {
	fmt.Fprintf(b, "\nstated confidence of the first finding, and how often it was right\n")
	for _, part := range []struct {
		name string
		all  []outcome
	}{{"worked with", worked}, {"set aside", setAside}} {
		for _, level := range []cause.Confidence{cause.Certain, cause.Likely, cause.Possible} {
			some := only(part.all, func(o outcome) bool { return len(o.found) > 0 && o.found[0].Confidence == level })
			if len(some) > 0 {
				fmt.Fprintf(b, "  %-12s %-9s %4d cases, right %5.1f%%\n", part.name, level, len(some), 100*share(some, outcome.isHit))
			}
		}
	}
}

func byKey(b *strings.Builder, name string, all []outcome, key func(outcome) string) {
	byName := map[string][]outcome{}
	for _, o := range all {
		byName[key(o)] = append(byName[key(o)], o)
	}
	fmt.Fprintf(b, "\nper %s: hits of cases\n", name)
	names := sortedKeys(byName)
	for _, n := range names {
		fmt.Fprintf(b, "  %-44s %3d of %3d\n", n, len(only(byName[n], outcome.isHit)), len(byName[n]))
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func confusions(b *strings.Builder, all []outcome) {
	count := map[string]int{}
	for _, o := range all {
		if !o.isHit() {
			count[o.Cause+" taken for "+o.first()]++
		}
	}
	pairs := sortedKeys(count)
	slices.SortStableFunc(pairs, func(x, y string) int { return count[y] - count[x] })
	fmt.Fprintf(b, "\nconfusions\n")
	for _, pair := range pairs {
		fmt.Fprintf(b, "  %2d  %s\n", count[pair], pair)
	}
}

func (c *corpus) misses(b *strings.Builder, all []outcome) {
	fmt.Fprintf(b, "\nmisses\n")
	for _, o := range all {
		if o.isHit() || len(c.stages) > 0 && !slices.Contains(c.stages, o.Stage) {
			continue
		}
		s := o.settings()
		f, _ := factsOf(readTicket(o.Evidence, s))
		fmt.Fprintf(b, "  %s %s, %q:%d %s: is %s %v\n     facts: step %q of %v, %d %q, verb %q, fault %q\n", o.ID, o.Stage, f.Host, f.Port, f.Encryption,
			o.Cause, o.Also, f.Step, f.Steps, f.Code, f.Enhanced, f.Verb, f.Fault)
		for _, found := range o.found[:min(3, len(o.found))] {
			fmt.Fprintf(b, "     found: %s (%s)\n", found.Cause, found.Confidence)
		}
		fmt.Fprintf(b, "     text:  %.400s\n", strings.ReplaceAll(o.Evidence, "\n", "\n            "))
	}
}

package report

import (
	"encoding/xml"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

func TestJUnitIsGolden(t *testing.T) { goldenDocuments(t, "junit", ".xml") }

// element is any XML element, for readers that know the shape only.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) attr(name string) string {
	i := slices.IndexFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == name })
	if i < 0 {
		return ""
	}
	return e.Attrs[i].Value
}

// shapeOf holds the content model of the schema of Jenkins' xunit plugin
// (junit-10.xsd): which children in which order, which attributes.
func shapeOf() map[string]struct{ children, attrs, must string } {
	return map[string]struct{ children, attrs, must string }{
		"testsuites": {`(testsuite )*`, "name time tests failures disabled errors", ""},
		"testsuite":  {`(properties )?(testcase )*(system-out )?(system-err )?`, "name tests failures errors group time skipped timestamp hostname id package file log url version", "name tests failures errors"},
		"properties": {`(property )+`, "", ""},
		"property":   {``, "name value", "name value"},
		"testcase":   {`(skipped |error |failure |system-out |system-err )*`, "name assertions classname status class file line log group url time", "name"},
		"skipped":    {``, "type message", ""},
		"failure":    {``, "type message", ""},
		"system-out": {``, "", ""},
	}
}

func (e element) check(t *testing.T) {
	t.Helper()
	shape, known := shapeOf()[e.XMLName.Local]
	if !known {
		t.Fatalf("the element %s", e.XMLName.Local)
	}
	children := ""
	for _, c := range e.Children {
		children += c.XMLName.Local + " "
		c.check(t)
	}
	if !regexp.MustCompile(`^` + shape.children + `$`).MatchString(children) {
		t.Errorf("%s holds %s", e.XMLName.Local, children)
	}
	for _, a := range e.Attrs {
		if !slices.Contains(strings.Fields(shape.attrs), a.Name.Local) {
			t.Errorf("%s has the attribute %s", e.XMLName.Local, a.Name.Local)
		}
	}
	for _, name := range strings.Fields(shape.must) {
		if !slices.ContainsFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == name }) {
			t.Errorf("%s lacks %s", e.XMLName.Local, name)
		}
	}
}

func readJUnit(t *testing.T, text []byte) element {
	t.Helper()
	var root element
	if err := xml.Unmarshal(text, &root); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	root.check(t)
	return root
}

func TestJUnitHasTheShapeThatReadersExpectAndCountsRight(t *testing.T) {
	for name, scenes := range documentScenes() {
		root := readJUnit(t, printed(t, "junit", Options{}, play(scenes...)))
		report := folded(play(scenes...))
		if len(root.Children) != len(report.Results) {
			t.Fatalf("%s: %d suites", name, len(root.Children))
		}
		for i, suite := range root.Children {
			counts := map[string]int{}
			cases := 0
			for _, c := range suite.Children {
				if c.XMLName.Local == "testcase" {
					cases++
				}
				for _, outcome := range c.Children {
					counts[outcome.XMLName.Local]++
				}
			}
			want := []string{strconv.Itoa(len(report.Results[i].Steps)), strconv.Itoa(counts["failure"]), strconv.Itoa(counts["skipped"])}
			if got := []string{suite.attr("tests"), suite.attr("failures"), suite.attr("skipped")}; !slices.Equal(got, want) || cases != len(report.Results[i].Steps) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
			if failed := report.Results[i].Verdict == probe.Fail; failed != (counts["failure"] > 0) {
				t.Errorf("%s: verdict %s and %d failures", name, report.Results[i].Verdict, counts["failure"])
			}
		}
	}
}

func TestJUnitKeepsHostileTextInItsPlace(t *testing.T) {
	out := printed(t, "junit", Options{}, play(injectionScene()))
	root := readJUnit(t, out)
	text := ""
	for _, c := range root.Children[0].Children {
		if strings.HasPrefix(c.attr("name"), "forged") {
			t.Errorf("a forged case:\n%s", out)
		}
		for _, outcome := range c.Children {
			text += outcome.Text
		}
	}
	for _, try := range []string{htmlTry, xmlTry, markdownTry} {
		if !strings.Contains(text, try) {
			t.Errorf("not shown: %s", try)
		}
	}
}

func TestJUnitTellsADeadAddressAsARemark(t *testing.T) {
	root := readJUnit(t, printed(t, "junit", Options{}, play(warnScene())))
	for _, c := range root.Children[0].Children {
		if c.attr("name") != "tcp [2001:db8::9]:587" {
			continue
		}
		if len(c.Children) != 1 || c.Children[0].XMLName.Local != "system-out" || !strings.Contains(c.Children[0].Text, "fail: refused") {
			t.Errorf("%v", c.Children)
		}
		return
	}
	t.Error("there is no case for the dead address")
}

func FuzzJUnit(f *testing.F) {
	f.Add([]byte("\x00\x05hello\x03\x01"))
	f.Add([]byte(strings.Repeat("\x00\x07<b>]]>&\x00\xff", 40)))
	f.Fuzz(func(t *testing.T, data []byte) { readJUnit(t, printed(t, "junit", Options{}, rolled(data))) })
}

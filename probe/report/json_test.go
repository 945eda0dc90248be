package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/smtpdx/smtpdx/probe"
)

func allScenes() map[string][]scene {
	return map[string][]scene{"wrong-encryption": {wrongEncryptionScene()}, "tenant": {tenantScene()}, "sender": {senderScene()}, "port": {portScene()},
		"name": {nameScene()}, "pass": {passScene()}, "warn": {warnScene()}, "interrupted": {interruptedScene()}, "until": {untilScene()},
		"differing": {differingScene()}, "several": severalScenes(), "transcript": {transcriptScene()}, "international": {internationalScene()},
		"message-partly": {partlyScene()}, "delivered": {deliveredScene()}, "by-hand": {byHandScene()}}
}

func schemaOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(name)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestReportsHaveEveryFieldOfTheContract(t *testing.T) {
	schema := schemaOf(t, probe.ReportSchema)
	for name, scenes := range allScenes() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(printed(t, "json", Options{}, play(scenes...))))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The schema must notice what the contract forbids, or its test could not fail.
func TestTheSchemaRefusesReportsThatLackSomething(t *testing.T) {
	schema := schemaOf(t, probe.ReportSchema)
	whole := printed(t, "json", Options{}, play(senderScene()))
	for _, c := range []struct{ name, old, new string }{
		{"a field is missing", `"interrupted": false,`, ``},
		{"a list is null", `"links": []`, `"links": null`},
		{"an unknown status", `"status": "fail"`, `"status": "failed"`},
		{"an address without port", `"address": "192.0.2.7:587"`, `"address": "192.0.2.7"`},
		{"evidence of another step", `"tls_answers": null`, `"early_bytes": null`},
		{"a failure without a fault", `"kind": "rejected"`, `"kind": "bad luck"`},
	} {
		broken := bytes.Replace(whole, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(broken, whole) {
			t.Fatalf("%s: nothing to replace", c.name)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(broken))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("%s: the schema accepts it", c.name)
		}
	}
}

func TestUnknownSchemasAreNil(t *testing.T) {
	if Schema("smtpdx.nothing/v1") != nil || Schema("") != nil {
		t.Error("a schema without a name")
	}
}

func TestFoldingTheLinesGivesTheReport(t *testing.T) {
	for name, scenes := range allScenes() {
		events := play(scenes...)
		var folded probe.Report
		lines := bufio.NewScanner(bytes.NewReader(printed(t, "jsonl", Options{}, events)))
		lines.Buffer(nil, 1<<20)
		count := 0
		for lines.Scan() {
			var e probe.Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			folded.Add(e)
			count++
		}
		if count != len(events) {
			t.Errorf("%s: %d lines for %d events", name, count, len(events))
		}
		var b bytes.Buffer
		if err := write(&b, folded, "  "); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(printed(t, "json", Options{}, events)), b.String()); diff != "" {
			t.Errorf("%s (-json +folded):\n%s", name, diff)
		}
	}
}

func TestJSONIsGolden(t *testing.T) {
	golden(t, "warn.json", printed(t, "json", Options{}, play(warnScene())))
	golden(t, "sender.jsonl", printed(t, "jsonl", Options{}, play(senderScene())))
}

func TestJSONShowsWordsAsTheyAreAndControlsAsEscapes(t *testing.T) {
	for _, format := range []string{"json", "jsonl"} {
		out := string(printed(t, format, Options{}, play(hostileScene())))
		if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: %q", format, out[i:min(i+40, len(out))])
		}
		if !strings.Contains(out, "FROM:<jobs@acme-karriere.example>") && !strings.Contains(out, "tab\\there") {
			t.Errorf("%s changed what was harmless", format)
		}
		if !strings.Contains(out, `\u202egnp.exe`) {
			t.Errorf("%s: the change of direction is lost", format)
		}
	}
}

func TestShowableKeepsTheMeaning(t *testing.T) {
	for _, s := range []string{"<a&b>", `\u003c`, `\\u003c`, "back\\slash\\", "\u202e", "\u007f\u0085", "\U000e0041", "ü😀", "\u2028", "\"quoted\""} {
		in := probe.List[string]{s, s}
		var b bytes.Buffer
		if err := write(&b, in, ""); err != nil {
			t.Fatal(err)
		}
		var back []string
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Fatalf("%q: %v in %s", s, err, b.String())
		}
		if !slices.Equal(back, in) {
			t.Errorf("%q came back as %q", s, back)
		}
		if strings.ContainsFunc(strings.TrimSpace(b.String()), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q stands as %q", s, b.String())
		}
	}
}

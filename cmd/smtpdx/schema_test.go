package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/report"
)

// schema compiles the schema of a document by its name.
func schema(name string) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema(name)))
	if err != nil {
		return nil, fmt.Errorf("schema %q: %w", name, err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("schema.json")
}

// fitsOwn tells what in a document does not fit the schema that it names.
func fitsOwn(text []byte) error {
	var head struct{ Schema string }
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	compiled, err := schema(head.Schema)
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return compiled.Validate(document)
}

// fitsReport tells what in a document does not fit the schema of reports.
func fitsReport(text []byte) error {
	if !bytes.Contains(text, []byte(probe.ReportSchema)) {
		return fmt.Errorf("the document is no %s", probe.ReportSchema)
	}
	return fitsOwn(text)
}

func fitsSchema(t *testing.T, r probe.Report) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := fitsReport(text); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func validates(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: validates FILE")
	}
	if err := fitsOwn([]byte(ts.ReadFile(args[0]))); (err != nil) != neg {
		ts.Fatalf("%v", err)
	}
}

// folds makes a report of lines of JSON, and compares it with the report of
// the same run if there is one.
func folds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: folds EVENTS [REPORT]")
	}
	var folded probe.Report
	for _, line := range bytes.Split(bytes.TrimSpace([]byte(ts.ReadFile(args[0]))), []byte("\n")) {
		var e probe.Event
		ts.Check(json.Unmarshal(line, &e))
		folded.Add(e)
	}
	text, err := json.Marshal(folded)
	ts.Check(err)
	ts.Check(fitsReport(text))
	if len(args) == 1 {
		return
	}
	var other probe.Report
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &other))
	same, err := json.Marshal(other)
	ts.Check(err)
	if !bytes.Equal(text, same) {
		ts.Fatalf("the lines fold to another report:\n%s\n%s", text, same)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/report"
)

var compiled sync.Map // *jsonschema.Schema by name

// schema compiles the schema of a document by its name, once.
func schema(name string) (*jsonschema.Schema, error) {
	if known, ok := compiled.Load(name); ok {
		return known.(*jsonschema.Schema), nil
	}
	s, err := compileSchema(name)
	if err == nil {
		compiled.Store(name, s)
	}
	return s, err
}

func compileSchema(name string) (*jsonschema.Schema, error) {
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
	return fitsNamed(head.Schema, text)
}

func fitsNamed(name string, text []byte) error {
	compiled, err := schema(name)
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

func validatesLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: validates-lines FILE NAME")
	}
	for _, line := range strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n") {
		if err := fitsNamed(args[1], []byte(line)); err != nil {
			ts.Fatalf("%v\n%s", err, line)
		}
	}
}

// TestEveryKeyOfTheSettingsFileIsInItsSchema also keeps the schema from
// promising keys that are none.
func TestEveryKeyOfTheSettingsFileIsInItsSchema(t *testing.T) {
	var parsed struct {
		Defs struct {
			Profile struct {
				Properties map[string]json.RawMessage `json:"properties"`
			} `json:"profile"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(report.Schema("smtpdx.settings/v1"), &parsed); err != nil {
		t.Fatal(err)
	}
	have := slices.Sorted(maps.Keys(parsed.Defs.Profile.Properties))
	want := slices.Sorted(slices.Values(profile.Keys()))
	if !slices.Equal(have, want) {
		t.Errorf("the schema has %q, the file %q", have, want)
	}
}

// TestSettingsFilesFitTheirSchema: what is right and wrong by the schema is so
// for the reader too.
func TestSettingsFilesFitTheirSchema(t *testing.T) {
	right := map[string]string{
		"one profile":  "host: smtp.example.com\nport: 587\nencryption: starttls\naccount: me@example.com\npassword: {env: MAIL}\nfrom: [a@example.com, b@example.com]\n",
		"every source": "profiles:\n  a: {host: h.example, account: a, password: {file: p}}\n  b: {host: h.example, account: a, password: {command: [pass, show, x]}}\n  c: {host: h.example, account: a, password: {keyring: smtpdx}}\n  d: {host: h.example, account: a, password: {prompt: true}}\n  e: {host: h.example, token: {env: T}}\n",
		"defaults":     "defaults: {port: 465, encryption: ssl, timeout: 5s, deadline: 30}\nprofiles:\n  berlin: {host: h.example}\n",
		"an OAuth app": "host: smtp.office365.com\naccount: a@example.com\ntoken: {oauth: microsoft, client_id: '1', tenant: example.com, client_secret: {env: S}}\n",
		"the policies": "host: h.example\ntls_min: '1.2'\ninsecure: false\nallow_plaintext_auth: true\nfamily: 4\nused_by: cloud\nproxy: socks5://127.0.0.1:1080\nresolver: 192.0.2.53\n",
		"an inbox":     "host: h.example\ninbox: {host: imap.example, port: 143, encryption: starttls, account: a, password: {env: P}, insecure: false, folder: Jobs}\n",
		"empty values": "host: h.example\naccount:\npassword:\n",
	}
	wrong := map[string]string{
		"an unknown key":   "hots: h.example\n",
		"a port too high":  "host: h.example\nport: 70000\n",
		"two sources":      "host: h.example\naccount: a\npassword: {env: A, file: B}\n",
		"an inbox's typo":  "host: h.example\ninbox: {hots: imap.example, account: a}\n",
		"no encryption":    "host: h.example\nencryption: tsl\n",
		"a profile's name": "profiles:\n  a b: {host: h.example}\n",
	}
	for name, text := range right {
		if err := settingsFit(t, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range wrong {
		if settingsFit(t, text) == nil {
			t.Errorf("%s: nothing is said", name)
		}
	}
}

func settingsFit(t *testing.T, text string) error {
	t.Helper()
	var document any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return fitsNamed("smtpdx.settings/v1", b)
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

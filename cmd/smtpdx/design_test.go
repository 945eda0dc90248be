package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/smtpdx/smtpdx"

// mayImport says who may import whom of our own packages; design: no arrow
// goes back, and printers, readers and rules do not know each other.
func mayImport() map[string][]string {
	plain := []string{"probe", "probe/cause", "probe/secret", "presets"}
	return map[string][]string{
		"probe/secret":      {},
		"probe/wire":        {"probe/secret"},
		"probe/cause":       {},
		"presets":           {},
		"probe/smtptest":    {},
		"probe":             {"probe/secret", "probe/wire", "probe/cause"},
		"probe/report":      plain,
		"probe/explain":     plain,
		"probe/alternative": plain,
		"probe/discover":    plain,
		"probe/delivery":    append([]string{"probe/delivery/received", "probe/delivery/judge"}, plain...),
		"probe/profile":     plain,
		"probe/token":       plain,
		"probe/compare":     {"probe", "probe/cause"},
		"probe/mask":        {"probe", "probe/cause", "presets"},
		"cmd/smtpdx":        {"probe", "probe/secret", "probe/cause", "probe/profile", "probe/report", "probe/smtptest", "presets", "probe/explain", "probe/alternative", "probe/discover", "probe/delivery", "probe/delivery/received", "probe/delivery/judge", "probe/token", "probe/compare", "probe/mask"},

		"probe/delivery/received": {"probe", "probe/secret"},
		"probe/delivery/judge":    {"probe", "probe/cause", "probe/secret", "probe/delivery/received"},
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestPackagesImportOnlyWhatTheDesignAllows(t *testing.T) {
	allowed := mayImport()
	for _, p := range list(t, module+"/...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		may, known := allowed[name]
		if !known {
			if isTool(name) {
				continue
			}
			t.Errorf("package %s is not in the table of the design", name)
			continue
		}
		for _, imported := range p.Imports {
			own, isOurs := strings.CutPrefix(imported, module+"/")
			if isOurs && !slices.Contains(may, own) {
				t.Errorf("%s imports %s", name, own)
			}
		}
	}
}

// isTool: programs for go generate and helpers of tests are linked into nothing.
func isTool(name string) bool {
	return slices.Contains(strings.Split(name, "/"), "internal") || slices.Contains([]string{"gen", "generate"}, path.Base(name))
}

func TestEngineKnowsNeitherProcessNorFormats(t *testing.T) {
	for _, p := range list(t, module+"/probe", module+"/probe/wire", module+"/probe/cause") {
		for _, imported := range p.Imports {
			if slices.Contains([]string{"flag", "log", "github.com/spf13/cobra", "gopkg.in/yaml.v3", "text/template"}, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestNothingStandsAtTheTopButTheAgreedLayout(t *testing.T) {
	root := strings.TrimSpace(output(t, "go", "list", "-m", "-f", "{{.Dir}}"))
	cmd := exec.Command("git", "-C", root, "ls-files")
	files, err := cmd.Output()
	if err != nil {
		t.Skipf("no git checkout: %v", err)
	}
	agreed := []string{"cmd", "probe", "presets", "go.mod", "go.sum", "README.md", "LICENSE", "CHANGELOG.md"}
	for _, file := range strings.Fields(string(files)) {
		top, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(agreed, top) {
			t.Errorf("%s stands at the top", top)
		}
	}
}

func list(t *testing.T, patterns ...string) []listed {
	t.Helper()
	text := output(t, "go", append([]string{"list", "-e", "-json=ImportPath,Imports"}, patterns...)...)
	decoder := json.NewDecoder(strings.NewReader(text))
	var all []listed
	for {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(text)
}

package report

import (
	"embed"
	"slices"
	"strings"
)

//go:embed schema/*.json
var schemas embed.FS

// Schema gives the JSON Schema (draft 2020-12) of a document by the name that
// stands in its "schema" field ("smtpdx.report/v1"), nil for an unknown name.
// Its file is schema/report.v1.json.
func Schema(name string) []byte {
	if !slices.Contains(SchemaNames(), name) {
		return nil
	}
	b, err := schemas.ReadFile("schema/" + strings.Replace(strings.TrimPrefix(name, "smtpdx."), "/", ".", 1) + ".json")
	if err != nil {
		return nil
	}
	return b
}

// SchemaNames are the names that Schema knows, in alphabetical order.
func SchemaNames() []string {
	var names []string
	files, err := schemas.ReadDir("schema")
	if err != nil {
		return nil
	}
	for _, f := range files {
		document, version, _ := strings.Cut(strings.TrimSuffix(f.Name(), ".json"), ".")
		names = append(names, "smtpdx."+document+"/"+version)
	}
	return names
}

package report

import "embed"

//go:embed schema/*.json
var schemas embed.FS

// Schema gives the JSON Schema (draft 2020-12) of a document by the name that
// stands in its "schema" field ("smtpdx.report/v1"), nil for an unknown name.
func Schema(name string) []byte {
	files := map[string]string{
		"smtpdx.report/v1":      "schema/report.v1.json",
		"smtpdx.explanation/v1": "schema/explanation.v1.json",
	}
	b, err := schemas.ReadFile(files[name])
	if err != nil {
		return nil
	}
	return b
}

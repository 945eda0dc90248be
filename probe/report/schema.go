package report

import (
	"embed"
	"encoding/json"
	"maps"
	"strings"
)

//go:embed schema/*.json
var schemas embed.FS

// Schema gives the JSON Schema (draft 2020-12) of a document by the name that
// stands in its "schema" field ("smtpdx.report/v1"), and that of the settings
// file by "smtpdx.settings/v1"; nil for an unknown name. Its file is
// schema/report.v1.json; what an empty $defs leaves open is the report's.
func Schema(name string) []byte {
	file := strings.Replace(strings.TrimPrefix(name, "smtpdx."), "/", ".", 1)
	b, err := schemas.ReadFile("schema/" + file + ".json")
	if err != nil {
		return nil
	}
	if !borrows(b) {
		return b
	}
	return withReportsParts(b)
}

// SchemaNames are the names that Schema knows, in alphabetical order.
func SchemaNames() []string {
	files, err := schemas.ReadDir("schema")
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range files {
		document, version, _ := strings.Cut(strings.TrimSuffix(f.Name(), ".json"), ".")
		names = append(names, "smtpdx."+document+"/"+version)
	}
	return names
}

type parts struct {
	Defs map[string]json.RawMessage `json:"$defs"`
}

func borrows(schema []byte) bool {
	var p parts
	return json.Unmarshal(schema, &p) == nil && p.Defs != nil && len(p.Defs) == 0
}

// withReportsParts fills $defs with what of the report's is needed.
func withReportsParts(schema []byte) []byte {
	var whole map[string]json.RawMessage
	var have parts
	if json.Unmarshal(schema, &whole) != nil || json.Unmarshal(Schema("smtpdx.report/v1"), &have) != nil {
		return nil
	}
	needed := map[string]json.RawMessage{}
	for wanted := named(schema, have.Defs); len(wanted) > 0; {
		next := map[string]json.RawMessage{}
		for name, def := range wanted {
			needed[name] = def
			maps.Copy(next, named(def, have.Defs))
		}
		maps.DeleteFunc(next, func(name string, _ json.RawMessage) bool { return needed[name] != nil })
		wanted = next
	}
	var err error
	if whole["$defs"], err = json.Marshal(needed); err != nil {
		return nil
	}
	b, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		return nil
	}
	return append(b, '\n')
}

// named gives the definitions that a schema refers to.
func named(schema []byte, defs map[string]json.RawMessage) map[string]json.RawMessage {
	found := map[string]json.RawMessage{}
	for name, def := range defs {
		if strings.Contains(string(schema), `"#/$defs/`+name+`"`) {
			found[name] = def
		}
	}
	return found
}

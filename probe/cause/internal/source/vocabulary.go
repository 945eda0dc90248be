package source

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// Observations reads the vocabulary of "seen" out of the Go file that
// declares it, where each word is a constant of type Observation.
func Observations(file string) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var words []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Observation" {
			words = append(words, literal(spec.Values)...)
		}
		return true
	})
	return words, nil
}

func literal(values []ast.Expr) []string {
	var words []string
	for _, v := range values {
		if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if word, err := strconv.Unquote(lit.Value); err == nil {
				words = append(words, word)
			}
		}
	}
	return words
}

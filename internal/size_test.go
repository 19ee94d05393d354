package internal_test

import (
	"go/ast"
	"slices"
	"testing"
)

// Sizes above which code is reported, and above which the test fails.
const (
	fileLines, fileLimit         = 400, 500
	functionLines, functionLimit = 60, 90
	parameters                   = 4 // besides ctx, tx and actor
)

// carriers are the parameters that travel through everything.
var carriers = []string{"context.Context", "*db.Tx", "identity.Actor", "Actor", "*testing.T", "testing.TB"}

func TestCodeStaysSmall(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		lines := positions.File(s.file.Pos()).LineCount()
		if lines > fileLimit {
			t.Errorf("%s has %d lines; split it by noun", s.path, lines)
		} else if lines > fileLines && !s.test {
			t.Logf("%s has %d lines", s.path, lines)
		}
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				checkFunction(t, s, f)
			}
		}
	}
}

func checkFunction(t *testing.T, s source, f *ast.FuncDecl) {
	t.Helper()
	lines := positions.Position(f.End()).Line - positions.Position(f.Pos()).Line + 1
	if lines > functionLimit {
		t.Errorf("%s: %s has %d lines", s.path, f.Name.Name, lines)
	} else if lines > functionLines && !s.test {
		t.Logf("%s: %s has %d lines", s.path, f.Name.Name, lines)
	}
	own := slices.DeleteFunc(paramTypes(f), func(kind string) bool { return slices.Contains(carriers, kind) })
	if len(own) > parameters {
		t.Logf("%s: %s has %d parameters", s.path, f.Name.Name, len(own))
	}
}

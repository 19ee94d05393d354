// Package internal_test holds the tests of the house itself: which package may use
// which, who writes which table, whose clock counts. DESIGN's frame is checked here, so
// that it stays true.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is what our import paths begin with.
const module = "github.com/passerelle/passerelle/"

// source is one Go file. Its package is named by its folder below the module, without
// "internal/": "ledger", "pgtest/world", "cmd/passerelle".
type source struct {
	path, pkg string
	test      bool
	file      *ast.File
}

var positions = token.NewFileSet()

var parseAll = sync.OnceValues(func() ([]source, error) {
	var all []source
	for _, root := range []string{"../cmd", "../internal", "../migrations", "../vouchers", "../web"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			file, err := parser.ParseFile(positions, path, nil, parser.ParseComments)
			name := strings.TrimPrefix(filepath.ToSlash(path), "../")
			pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "internal/")
			all = append(all, source{name, pkg, strings.HasSuffix(name, "_test.go"), file})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
})

// sources are all Go files of the module. It fails when there are suspiciously few.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parseAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d files found: the search itself is broken", len(all))
	}
	return all
}

// program are the files that are no tests and not there for tests.
func program(t *testing.T) []source {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(sources(t)), func(s source) bool { return s.test || isStage(s.pkg) })
}

// isStage tells the packages that only tests use.
func isStage(pkg string) bool {
	room, _, _ := strings.Cut(pkg, "/")
	return room == "pgtest" || room == "faults"
}

func (s source) imports() []string {
	var all []string
	for _, spec := range s.file.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			all = append(all, path)
		}
	}
	return all
}

// eachString visits the string literals of a file.
func (s source) eachString(visit func(text string, line int)) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				visit(text, positions.Position(lit.Pos()).Line)
			}
		}
		return true
	})
}

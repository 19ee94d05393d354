package internal_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ownClock are the packages, and beginnings of file names, that may look at the
// machine's clock.
var ownClock = map[string]string{
	"internal/app/":         "hands the clock to everybody else",
	"cmd/passerelle/":       "as app",
	"internal/bench/":       "measures real time",
	"internal/db/embedded_": "waits for another process, which lives in real time",
	"internal/db/patience":  "a deadline on a connection is the machine's",
}

func TestOnlyTheAppLooksAtTheClock(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test || mayLook(s.path) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := call.X.(*ast.Ident)
			if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, call.Sel.Name) {
				t.Errorf("%s: time.%s; take the time from Tx.Now or the injected clock", positions.Position(n.Pos()), call.Sel.Name)
			}
			return true
		})
	}
}

func mayLook(path string) bool {
	for prefix := range ownClock {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// databaseClock are the ways in which SQL asks for the time.
var databaseClock = regexp.MustCompile(`(?i)\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\)|\b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b`)

func TestSQLHasNoTimeOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test || s.pkg == "bench" { // bench writes the rival's SQL as its author would
			continue
		}
		s.eachString(func(text string, line int) {
			if hit := databaseClock.FindString(text); hit != "" {
				t.Errorf("%s:%d: %s; pass Tx.Now", s.path, line, hit)
			}
		})
	}
	for _, path := range migrationFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if hit := databaseClock.FindString(withoutComments(string(text))); hit != "" {
			t.Errorf("%s: %s; the program says the time", path, hit)
		}
	}
}

var sqlComment = regexp.MustCompile(`--[^\n]*`)

func withoutComments(sql string) string { return sqlComment.ReplaceAllString(sql, "") }

// migrationFiles are the numbered files, in order.
func migrationFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../migrations/0*.sql")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d migrations found: %v", len(files), err)
	}
	return files
}

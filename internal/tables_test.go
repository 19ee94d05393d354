package internal_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	tableMade = regexp.MustCompile(`CREATE TABLE (\w+)`)
	// written finds the table of a statement that changes rows. "DO UPDATE SET" and
	// "FOR UPDATE OF b" name none.
	written = regexp.MustCompile(`(?i)\b(?:INSERT\s+INTO|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|COPY|MERGE\s+INTO|UPDATE(?:\s+ONLY)?)\s+([a-z_]+)`)
)

func TestEveryTableHasOneWriter(t *testing.T) {
	t.Parallel()
	writers := map[string]map[string]bool{}
	for _, path := range migrationFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range tableMade.FindAllStringSubmatch(withoutComments(string(text)), -1) {
			writers[made[1]] = map[string]bool{}
		}
	}
	for _, s := range program(t) {
		if s.pkg == "bench" { // fills a database of its own
			continue
		}
		s.eachString(func(text string, line int) {
			for _, hit := range written.FindAllStringSubmatch(withoutComments(text), -1) {
				if by, isTable := writers[strings.ToLower(hit[1])]; isTable {
					by[s.pkg] = true
				}
			}
		})
	}
	for _, table := range slices.Sorted(maps.Keys(writers)) {
		switch by := slices.Sorted(maps.Keys(writers[table])); len(by) {
		case 0:
			t.Errorf("nobody writes %s: is the table needed?", table)
		case 1:
		default:
			t.Errorf("%s is written by %s: a table has one writer", table, strings.Join(by, " and "))
		}
	}
}

package i18n

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryLanguageHasTheSameKeysAndValues(t *testing.T) {
	t.Parallel()
	c := load(t)
	named := regexp.MustCompile(`\{\{[^}]*?\.(\w+)`)
	values := func(f forms) string {
		var names []string
		for _, match := range named.FindAllStringSubmatch(f.Other, -1) {
			names = append(names, match[1])
		}
		slices.Sort(names)
		return strings.Join(slices.Compact(names), " ")
	}
	for _, lang := range c.Languages()[1:] {
		for key, text := range c.For(Default).forms {
			other, there := c.For(lang).forms[key]
			if !there {
				t.Errorf("%s has no text for %q", lang, key)
			} else if values(text) != values(other) {
				t.Errorf("%q names %q in %s and %q in %s", key, values(text), Default, values(other), lang)
			}
		}
		for key := range c.For(lang).forms {
			if !c.For(Default).Has(key) {
				t.Errorf("%s has no text for %q", Default, key)
			}
		}
	}
}

// uses finds the keys that a source file names, each form with the prefix of its keys.
var uses = []struct {
	ext, prefix string
	form        *regexp.Regexp
}{
	{".html", "", regexp.MustCompile(`\bt "([^"]+)"`)},
	{".go", "", regexp.MustCompile(`\.Text\("([^"]+)"[,)]`)},
	{".go", "fault.", regexp.MustCompile(`fault\.New\(\s*[\w.]+,\s*"([^"]+)"`)},
}

func TestEveryKeyInTheSourceHasAText(t *testing.T) {
	t.Parallel()
	words := load(t).For(Default)
	found := 0
	walkSource(t, func(path, text string) {
		for _, use := range uses {
			if filepath.Ext(path) != use.ext {
				continue
			}
			for _, match := range use.form.FindAllStringSubmatch(text, -1) {
				found++
				if key := use.prefix + match[1]; !words.Has(key) {
					t.Errorf("%s uses %q, which has no text", path, key)
				}
			}
		}
	})
	if found < 20 {
		t.Errorf("only %d keys found: the search itself is broken", found)
	}
}

// walkSource reads every page and every Go file that is not a test.
func walkSource(t *testing.T, read func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules" || entry.Name() == "data"):
			return filepath.SkipDir
		case entry.IsDir() || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".html" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			read(path, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

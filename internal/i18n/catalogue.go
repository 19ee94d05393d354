// Package i18n says things in the reader's language: sentences from message
// catalogues, with the plural forms of the CLDR, and amounts, dates, durations and
// distances written as that language writes them.
//
// A language is a folder of JSON files, locales/<lang>/<room>.json, each a flat object
// from a key to a text or to an object of plural forms. How numbers and dates are
// written is itself in the catalogue (keys "format.…"), so that a new language needs
// no line of Go.
package i18n

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"slices"
	"sync"
	"text/template"

	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Default is the language of whoever asks for none that is known.
const Default = "fr"

// Catalogue holds every language that was loaded. It does not change afterwards, save
// for Missing, which may be set before first use.
type Catalogue struct {
	// Missing is told of each sentence that cannot be said: an unknown key or a value
	// that its text asks for and was not given. By default it is logged once per key.
	Missing func(lang, key string, err error)

	bundle    *goi18n.Bundle
	languages []string // Default first, then in alphabetical order
	matcher   language.Matcher
	words     map[string]*Words
	complain  sync.Map
}

// Load reads all locales/<lang>/*.json of files. It refuses a key written twice, a text
// that is no valid template, and a language that does not say how to write numbers and dates.
func Load(files fs.FS) (*Catalogue, error) {
	folders, err := fs.ReadDir(files, "locales")
	if err != nil {
		return nil, fmt.Errorf("read the message catalogues: %w", err)
	}
	c := &Catalogue{
		bundle: goi18n.NewBundle(language.MustParse(Default)),
		words:  map[string]*Words{},
	}
	c.Missing = c.logOnce
	for _, folder := range folders {
		if err := c.loadLanguage(files, folder.Name()); err != nil {
			return nil, err
		}
	}
	if c.words[Default] == nil {
		return nil, fmt.Errorf("no message catalogue for %q", Default)
	}
	c.order()
	return c, nil
}

// order lists the languages, the default one first because a matcher that finds nothing
// answers its first.
func (c *Catalogue) order() {
	c.languages = slices.Sorted(maps.Keys(c.words))
	c.languages = slices.DeleteFunc(c.languages, func(l string) bool { return l == Default })
	c.languages = append([]string{Default}, c.languages...)
	tags := make([]language.Tag, len(c.languages))
	for i, lang := range c.languages {
		tags[i] = language.MustParse(lang)
	}
	c.matcher = language.NewMatcher(tags)
}

func (c *Catalogue) loadLanguage(files fs.FS, lang string) error {
	tag, err := language.Parse(lang)
	if err != nil {
		return fmt.Errorf("locales/%s: %w", lang, err)
	}
	names, err := fs.Glob(files, path.Join("locales", lang, "*.json"))
	if err != nil {
		return err
	}
	w := &Words{catalogue: c, lang: lang, forms: map[string]forms{}}
	for _, name := range names {
		if err := c.loadFile(files, name, tag, w); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, key := range formatKeys {
		if !w.Has(key) {
			return fmt.Errorf("locales/%s: no text for %q", lang, key)
		}
	}
	w.localizer = goi18n.NewLocalizer(c.bundle, lang)
	w.group, w.decimal = w.forms["format.group"].Other, w.forms["format.decimal"].Other
	c.words[lang] = w
	return nil
}

func (c *Catalogue) loadFile(files fs.FS, name string, tag language.Tag, w *Words) error {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	var texts map[string]forms
	if err := json.Unmarshal(raw, &texts); err != nil {
		return err
	}
	for key, text := range texts {
		if w.Has(key) {
			return fmt.Errorf("%q is already in another file", key)
		}
		text, err := text.prepared(w.lang)
		if err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		w.forms[key] = text
		if err := c.bundle.AddMessages(tag, text.messages(key)...); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	return nil
}

// For gives the words of a language, those of the default language where lang is unknown.
func (c *Catalogue) For(lang string) *Words {
	if w := c.words[lang]; w != nil {
		return w
	}
	return c.words[Default]
}

// Has tells whether lang is loaded.
func (c *Catalogue) Has(lang string) bool { return c.words[lang] != nil }

// Languages lists the codes of the languages loaded, the default one first.
func (c *Catalogue) Languages() []string { return slices.Clone(c.languages) }

// maxAcceptLanguage bounds the header that is read, in bytes; real ones stay under 100.
const maxAcceptLanguage = 500

// Match picks a language for an Accept-Language header (RFC 9110 §12.5.4). A header that
// cannot be read counts as none.
func (c *Catalogue) Match(acceptLanguage string) string {
	if acceptLanguage == "" || len(acceptLanguage) > maxAcceptLanguage {
		return Default
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return Default
	}
	_, i, confidence := c.matcher.Match(wanted...)
	if confidence == language.No {
		return Default
	}
	return c.languages[i]
}

func (c *Catalogue) logOnce(lang, key string, err error) {
	if _, said := c.complain.LoadOrStore(lang+"/"+key, true); !said {
		slog.Error("a sentence could not be said", "lang", lang, "key", key, "error", err.Error())
	}
}

// forms are the plural forms of one text; a text without plurals has Other only. Zero is
// what is said of none at all, also in languages that count none as one or as many.
type forms struct {
	Zero, One, Two, Few, Many, Other string
}

// UnmarshalJSON reads a string, or an object of plural forms.
func (f *forms) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &f.Other)
	}
	type plain forms
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*plain)(f))
}

// prepared gives the forms with the typography of lang, after a check that each is a valid
// template. A form that is left out is said like Other: French needs "many" only where a
// noun follows ("2 millions de chèques").
func (f forms) prepared(lang string) (forms, error) {
	if f.Other == "" {
		return f, errors.New(`no text for "other"`)
	}
	for _, text := range []*string{&f.Zero, &f.One, &f.Two, &f.Few, &f.Many, &f.Other} {
		if *text == "" && text != &f.Zero {
			*text = f.Other
		}
		if lang == "fr" {
			*text = frenchSpacing.Replace(*text)
		}
		if _, err := template.New("").Parse(*text); err != nil {
			return f, err
		}
	}
	return f, nil
}

// ofNone follows the key of a text in the name of its Zero form.
const ofNone = " of none"

func (f forms) messages(key string) []*goi18n.Message {
	return []*goi18n.Message{
		{ID: key, Zero: f.Other, One: f.One, Two: f.Two, Few: f.Few, Many: f.Many, Other: f.Other},
		{ID: key + ofNone, Other: cmp.Or(f.Zero, f.Other)},
	}
}

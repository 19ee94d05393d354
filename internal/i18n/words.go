package i18n

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"

	"github.com/passerelle/passerelle/vouchers"
)

// Words says things in one language. It is safe for concurrent use.
type Words struct {
	catalogue      *Catalogue
	lang           string
	forms          map[string]forms
	localizer      *goi18n.Localizer
	group, decimal string
}

// Lang is the language's code: "fr", "en".
func (w *Words) Lang() string { return w.lang }

// Has tells whether key has a text in this language.
func (w *Words) Has(key string) bool { _, ok := w.forms[key]; return ok }

var strict = &template.TextParser{Option: "missingkey=error"}

// Text says the sentence of key. pairs alternates names and values, which the sentence
// names with a capital: "place", p is {{.Place}}. Each value is written after its type: see
// Format. The plural form follows the value named "count".
//
// A key without text is told to the catalogue's Missing and shown as it is.
func (w *Words) Text(key string, pairs ...any) string {
	if !w.Has(key) {
		w.catalogue.Missing(w.lang, key, fmt.Errorf("no text for %q", key))
		return key
	}
	values, count, err := w.values(pairs)
	if err != nil {
		w.catalogue.Missing(w.lang, key, err)
		return key
	}
	config := goi18n.LocalizeConfig{MessageID: key, TemplateData: values, TemplateParser: strict}
	if count != nil && *count == 0 && w.forms[key].Zero != "" {
		config.MessageID += ofNone
	} else if count != nil {
		config.PluralCount = *count
	}
	text, err := w.localizer.Localize(&config)
	if err != nil {
		w.catalogue.Missing(w.lang, key, err)
		return key
	}
	return text
}

// values writes each value and finds the count among them.
func (w *Words) values(pairs []any) (values map[string]string, count *int64, err error) {
	if len(pairs)%2 != 0 {
		return nil, nil, fmt.Errorf("an odd number of names and values: %d", len(pairs))
	}
	values = make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok || name == "" {
			return nil, nil, fmt.Errorf("the name of a value is %v", pairs[i])
		}
		name = capital(name)
		values[name] = w.Format(pairs[i+1])
		if name == "Count" {
			n := Whole(pairs[i+1])
			count = &n
		}
	}
	return values, count, nil
}

func capital(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// Whole is the number that value holds, whatever its integer type; 0 for anything else.
func Whole(value any) int64 {
	v := reflect.ValueOf(value)
	if v.IsValid() && v.CanInt() {
		return v.Int()
	}
	return 0
}

// Format writes one value after its type: cents as money, a time as its day and hour, a
// day as a day, a duration as a wait, int and int64 as a grouped number, nil as "unknown",
// and everything else as fmt does.
func (w *Words) Format(value any) string {
	switch v := value.(type) {
	case nil:
		return w.Unknown()
	case string:
		return v
	case vouchers.Cents:
		return w.Money(v)
	case time.Time:
		return w.When(v)
	case time.Duration:
		return w.Wait(v)
	case interface{ Time() time.Time }:
		return w.Day(v.Time())
	case int:
		return w.Number(int64(v))
	case int64:
		return w.Number(v)
	}
	return fmt.Sprint(value)
}

// Unknown says that a value is not known, which is neither zero nor blank.
func (w *Words) Unknown() string { return w.Text("format.unknown") }

const (
	narrow = "\u202f" // narrow no-break space
	wide   = "\u00a0" // no-break space
)

// frenchSpacing keeps signs on the line of their word: a narrow space before ; ! ? % €, a
// full one before : and inside « ».
var frenchSpacing = strings.NewReplacer(
	" ;", narrow+";", " !", narrow+"!", " ?", narrow+"?", " %", narrow+"%", " €", narrow+"€",
	" :", wide+":", "« ", "«"+wide, " »", wide+"»",
)

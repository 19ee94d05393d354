package documents

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// catalogue is Words over the message files alone.
type catalogue struct {
	t        *testing.T
	lang     string
	messages map[string]any
}

func speaking(t *testing.T, lang string) catalogue {
	t.Helper()
	data, err := os.ReadFile("../../web/locales/" + lang + "/documents.json")
	if err != nil {
		t.Fatal(err)
	}
	c := catalogue{t: t, lang: lang}
	if err := json.Unmarshal(data, &c.messages); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c catalogue) Lang() string { return c.lang }

func (c catalogue) Text(key string, pairs ...any) string {
	values := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i].(string)] = pairs[i+1]
	}
	text, ok := c.messages[key].(string)
	if forms, plural := c.messages[key].(map[string]any); plural {
		n, form := values["Count"].(int), "other"
		if n == 1 || n == 0 && c.lang == "fr" {
			form = "one"
		}
		text, ok = forms[form].(string)
	}
	if !ok {
		c.t.Errorf("no message %q in %s", key, c.lang)
	}
	var out strings.Builder
	parsed := template.Must(template.New(key).Option("missingkey=error").Parse(text))
	if err := parsed.Execute(&out, values); err != nil {
		c.t.Errorf("message %q: %v", key, err)
	}
	return out.String()
}

func (c catalogue) Number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

func (c catalogue) Money(m vouchers.Cents) string {
	euros, cents, _ := strings.Cut(m.String(), ".")
	n, err := strconv.Atoi(euros)
	if err != nil {
		c.t.Error(err)
	}
	return c.Number(n) + "," + cents + "\u00a0€"
}

func (c catalogue) ShortMoney(m vouchers.Cents) string {
	return strings.Replace(c.Money(m), ",00", "", 1)
}

func (c catalogue) Percent(part, whole int64) string {
	return strings.Replace(fmt.Sprint(float64(part)*100/float64(whole)), ".", ",", 1) + "\u00a0%"
}

var (
	weekdays = []string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}
	months   = []string{"", "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
)

func (c catalogue) Day(t time.Time) string {
	t = t.In(vouchers.DayOf(t).Time().Location())
	return fmt.Sprintf("%s %d %s %d", weekdays[t.Weekday()], t.Day(), months[t.Month()], t.Year())
}

func (c catalogue) Clock(t time.Time) string {
	t = t.In(vouchers.DayOf(t).Time().Location())
	return fmt.Sprintf("%d\u00a0h\u00a0%02d", t.Hour(), t.Minute())
}

func (c catalogue) Distance(km float64) string {
	return strings.Replace(fmt.Sprintf("%.1f\u00a0km", km), ".", ",", 1)
}

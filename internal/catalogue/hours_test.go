package catalogue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// print writes hours in a compact form that tests compare: days by their first two letters.
func (h Hours) print() string {
	var b strings.Builder
	for _, d := range h.Week {
		fmt.Fprintf(&b, "%.2s-%.2s", d.FirstDay, d.LastDay)
		for _, r := range d.Ranges {
			fmt.Fprintf(&b, " %d:%02d-%d:%02d", r.From.Hour(), r.From.Minute(), r.To.Hour(), r.To.Minute())
		}
		b.WriteString("; ")
	}
	for _, r := range h.Holidays {
		fmt.Fprintf(&b, "PH %d:%02d-%d:%02d; ", r.From.Hour(), r.From.Minute(), r.To.Hour(), r.To.Minute())
	}
	if h.HolidaysClosed {
		b.WriteString("PH off; ")
	}
	if h.More {
		b.WriteString("more; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestReadHours(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Mo-Fr 09:00-12:00,14:00-17:00; Sa off; PH off": "Mo-Fr 9:00-12:00 14:00-17:00; PH off",
		"Tu-Fr 09:00-12:00; Mo 14:00-17:00":             "Mo-Mo 14:00-17:00; Tu-Fr 9:00-12:00",
		"Mo-Fr 09:00-17:00; We off":                     "Mo-Tu 9:00-17:00; Th-Fr 9:00-17:00",
		"Mo-Fr 09:00-12:00; Tu 14:00-18:00":             "Mo-Mo 9:00-12:00; Tu-Tu 14:00-18:00; We-Fr 9:00-12:00",
		"Mo 09:00-12:00, Mo-Tu 14:00-18:00":             "Mo-Mo 9:00-12:00 14:00-18:00; Tu-Tu 14:00-18:00",
		"09:00-12:00,14:00-17:30":                       "Mo-Su 9:00-12:00 14:00-17:30",
		"24/7":                                          "Mo-Su 0:00-24:00; PH 0:00-24:00",
		"Sa-Mo 9:00-12:00":                              "Mo-Mo 9:00-12:00; Sa-Su 9:00-12:00",
		"mo,we : 14:00 - 17:00 , 18:00-19:00":           "Mo-Mo 14:00-17:00 18:00-19:00; We-We 14:00-17:00 18:00-19:00",
		"Mo 09:00-15:00,14:00-19:00":                    "Mo-Mo 9:00-19:00",
		"Mo 09:00-12:00,12:00-19:00":                    "Mo-Mo 9:00-19:00",
		"Fr 19:00-02:00":                                "Fr-Fr 19:00-2:00",
		"Fr 19:00-26:00":                                "Fr-Fr 19:00-2:00",
		"Mo-Fr 09:00-12:00; Apr-Oct Sa 10:00-12:00":     "Mo-Fr 9:00-12:00; more",
		"week 1-53/2 Fr 10:00-12:00; Mo 09:00-12:00":    "Mo-Mo 9:00-12:00; more",
		"Mo 09:00-12:00; 2026 Dec 24-2027 Jan 2 off":    "Mo-Mo 9:00-12:00; more",
		`Mo 09:00-12:00 "sur rendez-vous; sonnez"`:      "Mo-Mo 9:00-12:00; more",
		"Mo 09:00-12:00; Sa[1],Sa[3] 10:00-12:00":       "Mo-Mo 9:00-12:00; more",
		"Mo-Fr,PH 09:00-12:00":                          "Mo-Fr 9:00-12:00; PH 9:00-12:00",
		"Mo-Fr 09:00-12:00; PH off; PH 10:00-11:00":     "Mo-Fr 9:00-12:00; PH 10:00-11:00",
		"Mo-Sa 09:00-12:00; Sa,PH off; SH 14:00-16:00":  "Mo-Fr 9:00-12:00; PH off; more",
		"Mo-Su off": "",
		"Mo-Fr 08:30-12:30,13:30-17:30; We,Th off; ":               "Mo-Tu 8:30-12:30 13:30-17:30; Fr-Fr 8:30-12:30 13:30-17:30",
		"Mo-Sa 09:00-12:00; Tu-Fr 09:00-12:00,14:00-17:00; We off": "Mo-Mo 9:00-12:00; Tu-Tu 9:00-12:00 14:00-17:00; Th-Fr 9:00-12:00 14:00-17:00; Sa-Sa 9:00-12:00",
	} {
		got, ok := ReadHours(text)
		if !ok || got.print() != want {
			t.Errorf("%q:\n got %q (%v)\nwant %q", text, got.print(), ok, want)
		}
	}
}

func TestHoursThatHoldNoUsualWeekAreNotRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", ";", "sur rendez-vous", "Lu-Ve 09:00-12:00", "Mo-Fr", "Mo 9h-12h", "Mo 09:00", "Mo 09:00-", "Mo 25:00-26:00", "Mo 09:60-12:00",
		"Mo 09:00-09:00", "Mo 09:00-12:00,", "Mo 09:00+", "Mo 09:00-12:00 x", "Mo- 09:00-12:00", "PH off", "Apr-Oct Mo 09:00-12:00",
		"Mo[1] 10:00-12:00", "Mo[1 10:00-12:00", "sunrise-sunset", "24/7 x", "Mo 09:00-12:00 || on",
	} {
		if got, ok := ReadHours(text); ok {
			t.Errorf("%q read as %q", text, got.print())
		}
	}
}

func FuzzReadHours(f *testing.F) {
	f.Add("Mo-Fr 09:00-12:00,14:00-17:00; Sa off; PH off")
	f.Add(`week 1-53/2 Fr 10:00-12:00; Mo[1,3] 09:00-26:00 "x", Tu 1:00-2:00`)
	f.Fuzz(func(t *testing.T, text string) {
		h, ok := ReadHours(text)
		if !ok {
			return
		}
		if len(h.Week) > 7 {
			t.Fatalf("%q: %d groups", text, len(h.Week))
		}
		for _, d := range h.Week {
			for _, r := range d.Ranges {
				if r.From < 0 || r.From >= 24*60 || r.To < 0 || r.To > 24*60 || r.From == r.To {
					t.Fatalf("%q: range %v", text, r)
				}
			}
		}
	})
}

func TestAPlaceIsOpenByItsWeekAndByWhatItSaysOfHolidays(t *testing.T) {
	t.Parallel()
	const easterMonday, monday, friday = "2026-04-06", "2026-04-13", "2026-05-01"
	for _, one := range []struct{ text, day, clock, until string }{
		{"Mo-Fr 09:00-12:00", monday, "10:00", "12:00"},
		{"Mo-Fr 09:00-12:00", monday, "12:00", ""},
		{"Mo-Fr 09:00-12:00; PH off", easterMonday, "10:00", ""},
		{"Mo-Fr 09:00-12:00", easterMonday, "10:00", ""},
		{"Mo-Fr 09:00-12:00; PH 10:00-11:00", easterMonday, "10:30", "11:00"},
		{"Mo-Fr 09:00-12:00; PH 10:00-11:00", easterMonday, "11:30", ""},
		{"24/7", easterMonday, "03:00", "24:00"},
		{"Th 19:00-02:00", friday, "01:00", "02:00"}, // since the evening before, which was no holiday
		{"Fr 19:00-02:00", friday, "20:00", ""},
		{"Fr 19:00-02:00", "2026-04-10", "20:00", "02:00"},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", one.day+" "+one.clock, vouchers.Day(0).Time().Location())
		if err != nil {
			t.Fatal(err)
		}
		until, open := OpenUntil(one.text, at)
		got := ""
		if open {
			got = fmt.Sprintf("%02d:%02d", until.Hour(), until.Minute())
		}
		if got != one.until {
			t.Errorf("%q on %s at %s: open until %q, want %q", one.text, one.day, one.clock, got, one.until)
		}
	}
}

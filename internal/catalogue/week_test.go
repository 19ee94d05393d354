package catalogue

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// anyWeek makes a week that the plain form can express.
func anyWeek(r *rand.Rand) PlainWeek {
	var w PlainWeek
	open := false
	for i := range w.Days {
		if i > 0 && r.IntN(2) == 0 {
			w.Days[i] = w.Days[i-1]
			continue
		}
		at := Clock(r.IntN(10) * 15)
		for range r.IntN(3) {
			from := at + Clock(1+r.IntN(40)*15)
			to := from + Clock(5+r.IntN(20)*15)
			if to > 24*60 {
				break
			}
			w.Days[i] = append(w.Days[i], ClockRange{from, to})
			at, open = to, true
		}
	}
	if open && r.IntN(2) == 0 {
		w.HolidaysClosed = true
	}
	if open && r.IntN(2) == 0 {
		w.Note = "Sur rendez-vous le mardi ; sonnez à l’accueil"
	}
	return w
}

func TestEveryPlainWeekComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 2026))
	for range 5000 {
		w := anyWeek(r)
		if problem := w.Problem(); problem != "" {
			t.Fatalf("%+v: %s", w, problem)
		}
		text := w.String()
		back, ok := PlainWeekOf(text)
		if !ok || back.String() != text || back.Note != w.Note || back.HolidaysClosed != w.HolidaysClosed {
			t.Fatalf("%q came back as %q, %v", text, back.String(), ok)
		}
		for i := range w.Days {
			if len(w.Days[i])+len(back.Days[i]) > 0 && !reflect.DeepEqual(w.Days[i], back.Days[i]) {
				t.Fatalf("%q: day %d is %v, was %v", text, i, back.Days[i], w.Days[i])
			}
		}
		if typed, problem := readAs("hours", text); problem != "" || typed != text {
			t.Fatalf("a correction reads %q as %q, %s", text, typed, problem)
		}
	}
}

func TestWhatThePlainFormCanSay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "",
		"Mo-Fr 09:00-12:00,14:00-17:00; Sa off; PH off": "Mo-Fr 09:00-12:00,14:00-17:00; PH off",
		"Mo,We 9:00-12:00":                  "Mo 09:00-12:00; We 09:00-12:00",
		`Tu 14:00-18:00; "sur rendez-vous"`: `Tu 14:00-18:00; "sur rendez-vous"`,
		"24/7":                              "Mo-Su 00:00-24:00",
	} {
		if w, ok := PlainWeekOf(text); !ok || w.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, w.String(), ok, want)
		}
	}
	for _, text := range []string{
		"sur rendez-vous", "Apr-Oct Mo 09:00-12:00; Tu 09:00-12:00", "Fr 19:00-02:00", "Mo 08:00-09:00,10:00-11:00,12:00-13:00",
		`Mo 09:00-12:00 "sur rendez-vous"; Tu 09:00-12:00`, "Mo-Fr 09:00-12:00; SH off", "Mo[1] 10:00-12:00; Tu 10:00-12:00",
	} {
		if w, ok := PlainWeekOf(text); ok {
			t.Errorf("%q loses something as %q", text, w.String())
		}
	}
}

func TestWhatIsWrongOfAWeekIsSaid(t *testing.T) {
	t.Parallel()
	day := func(ranges ...ClockRange) PlainWeek { return PlainWeek{Days: [7][]ClockRange{ranges}} }
	for want, w := range map[string]PlainWeek{
		"hours_order": day(ClockRange{600, 540}), "hours_many": day(ClockRange{1, 2}, ClockRange{3, 4}, ClockRange{5, 6}),
		"hours_note": {Note: `say "hello"`}, "hours_empty": {HolidaysClosed: true}, "": day(ClockRange{540, 720}, ClockRange{840, 1440}),
	} {
		if got := w.Problem(); got != want {
			t.Errorf("%+v: %q, want %q", w, got, want)
		}
	}
	if got := day(ClockRange{540, 720}, ClockRange{720, 800}).Problem(); got != "hours_order" {
		t.Errorf("two openings that touch are one: %q", got)
	}
}

func TestTimesAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Clock{"9h": 540, "9 h 30": 570, "09:30": 570, "9.30": 570, "14H00": 840, "24:00": 1440, "0:00": 0, "9": 540} {
		if got, ok := ParseClock(text); !ok || got != want {
			t.Errorf("%q: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "h", "25:00", "9h60", "24:01", "neuf", "9:3", "109:00", ":30"} {
		if got, ok := ParseClock(text); ok {
			t.Errorf("%q read as %d", text, got)
		}
	}
}

func TestEveryValueThatIsOfferedIsKnown(t *testing.T) {
	t.Parallel()
	for list, most := range map[string]int{"access_ways": len(accessWays), "support_ways": len(supportWays), "mobilities": len(mobilities), "fees": len(fees),
		"audiences": len(audiences), "special_care": len(specialCare)} {
		values := Values(list)
		if len(values) != most {
			t.Errorf("%s: %d values, the standard has %d", list, len(values), most)
		}
		for _, value := range values {
			if !knownIn[list](value) {
				t.Errorf("%s: %s", list, value)
			}
		}
	}
}

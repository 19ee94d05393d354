package vouchers

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestDayBeginsAtMidnightInParis(t *testing.T) {
	t.Parallel()
	for instant, want := range map[string]string{
		"2024-01-01T00:00:00+01:00":        "2024-01-01",
		"2023-12-31T22:59:59.999999Z":      "2023-12-31",
		"2023-12-31T23:00:00Z":             "2024-01-01",
		"2026-06-30T21:59:59.999999Z":      "2026-06-30", // summer time, UTC+2
		"2026-06-30T22:00:00Z":             "2026-07-01",
		"2026-03-28T23:00:00Z":             "2026-03-29", // the 23-hour day
		"2026-03-29T21:59:59.999999999Z":   "2026-03-29",
		"2026-03-29T22:00:00Z":             "2026-03-30",
		"2026-10-24T22:00:00Z":             "2026-10-25", // the 25-hour day
		"2026-10-25T22:59:59.999999Z":      "2026-10-25",
		"2026-10-25T23:00:00Z":             "2026-10-26",
		"2028-02-29T12:00:00Z":             "2028-02-29",
		"2028-02-29T23:59:59.999999+01:00": "2028-02-29",
		"2028-03-01T00:00:00+01:00":        "2028-03-01",
		"2026-05-01T00:30:00+09:00":        "2026-04-30",
	} {
		at, err := time.Parse(time.RFC3339Nano, instant)
		if err != nil {
			t.Fatal(err)
		}
		if got := DayOf(at).String(); got != want {
			t.Errorf("%s is %s, want %s", instant, got, want)
		}
	}
}

func TestEveryDayIsOneStretchOfTime(t *testing.T) {
	t.Parallel()
	hours := map[time.Duration]int{}
	for d := Day(0); d < 1<<13; d++ {
		start, end := d.Time(), d.AddDays(1).Time()
		if DayOf(start) != d || DayOf(end.Add(-time.Nanosecond)) != d || DayOf(start.Add(-time.Nanosecond)) != d-1 {
			t.Fatalf("%s does not go from %s to %s", d, start, end)
		}
		hours[end.Sub(start)/time.Hour]++
	}
	if hours[23] != 23 || hours[25] != 22 { // 2024 to 5 June 2046: 23 springs, 22 autumns
		t.Errorf("days by number of hours: %v", hours)
	}
}

func TestDayText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Day{
		"2024-01-01": 0, "2024-02-29": 59, "2024-12-31": 365, "2025-01-01": 366, "2023-12-31": -1, "2046-06-05": 8191,
		"0001-01-01": -738885, "9999-12-31": 2913173,
	} {
		if got, err := ParseDay(text); err != nil || got != want || got.String() != text {
			t.Errorf("ParseDay(%q) = %d (%s), %v; want %d", text, got, got, err, want)
		}
	}
	for _, text := range []string{"", "2025-02-29", "2024-13-01", "2024-1-1", "01/02/2024", "2024-01-01T00:00:00Z", " 2024-01-01"} {
		if got, err := ParseDay(text); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseDay(%q) = %s, %v", text, got, err)
		}
	}
}

func TestDayInJSON(t *testing.T) {
	t.Parallel()
	in := map[Day][]Day{59: {60, -1}}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"2024-02-29":["2024-03-01","2023-12-31"]}` {
		t.Fatalf("%s, %v", text, err)
	}
	var out map[Day][]Day
	if err := json.Unmarshal(text, &out); err != nil || len(out[59]) != 2 || out[59][1] != -1 {
		t.Errorf("%v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`["2025-02-29"]`), new([]Day)); !errors.Is(err, ErrMalformed) {
		t.Errorf("an impossible date: %v", err)
	}
}

func TestDayInADatabaseRow(t *testing.T) {
	t.Parallel()
	want := Day(59)
	if v, err := want.Value(); err != nil || v != "2024-02-29" {
		t.Errorf("Value() = %v, %v", v, err)
	}
	// Drivers give a date as midnight somewhere, often UTC or the server's zone.
	for _, column := range []any{
		"2024-02-29", []byte("2024-02-29"),
		time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 0, 0, 0, 0, time.FixedZone("", 9*3600)),
		time.Date(2024, 2, 29, 0, 0, 0, 0, time.FixedZone("", -9*3600)),
	} {
		var got Day
		if err := got.Scan(column); err != nil || got != want {
			t.Errorf("Scan(%v) = %s, %v", column, got, err)
		}
	}
	for _, column := range []any{nil, 59, "infinity"} {
		var got Day
		if err := got.Scan(column); !errors.Is(err, ErrMalformed) {
			t.Errorf("Scan(%v) = %s, %v", column, got, err)
		}
	}
}

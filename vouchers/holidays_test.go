package vouchers_test

import (
	"slices"
	"testing"

	"github.com/passerelle/passerelle/vouchers"
)

func TestEasterIsWhereTheChurchPutsIt(t *testing.T) {
	t.Parallel()
	for year, want := range map[int]string{2024: "2024-03-31", 2025: "2025-04-20", 2026: "2026-04-05", 2027: "2027-03-28",
		2038: "2038-04-25", 2049: "2049-04-18", 2076: "2076-04-19", 2285: "2285-03-22"} {
		if got := vouchers.EasterSunday(year); got.String() != want {
			t.Errorf("%d: %s, not %s", year, got, want)
		}
	}
}

func TestFranceHasElevenPublicHolidays(t *testing.T) {
	t.Parallel()
	var got []string
	first := vouchers.EasterSunday(2026).AddDays(-94) // 1 January
	for i := range 365 {
		if d := first.AddDays(i); d.PublicHoliday() {
			got = append(got, d.String())
		}
	}
	want := []string{"2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25", "2026-07-14", "2026-08-15", "2026-11-01", "2026-11-11", "2026-12-25"}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

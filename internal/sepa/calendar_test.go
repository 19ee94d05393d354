package sepa

import (
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

func on(t testing.TB, text string) vouchers.Day {
	t.Helper()
	d, err := vouchers.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestBanksWorkOnT2Days(t *testing.T) {
	t.Parallel()
	for today, want := range map[string]string{
		"2026-03-09": "2026-03-10", // Monday
		"2026-03-13": "2026-03-16", // Friday, over the weekend
		"2026-04-02": "2026-04-07", // before Good Friday, over Easter Monday
		"2026-04-30": "2026-05-04", // 1 May is a Friday
		"2026-12-24": "2026-12-28", // Christmas, then a weekend
		"2026-12-31": "2027-01-04", // New Year's Day is a Friday
		"2026-07-13": "2026-07-14", // a French holiday on which banks settle
	} {
		if got := NextWorkingDay(on(t, today)); got.String() != want {
			t.Errorf("after %s: %s, not %s", today, got, want)
		}
	}
}

func TestTheDayOfExecutionIsOneThatBanksTake(t *testing.T) {
	t.Parallel()
	today := on(t, "2026-03-09")
	for asked, code := range map[string]string{"2026-03-09": "", "2026-03-20": "", "2026-03-08": "execution_in_the_past",
		"2026-03-14": "execution_not_a_working_day", "2026-04-03": "execution_not_a_working_day", "2026-04-09": "execution_too_far"} {
		got, err := ExecutionDay(on(t, asked), today)
		if fault.Code(err) != code {
			t.Errorf("asked for %s: %v, want fault %q", asked, err, code)
		}
		if code == "" && got.String() != asked {
			t.Errorf("asked for %s, got %s", asked, got)
		}
	}
}

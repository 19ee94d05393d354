package vouchers

import (
	"errors"
	"math"
	"testing"
)

func TestParseCents(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Cents{
		"0": 0, "0.00": 0, "-0.00": 0, "0.05": 5, "1250.00": 125000, "1250": 125000, "1250.5": 125050,
		"-12.34": -1234, "-0.01": -1, "0010": 1000,
		"92233720368547758.07": math.MaxInt64, "-92233720368547758.08": math.MinInt64,
	} {
		if got, err := ParseCents(text); err != nil || got != want {
			t.Errorf("ParseCents(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestParseCentsRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"": ErrMalformed, "-": ErrMalformed, ".": ErrMalformed, ".5": ErrMalformed, "5.": ErrMalformed, "1.234": ErrMalformed,
		"1,50": ErrMalformed, " 1": ErrMalformed, "1 000": ErrMalformed, "+1": ErrMalformed, "--1": ErrMalformed,
		"1.-5": ErrMalformed, "1.2.3": ErrMalformed, "1e3": ErrMalformed, "٣": ErrMalformed, "1.é": ErrMalformed,
		"92233720368547758.08": ErrRange, "-92233720368547758.09": ErrRange, "99999999999999999999999999": ErrRange,
	} {
		if got, err := ParseCents(text); !errors.Is(err, want) {
			t.Errorf("ParseCents(%q) = %d, %v; want %v", text, got, err, want)
		}
	}
}

func TestCentsWrittenAreReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range []Cents{0, 1, -1, 9, 10, 99, 100, -100, -199, 65535, math.MaxInt64, math.MinInt64, math.MinInt64 + 1} {
		if got, err := ParseCents(c.String()); err != nil || got != c {
			t.Errorf("%d is written %q and read back as %d, %v", int64(c), c, got, err)
		}
	}
}

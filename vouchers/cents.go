package vouchers

import (
	"fmt"
	"math"
	"strings"
)

// Cents is an amount of money in euro cents. There is no other representation of
// money in Passerelle, and no floating point anywhere.
type Cents int64

// String writes the amount with a point and two decimals, as in bank files: "1250.00".
func (c Cents) String() string {
	sign, size := "", uint64(c)
	if c < 0 {
		sign, size = "-", -size // right for the smallest Cents too, which has no positive twin
	}
	return fmt.Sprintf("%s%d.%02d", sign, size/100, size%100)
}

// ParseCents reads an amount in euros as bank files write it: "1250.00", "1250" or
// "1250.5", with a minus sign in front when negative. It is the inverse of String.
//
// It refuses everything else with ErrMalformed (spaces, commas, a plus sign, a third
// decimal, a point without digits on both sides) and with ErrRange what does not fit.
func ParseCents(s string) (Cents, error) {
	digits, negative := strings.CutPrefix(s, "-")
	euros, decimals, point := strings.Cut(digits, ".")
	if euros == "" || len(decimals) > 2 || point && decimals == "" {
		return 0, fmt.Errorf("%w: amount", ErrMalformed)
	}
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	size := uint64(0)
	for _, r := range euros + (decimals + "00")[:2] {
		if r < '0' || r > '9' {
			return 0, fmt.Errorf("%w: amount", ErrMalformed)
		}
		digit := uint64(r - '0')
		if size > (limit-digit)/10 {
			return 0, fmt.Errorf("%w: amount", ErrRange)
		}
		size = size*10 + digit
	}
	if negative {
		size = -size
	}
	return Cents(size), nil
}

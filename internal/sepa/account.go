package sepa

import (
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
)

// Account is where somebody wants to be paid.
type Account struct {
	IBAN   IBAN   `db:"iban"`
	BIC    BIC    `db:"bic"` // may be empty
	Holder string `db:"holder"`
}

// longestHolder is Max70Text of the transfer's creditor name (SEPA implementation guidelines).
const longestHolder = 70

// ParseAccount reads what somebody typed. Its faults are those of ParseIBAN and ParseBIC,
// iban_outside_sepa and holder_length.
func ParseAccount(iban, bic, holder string) (Account, error) {
	var a Account
	var err error
	if a.IBAN, err = ParseIBAN(iban); err != nil {
		return a, err
	}
	if !a.IBAN.InSEPA() {
		return a, fault.New(fault.Invalid, "iban_outside_sepa", "country", a.IBAN.Country())
	}
	if strings.TrimSpace(bic) != "" {
		if a.BIC, err = ParseBIC(bic); err != nil {
			return a, err
		}
	}
	a.Holder = strings.Join(strings.Fields(holder), " ")
	if length := len([]rune(a.Holder)); length < 2 || length > longestHolder {
		return a, fault.New(fault.Invalid, "holder_length", "most", longestHolder)
	}
	return a, nil
}

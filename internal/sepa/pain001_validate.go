package sepa

import (
	"regexp"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// maxTransfer is the highest amount of one SEPA credit transfer: €999,999,999.99.
const maxTransfer vouchers.Cents = 99_999_999_999

var (
	purposePattern = regexp.MustCompile(`^[A-Z]{4}$`)
	countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)
)

// ValidPurpose tells whether a code may be a category purpose (ExternalCategoryPurpose1Code).
func ValidPurpose(code string) bool { return purposePattern.MatchString(code) }

// Validate tells the first reason for which a bank would refuse the file.
//
// Faults: transfer_file_version, transfer_file_identifier, transfer_file_undated, transfer_file_empty,
// transfer_purpose, transfer_duplicate (with the payment's end-to-end identifier), and
// those of Payment.Validate, for the payer as well.
func (in Initiation) Validate() error {
	switch {
	case in.Version != "" && in.Version != Version09 && in.Version != Version03:
		return fault.New(fault.Invalid, "transfer_file_version", "version", string(in.Version))
	case !validIdentifier(in.MessageID):
		return fault.New(fault.Invalid, "transfer_file_identifier", "identifier", in.MessageID)
	case in.CreatedAt.IsZero() || in.ExecutionDate == 0:
		return fault.New(fault.Invalid, "transfer_file_undated")
	case len(in.Payments) == 0:
		return fault.New(fault.Invalid, "transfer_file_empty")
	case in.CategoryPurpose != "" && !ValidPurpose(in.CategoryPurpose):
		return fault.New(fault.Invalid, "transfer_purpose", "purpose", in.CategoryPurpose)
	case !readable(in.Initiator):
		return fault.New(fault.Invalid, "transfer_name_missing", "payment", in.MessageID)
	}
	if err := in.Debtor.validate(in.MessageID); err != nil {
		return err
	}
	seen := make(map[string]struct{}, len(in.Payments))
	for i := range in.Payments {
		p := &in.Payments[i]
		if err := p.Validate(); err != nil {
			return err
		}
		if _, twice := seen[p.EndToEndID]; twice {
			return fault.New(fault.Invalid, "transfer_duplicate", "payment", p.EndToEndID)
		}
		seen[p.EndToEndID] = struct{}{}
	}
	return nil
}

// Validate tells the first reason for which a bank would refuse this transfer.
//
// Faults, each with the payment's end-to-end identifier: transfer_identifier,
// transfer_amount, transfer_name_missing, transfer_town_missing,
// transfer_address_lines, transfer_country_missing, transfer_iban, transfer_iban_outside_sepa, transfer_bic.
func (p Payment) Validate() error {
	if !validIdentifier(p.EndToEndID) || (p.InstructionID != "" && !validIdentifier(p.InstructionID)) {
		return fault.New(fault.Invalid, "transfer_identifier", "payment", p.EndToEndID)
	}
	if p.Amount <= 0 || p.Amount > maxTransfer {
		return fault.New(fault.Invalid, "transfer_amount", "payment", p.EndToEndID, "amount", p.Amount)
	}
	return p.Creditor.validate(p.EndToEndID)
}

func (p Party) validate(payment string) error {
	refuse := func(code string) error {
		return fault.New(fault.Invalid, code, "payment", payment, "name", p.Name)
	}
	switch {
	case !readable(p.Name):
		return refuse("transfer_name_missing")
	case !readable(p.Address.Town):
		return refuse("transfer_town_missing")
	case len(p.Address.Lines) > addressLinesMost:
		return refuse("transfer_address_lines")
	case !countryPattern.MatchString(p.Address.Country):
		return refuse("transfer_country_missing")
	case p.BIC != "" && !bicPattern.MatchString(string(p.BIC)):
		return refuse("transfer_bic")
	}
	iban, err := ParseIBAN(p.IBAN.Full())
	if err != nil || iban != p.IBAN {
		return refuse("transfer_iban")
	}
	if !iban.InSEPA() {
		return refuse("transfer_iban_outside_sepa")
	}
	return nil
}

// readable tells whether something is left of text in the SEPA character set.
func readable(text string) bool {
	return strings.ContainsFunc(strings.ToUpper(Latin(text, 70)), func(r rune) bool { return isAlnum(byte(r)) })
}

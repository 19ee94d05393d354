package sepa

import (
	"log/slog"
	"regexp"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
)

// IBAN is an account number of ISO 13616, in its electronic form: upper case, no
// spaces. Only ParseIBAN makes one that is known to be right.
//
// Printing an IBAN masks it, so that logs and pages show an account in full only
// where the code says so with Full.
type IBAN string

// country holds what the IBAN registry says of one country.
type country struct {
	length int
	sepa   bool // within the geographical scope of the SEPA schemes (EPC409-09)
}

// countries is the IBAN registry: the length of an IBAN per country.
var countries = map[string]country{
	"AD": {24, true}, "AE": {23, false}, "AL": {28, true}, "AT": {20, true}, "AZ": {28, false},
	"BA": {20, false}, "BE": {16, true}, "BG": {22, true}, "BH": {22, false}, "BI": {27, false},
	"BR": {29, false}, "BY": {28, false}, "CH": {21, true}, "CR": {22, false}, "CY": {28, true},
	"CZ": {24, true}, "DE": {22, true}, "DJ": {27, false}, "DK": {18, true}, "DO": {28, false},
	"EE": {20, true}, "EG": {29, false}, "ES": {24, true}, "FI": {18, true}, "FK": {18, false},
	"FO": {18, false}, "FR": {27, true}, "GB": {22, true}, "GE": {22, false}, "GI": {23, true},
	"GL": {18, false}, "GR": {27, true}, "GT": {28, false}, "HN": {28, false}, "HR": {21, true},
	"HU": {28, true}, "IE": {22, true}, "IL": {23, false}, "IQ": {23, false}, "IS": {26, true},
	"IT": {27, true}, "JO": {30, false}, "KW": {30, false}, "KZ": {20, false}, "LB": {28, false},
	"LC": {32, false}, "LI": {21, true}, "LT": {20, true}, "LU": {20, true}, "LV": {21, true},
	"LY": {25, false}, "MC": {27, true}, "MD": {24, true}, "ME": {22, true}, "MK": {19, true},
	"MN": {20, false}, "MR": {27, false}, "MT": {31, true}, "MU": {30, false}, "NI": {28, false},
	"NL": {18, true}, "NO": {15, true}, "OM": {23, false}, "PK": {24, false}, "PL": {28, true},
	"PS": {29, false}, "PT": {25, true}, "QA": {29, false}, "RO": {24, true}, "RS": {22, true},
	"RU": {33, false}, "SA": {24, false}, "SC": {31, false}, "SD": {18, false}, "SE": {24, true},
	"SI": {19, true}, "SK": {24, true}, "SM": {27, true}, "SO": {23, false}, "ST": {25, false},
	"SV": {28, false}, "TL": {23, false}, "TN": {24, false}, "TR": {26, false}, "UA": {29, false},
	"VA": {22, true}, "VG": {24, false}, "XK": {20, false}, "YE": {30, false},
}

// ParseIBAN reads an IBAN as people type it: with spaces, in lower case.
//
// Its faults are iban_country_unknown, iban_length (with what was expected and
// found) and iban_check, which also answers letters that no IBAN holds.
func ParseIBAN(text string) (IBAN, error) {
	s := compact(text)
	if len(s) < 2 {
		return "", fault.New(fault.Invalid, "iban_country_unknown", "country", "")
	}
	c, known := countries[s[:2]]
	if !known {
		return "", fault.New(fault.Invalid, "iban_country_unknown", "country", s[:2])
	}
	if len(s) != c.length {
		return "", fault.New(fault.Invalid, "iban_length", "country", s[:2], "expected", c.length, "found", len(s))
	}
	// Check digits run from 02 to 98: 00, 01 and 99 pass mod 97 and are still wrong.
	digits := s[2:4]
	if digits < "02" || digits > "98" || mod97(s[4:]+s[:4]) != 1 {
		return "", fault.New(fault.Invalid, "iban_check")
	}
	return IBAN(s), nil
}

// Full gives all characters: for bank files and for the pages whose purpose is to
// show the account.
func (i IBAN) Full() string { return string(i) }

// String masks, so that an IBAN printed by accident gives nothing away.
func (i IBAN) String() string { return i.Masked() }

// LogValue masks in structured logs.
func (i IBAN) LogValue() slog.Value { return slog.StringValue(i.Masked()) }

// Masked shows the first and last four characters: "FR76 •••• •••• 0189".
func (i IBAN) Masked() string {
	if len(i) < 15 { // shorter than any IBAN: four and four would show most of it
		return strings.Repeat("•", len(i))
	}
	return string(i[:4]) + " •••• •••• " + string(i[len(i)-4:])
}

// Grouped writes the paper form, by four characters.
func (i IBAN) Grouped() string {
	var b strings.Builder
	for n := 0; n < len(i); n += 4 {
		if n > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(i[n:min(n+4, len(i))]))
	}
	return b.String()
}

// Country gives the two letters of ISO 3166, or "" for an empty IBAN.
func (i IBAN) Country() string {
	if len(i) < 2 {
		return ""
	}
	return string(i[:2])
}

// InSEPA tells whether a SEPA credit transfer can reach the account.
func (i IBAN) InSEPA() bool { return countries[i.Country()].sepa }

// BIC identifies a bank (ISO 9362): 8 or 11 characters.
type BIC string

// bicPattern is BICFIDec2014Identifier of the ISO 20022 schemas.
var bicPattern = regexp.MustCompile(`^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$`)

// ParseBIC reads a BIC with or without spaces, in any case. Its fault is bic_malformed.
func ParseBIC(text string) (BIC, error) {
	s := compact(text)
	if !bicPattern.MatchString(s) {
		return "", fault.New(fault.Invalid, "bic_malformed")
	}
	return BIC(s), nil
}

// compact takes blanks of all kinds out and writes ASCII letters in upper case.
func compact(text string) string {
	return strings.ToUpper(strings.Join(strings.Fields(text), ""))
}

// mod97 is the remainder of ISO 7064 MOD 97-10, with letters as 10 to 35.
// It gives -1 for any other character, which is never a right remainder.
func mod97(s string) int {
	rest := 0
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return -1
		}
	}
	return rest
}

package sepa

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestIBANsOfTheRegistryAreRead(t *testing.T) {
	t.Parallel()
	// Examples of the IBAN registry, one of each kind of account number.
	for _, text := range []string{
		"FR14 2004 1010 0505 0001 3M02 606", "fr76 3000 6000 0112 3456 7890 189", "BE68 5390 0754 7034",
		"DE89 3704 0044 0532 0130 00", "ES91 2100 0418 4502 0005 1332", "IT60 X054 2811 1010 0000 0123 456",
		"LU28 0019 4006 4475 0000", "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "NO93 8601 1117 947",
		"CH93 0076 2011 6238 5295 7", "MC58 1122 2000 0101 2345 6789 030", "GB29\u00a0NWBK\u202f6016 1331 9268 19",
	} {
		iban, err := ParseIBAN(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if !iban.InSEPA() {
			t.Errorf("%s is not in SEPA", text)
		}
	}
}

func TestWrongIBANsAreRefusedWithTheirReason(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"":                                  "iban_country_unknown",
		"F":                                 "iban_country_unknown",
		"ZZ7630006000011234567890189":       "iban_country_unknown",
		"FR76":                              "iban_length",
		"FR76300060000112345678901890":      "iban_length",
		"FR7630006000011234567890198":       "iban_check", // two digits swapped
		"FR7630006000011234567890188":       "iban_check",
		"FR76300060000112345678901é":        "iban_check", // as long, in bytes
		"FR76-3000600001123456789018":       "iban_check",
		"FR14 2004 1010 0505 0001 3M02 607": "iban_check",
	} {
		_, err := ParseIBAN(text)
		wantFault(t, err, code)
	}
}

func TestCheckDigitsOutsideTheirRangeAreRefused(t *testing.T) {
	t.Parallel()
	// 00, 01 and 99 leave the same remainder as 97, 98 and 02.
	refused := 0
	for account := range 2000 {
		body := fmt.Sprintf("%018d", account)
		if mod97(body+"DE01") == 1 {
			refused++
			_, err := ParseIBAN("DE01" + body)
			wantFault(t, err, "iban_check")
		}
	}
	if refused == 0 {
		t.Error("no account number with this remainder was tried")
	}
}

func TestAnIBANIsShownInFullOnlyOnRequest(t *testing.T) {
	t.Parallel()
	const masked = "FR76 •••• •••• 0189"
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("paid", "to", frenchIBAN)
	for _, shown := range []string{frenchIBAN.Masked(), fmt.Sprint(frenchIBAN), fmt.Sprintf("%v %s", frenchIBAN, frenchIBAN), log.String()} {
		if !strings.Contains(shown, masked) || strings.Contains(shown, frenchIBAN.Full()) {
			t.Errorf("shown as %q", shown)
		}
	}
	if got := frenchIBAN.Grouped(); got != "FR76 3000 6000 0112 3456 7890 189" {
		t.Errorf("grouped as %q", got)
	}
	if got := IBAN("FR76").Masked(); got != "••••" {
		t.Errorf("a scrap is shown as %q", got)
	}
	if frenchIBAN.Country() != "FR" || IBAN("").Country() != "" {
		t.Error("wrong country")
	}
}

func TestOnlySEPACountriesAreInSEPA(t *testing.T) {
	t.Parallel()
	if IBAN("BR1800360305000010009795493C1").InSEPA() || IBAN("").InSEPA() {
		t.Error("Brazil is in SEPA")
	}
}

func TestBICs(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"AGRIFRPP": "", "agri fr pp 882": "", "PSSTFRPPLYO": "",
		"AGRIFRP": "bic_malformed", "AGRIFRPP88": "bic_malformed", "AGRI12PP": "bic_malformed", "": "bic_malformed",
	} {
		_, err := ParseBIC(text)
		wantFault(t, err, code)
	}
}

func FuzzParseIBAN(f *testing.F) {
	for _, seed := range []string{"FR76 3000 6000 0112 3456 7890 189", "be68539007547034", "FR", "ÉÉ", "\xff\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		iban, err := ParseIBAN(text)
		if err != nil {
			return
		}
		again, err := ParseIBAN(strings.ToLower(iban.Grouped()))
		if err != nil || again != iban {
			t.Errorf("%q read as %q, then as %q (%v)", text, iban.Full(), again.Full(), err)
		}
		if strings.Contains(iban.String(), iban.Full()[4:len(iban)-4]) {
			t.Errorf("%q is not masked", text)
		}
	})
}

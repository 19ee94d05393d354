package sepa

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestEveryKnownReasonHasItsWords(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"fr", "en"} {
		raw, err := os.ReadFile("../../web/locales/" + lang + "/sepa.json")
		if err != nil {
			t.Fatal(err)
		}
		var words map[string]string
		if err := json.Unmarshal(raw, &words); err != nil {
			t.Fatal(err)
		}
		for code := range knownReasons {
			if words["sepa.reason."+code] == "" {
				t.Errorf("%s: no words for %s", lang, code)
			}
		}
		for key := range words {
			if code, is := strings.CutPrefix(key, "sepa.reason."); is && !KnownReason(code) {
				t.Errorf("%s: words for %s, which is not known", lang, code)
			}
		}
	}
	if KnownReason("XX99") || KnownReason("") {
		t.Error("a code of no list is known")
	}
}

// Two small builders make faults under codes that a search for fault.New cannot see.
func TestEveryFaultOfTheBuildersHasItsWords(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../web/locales/fr/sepa.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{
		"statement_account", "statement_date", "statement_amount", "statement_currency", "statement_direction",
		"statement_sum_mismatch", "transfer_name_missing", "transfer_town_missing", "transfer_country_missing",
		"transfer_bic", "transfer_iban", "transfer_iban_outside_sepa",
	} {
		if !strings.Contains(string(raw), `"fault.`+code+`"`) {
			t.Errorf("no words for %s", code)
		}
	}
}

package sepa

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCreditorReferencesHaveTheirCheckDigits(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"539007547034": "RF18539007547034", // the example of ISO 11649
		"pass 12":      "RF35PASS12",
	} {
		got, err := MakeRF(body)
		if err != nil || got != want || !ValidRF(got) {
			t.Errorf("MakeRF(%q) = %q, %v; want %q", body, got, err, want)
		}
	}
	for _, body := range []string{"", " ", "PASS-12", "É", strings.Repeat("1", 22)} {
		_, err := MakeRF(body)
		wantFault(t, err, "reference_malformed")
	}
}

func TestReferencesAreFoundInFreeText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"RF35PASS12":                                 {"RF35PASS12"},
		"rf35 pass12":                                {"RF35PASS12"},
		"Facture /RF35/PASS/12/ merci":               {"RF35PASS12"},
		"VIR MAIRIE DE LYON RF35 PA SS12":            {"RF35PASS12"},
		"commande RF35PASS12, puis RF18539007547034": {"RF35PASS12", "RF18539007547034"},
		"RF35PASS12 RF35PASS12":                      {"RF35PASS12"},
		"ref\u00a0RF18\u00a05390-0754.7034":          {"RF18539007547034"},
		"RF88PASS12":                                 nil,
		"XRF35PASS12":                                nil,
		"RF35PASS12X":                                nil,
		"RF":                                         nil,
		"":                                           nil,
	} {
		if got := FindReferences(text); !slices.Equal(got, want) {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}

func TestAReferenceIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reference, err := MakeRF(rapid.StringMatching(`[A-Z0-9]{1,21}`).Draw(t, "body"))
		if err != nil {
			t.Fatal(err)
		}
		var written strings.Builder
		for _, letter := range strings.ToLower(reference) {
			written.WriteRune(letter)
			written.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "/"}).Draw(t, "gap"))
		}
		text := "virement " + written.String() + " " + rapid.StringMatching(`[a-z ]{0,20}`).Draw(t, "after")
		if found := FindReferences(text); !slices.Contains(found, reference) {
			t.Fatalf("%q not found in %q: %q", reference, text, found)
		}
	})
}

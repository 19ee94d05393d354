package catalogue

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestThemesKeepTheWordsOfTheStandard(t *testing.T) {
	t.Parallel()
	for _, theme := range Themes() {
		if got, ok := ParseTheme(theme.Label()); !ok || got != theme {
			t.Errorf("label of %s reads as %s", theme, got)
		}
		if got, ok := ParseTheme(string(theme)); !ok || got != theme {
			t.Errorf("code %s reads as %s", theme, got)
		}
	}
	if Theme("cooking").Label() != "" || len(Themes()) != 9 {
		t.Errorf("an unknown theme has a label, or there are %d themes", len(Themes()))
	}
}

func TestParseThemes(t *testing.T) {
	t.Parallel()
	list := "Comprehension du monde numérique|Cuisine|AIDE AUX DÉMARCHES ADMINISTRATIVES| |Compréhension du monde numérique"
	themes, unknown := ParseThemes(list)
	if !slices.Equal(themes, []Theme{DigitalCulture, AdministrativeHelp}) || !slices.Equal(unknown, []string{"Cuisine"}) {
		t.Errorf("%v, unknown %v", themes, unknown)
	}
	if themes, unknown := ParseThemes(""); themes != nil || unknown != nil {
		t.Errorf("empty list: %v, %v", themes, unknown)
	}
}

// TestVocabulariesAreThoseOfTheStandard compares with the published enumerations where they
// are at hand, and with the shipped file where they are not.
func TestVocabulariesAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	ours := map[string]vocabulary{
		"itinerance": mobilities, "publics_specifiquement_adresses": audiences, "prise_en_charge_specifique": specialCare,
		"frais_a_charge": fees, "dispositif_programmes_nationaux": programmes, "formations_labels": trainings,
		"modalites_acces": accessWays, "modalites_accompagnement": supportWays,
	}
	published := map[string][]string{
		"frais_a_charge": {"Gratuit", "Gratuit sous condition", "Payant"}, "itinerance": {"Itinérant", "Fixe"},
	}
	if raw, ok := shared(t, "enums.json"); ok {
		var all map[string]json.RawMessage
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(all["standard-mediation-num v1.0.2"], &published); err != nil {
			t.Fatal(err)
		}
		var former struct{ Services []string }
		if err := json.Unmarshal(all["v0.1 (2022)"], &former); err != nil {
			t.Fatal(err)
		}
		for _, label := range slices.Concat(former.Services, published["services"]) {
			if _, ok := ParseTheme(label); !ok {
				t.Errorf("service %q is unknown", label)
			}
		}
	}
	for field, labels := range published {
		known, ok := ours[field]
		if !ok {
			continue
		}
		if len(known) != len(labels) {
			t.Errorf("%s: %d values, want %d", field, len(known), len(labels))
		}
		for _, label := range labels {
			if got, ok := known.find(label); !ok || got != label {
				t.Errorf("%s: %q reads as %q", field, label, got)
			}
		}
	}
}

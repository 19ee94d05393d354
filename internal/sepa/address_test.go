package sepa

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStreetsGoIntoFieldsOnlyWhereTheyReadAsStreets(t *testing.T) {
	t.Parallel()
	for street, want := range map[string]Address{
		"":                             {},
		"12 rue des Lilas":             {Building: "12", Street: "rue des Lilas"},
		"12, rue des Lilas":            {Building: "12", Street: "rue des Lilas"},
		"12 bis, rue de l’Évêché":      {Building: "12 bis", Street: "rue de l'Eveche"},
		"12B avenue du 8 mai 1945":     {Building: "12B", Street: "avenue du 8 mai 1945"},
		"12-14 bd. Voltaire":           {Building: "12-14", Street: "bd. Voltaire"},
		"3 Grande Rue":                 {Building: "3", Street: "Grande Rue"},
		"Place de l’Église":            {Street: "Place de l'Eglise"},
		"12 rue des Lilas, Annecy":     {Building: "12", Street: "rue des Lilas"},
		"12 rue des Lilas 74000":       {Building: "12", Street: "rue des Lilas 74000"},
		"Rue des Lilas, 74000 ANNECY":  {Street: "Rue des Lilas"},
		"Les Granges":                  {Lines: []string{"Les Granges"}},
		"8 Les Granges":                {Lines: []string{"8 Les Granges"}},
		"BP 40512":                     {Lines: []string{"BP 40512"}},
		"Mairie, 1 place de la Mairie": {Lines: []string{"Mairie, 1 place de la Mairie"}},
		"Bâtiment B, 3e étage, Espace Jean-Moulin, 140 avenue du Général-de-Gaulle prolongée": {
			Lines: []string{"Batiment B, 3e etage, Espace Jean-Moulin, 140 avenue du", "General-de-Gaulle prolongee"}},
		"1 rue " + strings.Repeat("a", 67): {Lines: []string{"1 rue", strings.Repeat("a", 67)}},
	} {
		want.PostCode, want.Town, want.Country = "74000", "Annecy", "FR"
		if got := NewAddress(street, "74000", "Annecy", "FR"); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %q", street, got)
		}
	}
}

// Whatever somebody typed, the file is one that banks take: town and country in fields, at
// most two lines of at most 70 characters, nothing said twice.
func TestAnyAddressIsStructuredOrHybrid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		words := rapid.SliceOf(rapid.SampledFrom([]string{"12", "bis", "rue", "de", "l’Évêché", "Bâtiment", "B,", "漢字", "Annecy", "74000", "щит",
			",", "n°", "Grande", "\n", "Saint-Jean-de-Maurienne-en-Provence-et-plus-loin-encore-au-dela-des-montagnes"})).Draw(r, "words")
		a := NewAddress(strings.Join(words, " "), "74000", "Annecy", "FR")
		if len(a.Lines) > 2 || len(a.Lines) > 0 && a.Street+a.Building != "" {
			r.Errorf("%q", a)
		}
		for _, line := range append(a.Lines, a.Street, a.Building) {
			if len(line) > 70 || strings.TrimSpace(line) != line || Latin(line, 70) != line {
				r.Errorf("line %q", line)
			}
		}
	})
}

// addresses are one case each of what organisations hold.
var addresses = []struct{ name, street string }{
	{"structured", "12 bis rue de l’Évêché"},
	{"without street", ""},
	{"hybrid, no street", "Lieu-dit Les Granges"},
	{"hybrid, more than a street", "Maison des associations, 3 place de la Mairie"},
	{"hybrid, too long", "Résidence universitaire Jean-Moulin, bâtiment C, entrée 4, 140 avenue du Général-de-Gaulle prolongée"},
}

func TestEachKindOfAddressIsWrittenAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	in := settlement(t)
	in.Batch, in.Payments = false, nil
	for i, a := range addresses {
		in.Payments = append(in.Payments, Payment{EndToEndID: fmt.Sprintf("PAYOUT-%d", i+1), Amount: 30_00, Remittance: a.name,
			Creditor: Party{Name: "Bonlieu Numérique", IBAN: postalIBAN, Address: NewAddress(a.street, "74000", "Annecy-le-Vieux", "FR")}})
	}
	for _, v := range []Version{Version09, Version03} {
		in.Version = v
		var file bytes.Buffer
		if err := WriteInitiation(&file, in); err != nil {
			t.Fatal(err)
		}
		golden(t, "pain001-addresses-"+string(v)+".xml", file.Bytes())
		followsSchema(t, "pain.001.001."+string(v), file.Bytes())
	}
}

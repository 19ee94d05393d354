package documents

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

func day(t *testing.T, iso string) vouchers.Day {
	t.Helper()
	d, err := vouchers.ParseDay(iso)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sampleBooklet(t *testing.T) Booklet {
	t.Helper()
	typed, err := vouchers.ParseTyped("PTY6-HEQC-JM8J-2TG")
	if err != nil {
		t.Fatal(err)
	}
	return Booklet{
		Reference: "BON-000127", Funder: "Département de la Haute-Savoie", Campaign: "Premiers pas en ligne 2026",
		Face: 1000, Count: 8, Left: 8, Until: day(t, "2027-03-02"),
		URL:   "HTTPS://PASSERELLE.FR/C/48005801W9007T0M8307G6A55RDV6SK85E4RE43FHGG99NJGNZBXEP2V7S6BHA62WPMH66M9HNG919WJS57NGFGM41YK2DQPNCFD0X5GENWCJJFN1202EKFDDM25D5N5ZCWRNAE9",
		Typed: typed, HelpPhone: "04 50 00 12 34",
		HandedOverAt: time.Date(2026, 11, 23, 10, 5, 0, 0, time.UTC),
		Places: []NearbyPlace{
			{
				Name: "Maison France services de Thônes", Address: []string{"1 place de l’Hôtel-de-Ville", "74230 Thônes"},
				Phone: "04 50 02 91 44", DistanceKm: 0.4,
				Hours: []string{"lundi au vendredi : 9 h à 12 h", "mardi et jeudi : 14 h à 17 h"},
			},
			{
				Name: "Médiathèque de Faverges-Seythenex", Address: []string{"100 place Marcel-Piquand", "74210 Faverges-Seythenex"},
				DistanceKm: 18.2,
			},
			{
				Name:    "Centre social et culturel de la Vallée, point d’accès numérique et associatif intercommunal",
				Address: []string{"Espace Simone-Veil, bâtiment B, 3e étage", "12 avenue de Genève", "74000 Annecy"},
				Phone:   "04 50 57 11 11", DistanceKm: 20.7, Hours: []string{"mercredi : 13 h 30 à 18 h", "samedi : 9 h à 12 h"},
			},
		},
	}
}

func sampleStatement(t *testing.T, redemptions int) Statement {
	t.Helper()
	s := Statement{
		Structure:  Party{Name: "Association Le Fil numérique", Address: []string{"12 avenue de Genève", "74000 Annecy"}, SIRET: "73282932000074"},
		Settlement: "2027-003", From: day(t, "2027-01-11"), To: day(t, "2027-01-17"), IBAN: "FR76 3000 6000 0112 3456 7890 189",
		Expected: day(t, "2027-01-20"), EndToEndID: "PSRL-2027003-000017",
		MadeAt: time.Date(2027, 1, 18, 8, 0, 0, 0, time.UTC),
	}
	start := time.Date(2027, 1, 11, 8, 10, 0, 0, time.UTC)
	for i := range redemptions {
		s.Redeemed = append(s.Redeemed, Redeemed{
			At:      start.Add(time.Duration(i) * 97 * time.Minute),
			Place:   []string{"Espace public numérique des Teppes", "Médiathèque Louise-Michel"}[i%2],
			Theme:   []string{"Faire une démarche en ligne", "Prendre en main un smartphone", "Créer une adresse électronique"}[i%3],
			Booklet: fmt.Sprintf("BON-%06d", 1200+i*7), Vouchers: 1 + i%3, Amount: vouchers.Cents(1000 * (1 + i%3)),
		})
	}
	return s
}

// written is what write puts out.
func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

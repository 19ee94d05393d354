package documents

import (
	"io"
	"strings"
	"testing"
	"time"
)

func sampleDebtNote(t *testing.T) DebtNote {
	return DebtNote{Number: "ND-2026-00001", Structure: sampleStatement(t, 0).Structure, Operator: "Passerelle", IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP",
		Reference: "RF71ND202600001", Due: day(t, "2026-04-08"), MadeAt: time.Date(2026, 3, 9, 9, 0, 0, 0, time.UTC),
		Lines: []Owed{{time.Date(2026, 1, 12, 9, 0, 0, 0, time.UTC), "Le Relais", "000012", "Compté deux fois", 30_00},
			{time.Date(2026, 1, 13, 9, 0, 0, 0, time.UTC), "Le Relais", "000013", "La personne n’est pas venue", 20_00}}}
}

func TestADebtNoteSaysWhatToPayAndHow(t *testing.T) {
	t.Parallel()
	pdf := written(t, func(out io.Writer) error { return WriteDebtNote(out, speaking(t, "fr"), sampleDebtNote(t)) })
	contains(t, textOf(t, "debt-note.pdf", pdf), "ND-2026-00001", "pas une facture", "Compté deux fois", "50,00 €", "RF71ND202600001", "mercredi 8 avril 2026",
		"FR76 3000 6000 0112 3456 7890 189")
	empty := sampleDebtNote(t)
	empty.Lines[0].Amount = 0
	if err := WriteDebtNote(io.Discard, speaking(t, "fr"), empty); err == nil {
		t.Error("a line of nothing is printed")
	}
}

func TestAStatementSaysThatStripePays(t *testing.T) {
	t.Parallel()
	s := sampleStatement(t, 4)
	account := masked(s.IBAN)
	s.ByStripe = true
	text := textOf(t, "by-stripe.pdf", statement(t, s))
	contains(t, text, "Part chez Stripe le", "par Stripe")
	if strings.Contains(text, account) || strings.Contains(text, "Attendu le") {
		t.Errorf("where the money goes: %s", text)
	}
}

func TestAStatementTellsWhatComplaintsDid(t *testing.T) {
	t.Parallel()
	s := sampleStatement(t, 4)
	at := s.Redeemed[0].At
	s.Adjusted = []Adjusted{{"withheld", at, "Le Relais", "000012", -20_00}, {"released", at.AddDate(0, 0, -9), "Le Relais", "000007", 10_00}}
	contains(t, textOf(t, "statement-adjusted.pdf", statement(t, s)), "Retenu pour une réclamation", "carnet 000012", "-20,00 €", "Rendu après une réclamation", "Montant du virement 60,00 €")
}

package demo

import (
	"bytes"
	"context"
	"fmt"

	"codeberg.org/go-pdf/fpdf"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/vouchers"
)

// youngKind is a second label, which some funders may ask for.
const youngKind = "accueil-jeunes"

// apply lets a structure ask for a label for a place, with all that is to be proved.
func (p *play) apply(ctx context.Context, s *structure, at *place, kind string) (vouchers.ApplicationID, error) {
	var a applications.Application
	if err := s.agent.post(ctx, fmt.Sprintf("/places/%d/applications", at.id), map[string]string{"kind": kind}, &a); err != nil {
		return 0, err
	}
	filled := applications.Saved{Answers: map[string]applications.Answer{}, Proofs: map[string]files.Upload{}, Send: true}
	for _, c := range a.Form {
		filled.Answers[c.Code] = applications.Answer{Meets: "yes", Note: "Oui."}
		if c.Proof != "required" {
			continue
		}
		proof, err := paper("Document inventé", "", c.Title, at.record.Name)
		if err != nil {
			return 0, err
		}
		filled.Proofs[c.Code] = files.Upload{Name: c.Code + ".pdf", Content: proof}
	}
	return a.ID, s.agent.do(ctx, call{method: "PATCH", path: fmt.Sprintf("/applications/%d", a.ID), in: filled})
}

// offerAnotherLabel publishes a second label, for which one structure asks: the operator has
// not looked yet.
func (p *play) offerAnotherLabel(ctx context.Context) error {
	criteria := applications.NewCriteria{Kind: applications.Kind{Code: youngKind, Name: "Accueil des jeunes", Summary: "Pour les lieux où des jeunes viennent seuls."},
		Form: applications.Form{
			{Code: "hours", Title: "Horaires après l’école", Text: "Le lieu est ouvert au moins une fois par semaine après 16 h 30 ou le mercredi.", Proof: "none", Required: true},
			{Code: "team", Title: "Équipe", Text: "Une personne présente a l’habitude d’accueillir des jeunes et a présenté un extrait de casier judiciaire.", Proof: "required", Required: true}}}
	if err := p.operator.agent.post(ctx, "/labels/criteria", criteria, nil); err != nil {
		return err
	}
	s := p.structures[0]
	_, err := p.apply(ctx, s, s.places[0], youngKind)
	return err
}

// paper is a document of a few lines, as people send them.
func paper(lines ...string) ([]byte, error) {
	page := fpdf.New("P", "mm", "A5", "")
	page.AddPage()
	page.SetFont("Helvetica", "", 12)
	latin := page.UnicodeTranslatorFromDescriptor("")
	for _, line := range lines {
		page.CellFormat(0, 10, latin(line), "", 1, "", false, 0, "")
	}
	var out bytes.Buffer
	err := page.Output(&out)
	return out.Bytes(), err
}

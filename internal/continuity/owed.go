package continuity

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/vouchers"
)

// provenMost bounds how many lines of one structure are proven, the oldest first: a proof
// takes some three thousand bytes. All lines are in instance.age.
const provenMost = 2000

// due is what one structure is owed, and the lines of the ledger that make it up.
type due struct {
	party
	amount   vouchers.Cents
	endToEnd string // of the transfer that pays it; "" where it is held
	held     string // why it is not in the payment file
	lines    []int64
	sum      vouchers.Cents // of the lines
	proven   int
	unsealed int
}

// owed writes who is owed what, and the proofs.
func (w *snapshot) owed(ctx context.Context) error {
	dues, err := w.dues(ctx)
	if err != nil {
		return err
	}
	for i := range dues {
		if err := w.prove(ctx, &dues[i]); err != nil {
			return err
		}
		w.count(dues[i])
	}
	return w.f.create("owed.csv", func(out io.Writer) error {
		columns := []documents.Column{column("structure", documents.Integer), column("siret", documents.Text), column("nom", documents.Text),
			column("du_centimes", documents.Integer), column("du_euros", documents.Money), column("dans_le_fichier", documents.Text),
			column("motif_de_retenue", documents.Text), column("reference_virement", documents.Text), column("en_route_centimes", documents.Integer),
			column("en_route_euros", documents.Money), column("dernier_versement_le", documents.Date), column("dernier_versement_euros", documents.Money),
			column("lignes", documents.Integer), column("lignes_prouvees", documents.Integer), column("lignes_non_scellees", documents.Integer)}
		return sheet(out, columns, func(row func(...documents.Cell) error) error {
			for _, d := range dues {
				if err := row(d.cells()...); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (d due) cells() []documents.Cell {
	paid := "oui"
	switch {
	case d.amount == 0:
		paid = ""
	case d.held != "":
		paid = "non"
	}
	lastOn, lastPaid := documents.TextCell(""), documents.TextCell("")
	if d.LastOn != nil {
		lastOn, lastPaid = documents.DateCell(*d.LastOn), documents.MoneyCell(d.LastPaid)
	}
	return []documents.Cell{documents.IntegerCell(int64(d.ID)), documents.TextCell(d.SIRET), documents.TextCell(d.Name),
		documents.IntegerCell(int64(d.amount)), documents.MoneyCell(d.amount), documents.TextCell(paid), documents.TextCell(d.held), documents.TextCell(d.endToEnd),
		documents.IntegerCell(int64(d.InTransit)), documents.MoneyCell(d.InTransit), lastOn, lastPaid,
		documents.IntegerCell(int64(len(d.lines))), documents.IntegerCell(int64(d.proven)), documents.IntegerCell(int64(d.unsealed))}
}

// dues joins what the next settlement would pay and hold with whose it is and its lines. It
// fails where lines and amounts differ.
func (w *snapshot) dues(ctx context.Context) ([]due, error) {
	amounts := map[vouchers.OrganisationID]due{}
	var ids []int64
	for _, p := range w.next.Payouts {
		amounts[p.Structure] = due{amount: p.Amount, endToEnd: p.EndToEnd}
		ids = append(ids, int64(p.Structure))
	}
	for _, h := range w.next.Held {
		amounts[h.Structure] = due{amount: h.Amount, held: h.Reason}
		ids = append(ids, int64(h.Structure))
	}
	all, err := parties(ctx, w.tx, ids)
	if err != nil {
		return nil, err
	}
	dues, at := make([]due, len(all)), map[vouchers.OrganisationID]int{}
	for i, p := range all {
		dues[i] = amounts[p.ID]
		dues[i].party, at[p.ID] = p, i
	}
	err = eachOwedLine(ctx, w.tx, func(l owedLine) error {
		i, known := at[l.Structure]
		if !known {
			return fmt.Errorf("continuity: transfer %d is owed to structure %d, which is owed nothing", l.Transfer, l.Structure)
		}
		dues[i].lines, dues[i].sum = append(dues[i].lines, l.Transfer), dues[i].sum+l.Amount
		return nil
	})
	for _, d := range dues {
		if err == nil && d.sum != d.amount {
			err = fmt.Errorf("continuity: structure %d is owed %s, and its lines come to %s", d.ID, d.amount, d.sum)
		}
	}
	return dues, err
}

// prove writes the proofs of a structure's lines, in files that `passerelle verify-proof`
// reads: one for each 500 lines.
func (w *snapshot) prove(ctx context.Context, d *due) error {
	wanted := d.lines[:min(len(d.lines), w.proven)]
	for _, id := range d.lines {
		if id > w.m.Sealed {
			d.unsealed++
		}
	}
	var proofs []vouchers.Proof
	put := func() error {
		if len(proofs) == 0 {
			return nil
		}
		name := fmt.Sprintf("owed-proofs/structure-%d-%d.json", d.ID, (d.proven-1)/seals.ProofsMost+1)
		err := w.f.create(name, func(out io.Writer) error { return json.NewEncoder(out).Encode(proofs) })
		proofs = nil
		return err
	}
	err := seals.ProofsOf(ctx, w.tx, wanted, func(p vouchers.Proof) error {
		proofs = append(proofs, p)
		if d.proven++; len(proofs) == seals.ProofsMost {
			return put()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return put()
}

// count adds a structure to the figures.
func (w *snapshot) count(d due) {
	f := &w.m.Figures
	f.InTransit += d.InTransit
	f.Lines, f.Proven, f.Unsealed = f.Lines+len(d.lines), f.Proven+d.proven, f.Unsealed+d.unsealed
	switch {
	case d.amount == 0:
		return
	case d.held != "":
		f.Held, f.HeldCount = f.Held+d.amount, f.HeldCount+1
	default:
		f.ToPay, f.ToPayCount = f.ToPay+d.amount, f.ToPayCount+1
	}
	f.Owed, f.Structures = f.Owed+d.amount, f.Structures+1
}

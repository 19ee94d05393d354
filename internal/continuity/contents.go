package continuity

import (
	"context"
	"crypto/sha256"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// snapshot is an export on its way: everything is read in one transaction, so that all
// figures are of one moment.
type snapshot struct {
	*Service
	tx   *db.Tx
	f    *folder
	next settlement.Next
	m    Manifest
}

// write writes every file but the manifest, and returns what that will say.
func (s *Service) write(ctx context.Context, tx *db.Tx, f *folder) (Manifest, error) {
	h, err := readHead(ctx, tx)
	if err != nil {
		return Manifest{}, err
	}
	w := &snapshot{Service: s, tx: tx, f: f, m: Manifest{Format: format, At: tx.Now.UTC().Truncate(time.Microsecond), Operator: s.o.Operator, PublicURL: s.o.PublicURL,
		Schema: h.Schema, Transfers: h.Transfers, Sealed: h.Sealed, Trustees: s.o.Trustees.Keys(), Invariants: map[string]bool{}}}
	if w.next, err = settlement.NextOf(ctx, tx, s.o.Debtor); err != nil {
		return w.m, err
	}
	for _, step := range []func(context.Context) error{w.owed, w.onTheWay, w.accounts, w.payment, w.booklets, w.funders, w.witnesses,
		w.invariants, w.instance, w.readme} {
		if err := step(ctx); err != nil {
			return w.m, err
		}
	}
	return w.m, nil
}

// column is a column of a CSV file, by the name that programs read.
func column(name string, kind documents.Kind) documents.Column {
	return documents.Column{Header: name, Kind: kind}
}

// sheet writes a table as French spreadsheets open it, row by row.
func sheet(out io.Writer, columns []documents.Column, rows func(row func(...documents.Cell) error) error) error {
	table, err := documents.NewCSV(out, columns)
	if err != nil {
		return err
	}
	if err := rows(func(cells ...documents.Cell) error { return table.Row(cells) }); err != nil {
		return err
	}
	return table.Flush()
}

// onTheWay lists what was ordered from the bank before, so that nobody pays it again, and
// writes the files that ordered the payouts, in case the bank was never given one.
func (w *snapshot) onTheWay(ctx context.Context) error {
	all, err := allOnTheWay(ctx, w.tx)
	if err != nil {
		return err
	}
	var last vouchers.SettlementID
	for _, one := range all {
		if one.Ordered == 0 || one.Ordered == last {
			continue
		}
		last = one.Ordered
		files, err := settlement.FilesOf(ctx, w.tx, one.Ordered)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			err = w.f.encrypt("in-transit/"+name+".xml", func(out io.Writer) error {
				_, err := out.Write(files[name])
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return w.f.create("in-transit.csv", func(out io.Writer) error {
		return sheet(out, []documents.Column{column("nature", documents.Text), column("destinataire", documents.Integer), column("siret", documents.Text),
			column("nom", documents.Text), column("fichier", documents.Text), column("reference_virement", documents.Text),
			column("execution_le", documents.Date), column("transmis", documents.Text), column("montant_centimes", documents.Integer), column("montant_euros", documents.Money),
			column("chez_stripe", documents.Text)},
			func(row func(...documents.Cell) error) error {
				for _, one := range all {
					err := row(documents.TextCell(one.What), documents.IntegerCell(int64(one.To)), documents.TextCell(one.SIRET), documents.TextCell(one.Name),
						documents.TextCell(one.File), documents.TextCell(one.EndToEnd), documents.DateCell(one.On),
						documents.TextCell(one.Sent), documents.IntegerCell(int64(one.Amount)), documents.MoneyCell(one.Amount), documents.TextCell(one.AtStripe))
					if err != nil {
						return err
					}
				}
				return nil
			})
	})
}

// accounts writes where structures and funders are paid, for the trustee's eyes.
func (w *snapshot) accounts(ctx context.Context) error {
	return w.f.encrypt("bank-details.csv", func(out io.Writer) error {
		var columns []documents.Column
		for _, name := range []string{"nature", "numero", "siret", "nom", "etat", "titulaire", "iban", "bic", "rue", "code_postal", "commune", "courriel"} {
			columns = append(columns, column(name, documents.Text))
		}
		columns[1].Kind = documents.Integer
		return sheet(out, columns, func(row func(...documents.Cell) error) error {
			return eachAccount(ctx, w.tx, func(a account) error {
				state := "en vigueur"
				if !a.InForce {
					state = "donné, pas encore vérifié"
				}
				cells := []documents.Cell{documents.TextCell(a.Kind), documents.IntegerCell(int64(a.Of))}
				for _, text := range []string{a.SIRET, a.Name, state, a.Holder, a.IBAN.Full(), a.BIC, a.Street, a.Postcode, a.Town, a.Email} {
					cells = append(cells, documents.TextCell(text))
				}
				return row(cells...)
			})
		})
	})
}

// payment writes the file that pays everything that is owed and can be paid.
func (w *snapshot) payment(context.Context) error {
	if w.next.File == nil {
		return nil
	}
	w.m.Payment = &Payment{MessageID: w.next.MessageID, ExecutionOn: w.next.ExecutionOn, Transfers: len(w.next.Payouts), Total: w.next.Total(),
		SHA256: sha256.Sum256(w.next.File)}
	return w.f.encrypt("pain001.xml", func(out io.Writer) error {
		_, err := out.Write(w.next.File)
		return err
	})
}

// booklets lists what is left in people's hands. Nothing of it spends.
func (w *snapshot) booklets(ctx context.Context) error {
	return w.f.create("booklets.csv", func(out io.Writer) error {
		columns := []documents.Column{column("financeur", documents.Text), column("siret_financeur", documents.Text), column("campagne", documents.Integer),
			column("nom_campagne", documents.Text), column("carnet", documents.Integer), column("prescripteur", documents.Text), column("remis_le", documents.Date),
			column("cheques", documents.Integer), column("cheques_restants", documents.Integer), column("cheques_geles", documents.Integer),
			column("restant_centimes", documents.Integer), column("restant_euros", documents.Money), column("valable_du", documents.Date),
			column("valable_jusqu_au", documents.Date), column("accepte_jusqu_au", documents.Date)}
		return sheet(out, columns, func(row func(...documents.Cell) error) error {
			return eachBooklet(ctx, w.tx, func(b booklet) error {
				left := b.Face * vouchers.Cents(b.Live+b.Frozen)
				w.m.Figures.Booklets++
				return row(documents.TextCell(b.Funder), documents.TextCell(b.SIRET), documents.IntegerCell(int64(b.Campaign)), documents.TextCell(b.Name),
					documents.IntegerCell(int64(b.ID)), documents.TextCell(b.Prescriber), documents.DateCell(vouchers.DayOf(b.HandedOver)),
					documents.IntegerCell(int64(b.Vouchers)), documents.IntegerCell(int64(b.Live)), documents.IntegerCell(int64(b.Frozen)),
					documents.IntegerCell(int64(left)), documents.MoneyCell(left), documents.DateCell(b.From), documents.DateCell(b.Until),
					documents.DateCell(b.Until.AddDays(b.Tolerance)))
			})
		})
	})
}

// witnesses writes what the public may see anyway: cover, seals and public keys.
func (w *snapshot) witnesses(ctx context.Context) error {
	cover, err := reporting.CoverNow(ctx, w.tx)
	if err != nil {
		return err
	}
	w.m.Figures.Live, w.m.Figures.CashHeld, w.m.Figures.CashPromised = cover.Live, cover.Held, cover.Total()
	sums, err := ledger.Sums(ctx, w.tx)
	if err != nil {
		return err
	}
	for _, sum := range sums {
		if sum.Account == ledger.StripePayouts || sum.Account == ledger.StripeSegregated {
			w.m.Figures.CashAtStripe += sum.Held()
		}
	}
	if err := w.f.json("cover.json", cover); err != nil {
		return err
	}
	all, err := seals.All(ctx, w.tx)
	if err != nil {
		return err
	}
	if err := w.f.json("seals.json", all); err != nil {
		return err
	}
	key := w.o.Keys.SealKey()
	if err := w.f.json("public-keys.json", map[string]any{"codes": w.o.Keys.Public(), "seals": key}); err != nil {
		return err
	}
	text, err := publicPEM(key)
	if err != nil {
		return err
	}
	return w.f.put("seal-key.pem", text)
}

// invariants says which of them held: a copy must not break more.
func (w *snapshot) invariants(ctx context.Context) error {
	findings, err := reporting.Verify(ctx, w.tx, settlement.FileOf)
	for _, f := range findings {
		w.m.Invariants[f.ID] = f.OK
	}
	return err
}

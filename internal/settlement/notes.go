package settlement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// noteDays is how long a structure has to pay a debt note.
const noteDays = 30

// NotePolicy says when a structure is asked to pay its debts by a transfer, because what it
// redeems does not pay them.
type NotePolicy struct {
	From vouchers.Cents // as soon as it owes this much
	Days int            // or when its oldest debt is this old
}

// Note is a debt note: it asks a structure to pay its debts, and by which reference. It is no
// invoice: nothing is sold.
type Note struct {
	ID            int64                   `json:"id" db:"id"`
	Number        string                  `json:"number" db:"-"` // ND-2026-00001, without a gap in a year
	Year          int                     `json:"-" db:"year"`
	Seq           int                     `json:"-" db:"seq"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	Reference     string                  `json:"reference" db:"reference"` // the structured creditor reference that its transfer names
	Amount        vouchers.Cents          `json:"amount_cents" db:"amount_cents"`
	Left          vouchers.Cents          `json:"left_cents" db:"left_cents"` // of the debts that it lists
	IssuedAt      time.Time               `json:"issued_at" db:"issued_at"`
	DueOn         vouchers.Day            `json:"due_on" db:"due_on"`
}

func noteNumber(year, seq int) string { return fmt.Sprintf("ND-%d-%05d", year, seq) }

// TellNote enqueues the letter that brings a debt note to its structure.
type TellNote func(ctx context.Context, tx *db.Tx, to string, n Note) error

// IssueNotes asks the structures to pay whose debts the policy is about, each debt once. It
// returns how many notes it made, and may be run as often as one likes.
func (s *Service) IssueNotes(ctx context.Context, policy NotePolicy, tell TellNote) (int, error) {
	var due []vouchers.OrganisationID
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		due, err = owingTooMuch(ctx, tx, policy)
		return err
	})
	made := 0
	for _, structure := range due {
		var one bool
		failed := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
			one, err = issueNote(ctx, tx, structure, tell)
			return err
		})
		if one {
			made++
		}
		err = errors.Join(err, failed)
	}
	return made, err
}

func issueNote(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, tell TellNote) (bool, error) {
	day := vouchers.DayOf(tx.Now)
	n := Note{Structure: structure, Year: day.Time().Year(), IssuedAt: tx.Now, DueOn: day.AddDays(noteDays)}
	var err error
	if n.Seq, err = nextNote(ctx, tx, n.Year); err != nil {
		return false, err
	}
	if n.Reference, err = sepa.MakeRF(fmt.Sprintf("ND%d%05d", n.Year, n.Seq)); err != nil {
		return false, err
	}
	// The numbers are held: what another node has asked for meanwhile is not asked for twice.
	debts, err := unasked(ctx, tx, structure)
	if err != nil {
		return false, err
	}
	if len(debts) == 0 {
		return false, freeNote(ctx, tx, n)
	}
	if n, err = insertNote(ctx, tx, n, debts); err != nil {
		return false, err
	}
	if err := audit.Record(ctx, tx, identity.Actor{}, "debt_note_issued", noteName(n.ID), nil, n); err != nil {
		return false, err
	}
	o, err := identity.OrganisationOf(ctx, tx, structure)
	if err != nil {
		return false, err
	}
	return true, tell(ctx, tx, o.Email, n)
}

// Note makes the document of a debt note. A structure sees its own, the operator all.
func (s *Service) Note(ctx context.Context, actor identity.Actor, id int64) (documents.DebtNote, error) {
	if err := actor.NeedsAny(identity.Structure, identity.Operator); err != nil {
		return documents.DebtNote{}, err
	}
	var d documents.DebtNote
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		n, err := note(ctx, tx, id)
		if errors.Is(err, db.ErrNoRows) || err == nil && actor.Kind != identity.Operator && n.Structure != actor.Organisation {
			return fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return err
		}
		o, err := identity.OrganisationOf(ctx, tx, n.Structure)
		if err != nil {
			return err
		}
		lines, err := noteLines(ctx, tx, id)
		d = documents.DebtNote{
			Number: n.Number, Structure: documents.Party{Name: o.Name, Address: []string{o.Street, o.Postcode + " " + o.Town}, SIRET: o.SIRET},
			Operator: s.debtor.Name, IBAN: s.debtor.IBAN.Full(), BIC: string(s.debtor.BIC), Reference: n.Reference, Due: n.DueOn, MadeAt: n.IssuedAt, Lines: lines,
		}
		return err
	})
	return d, err
}

// repay takes a line that names a debt note, or a debt that was forgiven, into the books: the
// oldest debt first. A line above what is left is nobody's: it waits for a person.
func (s *Service) repay(ctx context.Context, tx *db.Tx, m sepa.Movement) (outcome string, cause int64, err error) {
	if err := ledger.Enter(ctx, tx); err != nil {
		return "", 0, err
	}
	p, err := payerOf(ctx, tx, m.Name)
	if errors.Is(err, db.ErrNoRows) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	debts, err := p.debts(ctx, tx)
	if err != nil {
		return "", 0, err
	}
	paid := share(m.Amount, debts)
	if paid == nil {
		return "", 0, nil
	}
	var transfers []ledger.Transfer
	for _, one := range paid {
		id, err := insertRepayment(ctx, tx, p, m.Line, one)
		if err != nil {
			return "", 0, err
		}
		line := ledger.Line{Structure: one.Structure, Campaign: one.Campaign, Amount: one.Left}
		if p.Note != nil {
			transfers = append(transfers, ledger.DebtRepaid(id, line)...)
		} else {
			transfers = append(transfers, ledger.MadeGood(id, line)...)
		}
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return "", 0, err
	}
	return "debt_repaid", int64(p.Structure), audit.Record(ctx, tx, identity.Actor{}, "debt_repaid",
		fmt.Sprintf("organisation:%d", p.Structure), nil, map[string]any{"line": m.Line, "amount_cents": m.Amount, "reference": m.Name})
}

// share gives an amount to debts in their order, nil where it is more than they are. What a
// debt gets is its Left.
func share(amount vouchers.Cents, debts []owedBack) []owedBack {
	var shared []owedBack
	for _, d := range debts {
		if d.Left = min(d.Left, amount); d.Left > 0 {
			amount -= d.Left
			shared = append(shared, d)
		}
	}
	if amount > 0 {
		return nil
	}
	return shared
}

// referenceOf names the transfer by which the operator makes good what it forgave.
func referenceOf(request int64) (string, error) { return sepa.MakeRF(fmt.Sprintf("AD%06d", request)) }

func noteName(id int64) string { return fmt.Sprintf("debt_note:%d", id) }

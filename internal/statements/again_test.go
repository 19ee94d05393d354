package statements_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// payers is the room that gives credit back to who paid it.
type payers struct{ *closing.Service }

func (p payers) ToPayer(ctx context.Context, tx *db.Tx, actor identity.Actor, r statements.Refund) error {
	_, err := p.Service.ToPayer(ctx, tx, actor, closing.ToPayerRequest{Line: r.Line, Funder: r.Funder, Campaign: r.Campaign, Amount: r.Amount,
		To: sepa.Account{IBAN: r.IBAN, Holder: r.Holder}})
	return err
}

// A refund to the payer that the bank rejects leaves the decision to be taken again, and
// only then.
func TestWhatDidNotReachThePayerCanBeGivenBackAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sender := seller
	sender.Street, sender.Postcode, sender.Town = "12 rue de la Préfecture", "69003", "Lyon"
	room := closing.New(b.DB, closing.Options{Seller: sender, Orders: b.orders, Log: slog.New(slog.DiscardHandler)})
	b.opens(payers{room})
	other := b.Colleague()
	latest := func() closing.Refund {
		t.Helper()
		all, err := room.Refunds(t.Context(), b.Operator, closing.Query{Limit: 1})
		b.ok(err)
		return all[0]
	}
	b.imports(b.file(b.from(payer, 130_00, b.ordered(10).Reference)))
	line := b.onlyCase().ID
	for range 2 {
		b.decides(line, statements.DecisionRequest{Decision: statements.GiveBack})
		b.refuses(line, statements.DecisionRequest{Decision: statements.Undo}, "line_already_explained")
		_, err := room.Approve(t.Context(), other, closing.ApproveRequest{Refunds: []vouchers.RefundID{latest().ID}})
		b.ok(err)
		b.refuses(line, statements.DecisionRequest{Decision: statements.Undo}, "line_already_explained")
		b.InTx(func(tx *db.Tx) error {
			_, err := room.Reject(t.Context(), tx, latest().EndToEnd, "AM02")
			return err
		})
		c := b.decides(line, statements.DecisionRequest{Decision: statements.Undo})
		b.same("to decide anew", has(c, statements.GiveBack) && has(c, statements.Keep), true)
		b.same("to give back", c.Excess, vouchers.Cents(30_00))
	}
	b.decides(line, statements.DecisionRequest{Decision: statements.Keep})
	b.same("cases", b.cases(), 0)
}

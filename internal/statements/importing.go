package statements

import (
	"context"
	"encoding/hex"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// incoming is a file that was read and belongs to our account.
type incoming struct {
	actor      identity.Actor
	sha256     []byte
	statements []sepa.Statement
}

// importAll imports the statements of a file in their order and returns their ids.
func (s *Service) importAll(ctx context.Context, tx *db.Tx, in incoming) ([]int64, error) {
	var ids []int64
	for part := range in.statements {
		id, err := s.importOne(ctx, tx, in, part)
		if err != nil {
			return nil, err
		}
		ids = append(ids, int64(id))
	}
	return ids, nil
}

func (s *Service) importOne(ctx context.Context, tx *db.Tx, in incoming, part int) (vouchers.StatementID, error) {
	all := linesOf(in.statements[part])
	known, err := knownEntries(ctx, tx, all)
	if err != nil {
		return 0, err
	}
	fresh := withoutKnown(all, known)
	id, err := insertStatement(ctx, tx, in, part, len(all)-len(fresh))
	if err != nil {
		return 0, err
	}
	if err := number(ctx, tx, fresh); err != nil {
		return 0, err
	}
	if err := s.explain(ctx, tx, fresh); err != nil {
		return 0, err
	}
	if err := insertLines(ctx, tx, id, fresh); err != nil {
		return 0, err
	}
	return id, audit.Record(ctx, tx, in.actor, "statement_imported", object(id), nil, map[string]any{
		"reference": in.statements[part].ID, "sha256": hex.EncodeToString(in.sha256), "lines": len(fresh)})
}

// explain gives each line its outcome and moves its money. Orders come first because
// they lock funds, which everybody locks before entering the ledger; debits come before
// what comes back, because one file may show a payout going and returning.
func (s *Service) explain(ctx context.Context, tx *db.Tx, lines []*newLine) error {
	payouts, err := payoutsNamed(ctx, tx, lines)
	if err != nil {
		return err
	}
	if err := s.payOrders(ctx, tx, lines, payouts); err != nil {
		return err
	}
	for _, l := range lines {
		if l.credit || !payouts[l.endToEnd] {
			continue
		}
		p, ok, err := s.rooms.Payouts.BookFromLine(ctx, tx, l.id, l.endToEnd, l.payment.Amount, l.bookedOn)
		if err != nil {
			return err
		}
		if ok {
			l.explain(PayoutBooked, int64(p))
		}
	}
	for _, l := range lines {
		if !l.credit || !payouts[l.endToEnd] {
			continue
		}
		p, ok, err := s.rooms.Payouts.ReturnFromLine(ctx, tx, l.id, l.endToEnd, l.payment.Amount, l.payment.ReturnReason)
		if err != nil {
			return err
		}
		if ok {
			l.explain(PayoutReturned, int64(p))
		}
	}
	if transfers := unexplained(lines); len(transfers) > 0 {
		return ledger.Post(ctx, tx, transfers...)
	}
	return nil
}

// payOrders gives credits to the orders that they name. What comes back is no payment,
// whatever its text says.
func (s *Service) payOrders(ctx context.Context, tx *db.Tx, lines []*newLine, payouts map[string]bool) error {
	var payments []orders.Payment
	for _, l := range lines {
		if l.credit && !l.comesBack(payouts) {
			payments = append(payments, l.asPayment())
		}
	}
	if len(payments) == 0 {
		return nil
	}
	paid, err := s.rooms.Orders.PayFromLines(ctx, tx, payments)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if order, ok := paid[l.id]; ok {
			l.explain(OrderFunded, int64(order))
		}
	}
	return nil
}

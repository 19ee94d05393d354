package settlement

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
)

// Sent lists the transfers of the file that bears a message id, none where the file is not
// that of an approved settlement.
func (s *Service) Sent(ctx context.Context, tx *db.Tx, message string) ([]sepa.Ordered, error) {
	return sentIn(ctx, tx, message)
}

// Reject takes the bank's refusal of a payout into the books: nothing was debited, and the
// structure is owed it again. It says what came of it: "rejected", "rejected_before" where
// that was known, or "contradicted" where the bank has shown the debit already. Where the
// account itself is refused, the structure is told, and held until it has given another.
func (s *Service) Reject(ctx context.Context, tx *db.Tx, name, reason string) (effect string, err error) {
	if isTopUp(name) {
		return s.rejectTopUp(ctx, tx, name, reason)
	}
	if err := ledger.Enter(ctx, tx); err != nil {
		return "", err
	}
	if err := lockPayout(ctx, tx, name); err != nil {
		return "", err
	}
	p, err := payoutBy(ctx, tx, name)
	if err != nil {
		return "", err
	}
	switch p.State {
	case InTransit:
	case Rejected:
		return "rejected_before", nil
	default:
		return "contradicted", nil
	}
	if err := setSent(ctx, tx, p.Settlement); err != nil {
		return "", err
	}
	if err := markRejected(ctx, tx, p.ID, reason); err != nil {
		return "", err
	}
	parts, err := partsOf(ctx, tx, p.ID)
	if err != nil {
		return "", err
	}
	if err := ledger.Post(ctx, tx, ledger.Rejected(p.ID, p.Structure, parts)...); err != nil {
		return "", err
	}
	if err := withholdAgain(ctx, tx, p.Structure); err != nil {
		return "", err
	}
	if err := byBank(ctx, tx, "payout_rejected", p, map[string]any{"reason": reason}); err != nil {
		return "", err
	}
	return "rejected", s.tellOfAccount(ctx, tx, p, Rejected, reason)
}

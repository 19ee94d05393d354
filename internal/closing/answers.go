package closing

import (
	"context"
	"slices"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
)

// Sent lists the transfers of the file that bears a message id, none where the file is not
// one of refunds.
func (s *Service) Sent(ctx context.Context, tx *db.Tx, message string) ([]sepa.Ordered, error) {
	return sentIn(ctx, tx, message)
}

// Reject takes the bank's refusal of a refund into the books: nothing was debited, and
// whoever it was for has its money with us again. It says what came of it: "rejected",
// "rejected_before" where that was known, or "contradicted" where the bank has shown it
// leave or arrive already. A funder's account that the bank refuses is not used again.
func (s *Service) Reject(ctx context.Context, tx *db.Tx, name, reason string) (effect string, err error) {
	if err := ledger.Enter(ctx, tx); err != nil {
		return "", err
	}
	r, err := lockNamed(ctx, tx, name)
	if err != nil {
		return "", err
	}
	switch {
	case r.State == Rejected:
		return "rejected_before", nil
	case r.State != Ordered || r.ArrivedOn != nil:
		return "contradicted", nil
	}
	if err := markRejected(ctx, tx, r.ID, reason); err != nil {
		return "", err
	}
	given, err := partsOf(ctx, tx, r.ID)
	if err != nil {
		return "", err
	}
	event, transfers := "refund_rejected", ledger.RefundRejected(r.ID, r.funder(), given)
	switch r.Kind {
	case OfClaim:
		event, transfers = "claim_rejected", ledger.ClaimRejected(r.ID, given)
	case OfFees:
		event, transfers = "fees_back_rejected", ledger.FeesBackRejected(r.ID, r.funder(), r.Amount)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return "", err
	}
	err = audit.Record(ctx, tx, identity.Actor{}, event, refund(r.ID), map[string]any{"state": r.State}, map[string]any{"reason": reason})
	if err != nil || r.Account == nil || !slices.Contains(sepa.AccountReasons(), reason) {
		return "rejected", err
	}
	if err := dropAccount(ctx, tx, *r.Account); err != nil {
		return "", err
	}
	r.State, r.ReturnReason = Rejected, reason
	return "rejected", s.Notify.RefundReturned(ctx, tx, r.Email, r)
}

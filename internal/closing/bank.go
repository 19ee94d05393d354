package closing

import (
	"context"
	"errors"
	"fmt"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Names tells which of the names on bank lines are refunds'.
func (s *Service) Names(ctx context.Context, tx *db.Tx, names []string) (map[string]bool, error) {
	found, err := refundsNamed(ctx, tx, names)
	known := make(map[string]bool, len(found))
	for _, name := range found {
		known[name] = true
	}
	return known, err
}

// Book takes a bank line that names a refund into the books: its debit, its return or, of
// a claim, its arrival on the operating account. The outcome is "" where the line does not
// fit the refund; cause is the refund.
func (s *Service) Book(ctx context.Context, tx *db.Tx, m sepa.Movement) (outcome string, cause int64, err error) {
	if err := ledger.Enter(ctx, tx); err != nil {
		return "", 0, err
	}
	r, err := lockNamed(ctx, tx, m.Name)
	if errors.Is(err, db.ErrNoRows) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	step := r.step(m, s.accountOf(m.Account))
	if step == nil {
		return "", 0, nil
	}
	outcome, err = step(s, ctx, tx, booking{r, m})
	return outcome, int64(r.ID), err
}

// accountOf says which of our accounts an IBAN is; "" for none.
func (s *Service) accountOf(iban sepa.IBAN) string {
	switch iban {
	case "":
	case s.Seller.Segregated.IBAN:
		return Segregated
	case s.Seller.Operating.IBAN:
		return Operating
	}
	return ""
}

// booking is a line that means a refund.
type booking struct {
	Refund
	line sepa.Movement
}

type step func(*Service, context.Context, *db.Tx, booking) (outcome string, err error)

// step is what a line does to a refund; nil where it does not fit.
func (r Refund) step(m sepa.Movement, account string) step {
	switch {
	case m.Amount != r.Amount:
	case account == r.Kind.Account() && !m.Credit && r.State == Ordered:
		return (*Service).leaves
	case account == r.Kind.Account() && m.Credit && r.State == Booked && r.ArrivedOn == nil:
		return (*Service).comesBack
	case r.Kind == OfClaim && account == Operating && m.Credit && !m.Returned && r.ArrivedOn == nil && r.State != Returned && r.State != Rejected:
		return (*Service).arrives
	}
	return nil
}

// leaves: the statement of the account shows the debit.
func (s *Service) leaves(ctx context.Context, tx *db.Tx, b booking) (string, error) {
	if err := markBooked(ctx, tx, b.ID, b.line.On); err != nil {
		return "", err
	}
	given, err := partsOf(ctx, tx, b.ID)
	if err != nil {
		return "", err
	}
	outcome, transfers := "refund_booked", ledger.RefundBooked(b.ID, given)
	switch b.Kind {
	case OfClaim:
		outcome, transfers = "claim_booked", ledger.ClaimBooked(b.ID, given)
	case OfFees:
		outcome, transfers = "fees_back_booked", ledger.OperatingMoved(b.line.Line, -b.Amount)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return "", err
	}
	if err := b.record(ctx, tx, outcome, nil); err != nil || b.Kind == OfClaim {
		return outcome, err
	}
	b.State, b.BookedOn = Booked, &b.line.On
	return outcome, s.Notify.RefundSent(ctx, tx, b.Email, b.Refund)
}

// comesBack: the bank gives it back. A funder's account is not used again: it has to be
// given, and verified, anew.
func (s *Service) comesBack(ctx context.Context, tx *db.Tx, b booking) (string, error) {
	if err := markReturned(ctx, tx, b.ID, b.line.ReturnReason); err != nil {
		return "", err
	}
	given, err := partsOf(ctx, tx, b.ID)
	if err != nil {
		return "", err
	}
	outcome, transfers := "refund_returned", ledger.RefundReturned(b.ID, b.funder(), given)
	switch b.Kind {
	case OfClaim:
		outcome, transfers = "claim_returned", ledger.ClaimReturned(b.ID, given)
	case OfFees:
		outcome = "fees_back_returned"
		transfers = append(ledger.OperatingMoved(b.line.Line, b.Amount), ledger.FeesBackReturned(b.ID, b.funder(), b.Amount)...)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return "", err
	}
	if err := b.record(ctx, tx, outcome, map[string]any{"reason": b.line.ReturnReason}); err != nil || b.Kind == OfClaim {
		return outcome, err
	}
	if b.Account != nil {
		if err := dropAccount(ctx, tx, *b.Account); err != nil {
			return "", err
		}
	}
	b.State, b.ReturnReason = Returned, b.line.ReturnReason
	return outcome, s.Notify.RefundReturned(ctx, tx, b.Email, b.Refund)
}

// arrives: the statement of the operating account shows a claim. It makes good what the
// operator had advanced, then the debts of the funders from whose money it was taken: each
// no more than was taken for it. Where it comes to more, a person has to say what it is.
func (s *Service) arrives(ctx context.Context, tx *db.Tx, b booking) (string, error) {
	due, err := claimedFor(ctx, tx)
	if err != nil {
		return "", err
	}
	var advances vouchers.Cents
	repaid := map[vouchers.OrganisationID]vouchers.Cents{}
	left := b.Amount
	for _, d := range due {
		part := min(d.Amount, left)
		if left -= part; d.Funder == 0 {
			advances = part
		} else if part > 0 {
			repaid[d.Funder] = part
		}
	}
	if left > 0 {
		return "", nil
	}
	if err := markArrived(ctx, tx, b, advances, repaid); err != nil {
		return "", err
	}
	if err := ledger.Post(ctx, tx, ledger.ClaimArrived(b.line.Line, advances, repaid)...); err != nil {
		return "", err
	}
	return "claim_arrived", b.record(ctx, tx, "claim_arrived", map[string]any{"advances_cents": advances, "debts_cents": repaid})
}

// record keeps what the bank's statement, and no person, has done.
func (b booking) record(ctx context.Context, tx *db.Tx, action string, more map[string]any) error {
	after := map[string]any{"line": b.line.Line, "on": b.line.On}
	for name, value := range more {
		after[name] = value
	}
	if err := audit.Record(ctx, tx, identity.Actor{}, action, refund(b.ID), map[string]any{"state": b.State}, after); err != nil {
		return fmt.Errorf("%s: %w", refund(b.ID), err)
	}
	return nil
}

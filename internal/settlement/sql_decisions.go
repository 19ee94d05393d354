package settlement

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// lockSettlement lets one decision on a settlement happen at a time.
func lockSettlement(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) (Settlement, error) {
	if _, err := tx.Exec(ctx, `SELECT id FROM settlements WHERE id = $1 FOR UPDATE`, id); err != nil {
		return Settlement{}, err
	}
	s, err := settlement(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return s, fault.New(fault.NotFound, "not_found")
	}
	return s, err
}

func setApproved(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.SettlementID) error {
	_, err := tx.Exec(ctx, `UPDATE settlements SET approved_at = $2, approved_by = $3 WHERE id = $1`, id, tx.Now, actor.Person)
	return err
}

func setCancelled(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.SettlementID, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE settlements SET cancelled_at = $2, cancelled_by = $3, cancel_reason = $4 WHERE id = $1`, id, tx.Now, actor.Person, reason)
	return err
}

// setTaken notes that a file of a settlement was fetched, the first time.
func setTaken(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, number int) error {
	if _, err := tx.Exec(ctx, `UPDATE settlements SET taken_at = $2 WHERE id = $1 AND taken_at IS NULL`, id, tx.Now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE settlement_files SET taken_at = $3 WHERE settlement_id = $1 AND number = $2 AND taken_at IS NULL`, id, number, tx.Now)
	return err
}

// setPaidElsewhere notes that the bank has the file of a settlement from somebody else, whom
// nobody here has approved.
func setPaidElsewhere(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) error {
	_, err := tx.Exec(ctx, `
		WITH paid AS (
			UPDATE settlements SET approved_at = closed_at, taken_at = closed_at, sent_at = closed_at WHERE id = $1 RETURNING id, taken_at)
		UPDATE settlement_files f SET taken_at = p.taken_at FROM paid p WHERE f.settlement_id = p.id`, id)
	return err
}

// setSent notes that the bank has a settlement's file, unless that was known.
func setSent(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) error {
	_, err := tx.Exec(ctx, `
		UPDATE settlements SET taken_at = COALESCE(taken_at, $2), sent_at = $2 WHERE id = $1 AND sent_at IS NULL`, id, tx.Now)
	return err
}

// takeBack marks the payouts of a settlement as ones that never left, or only those that go
// through Stripe, and returns what each of them paid.
func takeBack(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, reason string, through bool) ([]returnedPart, error) {
	var all []returnedPart
	err := tx.Select(ctx, &all, `
		WITH back AS (
			UPDATE payouts SET state = 'rejected', return_reason = $2, rejected_at = $3
			WHERE settlement_id = $1 AND state = 'in_transit' AND (connected <> '' OR NOT $4) RETURNING id, structure_id)
		SELECT q.payout_id, back.structure_id, q.campaign_id, q.amount_cents
		FROM back JOIN payout_parts q ON q.payout_id = back.id ORDER BY q.payout_id, q.campaign_id`, id, reason, tx.Now, through)
	return all, err
}

// insertAsking notes that a structure does not want to wait, unless it has said so.
func insertAsking(ctx context.Context, tx *db.Tx, actor identity.Actor) (isNew bool, err error) {
	n, err := tx.Exec(ctx, `
		INSERT INTO payout_requests (structure_id, asked_at, asked_by) VALUES ($1, $2, $3)
		ON CONFLICT (structure_id) WHERE payout_id IS NULL DO NOTHING`, actor.Organisation, tx.Now, actor.Person)
	return n == 1, err
}

// openRequest is since when a structure does not want to wait, nil where it has not said so.
func openRequest(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (*time.Time, error) {
	var at *time.Time
	err := tx.Get(ctx, &at, `SELECT (SELECT asked_at FROM payout_requests WHERE structure_id = $1 AND payout_id IS NULL)`, structure)
	return at, err
}

// answerRequests notes which payouts of a settlement answer what was asked.
func answerRequests(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) error {
	_, err := tx.Exec(ctx, `
		UPDATE payout_requests q SET payout_id = p.id FROM payouts p
		WHERE p.settlement_id = $1 AND q.structure_id = p.structure_id AND q.payout_id IS NULL`, id)
	return err
}

// reopenRequests lets wait again what the payouts of a cancelled settlement had answered.
func reopenRequests(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) error {
	_, err := tx.Exec(ctx, `
		UPDATE payout_requests q SET payout_id = NULL FROM payouts p
		WHERE p.settlement_id = $1 AND q.payout_id = p.id
			AND NOT EXISTS (SELECT 1 FROM payout_requests o WHERE o.structure_id = q.structure_id AND o.payout_id IS NULL)`, id)
	return err
}

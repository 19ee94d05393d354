package ledger

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// Sum is what has gone through one account for one campaign.
type Sum struct {
	Account  Account             `db:"account"`
	Campaign vouchers.CampaignID `db:"campaign_id"`
	Debited  vouchers.Cents      `db:"debited"`
	Credited vouchers.Cents      `db:"credited"`
}

// Owed is the balance of an account of what we owe.
func (s Sum) Owed() vouchers.Cents { return s.Credited - s.Debited }

// Held is the balance of an asset account.
func (s Sum) Held() vouchers.Cents { return s.Debited - s.Credited }

// SumsSQL is one row per account and campaign: the roll-up and what came after its
// watermark. Its cost does not grow with the age of the ledger.
const SumsSQL = `
	SELECT account, campaign_id, sum(debited)::bigint AS debited, sum(credited)::bigint AS credited
	FROM (SELECT account, campaign_id, debited, credited FROM ledger_rollups
	      UNION ALL
	      SELECT debit, campaign_id, amount, 0 FROM transfers WHERE id > (SELECT up_to FROM ledger_watermark)
	      UNION ALL
	      SELECT credit, campaign_id, 0, amount FROM transfers WHERE id > (SELECT up_to FROM ledger_watermark)) AS legs
	GROUP BY account, campaign_id`

// Sums returns what has gone through every account, by campaign.
func Sums(ctx context.Context, tx *db.Tx) ([]Sum, error) {
	var sums []Sum
	err := tx.Select(ctx, &sums, SumsSQL+` ORDER BY account COLLATE "C", campaign_id`)
	return sums, err
}

// Balance returns what is owed on one account, over all campaigns.
func Balance(ctx context.Context, tx *db.Tx, a Account) (vouchers.Cents, error) {
	var owed vouchers.Cents
	err := tx.Get(ctx, &owed, `
		SELECT (COALESCE((SELECT sum(credited - debited) FROM ledger_rollups WHERE account = $1), 0)
		     + COALESCE((SELECT sum(CASE WHEN credit = $1 THEN amount ELSE -amount END) FROM transfers
		                 WHERE id > (SELECT up_to FROM ledger_watermark) AND (debit = $1 OR credit = $1)), 0))::bigint`, a)
	return owed, err
}

// HoldCredit lets one use case at a time take a funder's credit away, or what is the
// operator's on the segregated account (0), until the end of tx. It comes after orders and
// guarded funds, and before the gate.
func HoldCredit(ctx context.Context, tx *db.Tx, f vouchers.OrganisationID) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(7021977, $1::int)`, int64(f))
	return err
}

// LockCredit holds a funder's credit and returns how much of it is a campaign's.
func LockCredit(ctx context.Context, tx *db.Tx, f vouchers.OrganisationID, c vouchers.CampaignID) (vouchers.Cents, error) {
	if err := HoldCredit(ctx, tx, f); err != nil {
		return 0, err
	}
	var credit vouchers.Cents
	err := tx.Get(ctx, &credit, `
		SELECT COALESCE(sum(credited - debited), 0)::bigint FROM (`+SumsSQL+`) AS sums WHERE account = $1 AND campaign_id = $2`, Credit(f), c)
	return credit, err
}

// HoldPayable lets one use case at a time take something out of what a structure is owed,
// until the end of tx, and returns how much that is of a campaign: less than its redemptions
// where a debt was taken out of it. It comes after booklets.
func HoldPayable(ctx context.Context, tx *db.Tx, s vouchers.OrganisationID, c vouchers.CampaignID) (vouchers.Cents, error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(7021978, $1::int)`, int64(s)); err != nil {
		return 0, err
	}
	var owed vouchers.Cents
	err := tx.Get(ctx, &owed, `
		SELECT (COALESCE((SELECT sum(credited - debited) FROM ledger_rollups WHERE account = $1 AND campaign_id = $2), 0)
		     + COALESCE((SELECT sum(CASE WHEN credit = $1 THEN amount ELSE -amount END) FROM transfers
		                 WHERE id > (SELECT up_to FROM ledger_watermark) AND (debit = $1 OR credit = $1) AND campaign_id = $2), 0))::bigint`, Payable(s), c)
	return owed, err
}

// RollUp folds the transfers since the watermark into the sums.
func RollUp(ctx context.Context, tx *db.Tx) error {
	if err := Close(ctx, tx); err != nil {
		return err
	}
	var from, to int64
	if err := tx.Get(ctx, &from, `SELECT up_to FROM ledger_watermark FOR UPDATE`); err != nil {
		return err
	}
	if err := tx.Get(ctx, &to, `SELECT COALESCE(max(id), 0) FROM transfers`); err != nil || to == from {
		return err
	}
	_, err := tx.Exec(ctx, `
		WITH legs AS (
			SELECT debit AS account, campaign_id, amount AS debited, 0::bigint AS credited FROM transfers WHERE id > $1 AND id <= $2
			UNION ALL
			SELECT credit, campaign_id, 0, amount FROM transfers WHERE id > $1 AND id <= $2),
		folded AS (
			INSERT INTO ledger_rollups (account, campaign_id, debited, credited)
			SELECT account, campaign_id, sum(debited), sum(credited) FROM legs GROUP BY account, campaign_id
			ON CONFLICT ON CONSTRAINT ledger_rollups_pkey DO UPDATE
			SET debited = ledger_rollups.debited + excluded.debited, credited = ledger_rollups.credited + excluded.credited)
		UPDATE ledger_watermark SET up_to = $2`, from, to)
	return err
}

func sorted[K cmp.Ordered, V any](parts map[K]V) []K {
	return slices.Sorted(maps.Keys(parts))
}

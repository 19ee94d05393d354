package redemption

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// Owed is what a structure's redemptions of one campaign come to that no payout has
// paid yet.
type Owed struct {
	Structure   vouchers.OrganisationID `db:"structure_id"`
	Campaign    vouchers.CampaignID     `db:"campaign_id"`
	AfterID     vouchers.RedemptionID   `db:"after_id"` // end of the structure's last payout; 0 before its first
	Redemptions int                     `db:"redemptions"`
	Amount      vouchers.Cents          `db:"amount_cents"`
}

// LastID is the highest redemption there is, 0 before the first. Under the ledger's
// closed gate no lower one can appear any more.
func LastID(ctx context.Context, tx *db.Tx) (vouchers.RedemptionID, error) {
	var id vouchers.RedemptionID
	err := tx.Get(ctx, &id, `SELECT COALESCE(max(id), 0) FROM redemptions`)
	return id, err
}

// OwedUpTo sums the redemptions up to an id that were not undone and come after the
// last payout of their structure, by structure and campaign. However old the history is, it
// reads those and no others: what came after the latest payout of all in one go, and what came
// before it along redemptions_by_structure, which is nothing but for structures that were not
// in the latest settlement.
func OwedUpTo(ctx context.Context, tx *db.Tx, upTo vouchers.RedemptionID) ([]Owed, error) {
	var latest vouchers.RedemptionID
	if err := tx.Get(ctx, &latest, `SELECT COALESCE((SELECT up_to_id FROM payouts ORDER BY id DESC LIMIT 1), 0)`); err != nil {
		return nil, err
	}
	var all []Owed
	err := tx.Select(ctx, &all, `
		WITH since AS MATERIALIZED (
		      SELECT o.id AS structure_id, COALESCE((
		          SELECT p.up_to_id FROM payouts p WHERE p.structure_id = o.id ORDER BY p.id DESC LIMIT 1), 0) AS after_id
		      FROM organisations o WHERE o.kind = 'structure')
		SELECT w.structure_id, r.campaign_id, w.after_id, sum(r.redemptions)::bigint AS redemptions, sum(r.amount_cents)::bigint AS amount_cents
		FROM since w
		JOIN (SELECT q.structure_id, q.campaign_id, count(*) AS redemptions, sum(q.amount_cents) AS amount_cents
		      FROM redemptions q
		      WHERE q.id > $2 AND q.id <= $1 AND q.undone_at IS NULL
		      GROUP BY q.structure_id, q.campaign_id
		      UNION ALL
		      SELECT q.structure_id, q.campaign_id, count(*), sum(q.amount_cents)
		      FROM since v JOIN LATERAL (
		          SELECT * FROM redemptions q
		          WHERE q.structure_id = v.structure_id AND q.id > v.after_id AND q.id <= LEAST($1, $2::bigint) AND q.undone_at IS NULL OFFSET 0) AS q ON true
		      GROUP BY q.structure_id, q.campaign_id) AS r ON r.structure_id = w.structure_id
		GROUP BY w.structure_id, r.campaign_id, w.after_id
		ORDER BY w.structure_id, r.campaign_id`, upTo, latest)
	return all, err
}

// Settled is a redemption as a payout's statement lists it.
type Settled struct {
	At        time.Time          `db:"at"`
	Booklet   vouchers.BookletID `db:"booklet_id"`
	PlaceName string             `db:"place_name"`
	Theme     string             `db:"theme"`
	Count     int                `db:"vouchers"`
	Amount    vouchers.Cents     `db:"amount_cents"`
}

// Window is the redemptions with After < id <= UpTo.
type Window struct {
	After vouchers.RedemptionID `db:"after_id"`
	UpTo  vouchers.RedemptionID `db:"up_to_id"`
}

// Within lists a structure's redemptions in the windows that were not undone, in the
// order in which they were made.
func Within(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, windows []Window) ([]Settled, error) {
	from, to := make([]int64, len(windows)), make([]int64, len(windows))
	for i, w := range windows {
		from[i], to[i] = int64(w.After), int64(w.UpTo)
	}
	var all []Settled
	err := tx.Select(ctx, &all, `
		SELECT r.at, r.booklet_id, p.name AS place_name, r.theme, r.vouchers, r.amount_cents
		FROM unnest($2::bigint[], $3::bigint[]) AS w(after_id, up_to_id)
		JOIN redemptions r ON r.structure_id = $1 AND r.id > w.after_id AND r.id <= w.up_to_id AND r.undone_at IS NULL
		JOIN places p ON p.id = r.place_id
		ORDER BY r.at, r.id`, structure, db.Array(from), db.Array(to))
	return all, err
}

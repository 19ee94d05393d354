package redemption

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// Owed is what redemptions of a structure and a campaign come to that no payout has paid
// yet. There may be two for the same structure and campaign.
type Owed struct {
	Structure   vouchers.OrganisationID `db:"structure_id"`
	Campaign    vouchers.CampaignID     `db:"campaign_id"`
	AfterID     vouchers.RedemptionID   `db:"after_id"` // end of the structure's last payout; 0 before its first
	Redemptions int                     `db:"redemptions"`
	Amount      vouchers.Cents          `db:"amount_cents"`
	Oldest      time.Time               `db:"oldest"` // when the first of them was made
}

// LastID is the highest redemption there is, 0 before the first. Under the ledger's
// closed gate no lower one can appear any more.
func LastID(ctx context.Context, tx *db.Tx) (vouchers.RedemptionID, error) {
	var id vouchers.RedemptionID
	err := tx.Get(ctx, &id, `SELECT COALESCE(max(id), 0) FROM redemptions`)
	return id, err
}

// OwedUpTo sums the redemptions up to an id that were not undone and come after the last
// payout of their structure, by structure and campaign, some of them in two lines. One that
// was corrected counts: what is withheld of it is an adjustment (settlement). However old the
// history is, it reads those and no others: what came after the latest payout of all in one
// go, and what came before it along redemptions_by_structure, which is nothing but for
// structures that were not in the latest settlement.
func OwedUpTo(ctx context.Context, tx *db.Tx, upTo vouchers.RedemptionID) ([]Owed, error) {
	// PostgreSQL would take longer to compile these statements than to run them.
	if _, err := tx.Exec(ctx, `SET LOCAL jit = off`); err != nil {
		return nil, err
	}
	var latest vouchers.RedemptionID
	if err := tx.Get(ctx, &latest, `SELECT COALESCE((SELECT up_to_id FROM payouts ORDER BY id DESC LIMIT 1), 0)`); err != nil {
		return nil, err
	}
	after, err := afterOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	var all, older []Owed
	if err := tx.Select(ctx, &all, `
		SELECT structure_id, campaign_id, count(*) AS redemptions, sum(amount_cents)::bigint AS amount_cents, min(at) AS oldest
		FROM redemptions WHERE id > $1 AND id <= $2 AND (undone_at IS NULL OR corrected)
		GROUP BY structure_id, campaign_id`, latest, upTo); err != nil {
		return nil, err
	}
	if err := tx.Select(ctx, &older, `
		SELECT u.structure_id, q.campaign_id, q.redemptions, q.amount_cents, q.oldest
		FROM unnest($1::bigint[], $2::bigint[]) AS u(structure_id, after_id)
		CROSS JOIN LATERAL (
			SELECT campaign_id, count(*) AS redemptions, sum(amount_cents)::bigint AS amount_cents, min(at) AS oldest FROM redemptions
			WHERE structure_id = u.structure_id AND id > u.after_id AND id <= $3 AND (undone_at IS NULL OR corrected)
			GROUP BY campaign_id) AS q`, db.Array(after.structures), db.Array(after.ids), min(latest, upTo)); err != nil {
		return nil, err
	}
	all = append(all, older...)
	for i := range all {
		all[i].AfterID = after.of[all[i].Structure]
	}
	slices.SortStableFunc(all, func(a, b Owed) int {
		return cmp.Or(cmp.Compare(a.Structure, b.Structure), cmp.Compare(a.Campaign, b.Campaign))
	})
	return all, nil
}

// paidUpTo is the end of each structure's last payout.
type paidUpTo struct {
	of              map[vouchers.OrganisationID]vouchers.RedemptionID
	structures, ids []int64
}

func afterOf(ctx context.Context, tx *db.Tx) (paidUpTo, error) {
	var rows []struct {
		Structure vouchers.OrganisationID `db:"id"`
		After     vouchers.RedemptionID   `db:"after_id"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT o.id, COALESCE((SELECT p.up_to_id FROM payouts p WHERE p.structure_id = o.id ORDER BY p.id DESC LIMIT 1), 0) AS after_id
		FROM organisations o WHERE o.kind = 'structure'`)
	p := paidUpTo{of: make(map[vouchers.OrganisationID]vouchers.RedemptionID, len(rows))}
	for _, r := range rows {
		p.of[r.Structure] = r.After
		p.structures, p.ids = append(p.structures, int64(r.Structure)), append(p.ids, int64(r.After))
	}
	return p, err
}

// FirstOwed is when the first of a structure's redemptions was made that no payout pays, nil
// where all are.
func FirstOwed(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (*time.Time, error) {
	var at *time.Time
	err := tx.Get(ctx, &at, `
		SELECT min(r.at) FROM redemptions r
		WHERE r.structure_id = $1 AND r.undone_at IS NULL
			AND r.id > COALESCE((SELECT p.up_to_id FROM payouts p WHERE p.structure_id = $1 ORDER BY p.id DESC LIMIT 1), 0)`, structure)
	return at, err
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

// Within lists a structure's redemptions in the windows that were paid in them, in the
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
		JOIN redemptions r ON r.structure_id = $1 AND r.id > w.after_id AND r.id <= w.up_to_id AND (r.undone_at IS NULL OR r.corrected)
		JOIN places p ON p.id = r.place_id
		ORDER BY r.at, r.id`, structure, db.Array(from), db.Array(to))
	return all, err
}

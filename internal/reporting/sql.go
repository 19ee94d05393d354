package reporting

import (
	"cmp"
	"context"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// flowRow is a flow as the tables give it. What was used is what structures are owed
// and what they were paid (INV-3).
type flowRow struct {
	Campaign  vouchers.CampaignID `db:"id"`
	Ordered   vouchers.Cents      `db:"ordered"`
	Received  vouchers.Cents      `db:"received"`
	Allocated vouchers.Cents      `db:"allocated"`
	Handed    vouchers.Cents      `db:"handed"`
	Booklets  int                 `db:"booklets"`
	UsedOnce  int                 `db:"used_once"`
	Left      vouchers.Cents      `db:"live"`
	Owed      vouchers.Cents      `db:"owed"` // payable and in transit
	Paid      vouchers.Cents      `db:"paid"` // by a payout or out of a debt, less what structures owe back of it
}

func (r flowRow) flow() Flow {
	return Flow{Ordered: r.Ordered, Received: r.Received, HandedOver: r.Handed, Used: r.Owed + r.Paid, Paid: max(r.Paid, 0),
		Allocated: r.Allocated, Left: r.Left, Booklets: r.Booklets, BookletsUsedOnce: r.UsedOnce}
}

func flows(ctx context.Context, tx *db.Tx, ids []vouchers.CampaignID) ([]flowRow, error) {
	var rows []flowRow
	err := tx.Select(ctx, &rows, `
		WITH sums AS MATERIALIZED (`+ledger.SumsSQL+`)
		SELECT c.id, o.ordered, r.received, a.vouchers * c.face_cents AS allocated, b.vouchers * c.face_cents AS handed, b.booklets, b.used_once,
			m.live, m.owed, p.paid
		FROM campaigns c
		CROSS JOIN LATERAL (SELECT COALESCE(sum(face_cents), 0)::bigint AS ordered FROM orders WHERE campaign_id = c.id) AS o
		CROSS JOIN LATERAL (SELECT (COALESCE(sum(q.funds_cents), 0) - COALESCE(sum(t.funds_cents), 0))::bigint AS received
			FROM orders w
			LEFT JOIN LATERAL (SELECT sum(funds_cents) AS funds_cents FROM receipts WHERE order_id = w.id) AS q ON true
			LEFT JOIN LATERAL (SELECT sum(funds_cents) AS funds_cents FROM takebacks WHERE order_id = w.id AND undone_at IS NULL) AS t ON true
			WHERE w.campaign_id = c.id) AS r
		CROSS JOIN LATERAL (SELECT COALESCE(sum(vouchers), 0) AS vouchers FROM allocations WHERE campaign_id = c.id) AS a
		CROSS JOIN LATERAL (SELECT COALESCE(sum(k.vouchers), 0) AS vouchers, count(*) AS booklets,
				count(*) FILTER (WHERE EXISTS (SELECT 1 FROM redemptions q WHERE q.booklet_id = k.id AND q.undone_at IS NULL)) AS used_once
			FROM booklets k WHERE k.campaign_id = c.id) AS b
		CROSS JOIN LATERAL (SELECT
				COALESCE(sum(credited - debited) FILTER (WHERE account LIKE 'campaign:%:live'), 0)::bigint AS live,
				COALESCE(sum(credited - debited) FILTER (WHERE account LIKE ANY ('{structure:%:payable,structure:%:withheld,payouts:in_transit}')), 0)::bigint AS owed
			FROM sums WHERE campaign_id = c.id) AS m
		CROSS JOIN LATERAL (SELECT COALESCE(sum(cents), 0)::bigint AS paid FROM (
			SELECT s.amount_cents AS cents FROM payout_parts s JOIN payouts q ON q.id = s.payout_id WHERE s.campaign_id = c.id AND q.state = 'booked'
			UNION ALL SELECT -amount_cents FROM adjustments WHERE campaign_id = c.id AND kind = 'netted'
			UNION ALL SELECT -amount_cents FROM corrections WHERE campaign_id = c.id AND outcome = 'debt') AS m) AS p
		WHERE c.id = ANY ($1)`, db.Array(ids))
	return rows, err
}

// uses reads a campaign's redemptions once, by way of its booklets: the hot table has
// no index on campaigns.
func uses(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]cell, error) {
	var cells []cell
	err := tx.Select(ctx, &cells, `
		SELECT date_trunc('month', r.at AT TIME ZONE 'Europe/Paris')::date AS first, r.theme, r.place_id,
			count(*) AS redemptions, sum(r.vouchers) AS vouchers, sum(r.amount_cents)::bigint AS amount_cents
		FROM booklets b JOIN redemptions r ON r.booklet_id = b.id
		WHERE b.campaign_id = $1 AND r.undone_at IS NULL
		GROUP BY 1, 2, 3`, id)
	return cells, err
}

func handedOverByMonth(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]MonthFigure, error) {
	var months []MonthFigure
	err := tx.Select(ctx, &months, `
		SELECT date_trunc('month', handed_over_at AT TIME ZONE 'Europe/Paris')::date AS first,
			count(*) AS booklets, sum(vouchers) AS handed_over
		FROM booklets WHERE campaign_id = $1 GROUP BY 1`, id)
	return months, err
}

// homes counts booklets by the commune of the people who hold them.
func homes(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]CommuneFigure, error) {
	var all []CommuneFigure
	err := tx.Select(ctx, &all, `SELECT insee, count(*) AS booklets FROM booklets WHERE campaign_id = $1 GROUP BY insee`, id)
	return all, err
}

// places sums the use of each place and names it, most used first.
func places(ctx context.Context, tx *db.Tx, cells []cell) ([]PlaceFigure, error) {
	sums := map[vouchers.PlaceID]Use{}
	ids := []int64{}
	for _, c := range cells {
		if _, seen := sums[c.Place]; !seen {
			ids = append(ids, int64(c.Place))
		}
		sums[c.Place] = sums[c.Place].add(c.Use)
	}
	all := []PlaceFigure{}
	err := tx.Select(ctx, &all, `SELECT id AS place_id, name, insee, town FROM places WHERE id = ANY ($1)`, db.Array(ids))
	for i := range all {
		all[i].Use = sums[all[i].Place]
	}
	slices.SortFunc(all, func(a, b PlaceFigure) int {
		return cmp.Or(cmp.Compare(b.Vouchers, a.Vouchers), cmp.Compare(a.Place, b.Place))
	})
	return all, err
}

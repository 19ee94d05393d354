package settlement

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// waited measures the days of a window: of one structure, or of all (0). What is read grows
// with what was booked in the window and what is not paid, not with what was ever paid: it
// goes from the payouts that paid back through those that had come back into them, and
// OFFSET 0 makes it look up the redemptions of each by their ids. What a complaint withheld
// is paid when the complaint has ended: its days are not counted.
func waited(ctx context.Context, tx *db.Tx, of vouchers.OrganisationID, window Delays, calendar Calendar) (Delays, error) {
	var d Delays
	days, by := calendar.promises(window.From.AddDays(-longestBelow), window.Until.AddDays(longestBelow)) // no promise is longer
	err := tx.Get(ctx, &d, `
		WITH RECURSIVE paying (id, structure_id, after_id, up_to_id, booked_on) AS (
			SELECT id, structure_id, after_id, up_to_id, booked_on FROM payouts
			WHERE state = 'booked' AND booked_on BETWEEN $2::date AND $3::date AND ($1 = 0 OR structure_id = $1)
			UNION ALL
			SELECT q.id, q.structure_id, q.after_id, q.up_to_id, p.booked_on FROM paying p JOIN payouts q ON q.reissued_in = p.id),
		unpaid (id, structure_id, after_id, up_to_id) AS (
			SELECT id, structure_id, after_id, up_to_id FROM payouts
			WHERE state <> 'booked' AND reissued_in IS NULL AND ($1 = 0 OR structure_id = $1)
			UNION ALL
			SELECT q.id, q.structure_id, q.after_id, q.up_to_id FROM unpaid u JOIN payouts q ON q.reissued_in = u.id),
		open (structure_id, after_id, up_to_id) AS (
			SELECT structure_id, after_id, up_to_id FROM unpaid
			UNION ALL
			SELECT o.id, COALESCE((SELECT p.up_to_id FROM payouts p WHERE p.structure_id = o.id ORDER BY p.id DESC LIMIT 1), 0), 9223372036854775807
			FROM organisations o WHERE o.kind = 'structure' AND ($1 = 0 OR o.id = $1)),
		waiting AS (
			SELECT r.first FROM open o CROSS JOIN LATERAL (
				SELECT min(q.at) AS first FROM redemptions q
				WHERE q.structure_id = o.structure_id AND q.id > o.after_id AND q.id <= o.up_to_id AND q.undone_at IS NULL) AS r),
		paid AS (
			SELECT (r.at AT TIME ZONE 'Europe/Paris')::date AS redeemed_on, p.booked_on FROM paying p CROSS JOIN LATERAL (
				SELECT q.id, q.at FROM redemptions q
				WHERE q.structure_id = p.structure_id AND q.id > p.after_id AND q.id <= p.up_to_id AND q.undone_at IS NULL OFFSET 0) AS r
			WHERE r.id NOT IN (SELECT redemption_id FROM adjustments WHERE redemption_id IS NOT NULL))
		SELECT $2::date AS from_on, $3::date AS until_on, count(*) AS redemptions, count(*) FILTER (WHERE p.booked_on <= k.by_on) AS kept,
			percentile_disc(0.5) WITHIN GROUP (ORDER BY p.booked_on - p.redeemed_on) AS median,
			percentile_disc(0.95) WITHIN GROUP (ORDER BY p.booked_on - p.redeemed_on) AS p95,
			max(p.booked_on - p.redeemed_on) AS worst, (SELECT (min(first) AT TIME ZONE 'Europe/Paris')::date FROM waiting) AS oldest
		FROM paid p LEFT JOIN unnest($4::date[], $5::date[]) AS k(day, by_on) ON k.day = p.redeemed_on`,
		of, window.From, window.Until, db.Array(days), db.Array(by))
	return d, err
}

package settlement

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// delaysOver is how many days of payments are measured: a year.
const delaysOver = 365

// Delays is how long structures wait for their money: days from a redemption to the day on
// which the bank booked what paid it, of all that was booked in a year. What came back counts
// until it was paid again.
type Delays struct {
	From        vouchers.Day  `json:"from" db:"from_on"`
	Until       vouchers.Day  `json:"until" db:"until_on"`
	Redemptions int           `json:"redemptions" db:"redemptions"`
	Median      *int          `json:"median_days" db:"median"` // nil where nothing was paid
	P95         *int          `json:"p95_days" db:"p95"`
	Worst       *int          `json:"worst_days" db:"worst"`
	Oldest      *vouchers.Day `json:"oldest_unpaid_on" db:"oldest"` // of the redemptions that are not paid; nil: all are
}

// Delays measures for everybody how long all structures wait. Nobody needs to sign in: who
// pays late must not be the only one to know.
func (s *Service) Delays(ctx context.Context, _ identity.Actor) (Delays, error) {
	return s.delays(ctx, 0)
}

// OwnDelays does so for the actor's structure.
func (s *Service) OwnDelays(ctx context.Context, actor identity.Actor) (Delays, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Delays{}, err
	}
	return s.delays(ctx, actor.Organisation)
}

func (s *Service) delays(ctx context.Context, of vouchers.OrganisationID) (Delays, error) {
	var d Delays
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		today := vouchers.DayOf(tx.Now)
		// A payout that came back is paid by the last one of its chain.
		return tx.Get(ctx, &d, `
			WITH RECURSIVE chain (first, last) AS (
				SELECT id, id FROM payouts WHERE $1 = 0 OR structure_id = $1
				UNION ALL
				SELECT c.first, p.reissued_in FROM chain c JOIN payouts p ON p.id = c.last WHERE p.reissued_in IS NOT NULL),
			ends AS (SELECT first, max(last) AS last FROM chain GROUP BY first),
			redeemed AS (
				SELECT (r.at AT TIME ZONE 'Europe/Paris')::date AS "on", f.booked_on
				FROM redemptions r
				LEFT JOIN payouts p ON p.structure_id = r.structure_id AND r.id > p.after_id AND r.id <= p.up_to_id
				LEFT JOIN ends e ON e.first = p.id
				LEFT JOIN payouts f ON f.id = e.last AND f.state = 'booked'
				WHERE r.undone_at IS NULL AND ($1 = 0 OR r.structure_id = $1)),
			paid AS (SELECT booked_on - "on" AS days FROM redeemed WHERE booked_on BETWEEN $2::date AND $3::date)
			SELECT $2::date AS from_on, $3::date AS until_on, count(*) AS redemptions,
				percentile_disc(0.5) WITHIN GROUP (ORDER BY days) AS median, percentile_disc(0.95) WITHIN GROUP (ORDER BY days) AS p95,
				max(days) AS worst, (SELECT min("on") FROM redeemed WHERE booked_on IS NULL) AS oldest
			FROM paid`, of, today.AddDays(-delaysOver), today)
	})
	return d, err
}

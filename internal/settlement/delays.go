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
	Promised    int           `json:"promised_days" db:"-"`         // at most, by the calendar of settlements as it is now
	Kept        int           `json:"kept" db:"kept"`               // of the redemptions, those that were paid by the day that it promises
	Oldest      *vouchers.Day `json:"oldest_unpaid_on" db:"oldest"` // of the redemptions that are not paid; nil: all are
}

// Delays measures for everybody how long all structures wait. Nobody needs to sign in: who
// pays late must not be the only one to know.
func (s *Service) Delays(ctx context.Context, _ identity.Actor) (Delays, error) {
	return s.readDelays(ctx, 0)
}

// OwnDelays does so for the actor's structure.
func (s *Service) OwnDelays(ctx context.Context, actor identity.Actor) (Delays, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Delays{}, err
	}
	return s.readDelays(ctx, actor.Organisation)
}

func (s *Service) readDelays(ctx context.Context, of vouchers.OrganisationID) (Delays, error) {
	var d Delays
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		d, err = s.delays(ctx, tx, of)
		return err
	})
	return d, err
}

func (s *Service) delays(ctx context.Context, tx *db.Tx, of vouchers.OrganisationID) (Delays, error) {
	today := vouchers.DayOf(tx.Now)
	d, err := waited(ctx, tx, of, Delays{From: today.AddDays(-delaysOver), Until: today}, s.policy.Days)
	d.Promised = s.policy.Days.longest(today)
	return d, err
}

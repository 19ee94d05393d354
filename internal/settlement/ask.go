package settlement

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Asked is a structure's wish to be paid before the next day of settlement.
type Asked struct {
	At time.Time `json:"asked_at" db:"asked_at"`
}

// Ask asks the operator to pay the actor's structure without waiting for the next day of
// settlement, whatever it is owed. Who has asked already has asked. Its fault is nothing_owed.
func (s *Service) Ask(ctx context.Context, actor identity.Actor) (Asked, error) {
	if err := actor.Needs(identity.Structure, identity.Finance); err != nil {
		return Asked{}, err
	}
	var asked Asked
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		asked, err = once.Do(ctx, tx, actor.Organisation, "ask_payout", actor.Organisation, func() (Asked, error) {
			owed, err := ledger.Balance(ctx, tx, ledger.Payable(actor.Organisation))
			if err != nil {
				return Asked{}, err
			}
			if owed <= 0 {
				return Asked{}, fault.New(fault.Conflict, "nothing_owed")
			}
			isNew, err := insertAsking(ctx, tx, actor)
			if err != nil {
				return Asked{}, err
			}
			if isNew {
				if err := audit.Record(ctx, tx, actor, "payout_asked", fmt.Sprintf("organisation:%d", actor.Organisation), nil, nil); err != nil {
					return Asked{}, err
				}
			}
			at, err := openRequest(ctx, tx, actor.Organisation)
			return Asked{At: *at}, err
		})
		return err
	})
	return asked, err
}

// Remind tells the operator that a day of settlement has come, from nine o'clock on, and that
// something from before waits to be paid. It may be asked at any time.
func (s *Service) Remind(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		today := vouchers.DayOf(tx.Now)
		due := s.policy.Days.last(today)
		if due == today && tx.Now.Before(today.Time().Add(9*time.Hour)) {
			return nil
		}
		plan, err := s.planNow(ctx, tx, scope{})
		if err != nil || !plan.waitedSince(due) {
			return err
		}
		to, err := identity.OperatorsAddress(ctx, tx)
		if err != nil {
			return err
		}
		return s.remind(ctx, tx, to, Preview{Payouts: len(plan.pay), Total: plan.total(), Due: &due})
	})
}

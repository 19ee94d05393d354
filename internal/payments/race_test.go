package payments_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/stripe"
)

// Everything that may happen to one campaign's money at once: refunds, a dispute, the same
// events from several sides, hand-overs, redemptions, roll-ups. Nothing waits crosswise
// (retries are off) and the books stay sound.
func TestNothingThatHappensAtOnceDeadlocksOrLosesMoney(t *testing.T) {
	t.Parallel()
	c := setup(t, freezing)
	_, k := c.received(100, stripe.Card)
	o := c.ordered(50)
	second := c.starts(o, stripe.Card)
	b := c.handsOver(20)
	_, err := c.Issuing.Allocate(t.Context(), c.Funder, issuing.AllocateRequest{Campaign: c.campaign.ID, Prescriber: c.Prescriber.Organisation, Vouchers: 40})
	c.ok(err)
	c.stripe.Pay(c.page(second))
	c.stripe.Dispute(c.page(k))
	events := c.stripe.Deliveries()
	var all sync.WaitGroup
	try := func(what string, times int, do func(n int) error) {
		all.Go(func() {
			for n := range times {
				if err := do(n); err != nil && fault.Code(err) == "" {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	for side := range 3 {
		try("event", len(events), func(n int) error {
			e := events[(n+side)%len(events)]
			if err := c.room.Hear(t.Context(), e.Body, e.Signature); err != nil {
				return err
			}
			return c.runner.Drain(t.Context())
		})
	}
	try("refund", 10, func(int) error { _, err := c.refunds(k, 20_00); return err })
	try("hand-over", 20, func(int) error {
		_, err := c.Issuing.HandOver(t.Context(), c.Prescriber, issuing.HandOverRequest{Campaign: c.campaign.ID, Count: 1})
		return err
	})
	try("redemption", 10, func(int) error {
		_, err := c.Counter.Redeem(t.Context(), c.Structure.Actor, world.Request(b, 1))
		return err
	})
	try("roll-up", 30, func(int) error {
		return c.DB.InTx(t.Context(), func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) })
	})
	try("reconciliation", 5, func(int) error { return c.room.Reconcile(t.Context()) })
	all.Wait()
	c.works()
	c.waits(73 * time.Hour)
	c.stripe.TakeAway(-3_000_00)
	c.waits(10 * time.Minute)
	c.banks()
	c.same("second order", c.order(o).Received, o.Face)
	c.same("jobs that failed", c.failedJobs(), "")
	c.sound()
}

// failedJobs are the errors of this room's jobs that are no refusals of Stripe's.
func (c *till) failedJobs() (errors string) {
	c.t.Helper()
	c.InTx(func(tx *db.Tx) error {
		var all []string
		err := tx.Select(c.t.Context(), &all, `SELECT last_error FROM jobs WHERE kind = $1 AND last_error <> '' LIMIT 5`, payments.Kind)
		if len(all) > 0 {
			errors = fmt.Sprint(all)
		}
		return err
	})
	return errors
}

package reporting

import (
	"context"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Queue is work that waits for the operator.
type Queue struct {
	Name   string         `db:"name"` // as in queues
	Count  int            `db:"count"`
	Amount vouchers.Cents `db:"amount_cents"` // 0 where the work is not about money
	Oldest time.Time      `db:"oldest"`       // since when its oldest item waits
}

// AgeDays is how many days the oldest item has waited.
func (q Queue) AgeDays(now time.Time) int { return int(vouchers.DayOf(now) - vouchers.DayOf(q.Oldest)) }

// Desk is what the operator finds in the morning.
type Desk struct {
	At     time.Time
	Queues []Queue // those with work in them, the oldest first
	Cover  Cover
}

// Desk counts what waits for the operator.
func (s *Service) Desk(ctx context.Context, actor identity.Actor) (Desk, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return Desk{}, err
	}
	var d Desk
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		d.At = tx.Now
		if d.Queues, err = queues(ctx, tx); err != nil {
			return err
		}
		proposals, oldest, err := contributions.WaitingForOperator(ctx, tx)
		if err != nil {
			return err
		}
		if proposals > 0 {
			d.Queues = append(d.Queues, Queue{Name: "proposals", Count: proposals, Oldest: oldest})
		}
		d.Cover, err = CoverNow(ctx, tx)
		return err
	})
	slices.SortStableFunc(d.Queues, func(a, b Queue) int { return a.Oldest.Compare(b.Oldest) })
	return d, err
}

// queues counts bank lines to decide, refunds to approve, funders' and structures' accounts to
// verify, structures' accounts at Stripe to approve and payouts to them that Stripe does not
// make, online payments that were taken back and payouts home that it does not make, structures
// that joined by themselves, applications for a label, money held because no account is known,
// payouts that came back or were rejected and were not paid again, exports for a trustee that
// were made each day and no longer are, and jobs that gave up.
func queues(ctx context.Context, tx *db.Tx) ([]Queue, error) {
	all := []Queue{}
	err := tx.Select(ctx, &all, `
		SELECT name, count, amount_cents, oldest FROM (
			SELECT 'lines' AS name, count(*), COALESCE(sum(l.amount_cents), 0)::bigint AS amount_cents, min(c.opened_at) AS oldest
			FROM bank_cases c JOIN statement_lines l ON l.id = c.line_id WHERE c.decision IS NULL
			UNION ALL
			SELECT 'refunds', count(*), COALESCE(sum(amount_cents), 0)::bigint, min(proposed_at) FROM refunds WHERE state = 'proposed'
			UNION ALL
			SELECT 'accounts', count(*), 0, min(given_at) FROM funder_accounts WHERE verified_at IS NULL AND replaced_at IS NULL
			UNION ALL
			SELECT 'payees', count(*), 0, min(created_at) FROM bank_details WHERE in_force_at IS NULL AND ended_at IS NULL AND replaced_at IS NULL
			UNION ALL
			SELECT 'connect', count(*), 0, min(created_at) FROM connect_accounts WHERE in_force_at IS NULL AND ended_at IS NULL AND ready
			UNION ALL
			SELECT 'stuck', count(*), COALESCE(sum(p.amount_cents), 0)::bigint, min(t.changed_at)
			FROM connect_transfers t JOIN payouts p ON p.id = t.payout_id WHERE t.problem <> '' AND t.state NOT IN ('paid', 'back')
			UNION ALL
			SELECT 'disputes', count(*), COALESCE(sum(amount_cents), 0)::bigint, min(opened_at) FROM disputes WHERE state = 'open'
			UNION ALL
			SELECT 'complaints', count(*), COALESCE(sum(r.amount_cents), 0)::bigint, min(c.opened_at)
			FROM complaints c JOIN redemptions r ON r.id = c.redemption_id WHERE c.state = 'open'
			UNION ALL
			SELECT 'corrections', count(*), COALESCE(sum(amount_cents), 0)::bigint, min(requested_at) FROM correction_requests WHERE state = 'requested'
			UNION ALL
			SELECT 'stripe', count(*), COALESCE(sum(amount_cents), 0)::bigint, min(created_at) FROM stripe_payouts WHERE state = 'waiting'
			UNION ALL
			SELECT 'newcomers', count(*), 0, min(unverified_since) FROM organisations WHERE unverified_since IS NOT NULL
			UNION ALL
			SELECT 'labels', count(*), 0, min(a.changed_at)
			FROM applications a JOIN places p ON p.id = a.place_id AND p.structure_id = a.structure_id WHERE a.state IN ('sent', 'refusing', 'appealed')
			UNION ALL
			SELECT 'held', count(*), COALESCE(sum(h.amount_cents), 0)::bigint, min(h.oldest)
			FROM (SELECT o.id, sum(r.amount_cents) AS amount_cents, min(r.at) AS oldest
			      FROM organisations o
			      CROSS JOIN LATERAL (SELECT COALESCE(max(p.up_to_id), 0) AS up_to FROM payouts p WHERE p.structure_id = o.id) AS w
			      JOIN redemptions r ON r.structure_id = o.id AND r.id > w.up_to AND r.undone_at IS NULL
			      WHERE o.kind = 'structure'
			          AND NOT EXISTS (SELECT 1 FROM bank_details d WHERE d.structure_id = o.id AND d.in_force_at IS NOT NULL AND d.ended_at IS NULL)
			      GROUP BY o.id) AS h
			UNION ALL
			SELECT 'returned', count(*), COALESCE(sum(p.amount_cents), 0)::bigint, 
				min(COALESCE(p.rejected_at, p.booked_on::timestamp AT TIME ZONE 'Europe/Paris'))
			FROM payouts p WHERE p.state IN ('returned', 'rejected') AND p.reissued_in IS NULL
			UNION ALL
			SELECT 'exports', 1, 0, max(made_at) FROM continuity_exports HAVING bool_or(made_by IS NULL) AND max(made_at) < $1
			UNION ALL
			SELECT 'jobs', count(*), 0, min(finished_at) FROM jobs WHERE state = 'dead') AS q
		WHERE count > 0`, tx.Now.Add(-48*time.Hour))
	return all, err
}

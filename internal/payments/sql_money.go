package payments

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Payouts.

const selectPayouts = `
	SELECT p.id, p.checkout_id, p.back_of, COALESCE(k.order_id, 0) AS order_id, p.amount_cents, p.reference, p.attempt, p.payout, p.state, p.problem, p.created_at
	FROM stripe_payouts p LEFT JOIN checkouts k ON k.id = p.checkout_id `

func payout(ctx context.Context, tx *db.Tx, id int64) (Payout, error) {
	var p Payout
	return p, there(tx.Get(ctx, &p, selectPayouts+`WHERE p.id = $1`, id))
}

func lockPayout(ctx context.Context, tx *db.Tx, id int64) (Payout, error) {
	if _, err := tx.Exec(ctx, `SELECT id FROM stripe_payouts WHERE id = $1 FOR UPDATE`, id); err != nil {
		return Payout{}, err
	}
	return payout(ctx, tx, id)
}

// nextPayout draws the id first: the reference holds it.
func nextPayout(ctx context.Context, tx *db.Tx) (int64, error) {
	var id int64
	err := tx.Get(ctx, &id, `SELECT nextval(pg_get_serial_sequence('stripe_payouts', 'id'))`)
	return id, err
}

func insertPayout(ctx context.Context, tx *db.Tx, p Payout) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO stripe_payouts (id, checkout_id, back_of, amount_cents, reference, state, created_at)
		OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, 'asked', $6)`, p.ID, p.Checkout, p.BackOf, p.Amount, p.Reference, tx.Now)
	return err
}

func hasPayout(ctx context.Context, tx *db.Tx, k vouchers.CheckoutID) (bool, error) {
	var has bool
	err := tx.Get(ctx, &has, `SELECT EXISTS (SELECT 1 FROM stripe_payouts WHERE checkout_id = $1)`, k)
	return has, err
}

func updatePayout(ctx context.Context, tx *db.Tx, id int64, found stripe.Payout) error {
	_, err := tx.Exec(ctx, `UPDATE stripe_payouts SET payout = $2, state = $3, problem = '' WHERE id = $1`, id, found.ID, string(found.Status))
	return err
}

// putOff ends an attempt that Stripe has refused or that failed. The next one has a name of
// its own.
func putOff(ctx context.Context, tx *db.Tx, p Payout, problem string) error {
	_, err := tx.Exec(ctx, `
		UPDATE stripe_payouts SET state = 'waiting', problem = $3, attempt = attempt + 1, payout = NULL
		WHERE id = $1 AND attempt = $2 AND state <> 'banked'`, p.ID, p.Attempt, problem)
	return err
}

func setAsked(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Exec(ctx, `UPDATE stripe_payouts SET state = 'asked' WHERE id = $1`, id)
	return err
}

// askWaiting has those asked for again that only waited for money at Stripe. Others wait
// for a person.
func askWaiting(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE stripe_payouts SET state = 'asked' WHERE state = 'waiting' AND problem = $1`, stripe.BalanceInsufficient)
	return err
}

func payoutsNamed(ctx context.Context, tx *db.Tx, names []string) ([]Payout, error) {
	var found []Payout
	err := tx.Select(ctx, &found, selectPayouts+`WHERE p.reference = ANY ($1) AND p.state <> 'banked' ORDER BY p.id`, db.Array(names))
	return found, err
}

// lockPayees locks the orders of payouts and their checkouts, and returns their campaigns.
func lockPayees(ctx context.Context, tx *db.Tx, all []Payout) ([]vouchers.CampaignID, error) {
	var checkouts, orders []int64
	for _, p := range all {
		if p.Checkout != nil {
			checkouts, orders = append(checkouts, int64(*p.Checkout)), append(orders, int64(p.Order))
		}
	}
	if err := lockRows(ctx, tx, orders, checkouts); err != nil {
		return nil, err
	}
	var campaigns []vouchers.CampaignID
	err := tx.Select(ctx, &campaigns, `SELECT DISTINCT campaign_id FROM orders WHERE id = ANY ($1) ORDER BY campaign_id`, db.Array(orders))
	return campaigns, err
}

func payoutWithReference(ctx context.Context, tx *db.Tx, reference string) (p Payout, found bool, err error) {
	err = tx.Get(ctx, &p, selectPayouts+`WHERE p.reference = $1 FOR UPDATE OF p`, reference)
	if errors.Is(err, db.ErrNoRows) {
		return p, false, nil
	}
	return p, err == nil, err
}

// partsOf is what a payout to a structure came to, by campaign.
func partsOf(ctx context.Context, tx *db.Tx, id vouchers.PayoutID) (map[vouchers.CampaignID]vouchers.Cents, error) {
	var rows []struct {
		Campaign vouchers.CampaignID `db:"campaign_id"`
		Cents    vouchers.Cents      `db:"amount_cents"`
	}
	err := tx.Select(ctx, &rows, `SELECT campaign_id, amount_cents FROM payout_parts WHERE payout_id = $1`, id)
	parts := make(map[vouchers.CampaignID]vouchers.Cents, len(rows))
	for _, r := range rows {
		parts[r.Campaign] = r.Cents
	}
	return parts, err
}

func markBanked(ctx context.Context, tx *db.Tx, id, line int64) error {
	_, err := tx.Exec(ctx, `UPDATE stripe_payouts SET state = 'banked', problem = '', line_id = $2 WHERE id = $1`, id, line)
	return err
}

func oneSweepAtATime(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(7021977)`)
	return err
}

// sweepable is what Stripe holds for the operator and can pay out: all that it holds, less
// face value that is not sent to the bank yet, less what is not available or on its way
// already. 0 when the last sweep was less than a day ago.
func sweepable(ctx context.Context, tx *db.Tx) (vouchers.Cents, error) {
	owed, err := ledger.Balance(ctx, tx, ledger.StripeClearing)
	if err != nil {
		return 0, err
	}
	var kept vouchers.Cents
	err = tx.Get(ctx, &kept, `
		SELECT COALESCE(sum(face + early), 0)::bigint
			+ (SELECT COALESCE(sum(amount_cents), 0) FROM stripe_payouts WHERE checkout_id IS NULL AND back_of IS NULL AND state <> 'banked')::bigint
			+ CASE WHEN EXISTS (SELECT 1 FROM stripe_payouts WHERE checkout_id IS NULL AND back_of IS NULL AND created_at > $1::timestamptz - interval '1 day')
				THEN $2::bigint ELSE 0 END
		FROM (SELECT CASE WHEN EXISTS (SELECT 1 FROM receipts WHERE checkout_id = k.id) THEN 0 ELSE k.face_cents -
					(SELECT COALESCE(sum(counted_cents + pending_cents), 0) FROM disputes WHERE checkout_id = k.id AND state <> 'won') END AS face,
				CASE WHEN k.available_at IS NULL THEN GREATEST(k.fees_cents - COALESCE(k.cost_cents, 0), 0) ELSE 0 END AS early
			FROM checkouts k WHERE k.state = 'paid') AS held`, tx.Now, max(-owed, 0))
	return -owed - kept, err
}

// Disputes.

const selectDisputes = `
	SELECT d.id, d.checkout_id, k.order_id, o.funder_id, f.name AS funder_name, d.object_id, d.reason, d.amount_cents, d.state,
		d.counted_cents, d.pending_cents, d.fees_cents, cardinality(d.frozen) AS frozen, d.opened_at, d.closed_at, d.cost_cents, d.cost_back_cents
	FROM disputes d JOIN checkouts k ON k.id = d.checkout_id JOIN orders o ON o.id = k.order_id JOIN organisations f ON f.id = o.funder_id `

// lockDispute reads a dispute, which is opened where it is new. The checkout is locked.
func lockDispute(ctx context.Context, tx *db.Tx, k vouchers.CheckoutID, found stripe.Dispute) (Dispute, error) {
	_, err := tx.Exec(ctx, `
		INSERT INTO disputes (checkout_id, object_id, reason, amount_cents, state, opened_at) VALUES ($1, $2, $3, $4, 'open', $5)
		ON CONFLICT ON CONSTRAINT disputes_object DO NOTHING`, k, found.ID, found.Reason, found.Amount, tx.Now)
	if err != nil {
		return Dispute{}, err
	}
	var d Dispute
	return d, tx.Get(ctx, &d, selectDisputes+`WHERE d.object_id = $1`, found.ID)
}

// takeback is what was taken of an order and not given back.
type takeback struct {
	Funds  vouchers.Cents `db:"funds_cents"`
	Debt   vouchers.Cents `db:"debt_cents"`
	Repaid vouchers.Cents `db:"paid_cents"`
	Swept  bool           `db:"swept"` // claims of its campaign have left since
}

func takebackOf(ctx context.Context, tx *db.Tx, by orders.Taker) (t takeback, there bool, err error) {
	err = tx.Get(ctx, &t, `
		SELECT t.funds_cents, t.debt_cents, t.paid_cents,
			EXISTS (SELECT 1 FROM transfers x WHERE x.event = 'claim_ordered' AND x.campaign_id = o.campaign_id AND x.at >= t.taken_at) AS swept
		FROM takebacks t JOIN orders o ON o.id = t.order_id
		WHERE (t.dispute_id = NULLIF($1::bigint, 0) OR t.card_refund_id = NULLIF($2::bigint, 0)) AND t.undone_at IS NULL`, by.Dispute, by.CardRefund)
	if errors.Is(err, db.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

func setTaken(ctx context.Context, tx *db.Tx, d Dispute) error {
	_, err := tx.Exec(ctx, `UPDATE disputes SET counted_cents = $2, pending_cents = $3, fees_cents = $4 WHERE id = $1`,
		d.ID, d.Counted, d.Pending, d.Fees)
	return err
}

func addCost(ctx context.Context, tx *db.Tx, id int64, more, back vouchers.Cents) error {
	_, err := tx.Exec(ctx, `UPDATE disputes SET cost_cents = cost_cents + $2, cost_back_cents = cost_back_cents + $3 WHERE id = $1`, id, more, back)
	return err
}

func closeDispute(ctx context.Context, tx *db.Tx, id int64, state string) error {
	_, err := tx.Exec(ctx, `UPDATE disputes SET state = $2, closed_at = $3 WHERE id = $1`, id, state, tx.Now)
	return err
}

// unsecured are disputes of money that has reached the order only now.
func unsecured(ctx context.Context, tx *db.Tx, k vouchers.CheckoutID) ([]Dispute, error) {
	var all []Dispute
	err := tx.Select(ctx, &all, selectDisputes+`
		WHERE d.checkout_id = $1 AND d.state <> 'won' AND d.counted_cents > 0
			AND NOT EXISTS (SELECT 1 FROM takebacks WHERE dispute_id = d.id) ORDER BY d.id`, k)
	return all, err
}

func isSecured(ctx context.Context, tx *db.Tx, id int64) (bool, error) {
	var is bool
	err := tx.Get(ctx, &is, `SELECT EXISTS (SELECT 1 FROM takebacks WHERE dispute_id = $1 AND undone_at IS NULL)`, id)
	return is, err
}

func setFrozen(ctx context.Context, tx *db.Tx, id int64, stopped []int64) error {
	_, err := tx.Exec(ctx, `UPDATE disputes SET frozen = $2 WHERE id = $1`, id, db.Array(stopped))
	return err
}

// takeFrozen returns the vouchers that a dispute has stopped, and forgets them.
func takeFrozen(ctx context.Context, tx *db.Tx, id int64) ([]int64, error) {
	var stopped []int64
	if err := tx.Select(ctx, &stopped, `SELECT unnest(frozen) FROM disputes WHERE id = $1 ORDER BY 1`, id); err != nil || len(stopped) == 0 {
		return nil, err
	}
	_, err := tx.Exec(ctx, `UPDATE disputes SET frozen = '{}' WHERE id = $1`, id)
	return stopped, err
}

// stopping are the disputes that were lost and still stop vouchers.
func stopping(ctx context.Context, tx *db.Tx) ([]Dispute, error) {
	var all []Dispute
	err := tx.Select(ctx, &all, selectDisputes+`WHERE d.frozen <> '{}' AND d.state IN ('lost', 'bounced') ORDER BY d.id`)
	return all, err
}

// Refunds.

const selectRefunds = `
	SELECT r.id, r.checkout_id, k.order_id, f.name AS funder_name, r.amount_cents, r.refund, r.state, r.problem, r.created_at, k.intent
	FROM card_refunds r JOIN checkouts k ON k.id = r.checkout_id JOIN orders o ON o.id = k.order_id JOIN organisations f ON f.id = o.funder_id `

func refund(ctx context.Context, tx *db.Tx, id int64) (Refund, error) {
	var r Refund
	return r, there(tx.Get(ctx, &r, selectRefunds+`WHERE r.id = $1`, id))
}

func insertRefund(ctx context.Context, tx *db.Tx, actor identity.Actor, req RefundRequest) (int64, error) {
	var id int64
	err := tx.Get(ctx, &id, `
		INSERT INTO card_refunds (checkout_id, amount_cents, state, created_at, created_by) VALUES ($1, $2, 'asked', $3, $4) RETURNING id`,
		req.Checkout, req.Amount, tx.Now, actor.Person)
	return id, err
}

func updateRefund(ctx context.Context, tx *db.Tx, id int64, state string, found stripe.Refund) error {
	_, err := tx.Exec(ctx, `
		UPDATE card_refunds SET refund = COALESCE(NULLIF($2, ''), refund), state = $3, problem = $4 WHERE id = $1`,
		id, found.ID, state, found.Failure)
	return err
}

func claimsHeld(ctx context.Context, tx *db.Tx) (map[vouchers.CampaignID]vouchers.Cents, error) {
	var rows []struct {
		Campaign vouchers.CampaignID `db:"campaign_id"`
		Cents    vouchers.Cents      `db:"cents"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT o.campaign_id, sum(t.funds_cents)::bigint AS cents
		FROM takebacks t JOIN orders o ON o.id = t.order_id
		LEFT JOIN disputes d ON d.id = t.dispute_id
		LEFT JOIN card_refunds r ON r.id = t.card_refund_id
		WHERE t.undone_at IS NULL AND (d.state = 'open' OR r.state IN ('asked', 'pending'))
		GROUP BY o.campaign_id`)
	held := make(map[vouchers.CampaignID]vouchers.Cents, len(rows))
	for _, r := range rows {
		held[r.Campaign] = r.Cents
	}
	return held, err
}

package payments

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

const selectCheckouts = `
	SELECT k.id, k.order_id, o.campaign_id, o.funder_id, f.name AS funder_name, k.means, k.face_cents, k.fees_cents, k.state, k.url,
		k.missing_cents, k.problem, k.created_at, k.expires_at, k.paid_at, k.available_on, k.invoice_id, k.customer,
		COALESCE(k.session, '') AS session, k.intent, k.cost_cents, k.available_at, k.counted_at,
		EXISTS (SELECT 1 FROM receipts WHERE checkout_id = k.id) AS received,
		(SELECT COALESCE(sum(amount_cents), 0)::bigint FROM card_refunds WHERE checkout_id = k.id AND state <> 'failed') AS refunded,
		(SELECT COALESCE(sum(counted_cents + pending_cents), 0)::bigint FROM disputes WHERE checkout_id = k.id AND state <> 'won') AS disputed
	FROM checkouts k JOIN orders o ON o.id = k.order_id JOIN organisations f ON f.id = o.funder_id `

func checkout(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID) (Checkout, error) {
	var k Checkout
	return k, there(tx.Get(ctx, &k, selectCheckouts+`WHERE k.id = $1`, id))
}

// there says that what is not there was not found.
func there(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

// lockCheckout takes a checkout with its order and its campaign's funds, before any money
// moves: all that happens to one payment happens in turn. It is read after the locks. The
// order comes first, as when statements pay orders.
func lockCheckout(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID) (Checkout, error) {
	k, err := checkout(ctx, tx, id)
	if err != nil {
		return Checkout{}, err
	}
	if err := lockRows(ctx, tx, []int64{int64(k.Order)}, []int64{int64(id)}); err != nil {
		return Checkout{}, err
	}
	if _, err := ledger.LockGuarded(ctx, tx, ledger.Funds(k.Campaign)); err != nil {
		return Checkout{}, err
	}
	return checkout(ctx, tx, id)
}

func lockRows(ctx context.Context, tx *db.Tx, orders, checkouts []int64) error {
	if _, err := tx.Exec(ctx, `SELECT id FROM orders WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, db.Array(orders)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT id FROM checkouts WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, db.Array(checkouts))
	return err
}

func checkoutsOf(ctx context.Context, tx *db.Tx, order vouchers.OrderID) ([]Checkout, error) {
	all := []Checkout{}
	err := tx.Select(ctx, &all, selectCheckouts+`WHERE k.order_id = $1 ORDER BY k.id DESC`, order)
	return all, err
}

func checkoutOfIntent(ctx context.Context, tx *db.Tx, intent string) (vouchers.CheckoutID, error) {
	var id vouchers.CheckoutID
	err := tx.Get(ctx, &id, `SELECT COALESCE(min(id), 0) FROM checkouts WHERE intent = $1 AND intent <> ''`, intent)
	return id, err
}

// insertCheckout refuses while another page of the order is open: somebody was faster.
func insertCheckout(ctx context.Context, tx *db.Tx, actor identity.Actor, req StartRequest, d due) (vouchers.CheckoutID, error) {
	var id vouchers.CheckoutID
	err := tx.Get(ctx, &id, `
		INSERT INTO checkouts (order_id, means, face_cents, fees_cents, invoice_id, state, created_at, created_by, expires_at)
		VALUES ($1, $2, $3, $4, $5, 'asked', $6, $7, $8)
		ON CONFLICT (order_id) WHERE state IN ('asked', 'open') DO NOTHING RETURNING id`,
		req.Order, req.Means, d.face, d.fees, d.invoice, tx.Now, actor.Person, tx.Now.Add(pageLife).Truncate(time.Second))
	if errors.Is(err, db.ErrNoRows) {
		return 0, fault.New(fault.Conflict, "payment_in_progress")
	}
	return id, err
}

func failCheckout(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID, problem string) error {
	_, err := tx.Exec(ctx, `UPDATE checkouts SET state = 'failed', problem = $2 WHERE id = $1 AND state = 'asked'`, id, problem)
	return err
}

// customerOf is Stripe's id of a funder, "" where it has none yet.
func customerOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) (string, error) {
	var customer string
	err := tx.Get(ctx, &customer, `
		SELECT COALESCE(max(k.customer), '') FROM checkouts k JOIN orders o ON o.id = k.order_id WHERE o.funder_id = $1`, funder)
	return customer, err
}

func setCustomer(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID, customer string) error {
	_, err := tx.Exec(ctx, `UPDATE checkouts SET customer = $2 WHERE id = $1`, id, customer)
	return err
}

func updateCheckout(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID, state State, found stripe.Session) error {
	url := found.URL
	if found.Instructions != "" {
		url = found.Instructions
	}
	_, err := tx.Exec(ctx, `
		UPDATE checkouts SET session = $2, url = $3, intent = $4, state = $5, missing_cents = $6,
			paid_at = CASE WHEN $5 = 'paid' THEN COALESCE(paid_at, $7) END
		WHERE id = $1`, id, found.ID, url, found.Intent, state, found.Missing, tx.Now)
	return err
}

func updateCharge(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID, charge *stripe.Charge) error {
	_, err := tx.Exec(ctx, `
		UPDATE checkouts SET cost_cents = COALESCE(cost_cents, $2), available_on = $3,
			available_at = CASE WHEN $4 THEN COALESCE(available_at, $5) ELSE available_at END
		WHERE id = $1`, id, charge.Fee, charge.AvailableOn, charge.Available, tx.Now)
	return err
}

func markCounted(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID) error {
	_, err := tx.Exec(ctx, `UPDATE checkouts SET counted_at = $2 WHERE id = $1`, id, tx.Now)
	return err
}

// readyToSend tells whether a payment's face value is available, not yet on its way to the
// bank, and in no dispute.
func readyToSend(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID) (bool, error) {
	var ready bool
	err := tx.Get(ctx, &ready, `
		SELECT available_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM stripe_payouts WHERE checkout_id = k.id)
			AND NOT EXISTS (SELECT 1 FROM disputes WHERE checkout_id = k.id AND state = 'open')
		FROM checkouts k WHERE id = $1`, id)
	return ready, err
}

// Events.

func keepEvent(ctx context.Context, tx *db.Tx, e stripe.Event) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO stripe_events (id, type, kind, object_id, received_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT ON CONSTRAINT stripe_events_pkey DO NOTHING`, e.ID, e.Type, e.Kind, e.ObjectID, tx.Now)
	return err
}

func knowsEvent(ctx context.Context, tx *db.Tx, id string) (bool, error) {
	var known bool
	err := tx.Get(ctx, &known, `SELECT EXISTS (SELECT 1 FROM stripe_events WHERE id = $1)`, id)
	return known, err
}

// lastEvent is when the latest event came; before the first, when the first page was made.
func lastEvent(ctx context.Context, tx *db.Tx) (time.Time, error) {
	var at time.Time
	err := tx.Get(ctx, &at, `
		SELECT COALESCE((SELECT max(received_at) FROM stripe_events), (SELECT min(created_at) FROM checkouts), $1)`, tx.Now)
	return at, err
}

// unsettled is all of which Stripe may still have something new to say.
func unsettled(ctx context.Context, tx *db.Tx) ([]task, error) {
	var rows []struct {
		Kind string `db:"kind"`
		ID   string `db:"id"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT $1 AS kind, id::text AS id FROM checkouts WHERE state IN ('asked', 'open', 'pending') OR state = 'paid' AND available_at IS NULL
		UNION ALL SELECT $2, id::text FROM stripe_payouts WHERE state <> 'banked' AND state <> 'waiting'
		UNION ALL SELECT $3, id::text FROM card_refunds WHERE state IN ('asked', 'pending')
		UNION ALL SELECT CASE WHEN reason = $4 THEN 'refund' ELSE 'dispute' END, object_id FROM disputes WHERE state = 'open'`,
		ourCheckout, ourPayout, ourRefund, ByHand)
	all := make([]task, len(rows))
	for i, r := range rows {
		all[i] = task(r)
	}
	return all, err
}

func desk(ctx context.Context, tx *db.Tx) (Desk, error) {
	d := Desk{Checkouts: []Checkout{}, Payouts: []Payout{}, Disputes: []Dispute{}, Refunds: []Refund{}}
	for _, list := range []struct {
		rows any
		from string
	}{
		{&d.Checkouts, selectCheckouts + `ORDER BY k.id DESC LIMIT 200`},
		{&d.Payouts, selectPayouts + `ORDER BY p.id DESC LIMIT 200`},
		{&d.Disputes, selectDisputes + `ORDER BY d.id DESC LIMIT 200`},
		{&d.Refunds, selectRefunds + `ORDER BY r.id DESC LIMIT 200`},
	} {
		if err := tx.Select(ctx, list.rows, list.from); err != nil {
			return d, err
		}
	}
	return d, nil
}

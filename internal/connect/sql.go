package connect

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Accounts.

const selectAccounts = `
	SELECT a.id, a.structure_id, o.name AS structure_name, COALESCE(a.account, '') AS account, a.submitted, a.ready, a.problem, a.last4,
		a.created_at, a.created_by, g.name AS creator_name, COALESCE(v.name, '') AS approver_name, a.in_force_at, a.ended_at, a.end_reason,
		o.email, COALESCE((SELECT right(b.iban, 4) FROM bank_details b WHERE b.structure_id = o.id AND b.in_force_at <= $1
			AND b.ended_at IS NULL AND (b.replaced_at IS NULL OR b.replaced_at > $1)), '') AS known
	FROM connect_accounts a JOIN organisations o ON o.id = a.structure_id JOIN people g ON g.id = a.created_by
	LEFT JOIN people v ON v.id = a.approved_by `

// accounts reads those that where selects: $1 is the time, $2 on are args.
func accounts(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Account, error) {
	all := []Account{}
	err := tx.Select(ctx, &all, selectAccounts+where, append([]any{tx.Now}, args...)...)
	for i := range all {
		all[i].State = all[i].stateAt(tx.Now)
	}
	return all, err
}

func account(ctx context.Context, tx *db.Tx, id vouchers.ConnectID) (Account, error) {
	all, err := accounts(ctx, tx, `WHERE a.id = $2`, id)
	if err != nil || len(all) == 0 {
		return Account{}, errorOr(err, fault.New(fault.NotFound, "not_found"))
	}
	return all[0], nil
}

// accountOf is the account of a structure that has not ended.
func accountOf(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (a Account, chosen bool, err error) {
	all, err := accounts(ctx, tx, `WHERE a.structure_id = $2 AND a.ended_at IS NULL`, structure)
	if err != nil || len(all) == 0 {
		return Account{}, false, err
	}
	return all[0], true, nil
}

func notEnded(ctx context.Context, tx *db.Tx) ([]Account, error) {
	return accounts(ctx, tx, `WHERE a.ended_at IS NULL ORDER BY COALESCE(a.in_force_at <= $1 AND a.ready, false), a.created_at, a.id`)
}

// lockStructure lets one change of where a structure's money goes happen at a time.
func lockStructure(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID) error {
	return tx.Get(ctx, &id, `SELECT id FROM organisations WHERE id = $1 FOR NO KEY UPDATE`, id)
}

func insertAccount(ctx context.Context, tx *db.Tx, actor identity.Actor) (vouchers.ConnectID, error) {
	var id vouchers.ConnectID
	err := tx.Get(ctx, &id, `INSERT INTO connect_accounts (structure_id, created_at, created_by) VALUES ($1, $2, $3) RETURNING id`,
		actor.Organisation, tx.Now, actor.Person)
	return id, err
}

// setStripe notes the account that Stripe has opened, once.
func setStripe(ctx context.Context, tx *db.Tx, id vouchers.ConnectID, made stripe.Connected) error {
	if _, err := tx.Exec(ctx, `UPDATE connect_accounts SET account = $2 WHERE id = $1 AND account IS NULL`, id, made.ID); err != nil {
		return err
	}
	return setKnown(ctx, tx, made)
}

// setKnown brings a row to what Stripe says.
func setKnown(ctx context.Context, tx *db.Tx, found stripe.Connected) error {
	_, err := tx.Exec(ctx, `UPDATE connect_accounts SET submitted = $2, ready = $3, problem = $4, last4 = $5 WHERE account = $1 AND ended_at IS NULL`,
		found.ID, found.Submitted, found.Ready, found.Problem, found.Last4)
	return err
}

func setApproved(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ConnectID, from time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE connect_accounts SET approved_at = $2, approved_by = $3, in_force_at = $4 WHERE id = $1`, id, tx.Now, actor.Person, from)
	return err
}

func endAccount(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ConnectID, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE connect_accounts SET ended_at = $2, ended_by = $3, end_reason = $4 WHERE id = $1`, id, tx.Now, actor.Person, reason)
	return err
}

func endAll(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE connect_accounts SET ended_at = $1 WHERE ended_at IS NULL`, tx.Now)
	return err
}

func openAccounts(ctx context.Context, tx *db.Tx) ([]string, error) {
	var all []string
	err := tx.Select(ctx, &all, `SELECT account FROM connect_accounts WHERE ended_at IS NULL AND account IS NOT NULL ORDER BY id`)
	return all, err
}

// Transfers.

const selectTransfers = `
	SELECT t.id, t.payout_id, t.attempt, t.state, t.transfer, t.payout, t.problem, t.created_at, t.changed_at,
		p.structure_id, p.connected, p.end_to_end, p.amount_cents
	FROM connect_transfers t JOIN payouts p ON p.id = t.payout_id `

func transfer(ctx context.Context, tx *db.Tx, id int64) (Transfer, error) {
	var t Transfer
	err := tx.Get(ctx, &t, selectTransfers+`WHERE t.id = $1`, id)
	return t, err
}

func transfersIn(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) ([]Transfer, error) {
	all := []Transfer{}
	err := tx.Select(ctx, &all, selectTransfers+`WHERE p.settlement_id = $1 ORDER BY t.id`, id)
	return all, err
}

// lockOf locks the row of a payout.
func lockOf(ctx context.Context, tx *db.Tx, payout vouchers.PayoutID) (Transfer, error) {
	var t Transfer
	err := tx.Get(ctx, &t, selectTransfers+`WHERE t.payout_id = $1 FOR UPDATE OF t`, payout)
	if errors.Is(err, db.ErrNoRows) {
		return t, fault.New(fault.NotFound, "not_found")
	}
	return t, err
}

// lockSame locks a row, and tells whether it is still as it was read.
func lockSame(ctx context.Context, tx *db.Tx, t Transfer) (bool, error) {
	var same bool
	err := tx.Get(ctx, &same, `SELECT state = $2 AND attempt = $3 FROM connect_transfers WHERE id = $1 FOR UPDATE`, t.ID, t.State, t.Attempt)
	return same, err
}

func setState(ctx context.Context, tx *db.Tx, id int64, to string) error {
	_, err := tx.Exec(ctx, `UPDATE connect_transfers SET state = $2, changed_at = $3 WHERE id = $1`, id, to, tx.Now)
	return err
}

func setTransfer(ctx context.Context, tx *db.Tx, id int64, made string) error {
	_, err := tx.Exec(ctx, `UPDATE connect_transfers SET transfer = $2, problem = '' WHERE id = $1`, id, made)
	return err
}

func setPayout(ctx context.Context, tx *db.Tx, id int64, made string) error {
	_, err := tx.Exec(ctx, `UPDATE connect_transfers SET payout = $2, problem = '' WHERE id = $1`, id, made)
	return err
}

func setProblem(ctx context.Context, tx *db.Tx, id int64, code string) error {
	_, err := tx.Exec(ctx, `UPDATE connect_transfers SET problem = $2 WHERE id = $1`, id, code)
	return err
}

func nextAttempt(ctx context.Context, tx *db.Tx, id int64, problem string) error {
	_, err := tx.Exec(ctx, `UPDATE connect_transfers SET attempt = attempt + 1, problem = $2 WHERE id = $1`, id, problem)
	return err
}

// begin makes the rows of payouts whose money is at Stripe.
func begin(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO connect_transfers (payout_id, state, created_at, changed_at)
		SELECT p.id, 'waiting', $1, $1 FROM payouts p JOIN settlement_topups t ON t.settlement_id = p.settlement_id
		WHERE t.state = 'booked' AND t.topup IS NOT NULL AND p.connected <> '' AND p.state = 'in_transit'
		ORDER BY p.id
		ON CONFLICT ON CONSTRAINT connect_transfers_once DO NOTHING`, tx.Now)
	return err
}

// expectedSince is the day of the oldest transfer to Stripe that the bank has booked and that
// has not arrived; nil where there is none.
func expectedSince(ctx context.Context, tx *db.Tx) (*vouchers.Day, error) {
	var since *vouchers.Day
	err := tx.Get(ctx, &since, `SELECT min(booked_on) FROM settlement_topups WHERE state = 'booked' AND topup IS NULL`)
	return since, err
}

// looked is for how long what is done is looked at again: payouts fail within days of being paid.
const looked = 14 * 24 * time.Hour

func unsettled(ctx context.Context, tx *db.Tx) ([]int64, error) {
	var all []int64
	err := tx.Select(ctx, &all, `
		SELECT id FROM connect_transfers WHERE state NOT IN ('paid', 'back') OR changed_at > $1 ORDER BY state IN ('paid', 'back'), id`, tx.Now.Add(-looked))
	return all, err
}

// withObject is the row that an object of Stripe's belongs to, 0 for none.
func withObject(ctx context.Context, tx *db.Tx, object string) (int64, error) {
	var id int64
	err := tx.Get(ctx, &id, `SELECT COALESCE((SELECT id FROM connect_transfers WHERE transfer = $1 OR payout = $1), 0)`, object)
	return id, err
}

// Package ledger moves money. One transfer takes one amount from one account to
// another, so every movement is balanced by construction; rows are only ever added.
// recipes.go holds one pure function per business event: an accountant can read that
// file alone.
package ledger

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// Account is the name of an account.
type Account string

// Accounts that exist once: what we have.
const (
	Segregated       Account = "bank:segregated"   // the bank account that holds face value and nothing else
	Operating        Account = "bank:operating"    // the operator's own, to which fees are paid
	StripeClearing   Account = "stripe:clearing"   // what Stripe holds for us
	StripeSegregated Account = "stripe:segregated" // face value at Stripe that counts as received
	StripePayouts    Account = "stripe:payouts"    // what was sent to Stripe for structures, and is not on their accounts
	Advances         Account = "operator:advances" // what the operator gave back in advance, out of Stripe's balance
	StripeCosts      Account = "costs:stripe"      // what Stripe keeps
	Losses           Account = "costs:losses"      // debts that were forgiven
)

// Accounts that exist once: what we owe, and income.
const (
	InTransit         Account = "payouts:in_transit" // ordered from the bank, not yet on its statement
	RefundsInTransit  Account = "refunds:in_transit" // the same, to funders and to the operator
	Claims            Account = "operator:claims"    // face value on the segregated account that is the operator's
	Suspense          Account = "suspense"           // lines of the segregated account that nobody has explained yet
	OperatingSuspense Account = "suspense:operating" // the same, of the operating account
	Fees              Account = "fees"
	VAT               Account = "vat"
)

// Funds is cash received for a campaign and not yet live. It is guarded: it cannot go
// below zero, so nothing becomes live before its cash is there.
func Funds(c vouchers.CampaignID) Account { return Account(fmt.Sprintf("campaign:%d:funds", c)) }

// Live is the face value in beneficiaries' hands.
func Live(c vouchers.CampaignID) Account { return Account(fmt.Sprintf("campaign:%d:live", c)) }

// Unused is face value that came back from people and was not yet given back to funders.
func Unused(c vouchers.CampaignID) Account { return Account(fmt.Sprintf("campaign:%d:unused", c)) }

// Payable is what a structure is owed.
func Payable(s vouchers.OrganisationID) Account {
	return Account(fmt.Sprintf("structure:%d:payable", s))
}

// Credit is what a funder has above its orders, or got back.
func Credit(f vouchers.OrganisationID) Account { return Account(fmt.Sprintf("funder:%d:credit", f)) }

// Paying is what a funder was charged through Stripe and does not count as received yet.
func Paying(f vouchers.OrganisationID) Account { return Account(fmt.Sprintf("funder:%d:paying", f)) }

// FeesDue is what a funder has to pay of fees, VAT included; below zero, what it gets back.
func FeesDue(f vouchers.OrganisationID) Account {
	return Account(fmt.Sprintf("funder:%d:fees_due", f))
}

// Debt is what a funder owes because its payment was taken back.
func Debt(f vouchers.OrganisationID) Account { return Account(fmt.Sprintf("funder:%d:debt", f)) }

// Parts cuts the name of an account into its kind and the number in it: "campaign:12:live"
// is of kind "campaign:live", number 12. Accounts that exist once have no number: 0.
func (a Account) Parts() (kind string, number int64) {
	parts := strings.Split(string(a), ":")
	if len(parts) != 3 {
		return string(a), 0
	}
	number, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return string(a), 0
	}
	return parts[0] + ":" + parts[2], number
}

// Guarded reports whether the account may never go below zero.
func (a Account) Guarded() bool { return strings.HasSuffix(string(a), ":funds") }

// Event is the business event that a transfer belongs to; with its cause (the id of
// the business row) it says why money moved.
type Event string

// Transfer moves Amount (> 0) from the credited account's creditor to the debited
// one: assets (bank:*) grow by debits, what we owe grows by credits. Campaign is 0
// where the money belongs to no campaign yet.
type Transfer struct {
	Event    Event
	Cause    int64
	Debit    Account
	Credit   Account
	Amount   vouchers.Cents
	Campaign vouchers.CampaignID
}

// gate is the advisory lock that writers of transfers and redemptions share, and that
// a reader of "everything up to this id" takes alone for a moment: ids are given out
// before commit, so without it a late commit would be missed.
const gate = 7_021_974

// DrawStep enters the gate and then draws n ids of a sequence, as step "drawn" of a
// shared statement: one row, its column ids an array. In this order, so that whoever
// closes the gate has seen every id that was drawn before.
func DrawStep(sequence string, n int) db.Step {
	return db.Step{
		Name: "drawn",
		SQL: `SELECT array_agg(nextval('` + sequence + `')) AS ids
			FROM (SELECT pg_advisory_xact_lock_shared(7021974)) AS gate, generate_series(1, $1::int)`,
		Args: []any{n},
		Rows: 1,
	}
}

// Drawn is the SQL of the id that DrawStep gave to position n, from 1.
const Drawn = `(SELECT ids FROM drawn)[u.n]`

// Enter takes the gate as a writer until the end of tx. Post does it by itself.
func Enter(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared($1)`, gate)
	return err
}

// Close takes the gate alone until the end of tx: when it returns, every id below the
// highest visible one is committed or will never be.
func Close(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, gate)
	return err
}

// Post adds transfers. A guarded account that would go below zero refuses them all
// with the fault insufficient_funds.
func Post(ctx context.Context, tx *db.Tx, transfers ...Transfer) error {
	if err := Enter(ctx, tx); err != nil {
		return err
	}
	if err := moveGuarded(ctx, tx, transfers); err != nil {
		return err
	}
	if len(transfers) == 0 {
		return nil
	}
	record(ctx, transfers)
	return tx.Together(ctx, insertStep(tx.Now, transfers, "u.cause"))
}

// PostDrawnStep adds transfers that touch no guarded account as part of a shared
// statement: the cause of the i-th is the i-th id of its DrawStep.
func PostDrawnStep(at time.Time, transfers []Transfer) db.Step {
	return insertStep(at, transfers, Drawn)
}

func insertStep(at time.Time, transfers []Transfer, cause string) db.Step {
	n := len(transfers)
	events, causes := make([]string, n), make([]int64, n)
	debits, credits := make([]string, n), make([]string, n)
	amounts, campaigns := make([]int64, n), make([]int64, n)
	for i, t := range transfers {
		events[i], causes[i] = string(t.Event), t.Cause
		debits[i], credits[i] = string(t.Debit), string(t.Credit)
		amounts[i], campaigns[i] = int64(t.Amount), int64(t.Campaign)
	}
	return db.Step{
		Name: "posted",
		SQL: `INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
			SELECT $7::timestamptz, u.event, ` + cause + `, u.debit, u.credit, u.amount, u.campaign_id
			FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
				WITH ORDINALITY AS u(event, cause, debit, credit, amount, campaign_id, n)
			RETURNING 1`,
		Args: []any{db.Packed(events), db.Packed(causes), db.Packed(debits), db.Packed(credits),
			db.Packed(amounts), db.Packed(campaigns), at},
		Rows: n,
	}
}

// moveGuarded applies the transfers to the guarded balances, in the order of the
// accounts' names so that two transactions never wait for each other crosswise.
func moveGuarded(ctx context.Context, tx *db.Tx, transfers []Transfer) error {
	moves := map[Account]vouchers.Cents{}
	for _, t := range transfers {
		if t.Debit.Guarded() {
			moves[t.Debit] -= t.Amount
		}
		if t.Credit.Guarded() {
			moves[t.Credit] += t.Amount
		}
	}
	accounts := make([]Account, 0, len(moves))
	for a := range moves {
		accounts = append(accounts, a)
	}
	sort.Slice(accounts, func(i, j int) bool { return accounts[i] < accounts[j] })
	for _, a := range accounts {
		if err := moveOne(ctx, tx, a, moves[a]); err != nil {
			return err
		}
	}
	return nil
}

func moveOne(ctx context.Context, tx *db.Tx, a Account, by vouchers.Cents) error {
	if by >= 0 {
		_, err := tx.Exec(ctx, `
			INSERT INTO guarded_balances (account, balance) VALUES ($1, $2)
			ON CONFLICT ON CONSTRAINT guarded_balances_pkey
			DO UPDATE SET balance = guarded_balances.balance + excluded.balance`, a, by)
		return err
	}
	n, err := tx.Exec(ctx, `
		UPDATE guarded_balances SET balance = balance + $2 WHERE account = $1 AND balance + $2 >= 0`, a, by)
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "insufficient_funds", "asked", -by)
	}
	return err
}

// LockGuarded locks a guarded account and returns its balance, so that the caller may
// decide on it.
func LockGuarded(ctx context.Context, tx *db.Tx, a Account) (vouchers.Cents, error) {
	if err := moveOne(ctx, tx, a, 0); err != nil {
		return 0, err
	}
	var balance vouchers.Cents
	err := tx.Get(ctx, &balance, `SELECT balance FROM guarded_balances WHERE account = $1 FOR UPDATE`, a)
	return balance, err
}

// Asset reports whether the account is of what we have (or cost us): it grows by debits.
// All others are of what we owe or earn, and grow by credits.
func (a Account) Asset() bool {
	name := string(a)
	return strings.HasPrefix(name, "bank:") || strings.HasPrefix(name, "stripe:") || strings.HasPrefix(name, "costs:") ||
		a == Advances || strings.HasSuffix(name, ":fees_due") || strings.HasSuffix(name, ":debt")
}

package money

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// Tile is money that waits for somebody.
type Tile struct {
	Name   string         `json:"name" db:"name"` // "money.tile.<name>" says it
	Count  int            `json:"count" db:"count"`
	Amount vouchers.Cents `json:"amount_cents" db:"amount_cents"`
	Oldest vouchers.Day   `json:"oldest" db:"oldest"` // since when its oldest item waits
}

// AgeDays is how many days the oldest item has waited.
func (t Tile) AgeDays(today vouchers.Day) int { return int(today - t.Oldest) }

// tiles are the desk's, each a query of one row: how many, how much, since when. A room
// with money that can wait adds its own.
var tiles = []struct{ name, sql string }{
	{"credits", `SELECT count(*) AS count, sum(amount_cents) AS amount_cents, min(booked_on) AS oldest
		FROM statement_lines WHERE cause IS NULL AND outcome = 'unattributed'`},
	{"debits", `SELECT count(*), sum(amount_cents), min(booked_on) FROM statement_lines WHERE outcome = 'unexpected_debit'`},
	{"payouts", `SELECT count(*), sum(p.amount_cents), min(s.execution_on)
		FROM payouts p JOIN settlements s ON s.id = p.settlement_id WHERE p.state = 'in_transit'`},
	{"returned", `SELECT count(*), sum(p.amount_cents), min(COALESCE(p.booked_on, s.execution_on))
		FROM payouts p JOIN settlements s ON s.id = p.settlement_id WHERE p.state IN ('returned', 'rejected') AND p.reissued_in IS NULL`},
	{"refunds", `SELECT count(*), sum(amount_cents), min((proposed_at AT TIME ZONE 'Europe/Paris')::date) FROM refunds WHERE state = 'proposed'`},
	{"debts", `SELECT count(*), sum(debt), min(since) FROM (` + ordersInDebt + `) AS d`},
	{"writeoffs", `SELECT count(*), sum(amount_cents), min((requested_at AT TIME ZONE 'Europe/Paris')::date) FROM debt_writeoffs WHERE state = 'requested'`},
}

// tilesNow counts them, and leaves out those with nothing in them.
func tilesNow(ctx context.Context, tx *db.Tx) ([]Tile, error) {
	all := []Tile{}
	for _, t := range tiles {
		var found []Tile
		err := tx.Select(ctx, &found, `
			SELECT $1::text AS name, q.count, COALESCE(q.amount_cents, 0)::bigint AS amount_cents, q.oldest
			FROM (`+t.sql+`) AS q(count, amount_cents, oldest) WHERE q.count > 0`, t.name)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

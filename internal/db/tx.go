package db

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// Tx is one transaction. Now is its one time: decisions about money and dates use
// it, and SQL has no time of its own.
type Tx struct {
	Now   time.Time
	db    *DB
	inner *sqlx.Tx
}

// Exec runs a statement and returns how many rows it touched.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := tx.inner.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Get reads exactly one row into dst (a scalar, or a struct with db tags).
func (tx *Tx) Get(ctx context.Context, dst any, query string, args ...any) error {
	return tx.inner.GetContext(ctx, dst, query, args...)
}

// Select reads all rows into the slice that dst points to.
func (tx *Tx) Select(ctx context.Context, dst any, query string, args ...any) error {
	return tx.inner.SelectContext(ctx, dst, query, args...)
}

// SelectPrepared is Select by a statement that stays prepared on each connection. It
// saves parsing and planning where a statement runs thousands of times a second.
func (tx *Tx) SelectPrepared(ctx context.Context, dst any, query string, args ...any) error {
	if tx.db.pooled {
		return tx.Select(ctx, dst, query, args...)
	}
	stmt, err := tx.db.prepare(ctx, query)
	if err != nil {
		return err
	}
	return tx.inner.StmtxContext(ctx, stmt).SelectContext(ctx, dst, args...)
}

// Together runs steps as one statement of the transaction.
func (tx *Tx) Together(ctx context.Context, steps ...Step) error {
	var done []bool
	query, args := join(steps, "SELECT true FROM counted")
	return tx.SelectPrepared(ctx, &done, query, args...)
}

// TogetherInto is Together with a last SELECT from the steps and from "counted", read into
// dst.
func (tx *Tx) TogetherInto(ctx context.Context, dst any, final string, steps ...Step) error {
	query, args := join(steps, final)
	return tx.SelectPrepared(ctx, dst, query, args...)
}

// Each visits the rows of a query one by one, as they come: however many there are, one
// is held at a time. Nothing else may run in tx before the last one.
func Each[T any](ctx context.Context, tx *Tx, visit func(T) error, query string, args ...any) error {
	rows, err := tx.inner.QueryxContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row T
		if err := rows.StructScan(&row); err != nil {
			return err
		}
		if err := visit(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

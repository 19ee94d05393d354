package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"
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
	stmt, err := tx.db.prepare(ctx, query)
	if err != nil {
		return err
	}
	return tx.inner.StmtxContext(ctx, stmt).SelectContext(ctx, dst, args...)
}

func (d *DB) prepare(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if stmt, ok := d.prepared.Load(query); ok {
		return stmt.(*sqlx.Stmt), nil
	}
	stmt, err := d.pool.PreparexContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if earlier, loaded := d.prepared.LoadOrStore(query, stmt); loaded {
		stmt.Close()
		return earlier.(*sqlx.Stmt), nil
	}
	return stmt, nil
}

// Step is one room's part of a statement that several rooms share. SQL is a complete
// INSERT, UPDATE or DELETE with RETURNING and placeholders from $1; Rows is how many
// rows it must touch.
type Step struct {
	SQL  string
	Args []any
	Rows int
}

// Together runs steps as one statement, in one round trip, each step counted. The
// steps see the same snapshot and must not touch each other's rows. An error, or a
// step that touched another number of rows than promised, means that the caller has
// to give the transaction up.
func (tx *Tx) Together(ctx context.Context, steps ...Step) error {
	query, args := join(steps)
	var touched []int
	if err := tx.SelectPrepared(ctx, &touched, query, args...); err != nil {
		return err
	}
	for i, step := range steps {
		if touched[i] != step.Rows {
			return fmt.Errorf("db: step %d touched %d rows, not %d", i, touched[i], step.Rows)
		}
	}
	return nil
}

// join numbers the placeholders anew and makes each step a common table expression.
func join(steps []Step) (string, []any) {
	var with, counts strings.Builder
	var args []any
	for i, step := range steps {
		if i > 0 {
			with.WriteString(",\n")
			counts.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&with, "s%d AS (%s)", i, renumber(step.SQL, len(args)))
		fmt.Fprintf(&counts, "SELECT count(*)::int FROM s%d", i)
		args = append(args, step.Args...)
	}
	return "WITH " + with.String() + "\n" + counts.String(), args
}

// renumber raises every $n of a statement by shift.
func renumber(query string, shift int) string {
	var b strings.Builder
	for i := 0; i < len(query); i++ {
		b.WriteByte(query[i])
		if query[i] != '$' {
			continue
		}
		j := i + 1
		for j < len(query) && query[j] >= '0' && query[j] <= '9' {
			j++
		}
		if n, err := strconv.Atoi(query[i+1 : j]); err == nil {
			b.WriteString(strconv.Itoa(n + shift))
			i = j - 1
		}
	}
	return b.String()
}

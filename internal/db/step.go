package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Step is one room's part of a statement that several rooms share, in one round trip.
// Each room keeps the SQL of its own tables.
type Step struct {
	Name string // of the common table expression that it becomes
	SQL  string // a complete statement with RETURNING, placeholders from $1; it may read earlier steps by name
	Args []any
	Rows int // how many rows it must touch; another number undoes the whole statement
}

// Alone runs one statement as a transaction of its own, prepared once per connection.
// Its error is the database's refusal, or ErrUnknown.
func (d *DB) Alone(ctx context.Context, dst any, query string, args ...any) error {
	stmt, err := d.prepare(ctx, query)
	if err != nil {
		return unavailable(err)
	}
	doubts := d.doubts.Load()
	return d.settle(doubts, stmt.SelectContext(ctx, dst, args...))
}

// TogetherAlone runs steps as one statement that is a transaction of its own, and
// reads into dst what final, a SELECT from the steps and from "counted", gives.
func (d *DB) TogetherAlone(ctx context.Context, dst any, final string, steps ...Step) error {
	query, args := join(steps, final)
	return d.Alone(ctx, dst, query, args...)
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

// join numbers the placeholders anew, makes each step a common table expression and
// adds "counted", which fails unless each step touched as many rows as it promised.
func join(steps []Step, final string) (string, []any) {
	var with, demands strings.Builder
	var args []any
	for i, step := range steps {
		if i > 0 {
			demands.WriteString(", ")
		}
		fmt.Fprintf(&with, "%s AS MATERIALIZED (%s),\n", step.Name, renumber(step.SQL, len(args)))
		args = append(args, step.Args...)
		args = append(args, step.Rows)
		fmt.Fprintf(&demands, "demand_rows('%s', (SELECT count(*) FROM %s), $%d)", step.Name, step.Name, len(args))
	}
	return "WITH " + with.String() + "counted AS MATERIALIZED (SELECT " + demands.String() + ")\n" + final, args
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

package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"
)

// Step is one room's part of a statement that several rooms share, in one round trip.
// Each room keeps the SQL of its own tables.
type Step struct {
	Name string // of the common table expression that it becomes
	SQL  string // a complete statement that returns its rows, placeholders from $1; it may read earlier steps by name
	Args []any
	Rows int // how many rows it must touch; another number undoes the whole statement
}

// Alone runs one statement as a transaction of its own, prepared once per connection.
// Its error is the database's refusal, or ErrUnknown. The pool sends it again by itself
// when its connection breaks, perhaps after the server was done with it: a statement that
// writes must have one effect however often it runs, as a unique key or a guard gives it.
// Through a pooler in transaction mode it is sent unprepared.
func (d *DB) Alone(ctx context.Context, dst any, query string, args ...any) error {
	if d.pooled {
		return d.aloneThroughPooler(ctx, dst, query, args)
	}
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

// join makes one statement of steps, and the values of its placeholders.
func join(steps []Step, final string) (string, []any) {
	var args []any
	promised := make([]int64, len(steps))
	same := recipe{final: final}
	for i, step := range steps {
		args = append(args, step.Args...)
		promised[i] = int64(step.Rows)
		same.steps[i] = step.SQL
	}
	args = append(args, Packed(promised))
	if text, ok := written.Load(same); ok {
		return text.(string), args
	}
	text := write(steps, final)
	written.Store(same, text)
	return text, args
}

// recipe is what decides the text of a joined statement: the constants that a few callers
// give, so there are as many as callers.
type recipe struct {
	final string
	steps [8]string
}

var written sync.Map // recipe → statement

// write numbers the placeholders anew, makes each step a common table expression and
// adds "counted", which fails unless each step touched as many rows as it promised.
func write(steps []Step, final string) string {
	var with, counts strings.Builder
	used := 0
	for i, step := range steps {
		if i > 0 {
			counts.WriteString(", ")
		}
		fmt.Fprintf(&with, "%s AS MATERIALIZED (%s),\n", step.Name, renumber(step.SQL, used))
		fmt.Fprintf(&counts, "(SELECT count(*) FROM %s)", step.Name)
		used += len(step.Args)
	}
	return fmt.Sprintf("WITH %scounted AS MATERIALIZED (SELECT demand_rows(ARRAY[%s], $%d))\n%s",
		with.String(), counts.String(), used+1, final)
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

package db

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
)

// A pooler in transaction mode (pgbouncer's pool_mode = transaction) lends a server
// connection for one transaction at a time. Whatever a connection would keep between
// two transactions is then lost or, worse, somebody else's: prepared statements,
// settings, advisory locks, LISTEN. DATABASE_URL says that there is one with
// ?pool_mode=transaction; PostgreSQL has no parameter of this name. Then
//
//   - statements are sent unprepared (binary_parameters keeps them at one round trip);
//   - Alone takes a transaction of its own where its pool has settings, which are set
//     for that transaction only: four round trips instead of one;
//   - Listen hears nothing, so jobs are found by polling;
//   - Migrate applies nothing, because its lock belongs to a connection: `passerelle
//     migrate` with the server's own address comes first.
const poolMode = "pool_mode"

// throughPooler takes pool_mode off a URL, because the server would refuse it, and
// reports whether there is a pooler in transaction mode on the way.
func throughPooler(address string) (direct string, pooled bool, err error) {
	u, err := url.Parse(address)
	if err != nil || !u.Query().Has(poolMode) {
		return address, false, nil // an address that cannot be read is the driver's to refuse
	}
	q := u.Query()
	switch mode := q.Get(poolMode); mode {
	case "transaction":
		pooled = true
	case "session": // as good as a connection of one's own
	default:
		return "", false, fmt.Errorf("DATABASE_URL: pool_mode is transaction or session, not %q", mode)
	}
	q.Del(poolMode)
	u.RawQuery = q.Encode()
	return u.String(), pooled, nil
}

// aloneThroughPooler is Alone where nothing outlives a transaction.
func (d *DB) aloneThroughPooler(ctx context.Context, dst any, query string, args []any) error {
	if len(d.settings) == 0 {
		doubts := d.doubts.Load()
		return d.settle(doubts, d.pool.SelectContext(ctx, dst, query, args...))
	}
	return d.run(ctx, nil, func(tx *Tx) error {
		names := slices.Sorted(maps.Keys(d.settings))
		values := make([]string, len(names))
		for i, name := range names {
			values[i] = d.settings[name]
		}
		_, err := tx.Exec(ctx, `SELECT set_config(s.name, s.value, true) FROM unnest($1::text[], $2::text[]) AS s(name, value)`,
			Array(names), Array(values))
		if err != nil {
			return err
		}
		return tx.Select(ctx, dst, query, args...)
	})
}

// Package db is the way to PostgreSQL, and the only user of sqlx, lib/pq and
// database/sql. Everybody else sees a Tx.
//
// All money rests on READ COMMITTED, row locks, guarded updates and unique
// constraints. SERIALIZABLE is never used: PostgreSQL 15 let write skew commit in
// silence under load (docs/decisions/0002-read-committed.md).
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/passerelle/passerelle/internal/fault"
)

// ErrNoRows is what Get returns when nothing matches.
var ErrNoRows = sql.ErrNoRows

// ErrUnknown marks an outcome that nobody knows: the COMMIT was sent and no clear
// answer came back. It is resolved by a replay with the same key, never reported as
// a failure (three outcomes: done, refused, unknown).
var ErrUnknown = fault.New(fault.Unavailable, "outcome_unknown")

// retries bounds how often a transaction is redone after a deadlock (40P01) or a
// serialization failure (40001).
const retries = 5

// Clock tells the time. Only package app may hand in time.Now.
type Clock func() time.Time

// DB is a pool of connections and a clock.
type DB struct {
	pool     *sqlx.DB
	url      string
	clock    Clock
	retries  int
	prepared *sync.Map     // query → *sqlx.Stmt
	doubts   *atomic.Int64 // successes that the server itself put in doubt
	pooled   bool          // through a pooler in transaction mode, see pooler.go
	settings map[string]string
}

// Open connects and pings. binary_parameters is switched on so that a statement with
// values takes one round trip and survives a pooler in transaction mode.
func Open(ctx context.Context, url string, clock Clock) (*DB, error) {
	return open(ctx, url, clock, 32, nil)
}

// walking are the settings of a pool for statements that run thousands of times a
// second on a handful of rows each: they are planned once and always walk the indexes,
// whatever the statistics say of tables that were empty when the plan was made, and
// wait for nobody.
var walking = map[string]string{
	"plan_cache_mode": "force_generic_plan",
	"enable_seqscan":  "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"jit": "off", "lock_timeout": "100ms",
}

// Walking opens a second, small pool on the same server for such statements. It redoes
// nothing by itself, and gives a connection up that is silent for five seconds: its
// callers need no context to bound a statement.
func (d *DB) Walking(ctx context.Context) (*DB, error) {
	w, err := open(ctx, d.url, d.clock, 4, walking)
	if err != nil {
		return nil, err
	}
	w.retries = 0
	return w, nil
}

// open opens a pool of at most so many connections; with settings, they have those and
// are patient.
func open(ctx context.Context, url string, clock Clock, most int, settings map[string]string) (*DB, error) {
	address, pooled, err := connectionAddress(url, settings)
	if err != nil {
		return nil, err
	}
	base, err := pq.NewConnector(address)
	if err != nil {
		return nil, fmt.Errorf("the database address cannot be read: %w", err)
	}
	if settings != nil {
		base.Dialer(patient{})
	}
	doubts := new(atomic.Int64)
	pool := sqlx.NewDb(sql.OpenDB(pq.ConnectorWithNoticeHandler(base, func(notice *pq.Error) {
		if strings.HasPrefix(notice.Message, "canceling wait for synchronous replication") {
			doubts.Add(1)
		}
	})), "postgres")
	pool.SetMaxOpenConns(most)
	pool.SetMaxIdleConns(max(most/2, 2))
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("the database does not answer: %w", err)
	}
	return &DB{pool: pool, url: url, clock: clock, retries: retries, prepared: new(sync.Map), doubts: doubts,
		pooled: pooled, settings: settings}, nil
}

// connectionAddress is what the driver connects with. Through a pooler in transaction
// mode the settings are left out: a connection there is not the server's.
func connectionAddress(url string, settings map[string]string) (address string, pooled bool, err error) {
	if address, pooled, err = throughPooler(url); err != nil {
		return "", false, err
	}
	if address, err = withParameter(address, "binary_parameters", "yes"); err != nil || pooled {
		return address, pooled, err
	}
	for name, value := range settings {
		if address, err = withParameter(address, name, value); err != nil {
			return "", false, err
		}
	}
	return address, false, nil
}

// Close gives all connections back.
func (d *DB) Close() error { return d.pool.Close() }

// Ping asks the server for a sign of life.
func (d *DB) Ping(ctx context.Context) error { return d.pool.PingContext(ctx) }

// Now is the injected clock's time.
func (d *DB) Now() time.Time { return d.clock() }

// WithoutRetries gives a view of the same pool that redoes nothing, for the tests
// that look for deadlocks: retries would hide them.
func (d *DB) WithoutRetries() *DB {
	bare := *d
	bare.retries = 0
	return &bare
}

// Stats tells how the pool is used.
func (d *DB) Stats() sql.DBStats { return d.pool.Stats() }

// InTx runs do in one READ COMMITTED transaction: committed when do returns nil,
// rolled back on an error or a panic, redone a bounded number of times after a
// deadlock. The context bounds each statement, not the COMMIT: a cancelled COMMIT
// would be neither done nor undone.
func (d *DB) InTx(ctx context.Context, do func(tx *Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := d.run(ctx, nil, do)
		if err == nil || attempt >= d.retries || !worthRetrying(err) || ctx.Value(rehearsal{}) != nil {
			return err
		}
		pause := time.Duration(1+rand.IntN(10<<attempt)) * time.Millisecond
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

type rehearsal struct{}

// Rehearsal returns a context in which transactions do everything and keep nothing: where
// they would commit they are rolled back. They are not redone after a deadlock.
func Rehearsal(ctx context.Context) context.Context {
	return context.WithValue(ctx, rehearsal{}, true)
}

// Read runs do on one unchanging snapshot that cannot write.
func (d *DB) Read(ctx context.Context, do func(tx *Tx) error) error {
	return d.run(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, do)
}

func (d *DB) run(ctx context.Context, opts *sql.TxOptions, do func(tx *Tx) error) (err error) {
	doubts := d.doubts.Load()
	// Not ctx: lib/pq would cancel the COMMIT with it, and PostgreSQL answers a
	// cancelled wait for its standby with success and a notice (finding 2).
	inner, err := d.pool.BeginTxx(context.WithoutCancel(ctx), opts)
	if err != nil {
		return unavailable(err)
	}
	finished := false
	defer func() {
		if !finished {
			inner.Rollback() // after a panic; its own error adds nothing
		}
	}()
	err = do(&Tx{Now: d.clock(), db: d, inner: inner})
	finished = true
	if err != nil {
		return undone(err, inner.Rollback())
	}
	if ctx.Value(rehearsal{}) != nil {
		return inner.Rollback()
	}
	return d.settle(doubts, commit(ctx, inner))
}

// undone is the error of a transaction that was rolled back. Where the connection was
// lost with it, or the server has run out of something, the server is at fault and not
// the request: nothing was done, and the same request may be sent again.
func undone(err, rollback error) error {
	var known *fault.Error
	var refused *pq.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(rollback, driver.ErrBadConn), errors.As(err, &refused) && refused.Code.Class() == "53":
		return unavailable(err)
	}
	return err
}

// commit sends the COMMIT and waits for its answer, a second longer than ctx lasts.
func commit(ctx context.Context, inner *sqlx.Tx) error {
	if ctx.Done() == nil {
		return inner.Commit()
	}
	answer := make(chan error, 1)
	go func() { answer <- inner.Commit() }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-answer:
		return err
	case <-time.After(time.Second):
		return errors.New("no answer yet")
	}
}

// settle sorts the answer to a COMMIT into done, refused or unknown. doubts is how
// many doubts there were before: one more, on whichever connection, and a success is
// not believed.
func (d *DB) settle(doubts int64, err error) error {
	var refused *pq.Error
	switch {
	case errors.As(err, &refused) && refused.Code.Class() != "08" && refused.Code.Class() != "57":
		return err
	case err != nil:
		return fmt.Errorf("commit: %v: %w", err, ErrUnknown)
	case d.doubts.Load() != doubts:
		return fmt.Errorf("commit: not confirmed by the standby: %w", ErrUnknown)
	}
	return nil
}

func worthRetrying(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

func unavailable(err error) error {
	return fmt.Errorf("database: %w: %w", err, fault.New(fault.Unavailable, "database_unavailable"))
}

// IsLockTimeout reports whether err is a lock that was not to be had in time (55P03).
func IsLockTimeout(err error) bool { return hasCode(err, "55P03") }

// IsDemand reports whether err is a step that touched another number of rows than it
// promised.
func IsDemand(err error) bool { return hasCode(err, "PS001") }

// IsUnique reports whether err is a violation of the named unique constraint.
func IsUnique(err error, constraint string) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code == "23505" && e.Constraint == constraint
}

// IsCheck reports whether err is a violation of the named check constraint.
func IsCheck(err error, constraint string) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code == "23514" && e.Constraint == constraint
}

func hasCode(err error, code pq.ErrorCode) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code == code
}

// Array makes a slice usable as = ANY($1) or unnest($1::bigint[]).
func Array(slice any) any { return pq.Array(slice) }

// withParameter adds a connection parameter to a URL or key=value address.
func withParameter(address, name, value string) (string, error) {
	if !strings.Contains(address, "://") {
		if strings.Contains(address, name+"=") {
			return address, nil
		}
		return address + " " + name + "=" + value, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("DATABASE_URL cannot be read as an address: %w", err)
	}
	q := u.Query()
	if !q.Has(name) {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Int64s scans a bigint[]; NULL becomes empty.
type Int64s = pq.Int64Array

// Strings scans a text[].
type Strings = pq.StringArray

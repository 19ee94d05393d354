package jobs

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
)

// channel is what runners listen to.
const channel = "jobs"

func insert(ctx context.Context, tx *db.Tx, job Job, payload []byte) (int64, error) {
	return tx.Exec(ctx, `
		INSERT INTO jobs (kind, unique_key, payload, run_at, attempts, max_attempts, state, last_error, created_at)
		VALUES ($1, nullif($2, ''), $3::jsonb, $4, 0, $5, 'queued', '', $6)
		ON CONFLICT ON CONSTRAINT jobs_unique_key DO NOTHING`,
		job.Kind, job.Unique, string(payload), job.RunAt, job.MaxAttempts, tx.Now)
}

// insertPeriod adds one period's run unless that period has one already or an earlier
// one is still at work.
func insertPeriod(ctx context.Context, tx *db.Tx, kind, key string) (int64, error) {
	return tx.Exec(ctx, `
		INSERT INTO jobs (kind, unique_key, payload, run_at, attempts, max_attempts, state, last_error, created_at)
		SELECT $1, $2, '{}', $3, 0, $4, 'queued', '', $3
		WHERE NOT EXISTS (SELECT 1 FROM jobs AS open WHERE open.kind = $1 AND open.state IN ('queued', 'running'))
		ON CONFLICT ON CONSTRAINT jobs_unique_key DO NOTHING`,
		kind, key, tx.Now, DefaultAttempts)
}

func notify(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_notify($1, '')`, channel)
	return err
}

// claimed is a job in the hands of this runner, or one it found abandoned for good.
type claimed struct {
	ID          ID     `db:"id"`
	Kind        string `db:"kind"`
	Payload     []byte `db:"payload"`
	Attempts    int    `db:"attempts"`
	MaxAttempts int    `db:"max_attempts"`
	State       string `db:"state"`
}

func (c claimed) work() Work {
	return Work{ID: c.ID, Kind: c.Kind, Attempt: c.Attempts, Payload: c.Payload}
}

// claim takes the job that has been due longest among kinds, if any. The attempt is
// counted when it begins, so that a job that kills its process runs out of attempts
// too: found abandoned after its last one, it comes back dead.
func claim(ctx context.Context, tx *db.Tx, kinds []string, lease time.Duration) ([]claimed, error) {
	var got []claimed
	err := tx.Select(ctx, &got, `
		WITH due AS MATERIALIZED (
			SELECT id FROM jobs
			WHERE state IN ('queued', 'running') AND coalesce(lease_until, run_at) <= $1 AND kind = ANY($2)
			ORDER BY coalesce(lease_until, run_at), id
			LIMIT 1 FOR UPDATE SKIP LOCKED)
		UPDATE jobs SET
			state       = CASE WHEN attempts < max_attempts THEN 'running' ELSE 'dead' END,
			lease_until = CASE WHEN attempts < max_attempts THEN $3::timestamptz END,
			finished_at = CASE WHEN attempts < max_attempts THEN NULL ELSE $1::timestamptz END,
			last_error  = CASE WHEN attempts < max_attempts THEN last_error ELSE 'abandoned during the last attempt' END,
			attempts    = least(attempts + 1, max_attempts)
		FROM due WHERE jobs.id = due.id
		RETURNING jobs.id, jobs.kind, jobs.payload, jobs.attempts, jobs.max_attempts, jobs.state`,
		tx.Now, db.Array(kinds), tx.Now.Add(lease))
	return got, err
}

// The three ways a job leaves a runner's hands are fenced by the number of attempts: it
// only ever grows, so a holder whose lease was taken over matches no row.

func finish(ctx context.Context, tx *db.Tx, w Work) error {
	return held(tx.Exec(ctx, `
		UPDATE jobs SET state = 'done', lease_until = NULL, finished_at = $3, payload = '{}', last_error = ''
		WHERE id = $1 AND attempts = $2 AND state IN ('running', 'done')`, w.ID, w.Attempt, tx.Now))
}

func bury(ctx context.Context, tx *db.Tx, w Work, reason string) error {
	return held(tx.Exec(ctx, `
		UPDATE jobs SET state = 'dead', lease_until = NULL, finished_at = $3, last_error = $4
		WHERE id = $1 AND attempts = $2 AND state = 'running'`, w.ID, w.Attempt, tx.Now, reason))
}

func putBack(ctx context.Context, tx *db.Tx, w Work, runAt time.Time, reason string) error {
	return held(tx.Exec(ctx, `
		UPDATE jobs SET state = 'queued', lease_until = NULL, run_at = $3, last_error = $4
		WHERE id = $1 AND attempts = $2 AND state = 'running'`, w.ID, w.Attempt, runAt, reason))
}

func held(rows int64, err error) error {
	if err == nil && rows == 0 {
		return ErrLost
	}
	return err
}

// revive keeps the count of attempts, because it is the fence.
func revive(ctx context.Context, tx *db.Tx, id ID) (int64, error) {
	return tx.Exec(ctx, `
		UPDATE jobs SET state = 'queued', run_at = $2, finished_at = NULL, max_attempts = attempts + $3
		WHERE id = $1 AND state = 'dead'`, id, tx.Now, DefaultAttempts)
}

func selectStats(ctx context.Context, tx *db.Tx) ([]Stat, error) {
	var rows []struct {
		Kind   string    `db:"kind"`
		State  string    `db:"state"`
		Count  int64     `db:"count"`
		Oldest time.Time `db:"oldest"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT kind, state, count(*) AS count, min(run_at) AS oldest
		FROM jobs WHERE state = 'queued' GROUP BY kind, state
		UNION ALL
		SELECT kind, state, count(*) AS count, min(created_at) AS oldest
		FROM jobs WHERE state = 'running' GROUP BY kind, state
		UNION ALL
		SELECT kind, state, count(*) AS count, min(finished_at) AS oldest
		FROM jobs WHERE state = 'dead' OR (state = 'done' AND finished_at > $1) GROUP BY kind, state
		ORDER BY kind, state`, tx.Now.Add(-24*time.Hour))
	stats := make([]Stat, len(rows))
	for i, r := range rows {
		stats[i] = Stat{Kind: r.Kind, State: r.State, Count: r.Count, Oldest: max(0, tx.Now.Sub(r.Oldest))}
	}
	return stats, err
}

func selectDead(ctx context.Context, tx *db.Tx) ([]DeadJob, error) {
	var dead []DeadJob
	err := tx.Select(ctx, &dead, `
		SELECT id, kind, attempts, last_error, created_at, finished_at
		FROM jobs WHERE state = 'dead' ORDER BY finished_at DESC, id DESC LIMIT 100`)
	return dead, err
}

func deleteDone(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	return tx.Exec(ctx, `
		DELETE FROM jobs
		WHERE state = 'done' AND finished_at < $1 AND (unique_key IS NULL OR starts_with(kind, $2))`,
		before, periodicPrefix)
}

func deletePeriodic(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM jobs WHERE starts_with(kind, $1)`, periodicPrefix)
	return err
}

// release takes jobs out of the hands of runners that are not there.
func release(ctx context.Context, tx *db.Tx, kinds []string) error {
	_, err := tx.Exec(ctx, `
		UPDATE jobs SET state = 'queued', lease_until = NULL, run_at = $2, max_attempts = attempts + $3
		WHERE state = 'running' AND kind = ANY ($1)`, db.Array(kinds), tx.Now, DefaultAttempts)
	return err
}

func endOthers(ctx context.Context, tx *db.Tx, except []string) (int64, error) {
	return tx.Exec(ctx, `
		UPDATE jobs SET state = 'done', lease_until = NULL, finished_at = $2, payload = '{}', last_error = ''
		WHERE state IN ('queued', 'running') AND kind <> ALL ($1)`, db.Array(except), tx.Now)
}

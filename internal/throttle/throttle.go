// Package throttle bounds how often something may be tried. The counts are in the
// database, so that all nodes share them. A bucket is stored as a hash only.
package throttle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
)

// Longest bounds a throttle's period. No refusal outlasts its period (but for rounding
// up to a second), so nobody honest is locked out for more than fifteen minutes.
const Longest = 15 * time.Minute

// Take counts one try in bucket ("sign-in:" + address, "check:" + token, …) and refuses
// with rate_limited when limit tries were made within per. The fault's "wait" is the
// time.Duration after which one more try passes, unless somebody else takes it.
//
// Give Take a transaction of its own, committed before the thing that is tried: a
// failure that rolled the count back would make failures free. Refused tries count for
// nothing, so that insisting does not prolong the wait.
func Take(ctx context.Context, tx *db.Tx, bucket string, limit int, per time.Duration) error {
	if limit < 1 || per < time.Second || per > Longest {
		return fmt.Errorf("throttle: %d tries in %s is no limit", limit, per)
	}
	key := hash(bucket, per)
	start := tx.Now.UTC().Truncate(per)
	w := window{limit: limit, per: per, elapsed: tx.Now.Sub(start)}
	var err error
	if w.before, w.current, err = counts(ctx, tx, key, start, start.Add(-per)); err != nil {
		return err
	}
	counted, err := count(ctx, tx, key, start, w.room())
	if err != nil || counted {
		return err
	}
	if w.before, w.current, err = counts(ctx, tx, key, start, start.Add(-per)); err != nil {
		return err
	}
	return fault.New(fault.RateLimited, "rate_limited", "wait", time.Duration(w.wait())*time.Second)
}

// Sweep deletes counts that no longer matter and returns how many.
func Sweep(ctx context.Context, tx *db.Tx) (int64, error) {
	return deleteBefore(ctx, tx, tx.Now.Add(-2*Longest))
}

// hash names a bucket. The period is part of it because windows of different lengths
// must not be added up.
func hash(bucket string, per time.Duration) string {
	sum := sha256.Sum256([]byte(per.String() + " " + bucket))
	return hex.EncodeToString(sum[:])
}

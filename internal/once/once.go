// Package once gives every write one effect per key: the key and a hash of the
// request are stored with the answer in the transaction of the effect. The same key
// and request get the same answer again; the same key with another request is
// refused.
package once

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// Token is one request's key on its way through a use case. Replayed is set when the
// answer was given before.
type Token struct {
	Key      string
	Replayed bool
}

type carried struct{}

// With returns a context that carries the request's key. An empty key is not carried.
func With(ctx context.Context, key string) (context.Context, *Token) {
	t := &Token{Key: key}
	if key == "" {
		return ctx, t
	}
	return context.WithValue(ctx, carried{}, t), t
}

// From returns the request's token, or nil where the caller gave no key (a job, a
// command).
func From(ctx context.Context) *Token {
	t, _ := ctx.Value(carried{}).(*Token)
	return t
}

// Conflict is the fault of one key used for two requests.
var Conflict = fault.New(fault.Invalid, "idempotency_conflict")

// CheckKey refuses keys that are too short to be unique or too long to store.
func CheckKey(key string) error {
	if key != "" && (len(key) < 8 || len(key) > 200) {
		return fault.New(fault.Invalid, "idempotency_key_length")
	}
	return nil
}

// Hash is the fingerprint of a request: what it does, and its values as JSON.
func Hash(action string, request any) ([]byte, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("once: request of %s: %w", action, err)
	}
	sum := sha256.Sum256(append([]byte(action+"\x00"), body...))
	return sum[:], nil
}

// Do runs effect at most once for the key that ctx carries, within scope (the
// caller's organisation) and tx. Without a key it just runs it. Concurrent requests
// with one key wait for each other on the key's row.
func Do[T any](ctx context.Context, tx *db.Tx, scope vouchers.OrganisationID, action string, request any, effect func() (T, error)) (T, error) {
	var answer T
	token := From(ctx)
	if token == nil {
		return effect()
	}
	hash, err := Hash(action, request)
	if err != nil {
		return answer, err
	}
	if err := claim(ctx, tx, scope, token.Key, hash); err != nil {
		return answer, err
	}
	stored, err := touch(ctx, tx, scope, token.Key)
	if err != nil {
		return answer, err
	}
	if !bytes.Equal(stored.Hash, hash) {
		return answer, Conflict
	}
	if stored.Answer != "" {
		token.Replayed = true
		return answer, json.Unmarshal([]byte(stored.Answer), &answer)
	}
	if answer, err = effect(); err != nil {
		return answer, err
	}
	return answer, keep(ctx, tx, scope, token.Key, answer)
}

// Stored is what is known of a key.
type Stored struct {
	Hash   []byte `db:"request_hash"`
	Answer string `db:"answer"`
}

func claim(ctx context.Context, tx *db.Tx, scope vouchers.OrganisationID, key string, hash []byte) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO idempotency_keys (scope, key, request_hash, answer, created_at, replays)
		VALUES ($1, $2, $3, '', $4, -1)
		ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING`, scope, key, hash, tx.Now)
	return err
}

// touch reads the key's row and writes to it: an acknowledgement, replays included,
// rests on a logged write of its own (SECURITY finding 2).
func touch(ctx context.Context, tx *db.Tx, scope vouchers.OrganisationID, key string) (Stored, error) {
	var s Stored
	err := tx.Get(ctx, &s, `
		UPDATE idempotency_keys SET replays = replays + 1
		WHERE scope = $1 AND key = $2
		RETURNING request_hash, answer`, scope, key)
	if errors.Is(err, db.ErrNoRows) {
		return s, fmt.Errorf("once: the key's row is gone")
	}
	return s, err
}

func keep[T any](ctx context.Context, tx *db.Tx, scope vouchers.OrganisationID, key string, answer T) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("once: answer: %w", err)
	}
	_, err = tx.Exec(ctx, `UPDATE idempotency_keys SET answer = $3 WHERE scope = $1 AND key = $2`, scope, key, string(body))
	return err
}

// KeepDrawnStep stores the answers of a batch as part of a shared statement: one row
// per key, all of them new. An answer is a format of PostgreSQL whose %s becomes the id
// that step "drawn" gave to its position (see Template).
func KeepDrawnStep(at time.Time, scopes []int64, keys []string, hashes [][]byte, answers []string) db.Step {
	return db.Step{
		Name: "kept",
		SQL: `INSERT INTO idempotency_keys (scope, key, request_hash, answer, created_at, replays)
			SELECT u.scope, u.key, u.hash, format(u.answer, (SELECT ids FROM drawn)[u.n]), $5::timestamptz, 0
			FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[]) WITH ORDINALITY AS u(scope, key, hash, answer, n)
			RETURNING 1`,
		Args: []any{db.Packed(scopes), db.Packed(keys), db.Packed(hashes), db.Packed(answers), at},
		Rows: len(keys),
	}
}

// Template makes the format for an answer that is JSON and begins with its id, not yet
// known: {"id":0,…
func Template(answer []byte) string {
	const unknown = `{"id":0,`
	rest, found := strings.CutPrefix(string(answer), unknown)
	if !found {
		panic("once: the answer does not begin with an unknown id")
	}
	return `{"id":%s,` + strings.ReplaceAll(rest, "%", "%%")
}

// Touch writes to the rows of replayed keys, in a transaction of its own, before their
// answers are given again (SECURITY finding 2).
func Touch(ctx context.Context, d *db.DB, scopes []int64, keys []string) error {
	var touched []int
	return d.Alone(ctx, &touched, `
		UPDATE idempotency_keys k SET replays = k.replays + 1
		FROM unnest($1::bigint[], $2::text[]) AS u(scope, key)
		WHERE k.scope = u.scope AND k.key = u.key RETURNING 1`, db.Packed(scopes), db.Packed(keys))
}

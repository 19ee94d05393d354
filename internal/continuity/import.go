package continuity

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// Import is what another operator's empty instance takes over.
type Import struct {
	Dir      string
	Identity []byte            // the trustee's file of private keys, of age
	Trusted  ed25519.PublicKey // the operator's key of seals, as the trustee has noted it; nil: the one that the export names
	Paid     bool              // the payment file was given to the bank

	PutKeys func(*vouchers.Keyring) error // puts the export's keys and a new one in place; called last, before the commit
	GoOn    []string                      // kinds of jobs without an effect outside, which are carried on
}

// Imported tells what was taken over.
type Imported struct {
	At         time.Time          `json:"at"` // what happened after that at the operator before is not in it
	Operator   string             `json:"operator_before"`
	Rows       int64              `json:"rows"`
	Key        vouchers.PublicKey `json:"key"`
	Shelved    int64              `json:"jobs_not_carried_on"`  // letters that waited, mostly: whether they were sent is not known
	Settlement string             `json:"settlement,omitempty"` // that was paid by the trustee
	Invariants map[string]bool    `json:"invariants"`
}

// batchBytes is how much is inserted by one statement.
const batchBytes = 1 << 20

// Import fills an empty instance from an export, all or nothing. It is the command line's,
// which needs no actor: whoever runs it holds the database, and the trustee's private key. Its
// faults are CheckFolder's, trustee_identity_malformed, trustee_identity_wrong,
// continuity_other_schema, continuity_not_empty, continuity_nothing_paid and
// continuity_broken.
func (s *Service) Import(ctx context.Context, in Import) (Imported, error) {
	m, err := CheckFolder(in.Dir, in.Trusted)
	if err != nil {
		return Imported{}, err
	}
	identities, err := identitiesOf(in.Identity)
	if err != nil {
		return Imported{}, err
	}
	if in.Paid && m.Payment == nil {
		return Imported{}, fault.New(fault.Invalid, "continuity_nothing_paid")
	}
	var done Imported
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		done, err = s.takeOver(ctx, tx, m, opening{in, identities})
		return err
	})
	return done, err
}

// opening is an import whose private keys are read.
type opening struct {
	Import
	identities []age.Identity
}

// takeOver is Import in its transaction.
func (s *Service) takeOver(ctx context.Context, tx *db.Tx, m Manifest, in opening) (Imported, error) {
	done := Imported{At: m.At, Operator: m.Operator, Key: m.Key, Invariants: map[string]bool{}}
	file, err := openInstance(in.Dir, in.identities)
	if err != nil {
		return done, err
	}
	defer file.close()
	r := restore{tx: tx, file: file, batch: s.batch}
	if err := r.begin(ctx); err != nil {
		return done, err
	}
	keys, err := keysFrom(r.head.Keys)
	if err != nil {
		return done, err
	}
	if done.Rows, err = r.rows(ctx); err != nil {
		return done, err
	}
	if err := r.sequences(ctx); err != nil {
		return done, err
	}
	if done.Shelved, err = jobs.Shelve(ctx, tx, in.GoOn...); err != nil {
		return done, err
	}
	if err := identity.Depart(ctx, tx); err != nil {
		return done, err
	}
	if err := connect.Forget(ctx, tx); err != nil {
		return done, err
	}
	if in.Paid {
		closed, err := settlement.CloseAsPaid(ctx, tx, r.head.Debtor, m.At, m.Payment.SHA256)
		if err != nil {
			return done, err
		}
		done.Settlement = closed.MessageID
	}
	if err := r.verify(ctx, m, &done); err != nil {
		return done, err
	}
	err = audit.Record(ctx, tx, identity.Actor{}, "continuity_imported", "instance", nil,
		map[string]any{"from": m.Operator, "at": m.At, "transfers_up_to": m.Transfers, "paid": in.Paid})
	if err != nil {
		return done, err
	}
	return done, in.PutKeys(keys)
}

// keysFrom are the keys of an export and a new one, which signs from now on: the operator
// before, and whoever could read its keys, can make no code of a booklet that is handed over
// here, and no two booklets have one code where both hand over. Key numbers end; then the last
// one goes on.
func keysFrom(file []byte) (*vouchers.Keyring, error) {
	keys, err := vouchers.ParseKeys(file)
	if err != nil {
		return nil, err
	}
	if rotated, err := keys.Rotate(); !errors.Is(err, vouchers.ErrRange) {
		return rotated, err
	}
	return keys, nil
}

// restore is an import on its way.
type restore struct {
	tx     *db.Tx
	file   *opened
	head   instanceHead
	tables []table // that are expected, in their order
	batch  int     // how much is inserted by one statement, in bytes
}

// begin reads the head and refuses what cannot be restored here. Two imports take turns.
func (r *restore) begin(ctx context.Context) error {
	line, err := r.file.line()
	if err != nil {
		return err
	}
	if json.Unmarshal(line, &r.head) != nil || r.head.Format != instanceFormat {
		return fault.New(fault.Invalid, "continuity_file_changed", "file", instanceFile+".age")
	}
	h, err := readHead(ctx, r.tx)
	if err != nil {
		return err
	}
	if h.Schema != r.head.Schema {
		return fault.New(fault.Invalid, "continuity_other_schema", "theirs", r.head.Schema, "ours", h.Schema)
	}
	if _, err := r.tx.Exec(ctx, `SELECT pg_advisory_xact_lock(7021979)`); err != nil {
		return err
	}
	if r.tables, err = carried(ctx, r.tx); err != nil {
		return err
	}
	return r.empty(ctx)
}

// empty refuses an instance in which somebody has begun, and takes away what migrations put
// there.
func (r *restore) empty(ctx context.Context) error {
	for _, t := range slices.Backward(r.tables) {
		if slices.Contains(seeded, t.Name) {
			if _, err := r.tx.Exec(ctx, `DELETE FROM `+quoted(t.Name)); err != nil {
				return err
			}
			continue
		}
		if t.Name == "jobs" { // a service that runs plans its periodic work
			continue
		}
		var filled bool
		if err := r.tx.Get(ctx, &filled, `SELECT EXISTS (SELECT FROM `+quoted(t.Name)+`)`); err != nil {
			return err
		}
		if filled {
			return fault.New(fault.Conflict, "continuity_not_empty", "table", t.Name)
		}
	}
	_, err := r.tx.Exec(ctx, `DELETE FROM `+quoted("jobs"))
	return err
}

// rows restores every table and returns how many rows there were.
func (r *restore) rows(ctx context.Context) (n int64, err error) {
	b := batch{tx: r.tx, most: r.batch}
	for {
		line, err := r.file.line()
		if errors.Is(err, io.EOF) {
			return n, io.ErrUnexpectedEOF // the last line says how many rows there are
		}
		if err != nil {
			return n, err
		}
		if line[0] == '[' {
			n++
			if err := b.add(ctx, line); err != nil {
				return n, err
			}
			continue
		}
		if err := b.flush(ctx); err != nil {
			return n, err
		}
		var end instanceEnd
		if err := json.Unmarshal(line, &end); err != nil {
			return n, err
		}
		if end.Rows != nil {
			return n, r.atEnd(*end.Rows, n)
		}
		if b.into, err = r.expect(line); err != nil {
			return n, err
		}
	}
}

// expect reads the beginning of a table, which must be the one whose turn it is.
func (r *restore) expect(line []byte) (t table, err error) {
	if err := json.Unmarshal(line, &t); err != nil {
		return t, err
	}
	if len(r.tables) == 0 || t.Name != r.tables[0].Name || !sameColumns(t, r.tables[0]) {
		return t, fmt.Errorf("continuity: table %q is another one here", t.Name)
	}
	r.tables = r.tables[1:]
	return t, nil
}

// sameColumns says whether two tables have the same columns, in whatever order.
func sameColumns(a, b table) bool {
	byName := func(x, y columnDef) int { return strings.Compare(x.Name, y.Name) }
	return slices.Equal(slices.SortedFunc(slices.Values(a.Columns), byName), slices.SortedFunc(slices.Values(b.Columns), byName))
}

func (r *restore) atEnd(told, read int64) error {
	if told != read || len(r.tables) > 0 {
		return fmt.Errorf("continuity: %d rows of %d, %d tables missing", read, told, len(r.tables))
	}
	if _, err := r.file.line(); !errors.Is(err, io.EOF) { // reads up to the end, where age and gzip check what they have given
		return errors.Join(errors.New("continuity: there is something after the end"), err)
	}
	return nil
}

// batch are rows of one table that are inserted together.
type batch struct {
	tx    *db.Tx
	most  int // bytes
	into  table
	lines []byte // separated by commas
}

func (b *batch) add(ctx context.Context, line []byte) error {
	if len(b.lines) > 0 {
		b.lines = append(b.lines, ',')
	}
	b.lines = append(b.lines, line...)
	if len(b.lines) < b.most {
		return nil
	}
	return b.flush(ctx)
}

func (b *batch) flush(ctx context.Context) error {
	if len(b.lines) == 0 {
		return nil
	}
	_, err := b.tx.Exec(ctx, b.into.insert(), "["+string(b.lines)+"]")
	b.lines = b.lines[:0]
	if err != nil {
		return fmt.Errorf("continuity: %s: %w", b.into.Name, err)
	}
	return nil
}

// insert is the statement that takes a JSON array of rows.
func (t table) insert() string {
	names, values := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i], values[i] = quoted(c.Name), fmt.Sprintf("(r.value->>%d)::%s", i, c.Type)
	}
	return `INSERT INTO ` + quoted(t.Name) + ` (` + strings.Join(names, ", ") + `) OVERRIDING SYSTEM VALUE
		SELECT ` + strings.Join(values, ", ") + ` FROM json_array_elements($1::json) WITH ORDINALITY AS r(value, n) ORDER BY r.n`
}

// sequences sets each where it stood, so that ids go on.
func (r *restore) sequences(ctx context.Context) error {
	for _, s := range r.head.Sequences {
		if _, err := r.tx.Exec(ctx, `SELECT setval($1::regclass, $2, $3)`, quoted(s.Name), s.Last, s.Called); err != nil {
			return err
		}
	}
	return nil
}

// verify recomputes the invariants: what held in the export must hold here.
func (r *restore) verify(ctx context.Context, m Manifest, done *Imported) error {
	findings, err := reporting.Verify(ctx, r.tx, settlement.FileOf)
	if err != nil {
		return err
	}
	for _, f := range findings {
		done.Invariants[f.ID] = f.OK
		if !f.OK && m.Invariants[f.ID] {
			return fmt.Errorf("%w: %s", fault.New(fault.Invalid, "continuity_broken", "invariant", f.ID), strings.Join(f.Evidence, "; "))
		}
	}
	return nil
}

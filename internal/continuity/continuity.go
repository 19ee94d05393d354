// Package continuity keeps the first promise when the operator cannot: it writes a folder
// from which a trustee pays every structure without this software, and from which another
// operator's empty instance carries on, with the same codes in people's hands.
//
// It reads every table in one snapshot, as reporting does, and writes only the list of the
// exports that were made. Into an empty instance it writes everything, as a restore does.
package continuity

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// Options are the operator's settings, and what the room is given by others.
type Options struct {
	Keys      *vouchers.Keyring
	Debtor    settlement.Debtor
	Operator  string // its name
	PublicURL string
	Trustees  Trustees
	Dir       string                      // where an export is made by itself once a day; "": nowhere
	Seal      func(context.Context) error // rolls the ledger up and seals it, so that lines can be proven
}

// Service is the use cases of continuity.
type Service struct {
	db     *db.DB
	o      Options
	proven int // provenMost, fewer in tests
	batch  int // batchBytes, fewer in tests
}

// New makes the service.
func New(d *db.DB, o Options) *Service { return &Service{d, o, provenMost, batchBytes} }

// Made is an export that was made.
type Made struct {
	ID        int64          `db:"id"`
	At        time.Time      `db:"made_at"`
	By        *string        `db:"made_by"` // name of who asked; nil: it was made by itself
	Folder    string         `db:"folder"`
	Transfers int64          `db:"transfers_up_to"`
	Owed      vouchers.Cents `db:"owed_cents"`
	Files     int            `db:"files"`
	Size      int64          `db:"size_bytes"`
	Manifest  []byte         `db:"manifest_sha256"`
}

// Export writes an export into a folder, which must be absent or empty. It is an admin's:
// the folder holds the keys of all codes, for the trustee's eyes. Its faults are
// trustee_missing, continuity_folder_taken and payer_unknown.
func (s *Service) Export(ctx context.Context, actor identity.Actor, dir string) (Made, error) {
	if err := actor.Needs(identity.Operator); err != nil {
		return Made{}, err
	}
	return s.export(ctx, actor, dir)
}

// Daily makes the export of the day in the folder of the settings, unless it is there, and
// removes the oldest beyond keep. Without such a folder it does nothing.
func (s *Service) Daily(ctx context.Context) error {
	if s.o.Dir == "" {
		return nil
	}
	dir := filepath.Join(s.o.Dir, vouchers.DayOf(s.db.Now()).String())
	if isExport(dir) {
		return prune(s.o.Dir, s.db.Now())
	}
	if _, err := s.export(ctx, identity.Actor{}, dir); err != nil {
		return err
	}
	return prune(s.o.Dir, s.db.Now())
}

func (s *Service) export(ctx context.Context, actor identity.Actor, dir string) (Made, error) {
	if len(s.o.Trustees) == 0 {
		return Made{}, fault.New(fault.Conflict, "trustee_missing")
	}
	f, err := newFolder(dir, s.o.Trustees)
	if err != nil {
		return Made{}, err
	}
	defer f.discard()
	if err := s.o.Seal(ctx); err != nil {
		return Made{}, fmt.Errorf("sealing the ledger before an export: %w", err)
	}
	var m Manifest
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		m, err = s.write(ctx, tx, f)
		return err
	})
	if err != nil {
		return Made{}, err
	}
	if err := f.finish(&m, s.o.Keys); err != nil {
		return Made{}, err
	}
	made := Made{At: m.At, Folder: dir, Transfers: m.Transfers, Owed: m.Figures.Owed, Files: len(m.Files), Size: f.size(), Manifest: f.manifest[:]}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if made.ID, err = insertExport(ctx, tx, actor, made); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "continuity_exported", fmt.Sprintf("continuity_export:%d", made.ID), nil,
			map[string]any{"manifest_sha256": vouchers.Digest(f.manifest).String(), "transfers_up_to": made.Transfers})
	})
	return made, err
}

// lateAfter is how old the last export may be where one is made each day.
const lateAfter = 48 * time.Hour

// State is what the operator sees of its exports.
type State struct {
	At       time.Time
	Trustees []string // public keys
	Daily    bool     // one is made by itself each day
	Problem  string   // why the last attempt to do so failed; "" where it did not
	Late     bool     // one is made each day, and the last is too old
	Made     []Made   // the latest first
}

// State lists the latest exports and says whether one is late.
func (s *Service) State(ctx context.Context, actor identity.Actor) (State, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return State{}, err
	}
	st := State{Trustees: s.o.Trustees.Keys(), Daily: s.o.Dir != ""}
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		st.At = tx.Now
		if st.Made, err = exports(ctx, tx, 60); err != nil {
			return err
		}
		if st.Daily {
			st.Late = isLate(st.Made, tx.Now)
			st.Problem, err = dailyProblem(ctx, tx)
		}
		return err
	})
	return st, err
}

// isLate says whether the last export is too old, or missing.
func isLate(made []Made, now time.Time) bool {
	return len(made) == 0 || now.Sub(made[0].At) > lateAfter
}

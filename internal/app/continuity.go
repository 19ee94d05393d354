package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/passerelle/passerelle/internal/continuity"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// continuityRoom makes the room of exports for a trustee.
func (r *rooms) continuityRoom(cfg Config, s *store) *continuity.Service {
	return continuity.New(s.DB, continuity.Options{Keys: r.keys, Debtor: cfg.debtor(), Operator: cfg.OperatorName, PublicURL: cfg.PublicURL,
		Trustees: cfg.Trustees, Dir: cfg.ContinuityDir, Seal: func(ctx context.Context) error {
			if err := s.InTx(ctx, func(tx *db.Tx) error { return ledger.RollUp(ctx, tx) }); err != nil {
				return err
			}
			return r.seals.Seal(ctx)
		}})
}

// ExportContinuity writes what a trustee needs into a folder, which must be absent or empty.
func ExportContinuity(ctx context.Context, cfg Config, log *slog.Logger, dir string) (made continuity.Made, err error) {
	err = withRooms(ctx, cfg, log, "", func(r *rooms, actor identity.Actor) error {
		made, err = r.continuity.Export(ctx, actor, dir)
		return err
	})
	return made, err
}

// ContinuityImport is an export that an empty instance takes over.
type ContinuityImport struct {
	Dir      string
	Identity string // file of the trustee's private key
	Key      string // the operator's key of seals, in base 64; "": the one that the export names
	Paid     bool   // the payment file was given to the bank
}

// ImportContinuity takes an export over into an empty instance, whose keys file becomes the
// export's.
func ImportContinuity(ctx context.Context, cfg Config, log *slog.Logger, in ContinuityImport) (done continuity.Imported, err error) {
	private, err := os.ReadFile(in.Identity)
	if err != nil {
		return done, err
	}
	var trusted ed25519.PublicKey
	if in.Key != "" {
		keys, err := trustedKeys([]string{in.Key})
		if err != nil {
			return done, err
		}
		trusted = keys[0]
	}
	err = withStore(ctx, cfg, log, func(s *store) error {
		if err := db.Migrate(ctx, s.url); err != nil {
			return err
		}
		done, err = continuity.New(s.DB, continuity.Options{}).Import(ctx, continuity.Import{Dir: in.Dir, Identity: private, Trusted: trusted, Paid: in.Paid,
			PutKeys: func(keys *vouchers.Keyring) error { return replaceKeys(cfg.KeysFile, keys) }, GoOn: []string{statements.JobKind}})
		return err
	})
	return done, err
}

// replaceKeys puts keys in the place of those of an instance that has never used its own. The
// file that was there stays beside it, in case it is somebody else's.
func replaceKeys(file string, keys *vouchers.Keyring) error {
	before, err := readKeys(file)
	if errors.Is(err, os.ErrNotExist) {
		return writeKeys(file, keys, os.Link)
	}
	if err != nil {
		return err
	}
	if holdsKeys(before, keys) {
		return nil // an import that was cut off had come this far
	}
	aside := file + ".before-import"
	if err := os.Link(file, aside); err != nil {
		return fmt.Errorf("the keys file %s must be put aside first, and %s is there already: %w", file, aside, err)
	}
	return writeKeys(file, keys, os.Rename)
}

// holdsKeys says whether a keyring has all keys of another but the current one, which is made
// anew by each import.
func holdsKeys(has, wanted *vouchers.Keyring) bool {
	for _, k := range wanted.Public() {
		same := func(h vouchers.PublicKey) bool { return h.ID == k.ID && h.Ed25519.Equal(k.Ed25519) }
		if k.ID != wanted.Current() && !slices.ContainsFunc(has.Public(), same) {
			return false
		}
	}
	return true
}

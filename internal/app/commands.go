package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/web"
)

// The commands that do one thing and end. They may run beside a service.

// withStore opens the database for one command.
func withStore(ctx context.Context, cfg Config, log *slog.Logger, do func(*store) error) error {
	s, err := openStore(ctx, cfg, time.Now, log, beside)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// withMigrated is withStore for a schema that must be this program's.
func withMigrated(ctx context.Context, cfg Config, log *slog.Logger, do func(*store) error) error {
	return withStore(ctx, cfg, log, func(s *store) error {
		if err := db.Migrated(ctx, s.url); err != nil {
			return err
		}
		return do(s)
	})
}

// Migrate brings the schema up to date.
func Migrate(ctx context.Context, cfg Config, log *slog.Logger) error {
	return withStore(ctx, cfg, log, func(s *store) error { return db.Migrate(ctx, s.url) })
}

// Verify recomputes the invariants from the rows.
func Verify(ctx context.Context, cfg Config, log *slog.Logger) ([]reporting.Finding, error) {
	var findings []reporting.Finding
	err := withMigrated(ctx, cfg, log, func(s *store) error {
		return s.Read(ctx, func(tx *db.Tx) (err error) {
			findings, err = reporting.Verify(ctx, tx, settlement.FileOf)
			return err
		})
	})
	return findings, err
}

// CreateAdmin makes an admin of the operator, and the operator itself the first time.
// Without a password it makes one and returns it.
func CreateAdmin(ctx context.Context, cfg Config, log *slog.Logger, email, password string) (string, error) {
	if password == "" {
		password = rand.Text()
	}
	name, _, _ := strings.Cut(email, "@")
	err := withStore(ctx, cfg, log, func(s *store) error {
		if err := db.Migrate(ctx, s.url); err != nil {
			return err
		}
		return identity.New(s.DB, audit.Record).CreateFirstOperator(ctx, cfg.OperatorName,
			identity.NewMember{Name: name, Email: email, Password: password})
	})
	return password, err
}

// withRooms opens the rooms for one command of a member of the operator: the one with
// this e-mail address, or where there is none the operator's first admin. Whoever runs
// a command holds the database; the name is for the audit trail.
func withRooms(ctx context.Context, cfg Config, log *slog.Logger, email string, do func(*rooms, identity.Actor) error) error {
	return withMigrated(ctx, cfg, log, func(s *store) error {
		words, err := i18n.Load(web.Files)
		if err != nil {
			return err
		}
		r, err := open(ctx, cfg, s, newNotices(cfg, words), log)
		if err != nil {
			return err
		}
		defer r.counter.Stop()
		actor, err := r.identity.CommandLine(ctx, email)
		if err != nil {
			return err
		}
		return do(r, actor)
	})
}

// ImportPlaces takes a file in the national format and returns what became of it.
func ImportPlaces(ctx context.Context, cfg Config, log *slog.Logger, in Import) (report any, err error) {
	err = withRooms(ctx, cfg, log, in.As, func(r *rooms, actor identity.Actor) error {
		file, take := in.File, r.catalogue.Import
		if in.Services != nil {
			file = catalogue.Together(file, in.Services)
		}
		if in.DryRun {
			take = r.catalogue.Preview
		}
		report, err = take(ctx, actor, in.Source, file)
		return err
	})
	return report, err
}

// ImportStatement takes a camt.053 or camt.054 file and returns what became of it. It writes
// on Progress how many lines are done.
func ImportStatement(ctx context.Context, cfg Config, log *slog.Logger, in Import) (report any, err error) {
	err = withRooms(ctx, cfg, log, in.As, func(r *rooms, actor identity.Actor) error {
		report, err = r.statements.Import(ctx, actor, in.File, func(p statements.Progress) {
			fmt.Fprintf(in.Progress, "%d of %d lines done\n", p.Done, p.Lines)
		})
		return err
	})
	return report, err
}

// ExportFEC writes a year's file of entries for the tax administration, and returns the
// name that the law gives to it.
func ExportFEC(ctx context.Context, cfg Config, log *slog.Logger, year int, file io.Writer) (name string, err error) {
	err = withRooms(ctx, cfg, log, "", func(r *rooms, actor identity.Actor) error {
		name = r.accounting.FileName(year)
		return r.accounting.FEC(ctx, actor, year, file)
	})
	return name, err
}

// ExportPlaces writes the public files of labelled places into a folder, which it makes.
func ExportPlaces(ctx context.Context, cfg Config, log *slog.Logger, dir string) error {
	var data catalogue.OpenData
	err := withRooms(ctx, cfg, log, "", func(r *rooms, actor identity.Actor) (err error) {
		data, err = r.catalogue.Publish(ctx, actor)
		return err
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range data.Datasets {
		if err := os.WriteFile(filepath.Join(dir, d.Name), d.Body, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Import is a file that somebody brings on the command line.
type Import struct {
	File     io.Reader
	Services io.Reader // of places: the services of data·inclusion, where they are in a file of their own
	DryRun   bool      // of places: tell what would be done, and keep nothing
	Progress io.Writer // of statements
	Source   string    // of places: who made the file
	As       string    // e-mail address of the operator's member who imports; "": the first admin
}

// Broken lists the findings that do not hold, as errors.
func Broken(findings []reporting.Finding) error {
	var all []error
	for _, f := range findings {
		if !f.OK {
			all = append(all, fmt.Errorf("%s is broken: %s", f.ID, strings.Join(f.Evidence, "; ")))
		}
	}
	return errors.Join(all...)
}

// Sentence says an error as a person at a command line can act on it.
func Sentence(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err.Error()
	}
	words, loadErr := i18n.Load(web.Files)
	if loadErr != nil {
		return err.Error()
	}
	var pairs []any
	for name, value := range f.Args {
		pairs = append(pairs, name, value)
	}
	return strings.Replace(err.Error(), f.Error(), words.For("en").Text("fault."+f.Code, pairs...), 1)
}

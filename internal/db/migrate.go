package db

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/passerelle/passerelle/migrations"
)

// Migrate brings the schema up to date. Several programs may call it at once: a
// session lock lets one of them work.
func Migrate(ctx context.Context, url string) error {
	return withProvider(ctx, url, func(p *goose.Provider) error {
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("the schema could not be brought up to date: %w", err)
		}
		return nil
	})
}

// Migrated reports an error unless every migration of this program is in place.
func Migrated(ctx context.Context, url string) error {
	return withProvider(ctx, url, func(p *goose.Provider) error {
		pending, err := p.HasPending(ctx)
		if err != nil {
			return err
		}
		if pending {
			return fmt.Errorf("the schema is behind the program: run `passerelle migrate`")
		}
		return nil
	})
}

func withProvider(ctx context.Context, url string, do func(*goose.Provider) error) error {
	url, err := withParameter(url, "binary_parameters", "yes")
	if err != nil {
		return err
	}
	conn, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer conn.Close()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, conn, migrations.FS, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("the migrations cannot be read: %w", err)
	}
	return do(p)
}

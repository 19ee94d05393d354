package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/passerelle/passerelle/migrations"
)

// Migrate brings the schema up to date. Several programs may call it at once: a
// session lock lets one of them work. Through a pooler in transaction mode, where such a
// lock holds nothing, it fails unless there is nothing to do.
func Migrate(ctx context.Context, url string) error {
	if _, pooled, err := throughPooler(url); err != nil || pooled {
		return errors.Join(err, Migrated(ctx, url))
	}
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
			return fmt.Errorf("the schema is behind the program: run `passerelle migrate`, with the server's own address in DATABASE_URL")
		}
		return nil
	})
}

func withProvider(ctx context.Context, url string, do func(*goose.Provider) error) error {
	address, _, err := connectionAddress(url, nil)
	if err != nil {
		return err
	}
	conn, err := sql.Open("postgres", address)
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

package joining

import (
	"context"
	"errors"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/throttle"
	"github.com/passerelle/passerelle/vouchers"
)

func object(id vouchers.OrganisationID) string { return fmt.Sprintf("organisation:%d", id) }

// count counts a try, in a transaction of its own.
func (s *Service) count(ctx context.Context, bucket string, limit int) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error { return throttle.Take(ctx, tx, bucket, limit, window) })
}

func insert(ctx context.Context, tx *db.Tx, hash []byte, o identity.NewOrganisation) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO joinings (token_hash, siret, name, legal_form, street, postcode, town, person, email, asked_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		hash, o.SIRET, o.Name, o.Form, o.Street, o.Postcode, o.Town, o.Admin.Name, o.Admin.Email, tx.Now, tx.Now.Add(LinkLasts))
	return err
}

type row struct {
	SIRET    string `db:"siret"`
	Name     string `db:"name"`
	Form     string `db:"legal_form"`
	Street   string `db:"street"`
	Postcode string `db:"postcode"`
	Town     string `db:"town"`
	Person   string `db:"person"`
	Email    string `db:"email"`
}

const columns = `siret, name, legal_form, street, postcode, town, person, email`

// pending reads what a link is for as long as it can be used.
func pending(ctx context.Context, tx *db.Tx, hash []byte) (identity.NewOrganisation, error) {
	return read(ctx, tx, `SELECT `+columns+` FROM joinings WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2`, hash)
}

// use takes a link, once.
func use(ctx context.Context, tx *db.Tx, hash []byte) (identity.NewOrganisation, error) {
	return read(ctx, tx, `
		UPDATE joinings SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING `+columns, hash)
}

func read(ctx context.Context, tx *db.Tx, query string, hash []byte) (identity.NewOrganisation, error) {
	var r row
	err := tx.Get(ctx, &r, query, hash, tx.Now)
	if errors.Is(err, db.ErrNoRows) {
		return identity.NewOrganisation{}, fault.New(fault.Gone, "joining_link_over")
	}
	return identity.NewOrganisation{Kind: identity.Structure, Name: r.Name, SIRET: r.SIRET, Form: r.Form, Email: r.Email, Street: r.Street,
		Postcode: r.Postcode, Town: r.Town, Admin: identity.NewMember{Name: r.Person, Email: r.Email, Role: identity.Admin}}, err
}

// Sweep forgets requests whose link has ended for a while, used or not, and returns how many.
func Sweep(ctx context.Context, tx *db.Tx) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM joinings WHERE expires_at < $1`, tx.Now.Add(-keptAfterEnd))
}

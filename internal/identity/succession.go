package identity

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// Depart takes the operator's people their rights away, in an instance that another operator
// takes over: what they did stays told under their names, and nothing is mailed to them any
// more. Whoever is made the first admin next (CreateFirstOperator) gives the operator's
// organisation a name and an address.
func Depart(ctx context.Context, tx *db.Tx) error {
	if _, err := tx.Exec(ctx, `
		UPDATE memberships SET ended_at = $1
		WHERE ended_at IS NULL AND organisation_id IN (SELECT id FROM organisations WHERE kind = 'operator')`, tx.Now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE organisations SET email = '' WHERE kind = 'operator'`)
	return err
}

// succeed names the operator's organisation after whoever takes it over, if nobody acts for
// it any more.
func succeed(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID, o NewOrganisation) error {
	_, err := tx.Exec(ctx, `
		UPDATE organisations SET name = $2, email = $3
		WHERE id = $1 AND NOT EXISTS (SELECT FROM memberships WHERE organisation_id = $1 AND ended_at IS NULL)`, id, o.Name, o.Email)
	return err
}

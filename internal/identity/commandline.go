package identity

import (
	"context"
	"errors"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// CommandLine names the operator's member for whom a command acts: the one with this
// e-mail address, or the first admin where email is empty. It takes no password:
// whoever runs a command holds the database. Its fault is not_found.
func (s *Service) CommandLine(ctx context.Context, email string) (Actor, error) {
	var a Actor
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = operatorMember(ctx, tx, strings.ToLower(strings.TrimSpace(email)))
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return Actor{}, fault.New(fault.NotFound, "not_found")
	}
	return a, err
}

func operatorMember(ctx context.Context, tx *db.Tx, email string) (Actor, error) {
	var r struct {
		Person           vouchers.PersonID       `db:"person_id"`
		Organisation     vouchers.OrganisationID `db:"organisation_id"`
		Role             Role                    `db:"role"`
		Name             string                  `db:"name"`
		OrganisationName string                  `db:"organisation_name"`
	}
	err := tx.Get(ctx, &r, `
		SELECT m.person_id, m.organisation_id, m.role, p.name, o.name AS organisation_name
		FROM memberships m
		JOIN people p ON p.id = m.person_id
		JOIN organisations o ON o.id = m.organisation_id
		WHERE o.kind = 'operator' AND m.ended_at IS NULL AND (p.email = $1 OR $1 = '' AND m.role = 'admin')
		ORDER BY m.person_id LIMIT 1`, email)
	return Actor{Person: r.Person, Organisation: r.Organisation, Kind: Operator, Role: r.Role, Name: r.Name,
		OrganisationName: r.OrganisationName}, err
}

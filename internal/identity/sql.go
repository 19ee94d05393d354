package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

func object(kind string, id int64) string { return fmt.Sprintf("%s:%d", kind, id) }

const selectOrganisations = `
	SELECT o.id, o.kind, o.name, COALESCE(o.siret, '') AS siret, o.email, o.street, o.postcode, o.town,
		o.legal_form, o.created_at, o.unverified_since, o.vat_regime
	FROM organisations o `

func organisation(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID) (Organisation, error) {
	var o Organisation
	err := tx.Get(ctx, &o, selectOrganisations+`WHERE o.id = $1`, id)
	return o, err
}

func organisations(ctx context.Context, tx *db.Tx, kind Kind) ([]Organisation, error) {
	all := []Organisation{}
	err := tx.Select(ctx, &all, selectOrganisations+`WHERE o.kind = $1 ORDER BY o.name COLLATE "fr-x-icu", o.id`, kind)
	return all, err
}

func findOrganisations(ctx context.Context, tx *db.Tx, q Search) ([]Organisation, error) {
	all := []Organisation{}
	err := tx.Select(ctx, &all, selectOrganisations+`
		WHERE ($1 = '' OR o.kind = $1) AND ($2 = 0 OR o.id < $2)
		  AND ($3 = '' OR strpos(lower(o.name || ' ' || o.town), lower($3)) > 0 OR o.siret = translate($3, ' .-', ''))
		ORDER BY o.id DESC LIMIT $4`, q.Kind, q.Before, q.Words, q.Limit)
	return all, err
}

func organisationsOf(ctx context.Context, tx *db.Tx, id vouchers.PersonID) ([]Organisation, error) {
	all := []Organisation{}
	err := tx.Select(ctx, &all, selectOrganisations+`
		JOIN memberships m ON m.organisation_id = o.id
		WHERE m.person_id = $1 AND m.ended_at IS NULL ORDER BY o.name COLLATE "fr-x-icu", o.id`, id)
	return all, err
}

func operatorOrganisation(ctx context.Context, tx *db.Tx, name, email string) (vouchers.OrganisationID, error) {
	var id vouchers.OrganisationID
	err := tx.Get(ctx, &id, `SELECT id FROM organisations WHERE kind = 'operator' ORDER BY id LIMIT 1`)
	o := NewOrganisation{Kind: Operator, Name: name, Email: email}
	switch {
	case errors.Is(err, db.ErrNoRows):
		return insertOrganisation(ctx, tx, o)
	case err != nil:
		return 0, err
	}
	return id, succeed(ctx, tx, id, o)
}

// SetVAT notes what a structure says of VAT.
func SetVAT(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID, regime string) error {
	_, err := tx.Exec(ctx, `UPDATE organisations SET vat_regime = $2 WHERE id = $1`, id, regime)
	return err
}

// OperatorsAddress is the e-mail address of the operator, "" where it has none.
func OperatorsAddress(ctx context.Context, tx *db.Tx) (string, error) {
	var to string
	err := tx.Get(ctx, &to, `SELECT COALESCE((SELECT email FROM organisations WHERE kind = 'operator' ORDER BY id LIMIT 1), '')`)
	return to, err
}

func insertOrganisation(ctx context.Context, tx *db.Tx, o NewOrganisation) (vouchers.OrganisationID, error) {
	var id vouchers.OrganisationID
	err := tx.Get(ctx, &id, `
		INSERT INTO organisations (kind, name, siret, email, street, postcode, town, legal_form, created_at)
		VALUES ($1, $2, NULLIF($3, ''), $4, $5, $6, $7, $8, $9) RETURNING id`,
		o.Kind, o.Name, o.SIRET, o.Email, o.Street, o.Postcode, o.Town, o.Form, tx.Now)
	return id, err
}

// addMember finds or makes the person and makes it a member. A person who exists keeps
// the password it has: isNew tells.
func addMember(ctx context.Context, tx *db.Tx, org vouchers.OrganisationID, m NewMember, hash string) (id vouchers.PersonID, isNew bool, err error) {
	var p struct {
		ID    vouchers.PersonID `db:"id"`
		IsNew bool              `db:"is_new"`
	}
	// A row that the conflict only updated carries the number of the transaction that locked it.
	err = tx.Get(ctx, &p, `
		INSERT INTO people (email, name, password_hash, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT ON CONSTRAINT people_email DO UPDATE SET email = excluded.email
		RETURNING id, xmax = 0 AS is_new`, m.Email, m.Name, hash, tx.Now)
	if err != nil {
		return 0, false, err
	}
	n, err := tx.Exec(ctx, `
		INSERT INTO memberships (person_id, organisation_id, role, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT ON CONSTRAINT memberships_pkey DO UPDATE SET role = excluded.role, ended_at = NULL
		WHERE memberships.ended_at IS NOT NULL`, p.ID, org, m.Role, tx.Now)
	if err == nil && n == 0 {
		return 0, false, fault.New(fault.Conflict, "member_already")
	}
	return p.ID, p.IsNew, err
}

// lockOrganisation lets one membership of an organisation end at a time.
func lockOrganisation(ctx context.Context, tx *db.Tx, org vouchers.OrganisationID) error {
	return tx.Get(ctx, &org, `SELECT id FROM organisations WHERE id = $1 FOR NO KEY UPDATE`, org)
}

func hasAdmin(ctx context.Context, tx *db.Tx, org vouchers.OrganisationID) (has bool, err error) {
	err = tx.Get(ctx, &has, `
		SELECT EXISTS (SELECT FROM memberships WHERE organisation_id = $1 AND role = 'admin' AND ended_at IS NULL)`, org)
	return has, err
}

func endMembership(ctx context.Context, tx *db.Tx, org vouchers.OrganisationID, id vouchers.PersonID) error {
	n, err := tx.Exec(ctx, `
		UPDATE memberships SET ended_at = $3 WHERE organisation_id = $1 AND person_id = $2 AND ended_at IS NULL`, org, id, tx.Now)
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

func members(ctx context.Context, tx *db.Tx, org vouchers.OrganisationID) ([]Member, error) {
	all := []Member{}
	err := tx.Select(ctx, &all, `
		SELECT p.id, p.name, p.email, m.role FROM memberships m JOIN people p ON p.id = m.person_id
		WHERE m.organisation_id = $1 AND m.ended_at IS NULL ORDER BY p.name COLLATE "fr-x-icu", p.id`, org)
	return all, err
}

type person struct {
	ID   vouchers.PersonID `db:"id"`
	Hash string            `db:"password_hash"`
}

func personByEmail(ctx context.Context, tx *db.Tx, email string) (person, error) {
	var p person
	err := tx.Get(ctx, &p, `SELECT id, password_hash FROM people WHERE email = $1`, email)
	return p, err
}

func passwordHash(ctx context.Context, tx *db.Tx, id vouchers.PersonID) (string, error) {
	var hash string
	err := tx.Get(ctx, &hash, `SELECT password_hash FROM people WHERE id = $1`, id)
	return hash, err
}

func lockPerson(ctx context.Context, tx *db.Tx, id vouchers.PersonID) error {
	err := tx.Get(ctx, &id, `SELECT id FROM people WHERE id = $1 FOR NO KEY UPDATE`, id)
	if errors.Is(err, db.ErrNoRows) {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

// account reads a person and the organisations it belongs to: db.ErrNoRows where there
// is none.
func account(ctx context.Context, tx *db.Tx, id vouchers.PersonID) (a Account, within []vouchers.OrganisationID, err error) {
	err = tx.Select(ctx, &within, `SELECT organisation_id FROM memberships WHERE person_id = $1 AND ended_at IS NULL`, id)
	if err != nil {
		return a, nil, err
	}
	if len(within) == 0 {
		return a, nil, db.ErrNoRows
	}
	return a, within, tx.Get(ctx, &a, `SELECT id, name, email FROM people WHERE id = $1`, id)
}

func setPassword(ctx context.Context, tx *db.Tx, id vouchers.PersonID, hash string) error {
	_, err := tx.Exec(ctx, `UPDATE people SET password_hash = $2 WHERE id = $1`, id, hash)
	return err
}

// replacePassword fails when the password has changed since it was checked.
func replacePassword(ctx context.Context, tx *db.Tx, id vouchers.PersonID, old, hash string) error {
	n, err := tx.Exec(ctx, `UPDATE people SET password_hash = $3 WHERE id = $1 AND password_hash = $2`, id, old, hash)
	if err == nil && n == 0 {
		return fault.New(fault.Invalid, "password_wrong")
	}
	return err
}

func deleteSessionsOf(ctx context.Context, tx *db.Tx, id vouchers.PersonID) error {
	_, err := tx.Exec(ctx, `DELETE FROM sessions WHERE person_id = $1`, id)
	return err
}

func insertSession(ctx context.Context, tx *db.Tx, hash []byte, id vouchers.PersonID, org vouchers.OrganisationID) error {
	n, err := tx.Exec(ctx, `
		INSERT INTO sessions (token_hash, person_id, organisation_id, created_at, expires_at)
		SELECT $1, m.person_id, m.organisation_id, $4, $5 FROM memberships m
		WHERE m.person_id = $2 AND m.ended_at IS NULL AND ($3 = 0 OR m.organisation_id = $3)
		ORDER BY m.created_at, m.organisation_id LIMIT 1`, hash, id, org, tx.Now, tx.Now.Add(SessionLasts))
	if err == nil && n == 0 {
		return fault.New(fault.Forbidden, "no_organisation")
	}
	return err
}

func deleteSession(ctx context.Context, tx *db.Tx, hash []byte) error {
	_, err := tx.Exec(ctx, `DELETE FROM sessions WHERE token_hash = $1 OR expires_at < $2`, hash, tx.Now)
	return err
}

// row is an actor as the database tells it.
type row struct {
	Person           vouchers.PersonID       `db:"person_id"`
	Organisation     vouchers.OrganisationID `db:"organisation_id"`
	Kind             Kind                    `db:"kind"`
	Role             Role                    `db:"role"`
	Name             string                  `db:"name"`
	OrganisationName string                  `db:"organisation_name"`
	Scopes           db.Strings              `db:"scopes"`
}

func (r row) actor() Actor {
	return Actor{Person: r.Person, Organisation: r.Organisation, Kind: r.Kind, Role: r.Role, Name: r.Name,
		OrganisationName: r.OrganisationName, Scopes: r.Scopes}
}

// selectActor reads who c is, through a membership that is in force.
func selectActor(c string) string {
	return `
		SELECT c.person_id, c.organisation_id, o.kind, m.role, p.name, o.name AS organisation_name, c.scopes
		FROM (` + c + `) AS c
		JOIN memberships m ON m.person_id = c.person_id AND m.organisation_id = c.organisation_id AND m.ended_at IS NULL
		JOIN people p ON p.id = c.person_id
		JOIN organisations o ON o.id = c.organisation_id
		ORDER BY m.created_at, m.organisation_id LIMIT 1`
}

var (
	selectBySession = selectActor(`SELECT person_id, organisation_id, NULL::text[] AS scopes FROM sessions
		WHERE token_hash = $1 AND expires_at > $2`)
	selectByToken = selectActor(`SELECT person_id, organisation_id, scopes FROM api_tokens
		WHERE token_hash = $1 AND expires_at > $2 AND revoked_at IS NULL`)
	selectByPerson = selectActor(`SELECT person_id, organisation_id, NULL::text[] AS scopes FROM memberships WHERE person_id = $1`)
)

// actorBy finds who a credential belongs to.
func actorBy(ctx context.Context, tx *db.Tx, hash []byte, isToken bool) (Actor, error) {
	query := selectBySession
	if isToken {
		query = selectByToken
	}
	var r row
	err := tx.Get(ctx, &r, query, hash, tx.Now)
	return r.actor(), err
}

// firstActor is a person in the organisation that a new session opens.
func firstActor(ctx context.Context, tx *db.Tx, id vouchers.PersonID) (Actor, error) {
	var r row
	err := tx.Get(ctx, &r, selectByPerson, id)
	return r.actor(), err
}

func insertToken(ctx context.Context, tx *db.Tx, actor Actor, req NewToken, hash []byte, expires time.Time) (Token, error) {
	var t Token
	err := tx.Get(ctx, &t, `
		INSERT INTO api_tokens (token_hash, person_id, organisation_id, label, scopes, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id, label, scopes, created_at, expires_at`,
		hash, actor.Person, actor.Organisation, req.Label, db.Array(req.Scopes), tx.Now, expires)
	return t, err
}

func tokens(ctx context.Context, tx *db.Tx, actor Actor) ([]Token, error) {
	all := []Token{}
	err := tx.Select(ctx, &all, `
		SELECT id, label, scopes, created_at, expires_at FROM api_tokens
		WHERE person_id = $1 AND organisation_id = $2 AND revoked_at IS NULL AND expires_at > $3 ORDER BY id`,
		actor.Person, actor.Organisation, tx.Now)
	return all, err
}

func revokeToken(ctx context.Context, tx *db.Tx, actor Actor, id int64) error {
	n, err := tx.Exec(ctx, `
		UPDATE api_tokens SET revoked_at = $4 WHERE id = $1 AND person_id = $2 AND organisation_id = $3 AND revoked_at IS NULL`,
		id, actor.Person, actor.Organisation, tx.Now)
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

package identity

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// Proven is a person's first password, ready to be stored, or the proof that somebody with
// an account already knows its own.
type Proven struct {
	hash string // "" where the account keeps the password it has
}

// ProveJoiner prepares the password of somebody whose e-mail address has been confirmed:
// whoever has an account already gives its password, others choose one. address is the
// caller's network address, for the throttle. Its faults are password_too_short,
// sign_in_failed and rate_limited.
func (s *Service) ProveJoiner(ctx context.Context, email, password, address string) (Proven, error) {
	known, err := s.hasAccount(ctx, email)
	if err != nil {
		return Proven{}, err
	}
	if known {
		_, err := s.prove(ctx, email, password, address)
		return Proven{}, err
	}
	if err := checkPassword(password); err != nil {
		return Proven{}, err
	}
	hash, err := s.hash(ctx, password)
	return Proven{hash}, err
}

func (s *Service) hasAccount(ctx context.Context, email string) (has bool, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		has, err = HasAccount(ctx, tx, email)
		return err
	})
	return has, err
}

// HasAccount tells whether somebody signs in with an e-mail address. It is for whoever
// reads that address's mail only.
func HasAccount(ctx context.Context, tx *db.Tx, email string) (bool, error) {
	_, err := personByEmail(ctx, tx, email)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// CheckJoiner says what is wrong with a structure that wants to join, and writes it as it
// is kept.
func CheckJoiner(o NewOrganisation) (NewOrganisation, error) {
	o.Kind = Structure
	o = o.tidy()
	return o, o.check()
}

// HasStructure tells whether a structure of this SIRET has an account.
func HasStructure(ctx context.Context, tx *db.Tx, siret string) (has bool, err error) {
	err = tx.Get(ctx, &has, `SELECT EXISTS (SELECT FROM organisations WHERE kind = 'structure' AND siret = $1)`, siret)
	return has, err
}

// Join opens the account of a structure by itself, unverified, with its first admin, and a
// session for it. Its faults are siret_taken and joiner_changed, where the address got an
// account since it was proven.
func Join(ctx context.Context, tx *db.Tx, o NewOrganisation, by Proven) (Actor, string, error) {
	id, err := insertOrganisation(ctx, tx, o)
	if db.IsUnique(err, "organisations_kind_siret") {
		return Actor{}, "", fault.New(fault.Conflict, "siret_taken")
	}
	if err != nil {
		return Actor{}, "", err
	}
	if err := setUnverified(ctx, tx, id, true); err != nil {
		return Actor{}, "", err
	}
	person, isNew, err := addMember(ctx, tx, id, o.Admin, by.hash)
	if err != nil {
		return Actor{}, "", err
	}
	if isNew != (by.hash != "") {
		return Actor{}, "", fault.New(fault.Conflict, "joiner_changed")
	}
	session := newSecret()
	if err := insertSession(ctx, tx, hashSecret(session), person, id); err != nil {
		return Actor{}, "", err
	}
	return Actor{Person: person, Organisation: id, Kind: Structure, Role: Admin, Name: o.Admin.Name, OrganisationName: o.Name}, session, nil
}

// SetVerified says that the operator has looked at a structure that joined by itself. It
// reports false where there was nothing to look at.
func SetVerified(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID) (bool, error) {
	if err := lockOrganisation(ctx, tx, id); errors.Is(err, db.ErrNoRows) {
		return false, fault.New(fault.NotFound, "not_found")
	} else if err != nil {
		return false, err
	}
	o, err := OrganisationOf(ctx, tx, id)
	if err != nil || o.UnverifiedSince == nil {
		return false, err
	}
	return true, setUnverified(ctx, tx, id, false)
}

// Unverified lists the structures that the operator has not looked at, the longest waiting
// first.
func Unverified(ctx context.Context, tx *db.Tx) ([]Organisation, error) {
	all := []Organisation{}
	err := tx.Select(ctx, &all, selectOrganisations+`WHERE o.unverified_since IS NOT NULL ORDER BY o.unverified_since, o.id`)
	return all, err
}

func setUnverified(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID, unverified bool) error {
	_, err := tx.Exec(ctx, `UPDATE organisations SET unverified_since = CASE WHEN $2 THEN $3::timestamptz END WHERE id = $1`, id, unverified, tx.Now)
	return err
}

// Dismiss closes the account of a structure that joined by itself and is not what it says:
// nobody acts for it any more, and its SIRET is free for whoever it belongs to. It reports
// false where the structure has been verified.
func Dismiss(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID) (bool, error) {
	waiting, err := SetVerified(ctx, tx, id)
	if err != nil || !waiting {
		return false, err
	}
	_, err = tx.Exec(ctx, `UPDATE memberships SET ended_at = $2 WHERE organisation_id = $1 AND ended_at IS NULL`, id, tx.Now)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `UPDATE organisations SET siret = NULL WHERE id = $1`, id)
	return err == nil, err
}

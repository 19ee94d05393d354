// Package identity knows who may act, and for whom: people, the organisations they
// work for, their roles, sessions and API tokens. Its Actor is the second argument of
// every use case.
package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// Record writes an audit entry. Package audit fits it; identity cannot import audit,
// which stands on Actor.
type Record func(ctx context.Context, tx *db.Tx, actor Actor, action, object string, before, after any) error

// Service is the use cases of identity.
type Service struct {
	db     *db.DB
	record Record
	known  known
}

// New makes the service.
func New(d *db.DB, record Record) *Service {
	return &Service{db: d, record: record, known: known{actors: map[string]knownActor{}}}
}

// NewMember is somebody who joins an organisation.
type NewMember struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
	Role     Role   `json:"role"`
}

// NewOrganisation is an organisation with its first member, an admin.
type NewOrganisation struct {
	Kind     Kind      `json:"kind"`
	Name     string    `json:"name"`
	SIRET    string    `json:"siret"` // may be absent, except for a structure
	Email    string    `json:"email"` // for notices
	Street   string    `json:"street"`
	Postcode string    `json:"postcode"`
	Town     string    `json:"town"`
	Admin    NewMember `json:"admin"`
}

// Organisation is who a member works for.
type Organisation struct {
	ID        vouchers.OrganisationID `json:"id" db:"id"`
	Kind      Kind                    `json:"kind" db:"kind"`
	Name      string                  `json:"name" db:"name"`
	SIRET     string                  `json:"siret" db:"siret"`
	Email     string                  `json:"email" db:"email"`
	Street    string                  `json:"street" db:"street"`
	Postcode  string                  `json:"postcode" db:"postcode"`
	Town      string                  `json:"town" db:"town"`
	CreatedAt time.Time               `json:"created_at" db:"created_at"`
}

// Member is a person of an organisation.
type Member struct {
	ID    vouchers.PersonID `json:"id" db:"id"`
	Name  string            `json:"name" db:"name"`
	Email string            `json:"email" db:"email"`
	Role  Role              `json:"role" db:"role"`
}

// CreateFirstOperator makes the operator's organisation, if there is none, and an
// admin of it. It is the command line's, which needs no actor: whoever runs it holds
// the database.
func (s *Service) CreateFirstOperator(ctx context.Context, organisation string, admin NewMember) error {
	admin.Role = Admin
	admin = admin.tidy()
	if err := admin.check(); err != nil {
		return err
	}
	hash, err := hashPassword(admin.Password)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		id, err := operatorOrganisation(ctx, tx, organisation, admin.Email)
		if err != nil {
			return err
		}
		_, err = addMember(ctx, tx, id, admin, hash)
		return err
	})
}

// CreateOrganisation lets the operator open an organisation with its first admin.
func (s *Service) CreateOrganisation(ctx context.Context, actor Actor, req NewOrganisation) (Organisation, error) {
	if err := actor.Needs(Operator, Agent); err != nil {
		return Organisation{}, err
	}
	if err := actor.NeedsScope("organisations"); err != nil {
		return Organisation{}, err
	}
	req.Admin.Role = Admin
	req.Admin = req.Admin.tidy()
	if err := req.check(); err != nil {
		return Organisation{}, err
	}
	hash, err := hashPassword(req.Admin.Password)
	if err != nil {
		return Organisation{}, err
	}
	var o Organisation
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		o, err = once.Do(ctx, tx, actor.Organisation, "create_organisation", req.fingerprint(), func() (Organisation, error) {
			return s.createOrganisation(ctx, tx, actor, req, hash)
		})
		return err
	})
	return o, err
}

func (s *Service) createOrganisation(ctx context.Context, tx *db.Tx, actor Actor, req NewOrganisation, hash string) (Organisation, error) {
	id, err := insertOrganisation(ctx, tx, req)
	if db.IsUnique(err, "organisations_kind_siret") {
		return Organisation{}, fault.New(fault.Conflict, "siret_taken")
	}
	if err != nil {
		return Organisation{}, err
	}
	if _, err := addMember(ctx, tx, id, req.Admin, hash); err != nil {
		return Organisation{}, err
	}
	if err := s.record(ctx, tx, actor, "organisation_created", object("organisation", int64(id)), nil, req.fingerprint()); err != nil {
		return Organisation{}, err
	}
	return OrganisationOf(ctx, tx, id)
}

// Organisations lists organisations of a kind, by name: the operator sees all kinds, a
// funder the prescribers it may allocate to.
func (s *Service) Organisations(ctx context.Context, actor Actor, kind Kind) ([]Organisation, error) {
	if err := actor.NeedsAny(Operator, Funder); err != nil {
		return nil, err
	}
	if actor.Kind == Funder && kind != Prescriber {
		return nil, fault.New(fault.Forbidden, "forbidden")
	}
	var all []Organisation
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = organisations(ctx, tx, kind)
		return err
	})
	if actor.Kind == Funder {
		for i, o := range all { // names and towns, nothing else
			all[i] = Organisation{ID: o.ID, Kind: o.Kind, Name: o.Name, Town: o.Town}
		}
	}
	return all, err
}

// AddMember lets an admin add somebody to the organisation.
func (s *Service) AddMember(ctx context.Context, actor Actor, req NewMember) (Member, error) {
	if err := actor.Needs(actor.Kind); err != nil {
		return Member{}, err
	}
	if err := actor.NeedsScope("members"); err != nil {
		return Member{}, err
	}
	req = req.tidy()
	if err := req.check(); err != nil {
		return Member{}, err
	}
	hash, err := hashPassword(req.Password)
	if err != nil {
		return Member{}, err
	}
	var m Member
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		m, err = once.Do(ctx, tx, actor.Organisation, "add_member", req.fingerprint(), func() (Member, error) {
			id, err := addMember(ctx, tx, actor.Organisation, req, hash)
			if err != nil {
				return Member{}, err
			}
			m := Member{ID: id, Name: req.Name, Email: req.Email, Role: req.Role}
			return m, s.record(ctx, tx, actor, "member_added", object("person", int64(id)), nil, m)
		})
		return err
	})
	return m, err
}

// RemoveMember ends a membership; the person's sessions and tokens for this
// organisation end with it.
func (s *Service) RemoveMember(ctx context.Context, actor Actor, id vouchers.PersonID) error {
	if err := actor.Needs(actor.Kind); err != nil {
		return err
	}
	if err := actor.NeedsScope("members"); err != nil {
		return err
	}
	if id == actor.Person {
		return fault.New(fault.Conflict, "member_is_yourself")
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := endMembership(ctx, tx, actor.Organisation, id); err != nil {
			return err
		}
		return s.record(ctx, tx, actor, "member_removed", object("person", int64(id)), nil, nil)
	})
}

// Members lists the people of the actor's organisation.
func (s *Service) Members(ctx context.Context, actor Actor) ([]Member, error) {
	if err := actor.Needs(actor.Kind, Agent, Finance, Reader); err != nil {
		return nil, err
	}
	var all []Member
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = members(ctx, tx, actor.Organisation)
		return err
	})
	return all, err
}

// MustBe refuses an id that is no organisation of this kind.
func MustBe(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID, kind Kind) error {
	o, err := OrganisationOf(ctx, tx, id)
	if err == nil && o.Kind != kind {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

// OrganisationOf reads an organisation for another room.
func OrganisationOf(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID) (Organisation, error) {
	o, err := organisation(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return o, fault.New(fault.NotFound, "not_found")
	}
	return o, err
}

func (m NewMember) tidy() NewMember {
	m.Email = strings.ToLower(strings.TrimSpace(m.Email))
	m.Name = strings.TrimSpace(m.Name)
	return m
}

// check says what is wrong with a new member.
func (m NewMember) check() error {
	switch {
	case m.Name == "":
		return fault.New(fault.Invalid, "name_missing")
	case !strings.Contains(m.Email, "@") || strings.ContainsAny(m.Email, " \r\n<>,;\"") || len(m.Email) > 254:
		return fault.New(fault.Invalid, "email_malformed")
	case len(m.Password) < passwordLeast:
		return fault.New(fault.Invalid, "password_too_short", "least", passwordLeast)
	case m.Role != Admin && m.Role != Agent && m.Role != Finance && m.Role != Reader:
		return fault.New(fault.Invalid, "role_unknown")
	}
	return nil
}

// check says what is wrong with a new organisation.
func (o NewOrganisation) check() error {
	if o.Kind != Funder && o.Kind != Prescriber && o.Kind != Structure {
		return fault.New(fault.Invalid, "kind_unknown")
	}
	if n := len(strings.TrimSpace(o.Name)); n < 2 || n > 140 {
		return fault.New(fault.Invalid, "organisation_name_length")
	}
	if o.SIRET == "" && o.Kind != Structure {
		return o.Admin.check()
	}
	if _, err := siret.Parse(o.SIRET); err != nil {
		return fault.New(fault.Invalid, "siret_malformed")
	}
	return o.Admin.check()
}

// fingerprint is the request without its password, for the trail and the key's hash.
func (m NewMember) fingerprint() NewMember { m.Password = ""; return m }

func (o NewOrganisation) fingerprint() NewOrganisation {
	o.Admin = o.Admin.fingerprint()
	return o
}

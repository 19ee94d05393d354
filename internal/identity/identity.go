// Package identity knows who may act, and for whom: people, the organisations they
// work for, their roles, sessions and API tokens. Its Actor is the second argument of
// every use case.
package identity

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Record writes an audit entry. Package audit fits it; identity cannot import audit,
// which stands on Actor.
type Record func(ctx context.Context, tx *db.Tx, actor Actor, action, object string, before, after any) error

// Service is the use cases of identity.
type Service struct {
	db      *db.DB
	record  Record
	known   known
	hashing chan struct{} // holds one value for each password being hashed
}

// New makes the service.
func New(d *db.DB, record Record) *Service {
	return &Service{db: d, record: record, known: known{actors: map[string]knownActor{}}, hashing: make(chan struct{}, hashesAtOnce)}
}

// NewMember is somebody who joins an organisation. Without a password one is made.
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
	Form     string    `json:"-"`     // legal form, in words; "" where it is not known
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
	LegalForm string                  `json:"legal_form,omitempty" db:"legal_form"` // in French words
	CreatedAt time.Time               `json:"created_at" db:"created_at"`

	// VAT is what a structure has said of it: liable, franchise (article 293 B of the CGI),
	// exempt (article 261) or "" where it has said nothing.
	VAT string `json:"vat_regime,omitempty" db:"vat_regime"`

	// UnverifiedSince is set for a structure that opened its account by itself, until the
	// operator has looked at it.
	UnverifiedSince *time.Time `json:"unverified_since,omitempty" db:"unverified_since"`

	// AdminPassword was made for the first admin: told once, never stored.
	AdminPassword string `json:"admin_password,omitempty" db:"-"`
}

// Member is a person of an organisation.
type Member struct {
	ID    vouchers.PersonID `json:"id" db:"id"`
	Name  string            `json:"name" db:"name"`
	Email string            `json:"email" db:"email"`
	Role  Role              `json:"role" db:"role"`

	// Password was made for the new member: told once, never stored.
	Password string `json:"password,omitempty" db:"-"`
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
	if err := checkPassword(admin.Password); err != nil {
		return err
	}
	hash, err := s.hash(ctx, admin.Password)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		id, err := operatorOrganisation(ctx, tx, organisation, admin.Email)
		if err != nil {
			return err
		}
		_, _, err = addMember(ctx, tx, id, admin, hash)
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
	req = req.tidy()
	if err := req.check(); err != nil {
		return Organisation{}, err
	}
	password, err := s.passwordOf(ctx, req.Admin)
	if err != nil {
		return Organisation{}, err
	}
	var o Organisation
	var isNew bool
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		isNew = false // a replayed answer tells no password
		o, err = once.Do(ctx, tx, actor.Organisation, "create_organisation", req.fingerprint(), func() (o Organisation, err error) {
			o, isNew, err = s.createOrganisation(ctx, tx, actor, req, password.hash)
			return o, err
		})
		return err
	})
	if err == nil && isNew {
		o.AdminPassword = password.made
	}
	return o, err
}

// createOrganisation also tells whether its admin is new to Passerelle.
func (s *Service) createOrganisation(ctx context.Context, tx *db.Tx, actor Actor, req NewOrganisation, hash string) (o Organisation, isNew bool, err error) {
	id, err := insertOrganisation(ctx, tx, req)
	if db.IsUnique(err, "organisations_kind_siret") {
		return o, false, fault.New(fault.Conflict, "siret_taken")
	}
	if err != nil {
		return o, false, err
	}
	if _, isNew, err = addMember(ctx, tx, id, req.Admin, hash); err != nil {
		return o, false, err
	}
	if err := s.record(ctx, tx, actor, "organisation_created", object("organisation", int64(id)), nil, req.fingerprint()); err != nil {
		return o, false, err
	}
	o, err = OrganisationOf(ctx, tx, id)
	return o, isNew, err
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
	return visible(actor, all), err
}

// Search asks for organisations. Empty fields exclude nothing.
type Search struct {
	Kind   Kind
	Words  string                  // part of the name or town, or the SIRET
	Before vouchers.OrganisationID // only those made before this one
	Limit  int                     // how many at most
}

// shortestSearch is how many characters keep a search from listing everybody.
const shortestSearch = 3

// Find searches the organisations that Organisations lists, newest first. A funder also
// finds funders, to share a campaign with, by a part of the name or the whole SIRET.
func (s *Service) Find(ctx context.Context, actor Actor, q Search) ([]Organisation, error) {
	if err := actor.NeedsAny(Operator, Funder); err != nil {
		return nil, err
	}
	if actor.Kind == Funder && q.Kind != Prescriber && !(q.Kind == Funder && utf8.RuneCountInString(q.Words) >= shortestSearch) {
		return nil, fault.New(fault.Forbidden, "forbidden")
	}
	var all []Organisation
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = findOrganisations(ctx, tx, q)
		return err
	})
	return visible(actor, all), err
}

// visible leaves a funder the names and towns of others, nothing else.
func visible(actor Actor, all []Organisation) []Organisation {
	if actor.Kind == Funder {
		for i, o := range all {
			all[i] = Organisation{ID: o.ID, Kind: o.Kind, Name: o.Name, Town: o.Town}
		}
	}
	return all
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
	password, err := s.passwordOf(ctx, req)
	if err != nil {
		return Member{}, err
	}
	var m Member
	var isNew bool
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		isNew = false // a replayed answer tells no password
		m, err = once.Do(ctx, tx, actor.Organisation, "add_member", req.fingerprint(), func() (m Member, err error) {
			m = Member{Name: req.Name, Email: req.Email, Role: req.Role}
			if m.ID, isNew, err = addMember(ctx, tx, actor.Organisation, req, password.hash); err != nil {
				return m, err
			}
			return m, s.record(ctx, tx, actor, "member_added", object("person", int64(m.ID)), nil, m)
		})
		return err
	})
	if err == nil && isNew {
		m.Password = password.made
	}
	return m, err
}

// RemoveMember ends a membership; the person's sessions and tokens for this
// organisation end with it. Its faults are not_found, member_is_yourself and, for two
// admins who remove each other, last_admin.
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
		_, err := once.Do(ctx, tx, actor.Organisation, "remove_member", id, func() (struct{}, error) {
			return struct{}{}, s.removeMember(ctx, tx, actor, id)
		})
		return err
	})
}

func (s *Service) removeMember(ctx context.Context, tx *db.Tx, actor Actor, id vouchers.PersonID) error {
	if err := lockOrganisation(ctx, tx, actor.Organisation); err != nil {
		return err
	}
	if err := endMembership(ctx, tx, actor.Organisation, id); err != nil {
		return err
	}
	switch has, err := hasAdmin(ctx, tx, actor.Organisation); {
	case err != nil:
		return err
	case !has:
		return fault.New(fault.Conflict, "last_admin")
	}
	return s.record(ctx, tx, actor, "member_removed", object("person", int64(id)), nil, nil)
}

// Open lets the operator see an organisation and its members.
func (s *Service) Open(ctx context.Context, actor Actor, id vouchers.OrganisationID) (Organisation, []Member, error) {
	if err := actor.Needs(Operator, Agent, Finance, Reader); err != nil {
		return Organisation{}, nil, err
	}
	if err := actor.NeedsScope("members"); err != nil {
		return Organisation{}, nil, err
	}
	var o Organisation
	var people []Member
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if o, err = OrganisationOf(ctx, tx, id); err != nil {
			return err
		}
		people, err = members(ctx, tx, id)
		return err
	})
	return o, people, err
}

// Members lists the people of the actor's organisation.
func (s *Service) Members(ctx context.Context, actor Actor) ([]Member, error) {
	if err := actor.Needs(actor.Kind, Agent, Finance, Reader); err != nil {
		return nil, err
	}
	if err := actor.NeedsScope("members"); err != nil {
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

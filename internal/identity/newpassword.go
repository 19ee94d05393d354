package identity

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Account is a person as whoever gives it a new password knows it.
type Account struct {
	ID    vouchers.PersonID `json:"id" db:"id"`
	Name  string            `json:"name" db:"name"`
	Email string            `json:"email" db:"email"`
	// Password is told once, never stored.
	Password string `json:"password,omitempty" db:"-"`
}

// AccountOf is the account of somebody whom the actor may give a new password. Its faults
// are those of NewPassword.
func (s *Service) AccountOf(ctx context.Context, actor Actor, id vouchers.PersonID) (Account, error) {
	if err := actor.Needs(actor.Kind); err != nil {
		return Account{}, err
	}
	if err := actor.NeedsScope("members"); err != nil {
		return Account{}, err
	}
	var a Account
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = accountOf(ctx, tx, actor, id)
		return err
	})
	return a, err
}

// NewPassword gives somebody who lost it a new password, to hand over by phone or letter,
// and ends all its sessions. An admin may for a member of its organisation who belongs to
// no other one, since a password opens them all; the operator's admin may for everybody
// who belongs somewhere. Its faults are not_found, password_yourself, since one's own
// takes the old one to change, and password_elsewhere.
func (s *Service) NewPassword(ctx context.Context, actor Actor, id vouchers.PersonID) (Account, error) {
	if _, err := s.AccountOf(ctx, actor, id); err != nil {
		return Account{}, err // before the work of hashing
	}
	made := newPassword()
	hash, err := s.hash(ctx, made)
	if err != nil {
		return Account{}, err
	}
	var a Account
	var given bool
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		given = false // a replayed answer tells no password
		a, err = once.Do(ctx, tx, actor.Organisation, "new_password", id, func() (Account, error) {
			given = true
			return s.givePassword(ctx, tx, actor, id, hash)
		})
		return err
	})
	s.known.forgetPerson(id)
	if err == nil && given {
		a.Password = made
	}
	return a, err
}

func (s *Service) givePassword(ctx context.Context, tx *db.Tx, actor Actor, id vouchers.PersonID, hash string) (Account, error) {
	// Joining an organisation locks the person too: nobody joins one meanwhile.
	if err := lockPerson(ctx, tx, id); err != nil {
		return Account{}, err
	}
	a, err := accountOf(ctx, tx, actor, id)
	if err != nil {
		return a, err
	}
	if err := setPassword(ctx, tx, id, hash); err != nil {
		return a, err
	}
	if err := deleteSessionsOf(ctx, tx, id); err != nil {
		return a, err
	}
	return a, s.record(ctx, tx, actor, "password_given", object("person", int64(id)), nil, nil)
}

func accountOf(ctx context.Context, tx *db.Tx, actor Actor, id vouchers.PersonID) (Account, error) {
	a, within, err := account(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return Account{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Account{}, err
	}
	return a, actor.mayGivePassword(id, within)
}

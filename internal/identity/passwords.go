package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/throttle"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	passwordLeast = 12 // characters; sign-in is throttled besides
	tryLimit      = 10 // tries per account, and five times that per address
	tryWindow     = 15 * time.Minute
	hashesAtOnce  = 4 // each takes passwordCost.Memory
)

// passwordCost follows RFC 9106's second recommended option, with the memory that a
// small server can spare for several sign-ins at once.
var passwordCost = &argon2id.Params{Memory: 64 * 1024, Iterations: 3, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// nobodysHash is compared when there is no such account, so that the answer takes as
// long.
var nobodysHash = sync.OnceValues(func() (string, error) { return argon2id.CreateHash(rand.Text(), passwordCost) })

// newPassword makes a password to hand over by phone or letter: 80 random bits in four
// groups, without 0, 1, 8 and 9, which sound or look like others.
func newPassword() string {
	text := rand.Text()
	return strings.Join([]string{text[0:4], text[4:8], text[8:12], text[12:16]}, "-")
}

func checkPassword(password string) error {
	if utf8.RuneCountInString(password) < passwordLeast {
		return fault.New(fault.Invalid, "password_too_short", "least", passwordLeast)
	}
	return nil
}

// firstPassword is what a new member signs in with.
type firstPassword struct {
	made string // "" where the member chose it
	hash string
}

func (s *Service) passwordOf(ctx context.Context, m NewMember) (p firstPassword, err error) {
	if m.Password == "" {
		p.made = newPassword()
		m.Password = p.made
	}
	if err := checkPassword(m.Password); err != nil {
		return p, err
	}
	p.hash, err = s.hash(ctx, m.Password)
	return p, err
}

func (s *Service) hash(ctx context.Context, password string) (hash string, err error) {
	err = s.inTurn(ctx, func() (err error) {
		hash, err = argon2id.CreateHash(password, passwordCost)
		return err
	})
	return hash, err
}

func (s *Service) matches(ctx context.Context, password, hash string) (good bool, err error) {
	err = s.inTurn(ctx, func() (err error) {
		good, err = argon2id.ComparePasswordAndHash(password, hash)
		return err
	})
	return good, err
}

// inTurn bounds the memory that hashing takes, however many people sign in at once.
func (s *Service) inTurn(ctx context.Context, hashing func() error) error {
	select {
	case s.hashing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("identity: waiting to hash: %w", ctx.Err())
	}
	defer func() { <-s.hashing }()
	if err := hashing(); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

// prove finds the person of an e-mail address and a password. A wrong password and an
// unknown address have the same answer, after the same work.
func (s *Service) prove(ctx context.Context, email, password, address string) (vouchers.PersonID, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	err := s.countTry(ctx, map[string]int{"sign-in:account:" + email: tryLimit, "sign-in:address:" + address: 5 * tryLimit})
	if err != nil {
		return 0, err
	}
	var p person
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		p, err = personByEmail(ctx, tx, email)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		p = person{}
		p.Hash, err = nobodysHash()
	}
	if err != nil {
		return 0, err
	}
	good, err := s.matches(ctx, password, p.Hash)
	if err != nil {
		return 0, err
	}
	if !good || p.ID == 0 {
		return 0, fault.New(fault.Unauthenticated, "sign_in_failed")
	}
	return p.ID, nil
}

// countTry counts a try in each bucket up to its limit, in a transaction of its own so
// that a failure does not undo the count.
func (s *Service) countTry(ctx context.Context, limits map[string]int) error {
	var limited *fault.Error
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		limited = nil
		for _, bucket := range slices.Sorted(maps.Keys(limits)) {
			err := throttle.Take(ctx, tx, bucket, limits[bucket], tryWindow)
			if err != nil && !errors.As(err, &limited) {
				return err
			}
		}
		return nil
	})
	if err == nil && limited != nil {
		return limited
	}
	return err
}

// PasswordChange replaces a password by somebody who knows it.
type PasswordChange struct{ Current, New string }

// ChangePassword replaces the actor's own password and ends all its sessions: it
// returns a new one. API tokens go on, since each is revoked by itself.
func (s *Service) ChangePassword(ctx context.Context, actor Actor, req PasswordChange) (session string, err error) {
	if !actor.SignedIn() {
		return "", fault.New(fault.Unauthenticated, "unauthenticated")
	}
	if actor.Scopes != nil {
		return "", fault.New(fault.Forbidden, "forbidden")
	}
	if err := checkPassword(req.New); err != nil {
		return "", err
	}
	old, err := s.proveAgain(ctx, actor, req.Current)
	if err != nil {
		return "", err
	}
	hash, err := s.hash(ctx, req.New)
	if err != nil {
		return "", err
	}
	session = newSecret()
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := replacePassword(ctx, tx, actor.Person, old, hash); err != nil {
			return err
		}
		if err := deleteSessionsOf(ctx, tx, actor.Person); err != nil {
			return err
		}
		if err := insertSession(ctx, tx, hashSecret(session), actor.Person, actor.Organisation); err != nil {
			return err
		}
		return s.record(ctx, tx, actor, "password_changed", object("person", int64(actor.Person)), nil, nil)
	})
	s.known.forgetPerson(actor.Person)
	return session, err
}

// Prove asks somebody at a screen for their password again, before what must not be done by
// whoever finds the screen open. Its faults are password_wrong and rate_limited.
func (s *Service) Prove(ctx context.Context, actor Actor, password string) error {
	_, err := s.proveAgain(ctx, actor, password)
	return err
}

// proveAgain checks the actor's own password and returns its hash.
func (s *Service) proveAgain(ctx context.Context, actor Actor, password string) (hash string, err error) {
	err = s.countTry(ctx, map[string]int{fmt.Sprint("password:person:", actor.Person): tryLimit})
	if err != nil {
		return "", err
	}
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		hash, err = passwordHash(ctx, tx, actor.Person)
		return err
	})
	if err != nil {
		return "", err
	}
	good, err := s.matches(ctx, password, hash)
	if err == nil && !good {
		err = fault.New(fault.Invalid, "password_wrong")
	}
	return hash, err
}

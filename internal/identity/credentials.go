package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	// SessionLasts is how long a session opens the door, whatever is done in it.
	SessionLasts = 12 * time.Hour
	// LongestToken is the most days that an API token can last.
	LongestToken = 366

	tokenPrefix      = "psl_" // so that a leaked token is recognised by scanners
	rememberedFor    = time.Second
	rememberedAtOnce = 10_000
)

// Scopes are what an API token can be made for; each is the name of a room.
var Scopes = []string{"organisations", "members", "places", "labels", "agenda", "bookings", "complaints", "bank_details", "campaigns", "orders", "invoices", "statements", "closing",
	"handovers", "redemptions", "settlements", "reports"}

// SignIn checks an e-mail address and a password and opens a session. address is the
// caller's network address, for the throttle.
func (s *Service) SignIn(ctx context.Context, email, password, address string) (session string, err error) {
	id, err := s.prove(ctx, email, password, address)
	if err != nil {
		return "", err
	}
	return s.openSession(ctx, id, 0)
}

// openSession makes a session for a person in one of its organisations (0: the first).
func (s *Service) openSession(ctx context.Context, id vouchers.PersonID, org vouchers.OrganisationID) (string, error) {
	secret := newSecret()
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return insertSession(ctx, tx, hashSecret(secret), id, org)
	})
	return secret, err
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, session string) error {
	s.known.forget(session)
	return s.db.InTx(ctx, func(tx *db.Tx) error { return deleteSession(ctx, tx, hashSecret(session)) })
}

// Switch opens a session of the same person in another of its organisations.
func (s *Service) Switch(ctx context.Context, actor Actor, org vouchers.OrganisationID) (string, error) {
	if !actor.SignedIn() || actor.Scopes != nil {
		return "", fault.New(fault.Unauthenticated, "unauthenticated")
	}
	return s.openSession(ctx, actor.Person, org)
}

// Memberships lists the organisations that the person may act for.
func (s *Service) Memberships(ctx context.Context, actor Actor) ([]Organisation, error) {
	if !actor.SignedIn() {
		return nil, fault.New(fault.Unauthenticated, "unauthenticated")
	}
	var all []Organisation
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = organisationsOf(ctx, tx, actor.Person)
		return err
	})
	return all, err
}

// Credential is what a request brings: one of the two.
type Credential struct{ Bearer, Session string }

// Authenticate says who brings a credential: nobody (the zero Actor) for none, a fault
// for a bad bearer token, nobody for a session that is over. A revoked credential is
// refused after at most one second.
func (s *Service) Authenticate(ctx context.Context, c Credential) (Actor, error) {
	secret := c.Bearer
	if secret == "" {
		secret = c.Session
	}
	if secret == "" {
		return Actor{}, nil
	}
	now := s.db.Now()
	if a, ok := s.known.get(secret, now); ok {
		return a, nil
	}
	var a Actor
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = actorBy(ctx, tx, hashSecret(secret), c.Bearer != "")
		return err
	})
	switch {
	case errors.Is(err, db.ErrNoRows) && c.Bearer != "":
		return Actor{}, fault.New(fault.Unauthenticated, "token_unknown")
	case errors.Is(err, db.ErrNoRows):
		return Actor{}, nil
	case err != nil:
		return Actor{}, err
	}
	s.known.put(secret, a, now)
	return a, nil
}

// NewToken asks for an API token.
type NewToken struct {
	Label  string   `json:"label"`
	Scopes []string `json:"scopes"`
	Days   int      `json:"days"` // how long it lasts
}

// Token is an API token. Secret is shown once.
type Token struct {
	ID        int64      `json:"id" db:"id"`
	Label     string     `json:"label" db:"label"`
	Scopes    db.Strings `json:"scopes" db:"scopes"`
	CreatedAt time.Time  `json:"created_at" db:"created_at"`
	ExpiresAt time.Time  `json:"expires_at" db:"expires_at"`
	Secret    string     `json:"token,omitempty" db:"-"`
}

// TokenFor is CreateToken for a program that has an e-mail address and a password
// instead of a session. The token acts for the organisation that SignIn opens.
func (s *Service) TokenFor(ctx context.Context, email, password, address string, req NewToken) (Token, error) {
	id, err := s.prove(ctx, email, password, address)
	if err != nil {
		return Token{}, err
	}
	var actor Actor
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		actor, err = firstActor(ctx, tx, id)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return Token{}, fault.New(fault.Forbidden, "no_organisation")
	}
	if err != nil {
		return Token{}, err
	}
	return s.CreateToken(ctx, actor, req)
}

// CreateToken makes an API token with the actor's own rights, or fewer. It is not
// replayable: its secret is never stored.
func (s *Service) CreateToken(ctx context.Context, actor Actor, req NewToken) (Token, error) {
	if err := actor.Needs(actor.Kind, Agent, Finance, Reader); err != nil {
		return Token{}, err
	}
	if actor.Scopes != nil {
		return Token{}, fault.New(fault.Forbidden, "forbidden")
	}
	if err := req.check(); err != nil {
		return Token{}, err
	}
	secret := tokenPrefix + newSecret()
	var t Token
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		t, err = insertToken(ctx, tx, actor, req, hashSecret(secret), tx.Now.AddDate(0, 0, req.Days))
		if err != nil {
			return err
		}
		return s.record(ctx, tx, actor, "token_created", object("token", t.ID), nil, req)
	})
	t.Secret = secret
	return t, err
}

func (t NewToken) check() error {
	if n := utf8.RuneCountInString(strings.TrimSpace(t.Label)); n < 1 || n > longestName {
		return fault.New(fault.Invalid, "token_label_length", "most", longestName)
	}
	if t.Days < 1 || t.Days > LongestToken {
		return fault.New(fault.Invalid, "token_days_out_of_range", "most", LongestToken)
	}
	if len(t.Scopes) == 0 {
		return fault.New(fault.Invalid, "scopes_missing")
	}
	for _, scope := range t.Scopes {
		if !slices.Contains(Scopes, scope) {
			return fault.New(fault.Invalid, "scope_unknown", "scope", scope)
		}
	}
	return nil
}

// Tokens lists the actor's own tokens that still work.
func (s *Service) Tokens(ctx context.Context, actor Actor) ([]Token, error) {
	if !actor.SignedIn() {
		return nil, fault.New(fault.Unauthenticated, "unauthenticated")
	}
	var all []Token
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = tokens(ctx, tx, actor)
		return err
	})
	return all, err
}

// RevokeToken ends one of the actor's own tokens.
func (s *Service) RevokeToken(ctx context.Context, actor Actor, id int64) error {
	if !actor.SignedIn() {
		return fault.New(fault.Unauthenticated, "unauthenticated")
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, actor.Organisation, "revoke_token", id, func() (struct{}, error) {
			if err := revokeToken(ctx, tx, actor, id); err != nil {
				return struct{}{}, err
			}
			return struct{}{}, s.record(ctx, tx, actor, "token_revoked", object("token", id), nil, nil)
		})
		return err
	})
}

// newSecret is 256 random bits.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// known remembers for a second who a credential was, so that a busy counter does not
// ask the database each time.
type known struct {
	mu     sync.Mutex
	actors map[string]knownActor
}

type knownActor struct {
	actor Actor
	until time.Time
}

func (k *known) get(secret string, now time.Time) (Actor, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.actors[secret]
	return a.actor, ok && now.Before(a.until)
}

func (k *known) put(secret string, a Actor, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.actors) >= rememberedAtOnce {
		clear(k.actors)
	}
	k.actors[secret] = knownActor{a, now.Add(rememberedFor)}
}

func (k *known) forget(secret string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.actors, secret)
}

func (k *known) forgetPerson(id vouchers.PersonID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.actors, func(_ string, a knownActor) bool { return a.actor.Person == id })
}

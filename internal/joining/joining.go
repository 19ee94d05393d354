// Package joining brings structures in: one opens its account by itself, with a SIRET that
// the public directory knows and an e-mail address that is confirmed, then follows a list of
// what is left to do. The operator looks at each before a place of it can have a label.
package joining

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/directory"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/internal/territory"
)

// LinkLasts is how long the mailed link opens an account.
const LinkLasts = 48 * time.Hour

// Options are what the room needs from others.
type Options struct {
	Directory directory.Directory
	People    People
	// Invite sends the link, in the transaction of what it is for. token is a secret.
	Invite func(ctx context.Context, tx *db.Tx, to, structure, token string) error
	// Refused tells a structure why its account was closed, in the transaction that does.
	Refused func(ctx context.Context, tx *db.Tx, o identity.Organisation, reason string) error
	// CalledOff keeps what people have booked true when a session of such a structure is called off.
	CalledOff agenda.Follow
	Log       *slog.Logger
}

// People is what identity does outside of our transaction, since it takes long.
type People interface {
	ProveJoiner(ctx context.Context, email, password, address string) (identity.Proven, error)
}

// Service is the use cases of joining.
type Service struct {
	db *db.DB
	Options
}

// New makes the service.
func New(d *db.DB, options Options) *Service { return &Service{d, options} }

// Structure is a legal entity's establishment, as its public register or its people say.
type Structure struct {
	SIRET     string `json:"siret"`
	Name      string `json:"name"`
	LegalForm string `json:"legal_form"`
	Street    string `json:"street"`
	Postcode  string `json:"postcode"`
	Town      string `json:"town"`
}

// Found is what is known of a SIRET before anybody has joined with it.
type Found struct {
	Structure
	Answer Answer
}

// Answer is what the directory said.
type Answer string

// The directory's answers.
const (
	Known       Answer = "known"
	Closed      Answer = "closed" // known, and no more active
	Unknown     Answer = "unknown"
	Unreachable Answer = "unreachable" // or switched off: the name is typed
)

// Look asks the directory about a SIRET that somebody typed. address is the caller's network
// address, for the throttle. Its faults are those of siret.Parse, siret_joined and
// rate_limited.
func (s *Service) Look(ctx context.Context, _ identity.Actor, typed, address string) (Found, error) {
	number, err := siret.Parse(typed)
	if err != nil {
		return Found{}, err
	}
	if err := s.count(ctx, "join-look:"+address, looksLimit); err != nil {
		return Found{}, err
	}
	if err := s.free(ctx, number); err != nil {
		return Found{}, err
	}
	found := Found{Structure: Structure{SIRET: number.Digits()}, Answer: Known}
	entity, err := s.Directory.Find(ctx, number)
	switch {
	case errors.Is(err, directory.ErrUnknown):
		found.Answer = Unknown
		return found, nil
	case err != nil:
		s.Log.Warn("the directory of legal entities did not answer", "error", err.Error())
		found.Answer = Unreachable
		return found, nil
	}
	found.Name, found.LegalForm, found.Street, found.Postcode, found.Town = entity.Name, entity.LegalForm, entity.Street, entity.Postcode, entity.Town
	if c, known := territory.Resolve(territory.Clue{Postcode: found.Postcode, Name: found.Town}); known {
		found.Town = c.Name // with its accents, which the directory leaves out
	}
	if entity.Closed {
		found.Answer = Closed
	}
	return found, nil
}

// free refuses a SIRET that has an account. Nothing is told of the people behind it.
func (s *Service) free(ctx context.Context, number siret.SIRET) error {
	return s.db.Read(ctx, func(tx *db.Tx) error { return free(ctx, tx, number.Digits()) })
}

func free(ctx context.Context, tx *db.Tx, number string) error {
	taken, err := identity.HasStructure(ctx, tx, number)
	if err == nil && taken {
		err = fault.New(fault.Conflict, "siret_joined")
	}
	return err
}

// Request is a structure that wants to join, and who speaks for it.
type Request struct {
	Structure
	Person string `json:"person"`
	Email  string `json:"email"`
}

func (r Request) organisation() identity.NewOrganisation {
	return identity.NewOrganisation{Kind: identity.Structure, Name: r.Name, SIRET: r.SIRET, Form: strings.TrimSpace(r.LegalForm),
		Street: strings.TrimSpace(r.Street), Postcode: strings.TrimSpace(r.Postcode), Town: strings.TrimSpace(r.Town),
		Admin: identity.NewMember{Name: r.Person, Email: r.Email, Role: identity.Admin}}
}

// Ask mails a link that opens the account. Nothing else happens until somebody follows it.
// Its faults are siret_joined, rate_limited and those of a new organisation.
func (s *Service) Ask(ctx context.Context, _ identity.Actor, req Request, address string) error {
	o, err := identity.CheckJoiner(req.organisation())
	if err != nil {
		return err
	}
	if err := checkLength(o); err != nil {
		return err
	}
	if err := s.count(ctx, "join-ask:"+address, asksLimit); err != nil {
		return err
	}
	if err := s.count(ctx, "join-mail:"+o.Admin.Email, mailsLimit); err != nil {
		return err
	}
	token := newToken()
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, 0, "ask_to_join", req, func() (struct{}, error) {
			if err := free(ctx, tx, o.SIRET); err != nil {
				return struct{}{}, err
			}
			if err := insert(ctx, tx, hashToken(token), o); err != nil {
				return struct{}{}, err
			}
			return struct{}{}, s.Invite(ctx, tx, o.Admin.Email, o.Name, token)
		})
		return err
	})
}

// Invitation is what the holder of a link is shown.
type Invitation struct {
	Structure, Person, Email string
	HasAccount               bool // its password is asked for; otherwise one is chosen
}

// Open reads an invitation, and changes nothing: programs follow the links of mails too. Its
// fault is joining_link_over.
func (s *Service) Open(ctx context.Context, _ identity.Actor, token string) (Invitation, error) {
	var i Invitation
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		o, err := pending(ctx, tx, hashToken(token))
		if err != nil {
			return err
		}
		i = Invitation{Structure: o.Name, Person: o.Admin.Name, Email: o.Admin.Email}
		i.HasAccount, err = identity.HasAccount(ctx, tx, i.Email)
		return err
	})
	return i, err
}

// Finish opens the account of an invitation, once, and a session in it. Its faults are
// joining_link_over, siret_joined, joiner_changed and those of ProveJoiner.
func (s *Service) Finish(ctx context.Context, actor identity.Actor, token, password, address string) (session string, err error) {
	i, err := s.Open(ctx, actor, token)
	if err != nil {
		return "", err
	}
	proven, err := s.People.ProveJoiner(ctx, i.Email, password, address)
	if err != nil {
		return "", err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		session, err = finish(ctx, tx, hashToken(token), proven)
		return err
	})
	return session, err
}

func finish(ctx context.Context, tx *db.Tx, hash []byte, proven identity.Proven) (string, error) {
	o, err := use(ctx, tx, hash)
	if err != nil {
		return "", err
	}
	if err := free(ctx, tx, o.SIRET); err != nil {
		return "", err
	}
	actor, session, err := identity.Join(ctx, tx, o, proven)
	if fault.Code(err) == "siret_taken" { // by somebody else's transaction
		err = fault.New(fault.Conflict, "siret_joined")
	}
	if err != nil {
		return "", err
	}
	after := Structure{SIRET: o.SIRET, Name: o.Name, LegalForm: o.Form, Street: o.Street, Postcode: o.Postcode, Town: o.Town}
	return session, audit.Record(ctx, tx, actor, "structure_joined", object(actor.Organisation), nil, after)
}

func newToken() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte("joining " + token))
	return sum[:]
}

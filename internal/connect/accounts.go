package connect

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Account is a structure's account at Stripe. Its bank account stays known to us, and is paid
// where Stripe cannot.
type Account struct {
	ID            vouchers.ConnectID      `json:"id" db:"id"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	State         State                   `json:"state" db:"-"`
	Stripe        string                  `json:"stripe_account" db:"account"`     // Stripe's id; "" as long as it has not answered
	Submitted     bool                    `json:"submitted" db:"submitted"`        // its questions were answered
	Ready         bool                    `json:"ready" db:"ready"`                // Stripe pays
	Problem       string                  `json:"problem,omitempty" db:"problem"`  // Stripe's code of why it does not
	Last4         string                  `json:"bank_last4,omitempty" db:"last4"` // of the bank account that Stripe pays to
	CreatedAt     time.Time               `json:"created_at" db:"created_at"`
	CreatedBy     vouchers.PersonID       `json:"-" db:"created_by"`
	CreatorName   string                  `json:"created_by" db:"creator_name"`
	ApproverName  string                  `json:"approved_by,omitempty" db:"approver_name"`
	InForceAt     *time.Time              `json:"in_force_at" db:"in_force_at"` // may be to come
	EndedAt       *time.Time              `json:"ended_at,omitempty" db:"ended_at"`
	EndReason     string                  `json:"end_reason,omitempty" db:"end_reason"`

	Email string `json:"-" db:"email"` // the structure's
	Known string `json:"-" db:"known"` // the last four of its bank account in force
}

// Chosen asks to be paid through Stripe. Password is asked of people; a program's token has its
// scope instead.
type Chosen struct {
	Password string `json:"password,omitempty"`
}

// Choose says that the actor's structure wants to be paid through Stripe. Nothing changes until
// Stripe has its answers and the operator has approved. Its faults are connect_off,
// password_wrong, connect_bank_details and connect_chosen.
func (s *Service) Choose(ctx context.Context, actor identity.Actor, req Chosen) (Account, error) {
	if err := actor.Needs(identity.Structure); err != nil {
		return Account{}, err
	}
	if err := actor.NeedsScope(payees.Scope); err != nil {
		return Account{}, err
	}
	if err := s.mustBeOn(); err != nil {
		return Account{}, err
	}
	if actor.Scopes == nil {
		if err := s.Prove(ctx, actor, req.Password); err != nil {
			return Account{}, err
		}
	}
	a, err := s.write(ctx, actor, "choose_connect", actor.Organisation, func(tx *db.Tx) (Account, error) { return s.choose(ctx, tx, actor) })
	if err != nil {
		return a, err
	}
	// What is replayed was kept before Stripe was asked.
	if a, err = s.read(ctx, a.ID); err != nil || a.Stripe != "" || a.EndedAt != nil {
		return a, err
	}
	if err := s.open(ctx, a); err != nil {
		s.log.Error("Stripe opens no account", "structure", a.Structure, "error", err)
		return a, nil // Link asks again
	}
	return s.read(ctx, a.ID)
}

func (s *Service) choose(ctx context.Context, tx *db.Tx, actor identity.Actor) (Account, error) {
	if err := lockStructure(ctx, tx, actor.Organisation); err != nil {
		return Account{}, err
	}
	if _, chosen, err := accountOf(ctx, tx, actor.Organisation); err != nil || chosen {
		return Account{}, errorOr(err, fault.New(fault.Conflict, "connect_chosen"))
	}
	if has, err := payees.HasAccountInForce(ctx, tx, actor.Organisation); err != nil || !has {
		return Account{}, errorOr(err, fault.New(fault.Conflict, "connect_bank_details"))
	}
	id, err := insertAccount(ctx, tx, actor)
	if err != nil {
		return Account{}, err
	}
	return s.changed(ctx, tx, actor, Account{ID: id}, "connect_chosen")
}

func errorOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// open has Stripe open an account, or finds the one that it has opened.
func (s *Service) open(ctx context.Context, a Account) error {
	made, err := s.Stripe.CreateConnected(ctx, stripe.ConnectedRequest{Ours: name(a.ID), Name: a.StructureName, Email: a.Email})
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return setStripe(ctx, tx, a.ID, made) })
}

// syncAccount brings our row to what Stripe says of an account. One that is not ours is left
// alone.
func (s *Service) syncAccount(ctx context.Context, id string) error {
	found, err := s.Stripe.Connected(ctx, id)
	if refusal, is := refused(err); is && refusal.Code == stripe.AccountInvalid {
		found, err = stripe.Connected{ID: id, Problem: refusal.Code}, nil
	}
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return setKnown(ctx, tx, found) })
}

// ReadAccounts reads every account from Stripe, as if no webhook had ever come.
func (s *Service) ReadAccounts(ctx context.Context) error {
	if s.Stripe == nil {
		return nil
	}
	var open []string
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		open, err = openAccounts(ctx, tx)
		return err
	})
	for _, id := range open {
		if failed := s.syncAccount(ctx, id); failed != nil {
			s.log.Error("an account at Stripe could not be read", "account", id, "error", failed)
		}
	}
	return err
}

// Mine is the account of the actor's structure; its fault is not_found where it has none.
func (s *Service) Mine(ctx context.Context, actor identity.Actor) (Account, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Account{}, err
	}
	var a Account
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		var chosen bool
		if a, chosen, err = accountOf(ctx, tx, actor.Organisation); err == nil && !chosen {
			err = fault.New(fault.NotFound, "not_found")
		}
		return err
	})
	return a, err
}

// Latest is the last account that the actor's structure asked for, ended or not; nil where it
// never asked.
func (s *Service) Latest(ctx context.Context, actor identity.Actor) (*Account, error) {
	if err := actor.NeedsAny(identity.Structure); err != nil {
		return nil, err
	}
	var latest *Account
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		all, err := accounts(ctx, tx, `WHERE a.structure_id = $2 ORDER BY a.id DESC LIMIT 1`, actor.Organisation)
		if len(all) > 0 {
			latest = &all[0]
		}
		return err
	})
	return latest, err
}

// Link makes the page of Stripe's where the actor answers its questions, or sees its money once
// they are answered. It opens once. Its faults are connect_off, not_found and stripe_silent.
func (s *Service) Link(ctx context.Context, actor identity.Actor) (url string, err error) {
	if err := actor.Needs(identity.Structure); err != nil {
		return "", err
	}
	if err := actor.NeedsScope(payees.Scope); err != nil {
		return "", err
	}
	if err := s.mustBeOn(); err != nil {
		return "", err
	}
	a, err := s.Mine(ctx, actor)
	if err == nil && a.Stripe == "" {
		if err = s.open(ctx, a); err == nil {
			a, err = s.read(ctx, a.ID)
		}
	}
	if fault.Code(err) != "" {
		return "", err
	}
	if err == nil {
		if err = s.syncAccount(ctx, a.Stripe); err == nil {
			a, err = s.read(ctx, a.ID)
		}
	}
	if err == nil && a.Ready {
		url, err = s.Stripe.DashboardLink(ctx, a.Stripe)
	} else if err == nil {
		url, err = s.Stripe.OnboardingLink(ctx, a.Stripe, s.PublicURL+"/bank-details/stripe", s.PublicURL+"/bank-details")
	}
	if err != nil {
		s.log.Error("Stripe gives no page", "structure", actor.Organisation, "error", err)
		return "", fault.New(fault.Conflict, "stripe_silent")
	}
	return url, nil
}

// Leave says that the actor's structure wants to be paid to its bank account again, from the
// next settlement on. Its fault is not_found.
func (s *Service) Leave(ctx context.Context, actor identity.Actor) (Account, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance); err != nil {
		return Account{}, err
	}
	if err := actor.NeedsScope(payees.Scope); err != nil {
		return Account{}, err
	}
	return s.write(ctx, actor, "leave_connect", actor.Organisation, func(tx *db.Tx) (Account, error) {
		if err := lockStructure(ctx, tx, actor.Organisation); err != nil {
			return Account{}, err
		}
		a, chosen, err := accountOf(ctx, tx, actor.Organisation)
		if err != nil || !chosen {
			return Account{}, errorOr(err, fault.New(fault.NotFound, "not_found"))
		}
		if err := endAccount(ctx, tx, actor, a.ID, ""); err != nil {
			return Account{}, err
		}
		return s.changed(ctx, tx, actor, a, "connect_left")
	})
}

// List lists the accounts that have not ended: first those that are not paid to, the oldest of
// them first.
func (s *Service) List(ctx context.Context, actor identity.Actor) ([]Account, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var all []Account
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = notEnded(ctx, tx)
		return err
	})
	return all, err
}

// Open is a structure's account with what the operator needs to decide on it.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.ConnectID) (Account, error) {
	if err := actor.Needs(identity.Operator, identity.Agent, identity.Finance); err != nil {
		return Account{}, err
	}
	return s.read(ctx, id)
}

// Approve lets a structure be paid through Stripe, once its choice has cooled. Its faults are
// not_found, connect_decided, own_request and connect_not_ready.
func (s *Service) Approve(ctx context.Context, actor identity.Actor, id vouchers.ConnectID) (Account, error) {
	return s.decide(ctx, actor, "connect_approved", id, "", func(tx *db.Tx, a Account) error {
		switch {
		case a.InForceAt != nil:
			return fault.New(fault.Conflict, "connect_decided")
		case a.CreatedBy == actor.Person:
			return fault.New(fault.Conflict, "own_request")
		case !a.Ready:
			return fault.New(fault.Conflict, "connect_not_ready")
		}
		return setApproved(ctx, tx, actor, a.ID, a.inForceFrom(tx.Now))
	})
}

// Refuse ends an account, in force or not, with a reason that its structure is told: it is paid
// to its bank account. Its faults are not_found, connect_decided and reason_missing.
func (s *Service) Refuse(ctx context.Context, actor identity.Actor, id vouchers.ConnectID, reason string) (Account, error) {
	reason = strings.TrimSpace(reason)
	return s.decide(ctx, actor, "connect_refused", id, reason, func(tx *db.Tx, a Account) error {
		if n := len([]rune(reason)); n < 3 || n > 500 {
			return fault.New(fault.Invalid, "reason_missing", "least", 3, "most", 500)
		}
		return endAccount(ctx, tx, actor, a.ID, reason)
	})
}

// decide does something of the operator's with an account that has not ended.
func (s *Service) decide(ctx context.Context, actor identity.Actor, action string, id vouchers.ConnectID, said string, do func(tx *db.Tx, a Account) error) (Account, error) {
	if err := actor.Needs(identity.Operator, identity.Agent, identity.Finance); err != nil {
		return Account{}, err
	}
	if err := actor.NeedsScope(payees.Scope); err != nil {
		return Account{}, err
	}
	return s.write(ctx, actor, action, []any{id, said}, func(tx *db.Tx) (Account, error) {
		a, err := account(ctx, tx, id)
		if err != nil {
			return Account{}, err
		}
		if err := lockStructure(ctx, tx, a.Structure); err != nil {
			return Account{}, err
		}
		if a, err = account(ctx, tx, id); err != nil {
			return Account{}, err
		}
		if a.EndedAt != nil {
			return Account{}, fault.New(fault.Conflict, "connect_decided")
		}
		if err := do(tx, a); err != nil {
			return Account{}, err
		}
		return s.changed(ctx, tx, actor, a, action)
	})
}

// changed records what was done with an account, and tells every contact of the structure that
// was known before.
func (s *Service) changed(ctx context.Context, tx *db.Tx, actor identity.Actor, before Account, action string) (Account, error) {
	a, err := account(ctx, tx, before.ID)
	if err != nil {
		return Account{}, err
	}
	if err := audit.Record(ctx, tx, actor, action, fmt.Sprintf("organisation:%d", a.Structure), before, a); err != nil {
		return Account{}, err
	}
	contacts, err := payees.Contacts(ctx, tx, a.Structure, a.CreatedAt)
	if err != nil {
		return Account{}, err
	}
	for _, to := range contacts {
		if err := s.Notify(ctx, tx, to, a); err != nil {
			return Account{}, err
		}
	}
	return a, nil
}

// Forget ends every account: they are connected to the operator before, and its structures are
// paid to their bank accounts until they connect again.
func Forget(ctx context.Context, tx *db.Tx) error { return endAll(ctx, tx) }

// write runs effect once for the key of the request, in one transaction.
func (s *Service) write(ctx context.Context, actor identity.Actor, action string, req any, effect func(tx *db.Tx) (Account, error)) (Account, error) {
	var a Account
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = once.Do(ctx, tx, actor.Organisation, action, req, func() (Account, error) { return effect(tx) })
		return err
	})
	return a, err
}

func (s *Service) read(ctx context.Context, id vouchers.ConnectID) (Account, error) {
	var a Account
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = account(ctx, tx, id)
		return err
	})
	return a, err
}

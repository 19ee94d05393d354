// Package payees keeps where the money of structures goes. An account is given with a
// proof, verified by the operator, and for a change approved by a second person after a
// time in which the contacts known before can object. Meanwhile payouts are held.
package payees

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/vop"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to say where a structure's money goes, and to decide on
// it for the operator.
const Scope = "bank_details"

// Bank says whose an account is.
type Bank interface {
	Ask(ctx context.Context, account sepa.Account) (vop.Answer, error)
}

// Notify writes to somebody in the transaction of what it tells.
type Notify func(ctx context.Context, tx *db.Tx, to string, n Notice) error

// Options are what the room needs of others.
type Options struct {
	Bank   Bank                                                                   // nil: nobody can be asked, the operator calls
	Notify Notify                                                                 // tells contacts
	Prove  func(ctx context.Context, actor identity.Actor, password string) error // refuses who does not know their password
}

// Service is the use cases of payees.
type Service struct {
	db *db.DB
	Options
}

// New makes the service.
func New(d *db.DB, o Options) *Service { return &Service{d, o} }

// Given is where a structure wants its money to go. BIC may be absent. Password is asked of
// people; a program's token has its scope instead.
type Given struct {
	IBAN     string       `json:"iban"`
	BIC      string       `json:"bic"`
	Holder   string       `json:"holder"`
	Proof    files.Upload `json:"proof"` // a RIB, or a letter of the bank
	Password string       `json:"password,omitempty"`
}

// Account is a structure's bank account as pages and answers show it: masked.
type Account struct {
	ID            vouchers.PayeeID        `json:"id" db:"id"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	IBAN          sepa.IBAN               `json:"-" db:"iban"`
	Masked        string                  `json:"iban" db:"-"` // "FR76 •••• •••• 0189"
	BIC           sepa.BIC                `json:"bic" db:"bic"`
	Holder        string                  `json:"holder" db:"holder"`
	State         State                   `json:"state" db:"-"`
	Changes       bool                    `json:"changes" db:"changes"` // another account was in force
	GivenAt       time.Time               `json:"given_at" db:"created_at"`
	GivenBy       vouchers.PersonID       `json:"-" db:"created_by"`
	GiverName     string                  `json:"given_by" db:"giver_name"`
	Proof         *vouchers.ProofID       `json:"-" db:"proof_id"`
	Match         vop.Match               `json:"match,omitempty" db:"match"` // what its verification found
	VerifiedAt    *time.Time              `json:"verified_at" db:"verified_at"`
	VerifiedBy    *vouchers.PersonID      `json:"-" db:"verified_by"`
	VerifierName  string                  `json:"-" db:"verifier_name"`
	How           string                  `json:"-" db:"how"`
	ApprovedAt    *time.Time              `json:"approved_at" db:"approved_at"`
	ApproverName  string                  `json:"-" db:"approver_name"`
	InForceAt     *time.Time              `json:"in_force_at" db:"in_force_at"` // may be to come
	EndedAt       *time.Time              `json:"ended_at,omitempty" db:"ended_at"`
	EndReason     string                  `json:"end_reason,omitempty" db:"end_reason"`
	ReplacedAt    *time.Time              `json:"-" db:"replaced_at"`

	AskedMatch vop.Match  `json:"-" db:"asked_match"` // what its bank answered last
	AskedName  string     `json:"-" db:"asked_name"`
	AskedAt    *time.Time `json:"-" db:"asked_at"`
}

// CooledAt is when a change can be in force at the earliest.
func (a Account) CooledAt() time.Time { return a.GivenAt.Add(Cooling) }

// Notice is what a contact is told of an account.
type Notice struct {
	Account
	To vouchers.OrganisationID
}

// Give says where the money of the actor's structure is to go from now on. As long as it is
// not in force, payouts are held. Its faults are those of sepa.ParseAccount and of
// files.Keep, password_wrong and bank_details_same.
func (s *Service) Give(ctx context.Context, actor identity.Actor, req Given) (Account, error) {
	if err := actor.Needs(identity.Structure); err != nil {
		return Account{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Account{}, err
	}
	to, err := sepa.ParseAccount(req.IBAN, req.BIC, req.Holder)
	if err != nil {
		return Account{}, err
	}
	if _, err := req.Proof.Check(); err != nil {
		return Account{}, err
	}
	if actor.Scopes == nil {
		if err := s.Prove(ctx, actor, req.Password); err != nil {
			return Account{}, err
		}
	}
	req.Password = "" // no trace of it is kept
	return s.write(ctx, actor, "give_bank_details", req, func(tx *db.Tx) (Account, error) { return s.give(ctx, tx, actor, to, req.Proof) })
}

func (s *Service) give(ctx context.Context, tx *db.Tx, actor identity.Actor, to sepa.Account, proof files.Upload) (Account, error) {
	before, err := lockAccounts(ctx, tx, actor.Organisation)
	if err != nil {
		return Account{}, err
	}
	if before.now != nil && before.now.IBAN == to.IBAN && before.now.Holder == to.Holder && before.now.BIC == to.BIC {
		return Account{}, fault.New(fault.Conflict, "bank_details_same")
	}
	if w := before.waiting; w != nil {
		if err := end(ctx, tx, actor, w.ID, ""); err != nil {
			return Account{}, err
		}
	}
	kept, err := files.Keep(ctx, tx, actor, proof)
	if err != nil {
		return Account{}, err
	}
	id, err := insert(ctx, tx, actor, to, kept.ID, before.now != nil)
	if err != nil {
		return Account{}, err
	}
	a, err := account(ctx, tx, id)
	if err != nil {
		return Account{}, err
	}
	if err := audit.Record(ctx, tx, actor, "bank_details_given", object(a.Structure), before.now, a); err != nil {
		return Account{}, err
	}
	return a, s.tell(ctx, tx, a)
}

// Mine is a structure's account in force, and the one that it has given and that is not.
type Mine struct {
	Now     *Account `json:"bank_details"` // nil: none is in force
	Waiting *Account `json:"waiting"`      // nil: none is
}

// Accounts are those of the actor's structure.
func (s *Service) Accounts(ctx context.Context, actor identity.Actor) (Mine, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Mine{}, err
	}
	var m Mine
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		both, err := accountsOf(ctx, tx, actor.Organisation)
		m = Mine{both.now, both.waiting}
		return err
	})
	return m, err
}

// HasAccount tells another room whether a structure has said where its money goes.
func HasAccount(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (bool, error) {
	both, err := accountsOf(ctx, tx, structure)
	return both.now != nil || both.waiting != nil, err
}

// HasAccountInForce tells another room whether a structure can be paid to a bank account.
func HasAccountInForce(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (bool, error) {
	both, err := accountsOf(ctx, tx, structure)
	return both.now != nil, err
}

// Contacts are the addresses that were a structure's before a moment, to be told of what is said
// of its money since.
func Contacts(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, before time.Time) ([]string, error) {
	return contactsOf(ctx, tx, structure, before)
}

// Withdraw ends an account that is not in force: it was given by mistake, or by nobody of
// the structure. Any of its people but readers may. Its faults are not_found and
// bank_details_decided.
func (s *Service) Withdraw(ctx context.Context, actor identity.Actor, id vouchers.PayeeID) (Account, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance); err != nil {
		return Account{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Account{}, err
	}
	return s.write(ctx, actor, "withdraw_bank_details", id, func(tx *db.Tx) (Account, error) {
		a, err := lockWaiting(ctx, tx, id)
		if err == nil && a.Structure != actor.Organisation {
			err = fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return Account{}, err
		}
		return s.close(ctx, tx, actor, a, "bank_details_withdrawn", "")
	})
}

// write runs effect once for the key of the request, in one transaction.
func (s *Service) write(ctx context.Context, actor identity.Actor, action string, req any, effect func(tx *db.Tx) (Account, error)) (Account, error) {
	var a Account
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = once.Do(ctx, tx, actor.Organisation, action, req, func() (Account, error) { return effect(tx) })
		return err
	})
	return a, err
}

// close ends an account before it was in force. The one before it stays.
func (s *Service) close(ctx context.Context, tx *db.Tx, actor identity.Actor, a Account, action, reason string) (Account, error) {
	if err := end(ctx, tx, actor, a.ID, reason); err != nil {
		return Account{}, err
	}
	after, err := account(ctx, tx, a.ID)
	if err != nil {
		return Account{}, err
	}
	if err := audit.Record(ctx, tx, actor, action, object(a.Structure), a, after); err != nil {
		return Account{}, err
	}
	return after, s.tell(ctx, tx, after)
}

// tell writes to every contact of a structure that was known when an account was given.
func (s *Service) tell(ctx context.Context, tx *db.Tx, a Account) error {
	contacts, err := contactsOf(ctx, tx, a.Structure, a.GivenAt)
	if err != nil {
		return err
	}
	for _, to := range contacts {
		if err := s.Notify(ctx, tx, to, Notice{a, a.Structure}); err != nil {
			return err
		}
	}
	return nil
}

func object(id vouchers.OrganisationID) string { return fmt.Sprintf("organisation:%d", id) }

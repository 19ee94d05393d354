package closing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// NewAccount is where a funder wants its money back. BIC may be absent.
type NewAccount struct {
	IBAN   string `json:"iban"`
	BIC    string `json:"bic"`
	Holder string `json:"holder"`
}

// Account is a funder's bank account as pages and answers show it: masked.
type Account struct {
	ID         vouchers.AccountID      `json:"id" db:"id"`
	Funder     vouchers.OrganisationID `json:"funder" db:"funder_id"`
	FunderName string                  `json:"funder_name" db:"funder_name"`
	IBAN       sepa.IBAN               `json:"-" db:"iban"`
	Masked     string                  `json:"iban" db:"-"` // "FR76 •••• •••• 0189"
	BIC        sepa.BIC                `json:"bic" db:"bic"`
	Holder     string                  `json:"holder" db:"holder"`
	GivenAt    time.Time               `json:"given_at" db:"given_at"`
	GivenBy    vouchers.PersonID       `json:"-" db:"given_by"`
	GiverName  string                  `json:"given_by" db:"giver_name"`
	VerifiedAt *time.Time              `json:"verified_at" db:"verified_at"`
}

// GiveAccount replaces the account to which the actor's organisation is refunded. Nothing
// goes there before the operator has verified it, and the contacts known so far are told.
// Its faults are those of sepa.ParseAccount.
func (s *Service) GiveAccount(ctx context.Context, actor identity.Actor, req NewAccount) (Account, error) {
	if err := mayDecide(actor); err != nil {
		return Account{}, err
	}
	to, err := sepa.ParseAccount(req.IBAN, req.BIC, req.Holder)
	if err != nil {
		return Account{}, err
	}
	var a Account
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = once.Do(ctx, tx, actor.Organisation, "give_account", req, func() (Account, error) {
			return s.giveAccount(ctx, tx, actor, to)
		})
		return err
	})
	return a, err
}

func (s *Service) giveAccount(ctx context.Context, tx *db.Tx, actor identity.Actor, to sepa.Account) (Account, error) {
	if err := ledger.HoldCredit(ctx, tx, actor.Organisation); err != nil {
		return Account{}, err
	}
	before, err := accountOf(ctx, tx, actor.Organisation)
	if err != nil {
		return Account{}, err
	}
	contacts, err := contactsOf(ctx, tx, actor.Organisation)
	if err != nil {
		return Account{}, err
	}
	if err := keepAccount(ctx, tx, actor, to); err != nil {
		return Account{}, err
	}
	after, err := accountOf(ctx, tx, actor.Organisation)
	if err != nil {
		return Account{}, err
	}
	if err := audit.Record(ctx, tx, actor, "refund_account_given", organisation(actor.Organisation), before, after); err != nil {
		return Account{}, err
	}
	for _, contact := range contacts {
		if err := s.Notify.AccountGiven(ctx, tx, contact, *after); err != nil {
			return Account{}, err
		}
	}
	return *after, s.refresh(ctx, tx, actor.Organisation)
}

// Account is the account in force of the actor's organisation; nil where it has given none.
func (s *Service) Account(ctx context.Context, actor identity.Actor) (*Account, error) {
	if err := actor.NeedsAny(identity.Funder); err != nil {
		return nil, err
	}
	var a *Account
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = accountOf(ctx, tx, actor.Organisation)
		return err
	})
	return a, err
}

// VerifyRequest says how somebody made sure that an account is the funder's: whom they
// called at which number, known before.
type VerifyRequest struct {
	Account vouchers.AccountID `json:"-" form:"-"`
	How     string             `json:"how" form:"how"`
}

// VerifyAccount lets refunds go to a funder's account. Whoever gave it cannot. Its faults
// are not_found, own_request, account_verified and verification_missing.
func (s *Service) VerifyAccount(ctx context.Context, actor identity.Actor, req VerifyRequest) (Account, error) {
	if err := mayRefund(actor); err != nil {
		return Account{}, err
	}
	if req.How = strings.TrimSpace(req.How); len(req.How) < 5 || len(req.How) > 500 {
		return Account{}, fault.New(fault.Invalid, "verification_missing")
	}
	var a Account
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = once.Do(ctx, tx, actor.Organisation, "verify_account", []any{req.Account, req}, func() (Account, error) {
			return s.verifyAccount(ctx, tx, actor, req)
		})
		return err
	})
	return a, err
}

func (s *Service) verifyAccount(ctx context.Context, tx *db.Tx, actor identity.Actor, req VerifyRequest) (Account, error) {
	a, err := account(ctx, tx, req.Account)
	if err != nil {
		return Account{}, err
	}
	if err := ledger.HoldCredit(ctx, tx, a.Funder); err != nil {
		return Account{}, err
	}
	if a.GivenBy == actor.Person {
		return Account{}, fault.New(fault.Conflict, "own_request")
	}
	if n, err := markVerified(ctx, tx, actor, req.Account); err != nil {
		return Account{}, err
	} else if n == 0 {
		return Account{}, fault.New(fault.Conflict, "account_verified")
	}
	if a, err = account(ctx, tx, req.Account); err != nil {
		return Account{}, err
	}
	if err := audit.Record(ctx, tx, actor, "refund_account_verified", organisation(a.Funder), nil, map[string]any{"account": a, "how": req.How}); err != nil {
		return Account{}, err
	}
	return a, s.refresh(ctx, tx, a.Funder)
}

// mayRefund refuses who does not give money back for the operator.
func mayRefund(actor identity.Actor) error {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

func organisation(id vouchers.OrganisationID) string { return fmt.Sprintf("organisation:%d", id) }

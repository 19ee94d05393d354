package labelling

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// NewBankDetails is where a structure wants its money to go. BIC may be absent.
type NewBankDetails struct {
	IBAN   string `json:"iban"`
	BIC    string `json:"bic"`
	Holder string `json:"holder"`
}

// BankDetails is an account as pages and answers show it: masked.
type BankDetails struct {
	IBAN   string    `json:"iban"` // "FR76 •••• •••• 0189"
	BIC    string    `json:"bic"`
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"`
}

// SetBankDetails replaces the account to which a structure is paid. Its faults are those
// of sepa.ParseAccount.
func (s *Service) SetBankDetails(ctx context.Context, actor identity.Actor, req NewBankDetails) (BankDetails, error) {
	if err := actor.Needs(identity.Structure); err != nil {
		return BankDetails{}, err
	}
	if err := actor.NeedsScope(BankScope); err != nil {
		return BankDetails{}, err
	}
	to, err := sepa.ParseAccount(req.IBAN, req.BIC, req.Holder)
	if err != nil {
		return BankDetails{}, err
	}
	var b BankDetails
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		b, err = once.Do(ctx, tx, actor.Organisation, "set_bank_details", req, func() (BankDetails, error) {
			return setBankDetails(ctx, tx, actor, to)
		})
		return err
	})
	return b, err
}

func setBankDetails(ctx context.Context, tx *db.Tx, actor identity.Actor, to sepa.Account) (BankDetails, error) {
	if err := lockOrganisation(ctx, tx, actor.Organisation); err != nil {
		return BankDetails{}, err
	}
	before, err := bankDetails(ctx, tx, actor.Organisation)
	if err != nil {
		return BankDetails{}, err
	}
	if err := replaceAccount(ctx, tx, actor, to); err != nil {
		return BankDetails{}, err
	}
	after := BankDetails{IBAN: to.IBAN.Masked(), BIC: string(to.BIC), Holder: to.Holder, Since: tx.Now}
	what := fmt.Sprintf("organisation:%d", actor.Organisation)
	if before == nil {
		return after, audit.Record(ctx, tx, actor, "bank_details_set", what, nil, after)
	}
	return after, audit.Record(ctx, tx, actor, "bank_details_set", what, before, after)
}

// BankDetails is the account in force of the actor's structure, masked; nil where it has
// given none.
func (s *Service) BankDetails(ctx context.Context, actor identity.Actor) (*BankDetails, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return nil, err
	}
	var b *BankDetails
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		b, err = bankDetails(ctx, tx, actor.Organisation)
		return err
	})
	return b, err
}

func bankDetails(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (*BankDetails, error) {
	a, since, err := accountInForce(ctx, tx, structure)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &BankDetails{IBAN: a.IBAN.Masked(), BIC: string(a.BIC), Holder: a.Holder, Since: since}, nil
}

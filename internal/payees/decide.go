package payees

import (
	"context"
	"strings"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/vop"
	"github.com/passerelle/passerelle/vouchers"
)

// Case is an account as the operator decides on it.
type Case struct {
	Account
	Now      *Account `json:"replaces"` // the one that it is to replace; nil: none
	Warnings []string `json:"warnings"` // facts that make it suspect: see warnings
	MayAsk   bool     `json:"-"`        // a bank can be asked
}

// Waiting lists the accounts that are not in force yet, the oldest first.
func (s *Service) Waiting(ctx context.Context, actor identity.Actor) ([]Account, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var all []Account
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = waiting(ctx, tx)
		return err
	})
	return all, err
}

// Open reads one account with what the operator has to know of it.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.PayeeID) (Case, error) {
	if err := mayDecide(actor); err != nil {
		return Case{}, err
	}
	c := Case{MayAsk: s.Bank != nil}
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if c.Account, err = account(ctx, tx, id); err != nil {
			return err
		}
		both, err := accountsOf(ctx, tx, c.Structure)
		if err != nil {
			return err
		}
		if c.Now = both.now; c.Now != nil && c.Now.ID == id {
			c.Now = nil
		}
		c.Warnings, err = warnings(ctx, tx, c.Account)
		return err
	})
	return c, err
}

// Proof is the file that was sent with an account: for the operator and its structure.
func (s *Service) Proof(ctx context.Context, actor identity.Actor, id vouchers.PayeeID) (files.File, error) {
	if actor.Kind != identity.Structure {
		if err := mayDecide(actor); err != nil {
			return files.File{}, err
		}
	}
	var f files.File
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		a, err := account(ctx, tx, id)
		if err == nil && (a.Proof == nil || actor.Kind == identity.Structure && a.Structure != actor.Organisation) {
			err = fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return err
		}
		f, err = files.Open(ctx, tx, *a.Proof)
		return err
	})
	return f, err
}

// Ask asks the account's bank whose it is, and keeps the answer beside the account. Its
// faults are not_found, bank_details_decided and payee_bank_silent.
func (s *Service) Ask(ctx context.Context, actor identity.Actor, id vouchers.PayeeID) (Account, error) {
	c, err := s.Open(ctx, actor, id)
	if err != nil {
		return Account{}, err
	}
	if s.Bank == nil {
		return Account{}, fault.New(fault.Conflict, "payee_bank_silent")
	}
	answer, err := s.Bank.Ask(ctx, sepa.Account{IBAN: c.IBAN, BIC: c.BIC, Holder: c.Holder})
	if err != nil {
		return Account{}, fault.New(fault.Conflict, "payee_bank_silent")
	}
	return s.write(ctx, actor, "ask_payee", []any{id, answer}, func(tx *db.Tx) (Account, error) {
		if _, err := lockWaiting(ctx, tx, id); err != nil {
			return Account{}, err
		}
		if err := setAsked(ctx, tx, id, answer); err != nil {
			return Account{}, err
		}
		return account(ctx, tx, id)
	})
}

// Verify says that an account is its structure's. A first account is in force from now on;
// a change waits for a second person. Its faults are not_found, bank_details_decided,
// bank_details_match, bank_details_how, own_request and bank_details_no_match.
func (s *Service) Verify(ctx context.Context, actor identity.Actor, id vouchers.PayeeID, v Verification) (Account, error) {
	if err := mayDecide(actor); err != nil {
		return Account{}, err
	}
	v, err := v.check()
	if err != nil {
		return Account{}, err
	}
	return s.write(ctx, actor, "verify_bank_details", []any{id, v}, func(tx *db.Tx) (Account, error) {
		a, err := lockWaiting(ctx, tx, id)
		if err != nil {
			return Account{}, err
		}
		switch {
		case a.State != ToVerify:
			return Account{}, fault.New(fault.Conflict, "bank_details_decided")
		case a.GivenBy == actor.Person:
			return Account{}, fault.New(fault.Conflict, "own_request")
		case a.AskedMatch == vop.None:
			return Account{}, fault.New(fault.Conflict, "bank_details_no_match")
		}
		if err := setVerified(ctx, tx, actor, a.ID, v); err != nil {
			return Account{}, err
		}
		return s.decided(ctx, tx, actor, a, "bank_details_verified", v)
	})
}

// Approve is the second person's yes to a change: it replaces the account in force when it
// has cooled. Whoever gave or verified it cannot. Its faults are not_found,
// bank_details_decided, own_request and bank_details_no_match.
func (s *Service) Approve(ctx context.Context, actor identity.Actor, id vouchers.PayeeID) (Account, error) {
	if err := mayDecide(actor); err != nil {
		return Account{}, err
	}
	return s.write(ctx, actor, "approve_bank_details", id, func(tx *db.Tx) (Account, error) {
		a, err := lockWaiting(ctx, tx, id)
		if err != nil {
			return Account{}, err
		}
		if a.State != ToApprove {
			return Account{}, fault.New(fault.Conflict, "bank_details_decided")
		}
		if a.GivenBy == actor.Person || *a.VerifiedBy == actor.Person {
			return Account{}, fault.New(fault.Conflict, "own_request")
		}
		if a.AskedMatch == vop.None {
			return Account{}, fault.New(fault.Conflict, "bank_details_no_match")
		}
		if err := setApproved(ctx, tx, actor, a.ID); err != nil {
			return Account{}, err
		}
		return s.decided(ctx, tx, actor, a, "bank_details_approved", nil)
	})
}

// decided puts an account in force where nothing is missing any more, and tells.
func (s *Service) decided(ctx context.Context, tx *db.Tx, actor identity.Actor, before Account, action string, why any) (Account, error) {
	if !before.Changes || before.State == ToApprove {
		from := before.inForceFrom(tx.Now)
		if err := replace(ctx, tx, before, from); err != nil {
			return Account{}, err
		}
	}
	after, err := account(ctx, tx, before.ID)
	if err != nil {
		return Account{}, err
	}
	if err := audit.Record(ctx, tx, actor, action, object(after.Structure), before, map[string]any{"account": after, "verification": why}); err != nil {
		return Account{}, err
	}
	if after.InForceAt == nil {
		return after, nil
	}
	return after, s.tell(ctx, tx, after)
}

// Refuse ends an account that is not in force, with a reason that its structure is told.
// Its faults are not_found, bank_details_decided and reason_missing.
func (s *Service) Refuse(ctx context.Context, actor identity.Actor, id vouchers.PayeeID, reason string) (Account, error) {
	if err := mayDecide(actor); err != nil {
		return Account{}, err
	}
	reason = strings.TrimSpace(reason)
	if n := len([]rune(reason)); n < 3 || n > 500 {
		return Account{}, fault.New(fault.Invalid, "reason_missing", "least", 3, "most", 500)
	}
	return s.write(ctx, actor, "refuse_bank_details", []any{id, reason}, func(tx *db.Tx) (Account, error) {
		a, err := lockWaiting(ctx, tx, id)
		if err != nil {
			return Account{}, err
		}
		return s.close(ctx, tx, actor, a, "bank_details_refused", reason)
	})
}

// mayDecide refuses who does not look after payees for the operator.
func mayDecide(actor identity.Actor) error {
	if err := actor.Needs(identity.Operator, identity.Agent, identity.Finance); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

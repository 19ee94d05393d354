package closing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Kind is whose money a refund gives back.
type Kind string

const (
	OfCredit Kind = "credit"    // a funder's credit, out of the segregated account
	OfFees   Kind = "fees_back" // fees that were credited, out of the operating account
	OfClaim  Kind = "claim"     // the operator's own, from the segregated account to the operating one
)

// The two accounts out of which refunds are paid.
const (
	Segregated = "segregated"
	Operating  = "operating"
)

// Account is the one out of which refunds of a kind are paid.
func (k Kind) Account() string {
	if k == OfFees {
		return Operating
	}
	return Segregated
}

// The states of a refund. What came back or was rejected is proposed again, as another one;
// what somebody had requested, once somebody requests it again.
const (
	Proposed = "proposed" // waits for the operator's approval
	Ordered  = "ordered"  // in a file for the bank
	Booked   = "booked"   // on the bank's statement: sent
	Returned = "returned" // sent back by the payee's bank
	Rejected = "rejected" // refused by our bank: it never left
)

// Refund is one transfer that gives money back.
type Refund struct {
	ID           vouchers.RefundID        `json:"id" db:"id"`
	Kind         Kind                     `json:"kind" db:"kind"`
	Funder       *vouchers.OrganisationID `json:"funder" db:"funder_id"` // null: the operator
	FunderName   string                   `json:"funder_name" db:"funder_name"`
	Email        string                   `json:"-" db:"email"`
	Amount       vouchers.Cents           `json:"amount_cents" db:"amount_cents"`
	State        string                   `json:"state" db:"state"`
	Account      *vouchers.AccountID      `json:"-" db:"account_id"`
	Line         *int64                   `json:"line" db:"line_id"` // the payment that goes back to its payer
	IBAN         sepa.IBAN                `json:"-" db:"iban"`
	Masked       string                   `json:"account" db:"-"` // the IBAN
	Holder       string                   `json:"holder" db:"holder"`
	ProposedAt   time.Time                `json:"proposed_at" db:"proposed_at"`
	RequestedBy  *vouchers.PersonID       `json:"-" db:"requested_by"`
	Requester    string                   `json:"requested_by" db:"requester"` // "": it follows from the books
	File         *vouchers.RefundFileID   `json:"file" db:"file_id"`
	EndToEnd     string                   `json:"end_to_end_id" db:"end_to_end"` // "" before it is ordered
	BookedOn     *vouchers.Day            `json:"booked_on" db:"booked_on"`
	ArrivedOn    *vouchers.Day            `json:"arrived_on" db:"arrived_on"`
	ReturnReason string                   `json:"return_reason" db:"return_reason"`
}

// funder is 0 for the operator's own.
func (r Refund) funder() vouchers.OrganisationID {
	if r.Funder == nil {
		return 0
	}
	return *r.Funder
}

// parts is money per campaign.
type parts map[vouchers.CampaignID]vouchers.Cents

func (p parts) sum() vouchers.Cents {
	var sum vouchers.Cents
	for _, amount := range p {
		sum += amount
	}
	return sum
}

// propose makes the proposals that follow from the books: the funder's credit, as parts
// say, and what it has paid of fees that were credited. Both need a verified account.
func (s *Service) propose(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, credit parts) error {
	account, err := accountOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	fees, err := ledger.Balance(ctx, tx, ledger.FeesDue(funder)) // above zero: we owe them
	if err != nil {
		return err
	}
	proposals := map[Kind]parts{OfCredit: credit, OfFees: {0: max(fees, 0)}}
	if account == nil || account.VerifiedAt == nil {
		account, proposals = nil, map[Kind]parts{OfCredit: nil, OfFees: nil} // whichever account they were to go to
	}
	for _, kind := range slices.Sorted(maps.Keys(proposals)) {
		if err := converge(ctx, tx, proposal{kind: kind, funder: funder, parts: proposals[kind], account: account}); err != nil {
			return err
		}
	}
	return nil
}

// proposeClaim proposes to sweep what is the operator's on the segregated account.
func (s *Service) proposeClaim(ctx context.Context, tx *db.Tx) error {
	if s.Seller.Operating.IBAN == "" {
		return nil
	}
	if err := ledger.HoldCredit(ctx, tx, 0); err != nil {
		return err
	}
	claims, err := claimsNow(ctx, tx)
	if err != nil {
		return err
	}
	return converge(ctx, tx, proposal{kind: OfClaim, parts: claims, to: payeeOf(s.Seller)})
}

// claimsNow is what is the operator's for good, by campaign.
func claimsNow(ctx context.Context, tx *db.Tx) (parts, error) {
	sums, err := ledger.Sums(ctx, tx)
	if err != nil {
		return nil, err
	}
	held, err := payments.ClaimsHeld(ctx, tx)
	claims := parts{}
	for _, sum := range sums {
		if left := sum.Owed() - held[sum.Campaign]; sum.Account == ledger.Claims && left > 0 {
			claims[sum.Campaign] = left
		}
	}
	return claims, err
}

// proposal is a refund that follows from the books. to is the payee where it is the
// operator.
type proposal struct {
	kind    Kind
	funder  vouchers.OrganisationID
	parts   parts
	account *Account
	to      payee
}

// payee is where a transfer goes.
type payee struct {
	sepa.Account
	Street   string `db:"street"`
	Postcode string `db:"postcode"`
	Town     string `db:"town"`
}

func payeeOf(s invoicing.Seller) payee {
	return payee{sepa.Account{IBAN: s.Operating.IBAN, BIC: s.Operating.BIC, Holder: s.Name}, s.Street, s.Postcode, s.Town}
}

// converge replaces the proposal of a kind by what it should be; nothing is written where
// it is so already.
func converge(ctx context.Context, tx *db.Tx, p proposal) error {
	wanted := parts{}
	for c, amount := range p.parts {
		if amount > 0 {
			wanted[c] = amount
		}
	}
	old, err := proposedNow(ctx, tx, p)
	if err != nil {
		return err
	}
	if maps.Equal(wanted, old) {
		return nil
	}
	if err := dropProposed(ctx, tx, p); err != nil || len(wanted) == 0 {
		return err
	}
	if p.account != nil {
		o, err := identity.OrganisationOf(ctx, tx, p.funder)
		if err != nil {
			return err
		}
		p.to = payee{sepa.Account{IBAN: p.account.IBAN, BIC: p.account.BIC, Holder: p.account.Holder}, o.Street, o.Postcode, o.Town}
	}
	_, err = insertRefund(ctx, tx, newRefund{proposal: p, parts: wanted})
	return err
}

// ToPayerRequest asks to give a payment, or what of it came above an order, back to the
// account that it came from.
type ToPayerRequest struct {
	Line     int64
	Funder   vouchers.OrganisationID // whose credit it has become,
	Campaign vouchers.CampaignID     // of which campaign
	Amount   vouchers.Cents
	To       sepa.Account // as the bank's line names it
}

// ToPayer requests a refund to the payer. Another person approves it. It belongs before
// anything that enters the ledger in the caller's transaction. Its faults are
// more_than_credit and line_given_back: one that came back or was rejected does not count.
func (s *Service) ToPayer(ctx context.Context, tx *db.Tx, actor identity.Actor, req ToPayerRequest) (vouchers.RefundID, error) {
	if err := ledger.HoldCredit(ctx, tx, req.Funder); err != nil {
		return 0, err
	}
	credit, err := creditOf(ctx, tx, req.Funder, req.Campaign)
	if err != nil {
		return 0, err
	}
	if left := credit.Amount - credit.Reserved; req.Amount > left || req.Amount <= 0 {
		return 0, fault.New(fault.Conflict, "more_than_credit", "left", max(left, 0))
	}
	o, err := identity.OrganisationOf(ctx, tx, req.Funder)
	if err != nil {
		return 0, err
	}
	id, err := insertRefund(ctx, tx, newRefund{
		proposal: proposal{kind: OfCredit, funder: req.Funder, to: payee{req.To, o.Street, o.Postcode, o.Town}},
		parts:    parts{req.Campaign: req.Amount}, line: req.Line, by: actor.Person})
	if db.IsUnique(err, "refunds_line") {
		return 0, fault.New(fault.Conflict, "line_given_back")
	}
	if err != nil {
		return 0, err
	}
	if err := audit.Record(ctx, tx, actor, "refund_requested", refund(id), nil, map[string]any{"line": req.Line, "amount_cents": req.Amount}); err != nil {
		return 0, err
	}
	return id, s.refresh(ctx, tx, req.Funder)
}

// Withdraw drops a refund that somebody requested and nobody has approved: the credit is
// free again.
func (s *Service) Withdraw(ctx context.Context, actor identity.Actor, id vouchers.RefundID) (Refund, error) {
	if err := mayRefund(actor); err != nil {
		return Refund{}, err
	}
	var r Refund
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		r, err = once.Do(ctx, tx, actor.Organisation, "withdraw_refund", id, func() (Refund, error) {
			return s.withdraw(ctx, tx, actor, id)
		})
		return err
	})
	return r, err
}

func (s *Service) withdraw(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.RefundID) (Refund, error) {
	r, err := refundOf(ctx, tx, id)
	if err != nil {
		return Refund{}, err
	}
	if err := ledger.HoldCredit(ctx, tx, r.funder()); err != nil {
		return Refund{}, err
	}
	n, err := dropRequested(ctx, tx, id)
	if err != nil {
		return Refund{}, err
	}
	if n == 0 {
		return Refund{}, fault.New(fault.Conflict, "refund_changed")
	}
	if err := audit.Record(ctx, tx, actor, "refund_withdrawn", refund(id), r, nil); err != nil {
		return Refund{}, err
	}
	return r, s.refresh(ctx, tx, r.funder())
}

// Query selects refunds. Zero values exclude nothing.
type Query struct {
	State  string
	Before vouchers.RefundID // below this id: the cursor
	Limit  int               // 1 to 200
}

// Refunds lists the refunds of a funder, or all of them for the operator, newest first.
func (s *Service) Refunds(ctx context.Context, actor identity.Actor, q Query) ([]Refund, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return nil, err
	}
	funder := actor.Organisation
	if actor.Kind == identity.Operator {
		funder = 0
	}
	q.Limit = min(max(q.Limit, 1), 200)
	var all []Refund
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = refunds(ctx, tx, funder, q)
		return err
	})
	return all, err
}

// Credits lists what the actor's organisation has of each campaign, the newest first.
func (s *Service) Credits(ctx context.Context, actor identity.Actor) ([]Credit, error) {
	if err := actor.NeedsAny(identity.Funder); err != nil {
		return nil, err
	}
	var all []Credit
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = creditsOf(ctx, tx, actor.Organisation)
		return err
	})
	return all, err
}

// ToVerify lists the accounts that wait for the operator's call, the oldest first.
func (s *Service) ToVerify(ctx context.Context, actor identity.Actor) ([]Account, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var all []Account
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = accounts(ctx, tx, `a.verified_at IS NULL AND a.replaced_at IS NULL`)
		return err
	})
	return all, err
}

func refund(id vouchers.RefundID) string { return fmt.Sprintf("refund:%d", id) }

package settlement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// The states of a payout. A returned or rejected one is paid again by the next settlement,
// as part of another payout.
const (
	InTransit = "in_transit" // in a settlement: to be ordered from the bank, or ordered
	Booked    = "booked"     // on the bank's statement: sent
	Returned  = "returned"   // sent back by the structure's bank
	Rejected  = "rejected"   // refused by our bank: it never left
)

// Payout is one transfer to one structure.
type Payout struct {
	ID            vouchers.PayoutID       `json:"id" db:"id"`
	Settlement    vouchers.SettlementID   `json:"settlement" db:"settlement_id"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	Redemptions   int                     `json:"redemptions" db:"redemptions"` // new ones; those of a payout that came back are not counted again
	Amount        vouchers.Cents          `json:"amount_cents" db:"amount_cents"`
	EndToEnd      string                  `json:"end_to_end_id" db:"end_to_end"`
	IBAN          sepa.IBAN               `json:"-" db:"iban"`
	Account       string                  `json:"account"` // the IBAN, masked
	Holder        string                  `json:"holder" db:"holder"`
	HolderInFile  string                  `json:"holder_in_file"`                          // the same as the bank gets it, in the SEPA character set
	Connected     string                  `json:"stripe_account,omitempty" db:"connected"` // through which it goes; "": to the IBAN
	File          int                     `json:"file" db:"file_number"`
	State         string                  `json:"state" db:"state"`
	Approved      bool                    `json:"approved" db:"approved"` // by a second person: the bank may be told
	Sent          bool                    `json:"sent" db:"sent"`         // the bank has the file
	ClosedAt      time.Time               `json:"closed_at" db:"closed_at"`
	ExecutionOn   vouchers.Day            `json:"execution_on" db:"execution_on"`
	BookedOn      *vouchers.Day           `json:"booked_on" db:"booked_on"`
	ReturnReason  string                  `json:"return_reason,omitempty" db:"return_reason"` // the bank's code, "AC04"; of a rejection too
	ReissuedIn    *vouchers.PayoutID      `json:"reissued_in" db:"reissued_in"`               // the payout that pays it again
}

// Names tells which names are end-to-end ids of payouts, or references by which a structure's
// debt is paid.
func (s *Service) Names(ctx context.Context, tx *db.Tx, names []string) (map[string]bool, error) {
	owed, err := owedBy(ctx, tx, names)
	if err != nil {
		return nil, err
	}
	set, err := named(ctx, tx, names)
	for _, name := range owed {
		set[name] = true
	}
	return set, err
}

// Book takes a line of the segregated account that names a payout or a debt into the books,
// and says what it was: "payout_booked", "payout_returned", "payouts_funded", "payouts_unfunded", "debt_repaid", or "" when no
// payout in that state has this end-to-end id and amount, or none that was approved.
func (s *Service) Book(ctx context.Context, tx *db.Tx, m sepa.Movement) (outcome string, payout int64, err error) {
	if m.Account != s.debtor.IBAN {
		return "", 0, nil
	}
	if isTopUp(m.Name) {
		return s.bookTopUp(ctx, tx, m)
	}
	if m.Credit {
		if outcome, cause, err := s.comeBack(ctx, tx, m); err != nil || outcome != "" || m.Returned {
			return outcome, cause, err
		}
		return s.repay(ctx, tx, m)
	}
	return s.leave(ctx, tx, m)
}

// leave books a payout in transit whose debit the bank shows, and tells the structure.
func (s *Service) leave(ctx context.Context, tx *db.Tx, m sepa.Movement) (string, int64, error) {
	p, ok, err := moving(ctx, tx, m, InTransit)
	if err != nil || !ok {
		return "", 0, err
	}
	if err := book(ctx, tx, p.ID, m.On); err != nil {
		return "", 0, err
	}
	parts, err := partsOf(ctx, tx, p.ID)
	if err != nil {
		return "", 0, err
	}
	if err := ledger.Post(ctx, tx, ledger.PaidOut(p.ID, parts)...); err != nil {
		return "", 0, err
	}
	if err := byBank(ctx, tx, "payout_booked", p, map[string]any{"line": m.Line, "on": m.On}); err != nil {
		return "", 0, err
	}
	structure, err := identity.OrganisationOf(ctx, tx, p.Structure)
	if err != nil {
		return "", 0, err
	}
	p.State, p.BookedOn = Booked, &m.On
	return "payout_booked", int64(p.ID), s.notify(ctx, tx, structure.Email, p)
}

// comeBack says that the bank brings a booked payout back: the structure is owed it again.
func (s *Service) comeBack(ctx context.Context, tx *db.Tx, m sepa.Movement) (string, int64, error) {
	p, ok, err := moving(ctx, tx, m, Booked)
	if err != nil || !ok {
		return "", 0, err
	}
	if err := sendBack(ctx, tx, p.ID, m.ReturnReason); err != nil {
		return "", 0, err
	}
	parts, err := partsOf(ctx, tx, p.ID)
	if err != nil {
		return "", 0, err
	}
	if err := ledger.Post(ctx, tx, ledger.CameBack(p.ID, p.Structure, parts)...); err != nil {
		return "", 0, err
	}
	if err := withholdAgain(ctx, tx, p.Structure); err != nil {
		return "", 0, err
	}
	if err := byBank(ctx, tx, "payout_returned", p, map[string]any{"line": m.Line, "reason": m.ReturnReason}); err != nil {
		return "", 0, err
	}
	return "payout_returned", int64(p.ID), s.tellOfAccount(ctx, tx, p, Returned, m.ReturnReason)
}

// tellOfAccount tells a structure whose account the bank will not pay, for a reason of the
// account's own: it is held until it has given another.
func (s *Service) tellOfAccount(ctx context.Context, tx *db.Tx, p Payout, state, reason string) error {
	if !slices.Contains(sepa.AccountReasons(), reason) {
		return nil
	}
	structure, err := identity.OrganisationOf(ctx, tx, p.Structure)
	if err != nil {
		return err
	}
	p.State, p.ReturnReason = state, reason
	return s.notify(ctx, tx, structure.Email, p)
}

// moving locks the payout that a statement's line means. The ledger's gate comes
// first, as everywhere: a settlement that holds it waits for no row of ours.
func moving(ctx context.Context, tx *db.Tx, m sepa.Movement, from string) (Payout, bool, error) {
	if err := ledger.Enter(ctx, tx); err != nil {
		return Payout{}, false, err
	}
	if err := lockPayout(ctx, tx, m.Name); err != nil {
		return Payout{}, false, err
	}
	p, err := payoutBy(ctx, tx, m.Name)
	if errors.Is(err, db.ErrNoRows) {
		return Payout{}, false, nil
	}
	if err != nil || p.State != from || p.Amount != m.Amount || !p.Approved || p.Connected != "" {
		return p, false, err
	}
	return p, true, setSent(ctx, tx, p.Settlement)
}

// byBank records what the bank has told, by a statement or an answer, and no person has done.
func byBank(ctx context.Context, tx *db.Tx, action string, p Payout, after map[string]any) error {
	return audit.Record(ctx, tx, identity.Actor{}, action, fmt.Sprintf("payout:%d", p.ID), map[string]any{"state": p.State}, after)
}

// Money says where a structure's money is.
type Money struct {
	Owed        vouchers.Cents `json:"owed_cents"`     // redeemed, or come back, and not yet in a payout
	NextOn      vouchers.Day   `json:"next_on"`        // the day by which the calendar promises it
	AskedAt     *time.Time     `json:"asked_at"`       // the structure has asked not to wait; nil: it has not
	Minimum     vouchers.Cents `json:"minimum_cents"`  // less than this waits, 30 days at most or until it is asked for
	BankDetails bool           `json:"bank_details"`   // without them nothing can be paid
	Refused     bool           `json:"bank_refused"`   // the bank has refused the account: payouts wait for another
	Changing    bool           `json:"bank_changing"`  // others were given and are not in force: payouts wait
	Through     bool           `json:"through_stripe"` // the next payout goes through Stripe, which takes some days more
	UnderWay    vouchers.Cents `json:"transit_cents"`  // ordered from the bank
	VAT         string         `json:"vat_regime"`     // what the structure's statements tell: liable, franchise, exempt or "", nothing
	Withheld    vouchers.Cents `json:"withheld_cents"` // for complaints that are open: not owed yet
	Debt        vouchers.Cents `json:"debt_cents"`     // what the structure owes back; the next payouts are less by it
	Payouts     []Payout       `json:"-"`              // newest first
}

// Payouts tells the actor's structure what it is owed and lists its payouts below the
// cursor (0: the latest).
func (s *Service) Payouts(ctx context.Context, actor identity.Actor, before vouchers.PayoutID, limit int) (Money, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Money{}, err
	}
	m := Money{Minimum: s.policy.Minimum}
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if m.NextOn, err = s.awaited(ctx, tx, actor.Organisation); err != nil {
			return err
		}
		if m.AskedAt, err = openRequest(ctx, tx, actor.Organisation); err != nil {
			return err
		}
		o, err := identity.OrganisationOf(ctx, tx, actor.Organisation)
		if err != nil {
			return err
		}
		m.VAT = o.VAT
		if m.Owed, err = ledger.Balance(ctx, tx, ledger.Payable(actor.Organisation)); err != nil {
			return err
		}
		if m.Withheld, err = ledger.Balance(ctx, tx, ledger.Withheld(actor.Organisation)); err != nil {
			return err
		}
		if m.Debt, err = ledger.Balance(ctx, tx, ledger.StructureDebt(actor.Organisation)); err != nil {
			return err
		}
		m.Debt = -m.Debt // an asset of ours
		if m.UnderWay, err = underWay(ctx, tx, actor.Organisation); err != nil {
			return err
		}
		all, err := s.recipients(ctx, tx, []due{{Structure: actor.Organisation}})
		if err != nil {
			return err
		}
		to := all[actor.Organisation]
		m.BankDetails, m.Changing, m.Refused, m.Through = to.IBAN != "", to.Changing, to.Refused, to.Connected != ""
		m.Payouts, err = payoutsOf(ctx, tx, actor.Organisation, before, min(max(limit, 1), 200))
		return err
	})
	return m, err
}

func (s *Service) awaited(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (vouchers.Day, error) {
	first, err := redemption.FirstOwed(ctx, tx, structure)
	var since vouchers.Day
	if first != nil {
		since = vouchers.DayOf(*first)
	}
	return s.policy.Days.awaited(since, vouchers.DayOf(tx.Now)), err
}

// Statement tells what a payout is made of: all its redemptions, those of payouts that
// came back and are paid again with it included. A structure sees its own, the operator
// all. Themes are codes, for the caller to word.
func (s *Service) Statement(ctx context.Context, actor identity.Actor, id vouchers.PayoutID) (documents.Statement, error) {
	if err := actor.NeedsAny(identity.Structure, identity.Operator); err != nil {
		return documents.Statement{}, err
	}
	var d documents.Statement
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		d, err = statement(ctx, tx, actor, id)
		return err
	})
	return d, err
}

func statement(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PayoutID) (documents.Statement, error) {
	p, err := payout(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) || err == nil && actor.Kind != identity.Operator && p.Structure != actor.Organisation {
		return documents.Statement{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return documents.Statement{}, err
	}
	o, err := identity.OrganisationOf(ctx, tx, p.Structure)
	if err != nil {
		return documents.Statement{}, err
	}
	paid, err := windows(ctx, tx, id)
	if err != nil {
		return documents.Statement{}, err
	}
	rows, err := redemption.Within(ctx, tx, p.Structure, paid)
	if err != nil {
		return documents.Statement{}, err
	}
	changes, err := adjustedIn(ctx, tx, id)
	if err != nil {
		return documents.Statement{}, err
	}
	return statementOf(p, o, rows, changes)
}

// statementOf is the document of a payout; its lines must come to its amount.
func statementOf(p Payout, o identity.Organisation, rows []redemption.Settled, changes []documents.Adjusted) (documents.Statement, error) {
	d := documents.Statement{
		Structure:  partyOf(o),
		Settlement: messageID(p.Settlement), IBAN: p.IBAN.Full(), ByStripe: p.Connected != "", Expected: p.ExecutionOn, EndToEndID: p.EndToEnd, MadeAt: p.ClosedAt,
	}
	var sum vouchers.Cents
	for _, r := range rows {
		sum += r.Amount
		d.Redeemed = append(d.Redeemed, documents.Redeemed{At: r.At, Place: r.PlaceName, Theme: r.Theme,
			Booklet: fmt.Sprint(r.Booklet), Vouchers: r.Count, Amount: r.Amount})
	}
	for _, a := range changes {
		sum += a.Amount
		if AdjustmentKind(a.Kind) == Netted {
			d.Recovered -= a.Amount
		} else {
			d.Adjusted = append(d.Adjusted, a)
		}
	}
	if sum != p.Amount {
		return d, fmt.Errorf("payout %d: its redemptions and adjustments come to %s, not %s", p.ID, sum, p.Amount)
	}
	if d.Regime = o.VAT; d.Regime == "liable" {
		d.VAT = vatIn(sum + d.Recovered) // what is netted is no price
	}
	d.From, d.To = vouchers.DayOf(p.ClosedAt), vouchers.DayOf(p.ClosedAt)
	if len(rows) > 0 {
		d.From, d.To = vouchers.DayOf(rows[0].At), vouchers.DayOf(rows[len(rows)-1].At)
	}
	return d, nil
}

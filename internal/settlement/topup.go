package settlement

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Payouts to structures that chose Stripe go out of the operator's balance there. Their money
// leaves the bank in one transfer, which is a line of the settlement's file as the others are.

// StripeAccount is where that transfer goes: what Stripe says where its customers add money to
// their balance.
type StripeAccount struct {
	Holder    string
	IBAN      sepa.IBAN // "": nothing goes through Stripe
	BIC       sepa.BIC  // may be empty
	Town      string
	Country   string // of two letters
	Reference string // to be quoted
}

// Validate finds what a bank would refuse, as sepa.Payment does.
func (a StripeAccount) Validate() error {
	t := TopUp{Amount: 1, EndToEnd: topUpName(1), Holder: a.Holder, IBAN: a.IBAN, BIC: a.BIC, Town: a.Town, Country: a.Country}
	return t.payment().Validate()
}

// The states of a top-up are those of a payout.

// TopUp is the transfer to Stripe of one settlement.
type TopUp struct {
	ID         int64                 `json:"-" db:"id"`
	Settlement vouchers.SettlementID `json:"-" db:"settlement_id"`
	Amount     vouchers.Cents        `json:"amount_cents" db:"amount_cents"`
	EndToEnd   string                `json:"end_to_end_id" db:"end_to_end"`
	State      string                `json:"state" db:"state"`
	BookedOn   *vouchers.Day         `json:"booked_on" db:"booked_on"`
	Arrived    bool                  `json:"arrived" db:"arrived"` // at Stripe
	Approved   bool                  `json:"-" db:"approved"`
	File       int                   `json:"-" db:"file_number"`

	Holder    string    `json:"-" db:"holder"`
	IBAN      sepa.IBAN `json:"-" db:"iban"`
	BIC       sepa.BIC  `json:"-" db:"bic"`
	Town      string    `json:"-" db:"town"`
	Country   string    `json:"-" db:"country"`
	Reference string    `json:"-" db:"reference"`
}

// payment is the top-up as a line of its file.
func (t TopUp) payment() sepa.Payment {
	return sepa.Payment{EndToEndID: t.EndToEnd, InstructionID: t.EndToEnd, Amount: t.Amount, Remittance: t.Reference,
		Creditor: sepa.Party{Name: t.Holder, IBAN: t.IBAN, BIC: t.BIC, Address: sepa.Address{Town: t.Town, Country: t.Country}}}
}

// topUpName names it at every bank that it passes: "PSL12-STRIPE".
func topUpName(s vouchers.SettlementID) string { return fmt.Sprintf("PSL%d%s", s, topUpMark) }

const topUpMark = "-STRIPE"

// isTopUp tells the name of a top-up from that of a payout.
func isTopUp(name string) bool { return strings.HasSuffix(name, topUpMark) }

// bookTopUp takes a line of the segregated account that names a top-up into the books; its
// outcome is "" where there is none of that name, or the line does not fit it.
func (s *Service) bookTopUp(ctx context.Context, tx *db.Tx, m sepa.Movement) (outcome string, cause int64, err error) {
	t, found, err := lockTopUp(ctx, tx, m.Name)
	if err != nil || !found || t.Amount != m.Amount || !t.Approved {
		return "", 0, err
	}
	switch {
	case !m.Credit && t.State == InTransit:
		if err := setSent(ctx, tx, t.Settlement); err != nil {
			return "", 0, err
		}
		return "payouts_funded", t.ID, fundPayouts(ctx, tx, t, m, 0)
	case m.Credit && m.Returned && t.State == Booked && !t.Arrived:
		parts, err := topUpParts(ctx, tx, t.Settlement)
		if err != nil {
			return "", 0, err
		}
		if err := ledger.Post(ctx, tx, ledger.PayoutsUnfunded(t.ID, parts)...); err != nil {
			return "", 0, err
		}
		if err := s.unfund(ctx, tx, t, Returned, m.ReturnReason); err != nil {
			return "", 0, err
		}
		return "payouts_unfunded", t.ID, topUpByBank(ctx, tx, "topup_returned", t, map[string]any{"line": m.Line, "reason": m.ReturnReason})
	}
	return "", 0, nil
}

// fundPayouts books a top-up that the bank has sent, by a line of its own, or in its file's one
// debit, the line batch.
func fundPayouts(ctx context.Context, tx *db.Tx, t TopUp, m sepa.Movement, batch int64) error {
	if err := bookedTopUp(ctx, tx, t.ID, m.On, batch); err != nil {
		return err
	}
	parts, err := topUpParts(ctx, tx, t.Settlement)
	if err != nil {
		return err
	}
	if err := ledger.Post(ctx, tx, ledger.PayoutsFunded(t.ID, parts)...); err != nil {
		return err
	}
	return topUpByBank(ctx, tx, "topup_booked", t, map[string]any{"line": m.Line, "on": m.On})
}

// rejectTopUp takes the bank's refusal of a top-up into the books.
func (s *Service) rejectTopUp(ctx context.Context, tx *db.Tx, name, reason string) (effect string, err error) {
	t, found, err := lockTopUp(ctx, tx, name)
	if err != nil {
		return "", err
	}
	if !found {
		return "", fmt.Errorf("there is no top-up %s", name)
	}
	switch t.State {
	case InTransit:
	case Rejected:
		return "rejected_before", nil
	default:
		return "contradicted", nil
	}
	if err := setSent(ctx, tx, t.Settlement); err != nil {
		return "", err
	}
	if err := s.unfund(ctx, tx, t, Rejected, reason); err != nil {
		return "", err
	}
	return "rejected", topUpByBank(ctx, tx, "topup_rejected", t, map[string]any{"reason": reason})
}

// unfund ends a top-up that will not be at Stripe: structures are owed again what its payouts
// were to pay.
func (s *Service) unfund(ctx context.Context, tx *db.Tx, t TopUp, state, reason string) error {
	if err := endTopUp(ctx, tx, t.ID, state); err != nil {
		return err
	}
	back, err := takeBack(ctx, tx, t.Settlement, reason, true)
	if err != nil {
		return err
	}
	return owedAgain(ctx, tx, back)
}

// owedAgain moves what rejected payouts were to pay back to what their structures are owed.
func owedAgain(ctx context.Context, tx *db.Tx, back []returnedPart) error {
	var transfers []ledger.Transfer
	var structures []vouchers.OrganisationID
	for _, part := range back {
		structures = append(structures, part.Structure)
		transfers = append(transfers, ledger.Rejected(part.Payout, part.Structure, map[vouchers.CampaignID]vouchers.Cents{part.Campaign: part.Amount})...)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return err
	}
	return withholdAgain(ctx, tx, structures...)
}

// StripeCode is the reason of payouts that came back at Stripe, in place of a bank's.
const StripeCode = "STRP"

// PaidThrough says that Stripe has paid a payout, on a day, and tells the structure. What was
// said before is not said again.
func (s *Service) PaidThrough(ctx context.Context, tx *db.Tx, id vouchers.PayoutID, on vouchers.Day) error {
	p, err := lockThrough(ctx, tx, id)
	if err != nil || p.State != InTransit {
		return err
	}
	if err := book(ctx, tx, p.ID, on); err != nil {
		return err
	}
	parts, err := partsOf(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	if err := ledger.Post(ctx, tx, ledger.PaidThrough(p.ID, parts)...); err != nil {
		return err
	}
	if err := byBank(ctx, tx, "payout_booked", p, map[string]any{"through": p.Connected, "on": on}); err != nil {
		return err
	}
	structure, err := identity.OrganisationOf(ctx, tx, p.Structure)
	if err != nil {
		return err
	}
	p.State, p.BookedOn = Booked, &on
	return s.notify(ctx, tx, structure.Email, p)
}

// CameBackThrough says that a payout's money is back in our balance at Stripe: the structure is
// owed it again, and is paid to its bank account next. It returns the amount, 0 where that was
// said before.
func (s *Service) CameBackThrough(ctx context.Context, tx *db.Tx, id vouchers.PayoutID, why string) (vouchers.Cents, error) {
	p, err := lockThrough(ctx, tx, id)
	if err != nil || p.State != InTransit && p.State != Booked {
		return 0, err
	}
	parts, err := partsOf(ctx, tx, p.ID)
	if err != nil {
		return 0, err
	}
	action, mark, legs := "payout_rejected", markRejected, ledger.Rejected(p.ID, p.Structure, parts)
	if p.State == Booked {
		action, mark, legs = "payout_returned", sendBack, ledger.CameBackThrough(p.ID, p.Structure, parts)
	}
	if err := mark(ctx, tx, p.ID, StripeCode); err != nil {
		return 0, err
	}
	if err := ledger.Post(ctx, tx, legs...); err != nil {
		return 0, err
	}
	if err := withholdAgain(ctx, tx, p.Structure); err != nil {
		return 0, err
	}
	return p.Amount, byBank(ctx, tx, action, p, map[string]any{"through": p.Connected, "reason": why})
}

// lockThrough locks a payout that goes through Stripe.
func lockThrough(ctx context.Context, tx *db.Tx, id vouchers.PayoutID) (Payout, error) {
	p, err := payout(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return p, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return p, err
	}
	if err := ledger.Enter(ctx, tx); err != nil {
		return p, err
	}
	if err := lockPayout(ctx, tx, p.EndToEnd); err != nil {
		return p, err
	}
	p, err = payout(ctx, tx, id)
	if err == nil && p.Connected == "" {
		err = fmt.Errorf("payout %d does not go through Stripe", id)
	}
	return p, err
}

func topUpByBank(ctx context.Context, tx *db.Tx, action string, t TopUp, after map[string]any) error {
	return audit.Record(ctx, tx, identity.Actor{}, action, objectName(t.Settlement), map[string]any{"state": t.State}, after)
}

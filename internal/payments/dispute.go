package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// The states of a dispute.
const (
	disputeOpen    = "open"
	disputeWon     = "won"
	disputeLost    = "lost"
	disputeBounced = "bounced" // lost, and come back after something had been decided on it
)

// Dispute is a payment that went back to the payer against our will: its bank asked it back,
// a direct debit bounced, or somebody gave it back on Stripe's own pages.
type Dispute struct {
	ID         int64                   `json:"id" db:"id"`
	Checkout   vouchers.CheckoutID     `json:"checkout" db:"checkout_id"`
	Order      vouchers.OrderID        `json:"order" db:"order_id"`
	Funder     vouchers.OrganisationID `json:"funder" db:"funder_id"`
	FunderName string                  `json:"funder_name" db:"funder_name"`
	Object     string                  `json:"object" db:"object_id"` // Stripe's id
	Reason     string                  `json:"reason" db:"reason"`    // Stripe's word
	Amount     vouchers.Cents          `json:"amount_cents" db:"amount_cents"`
	State      string                  `json:"state" db:"state"`
	Counted    *vouchers.Cents         `json:"counted_cents" db:"counted_cents"` // face value that had counted as received; nil: nothing taken yet
	Pending    *vouchers.Cents         `json:"pending_cents" db:"pending_cents"` // face value that had not
	Fees       *vouchers.Cents         `json:"fees_cents" db:"fees_cents"`
	Frozen     int                     `json:"frozen" db:"frozen"` // vouchers that are stopped because of it
	OpenedAt   time.Time               `json:"opened_at" db:"opened_at"`
	ClosedAt   *time.Time              `json:"closed_at" db:"closed_at"`

	Cost     vouchers.Cents `json:"-" db:"cost_cents"`
	CostBack vouchers.Cents `json:"-" db:"cost_back_cents"`
}

// ByHand is the reason of money that somebody gave back on Stripe's own pages.
const ByHand = "refunded_by_hand"

// syncDispute brings a dispute to what Stripe says of it. What was given back by hand comes
// first, as it did at Stripe: a dispute is about the rest of the payment.
func (s *Service) syncDispute(ctx context.Context, id string) error {
	found, err := s.Stripe.Dispute(ctx, id)
	if err != nil {
		return err
	}
	if err := s.syncByHand(ctx, found.Payment); err != nil {
		return err
	}
	return s.applyTaken(ctx, found)
}

// syncByHand does so for all that was given back by hand of a payment, in Stripe's order,
// once the payment is in the books: whatever is heard of first, the same took the fees.
func (s *Service) syncByHand(ctx context.Context, payment string) error {
	id := vouchers.CheckoutID(numberIn("checkout", payment))
	if id == 0 {
		return nil // somebody else's, on the same account
	}
	if err := s.syncCheckout(ctx, id); err != nil {
		return err
	}
	var k Checkout
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		k, err = checkout(ctx, tx, id)
		return err
	})
	if err != nil || k.Intent == "" {
		return err
	}
	all, err := s.Stripe.Refunds(ctx, k.Intent)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Ours != "" {
			continue
		}
		if err := s.applyTaken(ctx, asTaken(r)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) applyTaken(ctx context.Context, found stripe.Dispute) error {
	id := vouchers.CheckoutID(numberIn("checkout", found.Payment))
	if id == 0 {
		return nil
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return s.applyDispute(ctx, tx, id, found) })
}

// asTaken is a refund that was made by hand, as what was taken.
func asTaken(r stripe.Refund) stripe.Dispute {
	d := stripe.Dispute{ID: r.ID, Payment: r.Payment, Amount: r.Amount, Taken: r.Amount, Status: stripe.DisputeLost, Reason: ByHand}
	switch r.Status {
	case stripe.RefundFailed:
		d.Taken, d.Status = 0, stripe.DisputeWon
	case stripe.RefundPending:
		d.Status = stripe.DisputeOpen
	}
	return d
}

func (s *Service) applyDispute(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID, found stripe.Dispute) error {
	k, err := lockCheckout(ctx, tx, id)
	if err != nil {
		return err
	}
	if k.State != Paid {
		return fmt.Errorf("payments: dispute %s is about checkout %d, which is %s", found.ID, id, k.State)
	}
	d, err := lockDispute(ctx, tx, id, found)
	if err != nil {
		return err
	}
	if err := s.costOf(ctx, tx, k, d, found.Fee); err != nil {
		return err
	}
	if d.State == disputeLost && found.Status == stripe.DisputeWon {
		intact, err := takenIsIntact(ctx, tx, k, orders.Taker{Dispute: d.ID})
		if err != nil {
			return err
		}
		sent, err := hasPayout(ctx, tx, k.ID)
		if err != nil {
			return err
		}
		if !intact || sent && d.Pending != nil && *d.Pending > 0 { // the rest went to the bank without it
			return s.bounce(ctx, tx, k, d)
		}
		return s.win(ctx, tx, k, d)
	}
	if d.State != disputeOpen {
		return nil // what is closed stays so
	}
	if found.Taken > 0 && d.Counted == nil {
		if d, err = s.take(ctx, tx, k, d, found.Taken); err != nil {
			return err
		}
	}
	switch found.Status {
	case stripe.DisputeWon:
		return s.win(ctx, tx, k, d)
	case stripe.DisputeLost:
		if err := closeDispute(ctx, tx, d.ID, disputeLost); err != nil {
			return err
		}
		return s.settle(ctx, tx, k.ID)
	}
	return nil
}

// costOf books what Stripe takes for the dispute itself, or gives back of that.
func (s *Service) costOf(ctx context.Context, tx *db.Tx, k Checkout, d Dispute, fee vouchers.Cents) error {
	more := fee - (d.Cost - d.CostBack)
	if more == 0 {
		return nil
	}
	if err := ledger.Post(ctx, tx, ledger.CardCost(k.ID, k.Campaign, more)...); err != nil {
		return err
	}
	return addCost(ctx, tx, d.ID, max(more, 0), max(-more, 0))
}

// take books what Stripe took. Face value that counts, or is on its way to the bank, is the
// funder's debt; what is still unspent of it is set aside, so that it cannot become live.
func (s *Service) take(ctx context.Context, tx *db.Tx, k Checkout, d Dispute, taken vouchers.Cents) (Dispute, error) {
	face, fees := k.split(taken)
	counted, pending := face, vouchers.Cents(0)
	onItsWay, err := hasPayout(ctx, tx, k.ID)
	if err != nil {
		return d, err
	}
	if !onItsWay {
		counted, pending = 0, face
	}
	d.Counted, d.Pending, d.Fees = &counted, &pending, &fees
	if err := setTaken(ctx, tx, d); err != nil {
		return d, err
	}
	if err := ledger.Post(ctx, tx, ledger.Disputed(d.ID, k.contested(d))...); err != nil {
		return d, err
	}
	if fees > 0 && k.Invoice != nil {
		if err := invoicing.TakeFeesBack(ctx, tx, invoicing.FeesTakenBack{Invoice: *k.Invoice, Dispute: d.ID, Amount: fees}); err != nil {
			return d, err
		}
	}
	if k.Received {
		if err := s.secure(ctx, tx, k, d); err != nil {
			return d, err
		}
	}
	s.log.Error("a payment was taken back", "dispute", d.ID, "checkout", k.ID, "order", int64(k.Order), "amount", taken.String(), "reason", d.Reason)
	to, err := identity.OperatorsAddress(ctx, tx)
	if err != nil {
		return d, err
	}
	return d, s.alert(ctx, tx, to, d)
}

// secure takes what was disputed out of the order, sets aside what is unspent of it, and
// stops vouchers for the rest where the operator wants it so.
func (s *Service) secure(ctx context.Context, tx *db.Tx, k Checkout, d Dispute) error {
	o, err := orders.Get(ctx, tx, k.Order)
	if err != nil {
		return err
	}
	amount := min(*d.Counted, o.Received)
	if amount == 0 {
		return nil
	}
	taken, err := orders.TakeBack(ctx, tx, k.Order, orders.Taker{Dispute: d.ID}, amount, func(t orders.Taken) []ledger.Transfer {
		return ledger.DebtSecured(d.ID, t.Campaign, t.Funds)
	})
	if err != nil || !s.Freeze || taken.Debt == 0 {
		return err
	}
	stopped, err := issuing.FreezeForDebt(ctx, tx, k.Campaign, taken.Debt)
	if err != nil || len(stopped) == 0 { // all is redeemed, or the debt is below one voucher
		return err
	}
	return setFrozen(ctx, tx, d.ID, stopped)
}

// secureLate does so for disputes that came while the money was on its way to the bank.
func (s *Service) secureLate(ctx context.Context, tx *db.Tx, k Checkout) error {
	all, err := unsecured(ctx, tx, k.ID)
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := s.secure(ctx, tx, k, d); err != nil {
			return err
		}
	}
	return nil
}

// win gives back what a dispute took.
func (s *Service) win(ctx context.Context, tx *db.Tx, k Checkout, d Dispute) error {
	if err := closeDispute(ctx, tx, d.ID, disputeWon); err != nil {
		return err
	}
	if d.Counted != nil {
		if err := ledger.Post(ctx, tx, ledger.DisputeWon(d.ID, k.contested(d))...); err != nil {
			return err
		}
		if err := invoicing.GiveFeesBack(ctx, tx, d.ID); err != nil {
			return err
		}
	}
	secured, err := isSecured(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	if secured {
		err := orders.GiveBack(ctx, tx, k.Order, orders.Taker{Dispute: d.ID}, func(t orders.Taken) []ledger.Transfer {
			return ledger.DebtReleased(d.ID, t.Campaign, t.Funds)
		})
		if err != nil {
			return err
		}
	}
	if err := thaw(ctx, tx, d.ID); err != nil {
		return err
	}
	return s.settle(ctx, tx, k.ID)
}

// bounce books that money which had been taken back for good is at Stripe again, after what
// was set aside for it was swept, or its debt repaid or forgiven: that stands. It pays what
// is left of the debt and makes good what the operator had forgiven; the rest the operator
// owes to the funder.
func (s *Service) bounce(ctx context.Context, tx *db.Tx, k Checkout, d Dispute) error {
	if err := closeDispute(ctx, tx, d.ID, disputeBounced); err != nil {
		return err
	}
	if err := invoicing.GiveFeesBack(ctx, tx, d.ID); err != nil {
		return err
	}
	late, err := orders.ComesLate(ctx, tx, k.Order, orders.Taker{Dispute: d.ID})
	if err != nil {
		return err
	}
	s.log.Error("a payment that was taken back came back: it is owed to the funder out of the operating account", "dispute", d.ID)
	if err := ledger.Post(ctx, tx, ledger.DisputeBounced(d.ID, k.contested(d), late.Debt, late.Forgiven)...); err != nil {
		return err
	}
	return thaw(ctx, tx, d.ID)
}

// contested is what a dispute that has taken something took of the payment.
func (k Checkout) contested(d Dispute) ledger.Contested {
	return ledger.Contested{Campaign: k.Campaign, Funder: k.Funder, Counted: *d.Counted, Pending: *d.Pending, Fees: *d.Fees}
}

// takenIsIntact reports whether nothing has been decided since on what was taken of an order:
// no claim of its campaign was swept, and nothing of the order was paid again, repaid or
// forgiven. Then it can be undone as if it had never happened, so that it does not matter
// when we hear of it.
func takenIsIntact(ctx context.Context, tx *db.Tx, k Checkout, by orders.Taker) (bool, error) {
	taken, there, err := takebackOf(ctx, tx, by)
	if err != nil || !there {
		return err == nil, err
	}
	debt, err := orders.LockDebt(ctx, tx, k.Order)
	if err != nil {
		return false, err
	}
	o, err := orders.Get(ctx, tx, k.Order)
	if err != nil {
		return false, err
	}
	return !taken.Swept && taken.Repaid == 0 && debt.ToOperator >= taken.Debt && o.Received+taken.Funds+taken.Debt <= o.Face, nil
}

// thaw lets the vouchers run again that a dispute had stopped.
func thaw(ctx context.Context, tx *db.Tx, dispute int64) error {
	stopped, err := takeFrozen(ctx, tx, dispute)
	if err != nil || len(stopped) == 0 {
		return err
	}
	return issuing.Thaw(ctx, tx, stopped)
}

package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// StartRequest asks for a page on which an order can be paid.
type StartRequest struct {
	Order vouchers.OrderID `json:"order"`
	Means stripe.Means     `json:"means"`
}

// Start makes a page on which what an order still lacks can be paid, with its fees, or
// gives the one that is open again. A page that no longer suits is closed first.
func (s *Service) Start(ctx context.Context, actor identity.Actor, req StartRequest) (Checkout, error) {
	if err := actor.Needs(identity.Funder, identity.Agent, identity.Finance); err != nil {
		return Checkout{}, err
	}
	if err := actor.NeedsScope(orders.Scope); err != nil {
		return Checkout{}, err
	}
	if err := s.mustBeOn(); err != nil {
		return Checkout{}, err
	}
	switch req.Means {
	case stripe.Card, stripe.SEPADebit, stripe.BankTransfer:
	default:
		return Checkout{}, fault.New(fault.Invalid, "means_unknown")
	}
	if err := s.closeOther(ctx, actor, req); err != nil {
		return Checkout{}, err
	}
	var id vouchers.CheckoutID
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		id, err = once.Do(ctx, tx, actor.Organisation, "start_checkout", req, func() (vouchers.CheckoutID, error) {
			return start(ctx, tx, actor, req)
		})
		return err
	})
	if err != nil {
		return Checkout{}, err
	}
	return s.opened(ctx, id)
}

func start(ctx context.Context, tx *db.Tx, actor identity.Actor, req StartRequest) (vouchers.CheckoutID, error) {
	d, open, err := toPay(ctx, tx, actor, req.Order)
	if err != nil {
		return 0, err
	}
	if open.ID != 0 && open.suits(req.Means, d, tx.Now) {
		return open.ID, nil
	}
	if open.ID != 0 {
		return 0, fault.New(fault.Conflict, "payment_in_progress")
	}
	id, err := insertCheckout(ctx, tx, actor, req, d)
	if err != nil {
		return 0, err
	}
	return id, audit.Record(ctx, tx, actor, "checkout_started", name(id), nil, req)
}

// toPay is what can be paid of an order now, and the page that is open for it. Money on its
// way is not asked for twice.
func toPay(ctx context.Context, tx *db.Tx, actor identity.Actor, order vouchers.OrderID) (due, Checkout, error) {
	o, err := orders.Owned(ctx, tx, actor, order)
	if err != nil {
		return due{}, Checkout{}, err
	}
	earlier, err := checkoutsOf(ctx, tx, order)
	if err != nil {
		return due{}, Checkout{}, err
	}
	d, open := due{face: o.Lacks()}, Checkout{}
	for _, k := range earlier {
		switch {
		case k.State == Pending:
			return due{}, Checkout{}, fault.New(fault.Conflict, "payment_in_progress")
		case k.OnItsWay():
			d.face -= k.Face - k.Disputed
		case k.State == Asked || k.State == Open:
			open = k
		}
	}
	d.face = max(d.face, 0)
	invoices, err := invoicing.OfOrder(ctx, tx, order)
	for _, i := range invoices {
		switch {
		case i.Corrects != nil:
		case i.Kind == invoicing.Face: // what was given back at the end of the campaign is not due any more
			d.face = max(d.face-i.Credited, 0)
		case i.Due() > 0:
			d.fees, d.invoice = i.Due(), &i.ID
		}
	}
	if err == nil && d.face+d.fees == 0 {
		return due{}, open, fault.New(fault.Conflict, "nothing_to_pay")
	}
	return d, open, err
}

// closeOther closes the page that is open for an order where it is not the one asked for.
func (s *Service) closeOther(ctx context.Context, actor identity.Actor, req StartRequest) error {
	var open Checkout
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		d, k, err := toPay(ctx, tx, actor, req.Order)
		if err == nil && k.ID != 0 && !k.suits(req.Means, d, tx.Now) {
			open = k
		}
		return err
	})
	if err != nil || open.ID == 0 {
		return err
	}
	if open.Session == "" {
		if open, err = s.opened(ctx, open.ID); err != nil {
			return err
		}
	}
	refusal := new(stripe.Refusal)
	if err := s.Stripe.ExpireSession(ctx, open.Session); err != nil && !errors.As(err, &refusal) {
		return unreachable(err)
	}
	return s.syncSession(ctx, open.Session) // whether it was closed or paid at the last moment
}

// opened gives a checkout with its page, and asks Stripe for the page where none is known.
func (s *Service) opened(ctx context.Context, id vouchers.CheckoutID) (Checkout, error) {
	var k Checkout
	read := func(tx *db.Tx) (err error) {
		k, err = checkout(ctx, tx, id)
		return err
	}
	if err := s.db.Read(ctx, read); err != nil || k.State != Asked {
		return k, err
	}
	if err := s.ask(ctx, k); err != nil {
		return Checkout{}, err
	}
	return k, s.db.Read(ctx, read)
}

// ask asks Stripe for a checkout's page, with the same values each time.
func (s *Service) ask(ctx context.Context, k Checkout) error {
	if k.Means == stripe.BankTransfer && k.Customer == "" {
		customer, err := s.customer(ctx, k)
		if err != nil {
			return err
		}
		k.Customer = customer
	}
	page := fmt.Sprintf("%s/orders/%d", s.PublicURL, k.Order)
	made, err := s.Stripe.CreateSession(ctx, stripe.SessionRequest{
		Ours: name(k.ID), Means: k.Means, Customer: k.Customer, Lines: s.lines(k),
		SuccessURL: fmt.Sprintf("%s?paid=%d", page, k.ID), CancelURL: page, ExpiresAt: k.ExpiresAt, Locale: "fr"})
	refusal := new(stripe.Refusal)
	if errors.As(err, &refusal) {
		s.log.Error("Stripe refuses a page to pay on", "checkout", k.ID, "code", refusal.Code, "message", refusal.Message)
		return errors.Join(s.db.InTx(ctx, func(tx *db.Tx) error { return failCheckout(ctx, tx, k.ID, refusal.Code) }),
			fault.New(fault.Conflict, "payment_refused"))
	}
	if err != nil {
		return unreachable(err)
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return s.apply(ctx, tx, k.ID, made) })
}

// unreachable says that the outcome is unknown; err stays in the log.
func unreachable(err error) error {
	return errors.Join(fault.New(fault.Unavailable, "payment_page_unknown"), err)
}

// lines are what the payer reads: face value and fees are two purchases.
func (s *Service) lines(k Checkout) []stripe.Line {
	var lines []stripe.Line
	if k.Face > 0 {
		lines = append(lines, stripe.Line{Name: s.Text("payments.line-face", "Order", int64(k.Order)), Amount: k.Face})
	}
	if k.Fees > 0 {
		lines = append(lines, stripe.Line{Name: s.Text("payments.line-fees", "Order", int64(k.Order)), Amount: k.Fees})
	}
	return lines
}

// customer is the funder as Stripe knows it, for whom it opens an account to transfer to.
func (s *Service) customer(ctx context.Context, k Checkout) (string, error) {
	var known string
	var funder identity.Organisation
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if known, err = customerOf(ctx, tx, k.Funder); err != nil {
			return err
		}
		funder, err = identity.OrganisationOf(ctx, tx, k.Funder)
		return err
	})
	if err == nil && known == "" {
		known, err = s.Stripe.CreateCustomer(ctx, stripe.CustomerRequest{
			Ours: fmt.Sprintf("organisation:%d", k.Funder), Name: funder.Name, Email: funder.Email})
		if err != nil {
			return "", unreachable(err)
		}
	}
	if err != nil {
		return "", err
	}
	return known, s.db.InTx(ctx, func(tx *db.Tx) error { return setCustomer(ctx, tx, k.ID, known) })
}

// syncSession brings a checkout to what Stripe says of its page.
func (s *Service) syncSession(ctx context.Context, session string) error {
	found, err := s.Stripe.Session(ctx, session)
	if err != nil {
		return err
	}
	id := vouchers.CheckoutID(numberIn("checkout", found.Ours))
	if id == 0 {
		return nil // somebody else's, on the same account
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return s.apply(ctx, tx, id, found) })
}

// syncCheckout does the same for a checkout whose page may not be known yet.
func (s *Service) syncCheckout(ctx context.Context, id vouchers.CheckoutID) error {
	k, err := s.opened(ctx, id)
	if err != nil || k.Session == "" {
		return err
	}
	return s.syncSession(ctx, k.Session)
}

// apply brings a checkout to a state of its page. States only go forward.
func (s *Service) apply(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID, found stripe.Session) error {
	k, err := lockCheckout(ctx, tx, id)
	if err != nil {
		return err
	}
	if found.Amount != k.Total() || k.Session != "" && k.Session != found.ID {
		return fmt.Errorf("payments: page %s of %s is not that of checkout %d of %s", found.ID, found.Amount, id, k.Total())
	}
	state := stateOf[found.Status]
	if rank(state) < rank(k.State) || rank(k.State) == 4 && state != k.State {
		return nil
	}
	if err := updateCheckout(ctx, tx, id, state, found); err != nil {
		return err
	}
	if state != Paid {
		return nil
	}
	if k.State != Paid {
		if err := s.paid(ctx, tx, k); err != nil {
			return err
		}
	}
	if found.Charge == nil {
		return nil
	}
	if k.Cost == nil {
		if err := ledger.Post(ctx, tx, ledger.CardCost(id, k.Campaign, found.Charge.Fee)...); err != nil {
			return err
		}
	}
	if err := updateCharge(ctx, tx, id, found.Charge); err != nil {
		return err
	}
	return s.settle(ctx, tx, id)
}

// paid takes a charged payment into the books. Its face value does not count yet.
func (s *Service) paid(ctx context.Context, tx *db.Tx, k Checkout) error {
	transfers := ledger.CardPaid(k.ID, k.Campaign, k.Funder, k.Total())
	if k.Invoice != nil {
		if _, err := invoicing.PayFees(ctx, tx, invoicing.FeesPaid{Invoice: *k.Invoice, Checkout: k.ID, Amount: k.Fees}); err != nil {
			return err
		}
		transfers = append(transfers, ledger.CardFees(k.ID, k.Campaign, k.Funder, k.Fees)...)
	}
	return ledger.Post(ctx, tx, transfers...)
}

// Offer is what can be paid online of an order, and what has become of earlier attempts.
type Offer struct {
	On         bool           // anything can be paid online
	Face, Fees vouchers.Cents // what a new page would ask for; both 0: nothing
	Open       *Checkout      // a page that waits for its payer
	OnItsWay   []Checkout     // paid, but not counted yet
	Failed     *Checkout      // the latest attempt, where its money will not come
}

// Offer reads it.
func (s *Service) Offer(ctx context.Context, actor identity.Actor, order vouchers.OrderID) (Offer, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Offer{}, err
	}
	if !s.On() {
		return Offer{}, nil
	}
	o := Offer{On: true}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		d, _, err := toPay(ctx, tx, actor, order)
		if code := fault.Code(err); err != nil && code != "payment_in_progress" && code != "nothing_to_pay" {
			return err
		}
		o.Face, o.Fees = d.face, d.fees
		earlier, err := checkoutsOf(ctx, tx, order)
		for i, k := range earlier {
			switch {
			case k.OnItsWay():
				o.OnItsWay = append(o.OnItsWay, k)
			case k.State == Open && tx.Now.Before(k.ExpiresAt):
				o.Open = &earlier[i]
			case k.State == Failed && i == 0:
				o.Failed = &earlier[i]
			}
		}
		return err
	})
	return o, err
}

// OfOrder lists an order's checkouts, newest first.
func (s *Service) OfOrder(ctx context.Context, actor identity.Actor, order vouchers.OrderID) ([]Checkout, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return nil, err
	}
	var all []Checkout
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		if _, err := orders.Owned(ctx, tx, actor, order); err != nil {
			return err
		}
		var err error
		all, err = checkoutsOf(ctx, tx, order)
		return err
	})
	return all, err
}

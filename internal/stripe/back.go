package stripe

import (
	"context"
	"slices"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/dispute"
	"github.com/stripe/stripe-go/v76/refund"

	"github.com/passerelle/passerelle/vouchers"
)

// RefundRequest asks for a payment, or a part of it, to be given back.
type RefundRequest struct {
	Ours   string // our refund's name, its idempotency key too
	Intent string // of the payment
	Amount vouchers.Cents
}

// RefundStatus is what has become of a refund.
type RefundStatus string

const (
	RefundPending RefundStatus = "pending"
	RefundDone    RefundStatus = "done"
	RefundFailed  RefundStatus = "failed" // the money is on our balance at Stripe again
)

// Refund is money that goes back to a payer because we want it so.
type Refund struct {
	ID      string
	Ours    string // "" when it was made by hand, on Stripe's own pages
	Payment string // our checkout's name; "" for a payment that is not ours
	Amount  vouchers.Cents
	Status  RefundStatus
	Failure string // Stripe's reason for RefundFailed
}

// CreateRefund gives a payment back.
func (c *Client) CreateRefund(ctx context.Context, req RefundRequest) (Refund, error) {
	p := &stripego.RefundParams{
		Params:        write(ctx, req.Ours),
		PaymentIntent: stripego.String(req.Intent),
		Amount:        stripego.Int64(int64(req.Amount)),
		Metadata:      map[string]string{ours: req.Ours},
	}
	p.AddExpand("payment_intent")
	made, err := refund.Client{B: c.backend, Key: c.key}.New(p)
	if err != nil {
		return Refund{}, outcome(err)
	}
	return refundOf(made)
}

// Refund reads a refund.
func (c *Client) Refund(ctx context.Context, id string) (Refund, error) {
	p := &stripego.RefundParams{Params: read(ctx)}
	p.AddExpand("payment_intent")
	found, err := refund.Client{B: c.backend, Key: c.key}.Get(id, p)
	if err != nil {
		return Refund{}, outcome(err)
	}
	return refundOf(found)
}

// Refunds reads all refunds of a payment, oldest first.
func (c *Client) Refunds(ctx context.Context, intent string) ([]Refund, error) {
	p := &stripego.RefundListParams{ListParams: pages(ctx), PaymentIntent: stripego.String(intent)}
	p.AddExpand("data.payment_intent")
	var all []Refund
	found := refund.Client{B: c.backend, Key: c.key}.List(p)
	for found.Next() {
		r, err := refundOf(found.Refund())
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.Reverse(all) // Stripe lists the latest first
	return all, outcome(found.Err())
}

func refundOf(raw *stripego.Refund) (Refund, error) {
	amount, err := euros(raw.Amount, raw.Currency)
	r := Refund{ID: raw.ID, Ours: raw.Metadata[ours], Amount: amount, Status: RefundPending, Failure: string(raw.FailureReason)}
	if raw.PaymentIntent != nil {
		r.Payment = raw.PaymentIntent.Metadata[ours]
	}
	switch raw.Status {
	case stripego.RefundStatusSucceeded:
		r.Status = RefundDone
	case stripego.RefundStatusFailed, stripego.RefundStatusCanceled:
		r.Status = RefundFailed
	}
	return r, err
}

// DisputeStatus is where a dispute stands.
type DisputeStatus string

const (
	DisputeOpen DisputeStatus = "open"
	DisputeWon  DisputeStatus = "won" // or dropped before it began
	DisputeLost DisputeStatus = "lost"
)

// Dispute is a payment that the payer's bank asks back. A direct debit that fails after
// it had succeeded is one too, and is lost from the start
// (support.stripe.com/questions/sepa-direct-debit-payment-disputes).
type Dispute struct {
	ID      string
	Payment string // our checkout's name; "" for a payment that is not ours
	Amount  vouchers.Cents
	Taken   vouchers.Cents // off our balance at Stripe, less what has been put back
	Fee     vouchers.Cents // of the dispute itself, less what has been put back
	Status  DisputeStatus
	Reason  string // Stripe's own word
}

// Dispute reads a dispute.
func (c *Client) Dispute(ctx context.Context, id string) (Dispute, error) {
	p := &stripego.DisputeParams{Params: read(ctx)}
	p.AddExpand("payment_intent")
	found, err := dispute.Client{B: c.backend, Key: c.key}.Get(id, p)
	if err != nil {
		return Dispute{}, outcome(err)
	}
	return disputeOf(found)
}

func disputeOf(raw *stripego.Dispute) (Dispute, error) {
	amount, err := euros(raw.Amount, raw.Currency)
	d := Dispute{ID: raw.ID, Amount: amount, Status: DisputeOpen, Reason: string(raw.Reason)}
	if raw.PaymentIntent != nil {
		d.Payment = raw.PaymentIntent.Metadata[ours]
	}
	for _, booked := range raw.BalanceTransactions {
		moved, wrong := euros(booked.Amount, booked.Currency)
		if wrong != nil {
			return Dispute{}, wrong
		}
		d.Taken -= moved
		d.Fee += vouchers.Cents(booked.Fee)
	}
	switch raw.Status {
	case stripego.DisputeStatusWon, stripego.DisputeStatusWarningClosed:
		d.Status = DisputeWon
	case stripego.DisputeStatusLost:
		d.Status = DisputeLost
	}
	return d, err
}

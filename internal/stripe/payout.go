package stripe

import (
	"context"
	"time"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/payout"

	"github.com/passerelle/passerelle/vouchers"
)

// DescriptorLength is how many characters a bank's statement shows of a payout.
const DescriptorLength = 22

// PayoutRequest asks for money to be sent from our balance at Stripe to our bank.
type PayoutRequest struct {
	Ours        string // our payout's name with its attempt, its idempotency key too: Stripe may repeat a refusal for the same name
	Amount      vouchers.Cents
	Destination string // Stripe's id of the bank account; "" is the account's default
	Descriptor  string // on the bank's statement, at most DescriptorLength
}

// PayoutStatus is what has become of a payout.
type PayoutStatus string

const (
	PayoutSent   PayoutStatus = "sent" // on its way to the bank
	PayoutPaid   PayoutStatus = "paid" // at the bank, says Stripe; it may still fail within days
	PayoutFailed PayoutStatus = "failed"
)

// Payout is money from our balance at Stripe to our bank.
type Payout struct {
	ID        string
	Ours      string // "" for one that Stripe or a person made
	Amount    vouchers.Cents
	Status    PayoutStatus
	ArrivesOn time.Time
	Failure   string // Stripe's code for PayoutFailed
}

// CreatePayout sends money to our bank. Refusal BalanceInsufficient: there is not enough.
func (c *Client) CreatePayout(ctx context.Context, req PayoutRequest) (Payout, error) {
	p := &stripego.PayoutParams{
		Params:              write(ctx, req.Ours),
		Amount:              stripego.Int64(int64(req.Amount)),
		Currency:            stripego.String(string(stripego.CurrencyEUR)),
		StatementDescriptor: stripego.String(req.Descriptor),
		Metadata:            map[string]string{ours: req.Ours},
	}
	if req.Destination != "" {
		p.Destination = stripego.String(req.Destination)
	}
	made, err := payout.Client{B: c.backend, Key: c.key}.New(p)
	if err != nil {
		return Payout{}, outcome(err)
	}
	return payoutOf(made)
}

// Payout reads a payout.
func (c *Client) Payout(ctx context.Context, id string) (Payout, error) {
	found, err := payout.Client{B: c.backend, Key: c.key}.Get(id, &stripego.PayoutParams{Params: read(ctx)})
	if err != nil {
		return Payout{}, outcome(err)
	}
	return payoutOf(found)
}

func payoutOf(raw *stripego.Payout) (Payout, error) {
	amount, err := euros(raw.Amount, raw.Currency)
	p := Payout{ID: raw.ID, Ours: raw.Metadata[ours], Amount: amount, Status: PayoutSent,
		ArrivesOn: moment(raw.ArrivalDate), Failure: string(raw.FailureCode)}
	switch raw.Status {
	case stripego.PayoutStatusPaid:
		p.Status = PayoutPaid
	case stripego.PayoutStatusFailed, stripego.PayoutStatusCanceled:
		p.Status = PayoutFailed
	}
	return p, err
}

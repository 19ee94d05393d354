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

// PayoutRequest asks for money to be sent from a balance at Stripe to its owner's bank.
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

// Payout is money from a balance at Stripe to its owner's bank: ours, or a connected account's.
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
	return c.createPayout(payoutParams(ctx, req))
}

// CreatePayoutOf sends a connected account's money to its bank. Refusal BalanceInsufficient:
// it has not enough. Refusal PayoutsNotAllowed: Stripe has stopped its payouts.
func (c *Client) CreatePayoutOf(ctx context.Context, account string, req PayoutRequest) (Payout, error) {
	if err := named(account); err != nil {
		return Payout{}, err
	}
	p := payoutParams(ctx, req)
	p.SetStripeAccount(account)
	return c.createPayout(p)
}

func payoutParams(ctx context.Context, req PayoutRequest) *stripego.PayoutParams {
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
	return p
}

func (c *Client) createPayout(p *stripego.PayoutParams) (Payout, error) {
	made, err := payout.Client{B: c.backend, Key: c.key}.New(p)
	if err != nil {
		return Payout{}, outcome(err)
	}
	return payoutOf(made)
}

// Payout reads a payout of ours.
func (c *Client) Payout(ctx context.Context, id string) (Payout, error) {
	return c.payout(id, &stripego.PayoutParams{Params: read(ctx)})
}

// PayoutOf reads a payout of a connected account.
func (c *Client) PayoutOf(ctx context.Context, account, id string) (Payout, error) {
	if err := named(account); err != nil {
		return Payout{}, err
	}
	p := &stripego.PayoutParams{Params: read(ctx)}
	p.SetStripeAccount(account)
	return c.payout(id, p)
}

func (c *Client) payout(id string, p *stripego.PayoutParams) (Payout, error) {
	found, err := payout.Client{B: c.backend, Key: c.key}.Get(id, p)
	if err != nil {
		return Payout{}, outcome(err)
	}
	return payoutOf(found)
}

// PayoutsOf reads a connected account's payouts that were made since a time, newest first.
func (c *Client) PayoutsOf(ctx context.Context, account string, since time.Time) ([]Payout, error) {
	if err := named(account); err != nil {
		return nil, err
	}
	p := &stripego.PayoutListParams{ListParams: pages(ctx), CreatedRange: &stripego.RangeQueryParams{GreaterThanOrEqual: since.Unix()}}
	p.SetStripeAccount(account)
	var all []Payout
	found := payout.Client{B: c.backend, Key: c.key}.List(p)
	for found.Next() {
		one, err := payoutOf(found.Payout())
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, outcome(found.Err())
}

func payoutOf(raw *stripego.Payout) (Payout, error) {
	if raw == nil || raw.ID == "" {
		return Payout{}, errNameless
	}
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

package stripe

import (
	"context"
	"time"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/topup"

	"github.com/passerelle/passerelle/vouchers"
)

// TopUpState is what has become of a top-up.
type TopUpState string

const (
	TopUpPending TopUpState = "pending"
	TopUpArrived TopUpState = "arrived" // on our balance; Stripe says succeeded
	TopUpFailed  TopUpState = "failed"  // it will not come, or went back
)

// TopUp is money that we send to our balance at Stripe from our bank.
type TopUp struct {
	ID     string
	Amount vouchers.Cents
	State  TopUpState
	MadeAt time.Time
}

// TopUps reads those made since a time, newest first. One that was made before and has
// arrived since is not among them.
func (c *Client) TopUps(ctx context.Context, since time.Time) ([]TopUp, error) {
	p := &stripego.TopupListParams{ListParams: pages(ctx), CreatedRange: &stripego.RangeQueryParams{GreaterThanOrEqual: since.Unix()}}
	var all []TopUp
	found := topup.Client{B: c.backend, Key: c.key}.List(p)
	for found.Next() {
		t, err := topUpOf(found.Topup())
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, outcome(found.Err())
}

func topUpOf(raw *stripego.Topup) (TopUp, error) {
	if raw == nil || raw.ID == "" {
		return TopUp{}, errNameless
	}
	amount, err := euros(raw.Amount, raw.Currency)
	t := TopUp{ID: raw.ID, Amount: amount, State: TopUpPending, MadeAt: moment(raw.Created)}
	switch raw.Status {
	case stripego.TopupStatusSucceeded:
		t.State = TopUpArrived
	case stripego.TopupStatusFailed, stripego.TopupStatusCanceled, stripego.TopupStatusReversed:
		t.State = TopUpFailed
	}
	return t, err
}

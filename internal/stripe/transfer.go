package stripe

import (
	"context"
	"time"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/transfer"
	"github.com/stripe/stripe-go/v76/transferreversal"

	"github.com/passerelle/passerelle/vouchers"
)

// TransferRequest asks for money to be moved from our balance to a connected account's.
type TransferRequest struct {
	Ours        string // our name for it, its idempotency key too
	Group       string // what transfers are found by
	Amount      vouchers.Cents
	Destination string // the connected account
}

// Transfer is money moved from our balance to a connected account's.
type Transfer struct {
	ID          string
	Ours        string // "" for one made by hand
	Group       string
	Destination string
	Amount      vouchers.Cents
	Reversed    vouchers.Cents // of it, what is on our balance again
	MadeAt      time.Time
}

// CreateTransfer moves what is available of our balance; the account has it at once. Refusal
// BalanceInsufficient: there is not enough. Refusal TransfersInactive: the account may not
// receive.
func (c *Client) CreateTransfer(ctx context.Context, req TransferRequest) (Transfer, error) {
	made, err := transfer.Client{B: c.backend, Key: c.key}.New(&stripego.TransferParams{
		Params:        write(ctx, req.Ours),
		Amount:        stripego.Int64(int64(req.Amount)),
		Currency:      stripego.String(string(stripego.CurrencyEUR)),
		Destination:   stripego.String(req.Destination),
		TransferGroup: stripego.String(req.Group),
		Metadata:      map[string]string{ours: req.Ours},
	})
	if err != nil {
		return Transfer{}, outcome(err)
	}
	return transferOf(made)
}

// Transfer reads a transfer.
func (c *Client) Transfer(ctx context.Context, id string) (Transfer, error) {
	found, err := transfer.Client{B: c.backend, Key: c.key}.Get(id, &stripego.TransferParams{Params: read(ctx)})
	if err != nil {
		return Transfer{}, outcome(err)
	}
	return transferOf(found)
}

// TransfersIn reads all transfers of a group, newest first.
func (c *Client) TransfersIn(ctx context.Context, group string) ([]Transfer, error) {
	p := &stripego.TransferListParams{ListParams: pages(ctx), TransferGroup: stripego.String(group)}
	var all []Transfer
	found := transfer.Client{B: c.backend, Key: c.key}.List(p)
	for found.Next() {
		t, err := transferOf(found.Transfer())
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, outcome(found.Err())
}

// ReverseTransfer takes back what is left of a transfer, and returns it as it is afterwards.
// Refusal BalanceInsufficient: the account no longer has the money. One that has been taken
// back is returned though this call was refused or its answer lost: Stripe takes nothing back
// twice, and may have forgotten the key of the call that did.
func (c *Client) ReverseTransfer(ctx context.Context, id, key string) (Transfer, error) {
	_, err := transferreversal.Client{B: c.backend, Key: c.key}.New(&stripego.TransferReversalParams{
		Params:   write(ctx, key),
		ID:       stripego.String(id),
		Metadata: map[string]string{ours: key},
	})
	after, unread := c.Transfer(ctx, id)
	if unread != nil {
		return Transfer{}, unread
	}
	if err != nil && after.Reversed < after.Amount {
		return Transfer{}, outcome(err)
	}
	return after, nil
}

func transferOf(raw *stripego.Transfer) (Transfer, error) {
	if raw == nil || raw.ID == "" {
		return Transfer{}, errNameless
	}
	amount, err := euros(raw.Amount, raw.Currency)
	if err != nil {
		return Transfer{}, err
	}
	t := Transfer{ID: raw.ID, Ours: raw.Metadata[ours], Group: raw.TransferGroup, Amount: amount,
		Reversed: vouchers.Cents(raw.AmountReversed), MadeAt: moment(raw.Created)}
	if raw.Destination != nil {
		t.Destination = raw.Destination.ID
	}
	return t, nil
}

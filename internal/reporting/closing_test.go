package reporting

import (
	"context"
	"log/slog"
	"time"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// ending goes on after story: its short campaign and another one are closed. The credit of
// the first pays an order of the long campaign, that of the second is refunded.
func (b bundle) ending() {
	b.t.Helper()
	ctx := b.t.Context()
	second := b.shortCampaign()
	b.Clock.Add(72 * time.Hour)
	seller := invoicing.Seller{Name: "Passerelle", Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon",
		Segregated: invoicing.Account{IBAN: "FR7630006000011234567890189"}}
	room := closing.New(b.DB, closing.Options{Seller: seller, Log: slog.New(slog.DiscardHandler),
		Orders: orders.New(b.DB, seller, func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil }),
		Expire: func(ctx context.Context) error { _, err := b.Issuing.ExpireDue(ctx); return err },
		Notify: closing.Notify{
			RefundSent:   func(context.Context, *db.Tx, string, closing.Refund) error { return nil },
			Closed:       func(context.Context, *db.Tx, string, closing.Closed) error { return nil },
			AccountGiven: func(context.Context, *db.Tx, string, closing.Account) error { return nil }}})
	if n, err := room.CloseDue(ctx); err != nil || n != 2 {
		b.t.Fatalf("%d campaigns closed: %v", n, err)
	}
	_, err := room.Choose(ctx, b.Funder, closing.ChooseRequest{Campaign: second.ID - 1, Kind: closing.ToCampaign, To: b.Campaign.ID})
	b.ok(err)
	_, err = room.Choose(ctx, b.Funder, closing.ChooseRequest{Campaign: second.ID, Kind: closing.ToBank})
	b.ok(err)
	account, err := room.GiveAccount(ctx, b.Funder, closing.NewAccount{IBAN: "FR1420041010050500013M02606", Holder: "Trésorerie"})
	b.ok(err)
	_, err = room.VerifyAccount(ctx, b.Operator, closing.VerifyRequest{Account: account.ID, How: "rappel de Mme Roux"})
	b.ok(err)
	all, err := room.Refunds(ctx, b.Operator, closing.Query{Limit: 1})
	b.ok(err)
	_, err = room.Approve(ctx, b.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{all[0].ID}})
	b.ok(err)
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: all[0].Amount, Outcome: "refund_booked", EndToEnd: "RFD000001", Cause: int64(all[0].ID)})
		if err != nil {
			return err
		}
		_, _, err = room.Book(ctx, tx, sepa.Movement{Line: line, Account: seller.Segregated.IBAN, Name: "RFD000001", Amount: all[0].Amount})
		return err
	})
}

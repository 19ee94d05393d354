package payments_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Money that a dispute had set aside and that comes back after the campaign was closed is
// given back as the rest was, by a closing of its own.
func TestMoneyThatComesBackAfterTheEndIsGivenBackToo(t *testing.T) {
	t.Parallel()
	c := setup(t)
	_, k := c.received(100, stripe.Card)
	c.Redeem(c.Structure, c.handsOver(10), 10)
	dispute := c.stripe.Dispute(c.page(k))
	c.hears()
	c.is(ledger.Claims, 900_00)

	end := closing.New(c.DB.WithoutRetries(), closing.Options{Seller: seller, Orders: c.orders, Log: slog.New(slog.DiscardHandler), Notify: silent(),
		Expire: func(ctx context.Context) error { _, err := c.Issuing.ExpireDue(ctx); return err }})
	closes := func(want int) {
		t.Helper()
		got, err := end.CloseDue(t.Context())
		c.ok(err)
		c.same("campaigns closed", got, want)
		c.sound()
	}
	c.Clock.Add((c.campaign.LastDay() + 4).Time().Add(12 * time.Hour).Sub(c.Clock.Now()))
	closes(1)
	c.is(ledger.Credit(c.Funder.Organisation), 0)
	c.stripe.CloseDispute(dispute, true)
	c.hears()
	c.is(ledger.Funds(c.campaign.ID), 900_00)
	closes(1)
	closes(0)
	c.is(ledger.Funds(c.campaign.ID), 0)
	c.is(ledger.Credit(c.Funder.Organisation), 900_00)
	st, err := end.Statement(t.Context(), c.Funder, c.campaign.ID)
	c.ok(err)
	c.same("credit in the account", st.Funders[0].Credit, vouchers.Cents(900_00))
}

// silent tells nobody.
func silent() closing.Notify {
	return closing.Notify{
		Ending:         func(context.Context, *db.Tx, string, closing.Ending) error { return nil },
		Extended:       func(context.Context, *db.Tx, string, closing.Extended) error { return nil },
		Closed:         func(context.Context, *db.Tx, string, closing.Closed) error { return nil },
		CreditWaits:    func(context.Context, *db.Tx, string, closing.Waiting) error { return nil },
		AccountGiven:   func(context.Context, *db.Tx, string, closing.Account) error { return nil },
		RefundSent:     func(context.Context, *db.Tx, string, closing.Refund) error { return nil },
		RefundReturned: func(context.Context, *db.Tx, string, closing.Refund) error { return nil },
	}
}

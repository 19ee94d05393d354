package httpd

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	at, order, k := time.Unix(1.8e9, 0), vouchers.OrderID(7), vouchers.CheckoutID(3)
	one := payments.Checkout{ID: k, Order: order, FunderName: "Mairie", Means: stripe.Card, Face: 1000_00, Fees: 48_00, State: payments.Paid, AvailableOn: &at}
	received, failed := one, one
	received.Received, received.Refunded, received.Disputed = true, 100, 0
	failed.State, failed.Problem = payments.Failed, "amount_too_large"
	samples["payments/desk"] = PaymentsBody{On: true, MayAct: true, Desk: payments.Desk{
		Checkouts: []payments.Checkout{one, received, failed},
		Payouts: []payments.Payout{{ID: 1, Checkout: &k, Order: order, Amount: 1000_00, Reference: "RF18STR000001", State: "waiting", Problem: "balance_insufficient"},
			{ID: 3, BackOf: new(vouchers.PayoutID), Amount: 30_00, Reference: "RF18STR000003", State: "sent"},
			{ID: 2, Amount: 32_00, Reference: "RF18STR000002", State: "banked"}},
		Disputes: []payments.Dispute{{ID: 1, Order: order, FunderName: "Mairie", Reason: "fraudulent", Amount: 1000_00, State: "open", Frozen: 3},
			{ID: 2, Order: order, FunderName: "Mairie", Reason: payments.ByHand, Amount: 10_00, State: "lost"}},
		Refunds: []payments.Refund{{ID: 1, Order: order, FunderName: "Mairie", Amount: 5_00, State: "pending"},
			{ID: 2, Order: order, FunderName: "Mairie", Amount: 5_00, State: "failed", Problem: "charge_disputed"}},
	}}
}

// What an order's page says of paying online, and what it must not say.
func TestAnOrdersPageNeverSaysPaidBeforeItIs(t *testing.T) {
	t.Parallel()
	open := &payments.Checkout{Means: stripe.Card, Face: 1000_00, State: payments.Open, URL: "https://checkout.stripe.com/c/pay/1", ExpiresAt: time.Unix(1.8e9, 0)}
	transfer := payments.Checkout{Means: stripe.BankTransfer, Face: 1000_00, State: payments.Pending, Missing: 400_00, URL: "https://payments.stripe.com/1"}
	for name, c := range map[string]struct {
		body      PayOnline
		has, lack string
	}{
		"nothing where there is no key": {PayOnline{MayPay: true, Returned: true}, "", "Payer"},
		"the means, once":               {PayOnline{Offer: payments.Offer{On: true, Face: 1000_00, Fees: 48_00}, MayPay: true}, "1 048,00", "https:"},
		"the page that is open":         {PayOnline{Offer: payments.Offer{On: true, Face: 1000_00, Open: open}, MayPay: true}, `href="https://checkout.stripe.com/c/pay/1"`, `value="card"`},
		"nothing to press for a reader": {PayOnline{Offer: payments.Offer{On: true, Face: 1000_00}}, "", "<form"},
		"back before Stripe says so":    {PayOnline{Offer: payments.Offer{On: true, Face: 1000_00, Open: open}, MayPay: true, Returned: true}, "En attente de confirmation", "Payée"},
		"charged, not at the bank":      {PayOnline{Offer: payments.Offer{On: true, OnItsWay: []payments.Checkout{{Face: 1000_00, State: payments.Paid}}}, MayPay: true, Returned: true}, "en attente de confirmation", "<form"},
		"a transfer in parts":           {PayOnline{Offer: payments.Offer{On: true, OnItsWay: []payments.Checkout{transfer}}, MayPay: true}, "400,00", "<form"},
		"a debit that failed":           {PayOnline{Offer: payments.Offer{On: true, Face: 1000_00, Failed: open}, MayPay: true}, "n’a pas abouti", "https:"},
	} {
		site, err := loadSite()
		if err != nil {
			t.Fatal(err)
		}
		var html bytes.Buffer
		err = errors.Join(site.templates["fr"]["home/home"].ExecuteTemplate(&html, "online-status", c.body),
			site.templates["fr"]["home/home"].ExecuteTemplate(&html, "pay-online", map[string]any{"Online": c.body, "Key": "k"}))
		text := strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(html.String())
		if err != nil || !strings.Contains(text, c.has) || strings.Contains(text, c.lack) {
			t.Errorf("%s: %v, want %q and not %q in\n%s", name, err, c.has, c.lack, text)
		}
	}
}

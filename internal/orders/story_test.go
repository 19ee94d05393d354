package orders_test

import (
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAnOrderHasAReferenceOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.ordered(250), b.ordered(250)
	if one.Reference == two.Reference || !sepa.ValidRF(one.Reference) || !sepa.ValidRF(two.Reference) {
		t.Errorf("references %s and %s", one.Reference, two.Reference)
	}
	if one.Face != 2500_00 || one.Received != 0 || one.State != orders.AwaitingPayment {
		t.Errorf("%+v", one)
	}
	b.Clock.Add(5 * 24 * time.Hour)
	if age := one.AgeDays(vouchers.DayOf(b.Clock.Now())); age != 5 {
		t.Errorf("an order of five days is %d days old", age)
	}
}

func TestOneKeyOrdersOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wg sync.WaitGroup
	ids := make([]vouchers.OrderID, 8)
	for i := range ids {
		wg.Go(func() {
			ctx, _ := once.With(t.Context(), "order-of-monday")
			o, err := b.room.Place(ctx, b.Funder, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 10})
			if err != nil {
				t.Error(err)
			}
			ids[i] = o.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("one key made the orders %v", ids)
		}
	}
}

func TestWhoMayOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.Organisation(identity.Funder, "Métropole de Lyon")
	reader, agent := b.Funder, b.Funder
	reader.Role, agent.Role = identity.Reader, identity.Agent
	for _, refusal := range []struct {
		name  string
		actor identity.Actor
		req   orders.PlaceRequest
		code  string
	}{
		{"nobody", identity.Actor{}, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 1}, "unauthenticated"},
		{"a prescriber", b.Prescriber, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 1}, "forbidden"},
		{"a reader", reader, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 1}, "forbidden"},
		{"an agent, who may prepare a quote only", agent, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 1}, "forbidden"},
		{"another funder", other, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 1}, "not_found"},
		{"for no voucher", b.Funder, orders.PlaceRequest{Campaign: b.Campaign.ID}, "order_size_out_of_range"},
		{"for too many", b.Funder, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 1_000_001}, "order_size_out_of_range"},
	} {
		_, err := b.room.Place(t.Context(), refusal.actor, refusal.req)
		t.Log(refusal.name)
		b.refused(err, refusal.code)
	}
	b.Clock.Add(400 * 24 * time.Hour)
	_, err := b.room.Place(t.Context(), b.Funder, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 1})
	b.refused(err, "campaign_ended")
}

func TestAnotherFundersOrderDoesNotExist(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	other := b.Organisation(identity.Funder, "Métropole de Lyon")
	_, err := b.room.Open(t.Context(), other, o.ID)
	b.refused(err, "not_found")
	none, err := b.room.List(t.Context(), other, orders.Query{Limit: 10})
	if err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
	_, err = b.room.Open(t.Context(), b.Operator, o.ID)
	b.ok(err)
}

func TestTheListIsCutAndPicksWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two, three := b.ordered(1), b.ordered(2), b.ordered(3)
	b.pays(orders.Payment{Line: 7, Amount: 20_00, Stated: []string{two.Reference}})
	page, err := b.room.List(t.Context(), b.Funder, orders.Query{Before: three.ID, Limit: 1})
	if err != nil || len(page) != 1 || page[0].ID != two.ID || page[0].State != orders.Funded {
		t.Errorf("%+v, %v", page, err)
	}
	missing, err := b.room.List(t.Context(), b.Operator, orders.Query{Unfunded: true, Campaign: b.Campaign.ID, Limit: 10})
	if err != nil || len(missing) != 2 || missing[0].ID != three.ID || missing[1].ID != one.ID {
		t.Errorf("%+v, %v", missing, err)
	}
}

func TestPaymentsThatRaceShareTheOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if err := b.pay(orders.Payment{Line: int64(9000 + i), Amount: 15_00, Found: []string{o.Reference}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o, err := b.room.Open(t.Context(), b.Funder, o.ID)
	if err != nil || o.Received != 100_00 || o.Credit != 140_00 || o.State != orders.Funded {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestNobodyOrdersForACampaignThatItNoLongerShares(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, state, placed := t.Context(), b.Organisation(identity.Funder, "État"), 0
	for range 20 {
		c, err := b.Campaigns.Define(ctx, b.Funder, campaigns.Rules{Name: "Été", Face: 10_00, BookletSize: 5, StartsOn: b.Campaign.StartsOn, EndsOn: b.Campaign.EndsOn, PriceCap: 4})
		b.ok(err)
		share := campaigns.SharesRequest{Campaign: c.ID, Shares: []campaigns.Share{{Funder: state.Organisation, Kind: campaigns.Percent, PercentBP: 5000}}}
		_, err = b.Campaigns.SetShares(ctx, b.Funder, share)
		b.ok(err)
		var race sync.WaitGroup
		var orderErr, removeErr error
		race.Go(func() { _, orderErr = b.room.Place(ctx, state, orders.PlaceRequest{Campaign: c.ID, Vouchers: 1}) })
		race.Go(func() { _, removeErr = b.Campaigns.SetShares(ctx, b.Funder, campaigns.SharesRequest{Campaign: c.ID}) })
		race.Wait()
		if (orderErr == nil) == (removeErr == nil) {
			t.Fatalf("ordered: %v; taken out: %v", orderErr, removeErr)
		}
		if orderErr == nil {
			placed++
			b.refused(removeErr, "shares_settled")
		} else {
			b.refused(orderErr, "not_found")
		}
	}
	t.Logf("%d of 20 orders were first", placed)
}

package app

import (
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/vouchers"
)

func (l *life) publishes() {
	_, err := l.orders.Publish(l.ctx(), l.operator(), orders.NewTariff{FromOn: l.today().AddDays(l.rand.IntN(2)),
		FeeRate: oneOf(l.rand, 0, 150, 777, 5000), Booklet: oneOf[vouchers.Cents](l.rand, 0, 35, 1_20), VATRate: 2000,
		ValidityDays: 1 + l.rand.IntN(30), FeesRefunded: l.one(2), Terms: "Conditions générales"})
	l.act("a tariff is published", err)
}

// defines begins a short campaign, which two or three funders may share.
func (l *life) defines() {
	lead := oneOf(l.rand, l.funders...)
	c, err := l.campaigns.Define(l.ctx(), lead, campaigns.Rules{Name: fmt.Sprintf("Campagne du pas %d", l.steps), Face: oneOf[vouchers.Cents](l.rand, 10_00, 7_35, 25_00),
		BookletSize: 1 + l.rand.IntN(5), StartsOn: l.today(), EndsOn: l.today().AddDays(4 + l.rand.IntN(35)), ToleranceDays: l.rand.IntN(4), PriceCap: 5})
	if !l.act("a campaign is defined", err) {
		return
	}
	l.programmes = kept(l.programmes, c)
	if l.one(2) {
		return
	}
	kind, ask := "a campaign is shared by percent", campaigns.SharesRequest{Campaign: c.ID}
	for _, f := range l.funders {
		if f.Organisation == lead.Organisation || len(ask.Shares) > 0 && l.one(2) {
			continue
		}
		share := campaigns.Share{Funder: f.Organisation, Kind: campaigns.Percent, PercentBP: 1 + l.rand.IntN(5000)}
		if l.one(2) {
			ceiling := l.cents(1, 100_00)
			kind, share.Ceiling = "a campaign is shared with a ceiling", &ceiling
		}
		ask.Shares = append(ask.Shares, share)
	}
	_, err = l.campaigns.SetShares(l.ctx(), lead, ask)
	l.act(kind, err)
}

// running are the campaigns that go on, apart from the world's own.
func (l *life) running() []campaigns.Campaign {
	return slices.DeleteFunc(slices.Clone(l.programmes), func(c campaigns.Campaign) bool { return c.EndsOn < l.today() || c.ID == l.Campaign.ID })
}

// buyer is a campaign, mostly one that goes on, and somebody who may pay for it.
func (l *life) buyer() (campaigns.Campaign, identity.Actor) {
	c, there := pick(l.rand, l.running())
	if !there || l.one(10) {
		c = oneOf(l.rand, l.programmes...)
	}
	if l.one(3) {
		return c, oneOf(l.rand, l.funders...)
	}
	return c, l.funder(c.Funder)
}

func (l *life) places() {
	c, who := l.buyer()
	_, err := l.orders.Place(l.ctx(), who, orders.PlaceRequest{Campaign: c.ID, Vouchers: 1 + l.rand.IntN(12), Medium: oneOf(l.rand, orders.Paper, orders.Digital)})
	l.act("an order is placed", err)
}

// quotes offers, changes the offer at times, and accepts it at times.
func (l *life) quotes() {
	c, who := l.buyer()
	ask := orders.QuoteRequest{Campaign: c.ID, Choices: orders.Choices{Vouchers: 1 + l.rand.IntN(12)}}
	if l.one(3) {
		ask.EndsOn = l.today().AddDays(3 + l.rand.IntN(18))
	}
	q, err := l.orders.Quote(l.ctx(), who, ask)
	if !l.act("a quote is offered", err) {
		return
	}
	if l.one(3) {
		ask.Quote, ask.Vouchers = q.ID, 1+l.rand.IntN(12)
		changed, err := l.orders.Quote(l.ctx(), who, ask)
		if l.act("a quote is changed", err) {
			q = changed
		}
	}
	if l.one(4) {
		return
	}
	_, err = l.orders.Accept(l.ctx(), who, orders.AcceptRequest{Quote: q.ID, Version: q.Latest().Number, Name: "Camille Martin"})
	if l.act("a quote is accepted", err) {
		l.rereads(q.Campaign)
	}
}

// rereads a campaign that may have new dates.
func (l *life) rereads(id vouchers.CampaignID) {
	for i, c := range l.programmes {
		if c.ID == id {
			now, err := l.campaigns.Open(l.ctx(), l.Operator, id)
			l.ok(err)
			l.programmes[i] = now
		}
	}
}

// allocates vouchers of a campaign that has money, or of any.
func (l *life) allocates() {
	var cover reporting.Cover
	l.ok(l.store.Read(l.ctx(), func(tx *db.Tx) (err error) {
		cover, err = reporting.CoverNow(l.ctx(), tx)
		return err
	}))
	all := slices.DeleteFunc(l.running(), func(c campaigns.Campaign) bool {
		return !slices.ContainsFunc(cover.Campaigns, func(line reporting.CampaignCover) bool { return line.ID == c.ID && line.Funds >= c.Face })
	})
	if l.one(10) {
		all = l.running()
	}
	c, there := pick(l.rand, all)
	if !there {
		return
	}
	_, err := l.issuing.Allocate(l.ctx(), l.funder(c.Funder), issuing.AllocateRequest{Campaign: c.ID,
		Prescriber: oneOf(l.rand, l.prescribers...).Organisation, Vouchers: 1 + l.rand.IntN(10)})
	l.act("vouchers are allocated", err)
}

func (l *life) handsOver() {
	type stock struct {
		issuing.Allocation
		of identity.Actor
	}
	var all []stock
	for _, p := range l.prescribers {
		desk, err := l.issuing.Desk(l.ctx(), p, 1)
		l.ok(err)
		for _, a := range desk.Allocations {
			if a.Left() > 0 && (a.Campaign != l.Campaign.ID || l.one(20)) {
				all = append(all, stock{a, p})
			}
		}
	}
	a, there := pick(l.rand, all)
	if !there {
		return
	}
	count := 1 + l.rand.IntN(min(a.Left(), 6))
	if l.one(20) {
		count = a.Left() + 1
	}
	b, err := l.issuing.HandOver(l.ctx(), a.of, issuing.HandOverRequest{Campaign: a.Campaign, Count: count})
	if l.act("a booklet is handed over", err) {
		l.booklets = kept(l.booklets, b)
	}
}

func (l *life) freezes() {
	who, frozen, kind := oneOf(l.rand, l.prescribers...), l.one(2), "a booklet runs again"
	all, err := l.issuing.HandOvers(l.ctx(), who, 0, 20)
	l.ok(err)
	if frozen {
		kind = "a booklet is frozen"
	}
	for _, b := range all {
		if b.Left > 0 && frozen || b.Frozen > 0 && !frozen {
			_, err := l.issuing.Freeze(l.ctx(), who, issuing.FreezeRequest{Booklet: b.ID, Frozen: frozen})
			l.act(kind, err)
			return
		}
	}
}

// redeemed is a redemption and where.
type redeemed struct {
	id vouchers.RedemptionID
	at world.Structure
}

func (l *life) redeems() {
	b, there := pick(l.rand, slices.DeleteFunc(slices.Clone(l.booklets[max(len(l.booklets)-15, 0):]), func(b issuing.Booklet) bool { return b.LastDay < l.today() && !l.one(40) }))
	if !there {
		return
	}
	at := oneOf(l.rand, l.structures...)
	r, err := l.counter.Redeem(l.ctx(), at.Actor, world.Request(b, 1+l.rand.IntN(3)))
	if l.act("vouchers are redeemed", err) {
		l.redemptions = kept(l.redemptions, redeemed{r.ID, at})
	}
}

func (l *life) undoes() {
	r, there := pick(l.rand, l.redemptions[max(len(l.redemptions)-8, 0):])
	if !there {
		return
	}
	_, err := l.counter.Undo(l.ctx(), r.at.Actor, redemption.UndoRequest{ID: r.id, Reason: "mauvais nombre"})
	l.act("a redemption is undone", err)
}

func (l *life) extends() {
	c := oneOf(l.rand, l.programmes...)
	if c.LastDay() < l.today() && !l.one(5) || c.ID == l.Campaign.ID {
		return
	}
	_, err := l.closing.Extend(l.ctx(), l.funder(c.Funder), closing.ExtendRequest{Campaign: c.ID, Until: c.EndsOn.AddDays(1 + l.rand.IntN(6)), Name: "Camille Martin", Agreed: true})
	if l.act("a campaign is extended", err) {
		l.rereads(c.ID)
	}
}

// closes does by hand what the night would do; the vouchers of a campaign must have
// expired before.
func (l *life) closes() {
	if l.one(2) {
		n, err := l.issuing.ExpireDue(l.ctx())
		l.ok(err)
		if n > 0 {
			l.act("vouchers expire", nil)
		}
	}
	for _, c := range l.programmes {
		if c.ClosedAt == nil && c.LastDay() < l.today() {
			_, err := l.closing.Close(l.ctx(), l.operator(), c.ID)
			if l.act("a campaign is closed by hand", err) {
				l.rereads(c.ID)
			}
			return
		}
	}
}

func (l *life) creditsFees() {
	all, err := l.invoicing.List(l.ctx(), l.Operator, invoicing.Query{Kind: "fees", Limit: 30})
	l.ok(err)
	if i, there := pick(l.rand, all); there {
		_, err := l.invoicing.CreditFees(l.ctx(), l.operator(), invoicing.CreditFeesRequest{Invoice: i.ID, Net: l.cents(1, i.Net), Reason: "Geste commercial"})
		l.act("fees are credited by hand", err)
	}
}

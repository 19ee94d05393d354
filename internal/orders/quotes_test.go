package orders_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
	"github.com/passerelle/passerelle/web"
)

// threePercent is a tariff from today on: 3 % of face value, 0,60 € a printed booklet.
func (b bundle) threePercent() orders.NewTariff {
	return orders.NewTariff{FromOn: vouchers.DayOf(b.Clock.Now()), FeeRate: 300, Booklet: 60, VATRate: 2000, ValidityDays: 15,
		FeesRefunded: true, Terms: "Article 1. Les chèques servent."}
}

func (b bundle) publishes(n orders.NewTariff) orders.Tariff {
	b.t.Helper()
	published, err := b.room.Publish(b.t.Context(), b.Operator, n)
	b.ok(err)
	return published
}

// newCampaign is one of which nothing has been ordered: 120 days, booklets of 8.
func (b bundle) newCampaign() campaigns.Campaign {
	b.t.Helper()
	today := vouchers.DayOf(b.Clock.Now())
	c, err := b.Campaigns.Define(b.t.Context(), b.Funder, campaigns.Rules{Name: "Été connecté", Face: 10_00, BookletSize: 8,
		StartsOn: today, EndsOn: today.AddDays(120), ToleranceDays: 15, PriceCap: 4})
	b.ok(err)
	return c
}

func (b bundle) quoted(c campaigns.Campaign, choices orders.Choices) orders.Quote {
	b.t.Helper()
	q, err := b.room.Quote(b.t.Context(), b.Funder, orders.QuoteRequest{Campaign: c.ID, Choices: choices})
	b.ok(err)
	return q
}

func accepting(q orders.Quote) orders.AcceptRequest {
	return orders.AcceptRequest{Quote: q.ID, Version: q.Latest().Number, Name: "Camille Martin"}
}

func (b bundle) accepted(req orders.AcceptRequest) orders.Order {
	b.t.Helper()
	o, err := b.room.Accept(b.t.Context(), b.Funder, req)
	b.ok(err)
	return o
}

func TestAQuoteBecomesAnOrderWithTwoInvoices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	terms := b.publishes(b.threePercent())
	c := b.newCampaign()
	agent := b.Funder
	agent.Role = identity.Agent
	first, err := b.room.Quote(t.Context(), agent, orders.QuoteRequest{Campaign: c.ID, Choices: orders.Choices{Vouchers: 50}})
	b.ok(err)
	v := first.Latest()
	if first.Number != "D2026-000001" || v.Number != 1 || v.Medium != orders.Paper || v.BookletSize != 8 ||
		v.Price != (orders.Price{Face: 500_00, Service: 15_00, Printing: 7 * 60, VAT: 3_84}) || v.ValidUntil != c.StartsOn.AddDays(15) {
		t.Errorf("%+v", first)
	}
	second, err := b.room.Quote(t.Context(), agent, orders.QuoteRequest{Quote: first.ID, Choices: orders.Choices{Vouchers: 100, Medium: orders.Digital}})
	b.ok(err)
	if len(second.Versions) != 2 || second.Latest().Number != 2 || second.Versions[1].Vouchers != 50 || second.Latest().Fees() != 30_00 {
		t.Errorf("%+v", second)
	}
	_, err = b.room.Accept(t.Context(), agent, accepting(second))
	b.refused(err, "forbidden")
	_, err = b.room.Accept(t.Context(), b.Funder, accepting(first))
	b.refused(err, "quote_superseded")

	act := accepting(second)
	act.Engagement, act.ServiceCode = "EJ-2026-0042", "CULTURE"
	o := b.accepted(act)
	if o.Face != 1000_00 || o.Fees != 30_00 || o.VAT != 6_00 || o.Accepted.Number != first.Number || o.Accepted.Version != 2 ||
		o.Accepted.Name != "Camille Martin" || o.Accepted.Terms != terms.ID || o.Engagement != "EJ-2026-0042" {
		t.Errorf("%+v", o)
	}
	if len(o.Invoices) != 2 {
		t.Fatalf("%d invoices", len(o.Invoices))
	}
	face, fees := o.Invoices[0], o.Invoices[1]
	if face.Kind != invoicing.Face || face.Due != 1000_00 || face.Reference != o.Reference || face.IBAN != seller.Segregated.IBAN {
		t.Errorf("%+v", face)
	}
	if fees.Kind != invoicing.Fees || fees.Due != 36_00 || fees.Reference == o.Reference || !sepa.ValidRF(fees.Reference) ||
		fees.IBAN != seller.Operating.IBAN || fees.State != orders.AwaitingPayment {
		t.Errorf("%+v", fees)
	}
	b.InTx(func(tx *db.Tx) error {
		issued, err := invoicing.OfOrder(t.Context(), tx, o.ID)
		for _, i := range issued {
			if i.Engagement != "EJ-2026-0042" || i.ServiceCode != "CULTURE" {
				t.Errorf("%s lacks what Chorus Pro asks for", i.Number)
			}
		}
		back, err2 := orders.FeesBack(t.Context(), tx, o.ID)
		if !back || err != nil || err2 != nil {
			t.Errorf("fees come back: %v, %v, %v", back, err, err2)
		}
		return nil
	})
	_, err = b.room.Accept(t.Context(), b.Funder, act)
	b.refused(err, "quote_already_accepted")
	_, err = b.room.Quote(t.Context(), agent, orders.QuoteRequest{Quote: first.ID, Choices: orders.Choices{Vouchers: 1}})
	b.refused(err, "quote_already_accepted")

	b.pays(orders.Payment{Line: 9001, Amount: 400_00, Stated: []string{o.Reference}})
	o, err = b.room.Open(t.Context(), b.Funder, o.ID)
	if err != nil || o.Invoices[0].Due != 600_00 || o.Invoices[0].State != orders.PartlyFunded || o.Invoices[1].Due != 36_00 {
		t.Errorf("%+v, %v", o.Invoices, err)
	}
}

func TestOneVoucherIsEnough(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.accepted(accepting(b.quoted(b.newCampaign(), orders.Choices{Vouchers: 1})))
	if o.Face != 10_00 || o.Fees != 0 || len(o.Invoices) != 1 || o.Accepted.Terms != 0 {
		t.Errorf("%+v", o)
	}
	b.pays(orders.Payment{Line: 9001, Amount: 10_00, Stated: []string{o.Reference}})
	o, err := b.room.Open(t.Context(), b.Funder, o.ID)
	if err != nil || o.State != orders.Funded || o.Invoices[0].State != orders.Funded || o.Invoices[0].Due != 0 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAQuoteLapses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publishes(b.threePercent())
	q := b.quoted(b.newCampaign(), orders.Choices{Vouchers: 10})
	b.Clock.Add(15 * 24 * time.Hour)
	if on := vouchers.DayOf(b.Clock.Now()); q.State(on) != orders.Offered || q.State(on+1) != orders.Lapsed {
		t.Errorf("on its last day it is %s, then %s", q.State(on), q.State(on+1))
	}
	b.Clock.Add(24 * time.Hour)
	_, err := b.room.Accept(t.Context(), b.Funder, accepting(q))
	b.refused(err, "quote_expired")
	open, err := b.room.Quotes(t.Context(), b.Funder, orders.QuoteQuery{Open: true, Limit: 10})
	if err != nil || len(open) != 0 {
		t.Errorf("%+v, %v", open, err)
	}
	again, err := b.room.Quote(t.Context(), b.Funder, orders.QuoteRequest{Quote: q.ID, Choices: orders.Choices{Vouchers: 10}})
	b.ok(err)
	b.accepted(accepting(again))
}

func TestAPriceHoldsForAsLongAsItsQuote(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publishes(b.threePercent())
	dearer := b.threePercent()
	dearer.FromOn, dearer.FeeRate, dearer.Terms = dearer.FromOn+5, 500, "Article 1 bis."
	b.publishes(dearer)
	c := b.newCampaign()
	q := b.quoted(c, orders.Choices{Vouchers: 10, Medium: orders.Digital})
	b.Clock.Add(5 * 24 * time.Hour)
	if now := b.quoted(c, orders.Choices{Vouchers: 10, Medium: orders.Digital}); now.Latest().Service != 5_00 {
		t.Errorf("the new tariff asks %v", now.Latest().Service)
	}
	if o := b.accepted(accepting(q)); o.Fees != 3_00 {
		t.Errorf("accepted at %v", o.Fees)
	}
	all, err := b.room.Tariffs(t.Context(), b.Operator)
	if err != nil || len(all.Items) != 2 || all.Current != all.Items[0].ID || all.Items[0].FeeRate != 500 {
		t.Errorf("%+v, %v", all, err)
	}
	if first, err := b.room.Terms(t.Context(), all.Items[1].ID); err != nil || first.Terms != "Article 1. Les chèques servent." {
		t.Errorf("%+v, %v", first, err)
	}
}

func TestACampaignFollowsItsFirstOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.newCampaign()
	plan := campaigns.Plan{BookletSize: 5, StartsOn: c.StartsOn + 10, EndsOn: c.EndsOn + 10}
	mine, other := b.quoted(c, orders.Choices{Vouchers: 10, Plan: plan}), b.quoted(c, orders.Choices{Vouchers: 10})
	if now, err := b.Campaigns.Open(t.Context(), b.Funder, c.ID); err != nil || now.Plan() != c.Plan() {
		t.Errorf("a quote changed its campaign to %+v, %v", now.Plan(), err)
	}
	b.accepted(accepting(mine))
	if now, err := b.Campaigns.Open(t.Context(), b.Funder, c.ID); err != nil || now.Plan() != plan {
		t.Errorf("its campaign has %+v, %v", now.Plan(), err)
	}
	_, err := b.room.Accept(t.Context(), b.Funder, accepting(other))
	b.refused(err, "campaign_plan_settled")
	_, err = b.room.Quote(t.Context(), b.Funder, orders.QuoteRequest{Campaign: c.ID, Choices: orders.Choices{Vouchers: 1, Plan: c.Plan()}})
	b.refused(err, "campaign_plan_settled")
	b.accepted(accepting(b.quoted(c, orders.Choices{Vouchers: 1})))
	fresh := b.newCampaign()
	_, err = b.room.Quote(t.Context(), b.Funder, orders.QuoteRequest{Campaign: fresh.ID,
		Choices: orders.Choices{Vouchers: 1, Plan: campaigns.Plan{EndsOn: fresh.StartsOn}}})
	b.refused(err, "campaign_ends_before_start")
}

func TestWhoSharesACampaignOrdersByItsPlan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, state := b.newCampaign(), b.Organisation(identity.Funder, "État")
	_, err := b.room.Quote(t.Context(), state, orders.QuoteRequest{Campaign: c.ID, Choices: orders.Choices{Vouchers: 10}})
	b.refused(err, "not_found")
	_, err = b.Campaigns.SetShares(t.Context(), b.Funder, campaigns.SharesRequest{Campaign: c.ID,
		Shares: []campaigns.Share{{Funder: state.Organisation, Kind: campaigns.Percent, PercentBP: 5000}}})
	b.ok(err)
	_, err = b.room.Quote(t.Context(), state, orders.QuoteRequest{Campaign: c.ID,
		Choices: orders.Choices{Vouchers: 10, Plan: campaigns.Plan{BookletSize: 5}}})
	b.refused(err, "campaign_plan_settled")
	q, err := b.room.Quote(t.Context(), state, orders.QuoteRequest{Campaign: c.ID, Choices: orders.Choices{Vouchers: 10}})
	b.ok(err)
	_, err = b.room.Accept(t.Context(), b.Funder, accepting(q))
	b.refused(err, "not_found")
	o, err := b.room.Accept(t.Context(), state, accepting(q))
	if err != nil || o.Funder != state.Organisation || o.Campaign != c.ID {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAQuoteIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"under one key": {"the-only-key"}, "under two keys": {"key-of-camille", "key-of-nadia"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			q := b.quoted(b.newCampaign(), orders.Choices{Vouchers: 10})
			var wg sync.WaitGroup
			ids, codes := make([]vouchers.OrderID, 8), make([]string, 8)
			for i := range ids {
				wg.Go(func() {
					ctx, _ := once.With(t.Context(), keys[i%len(keys)])
					o, err := b.room.Accept(ctx, b.Funder, accepting(q))
					ids[i], codes[i] = o.ID, fault.Code(err)
				})
			}
			wg.Wait()
			all, err := b.room.List(t.Context(), b.Funder, orders.Query{Campaign: q.Campaign, Limit: 10})
			if err != nil || len(all) != 1 {
				t.Fatalf("%d orders, %v", len(all), err)
			}
			for i, id := range ids {
				if codes[i] == "" && id != all[0].ID || codes[i] != "" && (len(keys) == 1 || codes[i] != "quote_already_accepted") {
					t.Errorf("order %d, refused %q", id, codes[i])
				}
			}
		})
	}
}

func TestWhatAcceptanceAsksFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	q := b.quoted(b.newCampaign(), orders.Choices{Vouchers: 10})
	other := b.Organisation(identity.Funder, "Métropole de Lyon")
	_, err := b.room.Accept(t.Context(), other, accepting(q))
	b.refused(err, "not_found")
	_, err = b.room.OpenQuote(t.Context(), other, q.ID)
	b.refused(err, "not_found")
	for code, spoil := range map[string]func(*orders.AcceptRequest){
		"accepted_name_length":   func(r *orders.AcceptRequest) { r.Name = " x " },
		"engagement_malformed":   func(r *orders.AcceptRequest) { r.Engagement = "12;34" },
		"service_code_malformed": func(r *orders.AcceptRequest) { r.ServiceCode = "<script>" },
		"quote_superseded":       func(r *orders.AcceptRequest) { r.Version = 2 },
	} {
		req := accepting(q)
		spoil(&req)
		_, err := b.room.Accept(t.Context(), b.Funder, req)
		b.refused(err, code)
	}
	program := b.Funder
	program.Scopes = []string{"campaigns"}
	_, err = b.room.Accept(t.Context(), program, accepting(q))
	b.refused(err, "scope_missing")
}

func TestATariffIsPublishedOnceAndForAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for code, spoil := range map[string]func(*orders.NewTariff){
		"tariff_in_the_past":         func(n *orders.NewTariff) { n.FromOn-- },
		"fee_out_of_range":           func(n *orders.NewTariff) { n.FeeRate = 10001 },
		"booklet_price_out_of_range": func(n *orders.NewTariff) { n.Booklet = -1 },
		"vat_out_of_range":           func(n *orders.NewTariff) { n.VATRate = 0 },
		"validity_out_of_range":      func(n *orders.NewTariff) { n.ValidityDays = 0 },
		"terms_length":               func(n *orders.NewTariff) { n.Terms = " " },
	} {
		n := b.threePercent()
		spoil(&n)
		_, err := b.room.Publish(t.Context(), b.Operator, n)
		b.refused(err, code)
	}
	_, err := b.room.Publish(t.Context(), b.Funder, b.threePercent())
	b.refused(err, "forbidden")
	_, err = b.room.Tariffs(t.Context(), b.Funder)
	b.refused(err, "forbidden")
	_, err = b.room.Terms(t.Context(), 1)
	b.refused(err, "not_found")

	bare := seller
	bare.Operating = invoicing.Account{}
	without := orders.New(b.DB, bare, nil)
	_, err = without.Publish(t.Context(), b.Operator, b.threePercent())
	b.refused(err, "tariff_without_account")
	gratis := b.threePercent()
	gratis.FeeRate, gratis.Booklet = 0, 0
	if _, err := without.Publish(t.Context(), b.Operator, gratis); err != nil {
		t.Errorf("a tariff without fees: %v", err)
	}
	for _, change := range []string{`UPDATE tariffs SET fee_bp = 1`, `DELETE FROM tariffs`, `TRUNCATE tariffs CASCADE`} {
		if err := b.DB.InTx(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), change); return err }); err == nil {
			t.Errorf("%s was let through", change)
		}
	}
}

func TestEachVersionIsPrintedAsItWasOffered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publishes(b.threePercent())
	q := b.quoted(b.newCampaign(), orders.Choices{Vouchers: 100})
	catalogue, err := i18n.Load(web.Files)
	b.ok(err)
	print := func(version int) []byte {
		t.Helper()
		var pdf bytes.Buffer
		b.ok(b.room.PrintQuote(t.Context(), b.Funder, orders.QuoteVersion{Quote: q.ID, Version: version}, paper{catalogue.For("fr")}, &pdf))
		return pdf.Bytes()
	}
	first := print(1)
	b.Clock.Add(time.Hour)
	_, err = b.room.Quote(t.Context(), b.Funder, orders.QuoteRequest{Quote: q.ID, Choices: orders.Choices{Vouchers: 200}})
	b.ok(err)
	if !bytes.HasPrefix(first, []byte("%PDF-")) || !slices.Equal(print(1), first) || slices.Equal(print(2), first) {
		t.Error("a version is not printed as it was")
	}
	err = b.room.PrintQuote(t.Context(), b.Funder, orders.QuoteVersion{Quote: q.ID, Version: 3}, nil, nil)
	b.refused(err, "not_found")
	err = b.room.PrintQuote(t.Context(), b.Organisation(identity.Funder, "Lyon"), orders.QuoteVersion{Quote: q.ID, Version: 1}, nil, nil)
	b.refused(err, "not_found")
}

// paper makes pages' words fit documents.
type paper struct{ *i18n.Words }

func (p paper) Number(n int) string                { return p.Words.Number(int64(n)) }
func (p paper) ShortMoney(c vouchers.Cents) string { return p.Euros(c) }
func (p paper) Distance(km float64) string         { return p.Km(km) }

func TestTheLetterSpeaksTheLanguageThatWasOrdered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.HandOver(b.Campaign, 1)
	_, err := b.room.Place(t.Context(), b.Funder, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 1, Letter: "en"})
	b.ok(err)
	again, err := b.Issuing.Reprint(t.Context(), b.Prescriber, before.ID)
	if err != nil || before.Letter != "" || again.Letter != "en" {
		t.Errorf("%q, then %q, %v", before.Letter, again.Letter, err)
	}
}

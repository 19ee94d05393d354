package httpd

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// SettlementsBody is what settlement/list.html shows.
type SettlementsBody struct {
	Now      settlement.Preview
	HeldSum  vouchers.Cents
	MayClose bool
	Problem  string // why the form was refused, "" at first
	Rows     []settlement.Settlement
	Next     string // URL of the page that follows
}

func (w settlementWindow) listPage(c *fiber.Ctx) error { return w.showList(c, "") }

func (w settlementWindow) showList(c *fiber.Ctx, problem string) error {
	now, err := w.room.Preview(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	all, err := w.page(c)
	if err != nil {
		return err
	}
	body := SettlementsBody{Now: now, Problem: problem, Rows: all.Items, Next: all.nextURL("/settlements"),
		MayClose: actor(c).Needs(identity.Operator, identity.Finance) == nil}
	for _, held := range now.Held {
		body.HeldSum += held.Amount
	}
	return page(c, "settlement/list", body)
}

func (w settlementWindow) closeForm(c *fiber.Ctx) error {
	var form struct {
		ExecutionOn vouchers.Day `form:"execution_on"`
		Asked       bool         `form:"asked"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	closed, err := w.room.Close(c.UserContext(), actor(c), settlement.CloseRequest{ExecutionOn: form.ExecutionOn, Asked: form.Asked})
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showList(c, problem)
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/settlements/%d", closed.ID), "settlement.closed", "count", closed.Payouts, "amount", closed.Total)
}

// SettlementBody is what settlement/settlement.html shows.
type SettlementBody struct {
	settlement.Detail
	AtStripe []connect.Transfer // of its payouts that go through Stripe, once the money is there
	MayPay   bool               // the reader is of those who close, approve and fetch
	Closer   bool               // the reader has closed it
	Problem  string             // why a form was refused, "" at first
	Field    string             // of the form that was refused
}

// MayCancel tells whether its file can still be kept from leaving.
func (b SettlementBody) MayCancel() bool {
	return b.MayPay && (b.State == settlement.Waiting || b.State == settlement.Approved) && b.TakenAt == nil
}

// Through counts the payouts that go through Stripe.
func (b SettlementBody) Through() (count int) {
	for _, p := range b.List {
		if p.Connected != "" {
			count++
		}
	}
	return count
}

// On is how a payout is getting on at Stripe; nil where nothing was asked of Stripe yet.
func (b SettlementBody) On(id vouchers.PayoutID) *connect.Transfer {
	for i, t := range b.AtStripe {
		if t.Of == id {
			return &b.AtStripe[i]
		}
	}
	return nil
}

// Stuck are the payouts that Stripe does not make and that can be taken back.
func (b SettlementBody) Stuck() (stuck []settlement.Payout) {
	for _, p := range b.List {
		if t := b.On(p.ID); t != nil && t.Stuck() && t.MayGiveUp() {
			stuck = append(stuck, p)
		}
	}
	return stuck
}

func (w settlementWindow) openPage(c *fiber.Ctx) error { return w.showOne(c, "", "") }

func (w settlementWindow) showOne(c *fiber.Ctx, problem, field string) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	body := SettlementBody{Detail: d, MayPay: actor(c).Needs(identity.Operator, identity.Finance) == nil,
		Closer: d.ClosedBy == actor(c).Person, Problem: problem, Field: field}
	if d.TopUp != nil {
		if body.AtStripe, err = w.direct.In(c.UserContext(), actor(c), d.ID); err != nil {
			return err
		}
	}
	return page(c, "settlement/settlement", body)
}

func (w settlementWindow) approveForm(c *fiber.Ctx) error {
	var form struct {
		SHA256 string `form:"file_sha256"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	return w.decideForm(c, "approved", "approve", func(id vouchers.SettlementID) (settlement.Settlement, error) {
		return w.room.Approve(c.UserContext(), actor(c), settlement.ApproveRequest{ID: id, SHA256: form.SHA256})
	})
}

func (w settlementWindow) cancelForm(c *fiber.Ctx) error {
	var form whyBody
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	return w.decideForm(c, "cancelled", "reason", func(id vouchers.SettlementID) (settlement.Settlement, error) {
		return w.room.Cancel(c.UserContext(), actor(c), id, form.Reason)
	})
}

func (w settlementWindow) sendForm(c *fiber.Ctx) error {
	return w.decideForm(c, "sent", "sent", func(id vouchers.SettlementID) (settlement.Settlement, error) {
		return w.room.Send(c.UserContext(), actor(c), id)
	})
}

func (w settlementWindow) giveUpForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.SettlementID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Payout vouchers.PayoutID `form:"payout"`
		Reason string            `form:"why"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err = w.direct.GiveUp(c.UserContext(), actor(c), form.Payout, form.Reason)
	if shownAgain(err) {
		return w.showOne(c, refuse(c, err), "why")
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/settlements/%d", id), "settlement.stripe.given-up")
}

// decideForm does what a form of the settlement's page asks for, and shows the page again.
func (w settlementWindow) decideForm(c *fiber.Ctx, became, field string, do func(vouchers.SettlementID) (settlement.Settlement, error)) error {
	id, err := pathID[vouchers.SettlementID](c, "id")
	if err != nil {
		return err
	}
	after, err := do(id)
	if problem := faultText(c, err); problem != "" && refusalOf(err).status != http.StatusNotFound {
		c.Status(refusalOf(err).status)
		return w.showOne(c, problem, field)
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/settlements/%d", id), "settlement."+became, "count", after.Payouts, "amount", after.Total)
}

// payoutSheet is a payout's statement as a table, whose amounts come to what was paid. Each
// line bears the statement's own number.
func payoutSheet(w *i18n.Words, s documents.Statement) documents.Sheet {
	sheet := documents.Sheet{Name: s.EndToEndID, Columns: []documents.Column{{Header: w.Text("settlement.sheet.statement")}, {Header: w.Text("settlement.number")},
		{Header: w.Text("settlement.sheet.at"), Kind: documents.Moment}, {Header: w.Text("settlement.sheet.place")}, {Header: w.Text("settlement.sheet.theme")},
		{Header: w.Text("settlement.sheet.booklet")}, {Header: w.Text("settlement.sheet.vouchers"), Kind: documents.Integer},
		{Header: w.Text("settlement.amount"), Kind: documents.Money}, {Header: w.Text("settlement.sheet.vat")}}}
	add := func(at documents.Cell, place, what, booklet string, count int, amount vouchers.Cents, vat string) {
		sheet.Rows = append(sheet.Rows, []documents.Cell{documents.TextCell(s.EndToEndID), documents.TextCell(s.Settlement), at, documents.TextCell(place),
			documents.TextCell(what), documents.TextCell(booklet), documents.IntegerCell(int64(count)), documents.MoneyCell(amount), documents.TextCell(vat)})
	}
	for _, r := range s.Redeemed {
		add(documents.MomentCell(r.At), r.Place, r.Theme, r.Booklet, r.Vouchers, r.Amount, w.Text("settlement.vat."+cmp.Or(s.Regime, "none")))
	}
	for _, a := range s.Adjusted {
		add(documents.MomentCell(a.At), a.Place, w.Text("settlement.sheet."+a.Kind), a.Booklet, 0, a.Amount, "")
	}
	if s.Recovered > 0 {
		add(documents.TextCell(""), "", w.Text("settlement.sheet.netted"), "", 0, -s.Recovered, "")
	}
	return sheet
}

// weekdayWords lists days of the week, Sunday first, as people say them.
func weekdayWords(w *i18n.Words, days [7]bool) string {
	var names []string
	for at := range 7 {
		if n := (at + 1) % 7; days[n] {
			names = append(names, w.Text(fmt.Sprintf("format.weekday.%d", n)))
		}
	}
	return strings.Join(names, ", ")
}

// PayoutsBody is what settlement/payouts.html shows.
type PayoutsBody struct {
	settlement.Money
	First   bool   // the first page of the list
	MayAsk  bool   // to be paid without waiting, and say of VAT
	Problem string // why a form was refused, "" at first
	Days    string // of settlement
	Steps   []stepView
	Rows    []settlement.Payout
	Next    string
	Notes   []settlement.Note // debt notes of which something is left
}

// StripeFailed tells that Stripe could not pay something that waits to be paid to the bank account.
func (b PayoutsBody) StripeFailed() bool {
	return slices.ContainsFunc(b.Rows, func(p settlement.Payout) bool { return p.ReturnReason == settlement.StripeCode && p.ReissuedIn == nil })
}

func (w settlementWindow) payoutsPage(c *fiber.Ctx) error { return w.showPayouts(c, "") }

func (w settlementWindow) showPayouts(c *fiber.Ctx, problem string) error {
	all, err := w.money(c)
	if err != nil {
		return err
	}
	notes, err := w.openNotes(c, all.Money)
	if err != nil {
		return err
	}
	return page(c, "settlement/payouts", PayoutsBody{Money: all.Money, First: c.Query("before") == "", Problem: problem, Notes: notes,
		MayAsk: actor(c).Needs(identity.Structure, identity.Finance) == nil, Days: weekdayWords(words(c), w.room.Days()),
		Steps: payoutSteps(c, all.Money), Rows: all.listing.Items, Next: all.nextURL("/payouts")})
}

func (w settlementWindow) askForm(c *fiber.Ctx) error {
	_, err := w.room.Ask(c.UserContext(), actor(c))
	return w.payoutsAgain(c, err, "settlement.payouts.asked")
}

func (w settlementWindow) setVATForm(c *fiber.Ctx) error {
	var form settlement.VATRegime
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err := w.room.SetVAT(c.UserContext(), actor(c), form)
	return w.payoutsAgain(c, err, "settlement.vat.said")
}

// payoutsAgain shows the page after a form, with what was done or why it was refused.
func (w settlementWindow) payoutsAgain(c *fiber.Ctx, err error, became string) error {
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showPayouts(c, problem)
	}
	if err != nil {
		return err
	}
	return done(c, "/payouts", became)
}

// openNotes are the debt notes that a structure has still to pay.
func (w settlementWindow) openNotes(c *fiber.Ctx, m settlement.Money) ([]settlement.Note, error) {
	if m.Debt == 0 {
		return nil, nil
	}
	d, err := w.room.Debts(c.UserContext(), actor(c))
	return slices.DeleteFunc(d.Notes, func(n settlement.Note) bool { return n.Left == 0 }), err
}

// payoutSteps say how far the latest money has come: the latest payout if there is one
// that did not come back, otherwise what has been redeemed since.
func payoutSteps(c *fiber.Ctx, m settlement.Money) []stepView {
	at := -1
	switch {
	case len(m.Payouts) > 0 && m.Payouts[0].State == settlement.InTransit:
		at = 1
	case len(m.Payouts) > 0 && m.Payouts[0].State == settlement.Booked:
		at = 3
	case m.Owed > 0:
		at = 0
	default:
		return nil
	}
	steps := make([]stepView, 4)
	for i, key := range []string{"redeemed", "ordered", "sent", "arrived"} {
		state := "todo"
		if i < at {
			state = "done"
		} else if i == at {
			state = "current"
		}
		steps[i] = stepView{words(c).Text("settlement.payouts.step." + key), state}
	}
	return steps
}

// DelaysBody is what settlement/delays.html shows.
type DelaysBody struct {
	From, Until vouchers.Day
	Days        string // of settlement
	All         DelayView
	Own         *DelayView // of the reader's structure
}

// DelayView is how long some structures wait, in days.
type DelayView struct {
	Redemptions        int
	Median, P95, Worst int
	Promised           int
	Kept               string // how many of the redemptions, in percent
	Oldest             *vouchers.Day
}

func delayView(w *i18n.Words, d settlement.Delays) DelayView {
	v := DelayView{Redemptions: d.Redemptions, Promised: d.Promised, Oldest: d.Oldest}
	if d.Redemptions > 0 {
		v.Median, v.P95, v.Worst = *d.Median, *d.P95, *d.Worst
		v.Kept = w.Percent(int64(d.Kept), int64(d.Redemptions))
	}
	return v
}

func (w settlementWindow) delaysPage(c *fiber.Ctx) error {
	all, err := w.room.Delays(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := DelaysBody{From: all.From, Until: all.Until, Days: weekdayWords(words(c), w.room.Days()), All: delayView(words(c), all)}
	if actor(c).Kind == identity.Structure {
		own, err := w.room.OwnDelays(c.UserContext(), actor(c))
		if err != nil {
			return err
		}
		view := delayView(words(c), own)
		body.Own = &view
	}
	return page(c, "settlement/delays", body)
}

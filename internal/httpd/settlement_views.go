package httpd

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

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
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	closed, err := w.room.Close(c.UserContext(), actor(c), settlement.CloseRequest{ExecutionOn: form.ExecutionOn})
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showList(c, problem)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "settlement.closed", "count", closed.Payouts, "amount", closed.Total); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/settlements/%d", closed.ID), http.StatusSeeOther)
}

// SettlementBody is what settlement/settlement.html shows.
type SettlementBody struct {
	settlement.Detail
	MayFetch bool
}

func (w settlementWindow) openPage(c *fiber.Ctx) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	return page(c, "settlement/settlement", SettlementBody{d, actor(c).Needs(identity.Operator, identity.Finance) == nil})
}

// PayoutsBody is what settlement/payouts.html shows.
type PayoutsBody struct {
	settlement.Money
	First bool // the first page of the list
	Steps []stepView
	Rows  []settlement.Payout
	Next  string
	Notes []settlement.Note // debt notes of which something is left
}

func (w settlementWindow) payoutsPage(c *fiber.Ctx) error {
	all, err := w.money(c)
	if err != nil {
		return err
	}
	notes, err := w.openNotes(c, all.Money)
	if err != nil {
		return err
	}
	return page(c, "settlement/payouts", PayoutsBody{Notes: notes, Money: all.Money, First: c.Query("before") == "",
		Steps: payoutSteps(c, all.Money), Rows: all.listing.Items, Next: all.nextURL("/payouts")})
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
	All         DelayView
	Own         *DelayView // of the reader's structure
}

// DelayView is how long some structures wait, in days.
type DelayView struct {
	Redemptions        int
	Median, P95, Worst int
	Oldest             *vouchers.Day
}

func delayView(d settlement.Delays) DelayView {
	v := DelayView{Redemptions: d.Redemptions, Oldest: d.Oldest}
	if d.Redemptions > 0 {
		v.Median, v.P95, v.Worst = *d.Median, *d.P95, *d.Worst
	}
	return v
}

func (w settlementWindow) delaysPage(c *fiber.Ctx) error {
	all, err := w.room.Delays(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := DelaysBody{From: all.From, Until: all.Until, All: delayView(all)}
	if actor(c).Kind == identity.Structure {
		own, err := w.room.OwnDelays(c.UserContext(), actor(c))
		if err != nil {
			return err
		}
		view := delayView(own)
		body.Own = &view
	}
	return page(c, "settlement/delays", body)
}

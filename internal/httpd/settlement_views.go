package httpd

import (
	"fmt"
	"net/http"

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
	return done(c, fmt.Sprintf("/settlements/%d", closed.ID), "settlement.closed", "count", closed.Payouts, "amount", closed.Total)
}

// SettlementBody is what settlement/settlement.html shows.
type SettlementBody struct {
	settlement.Detail
	MayPay  bool   // the reader is of those who close, approve and fetch
	Closer  bool   // the reader has closed it
	Problem string // why a form was refused, "" at first
	Field   string // of the form that was refused
}

// MayCancel tells whether its file can still be kept from leaving.
func (b SettlementBody) MayCancel() bool {
	return b.MayPay && (b.State == settlement.Waiting || b.State == settlement.Approved) && b.TakenAt == nil
}

func (w settlementWindow) openPage(c *fiber.Ctx) error { return w.showOne(c, "", "") }

func (w settlementWindow) showOne(c *fiber.Ctx, problem, field string) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	return page(c, "settlement/settlement", SettlementBody{Detail: d, MayPay: actor(c).Needs(identity.Operator, identity.Finance) == nil,
		Closer: d.ClosedBy == actor(c).Person, Problem: problem, Field: field})
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
	var form cancelBody
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

// PayoutsBody is what settlement/payouts.html shows.
type PayoutsBody struct {
	settlement.Money
	First bool // the first page of the list
	Steps []stepView
	Rows  []settlement.Payout
	Next  string
}

func (w settlementWindow) payoutsPage(c *fiber.Ctx) error {
	all, err := w.money(c)
	if err != nil {
		return err
	}
	return page(c, "settlement/payouts", PayoutsBody{Money: all.Money, First: c.Query("before") == "",
		Steps: payoutSteps(c, all.Money), Rows: all.listing.Items, Next: all.nextURL("/payouts")})
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

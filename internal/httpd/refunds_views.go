package httpd

import (
	"context"
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// RefundsBody is what closing/refunds.html shows: the operator's queue.
type RefundsBody struct {
	Waiting     []RefundGroup
	ToVerify    []closing.Account
	Files       []closing.File
	Rows        []closing.Refund
	Next        string
	MayDecide   bool
	ExecutionOn vouchers.Day
	Problem     string
}

// RefundGroup is the proposals that one account pays.
type RefundGroup struct {
	Account string // "segregated" or "operating"
	Rows    []closing.Refund
	Total   vouchers.Cents
}

// CreditsBody is what closing/credits.html shows: a funder's money that is its own again.
type CreditsBody struct {
	Credits   []closing.Credit
	Account   *closing.Account
	Rows      []closing.Refund
	Next      string
	MayDecide bool
}

func (w *Closing) refundsPage(c *fiber.Ctx) error { return w.showRefunds(c, "") }

func (w *Closing) showRefunds(c *fiber.Ctx, problem string) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	if actor(c).Kind == identity.Funder {
		body := CreditsBody{Rows: all.Items, Next: all.nextURL("/refunds"), MayDecide: actor(c).Needs(identity.Funder, identity.Finance) == nil}
		if body.Credits, err = w.Service.Credits(c.UserContext(), actor(c)); err != nil {
			return err
		}
		if body.Account, err = w.Service.Account(c.UserContext(), actor(c)); err != nil {
			return err
		}
		return page(c, "closing/credits", body)
	}
	body := RefundsBody{Next: all.nextURL("/refunds"), Problem: problem, MayDecide: actor(c).Needs(identity.Operator, identity.Finance) == nil,
		ExecutionOn: sepa.NextWorkingDay(vouchers.DayOf(of(c).server.options.Now())),
		Rows:        slices.DeleteFunc(all.Items, func(r closing.Refund) bool { return r.State == closing.Proposed })}
	waiting, err := w.Service.Refunds(c.UserContext(), actor(c), closing.Query{State: closing.Proposed, Limit: 200})
	if err != nil {
		return err
	}
	body.Waiting = grouped(waiting)
	if body.ToVerify, err = w.Service.ToVerify(c.UserContext(), actor(c)); err != nil {
		return err
	}
	if body.Files, err = w.Service.Files(c.UserContext(), actor(c)); err != nil {
		return err
	}
	return page(c, "closing/refunds", body)
}

func grouped(waiting []closing.Refund) []RefundGroup {
	var groups []RefundGroup
	for _, account := range []string{closing.Segregated, closing.Operating} {
		g := RefundGroup{Account: account}
		for _, r := range waiting {
			if r.Kind.Account() == account {
				g.Rows, g.Total = append(g.Rows, r), g.Total+r.Amount
			}
		}
		if len(g.Rows) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

func (w *Closing) approveForm(c *fiber.Ctx) error {
	var req closing.ApproveRequest
	if err := decodeForm(c, &req); err != nil {
		return err
	}
	waiting, err := w.Service.Refunds(c.UserContext(), actor(c), closing.Query{State: closing.Proposed, Limit: 200})
	if err != nil {
		return err
	}
	var total vouchers.Cents
	for _, r := range waiting {
		if slices.Contains(req.Refunds, r.ID) {
			total += r.Amount
		}
	}
	do := func(ctx context.Context) error {
		_, err := w.Service.Approve(ctx, actor(c), req)
		return err
	}
	if !confirmed(c) {
		say := words(c)
		err = confirm(c, Confirmation{Title: say.Text("closing.approve.title"),
			Sentence: say.Text("closing.approve.effect", "count", len(req.Refunds), "amount", total),
			Button:   say.Text("closing.approve.button", "count", len(req.Refunds), "amount", total), Back: "/refunds"}, do)
	} else if err = do(c.UserContext()); err == nil {
		if err := flash(c, "done", "closing.approved", "count", len(req.Refunds), "amount", total); err != nil {
			return err
		}
		return c.Redirect("/refunds", http.StatusSeeOther)
	}
	return w.refundsAgain(c, err)
}

// refundsAgain shows the queue with why a form was refused.
func (w *Closing) refundsAgain(c *fiber.Ctx, err error) error {
	problem := faultText(c, err)
	if problem == "" || refusalOf(err).status == http.StatusNotFound {
		return err
	}
	c.Status(refusalOf(err).status)
	return w.showRefunds(c, problem)
}

func (w *Closing) withdrawForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.RefundID](c, "id")
	if err != nil {
		return err
	}
	r, err := w.Service.Withdraw(c.UserContext(), actor(c), id)
	if err != nil {
		return w.refundsAgain(c, err)
	}
	if err := flash(c, "done", "closing.withdrawn", "amount", r.Amount); err != nil {
		return err
	}
	return c.Redirect("/refunds", http.StatusSeeOther)
}

func (w *Closing) verifyForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.AccountID](c, "id")
	if err != nil {
		return err
	}
	req := closing.VerifyRequest{Account: id}
	if err := decodeForm(c, &req); err != nil {
		return err
	}
	a, err := w.Service.VerifyAccount(c.UserContext(), actor(c), req)
	if err != nil {
		return w.refundsAgain(c, err)
	}
	if err := flash(c, "done", "closing.verified", "funder", a.FunderName); err != nil {
		return err
	}
	return c.Redirect("/refunds", http.StatusSeeOther)
}

// FunderAccountBody is what closing/account.html shows.
type FunderAccountBody struct {
	Now     *closing.Account
	Typed   closing.NewAccount
	Problem string
}

func (w *Closing) accountPage(c *fiber.Ctx) error { return w.showAccount(c, closing.NewAccount{}, "") }

func (w *Closing) showAccount(c *fiber.Ctx, typed closing.NewAccount, problem string) error {
	now, err := w.Service.Account(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return page(c, "closing/account", FunderAccountBody{now, typed, problem})
}

func (w *Closing) accountForm(c *fiber.Ctx) error {
	var form struct {
		IBAN   string `form:"iban"`
		BIC    string `form:"bic"`
		Holder string `form:"holder"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	typed := closing.NewAccount(form)
	a, err := w.Service.GiveAccount(c.UserContext(), actor(c), typed)
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showAccount(c, typed, problem)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "closing.account.kept", "account", a.Masked); err != nil {
		return err
	}
	return c.Redirect("/refunds", http.StatusSeeOther)
}

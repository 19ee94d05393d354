package httpd

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/vouchers"
)

// page is a page of refunds.
func (w *Closing) page(c *fiber.Ctx) (listing[closing.Refund], error) {
	below, err := before[vouchers.RefundID](c)
	if err != nil {
		return listing[closing.Refund]{}, err
	}
	all, err := w.Service.Refunds(c.UserContext(), actor(c), closing.Query{State: c.Query("state"), Before: below, Limit: pageSize + 1})
	return cut(all, func(r closing.Refund) vouchers.RefundID { return r.ID }), err
}

func (w *Closing) list(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w *Closing) approve(c *fiber.Ctx) error {
	var req closing.ApproveRequest
	if err := decode(c, &req); err != nil {
		return err
	}
	f, err := w.Service.Approve(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/refunds/files/%d/pain001", f.ID))
	return apiJSON(c, http.StatusCreated, f)
}

func (w *Closing) withdraw(c *fiber.Ctx) error {
	id, err := pathID[vouchers.RefundID](c, "id")
	if err != nil {
		return err
	}
	r, err := w.Service.Withdraw(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, r)
}

func (w *Closing) file(c *fiber.Ctx) error {
	id, err := pathID[vouchers.RefundFileID](c, "id")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := w.Service.WriteFile(c.UserContext(), actor(c), id, &out); err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("RFF%d.xml", id))
	c.Set(fiber.HeaderContentType, "application/xml; charset=utf-8")
	return c.Send(out.Bytes())
}

func (w *Closing) credits(c *fiber.Ctx) error {
	all, err := w.Service.Credits(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[closing.Credit]{Items: all})
}

func (w *Closing) account(c *fiber.Ctx) error {
	a, err := w.Service.Account(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, accountAnswer{a})
}

// accountAnswer is an account, or null.
type accountAnswer struct {
	Account *closing.Account `json:"account"`
}

func (w *Closing) giveAccount(c *fiber.Ctx) error {
	var req closing.NewAccount
	if err := decode(c, &req); err != nil {
		return err
	}
	a, err := w.Service.GiveAccount(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, a)
}

func (w *Closing) toVerify(c *fiber.Ctx) error {
	all, err := w.Service.ToVerify(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[closing.Account]{Items: all})
}

func (w *Closing) verify(c *fiber.Ctx) error {
	id, err := pathID[vouchers.AccountID](c, "id")
	if err != nil {
		return err
	}
	req := closing.VerifyRequest{Account: id}
	if err := decode(c, &req); err != nil {
		return err
	}
	a, err := w.Service.VerifyAccount(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, a)
}

package httpd

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Closing is the window of the end of campaigns and of refunds.
type Closing struct {
	Service   *closing.Service
	Campaigns *campaigns.Service
}

// Routes lists them.
func (w *Closing) Routes() []Route {
	looks := ForAny(identity.Funder, identity.Operator)
	decides := For(identity.Funder, identity.Finance)
	refunds := For(identity.Operator, identity.Finance)
	return []Route{
		{Method: "GET", Path: "/campaigns/:id/closing", Handler: w.statementPage, Access: looks, Doc: "a campaign's account: what was used, what comes back, what happens next"},
		{Method: "POST", Path: "/campaigns/:id/closing", Handler: w.closeForm, Access: refunds, Doc: "close a campaign that is over: effect, then done"},
		{Method: "GET", Path: "/campaigns/:id/closing/extension", Handler: w.extensionPage, Access: decides, Doc: "let a campaign last longer: what it concerns, and form to sign"},
		{Method: "POST", Path: "/campaigns/:id/closing/extension", Handler: w.extendForm, Access: decides, Doc: "let a campaign last longer, signed"},
		{Method: "POST", Path: "/campaigns/:id/closing/choice", Handler: w.chooseForm, Access: decides, Doc: "say what becomes of the credit of a campaign: effect, then done"},
		{Method: "GET", Path: "/refunds", Handler: w.refundsPage, Access: looks, Doc: "refunds: the operator's queue, or a funder's credit",
			Nav: Nav{Key: "closing.nav", Icon: "undo-2", Desk: true}},
		{Method: "POST", Path: "/refunds", Handler: w.approveForm, Access: refunds, Doc: "approve refunds: effect, then done"},
		{Method: "GET", Path: "/refunds/account", Handler: w.accountPage, Access: decides, Doc: "where a funder is refunded: form"},
		{Method: "POST", Path: "/refunds/account", Handler: w.accountForm, Access: decides, Doc: "give the account to which a funder is refunded"},
		{Method: "POST", Path: "/refunds/accounts/:id/verify", Handler: w.verifyForm, Access: refunds, Doc: "verify a funder's account from the queue"},
		{Method: "POST", Path: "/refunds/:id/withdraw", Handler: w.withdrawForm, Access: refunds, Doc: "drop a refund that somebody requested"},

		{Method: "GET", Path: "/api/v1/campaigns/:id/closing", Handler: w.statement, Access: looks, Doc: "a campaign's account: what was used and what comes back, by funder"},
		{Method: "GET", Path: "/api/v1/campaigns/:id/closing.csv", Handler: w.statementCSV, Access: looks, Doc: "a campaign's account as CSV"},
		{Method: "GET", Path: "/api/v1/campaigns/:id/closing.pdf", Handler: w.statementPDF, Access: looks, Doc: "a campaign's account as a PDF"},
		{Method: "POST", Path: "/api/v1/campaigns/:id/closing", Handler: w.close, Access: refunds, Doc: "close a campaign that is over now"},
		{Method: "GET", Path: "/api/v1/campaigns/:id/closing/extension", Handler: w.preview, Access: decides, Doc: "what an extension to ?until= would concern"},
		{Method: "POST", Path: "/api/v1/campaigns/:id/closing/extension", Handler: w.extend, Access: decides, Doc: "let a campaign last longer, signed"},
		{Method: "PUT", Path: "/api/v1/campaigns/:id/closing/choice", Handler: w.choose, Access: decides, Doc: "say what becomes of the credit of a campaign"},
		{Method: "GET", Path: "/api/v1/refunds", Handler: w.list, Access: looks, Doc: "list refunds, newest first; ?state=proposed for those that wait"},
		{Method: "POST", Path: "/api/v1/refunds", Handler: w.approve, Access: refunds, Doc: "approve refunds of one account: one file for the bank"},
		{Method: "DELETE", Path: "/api/v1/refunds/:id", Handler: w.withdraw, Access: refunds, Doc: "drop a refund that somebody requested"},
		{Method: "GET", Path: "/api/v1/refunds/files/:id/pain001", Handler: w.file, Access: refunds, Doc: "the pain.001.001.09 file of approved refunds, always the same bytes"},
		{Method: "GET", Path: "/api/v1/refunds/credits", Handler: w.credits, Access: ForAny(identity.Funder), Doc: "what the funder has of each campaign"},
		{Method: "GET", Path: "/api/v1/refunds/account", Handler: w.account, Access: ForAny(identity.Funder), Doc: "where the funder is refunded, masked; null where it has not said"},
		{Method: "PUT", Path: "/api/v1/refunds/account", Handler: w.giveAccount, Access: decides, Doc: "replace the account to which the funder is refunded"},
		{Method: "GET", Path: "/api/v1/refunds/accounts", Handler: w.toVerify, Access: ForAny(identity.Operator), Doc: "funders' accounts that nobody has verified"},
		{Method: "POST", Path: "/api/v1/refunds/accounts/:id/verify", Handler: w.verify, Access: refunds, Doc: "verify a funder's account"},
	}
}

func (w *Closing) read(c *fiber.Ctx) (closing.Statement, error) {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return closing.Statement{}, err
	}
	return w.Service.Statement(c.UserContext(), actor(c), id)
}

func (w *Closing) statement(c *fiber.Ctx) error {
	s, err := w.read(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, s)
}

func (w *Closing) statementPDF(c *fiber.Ctx) error {
	s, err := w.read(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := documents.WriteCampaignStatement(&out, paperWords{words(c)}, s.Document(w.Service.Seller.Name)); err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("campagne-%d.pdf", s.Campaign.ID))
	c.Set(fiber.HeaderContentType, "application/pdf")
	return c.Send(out.Bytes())
}

func (w *Closing) statementCSV(c *fiber.Ctx) error {
	s, err := w.read(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := documents.WriteCSV(&out, closingSheet(words(c), s)); err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("campagne-%d.csv", s.Campaign.ID))
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return c.Send(out.Bytes())
}

func (w *Closing) close(c *fiber.Ctx) error {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return err
	}
	done, err := w.Service.Close(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, done)
}

// until is the end that is asked for; 0 where absent.
func until(c *fiber.Ctx) (vouchers.Day, error) {
	if c.Query("until") == "" {
		return 0, nil
	}
	day, err := vouchers.ParseDay(c.Query("until"))
	if err != nil {
		return 0, invalid("until")
	}
	return day, nil
}

func (w *Closing) extension(c *fiber.Ctx) (closing.Extension, error) {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return closing.Extension{}, err
	}
	day, err := until(c)
	if err != nil {
		return closing.Extension{}, err
	}
	return w.Service.PreviewExtension(c.UserContext(), actor(c), id, day)
}

func (w *Closing) preview(c *fiber.Ctx) error {
	e, err := w.extension(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, e)
}

func (w *Closing) extend(c *fiber.Ctx) error {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return err
	}
	req := closing.ExtendRequest{Campaign: id}
	if err := decode(c, &req); err != nil {
		return err
	}
	e, err := w.Service.Extend(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, e)
}

func (w *Closing) choose(c *fiber.Ctx) error {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return err
	}
	req := closing.ChooseRequest{Campaign: id}
	if err := decode(c, &req); err != nil {
		return err
	}
	done, err := w.Service.Choose(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, done)
}

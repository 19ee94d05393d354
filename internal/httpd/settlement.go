package httpd

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// settlementWindow is the API and the pages of settlements and payouts.
type settlementWindow struct {
	room   *settlement.Service
	direct *connect.Service // payouts through Stripe
}

// SettlementRoutes are the routes of package settlement.
func SettlementRoutes(room *settlement.Service, direct *connect.Service) []Route {
	w := settlementWindow{room, direct}
	finance := For(identity.Operator, identity.Finance)
	operator := For(identity.Operator, identity.Finance, identity.Agent, identity.Reader)
	structure := For(identity.Structure, identity.Agent, identity.Finance, identity.Reader)
	owners := For(identity.Structure, identity.Finance)
	return []Route{
		{Method: "POST", Path: "/api/v1/settlements", Handler: w.close, Access: finance,
			Doc: "close a settlement: one payout per structure that is owed something"},
		{Method: "GET", Path: "/api/v1/settlements", Handler: w.list, Access: operator, Doc: "list settlements, newest first"},
		{Method: "GET", Path: "/api/v1/settlements/:id", Handler: w.open, Access: operator, Doc: "one settlement with its payouts"},
		{Method: "POST", Path: "/api/v1/settlements/:id/approval", Handler: w.approve, Access: finance,
			Doc: "approve a settlement that somebody else closed: its file may leave"},
		{Method: "POST", Path: "/api/v1/settlements/:id/cancellation", Handler: w.cancel, Access: finance,
			Doc: "cancel a settlement whose file nobody has fetched: it is owed again"},
		{Method: "POST", Path: "/api/v1/settlements/:id/sent", Handler: w.send, Access: finance, Doc: "note that the bank has the settlement's file"},
		{Method: "GET", Path: "/api/v1/settlements/:id/pain001", Handler: w.file, Access: finance,
			Doc: "a pain.001 file of the settlement for the bank, always the same bytes"},
		{Method: "GET", Path: "/api/v1/payouts", Handler: w.payouts, Access: structure,
			Doc: "what the structure is owed, and its payouts, newest first"},
		{Method: "GET", Path: "/api/v1/payouts/:id/statement", Handler: w.statement, Access: ForAny(identity.Structure, identity.Operator),
			Doc: "the statement of one payout, as a PDF"},
		{Method: "GET", Path: "/api/v1/payouts/:id/statement.csv", Handler: w.statementCSV, Access: ForAny(identity.Structure, identity.Operator),
			Doc: "the statement of one payout, for a spreadsheet"},
		{Method: "POST", Path: "/api/v1/payouts/request", Handler: w.ask, Access: owners, Doc: "ask to be paid before the next day of settlement"},
		{Method: "PUT", Path: "/api/v1/payouts/vat", Handler: w.setVAT, Access: owners, Doc: "say what the structure's statements tell of VAT"},
		{Method: "GET", Path: "/api/v1/payouts/attestation", Handler: w.attestation, Access: structure,
			Doc: "how late the structure is paid at most, and what it was paid: a PDF for its accountant"},
		{Method: "GET", Path: "/api/v1/delays", Handler: w.delays, Access: Public, Doc: "how long structures wait for their money, measured"},

		{Method: "GET", Path: "/settlements", Handler: w.listPage, Access: operator, Doc: "settlements: what is owed now, and the list",
			Nav: Nav{Key: "settlement.nav", Icon: "landmark"}},
		{Method: "POST", Path: "/settlements", Handler: w.closeForm, Access: finance, Doc: "close a settlement from its page"},
		{Method: "GET", Path: "/settlements/:id", Handler: w.openPage, Access: operator, Doc: "one settlement: file and payouts"},
		{Method: "POST", Path: "/settlements/:id/approval", Handler: w.approveForm, Access: finance, Doc: "approve a settlement from its page"},
		{Method: "POST", Path: "/settlements/:id/cancellation", Handler: w.cancelForm, Access: finance, Doc: "cancel a settlement from its page"},
		{Method: "POST", Path: "/settlements/:id/sent", Handler: w.sendForm, Access: finance, Doc: "note on its page that the bank has the file"},
		{Method: "POST", Path: "/settlements/:id/give-up", Handler: w.giveUpForm, Access: finance, Doc: "take back a payout that Stripe does not make, from the page"},
		{Method: "GET", Path: "/delays", Handler: w.delaysPage, Access: Public, Doc: "how long structures wait for their money"},
		{Method: "GET", Path: "/payouts", Handler: w.payoutsPage, Access: structure, Doc: "where the structure's money is",
			Nav: Nav{Key: "settlement.payouts.nav", Icon: "banknote"}},
		{Method: "POST", Path: "/payouts/request", Handler: w.askForm, Access: owners, Doc: "ask to be paid without waiting, from the page"},
		{Method: "POST", Path: "/payouts/vat", Handler: w.setVATForm, Access: owners, Doc: "say of VAT, from the page"},
	}
}

func (w settlementWindow) close(c *fiber.Ctx) error {
	var req settlement.CloseRequest
	if len(c.Request().Body()) > 0 {
		if err := decode(c, &req); err != nil {
			return err
		}
	}
	closed, err := w.room.Close(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/settlements/%d", closed.ID))
	return apiJSON(c, http.StatusCreated, closed)
}

func (w settlementWindow) page(c *fiber.Ctx) (listing[settlement.Settlement], error) {
	below, err := before[vouchers.SettlementID](c)
	if err != nil {
		return listing[settlement.Settlement]{}, err
	}
	all, err := w.room.List(c.UserContext(), actor(c), below, pageSize+1)
	return cut(all, func(s settlement.Settlement) vouchers.SettlementID { return s.ID }), err
}

func (w settlementWindow) list(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w settlementWindow) detail(c *fiber.Ctx) (settlement.Detail, error) {
	id, err := pathID[vouchers.SettlementID](c, "id")
	if err != nil {
		return settlement.Detail{}, err
	}
	return w.room.Open(c.UserContext(), actor(c), id)
}

func (w settlementWindow) open(c *fiber.Ctx) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, d)
}

func (w settlementWindow) approve(c *fiber.Ctx) error {
	var req settlement.ApproveRequest
	if err := decode(c, &req); err != nil {
		return err
	}
	return decided(c, func(ctx context.Context, id vouchers.SettlementID) (settlement.Settlement, error) {
		req.ID = id
		return w.room.Approve(ctx, actor(c), req)
	})
}

// whyBody is why something is cancelled, ended or taken back.
type whyBody struct {
	Reason string `json:"reason" form:"reason"`
}

func (w settlementWindow) cancel(c *fiber.Ctx) error {
	var req whyBody
	if err := decode(c, &req); err != nil {
		return err
	}
	return decided(c, func(ctx context.Context, id vouchers.SettlementID) (settlement.Settlement, error) {
		return w.room.Cancel(ctx, actor(c), id, req.Reason)
	})
}

func (w settlementWindow) send(c *fiber.Ctx) error {
	return decided(c, func(ctx context.Context, id vouchers.SettlementID) (settlement.Settlement, error) {
		return w.room.Send(ctx, actor(c), id)
	})
}

// decided answers with the settlement of the path as do leaves it.
func decided(c *fiber.Ctx, do func(context.Context, vouchers.SettlementID) (settlement.Settlement, error)) error {
	id, err := pathID[vouchers.SettlementID](c, "id")
	if err != nil {
		return err
	}
	after, err := do(c.UserContext(), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, after)
}

// file sends a file of the settlement: the one that ?file= says, or the only one.
func (w settlementWindow) file(c *fiber.Ctx) error {
	id, err := pathID[vouchers.SettlementID](c, "id")
	if err != nil {
		return err
	}
	number := 0
	if text := c.Query("file"); text != "" {
		if number, err = strconv.Atoi(text); err != nil || number < 1 {
			return invalid("file")
		}
	}
	var file bytes.Buffer
	f, err := w.room.File(c.UserContext(), actor(c), id, number, &file)
	if err != nil {
		return err
	}
	c.Attachment(f.MessageID + ".xml")
	c.Set(fiber.HeaderContentType, "application/xml; charset=utf-8")
	return c.Send(file.Bytes())
}

// payoutsAnswer is a structure's money with a page of its payouts.
type payoutsAnswer struct {
	settlement.Money
	listing[settlement.Payout]
}

func (w settlementWindow) money(c *fiber.Ctx) (payoutsAnswer, error) {
	below, err := before[vouchers.PayoutID](c)
	if err != nil {
		return payoutsAnswer{}, err
	}
	m, err := w.room.Payouts(c.UserContext(), actor(c), below, pageSize+1)
	return payoutsAnswer{m, cut(m.Payouts, func(p settlement.Payout) vouchers.PayoutID { return p.ID })}, err
}

func (w settlementWindow) payouts(c *fiber.Ctx) error {
	all, err := w.money(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w settlementWindow) ask(c *fiber.Ctx) error {
	asked, err := w.room.Ask(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, asked)
}

func (w settlementWindow) setVAT(c *fiber.Ctx) error {
	var req settlement.VATRegime
	if err := decode(c, &req); err != nil {
		return err
	}
	said, err := w.room.SetVAT(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, said)
}

func (w settlementWindow) attestation(c *fiber.Ctx) error {
	a, err := w.room.Attest(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	a.Days = weekdayWords(words(c), w.room.Days())
	var out bytes.Buffer
	if err := documents.WriteAttestation(&out, paperWords{words(c)}, a); err != nil {
		return err
	}
	c.Attachment("attestation.pdf")
	c.Set(fiber.HeaderContentType, "application/pdf")
	return c.Send(out.Bytes())
}

func (w settlementWindow) statementCSV(c *fiber.Ctx) error {
	s, err := w.read(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := documents.WriteCSV(&out, payoutSheet(words(c), s)); err != nil {
		return err
	}
	c.Attachment(s.EndToEndID + ".csv")
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return c.Send(out.Bytes())
}

// read is the statement of the path's payout, with themes in the reader's words.
func (w settlementWindow) read(c *fiber.Ctx) (documents.Statement, error) {
	id, err := pathID[vouchers.PayoutID](c, "id")
	if err != nil {
		return documents.Statement{}, err
	}
	s, err := w.room.Statement(c.UserContext(), actor(c), id)
	for i, r := range s.Redeemed {
		s.Redeemed[i].Theme = themeWord(c, r.Theme)
	}
	return s, err
}

func (w settlementWindow) statement(c *fiber.Ctx) error {
	s, err := w.read(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := documents.WriteStatement(&out, paperWords{words(c)}, s); err != nil {
		return err
	}
	c.Attachment(s.EndToEndID + ".pdf")
	c.Set(fiber.HeaderContentType, "application/pdf")
	return c.Send(out.Bytes())
}

// themeWord says a theme in the reader's language.
func themeWord(c *fiber.Ctx, code string) string { return themeText(words(c), code) }

func (w settlementWindow) delays(c *fiber.Ctx) error {
	d, err := w.room.Delays(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, d)
}

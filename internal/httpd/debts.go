package httpd

import (
	"bytes"
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// debtsWindow is the API and the pages of what structures owe for redemptions that were
// corrected after they had been paid.
type debtsWindow struct{ room *settlement.Service }

// DebtRoutes are the routes of structures' debts.
func DebtRoutes(room *settlement.Service) []Route {
	w := debtsWindow{room}
	operator := For(identity.Operator, identity.Finance, identity.Agent, identity.Reader)
	finance, both := For(identity.Operator, identity.Finance), ForAny(identity.Structure, identity.Operator)
	return []Route{
		{Method: "GET", Path: "/api/v1/structure-debts", Handler: w.list, Access: both, Doc: "what structures owe, debt notes, and what was asked about them; a structure sees its own"},
		{Method: "POST", Path: "/api/v1/structure-debts/:id/forgiveness", Handler: w.forgive, Access: finance, Doc: "ask that the operator bear a debt"},
		{Method: "POST", Path: "/api/v1/clawbacks", Handler: w.claw, Access: finance, Doc: "ask that a paid redemption be clawed back"},
		{Method: "POST", Path: "/api/v1/correction-requests/:id/approval", Handler: w.approve, Access: finance, Doc: "do what somebody else asked: claw back, or forgive"},
		{Method: "POST", Path: "/api/v1/correction-requests/:id/refusal", Handler: w.refuse, Access: finance, Doc: "end such a request without effect"},
		{Method: "GET", Path: "/api/v1/debt-notes/:id/pdf", Handler: w.note, Access: both, Doc: "a debt note, as a PDF"},

		{Method: "GET", Path: "/structure-debts", Handler: w.page, Access: operator, Doc: "what structures owe, and what was asked and decided about it",
			Nav: Nav{Key: "settlement.debts.nav", Icon: "undo-2", Desk: true}},
		{Method: "POST", Path: "/structure-debts/clawbacks", Handler: w.clawForm, Access: finance, Doc: "ask that a paid redemption be clawed back: form"},
		{Method: "POST", Path: "/structure-debts/:id/forgiveness", Handler: w.forgiveForm, Access: finance, Doc: "ask that the operator bear a debt: form"},
		{Method: "POST", Path: "/structure-debts/requests/:id/approval", Handler: w.approveForm, Access: finance, Doc: "do what somebody else asked: effect first, then the deed"},
		{Method: "POST", Path: "/structure-debts/requests/:id/refusal", Handler: w.refuseForm, Access: finance, Doc: "end such a request without effect: form"},
	}
}

func (w debtsWindow) list(c *fiber.Ctx) error {
	d, err := w.room.Debts(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, d)
}

func (w debtsWindow) forgive(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	asked, err := w.room.RequestForgiveness(c.UserContext(), actor(c), settlement.ForgiveRequest{Debt: id, Reason: in.Reason})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, asked)
}

func (w debtsWindow) claw(c *fiber.Ctx) error {
	var in settlement.ClawbackRequest
	if err := decode(c, &in); err != nil {
		return err
	}
	asked, err := w.room.RequestClawback(c.UserContext(), actor(c), in)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, asked)
}

func (w debtsWindow) approve(c *fiber.Ctx) error {
	return answerFor(c, func(id int64) (settlement.Request, error) {
		return w.room.ApproveRequest(c.UserContext(), actor(c), id)
	})
}

func (w debtsWindow) refuse(c *fiber.Ctx) error {
	return answerFor(c, func(id int64) (settlement.Request, error) {
		return w.room.RefuseRequest(c.UserContext(), actor(c), id)
	})
}

func (w debtsWindow) note(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	n, err := w.room.Note(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := documents.WriteDebtNote(&out, paperWords{words(c)}, n); err != nil {
		return err
	}
	c.Attachment(n.Number + ".pdf")
	c.Set(fiber.HeaderContentType, "application/pdf")
	return c.Send(out.Bytes())
}

// StructureDebtsBody is what settlement/debts.html shows.
type StructureDebtsBody struct {
	settlement.Debts
	Waiting        []waitingRequest
	Decided        []settlement.Request
	MayDecide      bool
	Redemption     string // as typed, where it was refused
	Reason         string
	Field, Problem string
}

// waitingRequest is a request; Mine tells that the reader made it, and so cannot approve.
type waitingRequest struct {
	settlement.Request
	Mine bool
}

func (w debtsWindow) page(c *fiber.Ctx) error {
	return w.show(c, StructureDebtsBody{Redemption: c.Query("redemption")}, nil)
}

func (w debtsWindow) show(c *fiber.Ctx, body StructureDebtsBody, refused error) error {
	if refused != nil {
		body.Problem = refuse(c, refused)
	}
	d, err := w.room.Debts(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body.Debts, body.MayDecide = d, actor(c).Needs(identity.Operator, identity.Finance) == nil
	for _, one := range d.Requests {
		if one.State == "requested" {
			body.Waiting = append(body.Waiting, waitingRequest{one, one.Requester == actor(c).Person})
		} else {
			body.Decided = append(body.Decided, one)
		}
	}
	return page(c, "settlement/debts", body)
}

// then goes back to the debts with what was done, or shows why it was not.
func (w debtsWindow) then(c *fiber.Ctx, again StructureDebtsBody, key string, r settlement.Request, err error) error {
	if shownAgain(err) || fault.Code(err) == "request_same_person" {
		return w.show(c, again, err)
	}
	if err != nil {
		return err
	}
	return done(c, "/structure-debts", key, "amount", r.Amount, "structure", r.StructureName)
}

func (w debtsWindow) clawForm(c *fiber.Ctx) error {
	var form struct {
		Redemption vouchers.RedemptionID `form:"redemption"`
		Reason     string                `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	asked, err := w.room.RequestClawback(c.UserContext(), actor(c), settlement.ClawbackRequest{Redemption: form.Redemption, Reason: form.Reason})
	field := "redemption"
	if fault.Code(err) == "correction_reason" {
		field = "reason"
	}
	return w.then(c, StructureDebtsBody{Redemption: c.FormValue("redemption"), Reason: form.Reason, Field: field}, "settlement.debts.asked-clawback", asked, err)
}

func (w debtsWindow) forgiveForm(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Reason string `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	asked, err := w.room.RequestForgiveness(c.UserContext(), actor(c), settlement.ForgiveRequest{Debt: id, Reason: form.Reason})
	return w.then(c, StructureDebtsBody{}, "settlement.debts.asked-forgiveness", asked, err)
}

// approveForm shows what the request does to the books, then does it.
func (w debtsWindow) approveForm(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	asked, err := w.room.OneRequest(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	kind := string(asked.Kind)
	if confirmed(c) {
		made, err := w.room.ApproveRequest(c.UserContext(), actor(c), id)
		return w.then(c, StructureDebtsBody{}, "settlement.debts.approved-"+kind, made, err)
	}
	say := words(c)
	what := Confirmation{Title: say.Text("settlement.debts.title-" + kind), Danger: true, Back: "/structure-debts",
		Sentence: say.Text("settlement.debts.sentence-"+kind, "amount", asked.Amount, "structure", asked.StructureName,
			"redemption", int64(asked.Redemption), "by", asked.RequestedBy, "reason", asked.Reason),
		Button: say.Text("settlement.debts.approve-"+kind, "amount", asked.Amount)}
	err = confirm(c, what, func(ctx context.Context) error {
		_, err := w.room.ApproveRequest(ctx, actor(c), id)
		return err
	})
	if err != nil {
		return w.then(c, StructureDebtsBody{}, "", asked, err)
	}
	return nil
}

func (w debtsWindow) refuseForm(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	ended, err := w.room.RefuseRequest(c.UserContext(), actor(c), id)
	return w.then(c, StructureDebtsBody{}, "settlement.debts.refused", ended, err)
}

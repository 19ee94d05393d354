package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// Redemption is the window of the counter, where a mediator takes vouchers.
type Redemption struct {
	Service *redemption.Service
	Keys    *vouchers.Keyring // seal the code between two pages
}

// Routes lists them.
func (r *Redemption) Routes() []Route {
	members, agents := For(identity.Structure), For(identity.Structure, identity.Agent)
	return []Route{
		{Method: "GET", Path: "/redemptions", Handler: r.showCounter, Access: members, Doc: "counter: scan or type a code, then what it is good for",
			Nav: Nav{Key: "redemption.nav", Icon: "scan-line"}},
		{Method: "POST", Path: "/redemptions/check", Handler: r.keepCode, Access: agents, Doc: "counter: keep a code for the next page"},
		{Method: "POST", Path: "/redemptions/next", Handler: r.nextPerson, Access: agents, Doc: "counter: forget the code, next person"},
		{Method: "POST", Path: "/redemptions", Handler: r.redeemForm, Access: agents, Doc: "counter: take vouchers"},
		{Method: "GET", Path: "/redemptions/:id", Handler: r.showReceipt, Access: members, Doc: "receipt of a redemption"},
		{Method: "POST", Path: "/redemptions/:id/undo", Handler: r.undoForm, Access: agents, Doc: "take a redemption back: form"},

		{Method: "POST", Path: "/api/v1/redemptions", Handler: r.redeem, Access: agents, Doc: "take vouchers of a booklet for one service"},
		{Method: "GET", Path: "/api/v1/redemptions", Handler: r.list, Access: members, Doc: "redemptions of the structure, newest first"},
		{Method: "GET", Path: "/api/v1/redemptions/:id", Handler: r.receipt, Access: members, Doc: "one redemption as it stands now"},
		{Method: "DELETE", Path: "/api/v1/redemptions/:id", Handler: r.undo, Access: agents, Doc: "take a redemption back, with a reason"},
		{Method: "POST", Path: "/api/v1/vouchers/check", Handler: r.check, Access: agents, Doc: "what a code is good for; spends nothing"},
	}
}

func (r *Redemption) redeem(c *fiber.Ctx) error {
	var in redemption.Request
	if err := decode(c, &in); err != nil {
		return err
	}
	answer, err := r.redeemOnce(c, in)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/redemptions/%d", answer.ID))
	return apiJSON(c, http.StatusCreated, answer)
}

// redeemOnce redeems under the caller's key. Where it sent none, the answer, even one that
// nobody knows the outcome of, tells the key to send again.
func (r *Redemption) redeemOnce(c *fiber.Ctx, in redemption.Request) (redemption.Redemption, error) {
	if idempotencyKey(c) == "" {
		ctx, _ := once.With(c.UserContext(), randomID())
		c.SetUserContext(ctx)
	}
	c.Set("Idempotency-Key", idempotencyKey(c))
	return r.Service.Redeem(c.UserContext(), actor(c), in)
}

func (r *Redemption) undo(c *fiber.Ctx) error {
	id, err := pathID[vouchers.RedemptionID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	undone, err := r.Service.Undo(c.UserContext(), actor(c), redemption.UndoRequest{ID: id, Reason: in.Reason})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, undone)
}

func (r *Redemption) check(c *fiber.Ctx) error {
	var in redemption.CheckRequest
	if err := decode(c, &in); err != nil {
		return err
	}
	checked, err := r.Service.Check(c.UserContext(), actor(c), in)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, checked)
}

func (r *Redemption) receipt(c *fiber.Ctx) error {
	id, err := pathID[vouchers.RedemptionID](c, "id")
	if err != nil {
		return err
	}
	receipt, err := r.Service.Receipt(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, receipt)
}

func (r *Redemption) list(c *fiber.Ctx) error {
	lines, err := r.linesBefore(c, pageSize+1)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, cut(lines, func(l redemption.Line) vouchers.RedemptionID { return l.ID }))
}

func (r *Redemption) linesBefore(c *fiber.Ctx, limit int) ([]redemption.Line, error) {
	cursor, err := before[vouchers.RedemptionID](c)
	if err != nil {
		return nil, err
	}
	return r.Service.List(c.UserContext(), actor(c), cursor, limit)
}

// keepCode takes a scanned or typed code and where the mediator stands, then lets
// showCounter say what the code is good for.
func (r *Redemption) keepCode(c *fiber.Ctx) error {
	var in struct {
		Code  string           `form:"code"`
		Place vouchers.PlaceID `form:"place"`
	}
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	if in.Place != 0 {
		s := of(c).server
		c.Cookie(s.cookie(placeCookie, strconv.FormatInt(int64(in.Place), 10), placeLife))
	}
	if in.Code != "" {
		holdCode(c, r.Keys, in.Code)
	}
	return c.Redirect("/redemptions", http.StatusSeeOther)
}

// placeCookie remembers on this device where the mediator stands; it is no secret.
const (
	placeCookie = "place"
	placeLife   = 365 * 24 * time.Hour
)

// places lists where the mediator may stand, and where it stands: the only place, or the
// one chosen last on this device as long as it has a label, or 0.
func (r *Redemption) places(c *fiber.Ctx) (places []redemption.Place, here redemption.Place, err error) {
	if places, err = r.Service.Places(c.UserContext(), actor(c)); err != nil {
		return nil, here, err
	}
	if len(places) == 1 {
		return places, places[0], nil
	}
	chosen := c.Cookies(of(c).server.cookieName(placeCookie))
	for _, place := range places {
		if strconv.FormatInt(int64(place.ID), 10) == chosen {
			here = place
		}
	}
	return places, here, nil
}

func (r *Redemption) nextPerson(c *fiber.Ctx) error {
	dropCode(c)
	return c.Redirect("/redemptions#scanner", http.StatusSeeOther)
}

// redeemForm takes vouchers and shows one of three outcomes: done, refused, unknown.
func (r *Redemption) redeemForm(c *fiber.Ctx) error {
	var in takeForm
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	code := heldCode(c, r.Keys)
	if code == "" {
		return r.showScan(c, words(c).Text("redemption.code-gone"))
	}
	done, err := r.redeemOnce(c, in.request(code))
	var refused *fault.Error
	switch {
	case err == nil:
		dropCode(c)
		return c.Redirect("/redemptions/"+strconv.FormatInt(int64(done.ID), 10), http.StatusSeeOther)
	case errors.As(err, &refused) && refused.Kind != fault.Unavailable:
		c.Status(refusalOf(err).status)
		return r.showOffer(c, code, in, faultText(c, err))
	}
	return r.showPending(c, in, err)
}

func (r *Redemption) undoForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.RedemptionID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Reason string `form:"reason"`
	}
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	undone, err := r.Service.Undo(c.UserContext(), actor(c), redemption.UndoRequest{ID: id, Reason: in.Reason})
	if problem := faultText(c, err); problem != "" && fault.Code(err) != "not_found" {
		c.Status(refusalOf(err).status)
		return r.showReceiptOf(c, id, problem)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "redemption.undone", "count", undone.Count); err != nil {
		return err
	}
	return c.Redirect("/redemptions/"+strconv.FormatInt(int64(id), 10), http.StatusSeeOther)
}

func (r *Redemption) showReceipt(c *fiber.Ctx) error {
	id, err := pathID[vouchers.RedemptionID](c, "id")
	if err != nil {
		return err
	}
	return r.showReceiptOf(c, id, "")
}

func (r *Redemption) showReceiptOf(c *fiber.Ctx, id vouchers.RedemptionID, problem string) error {
	receipt, err := r.Service.Receipt(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return page(c, "redemption/receipt", ReceiptBody{Receipt: receipt, Problem: problem, MayRedeem: mayRedeem(c)})
}

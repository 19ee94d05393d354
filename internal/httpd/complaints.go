package httpd

import (
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Complaints is the window of what people say is wrong with redemptions: the API and the
// pages of all whom it concerns, the booklet's holder among them.
type Complaints struct {
	Service   *complaints.Service
	Keys      *vouchers.Keyring // open the booklet's code, sealed in a cookie
	HelpPhone string
}

// Routes lists them.
func (w *Complaints) Routes() []Route {
	everybody := ForAny(identity.Operator, identity.Structure, identity.Funder, identity.Prescriber)
	answers, decides := ForAny(identity.Structure), For(identity.Operator, identity.Finance)
	return []Route{
		{Method: "POST", Path: "/api/v1/complaints", Handler: w.make, Access: everybody, Body: LargestBody, Doc: "say what is wrong with a redemption: it waits, if it is not paid"},
		{Method: "GET", Path: "/api/v1/complaints", Handler: w.list, Access: everybody, Doc: "complaints that concern one, newest first; ?state=open for those that wait, by deadline"},
		{Method: "GET", Path: "/api/v1/complaints/:id", Handler: w.open, Access: everybody, Doc: "one complaint, as far as it is one's to know"},
		{Method: "GET", Path: "/api/v1/complaints/:id/evidence/:evidence", Handler: w.file, Access: everybody, Doc: "a proof of a complaint"},
		{Method: "POST", Path: "/api/v1/complaints/:id/withdrawal", Handler: w.withdraw, Access: everybody, Doc: "withdraw one's complaint: the line is let go"},
		{Method: "POST", Path: "/api/v1/complaints/:id/answer", Handler: w.answer, Access: answers, Body: LargestBody, Doc: "the structure's answer"},
		{Method: "POST", Path: "/api/v1/complaints/:id/decision", Handler: w.decide, Access: decides, Doc: "decide on a complaint that somebody else made"},

		{Method: "GET", Path: "/complaints", Handler: w.listPage, Access: everybody, Doc: "complaints that concern one", Nav: Nav{Key: "complaints.nav", Icon: "circle-alert", Desk: true}},
		{Method: "GET", Path: "/complaints/new", Handler: w.newPage, Access: everybody, Doc: "say what is wrong with a redemption: form"},
		{Method: "POST", Path: "/complaints", Handler: w.newForm, Access: everybody, Body: LargestBody, Doc: "say what is wrong with a redemption"},
		{Method: "GET", Path: "/complaints/:id", Handler: w.page, Access: everybody, Doc: "one complaint: where it stands, answer, decision"},
		{Method: "POST", Path: "/complaints/:id/withdraw", Handler: w.withdrawForm, Access: everybody, Doc: "withdraw one's complaint"},
		{Method: "POST", Path: "/complaints/:id/answer", Handler: w.answerForm, Access: answers, Body: LargestBody, Doc: "the structure's answer: form"},
		{Method: "POST", Path: "/complaints/:id/decision", Handler: w.decideForm, Access: decides, Doc: "decide on a complaint: effect first, then the deed"},

		{Method: "GET", Path: "/c/uses/:id", Handler: w.holderNewPage, Access: Public, Doc: "a booklet's holder says what is wrong with a use: form"},
		{Method: "POST", Path: "/c/uses/:id", Handler: w.holderNewForm, Access: Public, Body: LargestBody, Doc: "a booklet's holder says what is wrong with a use"},
		{Method: "GET", Path: "/c/complaints/:id", Handler: w.holderPage, Access: Public, Doc: "a holder's complaint: where it stands"},
		{Method: "POST", Path: "/c/complaints/:id/withdraw", Handler: w.holderWithdrawForm, Access: Public, Doc: "a holder withdraws a complaint"},
	}
}

func (w *Complaints) make(c *fiber.Ctx) error {
	var in complaints.NewComplaint
	if err := decode(c, &in); err != nil {
		return err
	}
	made, err := w.Service.Open(c.UserContext(), actor(c), in, "")
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/complaints/%d", made.ID))
	return apiJSON(c, http.StatusCreated, made)
}

// listed is a page of the complaints that concern the actor.
func (w *Complaints) listed(c *fiber.Ctx) (listing[complaints.Complaint], error) {
	below, err := before[vouchers.ComplaintID](c)
	if err != nil {
		return listing[complaints.Complaint]{}, err
	}
	q := complaints.Query{State: complaints.State(c.Query("state")), Before: below, Limit: pageSize + 1}
	switch q.State {
	case "", complaints.Withdrawn, complaints.Upheld, complaints.Dismissed:
	case complaints.Open: // by deadline, on one page
		q.Limit = 200
		all, err := w.Service.List(c.UserContext(), actor(c), q)
		return listing[complaints.Complaint]{Items: all}, err
	default:
		return listing[complaints.Complaint]{}, invalid("state")
	}
	all, err := w.Service.List(c.UserContext(), actor(c), q)
	return cut(all, func(one complaints.Complaint) vouchers.ComplaintID { return one.ID }), err
}

func (w *Complaints) list(c *fiber.Ctx) error {
	all, err := w.listed(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w *Complaints) open(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.ComplaintID) (complaints.Complaint, error) {
		return w.Service.Read(c.UserContext(), actor(c), id, "")
	})
}

func (w *Complaints) file(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ComplaintID](c, "id")
	if err != nil {
		return err
	}
	file, err := pathID[vouchers.ProofID](c, "evidence")
	if err != nil {
		return err
	}
	f, err := w.Service.File(c.UserContext(), actor(c), id, file, "")
	if err != nil {
		return err
	}
	return sendProof(c, f)
}

func (w *Complaints) withdraw(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.ComplaintID) (complaints.Complaint, error) {
		return w.Service.Withdraw(c.UserContext(), actor(c), id, "")
	})
}

func (w *Complaints) answer(c *fiber.Ctx) error {
	var in complaints.Reply
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.ComplaintID) (complaints.Complaint, error) {
		in.Complaint = id
		return w.Service.Answer(c.UserContext(), actor(c), in)
	})
}

func (w *Complaints) decide(c *fiber.Ctx) error {
	var in complaints.Decision
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.ComplaintID) (complaints.Complaint, error) {
		in.Complaint = id
		return w.Service.Decide(c.UserContext(), actor(c), in)
	})
}

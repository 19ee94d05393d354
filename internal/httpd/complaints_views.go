package httpd

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// ComplaintsBody is what complaints/list.html shows.
type ComplaintsBody struct {
	Operator bool
	Waiting  []complaints.Complaint // by deadline
	Ended    []complaints.Complaint
	Next     string
	MayMake  bool
}

func (w *Complaints) listPage(c *fiber.Ctx) error {
	waiting, err := w.Service.List(c.UserContext(), actor(c), complaints.Query{State: complaints.Open, Limit: 200})
	if err != nil {
		return err
	}
	all, err := w.listed(c)
	if err != nil {
		return err
	}
	body := ComplaintsBody{Operator: actor(c).Kind == identity.Operator, Waiting: waiting, Next: all.nextURL("/complaints"),
		MayMake: actor(c).Needs(actor(c).Kind, identity.Agent, identity.Finance) == nil}
	for _, one := range all.Items {
		if one.State != complaints.Open {
			body.Ended = append(body.Ended, one)
		}
	}
	return page(c, "complaints/list", body)
}

// complaintForm is what somebody types about a redemption. The holder's code is not in it:
// see sealed.go.
type complaintForm struct {
	Redemption vouchers.RedemptionID `form:"redemption"`
	Cause      string                `form:"cause"`
	Words      string                `form:"words"`
	Email      string                `form:"email"`
	Phone      string                `form:"phone"`
	Trap       string                `form:"homepage"`
	Proof      string                `form:"proof"` // a file that was not chosen comes as a field without text
}

// NewComplaintBody is what complaints/new.html shows.
type NewComplaintBody struct {
	Form           complaintForm
	Action, Back   string
	Use            *complaints.Use // of a holder's booklet
	Causes         []string
	Field, Problem string // why the form was refused, "" at first
}

// complaintFields names the field that a refusal is about.
var complaintFields = map[string]string{"complaint_cause": "cause-not_mine", "complaint_words": "words", "email_malformed": "email", "booking_phone": "phone",
	"file_type": "proof", "file_too_large": "proof", "file_active": "proof", "not_found": "redemption"}

func (w *Complaints) newPage(c *fiber.Ctx) error {
	return w.showNew(c, NewComplaintBody{Form: complaintForm{Redemption: vouchers.RedemptionID(c.QueryInt("redemption"))}}, nil)
}

func (w *Complaints) showNew(c *fiber.Ctx, body NewComplaintBody, refused error) error {
	body.Action, body.Back, body.Causes = "/complaints", "/complaints", complaints.Causes
	if body.Use != nil {
		body.Action, body.Back = fmt.Sprintf("/c/uses/%d", body.Use.Redemption), "/c"
		c.Set("X-Robots-Tag", "noindex")
	}
	if refused != nil {
		body.Problem, body.Field = refuse(c, refused), complaintFields[fault.Code(refused)]
	}
	return page(c, "complaints/new", body)
}

// read reads a form, with its file if there is one.
func (w *Complaints) read(c *fiber.Ctx) (complaintForm, complaints.NewComplaint, error) {
	var form complaintForm
	if err := decodeForm(c, &form); err != nil {
		return form, complaints.NewComplaint{}, err
	}
	req := complaints.NewComplaint{Redemption: form.Redemption, Cause: form.Cause, Words: form.Words, Email: form.Email, Phone: form.Phone}
	var err error
	req.Proof, err = sentProof(c)
	return form, req, err
}

// sentProof is the file of a form, nil where none was chosen.
func sentProof(c *fiber.Ctx) (*files.Upload, error) {
	proof, err := sent(c, "proof")
	if err != nil || len(proof.Content) == 0 {
		return nil, err
	}
	return &proof, nil
}

func (w *Complaints) newForm(c *fiber.Ctx) error {
	form, req, err := w.read(c)
	if err != nil {
		return err
	}
	made, err := w.Service.Open(c.UserContext(), actor(c), req, "")
	if shownAgain(err) {
		return w.showNew(c, NewComplaintBody{Form: form}, err)
	}
	if err != nil {
		return err
	}
	return done(c, complaintPath(made.ID), "complaints.made", "reference", made.Reference())
}

func complaintPath(id vouchers.ComplaintID) string { return fmt.Sprintf("/complaints/%d", id) }

// ComplaintBody is what complaints/complaint.html shows.
type ComplaintBody struct {
	complaints.Complaint
	Base           string // of the complaint's own addresses
	Back           string
	Holder         bool
	Operator       bool
	MayWithdraw    bool
	MayAnswer      bool
	MayDecide      bool
	Answer, Reason string // as typed, where it was refused
	Field, Problem string
	HelpPhone      string
}

func (w *Complaints) page(c *fiber.Ctx) error { return w.show(c, ComplaintBody{}, nil) }

func (w *Complaints) show(c *fiber.Ctx, body ComplaintBody, refused error) error {
	id, err := pathID[vouchers.ComplaintID](c, "id")
	if err != nil {
		return err
	}
	if body.Complaint, err = w.Service.Read(c.UserContext(), actor(c), id, ""); err != nil {
		return err
	}
	if refused != nil {
		body.Problem = refuse(c, refused)
	}
	who, open := actor(c), body.State == complaints.Open
	may := func(kind identity.Kind, roles ...identity.Role) bool { return open && who.Needs(kind, roles...) == nil }
	body.Base, body.Back, body.Operator = complaintPath(id), "/complaints", who.Kind == identity.Operator
	body.MayWithdraw = body.Mine && may(who.Kind, identity.Agent, identity.Finance)
	body.MayAnswer = may(identity.Structure, identity.Agent, identity.Finance)
	body.MayDecide = may(identity.Operator, identity.Finance)
	if body.Answer == "" {
		body.Answer = body.Complaint.Answer
	}
	return page(c, "complaints/complaint", body)
}

// then goes on after a form, or shows the complaint again with why it was refused.
func (w *Complaints) then(c *fiber.Ctx, again ComplaintBody, key string, err error) error {
	if shownAgain(err) && refusalOf(err).status != http.StatusNotFound || fault.Code(err) == "complaint_same_person" {
		return w.show(c, again, err)
	}
	if err != nil {
		return err
	}
	return done(c, "/complaints/"+c.Params("id"), key)
}

func (w *Complaints) withdrawForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ComplaintID](c, "id")
	if err != nil {
		return err
	}
	_, err = w.Service.Withdraw(c.UserContext(), actor(c), id, "")
	return w.then(c, ComplaintBody{}, "complaints.withdrawn", err)
}

func (w *Complaints) answerForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ComplaintID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Answer string `form:"answer"`
		Proof  string `form:"proof"` // as in complaintForm
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	reply := complaints.Reply{Complaint: id, Answer: form.Answer}
	if reply.Proof, err = sentProof(c); err != nil {
		return err
	}
	_, err = w.Service.Answer(c.UserContext(), actor(c), reply)
	return w.then(c, ComplaintBody{Answer: form.Answer, Field: "answer"}, "complaints.answered", err)
}

// decideForm shows what the decision does to the books, then does it.
func (w *Complaints) decideForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ComplaintID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Decision string `form:"decision"`
		Reason   string `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	d := complaints.Decision{Complaint: id, Upheld: form.Decision == "upheld", Reason: form.Reason}
	again := ComplaintBody{Reason: form.Reason, Field: "reason"}
	if confirmed(c) {
		_, err := w.Service.Decide(c.UserContext(), actor(c), d)
		return w.then(c, again, "complaints.decided."+decisionOf(d), err)
	}
	one, err := w.Service.Read(c.UserContext(), actor(c), id, "")
	if err != nil {
		return err
	}
	what := Confirmation{Title: words(c).Text("complaints.decide.title"), Danger: d.Upheld, Back: complaintPath(id),
		Sentence: words(c).Text("complaints.decide.sentence."+decisionOf(d), "reference", one.Reference(), "amount", one.Amount, "structure", one.StructureName),
		Button:   words(c).Text("complaints.decide.button." + decisionOf(d))}
	err = confirm(c, what, func(ctx context.Context) error {
		_, err := w.Service.Decide(ctx, actor(c), d)
		return err
	})
	if err != nil {
		return w.then(c, again, "", err)
	}
	return nil
}

func decisionOf(d complaints.Decision) string {
	if d.Upheld {
		return string(complaints.Upheld)
	}
	return string(complaints.Dismissed)
}

// nobody is who shows a booklet's code, signed in or not.
var nobody identity.Actor

// use finds a use of the booklet whose code this browser holds. Where there is none it leads
// to the page that asks for the code.
func (w *Complaints) use(c *fiber.Ctx) (*complaints.Use, string, error) {
	id, err := pathID[vouchers.RedemptionID](c, "id")
	if err != nil {
		return nil, "", err
	}
	code := heldCode(c, w.Keys)
	if code == "" {
		return nil, "", nil
	}
	uses, err := w.Service.Uses(c.UserContext(), nobody, code)
	if err != nil {
		return nil, "", err
	}
	for _, one := range uses {
		if one.Redemption == id {
			return &one, code, nil
		}
	}
	return nil, "", fault.New(fault.NotFound, "not_found")
}

func (w *Complaints) holderNewPage(c *fiber.Ctx) error {
	use, _, err := w.use(c)
	if err != nil {
		return err
	}
	if use == nil {
		return c.Redirect("/c", http.StatusSeeOther)
	}
	return w.showNew(c, NewComplaintBody{Use: use}, nil)
}

func (w *Complaints) holderNewForm(c *fiber.Ctx) error {
	use, code, err := w.use(c)
	if err != nil {
		return err
	}
	if use == nil {
		return c.Redirect("/c", http.StatusSeeOther)
	}
	form, req, err := w.read(c)
	if err != nil {
		return err
	}
	if form.Trap != "" { // a program: as if it had been heard
		return c.Redirect("/c", http.StatusSeeOther)
	}
	req.Redemption, req.Code = use.Redemption, code
	made, err := w.Service.Open(c.UserContext(), nobody, req, neighbourhood(clientIP(c)))
	if shownAgain(err) {
		return w.showNew(c, NewComplaintBody{Form: form, Use: use}, err)
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/c/complaints/%d", made.ID), "complaints.made", "reference", made.Reference())
}

func (w *Complaints) holderPage(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ComplaintID](c, "id")
	if err != nil {
		return err
	}
	code := heldCode(c, w.Keys)
	if code == "" {
		return c.Redirect("/c", http.StatusSeeOther)
	}
	one, err := w.Service.Read(c.UserContext(), nobody, id, code)
	if err != nil {
		return err
	}
	c.Set("X-Robots-Tag", "noindex")
	return page(c, "complaints/complaint", ComplaintBody{Complaint: one, Base: fmt.Sprintf("/c/complaints/%d", id), Back: "/c", Holder: true,
		MayWithdraw: one.State == complaints.Open && one.Mine, HelpPhone: w.HelpPhone})
}

func (w *Complaints) holderWithdrawForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ComplaintID](c, "id")
	if err != nil {
		return err
	}
	code := heldCode(c, w.Keys)
	if code == "" {
		return c.Redirect("/c", http.StatusSeeOther)
	}
	_, err = w.Service.Withdraw(c.UserContext(), nobody, id, code)
	if err != nil && fault.Code(err) != "complaint_ended" {
		return err
	}
	return done(c, fmt.Sprintf("/c/complaints/%d", id), "complaints.withdrawn")
}

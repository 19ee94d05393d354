package httpd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// CriteriaBody is what applications/criteria.html shows.
type CriteriaBody struct {
	Labels     []applications.Criteria // the latest of each
	Earlier    []applications.Criteria
	MayPublish bool
}

func (w applicationsWindow) criteriaPage(c *fiber.Ctx) error {
	all, err := w.room.Published(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := CriteriaBody{MayPublish: actor(c).Needs(identity.Operator, identity.Agent) == nil}
	for _, one := range all {
		if one.Latest {
			body.Labels = append(body.Labels, one)
		} else {
			body.Earlier = append(body.Earlier, one)
		}
	}
	return page(c, "applications/criteria", body)
}

// PublishBody is what applications/publish.html shows.
type PublishBody struct {
	applications.Kind
	Criteria string // JSON
	Problem  string // why the form was refused, "" at first
}

func (w applicationsWindow) publishPage(c *fiber.Ctx) error {
	all, err := w.room.Published(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := PublishBody{}
	for _, one := range all {
		if one.Latest && (one.Code == c.Query("kind") || body.Code == "") {
			text, err := json.MarshalIndent(one.Form, "", "  ")
			if err != nil {
				return err
			}
			body = PublishBody{Kind: one.Kind, Criteria: string(text)}
		}
	}
	return page(c, "applications/publish", body)
}

func (w applicationsWindow) publishForm(c *fiber.Ctx) error {
	var form struct {
		Code     string `form:"code"`
		Name     string `form:"name"`
		Summary  string `form:"summary"`
		Criteria string `form:"criteria"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	req := applications.NewCriteria{Kind: applications.Kind{Code: form.Code, Name: form.Name, Summary: form.Summary}}
	again := PublishBody{Kind: req.Kind, Criteria: form.Criteria}
	reader := json.NewDecoder(strings.NewReader(form.Criteria))
	reader.DisallowUnknownFields()
	if err := reader.Decode(&req.Form); err != nil {
		c.Status(http.StatusUnprocessableEntity)
		again.Problem = words(c).Text("applications.json-wrong", "problem", err)
		return page(c, "applications/publish", again)
	}
	made, err := w.room.Publish(c.UserContext(), actor(c), req)
	if shownAgain(err) {
		c.Status(refusalOf(err).status)
		again.Problem = faultText(c, err)
		return page(c, "applications/publish", again)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "applications.published", "label", made.Name, "version", made.Version); err != nil {
		return err
	}
	return c.Redirect("/label", http.StatusSeeOther)
}

// RegisterBody is what applications/register.html shows.
type RegisterBody struct {
	Rows []applications.Entry
	Next string
}

func (w applicationsWindow) registerPage(c *fiber.Ctx) error {
	all, err := w.registerOf(c)
	if err != nil {
		return err
	}
	return page(c, "applications/register", RegisterBody{all.Items, all.nextURL("/label/register")})
}

// ApplicationsBody is what applications/queue.html shows.
type ApplicationsBody struct {
	Rows      []applications.Application
	MayReview bool
}

func (w applicationsWindow) queuePage(c *fiber.Ctx) error {
	all, err := w.room.Queue(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return page(c, "applications/queue", ApplicationsBody{all, actor(c).Needs(identity.Operator, identity.Agent) == nil})
}

func (w applicationsWindow) startForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Kind string `form:"kind"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	a, err := w.room.Start(c.UserContext(), actor(c), id, form.Kind)
	if shownAgain(err) && refusalOf(err).status != http.StatusNotFound {
		if err := flash(c, "stop", "applications.refused-start", "reason", faultText(c, err)); err != nil {
			return err
		}
		return c.Redirect("/structure", http.StatusSeeOther)
	}
	if err != nil {
		return err
	}
	return c.Redirect(applicationPath(a.ID), http.StatusSeeOther)
}

func applicationPath(id vouchers.ApplicationID) string { return fmt.Sprintf("/applications/%d", id) }

// criterionView is one criterion of an application, with what is said of it.
type criterionView struct {
	applications.Criterion
	Answer applications.Answer
	Proofs []applications.Proof
	Remark string
}

// ApplicationBody is what applications/fill.html and applications/review.html show.
type ApplicationBody struct {
	applications.Application
	Rows                                      []criterionView
	Filled                                    int
	MayFill, MayWithdraw, MayAppeal           bool // of the structure
	Appealable                                bool // by somebody of the structure
	MayDecide, MayConfirm                     bool // of the operator
	EndsOn                                    vouchers.Day
	Decision, Why, AppealText, Field, Problem string // why a form was refused, "" at first
}

func (w applicationsWindow) page(c *fiber.Ctx) error { return w.show(c, ApplicationBody{}, nil) }

// show is an application with what was typed on top, where that was refused.
func (w applicationsWindow) show(c *fiber.Ctx, body ApplicationBody, remarks map[string]string) error {
	id, err := pathID[vouchers.ApplicationID](c, "id")
	if err != nil {
		return err
	}
	if body.Application, err = w.room.Open(c.UserContext(), actor(c), id); err != nil {
		return err
	}
	if remarks == nil {
		remarks = body.Remarks
	}
	for _, one := range body.Form {
		row := criterionView{Criterion: one, Answer: body.Answers[one.Code], Remark: remarks[one.Code]}
		for _, p := range body.Proofs {
			if p.Criterion == one.Code {
				row.Proofs = append(row.Proofs, p)
			}
		}
		body.Rows = append(body.Rows, row)
	}
	body.Filled = body.Application.Filled()
	state := body.State
	if actor(c).Kind == identity.Structure {
		may := actor(c).Needs(identity.Structure, identity.Agent) == nil
		body.MayFill = may && (state == applications.Draft || state == applications.Asked)
		body.MayWithdraw = may && (body.MayFill || state == applications.Sent)
		body.Appealable = state == applications.Refused && body.Application.Appeal == "" && body.AppealUntil() >= today(c)
		body.MayAppeal = may && body.Appealable
		return page(c, "applications/fill", body)
	}
	may := actor(c).Needs(identity.Operator, identity.Agent) == nil
	may = may && body.Held && !body.TookPart(actor(c))
	body.MayDecide = may && (state == applications.Sent || state == applications.Appealed)
	body.MayConfirm = may && state == applications.Refusing && actor(c).Person != orZero(body.ReviewedBy)
	if body.EndsOn == 0 {
		body.EndsOn = vouchers.DayOf(today(c).Time().AddDate(2, 0, 0))
	}
	return page(c, "applications/review", body)
}

func orZero(id *vouchers.PersonID) vouchers.PersonID {
	if id == nil {
		return 0
	}
	return *id
}

// saveForm reads the fields of each criterion: meets-<code>, note-<code>, and a file
// proof-<code>; remove names proofs.
func (w applicationsWindow) saveForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ApplicationID](c, "id")
	if err != nil {
		return err
	}
	values, err := formValues(c)
	if err != nil {
		return err
	}
	a, err := w.room.Open(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	req := applications.Saved{Answers: map[string]applications.Answer{}, Proofs: map[string]files.Upload{}}
	for _, one := range a.Form {
		if !values.Has("note-" + one.Code) {
			continue
		}
		req.Answers[one.Code] = applications.Answer{Meets: values.Get("meets-" + one.Code), Note: strings.ReplaceAll(values.Get("note-"+one.Code), "\r\n", "\n")}
		proof, err := sent(c, "proof-"+one.Code)
		if err != nil {
			return err
		}
		if len(proof.Content) > 0 {
			req.Proofs[one.Code] = proof
		}
	}
	for _, text := range values["remove"] {
		for _, p := range a.Proofs {
			if fmt.Sprint(p.File) == text {
				req.Remove = append(req.Remove, p.File)
			}
		}
	}
	done := "applications.saved"
	if req.Send = values.Get("send") != ""; req.Send {
		done = "applications.sent"
	}
	if a, err = w.room.Save(c.UserContext(), actor(c), id, req); err == nil && req.Send && a.State != applications.Sent {
		err = a.Incomplete()
	}
	return w.then(c, ApplicationBody{}, nil, done, err)
}

// then goes on after a form, or shows the application again with why it was refused.
func (w applicationsWindow) then(c *fiber.Ctx, again ApplicationBody, remarks map[string]string, done string, err error) error {
	if shownAgain(err) || refusalOf(err).code == "appeal_same_person" {
		c.Status(refusalOf(err).status)
		again.Problem = faultText(c, err)
		return w.show(c, again, remarks)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", done); err != nil {
		return err
	}
	if actor(c).Kind == identity.Operator {
		return c.Redirect("/applications", http.StatusSeeOther)
	}
	return c.Redirect("/applications/"+c.Params("id"), http.StatusSeeOther)
}

func (w applicationsWindow) withdrawForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ApplicationID](c, "id")
	if err != nil {
		return err
	}
	_, err = w.room.Withdraw(c.UserContext(), actor(c), id)
	return w.then(c, ApplicationBody{}, nil, "applications.withdrawn", err)
}

func (w applicationsWindow) appealForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ApplicationID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Reason string `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err = w.room.Appeal(c.UserContext(), actor(c), id, form.Reason)
	return w.then(c, ApplicationBody{AppealText: form.Reason, Field: "reason"}, nil, "applications.appealed", err)
}

// decideForm reads a remark per criterion: remark-<code>.
func (w applicationsWindow) decideForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ApplicationID](c, "id")
	if err != nil {
		return err
	}
	values, err := formValues(c)
	if err != nil {
		return err
	}
	d := applications.Decision{Decision: values.Get("decision"), Remarks: map[string]string{}}
	for name := range values {
		if code, is := strings.CutPrefix(name, "remark-"); is {
			d.Remarks[code] = strings.ReplaceAll(values.Get(name), "\r\n", "\n")
		}
	}
	if text := values.Get("ends_on"); text != "" {
		if err := d.EndsOn.UnmarshalText([]byte(text)); err != nil {
			return invalid("ends_on")
		}
	}
	_, err = w.room.Decide(c.UserContext(), actor(c), id, d)
	field := "decision-grant"
	if refusalOf(err).code == "remarks_missing" {
		field = "remark-" + firstCode(c, w, id)
	}
	return w.then(c, ApplicationBody{Decision: d.Decision, EndsOn: d.EndsOn, Field: field}, d.Remarks, "applications.decided", err)
}

// firstCode is the first criterion, where a remark can be typed.
func firstCode(c *fiber.Ctx, w applicationsWindow, id vouchers.ApplicationID) string {
	a, err := w.room.Open(c.UserContext(), actor(c), id)
	if err != nil || len(a.Form) == 0 {
		return ""
	}
	return a.Form[0].Code
}

func (w applicationsWindow) confirmForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ApplicationID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Stands bool   `form:"stands"`
		Reason string `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err = w.room.Confirm(c.UserContext(), actor(c), id, form.Stands, form.Reason)
	return w.then(c, ApplicationBody{Why: form.Reason, Field: "reason"}, nil, "applications.decided", err)
}

// suspendForm suspends the label that it names, or lifts its suspension.
func (w applicationsWindow) suspendForm(c *fiber.Ctx) error {
	var form struct {
		Label  vouchers.LabelID `form:"label"`
		Lift   bool             `form:"lift"`
		Reason string           `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	done, err := "applications.suspended", error(nil)
	if form.Lift {
		done = "applications.lifted"
		_, err = w.labels.LiftLabel(c.UserContext(), actor(c), form.Label)
	} else {
		_, err = w.labels.SuspendLabel(c.UserContext(), actor(c), labelling.End{Label: form.Label, Reason: form.Reason})
	}
	kind, pairs := "done", []any{}
	if shownAgain(err) {
		kind, done, pairs, err = "stop", "applications.refused-start", []any{"reason", faultText(c, err)}, nil
	}
	if err != nil {
		return err
	}
	if err := flash(c, kind, done, pairs...); err != nil {
		return err
	}
	return c.Redirect("/places/"+c.Params("id")+"/labels", http.StatusSeeOther)
}

package httpd

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// kindView is a kind of case with how many wait.
type kindView struct {
	Kind    statements.Kind
	Count   int
	Current bool
}

// kindViews also sums them up.
func kindViews(counts []statements.KindCount, current statements.Kind) ([]kindView, int) {
	var all []kindView
	sum := 0
	for _, k := range counts {
		all = append(all, kindView{k.Kind, k.Count, k.Kind == current})
		sum += k.Count
	}
	return all, sum
}

// queue reads a page of the queue, at most limit cases of it.
func (w *Statements) queue(c *fiber.Ctx, limit int) ([]statements.Case, []statements.KindCount, error) {
	q := statements.Queue{Kind: statements.Kind(c.Query("kind")), Limit: limit}
	if q.Kind != "" && !slices.Contains(statements.Kinds(), q.Kind) {
		return nil, nil, invalid("kind")
	}
	var err error
	if q.After, err = after(c); err != nil {
		return nil, nil, err
	}
	return w.Service.Cases(c.UserContext(), actor(c), q)
}

// caseQueue is a page of the queue on the API.
type caseQueue struct {
	Items  []statements.Case      `json:"items"`
	Next   *int64                 `json:"next"`
	Counts []statements.KindCount `json:"counts"`
}

func (w *Statements) casesOf(c *fiber.Ctx) (caseQueue, error) {
	all, counts, err := w.queue(c, pageSize+1)
	if err != nil {
		return caseQueue{}, err
	}
	cutOff := cut(all, func(one statements.Case) int64 { return one.ID })
	return caseQueue{cutOff.Items, cutOff.Next, counts}, nil
}

func (w *Statements) cases(c *fiber.Ctx) error {
	all, err := w.casesOf(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w *Statements) caseOf(c *fiber.Ctx) (statements.Case, error) {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return statements.Case{}, err
	}
	return w.Service.Case(c.UserContext(), actor(c), id)
}

func (w *Statements) oneCase(c *fiber.Ctx) error {
	one, err := w.caseOf(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, one)
}

func (w *Statements) decide(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Decision statements.Decision `json:"decision"`
		Order    vouchers.OrderID    `json:"order"`
		Invoice  vouchers.InvoiceID  `json:"invoice"`
		Other    int64               `json:"other_line"`
		Note     string              `json:"note"`

		NotDebited []string `json:"not_debited"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	one, err := w.Service.Decide(c.UserContext(), actor(c), statements.DecisionRequest{Line: id, Decision: in.Decision, Order: in.Order,
		Invoice: in.Invoice, Other: in.Other, Note: in.Note, NotDebited: in.NotDebited})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, one)
}

// CasesBody is what statements/cases.html shows.
type CasesBody struct {
	Today   vouchers.Day
	Kind    statements.Kind // "": all
	Kinds   []kindView
	Waiting int // of all kinds
	Rows    []statements.Case
	Next    string
}

func (w *Statements) casesPage(c *fiber.Ctx) error {
	all, err := w.casesOf(c)
	if err != nil {
		return err
	}
	body := CasesBody{Today: vouchers.DayOf(of(c).server.options.Now()), Kind: statements.Kind(c.Query("kind")), Rows: all.Items}
	body.Kinds, body.Waiting = kindViews(all.Counts, body.Kind)
	if all.Next != nil {
		body.Next = fmt.Sprintf("/statements/cases?kind=%s&after=%d", body.Kind, *all.Next)
	}
	return page(c, "statements/cases", body)
}

// casesCSV gives the first thousand cases.
func (w *Statements) casesCSV(c *fiber.Ctx) error {
	all, _, err := w.queue(c, 1000)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := documents.WriteCSV(&file, casesSheet(words(c), all)); err != nil {
		return err
	}
	c.Attachment("passerelle-lignes.csv")
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return c.Send(file.Bytes())
}

func casesSheet(w *i18n.Words, all []statements.Case) documents.Sheet {
	s := documents.Sheet{Name: "cases", Columns: []documents.Column{
		{Header: w.Text("statements.number-column"), Kind: documents.Integer}, {Header: w.Text("statements.day"), Kind: documents.Date},
		{Header: w.Text("statements.our-account")}, {Header: w.Text("statements.why")}, {Header: w.Text("statements.amount"), Kind: documents.Money},
		{Header: w.Text("statements.party")}, {Header: w.Text("statements.party-account")}, {Header: w.Text("statements.remittance")},
		{Header: w.Text("statements.about")}}}
	for _, one := range all {
		amount, about := one.Amount, ""
		if !one.Credit {
			amount = -amount
		}
		if one.Order != nil {
			about = one.Order.Reference
		} else if one.Invoice != nil {
			about = one.Invoice.Number
		}
		s.Rows = append(s.Rows, []documents.Cell{documents.IntegerCell(one.ID), documents.DateCell(one.BookedOn),
			documents.TextCell(w.Text("statements.ours." + string(one.Ours))), documents.TextCell(w.Text("statements.kind." + string(one.Kind))),
			documents.MoneyCell(amount), documents.TextCell(one.Counterparty), documents.TextCell(one.Account),
			documents.TextCell(one.Remittance), documents.TextCell(about)})
	}
	return s
}

// CaseBody is what statements/case.html shows.
type CaseBody struct {
	statements.Case
	statements.Choices
	Today   vouchers.Day
	Problem string
	Can     map[string]bool // what this person may decide
	Note    string          // as it was written, where it was refused

	NotDebited string // likewise
}

// Shown is of how many transfers the bank says that a file's debit is the sum; 0: it does not say.
func (b CaseBody) Shown() int {
	if b.BatchCount == nil {
		return 0
	}
	return *b.BatchCount
}

// BatchGap is how much of what is under way of a file its debit does not show.
func (b CaseBody) BatchGap() vouchers.Cents { return b.Batch.Amount - b.Amount }

func (w *Statements) casePage(c *fiber.Ctx) error { return w.showCase(c, "") }

func (w *Statements) showCase(c *fiber.Ctx, problem string) error {
	one, err := w.caseOf(c)
	if err != nil {
		return err
	}
	body := CaseBody{Case: one, Today: vouchers.DayOf(of(c).server.options.Now()), Problem: problem, Can: map[string]bool{},
		Note: c.FormValue("note"), NotDebited: c.FormValue("not_debited")}
	if actor(c).Needs(identity.Operator, identity.Finance) == nil {
		for _, d := range one.Decisions {
			body.Can[string(d)] = true
		}
	}
	if body.Choices, err = w.Service.Choices(c.UserContext(), actor(c), one.ID); err != nil {
		return err
	}
	return page(c, "statements/case", body)
}

// atOnce are the decisions that move no money and can be undone.
var atOnce = []statements.Decision{statements.Keep, statements.Answer, statements.Noted, statements.RemindOf}

// decideForm shows what a decision would do, then does it.
func (w *Statements) decideForm(c *fiber.Ctx) error {
	one, err := w.caseOf(c)
	if err != nil {
		return err
	}
	var req statements.DecisionRequest
	if err := decodeForm(c, &req); err != nil {
		return err
	}
	req.Line = one.ID
	do := func(ctx context.Context) error {
		_, err := w.Service.Decide(ctx, actor(c), req)
		return err
	}
	if !confirmed(c) && slices.Contains(one.Decisions, req.Decision) && !slices.Contains(atOnce, req.Decision) {
		err = confirm(c, w.confirmation(c, one, req), do)
	} else if err = do(c.UserContext()); err == nil {
		if err := flash(c, "done", "statements.decided", "what", words(c).Text("statements.decision."+string(req.Decision))); err != nil {
			return err
		}
		return c.Redirect(fmt.Sprintf("/statements/cases/%d", one.ID), http.StatusSeeOther)
	}
	if err != nil && shownAgain(err) {
		c.Status(refusalOf(err).status)
		return w.showCase(c, faultText(c, err))
	}
	return err
}

// confirmation says a decision: as a button, and as a sentence with its exact effect.
func (w *Statements) confirmation(c *fiber.Ctx, one statements.Case, req statements.DecisionRequest) Confirmation {
	values := []any{"amount", one.Amount, "excess", one.Excess, "file", one.EndToEnd}
	if o, err := w.Orders.Open(c.UserContext(), actor(c), req.Order); err == nil { // the rehearsal refuses an unknown one
		values = append(values, "number", int64(o.ID), "funder", o.FunderName, "lacks", o.Lacks())
	}
	title := words(c).Text("statements.do."+string(req.Decision), values...)
	effect := "statements.effect." + string(req.Decision)
	if n := len(strings.Fields(strings.Join(req.NotDebited, " "))); n > 0 && req.Decision == statements.AsBatch {
		effect, values = effect+"-but", append(values, "count", n)
	}
	return Confirmation{Title: title, Sentence: words(c).Text(effect, values...), Button: title,
		Back: fmt.Sprintf("/statements/cases/%d", one.ID), Danger: slices.Contains([]statements.Decision{statements.AsReturn, statements.AsBatch, statements.Undo}, req.Decision)}
}

package statements

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// Decision is what the operator makes of a line.
type Decision string

const (
	ForOrder Decision = "order"  // it pays that order; one that paid another is moved
	ForFees  Decision = "fees"   // it pays that invoice of fees
	Keep     Decision = "keep"   // what came above stays the funder's credit
	GiveBack Decision = "refund" // what came above goes back to the payer
	AsBatch  Decision = "batch"  // it is the debit of the file's payouts, but of those that the bank says were not in it
	AsReturn Decision = "return" // this debit gives a payment of that order back
	TopUp    Decision = "top_up" // this is the operator's money, for what that order's debt took from the account
	PaysDebt Decision = "debt"   // it pays that order's debt to the operator
	Answer   Decision = "pair"   // that line of the other direction answers it: given back, sent on, made good
	Noted    Decision = "noted"  // seen and explained in a note
	RemindOf Decision = "remind" // tell the funder what is missing; the case stays open
	Undo     Decision = "undo"   // it was decided wrongly, or found its order wrongly: it waits again
)

// DecisionRequest decides a line. Which of Order, Invoice, Other and NotDebited it needs follows
// from the decision.
type DecisionRequest struct {
	Line     int64              `json:"line"`
	Decision Decision           `json:"decision" form:"decision"`
	Order    vouchers.OrderID   `json:"order" form:"order"`
	Invoice  vouchers.InvoiceID `json:"invoice" form:"invoice"`
	Other    int64              `json:"other_line" form:"other_line"`
	Note     string             `json:"note" form:"note"`

	NotDebited []string `json:"not_debited,omitempty" form:"not_debited"` // end-to-end ids, one or several in each
}

// allowed lists what may be decided of a line.
func allowed(c Case, refunds bool) []Decision {
	waiting := c.Cause == nil && c.Open()
	switch {
	case waiting && c.Ours == Segregated && c.Credit:
		return []Decision{ForOrder, TopUp, Answer}
	case waiting && c.Kind == BatchMismatch:
		return []Decision{AsBatch, Answer}
	case waiting && c.Ours == Segregated:
		return []Decision{AsReturn, Answer}
	case waiting && !c.Credit:
		return []Decision{Answer, Noted}
	case waiting:
		return []Decision{ForFees, PaysDebt, Answer, Noted}
	case c.Open() && c.Outcome == PayoutReturned:
		return []Decision{Noted}
	case c.Open() && c.Kind == PartPayment:
		return correctable(c, RemindOf)
	case c.Open() && c.Outcome == OrderFunded && refunds && c.IBAN != "":
		return correctable(c, Keep, GiveBack)
	case c.Open():
		return correctable(c, Keep)
	case c.Outcome == OrderFunded && c.Decision != GiveBack, c.Outcome == FeesPaid:
		return correctable(c)
	case slices.Contains([]Decision{Keep, Answer, Noted}, c.Decision), c.Decision == GiveBack && c.Unrefunded:
		return []Decision{Undo}
	}
	return []Decision{}
}

// correctable adds the corrections of a payment that may have found the wrong place.
func correctable(c Case, others ...Decision) []Decision {
	if c.Outcome == OrderFunded {
		return append(others, ForOrder, Undo)
	}
	return append(others, Undo)
}

// Decide does what a person has decided of a line. Nothing is decided twice: what was
// decided must be undone first.
func (s *Service) Decide(ctx context.Context, actor identity.Actor, req DecisionRequest) (Case, error) {
	if err := mayImport(actor); err != nil {
		return Case{}, err
	}
	req.Note = strings.TrimSpace(req.Note)
	req.NotDebited = strings.Fields(strings.Join(req.NotDebited, " "))
	var c Case
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		c, err = once.Do(ctx, tx, actor.Organisation, "decide_case", req, func() (Case, error) {
			return s.decide(ctx, tx, actor, req)
		})
		return err
	})
	return c, err
}

// decide locks the line, then what the decision is about, and touches cases last: an import
// closes cases while it holds the ledger's gate.
func (s *Service) decide(ctx context.Context, tx *db.Tx, actor identity.Actor, req DecisionRequest) (Case, error) {
	if err := lockLines(ctx, tx, req.Line, req.Other); err != nil {
		return Case{}, err
	}
	before, err := s.caseOf(ctx, tx, req.Line)
	if err != nil {
		return Case{}, err
	}
	if !slices.Contains(before.Decisions, req.Decision) {
		return Case{}, fault.New(fault.Conflict, "line_already_explained")
	}
	if err := s.carryOut(ctx, tx, actor, work{req, before}); err != nil {
		return Case{}, err
	}
	after, err := s.caseOf(ctx, tx, req.Line)
	if err != nil {
		return Case{}, err
	}
	if err := complete(ctx, tx); err != nil {
		return Case{}, err
	}
	return after, audit.Record(ctx, tx, actor, "bank_line_decided", fmt.Sprintf("statement_line:%d", req.Line),
		map[string]any{"outcome": before.Outcome, "cause": before.Cause, "kind": before.Kind, "decision": before.Decision, "note": before.Note}, req)
}

// work is a decision and the case that it is about.
type work struct {
	DecisionRequest
	was Case
}

// decided is what is kept of a decision.
type decided struct {
	decision Decision
	by       vouchers.PersonID
	note     string
	pair     int64
}

func (s *Service) carryOut(ctx context.Context, tx *db.Tx, actor identity.Actor, w work) error {
	switch w.Decision {
	case Undo:
		return undo(ctx, tx, w.was)
	case RemindOf:
		return s.remind(ctx, tx, w.was)
	}
	if err := s.move(ctx, tx, actor, w); err != nil {
		return err
	}
	d := decided{w.Decision, actor.Person, w.Note, w.Other}
	if w.Decision != Answer {
		d.pair = 0
		return decideCase(ctx, tx, w.Line, d)
	}
	if err := decideCase(ctx, tx, w.Line, d); err != nil {
		return err
	}
	d.pair = w.Line
	return decideCase(ctx, tx, w.Other, d)
}

// move moves the money of a decision, and gives the line its outcome.
func (s *Service) move(ctx context.Context, tx *db.Tx, actor identity.Actor, w work) error {
	switch l := w.was; w.Decision {
	case ForOrder:
		return s.giveToOrder(ctx, tx, w)
	case ForFees:
		return giveToFees(ctx, tx, w)
	case AsReturn:
		return s.acceptReturn(ctx, tx, w)
	case AsBatch:
		return s.acceptBatch(ctx, tx, w)
	case TopUp:
		if err := orders.TopUp(ctx, tx, w.Order, l.ID, l.Amount); err != nil {
			return err
		}
		return settle(ctx, tx, l.ID, ToppedUp, int64(w.Order))
	case PaysDebt:
		if err := orders.PayDebt(ctx, tx, w.Order, l.ID, l.Amount); err != nil {
			return err
		}
		return settle(ctx, tx, l.ID, DebtPaid, int64(w.Order))
	case GiveBack:
		return s.rooms.Refunds.ToPayer(ctx, tx, actor, Refund{Line: l.ID, Funder: l.Order.Funder, Campaign: l.Order.Campaign,
			Amount: l.Excess, IBAN: l.IBAN, Holder: l.Counterparty})
	case Answer:
		return checkAnswer(ctx, tx, w)
	case Noted:
		if w.Note == "" && l.Kind != PayoutCameBack {
			return fault.New(fault.Invalid, "note_missing")
		}
	}
	return nil
}

// giveToOrder gives the cash of a line to an order, taking it out of another first.
func (s *Service) giveToOrder(ctx context.Context, tx *db.Tx, w work) error {
	if w.was.Outcome == OrderFunded {
		if w.was.Order.ID == w.Order {
			return fault.New(fault.Invalid, "same_order")
		}
		if _, err := orders.TakeOut(ctx, tx, w.Line); err != nil {
			return err
		}
		if err := keepStory(ctx, tx, w.was); err != nil {
			return err
		}
	}
	if err := s.rooms.Orders.AttributeLine(ctx, tx, w.Line, w.Order, w.was.Amount); err != nil {
		return err
	}
	return settle(ctx, tx, w.Line, OrderFunded, int64(w.Order))
}

// keepStory makes a line that was no case one, so that the decision is kept.
func keepStory(ctx context.Context, tx *db.Tx, c Case) error {
	if c.Kind != asItShouldBe {
		return nil
	}
	return reopen(ctx, tx, c.ID, WrongReference)
}

func giveToFees(ctx context.Context, tx *db.Tx, w work) error {
	i, err := invoicing.PayFees(ctx, tx, invoicing.FeesPaid{Invoice: w.Invoice, Line: w.Line, Amount: w.was.Amount})
	if err != nil {
		return err
	}
	if i.Kind != invoicing.Fees || i.Corrects != nil {
		return fault.New(fault.Invalid, "invoice_not_of_fees", "number", i.Number)
	}
	if err := ledger.Post(ctx, tx, ledger.FeesAttributed(w.Line, i.Funder, w.was.Amount)...); err != nil {
		return err
	}
	return settle(ctx, tx, w.Line, FeesPaid, int64(i.ID))
}

// acceptReturn takes out of an order what the bank has given back to its payer.
func (s *Service) acceptReturn(ctx context.Context, tx *db.Tx, w work) error {
	taken, err := orders.TakeBack(ctx, tx, w.Order, orders.Taker{Line: w.Line}, w.was.Amount, func(t orders.Taken) []ledger.Transfer {
		return ledger.PaymentReturned(w.Line, ledger.TakenBack(t))
	})
	if err != nil {
		return err
	}
	if taken.Debt > 0 {
		s.log.Error("the bank gave back a payment whose vouchers are live", "order", int64(w.Order), "lacks", taken.Debt.String())
	}
	return settle(ctx, tx, w.Line, PaymentReturned, int64(w.Order))
}

// checkAnswer refuses to pair lines that do not undo each other.
func checkAnswer(ctx context.Context, tx *db.Tx, w work) error {
	answers, err := answerable(ctx, tx, w.Line)
	if err == nil && !slices.ContainsFunc(answers, func(c Case) bool { return c.ID == w.Other }) {
		err = fault.New(fault.Invalid, "lines_do_not_match")
	}
	return err
}

// undo makes a line wait again. Money that it brought somewhere comes back to suspense,
// unless it is not there any more.
func undo(ctx context.Context, tx *db.Tx, c Case) error {
	switch c.Outcome {
	case OrderFunded:
		if c.Decision == Keep || c.Decision == GiveBack {
			return reopen(ctx, tx, c.ID, c.Kind)
		}
		if _, err := orders.TakeOut(ctx, tx, c.ID); err != nil {
			return err
		}
		if err := settle(ctx, tx, c.ID, Unattributed, 0); err != nil {
			return err
		}
		return reopen(ctx, tx, c.ID, WrongReference)
	case FeesPaid:
		if c.Decision == Keep {
			return reopen(ctx, tx, c.ID, c.Kind)
		}
		i, err := invoicing.UnpayFees(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if err := ledger.Post(ctx, tx, ledger.FeesUnattributed(c.ID, i.Funder, c.Amount)...); err != nil {
			return err
		}
		if err := settle(ctx, tx, c.ID, OperatingOther, 0); err != nil {
			return err
		}
		return reopen(ctx, tx, c.ID, WrongReference)
	}
	if c.Pair != nil {
		if err := reopenPaired(ctx, tx, *c.Pair, c.ID); err != nil {
			return err
		}
	}
	return reopen(ctx, tx, c.ID, c.Kind)
}

// remind tells a funder what is missing, once a day at most.
func (s *Service) remind(ctx context.Context, tx *db.Tx, c Case) error {
	r := Reminder{Received: c.Amount, Lacks: c.Lacks}
	var funder vouchers.OrganisationID
	if c.Order != nil {
		r.Key, r.Path, r.Reference, funder = fmt.Sprintf("order:%d", c.Order.ID), fmt.Sprintf("/orders/%d", c.Order.ID), c.Order.Reference, c.Order.Funder
		r.Received = c.Order.Received
	} else {
		r.Key, r.Path, r.Reference, funder = fmt.Sprintf("invoice:%d", c.Invoice.ID), fmt.Sprintf("/orders/%d", c.Invoice.Order), c.Invoice.Reference, c.Invoice.Funder
		r.Received = c.Invoice.Paid
	}
	r.Key += ":reminder:" + vouchers.DayOf(tx.Now).String()
	to, err := identity.OrganisationOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	if err := s.rooms.Remind(ctx, tx, to.Email, r); err != nil {
		return err
	}
	return markReminded(ctx, tx, c.ID)
}

// Choices are what a line may be decided to be about, besides what is proposed.
type Choices struct {
	Orders  []orders.Order      // for which money is missing
	Debts   []orders.Order      // with a debt
	Fees    []invoicing.Invoice // not wholly paid
	Answers []Case              // waiting lines that may answer it
}

// Choices returns what a line may be decided to be about.
func (s *Service) Choices(ctx context.Context, actor identity.Actor, line int64) (Choices, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return Choices{}, err
	}
	var c Choices
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if c.Orders, err = orders.Unpaid(ctx, tx); err != nil {
			return err
		}
		if c.Debts, err = orders.Indebted(ctx, tx); err != nil {
			return err
		}
		if c.Fees, err = invoicing.FeesUnpaid(ctx, tx); err != nil {
			return err
		}
		c.Answers, err = answerable(ctx, tx, line)
		return err
	})
	return c, err
}

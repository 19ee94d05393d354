package statements

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Case is a line and why it waits, or waited, for a person.
type Case struct {
	Line
	Ours       Account        `json:"account_kind" db:"account"`
	Kind       Kind           `json:"kind" db:"kind"` // "": the line is as it should be
	OpenedAt   *time.Time     `json:"opened_at" db:"opened_at"`
	RemindedAt *time.Time     `json:"reminded_at" db:"reminded_at"`
	Decision   Decision       `json:"decision" db:"decision"` // "": none yet
	DecidedAt  *time.Time     `json:"decided_at" db:"decided_at"`
	DecidedBy  string         `json:"decided_by" db:"decided_by"` // "" where it closed by itself
	Note       string         `json:"note" db:"note"`
	Pair       *int64         `json:"paired_line" db:"pair_id"`
	Excess     vouchers.Cents `json:"excess_cents" db:"excess"` // what came above what was asked
	Unrefunded bool           `json:"-" db:"unrefunded"`        // the refund that was decided came back, or the bank rejected it

	BatchCount *int           `json:"shown_count" db:"batch_count"` // of how many transfers the bank says that the line is the sum; nil: it does not say, or it is no such sum
	Batch      *sepa.UnderWay `json:"batch" db:"-"`                 // of a file's debit that waits: what of the file the bank has not said anything of

	Lacks     vouchers.Cents     `json:"lacks_cents" db:"-"` // what is missing of what the line pays
	Proposals []Proposal         `json:"proposals" db:"-"`   // the surest first
	Decisions []Decision         `json:"decisions" db:"-"`   // what may be decided
	Order     *orders.Order      `json:"-" db:"-"`           // that the line is about, where there is one
	Invoice   *invoicing.Invoice `json:"-" db:"-"`           // of fees, likewise
}

// Open tells whether the case waits.
func (c Case) Open() bool { return c.Kind != asItShouldBe && c.Decision == "" }

// Queue selects open cases.
type Queue struct {
	Kind  Kind  // "": all
	After int64 // the cursor: the line of the last case seen
	Limit int   // 1 to 1000
}

// KindCount is how many cases of a kind wait.
type KindCount struct {
	Kind  Kind `json:"kind" db:"kind"`
	Count int  `json:"count" db:"count"`
}

// Cases returns the cases that wait, the oldest first, and how many there are of each kind.
func (s *Service) Cases(ctx context.Context, actor identity.Actor, q Queue) ([]Case, []KindCount, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, nil, err
	}
	q.Limit = min(max(q.Limit, 1), 1000)
	var all []Case
	var counts []KindCount
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if all, err = openOnes(ctx, tx, q); err != nil {
			return err
		}
		if err := s.complement(ctx, tx, all); err != nil {
			return err
		}
		counts, err = countOpen(ctx, tx)
		return err
	})
	slices.SortFunc(counts, func(a, b KindCount) int { return slices.Index(Kinds(), a.Kind) - slices.Index(Kinds(), b.Kind) })
	return all, counts, err
}

// Case returns what is known of one line, whether it is a case or not.
func (s *Service) Case(ctx context.Context, actor identity.Actor, line int64) (Case, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return Case{}, err
	}
	var c Case
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		c, err = s.caseOf(ctx, tx, line)
		return err
	})
	return c, err
}

func (s *Service) caseOf(ctx context.Context, tx *db.Tx, line int64) (Case, error) {
	c, err := caseOfLine(ctx, tx, line)
	if errors.Is(err, db.ErrNoRows) {
		return Case{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Case{}, err
	}
	one := []Case{c}
	err = s.complement(ctx, tx, one)
	return one[0], err
}

// complement adds what cases are about, proposals and decisions.
func (s *Service) complement(ctx context.Context, tx *db.Tx, all []Case) error {
	if err := about(ctx, tx, all); err != nil {
		return err
	}
	if err := s.aboutBatches(ctx, tx, all); err != nil {
		return err
	}
	c, err := gather(ctx, tx, all)
	if err != nil {
		return err
	}
	for i := range all {
		all[i].Proposals = c.proposalsFor(all[i])
		all[i].Decisions = allowed(all[i], s.rooms.Refunds != nil)
	}
	return nil
}

// Complete closes the part payments whose rest has come, by whatever way.
func (s *Service) Complete(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error { return complete(ctx, tx) })
}

func complete(ctx context.Context, tx *db.Tx) error {
	all, err := partPayments(ctx, tx)
	if err != nil || len(all) == 0 {
		return err
	}
	if err := about(ctx, tx, all); err != nil {
		return err
	}
	var done []int64
	for _, c := range all {
		if c.Lacks <= 0 {
			done = append(done, c.ID)
		}
	}
	return closeCompleted(ctx, tx, done)
}

// about reads the orders and invoices that cases are about.
func about(ctx context.Context, tx *db.Tx, all []Case) error {
	var orderIDs, invoiceIDs []int64
	for _, c := range all {
		switch c.Outcome {
		case OrderFunded, PaymentReturned, ToppedUp, DebtPaid:
			orderIDs = append(orderIDs, *c.Cause)
		case FeesPaid:
			invoiceIDs = append(invoiceIDs, *c.Cause)
		}
	}
	placed, err := orders.ByIDs(ctx, tx, orderIDs)
	if err != nil {
		return err
	}
	issued, err := invoicing.FeesByIDs(ctx, tx, invoiceIDs)
	if err != nil {
		return err
	}
	for i := range all {
		switch c := &all[i]; c.Outcome {
		case OrderFunded, PaymentReturned, ToppedUp, DebtPaid:
			o := placed[vouchers.OrderID(*c.Cause)]
			c.Order, c.Lacks = &o, o.Lacks()
		case FeesPaid:
			if n := slices.IndexFunc(issued, func(i invoicing.Invoice) bool { return int64(i.ID) == *c.Cause }); n >= 0 {
				c.Invoice, c.Lacks = &issued[n], issued[n].Due()
				c.Excess = max(issued[n].Paid+issued[n].Credited-issued[n].Gross(), 0)
			}
		}
	}
	return nil
}

// candidates are what lines may be.
type candidates struct {
	orders, fees []Proposal
	returns      map[int64][]Proposal // by line: payments that a debit may give back
	payers       map[string]map[vouchers.OrganisationID]bool
}

// gather reads what the waiting lines among cases may be.
func gather(ctx context.Context, tx *db.Tx, all []Case) (candidates, error) {
	c := candidates{}
	var ibans []string
	var debits []int64
	for _, one := range all {
		switch {
		case one.Cause != nil || !one.Open():
		case one.Credit:
			ibans = append(ibans, one.IBAN.Full())
		default:
			debits = append(debits, one.ID)
		}
	}
	if len(ibans)+len(debits) == 0 {
		return c, nil
	}
	unpaid, err := orders.Unpaid(ctx, tx)
	if err != nil {
		return c, err
	}
	for _, o := range unpaid {
		c.orders = append(c.orders, Proposal{Decision: ForOrder, Order: o.ID, Label: o.Reference, Funder: o.Funder, Name: o.FunderName,
			Lacks: o.Lacks(), marks: marksOf(o.Reference)})
	}
	fees, err := invoicing.FeesUnpaid(ctx, tx)
	if err != nil {
		return c, err
	}
	for _, i := range fees {
		c.fees = append(c.fees, Proposal{Decision: ForFees, Invoice: i.ID, Label: i.Number, Funder: i.Funder, Name: i.Snapshot.Buyer.Name,
			Lacks: i.Due(), marks: append(marksOf(i.Reference), i.Number)})
	}
	if c.returns, err = returnable(ctx, tx, debits); err != nil {
		return c, err
	}
	c.payers, err = payersOf(ctx, tx, ibans)
	return c, err
}

// proposalsFor ranks what a waiting line may be.
func (c candidates) proposalsFor(one Case) []Proposal {
	switch {
	case one.Cause != nil || !one.Open():
		return []Proposal{}
	case !one.Credit:
		return rank(one.Line, c.returns[one.ID], nil)
	case one.Ours == Operating:
		return rank(one.Line, c.fees, c.payers[one.IBAN.Full()])
	}
	return rank(one.Line, c.orders, c.payers[one.IBAN.Full()])
}

package statements

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Mover is a room that orders transfers, or expects some, and knows them by name: an
// end-to-end id, or a reference. Several rooms may know the same name.
type Mover interface {
	// Names tells which of names the room knows. It is asked once for all the lines of a
	// statement, before any money moves: a room whose Book changes orders or funds locks
	// them here, orders before funds, because once money has moved it is too late to wait.
	Names(ctx context.Context, tx *db.Tx, names []string) (map[string]bool, error)
	// Book takes a movement that carries such a name into the books and says what the line
	// was: one of the outcomes of statement_lines, and the row that it is about. An empty
	// outcome says that it is not the room's after all. The line itself is inserted later,
	// in the same transaction.
	Book(ctx context.Context, tx *db.Tx, m sepa.Movement) (outcome string, cause int64, err error)
}

// named is what the lines of one account name.
type named struct {
	orders   map[int64]vouchers.OrderID   // by line; 0: several
	invoices map[int64]vouchers.InvoiceID // of fees, by line; 0: several
	movers   []map[string]bool            // what each mover knows
}

// explain gives each line of one account its outcome and moves its money. Orders come
// first because they lock funds, which everybody locks before entering the ledger; debits
// come before what comes back, because one file may show a payout going and returning.
func (s *Service) explain(ctx context.Context, tx *db.Tx, account Account, lines []*newLine) error {
	n, err := s.identify(ctx, tx, lines)
	if err != nil {
		return err
	}
	if err := s.findBatches(ctx, tx, account, lines); err != nil {
		return err
	}
	if account == Segregated {
		err = s.payOrders(ctx, tx, lines, n)
	} else {
		err = payFees(ctx, tx, lines, n)
	}
	if err != nil {
		return err
	}
	for _, credits := range []bool{false, true} {
		for _, l := range lines {
			if l.credit == credits && l.expected {
				if err := s.book(ctx, tx, l, n); err != nil {
					return err
				}
			}
			if l.credit == credits && l.file != "" && !l.acknowledged {
				if err := s.bookBatch(ctx, tx, l); err != nil {
					return err
				}
			}
		}
	}
	return ledger.Post(ctx, tx, unexplained(account, lines, n)...)
}

// identify finds what the lines name, and locks the orders among it.
func (s *Service) identify(ctx context.Context, tx *db.Tx, lines []*newLine) (named, error) {
	n := named{movers: make([]map[string]bool, len(s.rooms.Movers))}
	payments := paymentsOf(lines)
	var err error
	if n.orders, err = s.rooms.Orders.Find(ctx, tx, payments); err != nil {
		return n, err
	}
	if n.invoices, err = findFees(ctx, tx, payments); err != nil {
		return n, err
	}
	names := namesOf(lines)
	for i, room := range s.rooms.Movers {
		if n.movers[i], err = room.Names(ctx, tx, names); err != nil {
			return n, err
		}
		for _, l := range lines {
			l.expected = l.expected || l.isNamed(n.movers[i])
		}
	}
	return n, nil
}

// findFees chooses the invoice of fees that each payment names; 0 for a text that names
// several.
func findFees(ctx context.Context, tx *db.Tx, payments []orders.Payment) (map[int64]vouchers.InvoiceID, error) {
	var references []string
	for _, p := range payments {
		references = append(append(references, p.Stated...), p.Found...)
	}
	invoices, err := invoicing.FeesNamed(ctx, tx, references)
	issued := make(map[string]vouchers.InvoiceID, len(invoices))
	for _, i := range invoices {
		issued[i.Reference] = i.ID
	}
	chosen := map[int64]vouchers.InvoiceID{}
	for _, p := range payments {
		if id, several := sepa.Pick(p.Stated, p.Found, issued); id != 0 || several {
			chosen[p.Line] = id
		}
	}
	return chosen, err
}

// book offers a line to the movers that know a name of it, until one takes it.
func (s *Service) book(ctx context.Context, tx *db.Tx, l *newLine, n named) error {
	for i, room := range s.rooms.Movers {
		for _, name := range l.names {
			if !n.movers[i][name] {
				continue
			}
			outcome, cause, err := room.Book(ctx, tx, l.asMovement(name))
			if err != nil {
				return err
			}
			if outcome != "" {
				l.endToEnd = name
				l.explain(Outcome(outcome), cause)
				return nil
			}
		}
	}
	return nil
}

// payOrders gives credits to the orders that they name. What comes back is no payment,
// whatever its text says, and what another room expects is none either.
func (s *Service) payOrders(ctx context.Context, tx *db.Tx, lines []*newLine, n named) error {
	var payments []orders.Payment
	for _, l := range lines {
		if l.pays() && n.orders[l.id] != 0 {
			payments = append(payments, l.asPayment())
		}
	}
	if len(payments) == 0 {
		return nil
	}
	paid, err := s.rooms.Orders.PayFromLines(ctx, tx, payments, n.orders)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if p, ok := paid[l.id]; ok {
			l.explain(OrderFunded, int64(p.Order))
			l.kind = kindOfPayment(p.Lacked, p.Lacks, p.Excess)
		}
	}
	return nil
}

// payFees gives credits of the operating account to the invoices that they name.
func payFees(ctx context.Context, tx *db.Tx, lines []*newLine, n named) error {
	var transfers []ledger.Transfer
	for _, l := range lines {
		id := n.invoices[l.id]
		if !l.pays() || id == 0 {
			continue
		}
		i, err := invoicing.PayFees(ctx, tx, invoicing.FeesPaid{Invoice: id, Line: l.id, Amount: l.payment.Amount})
		if err != nil {
			return err
		}
		l.explain(FeesPaid, int64(id))
		l.kind = kindOfPayment(i.Due(), i.Due()-l.payment.Amount, l.payment.Amount-i.Due())
		transfers = append(transfers, ledger.FeesPaid(l.id, i.Funder, l.payment.Amount)...)
	}
	return ledger.Post(ctx, tx, transfers...)
}

func paymentsOf(lines []*newLine) []orders.Payment {
	var payments []orders.Payment
	for _, l := range lines {
		if l.credit {
			payments = append(payments, l.asPayment())
		}
	}
	return payments
}

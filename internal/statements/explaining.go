package statements

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
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

// explain gives each line of one account its outcome and moves its money. Orders come
// first because they lock funds, which everybody locks before entering the ledger; debits
// come before what comes back, because one file may show a payout going and returning.
func (s *Service) explain(ctx context.Context, tx *db.Tx, lines []*newLine) error {
	payments := paymentsOf(lines)
	chosen, err := s.rooms.Orders.Find(ctx, tx, payments)
	if err != nil {
		return err
	}
	named, err := s.named(ctx, tx, lines)
	if err != nil {
		return err
	}
	if err := s.payOrders(ctx, tx, lines, chosen); err != nil {
		return err
	}
	for _, credits := range []bool{false, true} {
		for _, l := range lines {
			if l.credit == credits && l.expected {
				if err := s.book(ctx, tx, l, named); err != nil {
					return err
				}
			}
		}
	}
	return ledger.Post(ctx, tx, unexplained(lines)...)
}

// named asks the movers which names they know: one set for each of them. It marks the lines
// that carry such a name.
func (s *Service) named(ctx context.Context, tx *db.Tx, lines []*newLine) ([]map[string]bool, error) {
	names := namesOf(lines)
	known := make([]map[string]bool, len(s.rooms.Movers))
	for i, room := range s.rooms.Movers {
		var err error
		if known[i], err = room.Names(ctx, tx, names); err != nil {
			return nil, err
		}
		for _, l := range lines {
			l.expected = l.expected || l.isNamed(known[i])
		}
	}
	return known, nil
}

// book offers a line to the movers that know a name of it, until one takes it.
func (s *Service) book(ctx context.Context, tx *db.Tx, l *newLine, known []map[string]bool) error {
	for i, room := range s.rooms.Movers {
		for _, name := range l.names {
			if !known[i][name] {
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
func (s *Service) payOrders(ctx context.Context, tx *db.Tx, lines []*newLine, chosen map[int64]vouchers.OrderID) error {
	var payments []orders.Payment
	for _, l := range lines {
		if l.credit && !l.returned && !l.expected && chosen[l.id] != 0 {
			payments = append(payments, l.asPayment())
		}
	}
	if len(payments) == 0 {
		return nil
	}
	paid, err := s.rooms.Orders.PayFromLines(ctx, tx, payments, chosen)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if p, ok := paid[l.id]; ok {
			l.explain(OrderFunded, int64(p.Order))
		}
	}
	return nil
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

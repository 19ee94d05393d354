package statements

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Filer is the room whose files the bank may debit in one sum, without naming the transfers.
type Filer interface {
	// Files tells which names are message ids of files that the bank may have.
	Files(ctx context.Context, tx *db.Tx, names []string) (map[string]bool, error)
	// UnderWay tells what of each file the bank has neither debited nor rejected.
	UnderWay(ctx context.Context, tx *db.Tx, files []string) ([]sepa.UnderWay, error)
	// BookBatch books all that is under way of a file, where it comes to the debit; 0: it does not,
	// and nothing was booked.
	BookBatch(ctx context.Context, tx *db.Tx, b sepa.Batch) (vouchers.SettlementID, error)
	// BookBatchBut rejects the transfers that were not debited and books the others.
	BookBatchBut(ctx context.Context, tx *db.Tx, b sepa.Batch, notDebited []string) (vouchers.SettlementID, error)
}

// sumOf lists what may name the file whose one debit a line is: the bank names a file and no
// transfer of it.
func (l *newLine) sumOf() []string {
	if l.credit || l.returned || l.endToEnd != "" {
		return nil
	}
	var names []string
	for _, name := range []string{l.payment.PaymentID, l.payment.MessageID} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// findBatches finds the debits that are the sum of a file of ours. On the account that pays
// nobody such a name is a transfer's that it is not.
func (s *Service) findBatches(ctx context.Context, tx *db.Tx, account Account, lines []*newLine) error {
	var names []string
	for _, l := range lines {
		names = append(names, l.sumOf()...)
	}
	if len(names) == 0 || s.rooms.Filer == nil {
		return nil
	}
	files, err := s.rooms.Filer.Files(ctx, tx, names)
	for _, l := range lines {
		for _, name := range l.sumOf() {
			switch {
			case !files[name] || l.file != "":
			case account == Segregated:
				l.file = name
			default:
				l.expected = true
			}
		}
		if l.file != "" {
			l.endToEnd = l.file
		}
	}
	return err
}

// bookBatch offers a line to the room whose file it is the sum of. What is not booked waits for a
// person, under the file's name.
func (s *Service) bookBatch(ctx context.Context, tx *db.Tx, l *newLine) error {
	settlement, err := s.rooms.Filer.BookBatch(ctx, tx, sepa.Batch{Line: l.id, Account: l.account, File: l.file, Amount: l.payment.Amount,
		Count: l.payment.Count, On: l.bookedOn})
	if settlement != 0 {
		l.explain(BatchBooked, int64(settlement))
	}
	return err
}

// aboutBatches reads what is under way of the files whose debits wait.
func (s *Service) aboutBatches(ctx context.Context, tx *db.Tx, all []Case) error {
	var files []string
	for _, c := range all {
		if c.Open() && c.Kind == BatchMismatch {
			files = append(files, c.EndToEnd)
		}
	}
	if len(files) == 0 {
		return nil
	}
	open, err := s.rooms.Filer.UnderWay(ctx, tx, files)
	for i := range all {
		for _, u := range open {
			if c := &all[i]; c.Open() && c.Kind == BatchMismatch && c.EndToEnd == u.File {
				c.Batch = &u
			}
		}
	}
	return err
}

// acceptBatch books the payouts of a file that a debit is the sum of, and rejects those that
// the bank says were not in it.
func (s *Service) acceptBatch(ctx context.Context, tx *db.Tx, w work) error {
	settlement, err := s.rooms.Filer.BookBatchBut(ctx, tx, sepa.Batch{Line: w.Line, Account: s.accounts.Segregated, File: w.was.EndToEnd,
		Amount: w.was.Amount, On: w.was.BookedOn}, w.NotDebited)
	if err != nil {
		return err
	}
	if err := ledger.Post(ctx, tx, ledger.DebitExplained(w.Line, w.was.Amount)...); err != nil {
		return err
	}
	return settle(ctx, tx, w.Line, BatchBooked, int64(settlement))
}

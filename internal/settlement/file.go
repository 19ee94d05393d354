package settlement

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// File is one pain.001 file of a settlement. There are several where the settlement has more
// payouts than the bank takes in one.
type File struct {
	Number    int            `json:"number" db:"number"`         // from 1
	MessageID string         `json:"message_id" db:"message_id"` // PmtInfId too
	Payouts   int            `json:"payouts" db:"payouts"`
	Total     vouchers.Cents `json:"total_cents" db:"total_cents"`
	SHA256    string         `json:"sha256" db:"sha256"`     // in hexadecimal
	TakenAt   *time.Time     `json:"taken_at" db:"taken_at"` // fetched for the first time
}

// AllTaken tells whether each file of the settlement was fetched.
func (s Settlement) AllTaken() bool {
	return !slices.ContainsFunc(s.Files, func(f File) bool { return f.TakenAt == nil })
}

// File writes a file of a settlement to w and records who took it; 0 stands for the only one.
// It is made anew from the rows each time, always with the same bytes; when the hashes are not
// those fixed at closing (INV-10), nothing is written.
//
// Faults: not_found, settlement_has_files for 0 where there are several, settlement_unapproved
// before a second person has approved the settlement, settlement_late when a file of it is first
// asked for after the day on which the bank is to pay.
func (s *Service) File(ctx context.Context, actor identity.Actor, id vouchers.SettlementID, number int, w io.Writer) (File, error) {
	if err := mayPay(actor); err != nil {
		return File{}, err
	}
	var f File
	var file bytes.Buffer
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		file.Reset()
		if f, err = takeFile(ctx, tx, id, number, &file); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "settlement_file_taken", objectName(id), nil, map[string]any{"message_id": f.MessageID})
	})
	if err != nil {
		return File{}, err
	}
	_, err = file.WriteTo(w)
	return f, err
}

// takeFile writes a file of a settlement that a second person has approved to w. From the first
// taking on, the settlement cannot be cancelled.
func takeFile(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, number int, w io.Writer) (File, error) {
	closed, err := lockSettlement(ctx, tx, id)
	if err != nil {
		return File{}, err
	}
	if closed.State == Waiting || closed.State == Cancelled {
		return File{}, fault.New(fault.Conflict, "settlement_unapproved")
	}
	files, err := filesOf(ctx, tx, id)
	switch {
	case err != nil:
		return File{}, err
	case number == 0 && len(files) > 1:
		return File{}, fault.New(fault.Invalid, "settlement_has_files", "count", len(files))
	case number < 0 || number > len(files):
		return File{}, fault.New(fault.NotFound, "not_found")
	}
	f := files[max(number, 1)-1]
	if closed.TakenAt == nil {
		if err := inTime(closed, tx); err != nil {
			return File{}, err
		}
	}
	if err := setTaken(ctx, tx, id, f.Number); err != nil {
		return File{}, err
	}
	return f, fixedFiles(ctx, tx, closed, f.Number, w)
}

// fixedFiles makes all files, one of them to w (0: none), and compares them with the hashes fixed at
// closing: what leaves is what was approved, as a whole.
func fixedFiles(ctx context.Context, tx *db.Tx, closed Settlement, number int, w io.Writer) error {
	files, err := filesOf(ctx, tx, closed.ID)
	if err != nil {
		return err
	}
	whole, each, err := makeFiles(ctx, tx, closed.ID, number, w)
	if err != nil {
		return err
	}
	same := len(each) == len(files) && hex.EncodeToString(whole) == closed.SHA256
	for i, f := range files {
		same = same && hex.EncodeToString(each[i]) == f.SHA256
	}
	if !same {
		return fmt.Errorf("settlement %d: the rows no longer give the files that were closed (%s)", closed.ID, closed.SHA256)
	}
	return nil
}

// fixFiles stores the hashes of the files that the rows give.
func fixFiles(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) error {
	whole, each, err := FileOf(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := insertFiles(ctx, tx, id, each); err != nil {
		return err
	}
	return storeHash(ctx, tx, id, whole)
}

// FileOf makes a settlement's files from the rows, whatever was approved, for whoever
// compares: the SHA-256 of them all, one after the other, and of each.
func FileOf(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) (whole []byte, each [][]byte, err error) {
	return makeFiles(ctx, tx, id, 0, nil)
}

// makeFiles makes all files, each written while it is hashed, and one of them to w.
func makeFiles(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, number int, w io.Writer) (whole []byte, each [][]byte, err error) {
	head, err := headOf(ctx, tx, id)
	if err != nil {
		return nil, nil, err
	}
	t, err := topUpOf(ctx, tx, id)
	if err != nil {
		return nil, nil, err
	}
	all := sha256.New()
	for n := 1; n <= head.Files; n++ {
		lines, err := linesOf(ctx, tx, id, n)
		if err != nil {
			return nil, nil, err
		}
		one := sha256.New()
		out := io.MultiWriter(all, one)
		if n == number {
			out = io.MultiWriter(all, one, w)
		}
		in := initiation(head, n, lines)
		if t != nil && t.File == n {
			in.Payments = append(in.Payments, t.payment())
		}
		if err := sepa.WriteInitiation(out, in); err != nil {
			return nil, nil, fmt.Errorf("settlement %d: %w", id, err)
		}
		each = append(each, one.Sum(nil))
	}
	return all.Sum(nil), each, nil
}

// initiation is a file as a pure function of the rows. It asks the bank for a debit of its own
// for each payout, each booked by its own end-to-end id; or, where the bank's profile said so, for
// one debit for the file, which books all of them (INV-4).
func initiation(head fileHead, number int, lines []fileLine) sepa.Initiation {
	in := sepa.Initiation{
		Version: head.Version, MessageID: fileID(head.MessageID, number, head.Files), CreatedAt: head.ClosedAt, Initiator: head.Name,
		ExecutionDate: head.ExecutionOn, Batch: head.Batch, CategoryPurpose: head.Purpose,
		Debtor:   sepa.Party{Name: head.Name, IBAN: head.IBAN, BIC: head.BIC, Address: head.Layout.address(head.Street, head.Postcode, head.Town)},
		Payments: make([]sepa.Payment, len(lines)),
	}
	for i, l := range lines {
		in.Payments[i] = sepa.Payment{EndToEndID: l.EndToEnd, InstructionID: l.EndToEnd, Amount: l.Amount,
			Creditor: l.party(head.Layout), Remittance: l.EndToEnd}
	}
	return in
}

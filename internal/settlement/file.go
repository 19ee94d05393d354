package settlement

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// File writes the settlement's pain.001.001.09 file to w and records who took it. It
// is made anew from the rows each time, always with the same bytes; when their hash is
// not the one fixed at closing (INV-10), nothing is written.
//
// Faults: not_found, settlement_unapproved before a second person has approved it,
// settlement_late when it is first asked for after the day on which the bank is to pay.
func (s *Service) File(ctx context.Context, actor identity.Actor, id vouchers.SettlementID, w io.Writer) error {
	if err := mayPay(actor); err != nil {
		return err
	}
	var file []byte
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		if file, err = takeFile(ctx, tx, id); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "settlement_file_taken", objectName(id), nil, nil)
	})
	if err != nil {
		return err
	}
	_, err = w.Write(file)
	return err
}

// takeFile is the file that a second person has approved. From its first taking on, its
// settlement cannot be cancelled.
func takeFile(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) ([]byte, error) {
	closed, err := lockSettlement(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if closed.State == Waiting || closed.State == Cancelled {
		return nil, fault.New(fault.Conflict, "settlement_unapproved")
	}
	if closed.TakenAt == nil {
		if err := inTime(closed, tx); err != nil {
			return nil, err
		}
		if err := setTaken(ctx, tx, id); err != nil {
			return nil, err
		}
	}
	return fixedFile(ctx, tx, closed)
}

// fixedFile makes the file and compares it with the hash fixed at closing.
func fixedFile(ctx context.Context, tx *db.Tx, closed Settlement) ([]byte, error) {
	file, err := FileOf(ctx, tx, closed.ID)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != closed.SHA256 {
		return nil, fmt.Errorf("settlement %d: the rows no longer give the file that was closed (%s)", closed.ID, closed.SHA256)
	}
	return file, nil
}

// fixFile stores the hash of the file that the rows give.
func fixFile(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) error {
	file, err := FileOf(ctx, tx, id)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(file)
	return storeHash(ctx, tx, id, sum[:])
}

// FileOf makes the file from the rows, whatever was approved: for whoever compares.
func FileOf(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) ([]byte, error) {
	head, lines, err := fileRows(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	if err := sepa.WriteInitiation(&file, initiation(head, lines)); err != nil {
		return nil, fmt.Errorf("settlement %d: %w", id, err)
	}
	return file.Bytes(), nil
}

// initiation is the file as a pure function of the rows. Each payout is a debit of its
// own on our statement, so that each is booked by its own end-to-end id (INV-4).
func initiation(head fileHead, lines []fileLine) sepa.Initiation {
	in := sepa.Initiation{
		MessageID: head.MessageID, CreatedAt: head.ClosedAt, Initiator: head.Name, ExecutionDate: head.ExecutionOn,
		Debtor: sepa.Party{Name: head.Name, IBAN: head.IBAN, BIC: head.BIC,
			Address: sepa.Address{Street: head.Street, PostCode: head.Postcode, Town: head.Town, Country: country}},
		Payments: make([]sepa.Payment, len(lines)),
	}
	for i, l := range lines {
		in.Payments[i] = sepa.Payment{EndToEndID: l.EndToEnd, InstructionID: l.EndToEnd, Amount: l.Amount,
			Creditor: l.party(), Remittance: l.EndToEnd}
	}
	return in
}

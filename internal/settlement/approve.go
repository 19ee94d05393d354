package settlement

import (
	"context"
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// CancelledCode is the reason of payouts whose settlement was cancelled, in place of a bank's.
const CancelledCode = "CANC"

// ApproveRequest names the files that are approved by the hash of them all: who approves has
// seen those.
type ApproveRequest struct {
	ID     vouchers.SettlementID `json:"-"`
	SHA256 string                `json:"file_sha256"` // in hexadecimal
}

// Approve lets the file of a settlement go to the bank. Whoever closed it cannot. The file is
// made again from the rows, and must be the one that was closed and is approved.
//
// Faults: not_found, own_request, settlement_decided, settlement_changed,
// settlement_late.
func (s *Service) Approve(ctx context.Context, actor identity.Actor, req ApproveRequest) (Settlement, error) {
	return s.decideOn(ctx, actor, "approve_settlement", req.ID, req.SHA256, func(tx *db.Tx, closed Settlement) error {
		switch {
		case closed.State != Waiting:
			return fault.New(fault.Conflict, "settlement_decided")
		case closed.ClosedBy == actor.Person:
			return fault.New(fault.Conflict, "own_request")
		case !strings.EqualFold(strings.TrimSpace(req.SHA256), closed.SHA256):
			return fault.New(fault.Conflict, "settlement_changed")
		}
		if err := inTime(closed, tx); err != nil {
			return err
		}
		if err := fixedFiles(ctx, tx, closed, 0, nil); err != nil {
			return err
		}
		if err := setApproved(ctx, tx, actor, req.ID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "settlement_approved", objectName(req.ID), nil, map[string]any{"file_sha256": closed.SHA256})
	})
}

// Cancel ends a settlement whose file nobody has fetched: its payouts never leave, and what
// they pay is owed again. Anybody who may close one may cancel one.
//
// Faults: not_found, reason_missing, settlement_decided.
func (s *Service) Cancel(ctx context.Context, actor identity.Actor, id vouchers.SettlementID, reason string) (Settlement, error) {
	reason = strings.TrimSpace(reason)
	return s.decideOn(ctx, actor, "cancel_settlement", id, reason, func(tx *db.Tx, closed Settlement) error {
		if n := len([]rune(reason)); n < 3 || n > 500 {
			return fault.New(fault.Invalid, "reason_missing", "least", 3, "most", 500)
		}
		if closed.State != Waiting && closed.State != Approved || closed.TakenAt != nil {
			return fault.New(fault.Conflict, "settlement_decided")
		}
		if closed.TopUp != nil {
			if err := endTopUp(ctx, tx, closed.TopUp.ID, Rejected); err != nil {
				return err
			}
		}
		back, err := takeBack(ctx, tx, id, CancelledCode, false)
		if err != nil {
			return err
		}
		var sum vouchers.Cents
		for _, part := range back {
			sum += part.Amount
		}
		if sum != closed.Total {
			return fmt.Errorf("settlement %d: %s of %s could be taken back", id, sum, closed.Total)
		}
		if err := owedAgain(ctx, tx, back); err != nil {
			return err
		}
		if err := reopenRequests(ctx, tx, id); err != nil {
			return err
		}
		if err := setCancelled(ctx, tx, actor, id, reason); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "settlement_cancelled", objectName(id), nil, map[string]any{"reason": reason})
	})
}

// Send notes that the bank has the file of an approved settlement. Its faults are not_found,
// settlement_unapproved and settlement_not_taken.
func (s *Service) Send(ctx context.Context, actor identity.Actor, id vouchers.SettlementID) (Settlement, error) {
	return s.decideOn(ctx, actor, "send_settlement", id, "", func(tx *db.Tx, closed Settlement) error {
		switch {
		case closed.State == Waiting || closed.State == Cancelled:
			return fault.New(fault.Conflict, "settlement_unapproved")
		case closed.SentAt != nil:
			return nil
		}
		var err error
		if closed.Files, err = filesOf(ctx, tx, id); err != nil {
			return err
		}
		if !closed.AllTaken() {
			return fault.New(fault.Conflict, "settlement_not_taken")
		}
		if err := setSent(ctx, tx, id); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "settlement_sent", objectName(id), nil, nil)
	})
}

// decideOn does something with a settlement that it has locked, once for the key.
func (s *Service) decideOn(ctx context.Context, actor identity.Actor, action string, id vouchers.SettlementID, said string,
	do func(tx *db.Tx, closed Settlement) error) (Settlement, error) {
	if err := mayPay(actor); err != nil {
		return Settlement{}, err
	}
	var after Settlement
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, action, []any{id, said}, func() (Settlement, error) {
			if err := ledger.Enter(ctx, tx); err != nil {
				return Settlement{}, err
			}
			closed, err := lockSettlement(ctx, tx, id)
			if err != nil {
				return Settlement{}, err
			}
			if err := do(tx, closed); err != nil {
				return Settlement{}, err
			}
			return settlement(ctx, tx, id)
		})
		return err
	})
	return after, err
}

// inTime refuses to give the bank an order for a day that is over.
func inTime(closed Settlement, tx *db.Tx) error {
	if closed.ExecutionOn < vouchers.DayOf(tx.Now) {
		return fault.New(fault.Conflict, "settlement_late", "on", closed.ExecutionOn)
	}
	return nil
}

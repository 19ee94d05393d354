package closing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// ApproveRequest names the refunds of one account that are to be paid.
type ApproveRequest struct {
	Refunds     []vouchers.RefundID `json:"refunds" form:"refund"`
	ExecutionOn vouchers.Day        `json:"execution_on,omitempty" form:"execution_on"` // absent: the next working day
}

// File is the order of refunds to the bank.
type File struct {
	ID          vouchers.RefundFileID `json:"id" db:"id"`
	Account     string                `json:"account" db:"account"` // out of which it is paid: segregated or operating
	MessageID   string                `json:"message_id" db:"message_id"`
	ApprovedAt  time.Time             `json:"approved_at" db:"approved_at"`
	ExecutionOn vouchers.Day          `json:"execution_on" db:"execution_on"`
	Refunds     int                   `json:"refunds" db:"refunds"`
	Total       vouchers.Cents        `json:"total_cents" db:"total_cents"`
	SHA256      string                `json:"file_sha256" db:"file_sha256"` // in hexadecimal
}

// Approve orders refunds from the bank: their money is on its way, and the file for the
// bank is fixed by its hash. A refund that somebody requested needs somebody else.
//
// Faults: refunds_none, refund_changed, refunds_of_two_accounts, own_request,
// refund_booked_after_all, seller_account_unknown, those of the day of execution and of a
// transfer.
func (s *Service) Approve(ctx context.Context, actor identity.Actor, req ApproveRequest) (File, error) {
	if err := mayRefund(actor); err != nil {
		return File{}, err
	}
	slices.Sort(req.Refunds)
	req.Refunds = slices.Compact(req.Refunds)
	if len(req.Refunds) == 0 {
		return File{}, fault.New(fault.Invalid, "refunds_none")
	}
	var f File
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		f, err = once.Do(ctx, tx, actor.Organisation, "approve_refunds", req, func() (File, error) {
			return s.approve(ctx, tx, actor, req)
		})
		return err
	})
	return f, err
}

func (s *Service) approve(ctx context.Context, tx *db.Tx, actor identity.Actor, req ApproveRequest) (File, error) {
	on, err := sepa.ExecutionDay(req.ExecutionOn, vouchers.DayOf(tx.Now))
	if err != nil {
		return File{}, err
	}
	all, err := s.holdProposed(ctx, tx, actor, req.Refunds)
	if err != nil {
		return File{}, err
	}
	from := all[0].Kind.Account()
	debtor := s.Seller.Account(invoicing.Face)
	if from == Operating {
		debtor = s.Seller.Account(invoicing.Fees)
	}
	if debtor.IBAN == "" {
		return File{}, fault.New(fault.Conflict, "seller_account_unknown")
	}
	id, err := insertFile(ctx, tx, actor, newFile{account: from, on: on, refunds: all, seller: s.Seller, debtor: debtor, version: cmp.Or(s.Reads, sepa.Version09)})
	if err != nil {
		return File{}, err
	}
	var transfers []ledger.Transfer
	for _, r := range all {
		if err := markOrdered(ctx, tx, actor, r.ID, id); err != nil {
			return File{}, err
		}
		given, err := partsOf(ctx, tx, r.ID)
		if err != nil {
			return File{}, err
		}
		transfers = append(transfers, r.ordered(given)...)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return File{}, err
	}
	if err := fixFile(ctx, tx, id); err != nil {
		return File{}, err
	}
	f, err := file(ctx, tx, id)
	if err != nil {
		return File{}, err
	}
	return f, audit.Record(ctx, tx, actor, "refunds_approved", fileObject(id), nil, map[string]any{"file": f, "refunds": req.Refunds})
}

// ordered is what ordering a refund does to the books.
func (r Refund) ordered(given parts) []ledger.Transfer {
	switch r.Kind {
	case OfFees:
		return ledger.FeesBackOrdered(r.ID, r.funder(), r.Amount)
	case OfClaim:
		return ledger.ClaimOrdered(r.ID, given)
	}
	return ledger.RefundOrdered(r.ID, r.funder(), given)
}

// holdProposed locks proposals, after their funders, and refuses those that the books do
// not cover any more.
func (s *Service) holdProposed(ctx context.Context, tx *db.Tx, actor identity.Actor, ids []vouchers.RefundID) ([]Refund, error) {
	all, err := refundsIn(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Refund) int { return cmp.Compare(a.funder(), b.funder()) })
	for i, r := range all {
		if i > 0 && r.funder() == all[i-1].funder() {
			continue
		}
		if err := s.refresh(ctx, tx, r.funder()); err != nil {
			return nil, err
		}
	}
	if all, err = refundsIn(ctx, tx, ids); err != nil {
		return nil, err
	}
	if len(all) != len(ids) {
		return nil, fault.New(fault.Conflict, "refund_changed")
	}
	requested := map[vouchers.OrganisationID]parts{}
	for _, r := range all {
		switch {
		case r.State != Proposed:
			return nil, fault.New(fault.Conflict, "refund_changed")
		case r.Kind.Account() != all[0].Kind.Account():
			return nil, fault.New(fault.Invalid, "refunds_of_two_accounts")
		case r.RequestedBy != nil && *r.RequestedBy == actor.Person:
			return nil, fault.New(fault.Conflict, "own_request")
		}
		if r.RequestedBy == nil {
			continue
		}
		given, err := partsOf(ctx, tx, r.ID)
		if err != nil {
			return nil, err
		}
		if requested[r.funder()] == nil {
			requested[r.funder()] = parts{}
		}
		for c, amount := range given {
			requested[r.funder()][c] += amount
		}
	}
	for funder, asked := range requested {
		if err := covered(ctx, tx, funder, asked); err != nil {
			return nil, err
		}
	}
	return all, notTakenAlready(ctx, tx, ids)
}

// notTakenAlready refuses what may be the money of a refund that the bank had rejected and
// took all the same: as long as nobody has decided on that debit, it would leave twice.
func notTakenAlready(ctx context.Context, tx *db.Tx, ids []vouchers.RefundID) error {
	name, err := takenAfterAll(ctx, tx, ids)
	if err == nil && name != "" {
		err = fault.New(fault.Conflict, "refund_booked_after_all", "transfer", name)
	}
	return err
}

// covered refuses what somebody requested before the funder fell into debt, or before that
// credit was taken away.
func covered(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, asked parts) error {
	all, err := creditsOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	debt, err := debtOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	have := parts{}
	for _, c := range all {
		have[c.Campaign] = c.Amount
	}
	left := have.sum() - debt
	for c, amount := range asked {
		if amount > have[c] {
			left = min(left, have[c])
		}
	}
	if asked.sum() > left {
		return fault.New(fault.Conflict, "more_than_credit", "left", max(left, 0))
	}
	return nil
}

// WriteFile writes a pain.001.001.09 file to w and records who took it. It is made anew
// from the rows each time, always with the same bytes; when their hash is not the one
// fixed at approval, nothing is written.
func (s *Service) WriteFile(ctx context.Context, actor identity.Actor, id vouchers.RefundFileID, w io.Writer) error {
	if err := mayRefund(actor); err != nil {
		return err
	}
	var bytes []byte
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		f, err := file(ctx, tx, id)
		if errors.Is(err, db.ErrNoRows) {
			return fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return err
		}
		made, sum, err := fileNow(ctx, tx, id)
		if err != nil {
			return err
		}
		if sum != f.SHA256 {
			return fmt.Errorf("refund file %d: the rows no longer give the file that was approved (%s)", id, f.SHA256)
		}
		bytes = made
		return audit.Record(ctx, tx, actor, "refund_file_taken", fileObject(id), nil, nil)
	})
	if err != nil {
		return err
	}
	_, err = w.Write(bytes)
	return err
}

// Files lists the latest files, newest first.
func (s *Service) Files(ctx context.Context, actor identity.Actor) ([]File, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var all []File
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = files(ctx, tx, 20)
		return err
	})
	return all, err
}

func fileObject(id vouchers.RefundFileID) string { return fmt.Sprintf("refund_file:%d", id) }

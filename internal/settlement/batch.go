package settlement

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// A bank may book a file as one sum without naming the transfers in it, whether it was asked to
// or does so anyway. Such a line books all the payouts of the file that are in transit, or none.

// JobKind names the job that tells structures of payouts that one line has booked.
const JobKind = "tell_batch"

// NotDebited is the reason of payouts of which a person has said, from the bank's answer, that
// they were not in the file's sum: told in words (ISO 20022).
const NotDebited = "NARR"

// Files tells which names are message ids of files of settlements that were approved.
func (s *Service) Files(ctx context.Context, tx *db.Tx, names []string) (map[string]bool, error) {
	found, err := filesNamed(ctx, tx, names)
	set := make(map[string]bool, len(found))
	for _, name := range found {
		set[name] = true
	}
	return set, err
}

// UnderWay tells what of each file is in transit, in no order.
func (s *Service) UnderWay(ctx context.Context, tx *db.Tx, files []string) ([]sepa.UnderWay, error) {
	return openIn(ctx, tx, files)
}

// BookBatch books all the payouts of a file that are in transit by one debit, and returns the
// settlement. Where their sum is not the debit, or the bank says another count, it books none and
// returns 0; the bank has the file all the same.
func (s *Service) BookBatch(ctx context.Context, tx *db.Tx, b sepa.Batch) (vouchers.SettlementID, error) {
	if b.Account != s.debtor.IBAN {
		return 0, nil
	}
	open, err := lockBatch(ctx, tx, b.File)
	if err != nil || len(open) == 0 {
		return 0, err
	}
	if sumOf(open) != b.Amount || b.Count != 0 && b.Count != len(open) {
		return 0, setSent(ctx, tx, open[0].Settlement)
	}
	return open[0].Settlement, bookAll(ctx, tx, open, b)
}

// BookBatchBut does what a person has decided of a debit that is not what its file comes to:
// some of the payouts were not debited, as the bank has said. Those are rejected and owed again;
// the others are booked, and must come to the debit exactly. The count that the bank told counts
// no more: some banks tell how many were ordered.
//
// Faults: batch_transfer_unknown where one of them is not in transit in this file,
// batch_sum_differs.
func (s *Service) BookBatchBut(ctx context.Context, tx *db.Tx, b sepa.Batch, notDebited []string) (vouchers.SettlementID, error) {
	open, err := lockBatch(ctx, tx, b.File)
	if err != nil {
		return 0, err
	}
	in, out, err := divide(open, b.File, notDebited)
	if err != nil {
		return 0, err
	}
	if sum := sumOf(in); sum != b.Amount {
		return 0, fault.New(fault.Invalid, "batch_sum_differs", "sum", sum, "count", len(in), "amount", b.Amount)
	}
	for _, p := range out {
		if _, err := s.Reject(ctx, tx, p.EndToEnd, NotDebited); err != nil {
			return 0, err
		}
	}
	return in[0].Settlement, bookAll(ctx, tx, in, b)
}

func sumOf(payouts []openPayout) vouchers.Cents {
	var sum vouchers.Cents
	for _, p := range payouts {
		sum += p.Amount
	}
	return sum
}

// divide parts the payouts of a file that are in transit from those that are named, all of
// which must be among them. Either stay in their order.
func divide(open []openPayout, file string, names []string) (in, out []openPayout, err error) {
	named := map[string]bool{}
	for _, name := range names {
		named[name] = true
	}
	for _, p := range open {
		if named[p.EndToEnd] {
			out = append(out, p)
		} else {
			in = append(in, p)
		}
		delete(named, p.EndToEnd)
	}
	for _, name := range names {
		if named[name] {
			return nil, nil, fault.New(fault.Invalid, "batch_transfer_unknown", "name", name, "file", file)
		}
	}
	return in, out, nil
}

// lockBatch locks what of a file is in transit, after the ledger's gate, as everywhere.
func lockBatch(ctx context.Context, tx *db.Tx, file string) ([]openPayout, error) {
	if err := ledger.Enter(ctx, tx); err != nil {
		return nil, err
	}
	open, err := lockOpen(ctx, tx, file)
	if err != nil {
		return nil, err
	}
	t, err := lockTopUpIn(ctx, tx, file)
	if t != nil {
		open = append(open, openPayout{Settlement: t.Settlement, EndToEnd: t.EndToEnd, Amount: t.Amount, topUp: t})
	}
	return open, err
}

// bookAll books payouts as leave books one, each with its transfers and its entry in the audit
// trail, in statements of which there are as many for ten thousand. Their structures are told
// by a job.
func bookAll(ctx context.Context, tx *db.Tx, payouts []openPayout, b sepa.Batch) error {
	if err := setSent(ctx, tx, payouts[0].Settlement); err != nil {
		return err
	}
	if last := len(payouts) - 1; payouts[last].topUp != nil {
		if err := fundPayouts(ctx, tx, *payouts[last].topUp, sepa.Movement{Line: b.Line, On: b.On}, b.Line); err != nil {
			return err
		}
		payouts = payouts[:last]
	}
	ids, objects := make([]int64, len(payouts)), make([]string, len(payouts))
	for i, p := range payouts {
		ids[i], objects[i] = int64(p.ID), fmt.Sprintf("payout:%d", p.ID)
	}
	if err := bookMany(ctx, tx, ids, b); err != nil {
		return err
	}
	parts, err := partsOfMany(ctx, tx, ids)
	if err != nil {
		return err
	}
	var transfers []ledger.Transfer
	for _, p := range payouts {
		transfers = append(transfers, ledger.PaidOut(p.ID, parts[p.ID])...)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return err
	}
	err = audit.RecordEach(ctx, tx, identity.Actor{}, "payout_booked", objects, map[string]any{"state": InTransit},
		map[string]any{"line": b.Line, "on": b.On, "file": b.File})
	if err != nil {
		return err
	}
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: JobKind, Unique: fmt.Sprintf("batch:%d", b.Line), Payload: b.Line})
}

// tellAtOnce is how many structures are told in one transaction.
const tellAtOnce = 100

// DoTell tells the structures whose payouts one line has booked, as if each had a line of its
// own. Done again, it tells nobody twice: a notice bears its payout's name.
func (s *Service) DoTell(ctx context.Context, job jobs.Work) error {
	var line int64
	if err := json.Unmarshal(job.Payload, &line); err != nil {
		return jobs.GiveUp(err)
	}
	var told []bookedPayout
	for after := vouchers.PayoutID(0); ; after = told[len(told)-1].ID {
		err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
			if told, err = bookedBy(ctx, tx, line, after); err != nil {
				return err
			}
			for _, p := range told {
				p.State, p.ReturnReason = Booked, "" // a return has a notice of its own
				if err := s.notify(ctx, tx, p.Email, p.Payout); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(told) < tellAtOnce {
			return err
		}
	}
}

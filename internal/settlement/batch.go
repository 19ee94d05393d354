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
// returns 0. Either way the bank has the file.
func (s *Service) BookBatch(ctx context.Context, tx *db.Tx, b sepa.Batch) (vouchers.SettlementID, error) {
	if b.Account != s.debtor.IBAN {
		return 0, nil
	}
	f, err := lockBatch(ctx, tx, b.File)
	if err != nil {
		return 0, err
	}
	if f.sum() != b.Amount || b.Count != 0 && b.Count != f.count() {
		return 0, setSent(ctx, tx, f.settlement)
	}
	return f.settlement, bookAll(ctx, tx, f, b)
}

// BookBatchBut does what a person has decided of a debit that is not what its file comes to:
// some of the payouts were not debited, as the bank has said. Those are rejected and owed again;
// the others are booked, and must come to the debit exactly. The count that the bank told counts
// no more: some banks tell how many were ordered.
//
// Faults: batch_transfer_unknown where one of them is not in transit in this file,
// batch_sum_differs.
func (s *Service) BookBatchBut(ctx context.Context, tx *db.Tx, b sepa.Batch, notDebited []string) (vouchers.SettlementID, error) {
	f, err := lockBatch(ctx, tx, b.File)
	if err != nil {
		return 0, err
	}
	f, err = f.without(notDebited)
	if err != nil {
		return 0, err
	}
	if sum := f.sum(); sum != b.Amount {
		return 0, fault.New(fault.Invalid, "batch_sum_differs", "sum", sum, "count", f.count(), "amount", b.Amount)
	}
	for _, name := range notDebited {
		if _, err := s.Reject(ctx, tx, name, NotDebited); err != nil {
			return 0, err
		}
	}
	return f.settlement, bookAll(ctx, tx, f, b)
}

// batch is a file and what of it is in transit.
type batch struct {
	file       string
	settlement vouchers.SettlementID
	open       []openPayout // in the order of their ids
	topUp      *TopUp       // for the payouts through Stripe; nil: none is in transit in this file
}

// count is how many transfers of the file are in transit.
func (f batch) count() int {
	if f.topUp != nil {
		return len(f.open) + 1
	}
	return len(f.open)
}

func (f batch) sum() vouchers.Cents {
	var sum vouchers.Cents
	if f.topUp != nil {
		sum = f.topUp.Amount
	}
	for _, p := range f.open {
		sum += p.Amount
	}
	return sum
}

// without leaves transfers out by their end-to-end ids.
func (f batch) without(names []string) (batch, error) {
	out := map[string]bool{}
	for _, name := range names {
		out[name] = true
	}
	rest := batch{file: f.file, settlement: f.settlement}
	if t := f.topUp; t != nil {
		if !out[t.EndToEnd] {
			rest.topUp = t
		}
		delete(out, t.EndToEnd)
	}
	for _, p := range f.open {
		if !out[p.EndToEnd] {
			rest.open = append(rest.open, p)
		}
		delete(out, p.EndToEnd)
	}
	for _, name := range names {
		if out[name] {
			return batch{}, fault.New(fault.Invalid, "batch_transfer_unknown", "name", name, "file", f.file)
		}
	}
	return rest, nil
}

// lockBatch locks what of a file is in transit, after the ledger's gate, as everywhere.
func lockBatch(ctx context.Context, tx *db.Tx, file string) (batch, error) {
	f := batch{file: file}
	if err := ledger.Enter(ctx, tx); err != nil {
		return f, err
	}
	var err error
	if f.settlement, err = settlementOf(ctx, tx, file); err != nil {
		return f, err
	}
	if f.open, err = lockOpen(ctx, tx, file); err != nil {
		return f, err
	}
	f.topUp, err = lockTopUpIn(ctx, tx, file)
	return f, err
}

// bookAll books payouts as leave books one, each with its transfers and its entry in the audit
// trail, in statements of which there are as many for ten thousand. Their structures are told
// by a job.
func bookAll(ctx context.Context, tx *db.Tx, f batch, b sepa.Batch) error {
	if err := setSent(ctx, tx, f.settlement); err != nil {
		return err
	}
	if f.topUp != nil {
		if err := fundPayouts(ctx, tx, *f.topUp, sepa.Movement{Line: b.Line, On: b.On}, b.Line); err != nil {
			return err
		}
	}
	ids, objects := make([]int64, len(f.open)), make([]string, len(f.open))
	for i, p := range f.open {
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
	for _, p := range f.open {
		transfers = append(transfers, ledger.PaidOut(p.ID, parts[p.ID])...)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return err
	}
	err = audit.RecordEach(ctx, tx, identity.Actor{}, "payout_booked", objects, map[string]any{"state": InTransit},
		map[string]any{"line": b.Line, "on": b.On, "file": f.file})
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

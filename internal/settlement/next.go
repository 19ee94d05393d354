package settlement

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Next is the settlement that would be closed at tx.Now: for whoever must be able to pay
// when nobody can close one any more. It bears the name that the next one will have, so that
// a bank that is given both takes the second for a repetition.
type Next struct {
	MessageID   string
	ExecutionOn vouchers.Day
	Payouts     []NextPayout // in the order of the structures' ids
	Held        []Held       // the greatest amount first
	File        []byte       // the pain.001.001.09 file; nil where there is nothing to pay
}

// NextPayout is one transfer of it.
type NextPayout struct {
	Structure vouchers.OrganisationID
	Amount    vouchers.Cents
	EndToEnd  string
}

// Total is what the file pays.
func (n Next) Total() vouchers.Cents {
	var sum vouchers.Cents
	for _, p := range n.Payouts {
		sum += p.Amount
	}
	return sum
}

// NextOf makes it, as tx sees the books. It changes nothing. Its fault is payer_unknown,
// where something is to be paid and the operator has not said from which account.
func NextOf(ctx context.Context, tx *db.Tx, from Debtor) (Next, error) {
	from = inOneFile(from)
	plan, err := (&Service{debtor: from}).planNow(ctx, tx, scope{}) // below the minimum too
	if err != nil {
		return Next{}, err
	}
	id, err := nextID(ctx, tx)
	if err != nil {
		return Next{}, err
	}
	n := Next{MessageID: messageID(id), ExecutionOn: sepa.NextWorkingDay(vouchers.DayOf(tx.Now)), Held: plan.held}
	lines := make([]fileLine, len(plan.pay))
	for i, p := range plan.pay {
		lines[i] = fileLine{EndToEnd: endToEnd(id, p.Structure), Amount: p.amount(), recipient: p.to}
		n.Payouts = append(n.Payouts, NextPayout{p.Structure, p.amount(), lines[i].EndToEnd})
	}
	switch {
	case len(lines) == 0:
		return n, nil
	case from.IBAN == "":
		return n, fault.New(fault.Conflict, "payer_unknown")
	}
	var file bytes.Buffer
	head := fileHead{MessageID: n.MessageID, ClosedAt: tx.Now, ExecutionOn: n.ExecutionOn, Layout: hybrid, Files: 1, Debtor: from}
	if err := sepa.WriteInitiation(&file, initiation(head, 1, lines)); err != nil {
		return n, fmt.Errorf("the settlement to come: %w", err)
	}
	n.File = file.Bytes()
	return n, nil
}

// inOneFile is a debtor whose bank takes any number of transfers in one file, all of them to
// structures' own banks.
func inOneFile(from Debtor) Debtor {
	from.Version, from.Limit, from.Stripe = cmp.Or(from.Version, sepa.Version09), math.MaxInt, StripeAccount{}
	return from
}

// FilesOf are the files of a settlement by their message ids, whatever was approved.
func FilesOf(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) (map[string][]byte, error) {
	files, err := filesOf(ctx, tx, id)
	all := make(map[string][]byte, len(files))
	for _, f := range files {
		var file bytes.Buffer
		if _, _, err := makeFiles(ctx, tx, id, f.Number, &file); err != nil {
			return nil, err
		}
		all[f.MessageID] = file.Bytes()
	}
	return all, err
}

// nextID is the id that the next settlement will be given. Sequences have no snapshot; one
// that was drawn meanwhile leaves a gap, as a settlement that was refused does.
func nextID(ctx context.Context, tx *db.Tx) (id vouchers.SettlementID, err error) {
	err = tx.Get(ctx, &id, `SELECT last_value + is_called::int FROM settlements_id_seq`)
	return id, err
}

// CloseAsPaid closes the settlement that NextOf told at a time, after a trustee has paid its
// file: it bears the same name and pays the same amounts, so that the bank's statement books
// it. Where its file does not come out with the same bytes, what is owed is no longer what was
// paid, and it fails.
func CloseAsPaid(ctx context.Context, tx *db.Tx, from Debtor, at time.Time, file [sha256.Size]byte) (Settlement, error) {
	then := *tx
	then.Now = at
	closed, err := (&Service{debtor: inOneFile(from)}).close(ctx, &then, identity.Actor{}, CloseRequest{})
	if err != nil {
		return closed, err
	}
	if closed.SHA256 != hex.EncodeToString(file[:]) {
		return closed, fmt.Errorf("settlement %s: its file is not the one that was paid", closed.MessageID)
	}
	return closed, setPaidElsewhere(ctx, tx, closed.ID)
}

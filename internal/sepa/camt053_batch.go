package sepa

import (
	"strconv"
	"strings"

	"github.com/passerelle/passerelle/vouchers"
)

// rawDetails is a block of an entry: payments one by one, or a batch of which only the sum is
// told, or both.
type rawDetails struct {
	Btch struct {
		MsgId, PmtInfId, NbOfTxs string
		TtlAmt                   xmlAmount
	}
	TxDtls []rawTransaction
}

// count is how many payments a block stands for whose payments are not told one by one; 0
// where the bank does not say.
func (raw rawDetails) count() int {
	if len(raw.TxDtls) > 1 {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(raw.Btch.NbOfTxs))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// refersTo gives a payment what the block says of the file that ordered it.
func (raw rawDetails) refersTo(t *Transaction) {
	t.MessageID = firstOf(t.MessageID, provided(raw.Btch.MsgId))
	t.PaymentID = firstOf(t.PaymentID, provided(raw.Btch.PmtInfId))
	t.Count = raw.count()
}

// transactions gives the payments inside an entry; an entry without details is its own
// only transaction.
func (raw rawEntry) transactions(where place, e Entry, account IBAN) ([]Transaction, error) {
	total := 0
	for _, details := range raw.NtryDtls {
		total += len(details.TxDtls)
	}
	if total == 0 {
		return raw.sums(where, e), nil
	}
	var all []Transaction
	var sum vouchers.Cents
	for _, details := range raw.NtryDtls {
		for _, tx := range details.TxDtls {
			t, err := tx.transaction(where, e, account)
			if err != nil {
				return nil, err
			}
			if t.Amount, err = tx.amount(where, e, total == 1); err != nil {
				return nil, err
			}
			details.refersTo(&t)
			sum += t.Amount
			all = append(all, t)
		}
	}
	if sum != e.Amount {
		return nil, where.fault("statement_sum_mismatch", "expected", e.Amount, "found", sum)
	}
	return all, nil
}

// sums gives the transactions of an entry whose payments are not told: one for each of
// several batches whose totals make up the entry, or else the entry itself.
func (raw rawEntry) sums(where place, e Entry) []Transaction {
	text := strings.TrimSpace(raw.AddtlNtryInf)
	var all []Transaction
	var sum vouchers.Cents
	for _, details := range raw.NtryDtls {
		t := Transaction{Remittance: text}
		t.Amount, _ = where.amount(details.Btch.TtlAmt) // absent or not in euros: 0, and the sum is another
		details.refersTo(&t)
		sum += t.Amount
		all = append(all, t)
	}
	if len(all) > 1 && sum == e.Amount {
		return all
	}
	whole := Transaction{Amount: e.Amount, Remittance: text}
	if len(all) == 1 {
		whole.Count = all[0].Count
	}
	for _, t := range all {
		whole.MessageID, whole.PaymentID = firstOf(whole.MessageID, t.MessageID), firstOf(whole.PaymentID, t.PaymentID)
	}
	return []Transaction{whole}
}

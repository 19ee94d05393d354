package statements

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// newLine is a line on its way into the books.
type newLine struct {
	id           int64
	identity     string
	entry        string    // identity of the entry's first line
	account      sepa.IBAN // ours
	bookedOn     vouchers.Day
	credit       bool
	returned     bool // the bank says that it gives a payment back
	payment      sepa.Transaction
	endToEnd     string   // of the payment, or of the one that is given back
	names        []string // by which a room may know it
	expected     bool     // a room knows one of them
	file         string   // ours, whose one debit this is; "" where it is none
	kind         Kind     // "": it is as it should be
	outcome      Outcome
	cause        int64 // the order or the payout; 0 where nobody knows
	acknowledged bool  // has its outcome
}

// linesOf makes the lines of a statement: one for each payment in each entry, without
// those of no amount.
//
// An entry is named by the bank's own reference, or by its content where there is none.
// Inside one statement equal entries are counted apart, for the bank's balance counts
// them all; in another statement they are the same ones again. NtryRef is not used:
// many banks only number the entries of a file with it.
func linesOf(s sepa.Statement) []*newLine {
	var lines []*newLine
	seen := map[string]int{}
	for _, e := range s.Entries {
		name := nameOf(s.Account, e)
		seen[name]++
		entry := digest(name, seen[name])
		n := 0
		for _, t := range e.Transactions {
			if t.Amount == 0 {
				continue
			}
			lines = append(lines, &newLine{
				identity: fmt.Sprintf("%s/%d", entry, n), entry: entry + "/0", account: s.Account, bookedOn: e.Booked, credit: e.Credit,
				returned: t.ReturnReason != "" || e.Reversal, payment: t, endToEnd: endToEndOf(t), names: nameLine(t),
			})
			n++
		}
	}
	return lines
}

func endToEndOf(t sepa.Transaction) string {
	if t.OriginalEndToEndID != "" {
		return t.OriginalEndToEndID
	}
	return t.EndToEndID
}

// nameOf is what makes an entry the same entry in every file that shows it.
func nameOf(account sepa.IBAN, e sepa.Entry) string {
	parts := []any{account.Full(), e.Booked, e.Credit, int64(e.Amount), e.BankReference}
	if e.BankReference == "" {
		parts = append(parts, e.ValueDate, e.Reversal)
		for _, t := range e.Transactions {
			parts = append(parts, int64(t.Amount), t.EndToEndID, t.Counterparty.Name, t.Counterparty.IBAN.Full(),
				t.Remittance, t.CreditorReference, t.ReturnReason)
		}
	}
	return fmt.Sprintf("%q", parts)
}

func digest(name string, occurrence int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, occurrence))
	return hex.EncodeToString(sum[:16])
}

// withoutKnown leaves out the entries that an earlier statement brought. An entry is
// known or new as a whole: one file may tell its payments and another only their sum.
func withoutKnown(lines []*newLine, known map[string]bool) []*newLine {
	fresh := make([]*newLine, 0, len(lines))
	for _, l := range lines {
		if !known[l.entry] {
			fresh = append(fresh, l)
		}
	}
	return fresh
}

func (l *newLine) explain(o Outcome, cause int64) {
	l.outcome, l.cause, l.acknowledged = o, cause, true
	if o == PayoutReturned {
		l.kind = PayoutCameBack
	}
}

// pays tells whether a line may be a payment.
func (l *newLine) pays() bool { return l.credit && !l.returned && !l.expected }

// nameLine lists what may be a name in a line: the identifiers, the references and the
// words of the text. A name has 6 to 35 characters, as in a payment file.
func nameLine(t sepa.Transaction) []string {
	all := append([]string{endToEndOf(t), t.CreditorReference}, sepa.FindReferences(t.CreditorReference+" "+t.Remittance)...)
	all = append(all, strings.FieldsFunc(strings.ToUpper(t.Remittance), func(r rune) bool {
		return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})...)
	var names []string
	for _, name := range all {
		if n := len(name); n >= 6 && n <= 35 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// namesOf lists the names of all lines, each once.
func namesOf(lines []*newLine) []string {
	set := map[string]bool{}
	for _, l := range lines {
		for _, name := range l.names {
			set[name] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func (l *newLine) isNamed(known map[string]bool) bool {
	return slices.ContainsFunc(l.names, func(name string) bool { return known[name] })
}

// asMovement is the line as the room sees it that knows its name.
func (l *newLine) asMovement(name string) sepa.Movement {
	return sepa.Movement{Line: l.id, Account: l.account, Name: name, Amount: l.payment.Amount, Credit: l.credit, Returned: l.returned,
		ReturnReason: l.payment.ReturnReason, On: l.bookedOn}
}

// asPayment is the line as orders see it.
func (l *newLine) asPayment() orders.Payment {
	return orders.Payment{
		Line: l.id, Amount: l.payment.Amount,
		Stated: append(sepa.FindReferences(l.payment.CreditorReference), sepa.FindReferences(l.payment.EndToEndID)...),
		Found:  sepa.FindReferences(l.payment.Remittance),
	}
}

// unexplained gives the lines without outcome the one that asks a person, and the
// transfers that keep their cash in suspense. What leaves the operating account unordered
// is the operator's own business, and asks nobody; unless it names a transfer of ours that it is
// not, such as one that the bank had rejected.
func unexplained(account Account, lines []*newLine, n named) []ledger.Transfer {
	var transfers []ledger.Transfer
	for _, l := range lines {
		amount := l.payment.Amount
		switch {
		case l.acknowledged:
			continue
		case account == Operating && l.credit:
			l.explain(OperatingOther, 0)
			transfers = append(transfers, ledger.OperatingMoved(l.id, amount)...)
		case account == Operating:
			l.explain(OperatingOther, 0)
			transfers = append(transfers, ledger.OperatingMoved(l.id, -amount)...)
			if !l.expected {
				continue
			}
		case l.credit:
			l.explain(Unattributed, 0)
			transfers = append(transfers, ledger.ReceivedUnexplained(l.id, amount)...)
		default:
			l.explain(UnexpectedDebit, 0)
			transfers = append(transfers, ledger.DebitedUnexpectedly(l.id, amount)...)
		}
		l.kind = l.kindWaiting(account, n)
	}
	return transfers
}

// remittance is all that the payer wrote.
func remittance(t sepa.Transaction) string {
	return strings.TrimSpace(t.CreditorReference + " " + t.Remittance)
}

package statements

import (
	"regexp"
	"strings"

	"github.com/passerelle/passerelle/vouchers"
)

// Kind is why a line waits for a person.
type Kind string

// The kinds, the gravest first.
const (
	NobodysDebit   Kind = "unexpected_debit" // nobody ordered it
	BatchMismatch  Kind = "batch_mismatch"   // a file's one debit that is not what its payouts come to
	GivenBack      Kind = "payment_returned" // a debit that looks like the return of a payment
	PayoutCameBack Kind = "payout_returned"  // a structure's bank sent its payout back
	WrongAccount   Kind = "wrong_account"    // face value on the operating account, fees on the segregated one
	WrongReference Kind = "wrong_reference"  // a reference that is none of ours, or several
	UnknownPayer   Kind = "unknown_payer"    // nothing says what it is for
	DoublePayment  Kind = "double_payment"   // what it pays was paid already
	OverPayment    Kind = "over_payment"     // more than was asked
	PartPayment    Kind = "part_payment"     // less than was asked
	asItShouldBe   Kind = ""
)

// Kinds lists them in this order.
func Kinds() []Kind {
	return []Kind{NobodysDebit, BatchMismatch, GivenBack, PayoutCameBack, WrongAccount, WrongReference, UnknownPayer, DoublePayment, OverPayment, PartPayment}
}

// kindOfPayment judges a payment by what was missing before and after it, and by what came
// above it.
func kindOfPayment(lacked, lacks, excess vouchers.Cents) Kind {
	switch {
	case lacked <= 0:
		return DoublePayment
	case excess > 0:
		return OverPayment
	case lacks > 0:
		return PartPayment
	}
	return asItShouldBe
}

// kindWaiting judges a line that nobody knows.
func (l *newLine) kindWaiting(account Account, n named) Kind {
	order, namesOrder := n.orders[l.id]
	invoice, namesInvoice := n.invoices[l.id]
	switch {
	case l.file != "":
		return BatchMismatch
	case !l.credit:
		return NobodysDebit
	case account == Segregated && invoice != 0, account == Operating && order != 0:
		return WrongAccount
	case namesOrder, namesInvoice, looksLikeReference.MatchString(textOf(l)):
		return WrongReference
	}
	return UnknownPayer
}

// looksLikeReference finds what a payer may have meant as a reference of ours.
var looksLikeReference = regexp.MustCompile(`\b(RF ?[0-9]{2}|PASS ?[0-9]{3}|[FA][0-9]{4}-?[0-9]{6})`)

// textOf is all that a payer wrote, in capitals.
func textOf(l *newLine) string {
	return strings.ToUpper(l.payment.EndToEndID + " " + remittance(l.payment))
}

// lastPartOnly leaves each order or invoice the case of its latest payment: one that was
// paid in ten parts of one statement lacks nothing, or lacks it once.
func lastPartOnly(lines []*newLine) {
	type paid struct {
		outcome Outcome
		cause   int64
	}
	parts := map[paid]*newLine{}
	for _, l := range lines {
		if l.outcome != OrderFunded && l.outcome != FeesPaid {
			continue
		}
		what := paid{l.outcome, l.cause}
		if earlier := parts[what]; earlier != nil {
			earlier.kind = asItShouldBe
		}
		if parts[what] = nil; l.kind == PartPayment {
			parts[what] = l
		}
	}
}

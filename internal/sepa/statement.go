package sepa

import (
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// Kind tells what a bank's message is.
type Kind string

const (
	KindStatement    Kind = "camt.053" // the account's truth at the end of a day
	KindNotification Kind = "camt.054" // details of some movements, without balances
)

// Statement is what a bank says of one account. Times are in UTC; one that the
// bank wrote without zone is taken as Paris time.
type Statement struct {
	ID        string
	Kind      Kind
	Account   IBAN
	CreatedAt time.Time // zero where the bank does not say
	From, To  time.Time // zero where the bank does not say
	Opening   *Balance  // nil where absent, as in every notification
	Closing   *Balance
	Entries   []Entry // booked: facts
	Pending   []Entry // announced by the bank, not booked: never facts
}

// Balance is what the account holds at the start or the end of a day.
type Balance struct {
	Day    vouchers.Day
	Amount vouchers.Cents // below zero when overdrawn
}

// Entry is one movement of the account.
type Entry struct {
	Reference     string         // NtryRef, or else AcctSvcrRef
	BankReference string         // AcctSvcrRef: the bank's own name of the movement
	Status        string         // "BOOK", or "PDNG", "INFO", … in Statement.Pending
	Booked        vouchers.Day   // either day stands for the other where one is absent;
	ValueDate     vouchers.Day   // both are zero for a pending entry without any
	Amount        vouchers.Cents // never below zero
	Credit        bool           // true: the account received; also right for reversals
	Reversal      bool           // undoes an earlier movement of the other direction
	Code          BankCode
	Transactions  []Transaction // at least one; their amounts add up to Amount
}

// BankCode is the bank transaction code of ISO 20022, for example PMNT, ICDT, ESCT;
// Proprietary is the bank's own code beside or instead of it.
type BankCode struct {
	Domain, Family, SubFamily string
	Proprietary               string
}

// Transaction is one payment inside an entry; a batch entry has many.
type Transaction struct {
	EndToEndID         string // "" where the bank says NOTPROVIDED
	InstructionID      string
	MessageID          string // of the file that ordered it
	PaymentID          string // PmtInfId of the file that ordered it
	Count              int    `json:",omitempty"` // of how many transfers this is the sum, which the bank does not name; 0: it does not say
	Amount             vouchers.Cents
	Counterparty       Counterparty
	Remittance         string // free text, its lines joined with a space
	CreditorReference  string // structured, as the bank wrote it
	ReturnReason       string // "AC04"…: this movement gives a payment back
	OriginalEndToEndID string // of the payment given back; "" when nothing is
}

// Counterparty is who is at the other end.
type Counterparty struct {
	Name string
	IBAN IBAN // "" where absent or not an IBAN
}

// Movement is the entry's effect on the account: its amount, below zero for a debit.
func (e Entry) Movement() vouchers.Cents {
	if e.Credit {
		return e.Amount
	}
	return -e.Amount
}

// CheckBalances checks that opening balance and booked movements make the closing
// balance. Where either balance is missing there is nothing to check. Its fault is
// statement_balance_mismatch, with the amounts expected (by the sum) and found.
func (s Statement) CheckBalances() error {
	if s.Opening == nil || s.Closing == nil {
		return nil
	}
	expected := s.Opening.Amount
	for _, e := range s.Entries {
		expected += e.Movement()
	}
	if expected != s.Closing.Amount {
		return fault.New(fault.Invalid, "statement_balance_mismatch",
			"statement", s.ID, "expected", expected, "found", s.Closing.Amount)
	}
	return nil
}

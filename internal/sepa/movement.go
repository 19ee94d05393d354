package sepa

import "github.com/passerelle/passerelle/vouchers"

// Movement is a booked line of one of our accounts that names something of ours: a
// transfer that we ordered, or one that we expect. The room that knows the name takes it
// into its books.
type Movement struct {
	Line         int64  // id of the line
	Account      IBAN   // ours
	Name         string // the end-to-end id or reference that was recognised
	Amount       vouchers.Cents
	Credit       bool // the account received it
	Returned     bool // the bank says that it gives a transfer back
	ReturnReason string
	On           vouchers.Day
}

// Ordered is a transfer of a file that we sent to the bank.
type Ordered struct {
	Name     string         `db:"end_to_end"`
	Payee    string         `db:"payee"` // who is paid
	Amount   vouchers.Cents `db:"amount_cents"`
	Rejected bool           `db:"rejected"` // the bank has refused it before
}

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

// Batch is a booked debit of one of our accounts that is the sum of transfers of a file of
// ours, which the bank does not name one by one.
type Batch struct {
	Line    int64 // id of the line
	Account IBAN  // ours
	File    string
	Amount  vouchers.Cents
	Count   int // how many transfers; 0: the bank does not say
	On      vouchers.Day
}

// UnderWay is what the bank was ordered by a file and has neither debited nor rejected.
type UnderWay struct {
	File       string                `json:"message_id" db:"message_id"`
	Settlement vouchers.SettlementID `json:"settlement" db:"settlement_id"`
	Count      int                   `json:"expected_count" db:"count"`
	Amount     vouchers.Cents        `json:"expected_cents" db:"amount_cents"`
}

// Ordered is a transfer of a file that we sent to the bank.
type Ordered struct {
	Name     string         `db:"end_to_end"`
	Payee    string         `db:"payee"` // who is paid
	Amount   vouchers.Cents `db:"amount_cents"`
	Rejected bool           `db:"rejected"` // the bank has refused it before
}

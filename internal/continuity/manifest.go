package continuity

import (
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// format names the folder and its version.
const format = "passerelle-continuity-1"

// Manifest says what an export is, and fixes every other file of it. It is signed.
type Manifest struct {
	Format     string             `json:"format"`
	At         time.Time          `json:"at"` // of the one moment that all files show, to the microsecond as the database keeps it
	Operator   string             `json:"operator"`
	PublicURL  string             `json:"public_url"`
	Schema     int64              `json:"schema"`          // of instance.age: the last migration
	Transfers  int64              `json:"transfers_up_to"` // the last line of the ledger
	Sealed     int64              `json:"sealed_up_to"`
	Trustees   []string           `json:"trustees"` // public keys that can read the files in .age
	Figures    Figures            `json:"figures"`
	Payment    *Payment           `json:"payment"` // null where there is nothing to pay
	Invariants map[string]bool    `json:"invariants"`
	Key        vouchers.PublicKey `json:"key"` // that signs this manifest, and seals
	Files      []File             `json:"files"`
}

// Figures are the sums of an export.
type Figures struct {
	Owed         vouchers.Cents `json:"owed_cents"`       // to structures, what is on its way aside
	ToPay        vouchers.Cents `json:"to_pay_cents"`     // of it, in the payment file
	Held         vouchers.Cents `json:"held_cents"`       // of it, not in the payment file: owed.csv says why
	InTransit    vouchers.Cents `json:"in_transit_cents"` // ordered from the bank before; not owed again
	Live         vouchers.Cents `json:"live_cents"`       // in people's hands
	Structures   int            `json:"structures"`       // that are owed something
	ToPayCount   int            `json:"to_pay_structures"`
	HeldCount    int            `json:"held_structures"`
	Booklets     int            `json:"booklets"` // with something left
	Lines        int            `json:"lines"`    // of the ledger that make up what is owed
	Proven       int            `json:"proven_lines"`
	Unsealed     int            `json:"unsealed_lines"`
	CashHeld     vouchers.Cents `json:"cash_held_cents"`      // as the books know it
	CashAtStripe vouchers.Cents `json:"cash_at_stripe_cents"` // of it, not on the segregated account: it comes back there, or goes to structures
	CashPromised vouchers.Cents `json:"cash_promised_cents"`
}

// Payment is the file that pays what is owed.
type Payment struct {
	MessageID   string          `json:"message_id"`
	ExecutionOn vouchers.Day    `json:"execution_on"`
	Transfers   int             `json:"transfers"`
	Total       vouchers.Cents  `json:"total_cents"`
	SHA256      vouchers.Digest `json:"sha256"` // of the file in clear
}

// File is one file of an export.
type File struct {
	Name   string          `json:"name"`
	Size   int64           `json:"size"`
	SHA256 vouchers.Digest `json:"sha256"`
}

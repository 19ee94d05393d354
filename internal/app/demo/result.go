package demo

import (
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Result is what `passerelle demo --json` prints. Amounts are face value in cents, where
// nothing else is said.
type Result struct {
	Places        int                 `json:"places"` // labelled, taking vouchers
	Campaigns     int                 `json:"campaigns"`
	OrderedCents  vouchers.Cents      `json:"ordered_cents"`
	ReceivedCents vouchers.Cents      `json:"received_cents"`
	LiveCents     vouchers.Cents      `json:"live_cents"`
	HandedOver    int                 `json:"handed_over"` // booklets
	Redeemed      int                 `json:"redeemed"`    // redemptions in force: those undone are not counted
	RedeemedCents vouchers.Cents      `json:"redeemed_cents"`
	SettledCents  vouchers.Cents      `json:"settled_cents"` // paid, on the bank's statement
	ExpiredCents  vouchers.Cents      `json:"expired_cents"`
	Invoices      int                 `json:"invoices"` // without credit notes
	CreditNotes   int                 `json:"credit_notes"`
	FeesCents     vouchers.Cents      `json:"fees_cents"`        // invoiced and not credited, VAT included
	RefundedCents vouchers.Cents      `json:"refunded_cents"`    // face value and fees, on the bank's statement
	PaidOnline    vouchers.Cents      `json:"paid_online_cents"` // face value and fees, and arrived
	FECBalanced   bool                `json:"fec_balanced"`      // debits equal credits in every file
	Closed        vouchers.CampaignID `json:"closed_campaign"`
	CoverOK       bool                `json:"cover_ok"`
	Invariants    map[string]bool     `json:"invariants"`
	Accounts      []*Account          `json:"accounts"`
	LiveCodes     []LiveCode          `json:"live_codes"`
	Files         []string            `json:"files"`
}

// Holds reports whether the books are covered and every invariant holds.
func (r Result) Holds() bool {
	for _, ok := range r.Invariants {
		if !ok {
			return false
		}
	}
	return r.CoverOK && len(r.Invariants) > 0
}

// Account is a person of the demonstration who can sign in.
type Account struct {
	Organisation string        `json:"organisation"`
	Kind         identity.Kind `json:"kind"`
	Role         identity.Role `json:"role"`
	Email        string        `json:"email"`
	Password     string        `json:"password"`
	Token        string        `json:"token"`

	client *client
}

// LiveCode is a booklet that can be spent.
type LiveCode struct {
	QR    string `json:"qr"`
	Typed string `json:"typed"`
	Left  int    `json:"vouchers_left"`
}

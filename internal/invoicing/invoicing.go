// Package invoicing issues invoices and credit notes. Their numbers have no gap within a
// series and a year, and what was issued is never changed.
//
// An order has two invoices. Its face value is outside the scope of VAT, because a voucher
// is a multi-purpose voucher (Directive 2006/112/EC art. 30a and 30b(2); CGI art. 256 ter),
// and is paid to the segregated account. The operator's fees bear VAT and are paid to the
// operating account. EN 16931 keeps the two apart: beside "not subject to VAT" an invoice
// may have no other VAT breakdown (BR-O-11) and no VAT identifier (BR-O-2).
package invoicing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Kind is what an invoice is for.
type Kind string

const (
	Face Kind = "face" // an order's face value, outside VAT
	Fees Kind = "fees" // the operator's service, with VAT
)

// dueAfter is how long a funder has to pay. It is the longest delay of public buyers (Code
// de la commande publique, art. R2192-10).
const dueAfter = 30

// Account is where an invoice is paid.
type Account struct {
	IBAN sepa.IBAN
	BIC  sepa.BIC // may be empty
}

// Seller is the operator as its invoices name it.
type Seller struct {
	Name, SIRET, VATID     string
	Street, Postcode, Town string
	Segregated, Operating  Account // where face value and where fees are paid
}

// Account is where invoices of a kind are paid.
func (s Seller) Account(k Kind) Account {
	if k == Fees {
		return s.Operating
	}
	return s.Segregated
}

// Party is who sells or buys, as on the day of the invoice.
type Party struct {
	Name     string `json:"name"`
	SIRET    string `json:"siret"`
	VATID    string `json:"vat_id,omitempty"`
	Street   string `json:"street"`
	Postcode string `json:"postcode"`
	Town     string `json:"town"`
}

// Line is one thing that is sold.
type Line struct {
	Text     string         `json:"text"`
	Quantity int            `json:"quantity"`
	Unit     vouchers.Cents `json:"unit_cents"`
}

// Snapshot is what an invoice says besides its figures, as it was on its day.
type Snapshot struct {
	Seller Party        `json:"seller"`
	Buyer  Party        `json:"buyer"`
	IBAN   sepa.IBAN    `json:"iban"`
	BIC    sepa.BIC     `json:"bic,omitempty"`
	Lines  []Line       `json:"lines"`
	From   vouchers.Day `json:"from"` // the campaign's first and last day
	Until  vouchers.Day `json:"until"`
	Reason string       `json:"reason,omitempty"` // of a credit note
}

// Invoice is an invoice or, where Corrects is set, a credit note: its amounts are then what
// is given back.
type Invoice struct {
	ID          vouchers.InvoiceID      `json:"id" db:"id"`
	Number      string                  `json:"number" db:"number"`
	Kind        Kind                    `json:"kind" db:"kind"`
	Corrects    *vouchers.InvoiceID     `json:"corrects" db:"corrects"`
	Order       vouchers.OrderID        `json:"order" db:"order_id"`
	Campaign    vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	Funder      vouchers.OrganisationID `json:"funder" db:"funder_id"`
	IssuedAt    time.Time               `json:"issued_at" db:"issued_at"`
	IssuedOn    vouchers.Day            `json:"issued_on" db:"issued_on"`
	DueOn       vouchers.Day            `json:"due_on" db:"due_on"`
	Net         vouchers.Cents          `json:"net_cents" db:"net_cents"`
	VATRate     int                     `json:"vat_basis_points" db:"vat_bp"` // 2000 is 20 %
	VAT         vouchers.Cents          `json:"vat_cents" db:"vat_cents"`
	Reference   string                  `json:"reference" db:"reference"` // of the transfer (ISO 11649)
	Engagement  string                  `json:"engagement" db:"engagement"`
	ServiceCode string                  `json:"service_code" db:"service_code"`
	Paid        vouchers.Cents          `json:"paid_cents" db:"paid"`         // fees: to the invoice; face value: to its order
	Credited    vouchers.Cents          `json:"credited_cents" db:"credited"` // by credit notes, VAT included
	CreditedNet vouchers.Cents          `json:"-" db:"credited_net"`
	Chorus      string                  `json:"chorus" db:"chorus"` // the latest status of its deposit, "" for none
	Snapshot    Snapshot                `json:"-" db:"-"`
}

// Gross is the amount with VAT.
func (i Invoice) Gross() vouchers.Cents { return i.Net + i.VAT }

// Due is what is still to be paid; nothing of a credit note.
func (i Invoice) Due() vouchers.Cents {
	if i.Corrects != nil {
		return 0
	}
	return max(i.Gross()-i.Credited-i.Paid, 0)
}

// Series is where the invoice is numbered: "F" (facture) or "A" (avoir).
func (i Invoice) Series() string {
	if i.Corrects != nil {
		return "A"
	}
	return "F"
}

// VATOf is the VAT of a net amount at a rate in basis points, rounded half up to a cent.
func VATOf(net vouchers.Cents, rate int) vouchers.Cents {
	return (net*vouchers.Cents(rate) + 5000) / 10000
}

// Draft is an invoice to be issued.
type Draft struct {
	Kind                    Kind
	Order                   vouchers.OrderID
	Campaign                vouchers.CampaignID
	Funder                  vouchers.OrganisationID
	Lines                   []Line
	VATRate                 int    // basis points; 0 for face value
	Reference               string // "": one is made from the invoice's number
	From, Until             vouchers.Day
	Engagement, ServiceCode string // what Chorus Pro asks of public buyers; may be empty
}

// Issue numbers an invoice, posts its fees and keeps it for ever.
func Issue(ctx context.Context, tx *db.Tx, seller Seller, d Draft) (Invoice, error) {
	account := seller.Account(d.Kind)
	if account.IBAN == "" {
		return Invoice{}, fault.New(fault.Conflict, "seller_account_unknown")
	}
	buyer, err := identity.OrganisationOf(ctx, tx, d.Funder)
	if err != nil {
		return Invoice{}, err
	}
	i := Invoice{Kind: d.Kind, Order: d.Order, Campaign: d.Campaign, Funder: d.Funder, VATRate: d.VATRate,
		Reference: d.Reference, Engagement: d.Engagement, ServiceCode: d.ServiceCode,
		Snapshot: Snapshot{Seller: seller.party(d.Kind), Buyer: partyOf(buyer), IBAN: account.IBAN, BIC: account.BIC,
			Lines: d.Lines, From: d.From, Until: d.Until}}
	for _, l := range d.Lines {
		i.Net += l.Unit * vouchers.Cents(l.Quantity)
	}
	i.VAT = VATOf(i.Net, i.VATRate)
	return keep(ctx, tx, i, nil)
}

// CreditDraft gives a part of an invoice back.
type CreditDraft struct {
	Invoice vouchers.InvoiceID
	Net     vouchers.Cents // without VAT; at most what was invoiced and not credited yet
	Text    string         // what is given back, for the line
	Reason  string
}

// Credit issues a credit note.
func Credit(ctx context.Context, tx *db.Tx, d CreditDraft) (Invoice, error) {
	of, err := lockInvoice(ctx, tx, d.Invoice)
	if err != nil {
		return Invoice{}, err
	}
	if of.Corrects != nil {
		return Invoice{}, fault.New(fault.Conflict, "credit_of_credit_note")
	}
	if left := of.Net - of.CreditedNet; d.Net <= 0 || d.Net > left {
		return Invoice{}, fault.New(fault.Conflict, "credit_above_invoice", "left", left)
	}
	c := Invoice{Kind: of.Kind, Corrects: &of.ID, Order: of.Order, Campaign: of.Campaign, Funder: of.Funder,
		Net: d.Net, VATRate: of.VATRate, VAT: of.VATBack(d.Net), Reference: of.Reference,
		Engagement: of.Engagement, ServiceCode: of.ServiceCode, Snapshot: of.Snapshot}
	c.Snapshot.Lines = []Line{{Text: d.Text, Quantity: 1, Unit: d.Net}}
	c.Snapshot.Reason = d.Reason
	return keep(ctx, tx, c, &of)
}

// keep numbers and stores an invoice, and posts it where it is about fees. of is what a
// credit note corrects.
func keep(ctx context.Context, tx *db.Tx, i Invoice, of *Invoice) (Invoice, error) {
	i.IssuedAt, i.IssuedOn = tx.Now, vouchers.DayOf(tx.Now)
	i.DueOn = i.IssuedOn
	if of == nil {
		i.DueOn = i.IssuedOn.AddDays(dueAfter)
	}
	n, err := nextNumber(ctx, tx, i.Series(), i.IssuedOn.Time().Year())
	if err != nil {
		return Invoice{}, err
	}
	i.Number = n.String()
	if i.Reference == "" {
		if i.Reference, err = sepa.MakeRF(n.compact()); err != nil {
			return Invoice{}, err
		}
	}
	xml, err := xmlOf(i, of)
	if err != nil {
		return Invoice{}, err
	}
	if i.ID, err = insert(ctx, tx, n, i, xml); err != nil {
		return Invoice{}, err
	}
	if i.Kind == Face {
		return i, nil
	}
	sign := vouchers.Cents(1)
	if of != nil {
		sign = -1
	}
	return i, ledger.Post(ctx, tx, ledger.FeesInvoiced(i.ID, i.Funder, sign*i.Net, sign*i.VAT)...)
}

// OfOrder returns the invoices and credit notes of an order, in the order of their issue.
func OfOrder(ctx context.Context, tx *db.Tx, order vouchers.OrderID) ([]Invoice, error) {
	return invoices(ctx, tx, `i.order_id = $1 ORDER BY i.id`, order)
}

// FeesNamed returns the invoices of fees that were issued under any of the references.
func FeesNamed(ctx context.Context, tx *db.Tx, references []string) ([]Invoice, error) {
	return invoices(ctx, tx, `i.kind = 'fees' AND i.corrects IS NULL AND i.reference = ANY ($1) ORDER BY i.id`, db.Array(references))
}

// FeesPaid is what paid an invoice of fees: exactly one of Line and Checkout is set.
type FeesPaid struct {
	Invoice  vouchers.InvoiceID
	Line     int64
	Checkout vouchers.CheckoutID
	Amount   vouchers.Cents
}

// PayFees keeps a payment of fees. Its transfers are the caller's. It returns the invoice
// as it was before.
func PayFees(ctx context.Context, tx *db.Tx, p FeesPaid) (Invoice, error) {
	i, err := lockInvoice(ctx, tx, p.Invoice)
	if err != nil {
		return Invoice{}, err
	}
	return i, insertFeeReceipt(ctx, tx, p)
}

// FeesTakenBack is what a dispute took back of fees that had been paid online.
type FeesTakenBack struct {
	Invoice vouchers.InvoiceID
	Dispute int64
	Amount  vouchers.Cents
}

// TakeFeesBack makes fees due again that a dispute took back. Its transfers are the caller's.
func TakeFeesBack(ctx context.Context, tx *db.Tx, b FeesTakenBack) error {
	if _, err := lockInvoice(ctx, tx, b.Invoice); err != nil {
		return err
	}
	return insertFeeTakeback(ctx, tx, b)
}

// GiveFeesBack undoes it, where there was such a dispute; not twice. Its transfers are the
// caller's.
func GiveFeesBack(ctx context.Context, tx *db.Tx, dispute int64) error {
	return undoFeeTakeback(ctx, tx, dispute)
}

// UnpayFees forgets that a line of the operating account paid fees: it was for something
// else. Its transfers are the caller's. It returns the invoice that was paid.
func UnpayFees(ctx context.Context, tx *db.Tx, line int64) (Invoice, error) {
	id, err := invoiceOfLine(ctx, tx, line)
	if errors.Is(err, db.ErrNoRows) {
		return Invoice{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Invoice{}, err
	}
	i, err := lockInvoice(ctx, tx, id)
	if err != nil {
		return Invoice{}, err
	}
	return i, deleteFeeReceipt(ctx, tx, line)
}

// FeesUnpaid returns the latest invoices of fees that are not wholly paid, of all funders.
func FeesUnpaid(ctx context.Context, tx *db.Tx) ([]Invoice, error) {
	return invoices(ctx, tx, `i.id IN (
		SELECT i.id FROM invoices i
		WHERE i.kind = 'fees' AND i.corrects IS NULL AND i.net_cents + i.vat_cents
			> (`+PaidOfFees+`) + (SELECT COALESCE(sum(net_cents + vat_cents), 0) FROM invoices WHERE corrects = i.id)
		ORDER BY i.id DESC LIMIT 200)`)
}

// FeesByIDs returns invoices of fees.
func FeesByIDs(ctx context.Context, tx *db.Tx, ids []int64) ([]Invoice, error) {
	return invoices(ctx, tx, `i.kind = 'fees' AND i.corrects IS NULL AND i.id = ANY ($1)`, db.Array(ids))
}

func lockInvoice(ctx context.Context, tx *db.Tx, id vouchers.InvoiceID) (Invoice, error) {
	if err := lock(ctx, tx, id); err != nil {
		return Invoice{}, err
	}
	return one(ctx, tx, id)
}

func one(ctx context.Context, tx *db.Tx, id vouchers.InvoiceID) (Invoice, error) {
	all, err := invoices(ctx, tx, `i.id = $1`, id)
	if err == nil && len(all) == 0 {
		err = fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Invoice{}, err
	}
	return all[0], nil
}

func object(id vouchers.InvoiceID) string { return fmt.Sprintf("invoice:%d", id) }

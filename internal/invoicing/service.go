package invoicing

import (
	"context"
	"io"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to keep the deposits of invoices.
const Scope = "invoices"

// Service is the use cases of invoicing.
type Service struct{ db *db.DB }

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Query selects invoices. Zero values exclude nothing.
type Query struct {
	Kind   string // "face" or "fees" for invoices, "credit" for credit notes
	Unpaid bool   // only those of which something is due
	Year   int
	Before vouchers.InvoiceID // below this id: the cursor
	Limit  int                // 1 to 200
}

// List returns the invoices and credit notes of a funder, or of all funders for the
// operator, newest first.
func (s *Service) List(ctx context.Context, actor identity.Actor, q Query) ([]Invoice, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return nil, err
	}
	funder := actor.Organisation
	if actor.Kind == identity.Operator {
		funder = 0
	}
	q.Limit = min(max(q.Limit, 1), 200)
	var all []Invoice
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = matching(ctx, tx, funder, q)
		return err
	})
	return all, err
}

// Detail is an invoice with all that belongs to it.
type Detail struct {
	Invoice
	Content     Snapshot  `json:"content"`
	Corrected   *Invoice  `json:"corrected"`    // by a credit note
	CreditNotes []Invoice `json:"credit_notes"` // that correct it
	Deposits    []Deposit `json:"deposits"`     // on Chorus Pro, the latest first
	HasXML      bool      `json:"has_xml"`      // false where a party was not known well enough
}

// ForChorus tells that the invoice is for the State's portal, Chorus Pro.
func (d Detail) ForChorus() bool {
	return d.Content.Buyer.isPublic() || d.Engagement+d.ServiceCode != "" || len(d.Deposits) > 0
}

// Open returns one invoice of the actor's organisation; the operator sees all.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.InvoiceID) (Detail, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Detail{}, err
	}
	var d Detail
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		d, err = detail(ctx, tx, actor, id)
		return err
	})
	return d, err
}

func detail(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.InvoiceID) (Detail, error) {
	i, of, err := owned(ctx, tx, actor, id)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Invoice: i, Content: i.Snapshot, Corrected: of}
	if d.CreditNotes, err = invoices(ctx, tx, `i.corrects = $1 ORDER BY i.id`, id); err != nil {
		return Detail{}, err
	}
	if d.Deposits, err = deposits(ctx, tx, id); err != nil {
		return Detail{}, err
	}
	xml, err := storedXML(ctx, tx, id)
	d.HasXML = xml != ""
	return d, err
}

// PDF prints an invoice as a Factur-X file. The same invoice always gives the same bytes.
func (s *Service) PDF(ctx context.Context, actor identity.Actor, id vouchers.InvoiceID, words documents.Words, w io.Writer) error {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return err
	}
	var paper documents.Invoice
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		i, of, err := owned(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		paper = paperOf(i, of)
		xml, err := storedXML(ctx, tx, id)
		if xml != "" {
			paper.XML = []byte(xml)
		}
		return err
	})
	if err != nil {
		return err
	}
	return documents.WriteInvoice(w, words, paper)
}

// XML returns an invoice for programs, as it was issued. Its fault is
// invoice_without_xml.
func (s *Service) XML(ctx context.Context, actor identity.Actor, id vouchers.InvoiceID) (number, xml string, err error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return "", "", err
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		i, _, err := owned(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		number = i.Number
		if xml, err = storedXML(ctx, tx, id); err == nil && xml == "" {
			err = fault.New(fault.Conflict, "invoice_without_xml")
		}
		return err
	})
	return number, xml, err
}

// owned reads an invoice that the actor may see, and what it corrects.
func owned(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.InvoiceID) (i Invoice, of *Invoice, err error) {
	if i, err = one(ctx, tx, id); err != nil {
		return Invoice{}, nil, err
	}
	if actor.Kind != identity.Operator && i.Funder != actor.Organisation {
		return Invoice{}, nil, fault.New(fault.NotFound, "not_found")
	}
	if i.Corrects == nil {
		return i, nil, nil
	}
	corrected, err := one(ctx, tx, *i.Corrects)
	return i, &corrected, err
}

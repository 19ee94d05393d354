package closing

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// What a credit note says. Invoices are always in French.
const (
	unusedText   = "Chèques non utilisés de la campagne « %s »"
	unusedReason = "Fin de la campagne : valeur non utilisée"
	unpaidText   = "Chèques commandés et jamais payés, campagne « %s »"
	unpaidReason = "Fin de la campagne : valeur jamais payée, qui n’est plus due"
	feesText     = "Part non utilisée des frais de service, campagne « %s »"
)

// credit issues the credit notes of a campaign that is closed: of face value, and of fees
// where the order's terms say so. Face value comes first: it moves nothing in the ledger.
func credit(ctx context.Context, tx *db.Tx, c campaigns.Campaign, bought []orders.Order, parts []Part) error {
	issued, err := invoicing.HoldAll(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	credited := map[vouchers.OrderID]vouchers.Cents{}
	for _, n := range faceNotes(c.ClosedAt == nil, parts, bought, issued) {
		credited[n.invoice.Order] += n.net
		if err := issue(ctx, tx, c, n); err != nil {
			return err
		}
	}
	for _, o := range bought {
		fees, there := invoiceOf(issued, o.ID, invoicing.Fees)
		if !there || credited[o.ID] == 0 {
			continue
		}
		back, err := orders.FeesBack(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		if n, some := feesNote(o, fees, credited[o.ID]); back && some {
			if err := issue(ctx, tx, c, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func issue(ctx context.Context, tx *db.Tx, c campaigns.Campaign, n note) error {
	text, reason := unusedText, unusedReason
	switch {
	case n.unpaid:
		text, reason = unpaidText, unpaidReason
	case n.invoice.Kind == invoicing.Fees:
		text = feesText
	}
	_, err := invoicing.Credit(ctx, tx, invoicing.CreditDraft{Invoice: n.invoice.ID, Net: n.net, Text: fmt.Sprintf(text, c.Name), Reason: reason})
	return err
}

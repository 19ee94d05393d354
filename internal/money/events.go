package money

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Leg is one transfer of an event.
type Leg struct {
	ID       int64               `json:"id"`
	At       time.Time           `json:"at"`
	Debit    ledger.Account      `json:"debit"`
	Credit   ledger.Account      `json:"credit"`
	Amount   vouchers.Cents      `json:"amount_cents"`
	Campaign vouchers.CampaignID `json:"campaign"` // 0 for none
}

// Source is a business row that an event comes from or is about.
type Source struct {
	Kind string `json:"kind" db:"kind"` // "order", "statement"…
	ID   int64  `json:"id" db:"id"`
}

// Occurrence is an event with all that it moved.
type Occurrence struct {
	Event   ledger.Event `json:"event"`
	Cause   int64        `json:"cause"`
	Legs    []Leg        `json:"items"`
	Sources []Source     `json:"sources"`
}

// Event returns what an event moved, and where it comes from.
func (s *Service) Event(ctx context.Context, actor identity.Actor, event ledger.Event, cause int64) (Occurrence, error) {
	if err := mayLook(actor); err != nil {
		return Occurrence{}, err
	}
	found := Occurrence{Event: event, Cause: cause, Legs: []Leg{}, Sources: []Source{}}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		rows, err := ofEvent(ctx, tx, event, cause)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return fault.New(fault.NotFound, "not_found")
		}
		for _, r := range rows {
			found.Legs = append(found.Legs, Leg{r.ID, r.At, r.Debit, r.Credit, r.Amount, r.Campaign})
		}
		if query := sources[event]; query != "" {
			return tx.Select(ctx, &found.Sources, query, cause)
		}
		return nil
	})
	return found, err
}

// sources are the queries that name an event's business rows by its cause, $1. A room
// with rows that cause events adds its own.
var sources = map[ledger.Event]string{
	"receipt": ofLine, "attribution": ofLine, "unexpected_debit": ofLine, "payment_returned": ofLine, "topped_up": ofLine, "card_banked": ofLine,
	"fees_paid": ofLine, "operating_line": ofLine, "stripe_payout": ofLine, "debt_paid": ofLine, "claim_arrived": ofLine,
	"settlement": ofPayout, "payout_booked": ofPayout, "payout_returned": ofPayout, "payout_rejected": ofPayout, "connect_paid": ofPayout, "connect_returned": ofPayout,
	"payouts_funded": ofTopUp, "payouts_unfunded": ofTopUp, "payouts_home": ofLine,
	"handover": ofBooklet, "expiry": ofBooklet, "redemption": ofRedeemed, "undo": ofRedeemed,
	"fees_invoiced": ofInvoice,
	"card_paid":     ofCheckout, "card_cost": ofCheckout, "card_fees": ofCheckout, "card_counted": ofCheckout,
	"card_refunded": ofRefund,
	"disputed":      ofDispute, "dispute_won": ofDispute, "debt_secured": ofDispute, "debt_released": ofDispute,
	"rolled_over": ofRollover, "debt_forgiven": ofWriteOff, "campaign_closed": ofClosing,
	"withheld": ofAdjustment, "released": ofAdjustment, "debt_netted": ofAdjustment, "given_back": ofCorrection, "clawed_back": ofCorrection,
	"debt_repaid": ofRepayment, "structure_forgiven": ofForgiveness,
	"refund_ordered": ofRefundParts, "refund_booked": ofRefundParts, "refund_returned": ofRefundParts, "refund_rejected": ofRefundParts,
	"claim_ordered": ofRefundParts, "claim_booked": ofRefundParts, "claim_returned": ofRefundParts, "claim_rejected": ofRefundParts,
}

const (
	ofLine = `
		SELECT 'statement' AS kind, statement_id AS id FROM statement_lines WHERE id = $1
		UNION ALL SELECT 'order', order_id FROM receipts WHERE line_id = $1
		UNION ALL SELECT 'order', order_id FROM takebacks WHERE line_id = $1
		UNION ALL SELECT 'invoice', invoice_id FROM fee_receipts WHERE line_id = $1`
	ofPayout   = `SELECT 'settlement' AS kind, settlement_id AS id FROM payouts WHERE id = $1`
	ofTopUp    = `SELECT 'settlement' AS kind, settlement_id AS id FROM settlement_topups WHERE id = $1`
	ofBooklet  = `SELECT 'booklet' AS kind, id FROM booklets WHERE id = $1`
	ofRedeemed = `
		SELECT 'booklet' AS kind, booklet_id AS id FROM redemptions WHERE id = $1
		UNION ALL SELECT 'place', place_id FROM redemptions WHERE id = $1`
	ofInvoice = `
		SELECT 'invoice' AS kind, id FROM invoices WHERE id = $1
		UNION ALL SELECT 'order', order_id FROM invoices WHERE id = $1`
	ofCheckout = `
		SELECT 'order' AS kind, order_id AS id FROM receipts WHERE checkout_id = $1
		UNION ALL SELECT 'invoice', invoice_id FROM fee_receipts WHERE checkout_id = $1`
	ofRefund   = `SELECT 'order' AS kind, order_id AS id FROM takebacks WHERE card_refund_id = $1`
	ofDispute  = `SELECT 'order' AS kind, order_id AS id FROM takebacks WHERE dispute_id = $1`
	ofRollover = `SELECT 'order' AS kind, order_id AS id FROM receipts WHERE rollover_id = $1`
	ofWriteOff = `SELECT 'order' AS kind, order_id AS id FROM debt_writeoffs WHERE id = $1`
	ofClosing  = `SELECT 'campaign' AS kind, id FROM campaigns WHERE id = $1`

	ofAdjustment = `
		SELECT 'booklet' AS kind, r.booklet_id AS id FROM adjustments a LEFT JOIN corrections d ON d.id = a.debt_id
		JOIN redemptions r ON r.id = COALESCE(a.redemption_id, d.redemption_id) WHERE a.id = $1
		UNION ALL SELECT 'settlement', p.settlement_id FROM adjustments a JOIN payouts p ON p.id = a.payout_id WHERE a.id = $1`
	ofCorrection = `SELECT 'booklet' AS kind, r.booklet_id AS id FROM corrections k JOIN redemptions r ON r.id = k.redemption_id WHERE k.id = $1`
	ofRepayment  = `
		SELECT 'statement' AS kind, l.statement_id AS id FROM debt_repayments p JOIN statement_lines l ON l.id = p.line_id WHERE p.id = $1
		UNION ALL SELECT 'booklet', r.booklet_id FROM debt_repayments p JOIN corrections d ON d.id = p.debt_id
			JOIN redemptions r ON r.id = d.redemption_id WHERE p.id = $1`
	ofForgiveness = `
		SELECT 'booklet' AS kind, r.booklet_id AS id FROM correction_requests q JOIN corrections d ON d.id = q.debt_id
		JOIN redemptions r ON r.id = d.redemption_id WHERE q.id = $1`

	ofRefundParts = `SELECT 'campaign' AS kind, campaign_id AS id FROM refund_parts WHERE refund_id = $1 ORDER BY campaign_id`
)

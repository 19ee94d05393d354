package demo

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// purchase is an order: a quote that its funder accepts, with its two invoices.
type purchase struct {
	funder, after int // days after the campaign's start
	vouchers      int
	chorus        orders.Chorus
	payments      []payment // by transfer
	online        [3]int    // by card instead: vouchers that the prescribers may then hand over

	order orders.Order
}

// payment is a transfer of the funder's, so many days after its order.
type payment struct {
	after, percent int
	share          [3]int                               // vouchers that the prescribers may then hand over
	text           func(*campaign, orders.Order) string // what its remittance says; nil: the reference

	kind     statements.Kind     // of the case that it makes; "": none, or one that still waits
	decision statements.Decision // what the operator makes of that case
}

// mistyped is the reference with its last figure wrong, which its check digits tell.
func mistyped(_ *campaign, o orders.Order) string {
	last := len(o.Reference) - 1
	return o.Reference[:last] + string('0'+(o.Reference[last]-'0'+1)%10)
}

// unnamed tells what it is for, and not for which order.
func unnamed(c *campaign, _ orders.Order) string { return c.rules.Name }

// firstPayment is what a campaign's first booklets are paid with.
func (c *campaign) firstPayment() payment { return c.purchases[0].payments[0] }

func (p *play) planPurchase(c *campaign, one *purchase) {
	p.on(c.starts+one.after, 6, "orders", func(ctx context.Context) error {
		if err := p.buy(ctx, c, one); err != nil || len(one.payments) > 0 {
			return err
		}
		return p.payByCard(ctx, one)
	})
	for i, pay := range one.payments {
		p.on(c.starts+one.after+pay.after, 6, "orders", func(ctx context.Context) error {
			if i == 0 {
				p.payFees(one)
			}
			return p.pay(ctx, c, one, pay)
		})
	}
	if len(one.payments) == 0 {
		p.planArrival(c, one)
	}
}

// buy accepts a quote and fetches the two invoices.
func (p *play) buy(ctx context.Context, c *campaign, one *purchase) error {
	finance := p.funders[one.funder].third
	request := orders.PlaceRequest{Campaign: c.id, Vouchers: one.vouchers, Chorus: one.chorus}
	if err := finance.post(ctx, "/orders", request, &one.order); err != nil {
		return err
	}
	for _, bill := range one.order.Invoices {
		if err := p.fetchInvoice(ctx, finance, bill.Invoice, "facture-"+bill.Number); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) fetchInvoice(ctx context.Context, who *Account, id vouchers.InvoiceID, name string) error {
	for _, kind := range []string{"pdf", "xml"} {
		if _, err := p.fetch(ctx, who, fmt.Sprintf("/invoices/%d/%s", id, kind), name+"."+kind); err != nil {
			return err
		}
	}
	return nil
}

// payFees lets the funder's bank pay the invoice of fees.
func (p *play) payFees(one *purchase) {
	for _, bill := range one.order.Invoices {
		if bill.Kind == invoicing.Fees {
			p.bank.operating.receive(vouchers.DayOf(p.now), p.funders[one.funder].payer(), bill.Due, bill.Reference)
		}
	}
}

// pay lets the funder's bank send money, imports the statement that shows it, decides the
// case that it makes, and allocates what it covers.
func (p *play) pay(ctx context.Context, c *campaign, one *purchase, pay payment) error {
	text := one.order.Reference
	if pay.text != nil {
		text = pay.text(c, one.order)
	}
	p.bank.segregated.receive(vouchers.DayOf(p.now), p.funders[one.funder].payer(), one.order.Face*vouchers.Cents(pay.percent)/100, text)
	if err := p.importStatements(ctx); err != nil {
		return err
	}
	if pay.decision != "" {
		if err := p.decide(ctx, one, pay); err != nil {
			return err
		}
	}
	return p.allocate(ctx, c, pay.share)
}

func (p *play) allocate(ctx context.Context, c *campaign, shares [3]int) error {
	for i, share := range shares {
		if share == 0 {
			continue
		}
		request := issuing.AllocateRequest{Campaign: c.id, Prescriber: p.prescribers[i].ID, Vouchers: share}
		if err := p.funders[c.funder].agent.post(ctx, "/allocations", request, nil); err != nil {
			return err
		}
	}
	return nil
}

// payer is a house as the bank names it.
func (h *house) payer() sepa.Counterparty {
	iban, err := sepa.ParseIBAN(inventedIBAN(h.number))
	if err != nil {
		panic("demo: " + err.Error())
	}
	return sepa.Counterparty{Name: sepaName(h.Name), IBAN: iban}
}

// importStatements brings what the bank booked to the operator.
func (p *play) importStatements(ctx context.Context) error {
	file, err := p.bank.statements(p.now)
	if err != nil {
		return err
	}
	if err := p.keep(fmt.Sprintf("camt053-%03d.xml", p.bank.number), file); err != nil {
		return err
	}
	return p.operator.third.do(ctx, call{method: "POST", path: "/statements", in: file, kind: "application/xml"})
}

// decide makes of the case of a payment what the play says.
func (p *play) decide(ctx context.Context, one *purchase, pay payment) error {
	var waiting struct {
		Items []statements.Case `json:"items"`
	}
	if err := p.operator.third.get(ctx, "/statements/cases?kind="+string(pay.kind), &waiting); err != nil {
		return err
	}
	if len(waiting.Items) != 1 {
		return fmt.Errorf("%d cases of kind %s wait, not one", len(waiting.Items), pay.kind)
	}
	request := map[string]any{"decision": pay.decision, "order": one.order.ID}
	return p.operator.third.post(ctx, fmt.Sprintf("/statements/cases/%d/decision", waiting.Items[0].ID), request, nil)
}

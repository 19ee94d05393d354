package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/vouchers"
)

// keepBooks keeps credit notes and the accounts of each year, and counts what was
// invoiced, given back and paid online.
func (p *play) keepBooks(ctx context.Context, r *Result) error {
	r.Closed = p.campaigns[0].id
	if err := p.countInvoices(ctx, r); err != nil {
		return err
	}
	var refunds struct {
		Items []closing.Refund `json:"items"`
	}
	if err := p.operator.third.get(ctx, "/refunds?state="+closing.Booked, &refunds); err != nil {
		return err
	}
	for _, one := range refunds.Items {
		r.RefundedCents += one.Amount
	}
	if err := p.countOnline(ctx, r); err != nil {
		return err
	}
	r.FECBalanced = true
	for year := p.start.Year(); year <= p.Until.Year(); year++ {
		if err := p.keepYear(ctx, year, r); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) countInvoices(ctx context.Context, r *Result) error {
	finance := p.operator.third
	for cursor := "?"; cursor != ""; {
		var page struct {
			Items []invoicing.Invoice `json:"items"`
			Next  *int64              `json:"next"`
		}
		if err := finance.get(ctx, "/invoices"+cursor, &page); err != nil {
			return err
		}
		for _, one := range page.Items {
			sign := vouchers.Cents(1)
			if r.Invoices++; one.Corrects != nil {
				r.Invoices, r.CreditNotes, sign = r.Invoices-1, r.CreditNotes+1, -1
				if err := p.fetchInvoice(ctx, finance, one.ID, "avoir-"+one.Number); err != nil {
					return err
				}
			}
			if one.Kind == invoicing.Fees {
				r.FeesCents += sign * one.Gross()
			}
		}
		if cursor = ""; page.Next != nil {
			cursor = fmt.Sprintf("?before=%d", *page.Next)
		}
	}
	return nil
}

// countOnline counts what has arrived of the payments by card.
func (p *play) countOnline(ctx context.Context, r *Result) error {
	for _, c := range p.campaigns {
		for _, one := range c.purchases {
			var all struct {
				Items []payments.Checkout `json:"items"`
			}
			if err := p.funders[one.funder].third.get(ctx, fmt.Sprintf("/orders/%d/checkouts", one.order.ID), &all); err != nil {
				return err
			}
			for _, k := range all.Items {
				if k.Received {
					r.PaidOnline += k.Total()
				}
			}
		}
	}
	return nil
}

// keepYear keeps a year's file for the tax administration and its journal, where the year
// has entries.
func (p *play) keepYear(ctx context.Context, year int, r *Result) error {
	finance := p.operator.third
	fec, err := p.fetch(ctx, finance, fmt.Sprintf("/accounting/fec/%d", year), fmt.Sprintf("fec-%d.txt", year))
	if codeOf(err) == "year_without_entries" {
		return nil
	}
	if err != nil {
		return err
	}
	balanced, err := isBalanced(fec)
	r.FECBalanced = r.FECBalanced && balanced
	if err != nil {
		return err
	}
	_, err = p.fetch(ctx, finance, fmt.Sprintf("/accounting/journal?from=%d-01-01&to=%[1]d-12-31", year), fmt.Sprintf("journal-%d.csv", year))
	return err
}

// isBalanced adds up the 12th and 13th fields of a file of entries: debits and credits.
func isBalanced(fec []byte) (bool, error) {
	_, entries, _ := strings.Cut(string(fec), "\n")
	var sum vouchers.Cents
	for entry := range strings.Lines(entries) {
		fields := strings.Split(strings.ReplaceAll(entry, ",", "."), "\t")
		if len(fields) != 18 {
			return false, fmt.Errorf("an entry has %d fields", len(fields))
		}
		debit, err := vouchers.ParseCents(fields[11])
		if err != nil {
			return false, err
		}
		credit, err := vouchers.ParseCents(fields[12])
		if err != nil {
			return false, err
		}
		sum += debit - credit
	}
	return sum == 0, nil
}

package orders

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/einvoice"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// stateOf derives an order's state from what has arrived.
func stateOf(received, face vouchers.Cents) State {
	switch {
	case received <= 0:
		return AwaitingPayment
	case received < face:
		return PartlyFunded
	}
	return Funded
}

// Source is what brought or took money: exactly one is set.
type Source struct {
	Line     int64
	Checkout vouchers.CheckoutID
	Rollover vouchers.RolloverID
}

// String names the source: "line:12".
func (s Source) String() string {
	switch {
	case s.Line != 0:
		return fmt.Sprintf("line:%d", s.Line)
	case s.Checkout != 0:
		return fmt.Sprintf("checkout:%d", s.Checkout)
	}
	return fmt.Sprintf("rollover:%d", s.Rollover)
}

// receipt is what one source brought to one order.
type receipt struct {
	source Source
	order  *locked
	shared ledger.Received
}

// receive shares amount out: debts that will stay are repaid first, then the order gets what
// it lacks, and the rest is the funder's credit. What is in doubt is not paid again. An order of a closed campaign lacks nothing.
func (o *locked) receive(source Source, amount vouchers.Cents) receipt {
	r := ledger.Received{Campaign: o.Campaign, Funder: o.Funder, Excess: amount}
	take := func(most vouchers.Cents) vouchers.Cents {
		part := max(min(r.Excess, most), 0)
		r.Excess -= part
		return part
	}
	r.Debt = take(o.DebtToBank)
	r.Claim = take(o.DebtToOperator)
	o.DebtToBank, o.DebtToOperator, o.Received = o.DebtToBank-r.Debt, o.DebtToOperator-r.Claim, o.Received+r.Debt+r.Claim
	if !o.Closed {
		r.Funds = take(o.Face - o.Received - o.DebtToBank - o.DebtToOperator - o.InDoubt)
		o.Received += r.Funds
	}
	return receipt{source, o, r}
}

// lacks is what has not arrived, or was taken back for good and not repaid.
func (o *locked) lacks() vouchers.Cents { return o.Face - o.Received - o.InDoubt }

// takeable is how much of amount can be taken out of a campaign's funds for an order: what
// other funders have paid stays theirs, as if the order's own money had been spent first.
func (o *locked) takeable(amount, funds vouchers.Cents) vouchers.Cents {
	return max(min(amount, funds-o.Others), 0)
}

// canLose tells whether a receipt can be taken out of the order as if it had never come: none
// of it has become live, been given back or repaid a debt.
func (o *locked) canLose(r ledger.Received, funds, credit vouchers.Cents) bool {
	return r.Debt+r.Claim == 0 && o.DebtToBank+o.DebtToOperator+o.InDoubt == 0 && o.Received >= r.Funds &&
		o.takeable(r.Funds, funds) == r.Funds && credit >= r.Excess
}

// creditOf is how much of amount is the funder's credit: what came above the order, or, once
// the campaign is closed, what it gave back. available is what the funder still has of it.
func (o *locked) creditOf(amount, available vouchers.Cents) vouchers.Cents {
	most := available
	if !o.Closed {
		most = min(most, o.Credit)
	}
	return max(min(amount, most), 0)
}

// bills says what is still to be paid of each invoice. Face value is paid to its order: what
// credit notes have taken off is not due any more. An order of before there were invoices is
// paid all the same.
func bills(o Order, issued []invoicing.Invoice, segregated invoicing.Account) []Bill {
	var all []Bill
	for _, i := range issued {
		if i.Corrects != nil {
			continue
		}
		b := Bill{Invoice: i.ID, Number: i.Number, Kind: i.Kind, Amount: i.Gross(), Due: i.Due(), DueOn: i.DueOn, Reference: i.Reference,
			IBAN: i.Snapshot.IBAN, BIC: i.Snapshot.BIC}
		paid := i.Paid
		if i.Kind == invoicing.Face {
			paid = o.Received
			b.Due = max(i.Gross()-i.Credited-paid, 0)
		}
		b.State = stateOf(paid, paid+b.Due)
		if i.Kind == invoicing.Face {
			b.Due = max(b.Due-o.InDoubt, 0)
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		all = []Bill{{Kind: invoicing.Face, Amount: o.Face, Due: o.Lacks(), DueOn: vouchers.DayOf(o.OrderedAt), Reference: o.Reference,
			IBAN: segregated.IBAN, BIC: segregated.BIC, State: o.State}}
	}
	return all
}

// printed is a version of a quote as it is printed.
func printed(seller invoicing.Seller, buyer identity.Organisation, q Quote, version int) (documents.Quote, error) {
	at := slices.IndexFunc(q.Versions, func(v Version) bool { return v.Number == version })
	if at < 0 {
		return documents.Quote{}, fault.New(fault.NotFound, "not_found")
	}
	v := q.Versions[at]
	paper := documents.Quote{
		Issuer: party(seller.Name, seller.SIRET, seller.Street, seller.Postcode+" "+seller.Town),
		Buyer:  party(buyer.Name, buyer.SIRET, buyer.Street, buyer.Postcode+" "+buyer.Town),
		Number: q.Number, Version: v.Number, On: vouchers.DayOf(v.MadeAt), ValidUntil: v.ValidUntil,
		Campaign: q.CampaignName, From: v.StartsOn, Until: v.EndsOn,
		Face: []einvoice.Line{{Name: q.CampaignName, Quantity: v.Vouchers, Unit: q.Voucher}},
		VAT:  einvoice.VAT{Category: einvoice.Standard, RateBP: v.Tariff.VATRate}}
	for _, l := range feeLines(v.Tariff.NewTariff, v.Choices, v.Price) {
		paper.Fees = append(paper.Fees, einvoice.Line{Name: l.Text, Quantity: l.Quantity, Unit: l.Unit})
	}
	return paper, nil
}

func party(name, siret string, address ...string) documents.Party {
	p := documents.Party{Name: name, SIRET: siret}
	for _, line := range address {
		if line = strings.TrimSpace(line); line != "" {
			p.Address = append(p.Address, line)
		}
	}
	return p
}

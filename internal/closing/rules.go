package closing

import (
	"math/bits"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// Part is one funder's part of a campaign.
type Part struct {
	Funder     vouchers.OrganisationID `json:"funder" db:"funder_id"`
	FunderName string                  `json:"funder_name" db:"name"`
	Email      string                  `json:"-" db:"email"`
	Paid       vouchers.Cents          `json:"paid_cents" db:"paid"`
	Used       vouchers.Cents          `json:"used_cents" db:"used"` // of what it paid
	Given      vouchers.Cents          `json:"-" db:"given"`         // back, by an earlier closing
	FromFunds  vouchers.Cents          `json:"-" db:"-"`             // given back now, of what was never handed over
	FromUnused vouchers.Cents          `json:"-" db:"-"`             // and of what expired
}

// Back is what the funder gets back of what it paid.
func (p Part) Back() vouchers.Cents { return p.Paid - p.Used }

// Now is what a closing gives it.
func (p Part) Now() vouchers.Cents { return p.FromFunds + p.FromUnused }

// closesOn is the first day on which a campaign can be closed.
func closesOn(c campaigns.Campaign) vouchers.Day { return c.LastDay().AddDays(undoDays + 1) }

// mayClose says whether a campaign's money can be shared out. One that was closed before
// can again, if money has come back into it.
func mayClose(c campaigns.Campaign, p pot, today vouchers.Day) error {
	switch {
	case c.ClosedAt != nil && p.Funds+p.Unused == 0:
		return fault.New(fault.Conflict, "campaign_closed", "on", vouchers.DayOf(*c.ClosedAt))
	case today < closesOn(c):
		return fault.New(fault.Conflict, "campaign_not_over", "on", closesOn(c))
	case p.Live > 0:
		return fault.New(fault.Conflict, "campaign_still_live", "amount", p.Live)
	}
	return nil
}

// shareOut takes what each funder gets back from the funds first, in the order of their
// ids, then from what expired. Parts that come to more than is left are cut: that is only
// so where an earlier closing gave another funder more.
func shareOut(parts []Part, p pot) []Part {
	out := make([]Part, 0, len(parts))
	for _, part := range parts {
		due := max(part.Back()-part.Given, 0)
		part.FromFunds = min(due, p.Funds)
		part.FromUnused = min(due-part.FromFunds, p.Unused)
		p.Funds, p.Unused = p.Funds-part.FromFunds, p.Unused-part.FromUnused
		out = append(out, part)
	}
	return out
}

// note is a credit note to be issued.
type note struct {
	invoice invoicing.Invoice
	net     vouchers.Cents
	unpaid  bool // what was never paid, and is not owed any more
}

// faceNotes credits the face value of orders: when the campaign is closed first, what was
// never paid of each; then what their funder gets back, the newest invoice first and none
// above what is left of it. What was credited as never paid and has come back since is not
// credited twice.
func faceNotes(first bool, parts []Part, bought []orders.Order, issued []invoicing.Invoice) []note {
	back := map[vouchers.OrganisationID]vouchers.Cents{}
	for _, p := range parts {
		back[p.Funder] = p.Now()
		if !first {
			back[p.Funder] = min(p.Now(), toCredit(p, bought, issued))
		}
	}
	var notes []note
	for _, o := range bought {
		face, there := invoiceOf(issued, o.ID, invoicing.Face)
		if !there {
			continue // an order from before invoices
		}
		room := face.Gross() - face.Credited
		if unpaid := min(o.Face-o.Received-o.Debt, room); first && unpaid > 0 {
			room -= unpaid
			notes = append(notes, note{face, unpaid, true})
		}
		if unused := min(back[o.Funder], room); unused > 0 {
			back[o.Funder] -= unused
			notes = append(notes, note{face, unused, false})
		}
	}
	return notes
}

// feesNote credits the fees of an order in the proportion in which its face value was
// credited, rounded down to a cent; false where nothing is left of them.
func feesNote(o orders.Order, fees invoicing.Invoice, credited vouchers.Cents) (note, bool) {
	net := min(portion(fees.Net, credited, o.Face), fees.Net-fees.CreditedNet)
	return note{fees, net, false}, net > 0
}

func invoiceOf(issued []invoicing.Invoice, order vouchers.OrderID, kind invoicing.Kind) (invoicing.Invoice, bool) {
	for _, i := range issued {
		if i.Order == order && i.Kind == kind && i.Corrects == nil {
			return i, true
		}
	}
	return invoicing.Invoice{}, false
}

// portion is total × part ÷ whole, rounded down to a cent. The product does not fit 64
// bits where two large sums meet.
func portion(total, part, whole vouchers.Cents) vouchers.Cents {
	high, low := bits.Mul64(uint64(total), uint64(part))
	quotient, _ := bits.Div64(high, low, uint64(whole))
	return vouchers.Cents(quotient)
}

// arrange shares what a funder's choices ask for. A debt answers first, whichever campaign
// it comes from: credit in its amount stays where it is, that of the latest campaigns.
func arrange(all []Credit, debt vouchers.Cents, open map[vouchers.CampaignID]campaigns.Campaign) plan {
	budget := -debt
	for _, c := range all {
		budget += c.Amount - c.Reserved
	}
	p := plan{refund: parts{}}
	for _, c := range all {
		amount := min(c.Amount-c.Reserved, budget)
		if !c.Closed || c.Choice == nil || amount <= 0 {
			continue
		}
		switch c.Choice.Kind {
		case ToBank:
			p.refund[c.Campaign] = amount
		case ToCampaign:
			target, running := open[*c.Choice.To]
			if !running || amount < target.Face {
				continue
			}
			amount -= amount % target.Face
			p.roll = append(p.roll, roll{c, target, amount})
		default:
			continue
		}
		budget -= amount
	}
	return p
}

// toCredit is what is not credited yet of what a funder has got back or never paid.
func toCredit(p Part, bought []orders.Order, issued []invoicing.Invoice) vouchers.Cents {
	due := p.Given + p.Now()
	for _, o := range bought {
		if face, there := invoiceOf(issued, o.ID, invoicing.Face); there && o.Funder == p.Funder {
			due += max(o.Face-o.Received-o.Debt, 0) - face.Credited
		}
	}
	return max(due, 0)
}

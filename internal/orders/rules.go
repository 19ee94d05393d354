package orders

import (
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/identity"
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

// choose finds the order that a payment names. What stands in a field made for it counts
// before free text; a text that names two orders names none, because nobody can tell how
// to share the money.
func choose(p Payment, issued map[string]vouchers.OrderID) (vouchers.OrderID, bool) {
	for _, reference := range p.Stated {
		if id, ok := issued[reference]; ok {
			return id, true
		}
	}
	var only vouchers.OrderID
	for _, reference := range p.Found {
		id, ok := issued[reference]
		if ok && only != 0 && id != only {
			return 0, false
		}
		if ok {
			only = id
		}
	}
	return only, only != 0
}

// receipt is what one bank line brought to one order.
type receipt struct {
	line          int64
	order         *locked
	funds, credit vouchers.Cents
}

// receive gives the order what it lacks of amount, and the rest to the funder's credit.
func (o *locked) receive(line int64, amount vouchers.Cents) receipt {
	funds := min(amount, o.Face-o.Received)
	o.Received += funds
	return receipt{line, o, funds, amount - funds}
}

func (r receipt) paid() []ledger.Transfer {
	return ledger.OrderPaid(r.line, r.order.Campaign, r.order.Funder, r.funds, r.credit)
}

func (r receipt) attributed() []ledger.Transfer {
	return ledger.Attributed(r.line, r.order.Campaign, r.order.Funder, r.funds, r.credit)
}

func proforma(issuer documents.Issuer, buyer identity.Organisation, o Order) documents.Proforma {
	party := documents.Party{Name: buyer.Name, SIRET: buyer.SIRET}
	for _, line := range []string{buyer.Street, strings.TrimSpace(buyer.Postcode + " " + buyer.Town)} {
		if line != "" {
			party.Address = append(party.Address, line)
		}
	}
	return documents.Proforma{
		Issuer: issuer, Buyer: party, Number: fmt.Sprint(o.ID), Date: o.OrderedAt, Reference: o.Reference,
		Lines: []documents.ProformaLine{{Campaign: o.CampaignName, Count: o.Vouchers, Face: o.Face / vouchers.Cents(o.Vouchers)}},
	}
}

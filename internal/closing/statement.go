package closing

import (
	"context"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// Statement is what became of a campaign's money, as funders and operator see it. Before
// the end it is what would be given back if no more were used.
type Statement struct {
	At         time.Time          `json:"at"`
	Campaign   campaigns.Campaign `json:"campaign"`
	Ordered    vouchers.Cents     `json:"ordered_cents"`
	Received   vouchers.Cents     `json:"received_cents"` // and not taken back
	HandedOver vouchers.Cents     `json:"handed_over_cents"`
	Used       vouchers.Cents     `json:"used_cents"`
	Live       vouchers.Cents     `json:"live_cents"` // in people's hands
	Counters
	ClosesOn   vouchers.Day `json:"closes_on"` // at the earliest
	Funders    []FunderPart `json:"funders"`   // a part is told to its funder and the operator only
	Extensions []Extension  `json:"extensions"`
}

// Expired is what people held and did not use.
func (s Statement) Expired() vouchers.Cents { return s.HandedOver - s.Used - s.Live }

// Never is what was received and never handed over.
func (s Statement) Never() vouchers.Cents { return s.Received - s.HandedOver }

// Back is what the funders get back.
func (s Statement) Back() vouchers.Cents { return s.Received - s.Used }

// Closed tells whether it is final.
func (s Statement) Closed() bool { return s.Campaign.ClosedAt != nil }

// FunderPart is one funder's part, and what becomes of what it gets back.
type FunderPart struct {
	Part
	CreditNotes []string       `json:"credit_notes"`    // their numbers, of face value
	FeesBack    vouchers.Cents `json:"fees_back_cents"` // credited, VAT included
	Credit      vouchers.Cents `json:"credit_cents"`    // what is left of it, with what came above its orders
	Choice      *Choice        `json:"choice"`
	RolledOver  []Rollover     `json:"rolled_over"`
	Account     string         `json:"account"` // that refunds go to, masked; "" where none is verified
	IBAN        string         `json:"-"`
}

// Statement reads a campaign that the actor may see.
func (s *Service) Statement(ctx context.Context, actor identity.Actor, id vouchers.CampaignID) (Statement, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Statement{}, err
	}
	var st Statement
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		st, err = statement(ctx, tx, actor, id)
		return err
	})
	return st, err
}

func statement(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.CampaignID) (Statement, error) {
	c, err := campaigns.Owned(ctx, tx, actor, id)
	if err != nil {
		return Statement{}, err
	}
	p, err := readPot(ctx, tx, id)
	if err != nil {
		return Statement{}, err
	}
	parts, err := partsNow(ctx, tx, id, p)
	if err != nil {
		return Statement{}, err
	}
	st := Statement{At: tx.Now, Campaign: c, Funders: []FunderPart{}, Used: p.used(parts), Live: p.Live, ClosesOn: closesOn(c)}
	for _, part := range parts {
		st.Received += part.Paid
		if actor.Kind == identity.Operator || actor.Organisation == part.Funder {
			st.Funders = append(st.Funders, FunderPart{Part: part, CreditNotes: []string{}, RolledOver: []Rollover{}})
		}
	}
	if st.Ordered, err = orders.FaceOf(ctx, tx, id); err != nil {
		return Statement{}, err
	}
	if st.Counters, err = countersOf(ctx, tx, id); err != nil {
		return Statement{}, err
	}
	st.HandedOver = vouchers.Cents(st.Counters.HandedOver) * c.Face
	if st.Extensions, err = extensions(ctx, tx, id); err != nil {
		return Statement{}, err
	}
	return st, st.follow(ctx, tx)
}

// follow fills in what becomes of what each funder gets back.
func (s *Statement) follow(ctx context.Context, tx *db.Tx) error {
	issued, err := invoicing.OfCampaign(ctx, tx, s.Campaign.ID)
	if err != nil {
		return err
	}
	rolled, err := rolloversOf(ctx, tx, s.Campaign.ID)
	if err != nil {
		return err
	}
	for i := range s.Funders {
		f := &s.Funders[i]
		for _, n := range issued {
			switch {
			case n.Corrects == nil || n.Funder != f.Funder:
			case n.Kind == invoicing.Face:
				f.CreditNotes = append(f.CreditNotes, n.Number)
			default:
				f.FeesBack += n.Gross()
			}
		}
		for _, r := range rolled {
			if r.Funder == f.Funder {
				f.RolledOver = append(f.RolledOver, r)
			}
		}
		credit, err := creditOf(ctx, tx, f.Funder, s.Campaign.ID)
		if err != nil {
			return err
		}
		f.Credit = credit.Amount
		if f.Choice, err = choiceOf(ctx, tx, f.Funder, s.Campaign.ID); err != nil {
			return err
		}
		account, err := accountOf(ctx, tx, f.Funder)
		if err != nil {
			return err
		}
		if account != nil && account.VerifiedAt != nil {
			f.Account, f.IBAN = account.Masked, account.IBAN.Full()
		}
	}
	return nil
}

// Document is the statement on paper.
func (s Statement) Document(operator string) documents.CampaignStatement {
	c := s.Campaign
	d := documents.CampaignStatement{Operator: operator, Campaign: c.Name, From: c.StartsOn, Until: c.LastDay(),
		AsOf: vouchers.DayOf(s.At), Face: c.Face, HandedOver: s.Counters.HandedOver, Used: int(s.Used / c.Face),
		Received: s.Received}
	if s.Closed() {
		d.ClosedOn = vouchers.DayOf(*c.ClosedAt)
		d.AsOf = d.ClosedOn
	}
	for _, f := range s.Funders {
		share := documents.FunderShare{Funder: f.FunderName, Paid: f.Paid, Used: f.Used, CreditNote: strings.Join(f.CreditNotes, ", ")}
		if f.Choice != nil && f.Choice.Kind == ToBank {
			share.Back.IBAN = f.IBAN
		}
		if f.Choice != nil {
			share.Back.Campaign = f.Choice.ToName
		}
		d.Shares = append(d.Shares, share)
	}
	return d
}

package orders

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Quote is an offer to a funder, in versions. It becomes an order when its latest version
// is accepted.
type Quote struct {
	ID           vouchers.QuoteID        `json:"id"`
	Number       string                  `json:"number"`
	Campaign     vouchers.CampaignID     `json:"campaign"`
	CampaignName string                  `json:"campaign_name"`
	Voucher      vouchers.Cents          `json:"voucher_cents"` // face value of one
	Funder       vouchers.OrganisationID `json:"funder"`
	FunderName   string                  `json:"funder_name"`
	Order        vouchers.OrderID        `json:"order"`    // 0 until it is accepted
	Versions     []Version               `json:"versions"` // the latest first; a list has only that one
}

// Version is a quote as it was offered at one time. Tariff is the one it was priced at.
type Version struct {
	Number int `json:"version"`
	Choices
	Price
	Tariff     Tariff       `json:"tariff"`
	ValidUntil vouchers.Day `json:"valid_until"` // the last day on which it can be accepted
	MadeAt     time.Time    `json:"made_at"`
}

// Latest is the version that can be accepted.
func (q Quote) Latest() Version { return q.Versions[0] }

// QuoteState is what became of a quote.
type QuoteState string

const (
	Offered  QuoteState = "offered"
	Accepted QuoteState = "accepted"
	Lapsed   QuoteState = "lapsed" // its time is over
)

// State is what became of it until today.
func (q Quote) State(today vouchers.Day) QuoteState {
	switch {
	case q.Order != 0:
		return Accepted
	case q.Latest().ValidUntil < today:
		return Lapsed
	}
	return Offered
}

// QuoteRequest asks for a quote for a campaign or, where Quote is set, for a new version.
type QuoteRequest struct {
	Campaign vouchers.CampaignID `json:"campaign"`
	Quote    vouchers.QuoteID    `json:"quote"`
	Choices
}

// Estimate is what a quote would say.
type Estimate struct {
	Campaign campaigns.Campaign
	MayPlan  bool // the quote may have another booklet size and other dates than the campaign
	Version  Version
}

// Estimate prices what a funder may want, and keeps nothing. Where the choices are refused
// it returns the campaign with the refusal.
func (s *Service) Estimate(ctx context.Context, actor identity.Actor, req QuoteRequest) (Estimate, error) {
	if err := actor.Needs(identity.Funder, identity.Agent, identity.Finance); err != nil {
		return Estimate{}, err
	}
	var e Estimate
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		c, err := campaigns.Owned(ctx, tx, actor, req.Campaign)
		if err == nil {
			err = notOver(tx, c)
		}
		if err != nil {
			return err
		}
		settled := mayPlan(ctx, tx, actor, c)
		if settled != nil && fault.Code(settled) == "" {
			return settled
		}
		e.Campaign, e.MayPlan = c, settled == nil
		e.Version, err = priced(ctx, tx, actor, c, req.Choices)
		return err
	})
	return e, err
}

// Quote offers vouchers for a campaign, or changes an offer that was not accepted.
func (s *Service) Quote(ctx context.Context, actor identity.Actor, req QuoteRequest) (Quote, error) {
	if err := actor.Needs(identity.Funder, identity.Agent, identity.Finance); err != nil {
		return Quote{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Quote{}, err
	}
	var q Quote
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		q, err = once.Do(ctx, tx, actor.Organisation, "quote", req, func() (Quote, error) {
			return offer(ctx, tx, actor, req)
		})
		return err
	})
	return q, err
}

func offer(ctx context.Context, tx *db.Tx, actor identity.Actor, req QuoteRequest) (Quote, error) {
	next := 1
	if req.Quote != 0 {
		before, err := lockQuote(ctx, tx, actor, req.Quote)
		if err != nil {
			return Quote{}, err
		}
		if before.Order != 0 {
			return Quote{}, alreadyAccepted(before)
		}
		req.Campaign, next = before.Campaign, before.Latest().Number+1
	}
	c, err := campaigns.Payer(ctx, tx, actor, req.Campaign)
	if err == nil {
		err = notOver(tx, c)
	}
	if err != nil {
		return Quote{}, err
	}
	v, err := priced(ctx, tx, actor, c, req.Choices)
	if err != nil {
		return Quote{}, err
	}
	if next == 1 {
		if req.Quote, err = insertQuote(ctx, tx, actor, c.ID); err != nil {
			return Quote{}, err
		}
	}
	v.Number = next
	if err := insertVersion(ctx, tx, actor, req.Quote, v); err != nil {
		return Quote{}, err
	}
	if err := audit.Record(ctx, tx, actor, "quote_offered", fmt.Sprintf("quote:%d", req.Quote), nil, v); err != nil {
		return Quote{}, err
	}
	return ownQuote(ctx, tx, actor, req.Quote)
}

// notOver refuses to order for a campaign whose last day is behind us.
func notOver(tx *db.Tx, c campaigns.Campaign) error {
	if c.EndsOn < vouchers.DayOf(tx.Now) {
		return fault.New(fault.Conflict, "campaign_ended", "on", c.EndsOn)
	}
	return nil
}

// priced completes choices, checks them and prices them at today's tariff.
func priced(ctx context.Context, tx *db.Tx, actor identity.Actor, c campaigns.Campaign, choices Choices) (Version, error) {
	choices = choices.completed(c.Plan())
	if err := choices.check(); err != nil {
		return Version{}, err
	}
	today := vouchers.DayOf(tx.Now)
	if choices.Plan != c.Plan() {
		if err := mayPlan(ctx, tx, actor, c); err != nil {
			return Version{}, err
		}
		if err := c.CheckPlan(choices.Plan, today); err != nil {
			return Version{}, err
		}
	}
	t := free
	if !choices.prepaid {
		var err error
		if t, err = tariffOn(ctx, tx, today); err != nil {
			return Version{}, err
		}
	}
	t.Terms = "" // they are read by themselves
	return Version{Choices: choices, Price: priceOf(t.NewTariff, choices, c.Face), Tariff: t,
		ValidUntil: min(today.AddDays(t.ValidityDays), choices.EndsOn), MadeAt: tx.Now}, nil
}

// mayPlan refuses another booklet size and other dates than the campaign's once something
// was ordered of it, and to those who only share its cost.
func mayPlan(ctx context.Context, tx *db.Tx, actor identity.Actor, c campaigns.Campaign) error {
	begun, err := ordered(ctx, tx, c.ID)
	if err == nil && (begun || c.Funder != actor.Organisation) {
		return fault.New(fault.Conflict, "campaign_plan_settled", "size", c.BookletSize, "from", c.StartsOn, "until", c.EndsOn)
	}
	return err
}

// QuoteQuery selects quotes. Zero values exclude nothing.
type QuoteQuery struct {
	Open   bool             // only those that can still be accepted
	Before vouchers.QuoteID // below this id: the cursor
	Limit  int              // 1 to 200
}

// Quotes returns the quotes of a funder, or of all funders for the operator, newest first.
func (s *Service) Quotes(ctx context.Context, actor identity.Actor, q QuoteQuery) ([]Quote, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return nil, err
	}
	q.Limit = min(max(q.Limit, 1), 200)
	var all []Quote
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = quotes(ctx, tx, seenBy(actor), q)
		return err
	})
	return all, err
}

// OpenQuote returns one quote of the actor's organisation with all its versions; the
// operator sees all.
func (s *Service) OpenQuote(ctx context.Context, actor identity.Actor, id vouchers.QuoteID) (Quote, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Quote{}, err
	}
	var q Quote
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		q, err = ownQuote(ctx, tx, actor, id)
		return err
	})
	return q, err
}

// PrintQuote writes one version of a quote as a PDF. The same version always gives the same
// bytes.
func (s *Service) PrintQuote(ctx context.Context, actor identity.Actor, which QuoteVersion, words documents.Words, w io.Writer) error {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return err
	}
	var paper documents.Quote
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		q, err := ownQuote(ctx, tx, actor, which.Quote)
		if err != nil {
			return err
		}
		buyer, err := identity.OrganisationOf(ctx, tx, q.Funder)
		if err != nil {
			return err
		}
		paper, err = printed(s.seller, buyer, q, which.Version)
		return err
	})
	if err != nil {
		return err
	}
	return documents.WriteQuote(w, words, paper)
}

// QuoteVersion names one version of a quote.
type QuoteVersion struct {
	Quote   vouchers.QuoteID
	Version int
}

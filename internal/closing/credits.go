package closing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// The ways of a funder's credit.
const (
	ToBank     = "refund"   // to its verified bank account
	ToCampaign = "rollover" // into another of its campaigns
	Keep       = "keep"     // stays its credit, as it does without a choice
)

// Choice is what a funder wants done with the credit of a campaign.
type Choice struct {
	Campaign vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	Kind     string                  `json:"kind" db:"kind"`
	To       *vouchers.CampaignID    `json:"to_campaign" db:"to_campaign_id"`
	ToName   string                  `json:"to_campaign_name" db:"to_name"`
	ChosenAt time.Time               `json:"chosen_at" db:"chosen_at"`
	ChosenBy vouchers.PersonID       `json:"-" db:"chosen_by"`
	Chooser  string                  `json:"-" db:"chooser"`
	Funder   vouchers.OrganisationID `json:"-" db:"funder_id"`
}

// ChooseRequest says it.
type ChooseRequest struct {
	Campaign vouchers.CampaignID `json:"-" form:"-"`
	Kind     string              `json:"kind" form:"kind"`
	To       vouchers.CampaignID `json:"to_campaign,omitempty" form:"to_campaign"` // of a roll-over
}

// Choose keeps what the actor's organisation wants done with its credit, and does it where
// the campaign is closed already. It can be changed until it is done, and holds for money
// that comes back later too. Its faults are choice_unknown, rollover_target, and those of
// an order.
func (s *Service) Choose(ctx context.Context, actor identity.Actor, req ChooseRequest) (Choice, error) {
	if err := mayDecide(actor); err != nil {
		return Choice{}, err
	}
	if !slices.Contains([]string{ToBank, ToCampaign, Keep}, req.Kind) {
		return Choice{}, fault.New(fault.Invalid, "choice_unknown")
	}
	if req.Kind != ToCampaign {
		req.To = 0
	}
	var c Choice
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		c, err = once.Do(ctx, tx, actor.Organisation, "choose_credit", []any{req.Campaign, req}, func() (Choice, error) {
			return s.choose(ctx, tx, actor, req)
		})
		return err
	})
	return c, err
}

func (s *Service) choose(ctx context.Context, tx *db.Tx, actor identity.Actor, req ChooseRequest) (Choice, error) {
	if err := mustPay(ctx, tx, actor.Organisation, req.Campaign); err != nil {
		return Choice{}, err
	}
	if req.Kind == ToCampaign {
		if err := mayRollInto(ctx, tx, actor, req); err != nil {
			return Choice{}, err
		}
	}
	before, err := choiceOf(ctx, tx, actor.Organisation, req.Campaign)
	if err != nil {
		return Choice{}, err
	}
	if err := keepChoice(ctx, tx, actor, req); err != nil {
		return Choice{}, err
	}
	after, err := choiceOf(ctx, tx, actor.Organisation, req.Campaign)
	if err != nil {
		return Choice{}, err
	}
	if err := audit.Record(ctx, tx, actor, "credit_chosen", object(req.Campaign), before, after); err != nil {
		return Choice{}, err
	}
	return *after, s.bringBack(ctx, tx, actor.Organisation)
}

// mustPay refuses an organisation that is no funder of a campaign: it does not exist for
// it.
func mustPay(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, id vouchers.CampaignID) error {
	parts, err := funders(ctx, tx, id)
	if err == nil && !slices.ContainsFunc(parts, func(p Part) bool { return p.Funder == funder }) {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

// mayRollInto refuses a campaign that is not another one of the funder's, or is over.
func mayRollInto(ctx context.Context, tx *db.Tx, actor identity.Actor, req ChooseRequest) error {
	c, err := campaigns.Owned(ctx, tx, actor, req.To)
	if fault.Code(err) == "not_found" || err == nil && (c.ID == req.Campaign || isOver(c, tx)) {
		return fault.New(fault.Invalid, "rollover_target")
	}
	return err
}

func isOver(c campaigns.Campaign, tx *db.Tx) bool {
	return c.ClosedAt != nil || c.EndsOn < vouchers.DayOf(tx.Now)
}

// Credit is what a funder has of one campaign: what came above its orders, and what the
// end of the campaign gave back.
type Credit struct {
	Campaign     vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	CampaignName string                  `json:"campaign_name" db:"campaign_name"`
	Closed       bool                    `json:"closed" db:"closed"`
	Amount       vouchers.Cents          `json:"amount_cents" db:"amount"`
	Reserved     vouchers.Cents          `json:"-" db:"reserved"` // by refunds that somebody has requested
	Choice       *Choice                 `json:"choice" db:"-"`
	Funder       vouchers.OrganisationID `json:"-" db:"funder_id"`
}

// BringBack does what funders have chosen, wherever a closed campaign has given them
// credit, proposes refunds of fees that were credited, and of what is the operator's. It
// may be run as often as one likes.
func (s *Service) BringBack(ctx context.Context) error {
	var ids []vouchers.OrganisationID
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		ids, err = creditors(ctx, tx)
		return err
	})
	for _, id := range ids {
		one := s.db.InTx(ctx, func(tx *db.Tx) error { return s.bringBack(ctx, tx, id) })
		if one != nil {
			err = errors.Join(err, fmt.Errorf("credit of funder %d: %w", id, one))
		}
	}
	return errors.Join(err, s.db.InTx(ctx, func(tx *db.Tx) error { return s.proposeClaim(ctx, tx) }))
}

// bringBack does what a funder has chosen. The campaigns into which credit may go are held
// first, with their funds, then the credit. A choice that is made meanwhile waits for the
// next time.
func (s *Service) bringBack(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) error {
	targets, err := targetsOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	for _, id := range targets {
		if _, err := campaigns.Hold(ctx, tx, id); err != nil {
			return err
		}
		if _, err := ledger.LockGuarded(ctx, tx, ledger.Funds(id)); err != nil {
			return err
		}
	}
	if err := ledger.HoldCredit(ctx, tx, funder); err != nil {
		return err
	}
	p, err := planOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	for _, r := range p.roll {
		if !slices.Contains(targets, r.target.ID) {
			continue
		}
		if err := s.rollOver(ctx, tx, r); err != nil {
			return err
		}
	}
	return s.propose(ctx, tx, funder, p.refund)
}

// refresh holds a funder's credit, or the operator's (0), and makes its proposals anew: one
// that the books do not ask for any more is gone.
func (s *Service) refresh(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) error {
	if funder == 0 {
		return s.proposeClaim(ctx, tx)
	}
	if err := ledger.HoldCredit(ctx, tx, funder); err != nil {
		return err
	}
	p, err := planOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	return s.propose(ctx, tx, funder, p.refund)
}

// plan is what a funder's choices come to now.
type plan struct {
	roll   []roll
	refund parts
}

// roll is a roll-over to be made.
type roll struct {
	Credit
	target campaigns.Campaign
	amount vouchers.Cents
}

func planOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) (plan, error) {
	all, err := creditsOf(ctx, tx, funder)
	if err != nil {
		return plan{}, err
	}
	debt, err := debtOf(ctx, tx, funder)
	if err != nil {
		return plan{}, err
	}
	open := map[vouchers.CampaignID]campaigns.Campaign{}
	for _, c := range all {
		if c.Choice == nil || c.Choice.To == nil {
			continue
		}
		target, err := campaigns.Get(ctx, tx, *c.Choice.To)
		if err != nil {
			return plan{}, err
		}
		if !isOver(target, tx) {
			open[target.ID] = target
		}
	}
	return arrange(all, debt, open), nil
}

// debtOf is what a funder owes because its payments were taken back.
func debtOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) (vouchers.Cents, error) {
	owed, err := ledger.Balance(ctx, tx, ledger.Debt(funder))
	return max(-owed, 0), err
}

// rollOver orders vouchers of the target and pays them with the credit. Fees that were
// given back are due again, at the tariff of the day; others have been paid.
func (s *Service) rollOver(ctx context.Context, tx *db.Tx, r roll) error {
	c, target, amount := r.Credit, r.target, r.amount
	asker := identity.Actor{Person: c.Choice.ChosenBy, Name: c.Choice.Chooser, Organisation: c.Funder, Kind: identity.Funder, Role: identity.Finance}
	feesBack, err := feesGivenBack(ctx, tx, c)
	if err != nil {
		return err
	}
	order, err := s.Orders.Order(ctx, tx, asker, orders.PlaceRequest{Campaign: target.ID, Vouchers: int(amount / target.Face)}, !feesBack)
	if err != nil {
		return err
	}
	id, err := keepRollover(ctx, tx, c, order.ID, amount)
	if err != nil {
		return err
	}
	in := orders.Incoming{Order: order.ID, Source: orders.Source{Rollover: id}, Amount: amount}
	err = s.Orders.Receive(ctx, tx, in, func(shared ledger.Received) []ledger.Transfer {
		return ledger.RolledOver(id, c.Campaign, shared)
	})
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, asker, "credit_rolled_over", object(c.Campaign), nil,
		map[string]any{"order": order.ID, "amount_cents": amount, "to_campaign": target.ID})
}

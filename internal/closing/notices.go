package closing

import (
	"context"
	"errors"
	"slices"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Notify enqueues the notices of this room, each in the transaction of what it tells.
type Notify struct {
	Ending       func(ctx context.Context, tx *db.Tx, to string, e Ending) error
	Extended     func(ctx context.Context, tx *db.Tx, to string, e Extended) error
	Closed       func(ctx context.Context, tx *db.Tx, to string, c Closed) error
	CreditWaits  func(ctx context.Context, tx *db.Tx, to string, w Waiting) error
	AccountGiven func(ctx context.Context, tx *db.Tx, to string, a Account) error
	RefundSent   func(ctx context.Context, tx *db.Tx, to string, r Refund) error
	// RefundReturned tells of a refund that came back, or of an account that our bank refuses.
	RefundReturned func(ctx context.Context, tx *db.Tx, to string, r Refund) error
}

// Before the end of a campaign its people are told as many days ahead, each once; after
// it, as many days later, funders who have not said what becomes of their credit.
var (
	daysBefore = []int{30, 15, 7}
	daysAfter  = []int{7, 30, 90}
)

// Ending warns that a campaign ends soon.
type Ending struct {
	campaigns.Campaign
	Counters                           // of the whole campaign, or of the prescriber's part
	Reader     vouchers.OrganisationID // who is told
	Prescriber bool
	Days       int // left
	Notice     int // which of daysBefore this is
}

// Extended tells that a campaign lasts longer.
type Extended struct {
	campaigns.Campaign
	Extension
	Reader     vouchers.OrganisationID
	Prescriber bool
}

// Closed tells a funder what became of its money.
type Closed struct {
	campaigns.Campaign
	Yours Part
}

// Waiting reminds a funder of credit that nothing is done with: Missing says why.
type Waiting struct {
	Credit
	Missing string // "choice", "account" or "target"
	Notice  int    // which of daysAfter this is
}

// Remind enqueues the notices of the day. It may be run as often as one likes.
func (s *Service) Remind(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		today := vouchers.DayOf(tx.Now)
		for i, days := range daysBefore {
			first := today
			if i+1 < len(daysBefore) {
				first = today.AddDays(daysBefore[i+1] + 1)
			}
			ids, err := ending(ctx, tx, first, today.AddDays(days))
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := s.warn(ctx, tx, id, days); err != nil {
					return err
				}
			}
		}
		return s.remindOfCredit(ctx, tx, today)
	})
}

// warn tells funders and prescribers of a campaign that it ends. One that was shorter than
// the notice has none.
func (s *Service) warn(ctx context.Context, tx *db.Tx, id vouchers.CampaignID, notice int) error {
	c, err := campaigns.Get(ctx, tx, id)
	if err != nil || int(c.EndsOn-c.StartsOn) < notice {
		return err
	}
	e := Ending{Campaign: c, Days: int(c.EndsOn - vouchers.DayOf(tx.Now)), Notice: notice}
	if e.Counters, err = countersOf(ctx, tx, id); err != nil || e.Issued == 0 {
		return err
	}
	return eachReader(ctx, tx, id, func(r reader) error {
		if e.Reader, e.Prescriber = r.id, r.allotted != nil; e.Prescriber {
			e.Counters = r.allotted.Counters
		}
		return s.Notify.Ending(ctx, tx, r.email, e)
	})
}

// reader is an organisation that a campaign concerns; allotted is set for a prescriber.
type reader struct {
	id       vouchers.OrganisationID
	email    string
	allotted *allotted
}

// eachReader goes through the funders of a campaign, then its prescribers.
func eachReader(ctx context.Context, tx *db.Tx, id vouchers.CampaignID, tell func(reader) error) error {
	parts, err := funders(ctx, tx, id)
	if err != nil {
		return err
	}
	prescribers, err := allottedIn(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, p := range parts {
		err = errors.Join(err, tell(reader{p.Funder, p.Email, nil}))
	}
	for _, a := range prescribers {
		err = errors.Join(err, tell(reader{a.ID, a.Email, &a}))
	}
	return err
}

func (s *Service) tellExtended(ctx context.Context, tx *db.Tx, c campaigns.Campaign, e Extension) error {
	return eachReader(ctx, tx, c.ID, func(r reader) error {
		return s.Notify.Extended(ctx, tx, r.email, Extended{c, e, r.id, r.allotted != nil})
	})
}

func (s *Service) tellClosed(ctx context.Context, tx *db.Tx, c campaigns.Campaign, done Closing) error {
	for _, p := range done.Parts {
		if p.Paid == 0 {
			continue
		}
		if err := s.Notify.Closed(ctx, tx, p.Email, Closed{c, p}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) remindOfCredit(ctx context.Context, tx *db.Tx, today vouchers.Day) error {
	ids, err := creditors(ctx, tx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.remindFunder(ctx, tx, id, today); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) remindFunder(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, today vouchers.Day) error {
	all, err := creditsOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	account, err := accountOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	o, err := identity.OrganisationOf(ctx, tx, funder)
	if err != nil {
		return err
	}
	for _, credit := range all {
		if !credit.Closed {
			continue
		}
		c, err := campaigns.Get(ctx, tx, credit.Campaign)
		if err != nil {
			return err
		}
		missing, err := missingFor(ctx, tx, credit, account)
		if err != nil {
			return err
		}
		notice := latest(daysAfter, int(today-vouchers.DayOf(*c.ClosedAt)))
		if missing == "" || notice == 0 {
			continue
		}
		if err := s.Notify.CreditWaits(ctx, tx, o.Email, Waiting{credit, missing, notice}); err != nil {
			return err
		}
	}
	return nil
}

// missingFor says what a credit waits for, "" for nothing that its funder can do.
func missingFor(ctx context.Context, tx *db.Tx, c Credit, account *Account) (string, error) {
	switch {
	case c.Choice == nil:
		return "choice", nil
	case c.Choice.Kind == ToBank && account == nil:
		return "account", nil
	case c.Choice.Kind == ToCampaign:
		target, err := campaigns.Get(ctx, tx, *c.Choice.To)
		if err == nil && (isOver(target, tx) || c.Amount < target.Face) {
			return "target", nil
		}
		return "", err
	}
	return "", nil
}

// latest is the last of days that have passed, 0 for none.
func latest(days []int, passed int) int {
	for _, d := range slices.Backward(days) {
		if passed >= d {
			return d
		}
	}
	return 0
}

package settlement

import (
	"context"
	"maps"
	"slices"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// An adjustment changes what a structure is owed beside its redemptions: what a complaint
// withholds of one or lets go, and what is taken for a debt. The next payout takes it.

// AdjustmentKind is why a payout differs from the redemptions that it pays.
type AdjustmentKind string

const (
	Withheld AdjustmentKind = "withheld" // a complaint about one redemption is open, or was right
	Released AdjustmentKind = "released" // it was dropped or turned down
	Netted   AdjustmentKind = "netted"   // a debt was taken out of what the structure is owed
)

// Outcome is where the amount of a corrected redemption went.
type Outcome string

const (
	ToHolder   Outcome = "live"  // the person has the vouchers again
	ToCampaign Outcome = "funds" // the booklet is over: the campaign has its value again
	AsDebt     Outcome = "debt"  // it was paid, or has paid a debt: the structure owes it
)

// Correction is a redemption that was undone after its structure could do so.
type Correction struct {
	ID         int64                   `json:"id" db:"id"`
	Redemption vouchers.RedemptionID   `json:"redemption" db:"redemption_id"`
	Structure  vouchers.OrganisationID `json:"structure" db:"structure_id"`
	Campaign   vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	Amount     vouchers.Cents          `json:"amount_cents" db:"amount_cents"`
	Outcome    Outcome                 `json:"outcome" db:"outcome"`
}

func (c Correction) line() ledger.Line {
	return ledger.Line{Structure: c.Structure, Campaign: c.Campaign, Amount: c.Amount}
}

// standing is where the money of one redemption is. What is neither paid nor withheld waits
// for the next payout.
type standing struct {
	redemption.Standing
	Paid     vouchers.Cents `db:"paid"`     // in a payout that is ordered or booked
	Waiting  vouchers.Cents `db:"waiting"`  // not in a payout, or in one that came back
	Withheld vouchers.Cents `db:"withheld"` // by a complaint
	Owed     vouchers.Cents `db:"-"`        // to the structure, of the campaign
}

func (s standing) line() ledger.Line {
	return ledger.Line{Structure: s.Structure, Campaign: s.Campaign, Amount: s.Amount}
}

// payable says that the whole line would be in the next payout. What has paid a debt of the
// structure is not: it is as good as paid.
func (s standing) payable() bool {
	return !s.Undone && s.Withheld == 0 && s.Waiting == s.Amount && s.Owed >= s.Amount
}

// lock enters the ledger's gate, so that no settlement takes the line meanwhile, and holds
// the redemption.
func lock(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) (standing, error) {
	if err := ledger.Enter(ctx, tx); err != nil {
		return standing{}, err
	}
	r, err := redemption.Lock(ctx, tx, id)
	if err != nil {
		return standing{}, err
	}
	owed, err := ledger.HoldPayable(ctx, tx, r.Structure, r.Campaign)
	if err != nil {
		return standing{}, err
	}
	s, err := moneyOf(ctx, tx, id)
	s.Standing, s.Owed = r, owed
	return s, err
}

// Withhold keeps a redemption that is not paid out of the next payouts, because a complaint
// about it is open; nothing else of its structure waits. It says whether it did: what is
// paid, or withheld already, is not.
func Withhold(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.RedemptionID) (bool, error) {
	s, err := lock(ctx, tx, id)
	if err != nil {
		return false, err
	}
	if s.Undone {
		return false, fault.New(fault.Conflict, "redemption_undone")
	}
	return s.payable(), s.withhold(ctx, tx, actor)
}

func (s standing) withhold(ctx context.Context, tx *db.Tx, actor identity.Actor) error {
	if !s.payable() {
		return nil
	}
	adjustment, err := adjust(ctx, tx, actor, s, Withheld)
	if err != nil {
		return err
	}
	return ledger.Post(ctx, tx, ledger.HeldBack(adjustment, s.line())...)
}

// Release lets a redemption go that was withheld: the next payout takes it. What is not
// withheld stays as it is.
func Release(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.RedemptionID) error {
	s, err := lock(ctx, tx, id)
	if err != nil || s.Withheld == 0 || s.Undone {
		return err
	}
	adjustment, err := adjust(ctx, tx, actor, s, Released)
	if err != nil {
		return err
	}
	return ledger.Post(ctx, tx, ledger.LetGo(adjustment, s.line())...)
}

// Correct undoes a redemption for good. What is not paid goes back to the person while the
// booklet lives, else to the campaign; what is paid is the structure's debt from now on. Its
// faults are not_found and redemption_undone.
func Correct(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.RedemptionID, reason string) (Correction, error) {
	if err := redemption.KeepOpen(ctx, tx, id); err != nil {
		return Correction{}, err
	}
	read, err := redemption.Read(ctx, tx, id)
	if err != nil {
		return Correction{}, err
	}
	if _, err := ledger.LockGuarded(ctx, tx, ledger.Funds(read.Campaign)); err != nil {
		return Correction{}, err
	}
	s, err := lock(ctx, tx, id)
	if err != nil {
		return Correction{}, err
	}
	if s.Undone {
		return Correction{}, fault.New(fault.Conflict, "redemption_undone")
	}
	return s.correct(ctx, tx, actor, reason)
}

func (s standing) correct(ctx context.Context, tx *db.Tx, actor identity.Actor, reason string) (Correction, error) {
	if err := s.withhold(ctx, tx, actor); err != nil {
		return Correction{}, err
	}
	c := Correction{Redemption: s.ID, Structure: s.Structure, Campaign: s.Campaign, Amount: s.Amount, Outcome: s.outcome(vouchers.DayOf(tx.Now))}
	if err := redemption.Correct(ctx, tx, actor, s.Standing, c.Outcome == ToHolder, reason); err != nil {
		return Correction{}, err
	}
	var err error
	if c.ID, err = insertCorrection(ctx, tx, actor, c, reason); err != nil {
		return Correction{}, err
	}
	recipe := map[Outcome]func(int64, ledger.Line) []ledger.Transfer{
		ToHolder: ledger.GivenBackLive, ToCampaign: ledger.GivenBackToFunds, AsDebt: ledger.ClawedBack,
	}[c.Outcome]
	if err := ledger.Post(ctx, tx, recipe(c.ID, c.line())...); err != nil {
		return Correction{}, err
	}
	return c, audit.Record(ctx, tx, actor, "redemption_corrected", redemptionName(s.ID), nil, c)
}

// outcome says where the amount of the line goes if it is corrected.
func (s standing) outcome(today vouchers.Day) Outcome {
	switch {
	case s.Withheld == 0 && !s.payable():
		return AsDebt
	case s.Lives(today):
		return ToHolder
	default:
		return ToCampaign
	}
}

// withholdAgain withholds what came back of structures' payouts while a complaint about it is open: it
// was paid when the complaint was made.
func withholdAgain(ctx context.Context, tx *db.Tx, structures ...vouchers.OrganisationID) error {
	open, err := complainedOf(ctx, tx, structures)
	if err != nil {
		return err
	}
	if err := redemption.LockAll(ctx, tx, open); err != nil {
		return err
	}
	for _, id := range open {
		if _, err := Withhold(ctx, tx, identity.Actor{}, id); err != nil {
			return err
		}
	}
	return nil
}

// adjusted adds to what structures are owed what changes it.
func adjusted(dues []due, waiting []adjustment) []due {
	all := map[vouchers.OrganisationID]*due{}
	for i := range dues {
		all[dues[i].Structure] = &dues[i]
	}
	for _, a := range waiting {
		if all[a.Structure] == nil {
			all[a.Structure] = &due{Structure: a.Structure, after: a.AfterID, parts: map[vouchers.CampaignID]vouchers.Cents{}}
		}
		all[a.Structure].parts[a.Campaign] += a.Amount
	}
	sum := make([]due, 0, len(all))
	for _, s := range slices.Sorted(maps.Keys(all)) {
		sum = append(sum, *all[s])
	}
	return sum
}

// payable leaves out what comes to nothing, which waits: no payout is of zero.
func payable(dues []due) []due {
	kept := make([]due, 0, len(dues))
	for _, d := range dues {
		maps.DeleteFunc(d.parts, func(_ vouchers.CampaignID, amount vouchers.Cents) bool { return amount == 0 })
		if len(d.parts) > 0 {
			kept = append(kept, d)
		}
	}
	return kept
}

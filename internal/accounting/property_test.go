package accounting

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// drawn is what a recipe is told.
type drawn struct {
	n         int64
	c, other  vouchers.CampaignID
	funder    vouchers.OrganisationID
	structure vouchers.OrganisationID
	x, y      vouchers.Cents
}

func (d drawn) contested() ledger.Contested {
	return ledger.Contested{Campaign: d.c, Funder: d.funder, Counted: d.x, Pending: d.y, Fees: d.x}
}

// recipes are all that the ledger can be told.
var recipes = []func(d drawn) []ledger.Transfer{
	func(d drawn) []ledger.Transfer {
		return ledger.OrderPaid(d.n, ledger.Received{Campaign: d.c, Funder: d.funder, Funds: d.x, Debt: d.y, Claim: 1, Excess: 2})
	},
	func(d drawn) []ledger.Transfer {
		return slices.Concat(ledger.ReceivedUnexplained(d.n, d.x+d.y),
			ledger.Attributed(d.n, ledger.Received{Campaign: d.c, Funder: d.funder, Funds: d.x, Excess: d.y}), ledger.DebitedUnexpectedly(d.n, d.x))
	},
	func(d drawn) []ledger.Transfer {
		return slices.Concat(ledger.FeesInvoiced(vouchers.InvoiceID(d.n), d.funder, d.x, d.y), ledger.FeesInvoiced(vouchers.InvoiceID(d.n+1), d.funder, -d.y, -d.x),
			ledger.OperatingMoved(d.n, d.y-d.x), ledger.FeesPaid(d.n, d.funder, d.y), ledger.FeesAttributed(d.n, d.funder, d.x),
			ledger.FeesBackOrdered(vouchers.RefundID(d.n), d.funder, d.x), ledger.FeesBackReturned(vouchers.RefundID(d.n), d.funder, d.y),
			ledger.FeesBackRejected(vouchers.RefundID(d.n), d.funder, d.x))
	},
	func(d drawn) []ledger.Transfer {
		return slices.Concat(ledger.HandedOver(vouchers.BookletID(d.n), d.c, d.x), ledger.Redeemed(vouchers.RedemptionID(d.n), d.c, d.structure, d.y),
			ledger.Undone(vouchers.RedemptionID(d.n), d.c, d.structure, d.y), ledger.Expired(vouchers.BookletID(d.n), d.c, d.x))
	},
	func(d drawn) []ledger.Transfer {
		parts := map[vouchers.CampaignID]vouchers.Cents{d.c: d.x, d.other: d.y}
		p := vouchers.PayoutID(d.n)
		return slices.Concat(ledger.Settled(p, d.structure, parts), ledger.PaidOut(p, parts), ledger.CameBack(p, d.structure, parts),
			ledger.PaidThrough(p, parts), ledger.CameBackThrough(p, d.structure, parts),
			ledger.PayoutsFunded(d.n, parts), ledger.PayoutsUnfunded(d.n, parts), ledger.PayoutsHome(d.n, parts),
			ledger.Rejected(p, d.structure, parts))
	},
	func(d drawn) []ledger.Transfer {
		parts := map[vouchers.CampaignID]vouchers.Cents{d.c: d.x, d.other: d.y}
		r := vouchers.RefundID(d.n)
		return slices.Concat(ledger.RefundOrdered(r, d.funder, parts), ledger.RefundBooked(r, parts), ledger.RefundReturned(r, d.funder, parts), ledger.RefundRejected(r, d.funder, parts),
			ledger.ClaimOrdered(r, parts), ledger.ClaimBooked(r, parts), ledger.ClaimReturned(r, parts), ledger.ClaimRejected(r, parts),
			ledger.ClaimArrived(d.n, d.x, map[vouchers.OrganisationID]vouchers.Cents{d.funder: d.y}))
	},
	func(d drawn) []ledger.Transfer {
		k, r := vouchers.CheckoutID(d.n), ledger.Received{Campaign: d.c, Funder: d.funder, Funds: d.x}
		return slices.Concat(ledger.CardPaid(k, d.c, d.funder, d.x+d.y), ledger.CardCost(k, d.c, 1), ledger.CardFees(k, d.c, d.funder, d.y),
			ledger.CardCounted(k, r), ledger.CardCountedBanked(d.n, d.c, d.x), ledger.CardBanked(d.n, r), ledger.StripePaidOut(d.n, d.y))
	},
	func(d drawn) []ledger.Transfer {
		return slices.Concat(ledger.CardRefunded(d.n, d.c, d.x), ledger.Disputed(d.n, d.contested()), ledger.DisputeWon(d.n, d.contested()),
			ledger.DebtSecured(d.n, d.c, d.y), ledger.DebtReleased(d.n, d.c, d.x), ledger.DebtPaid(d.n, d.funder, d.y), ledger.DebtForgiven(d.n, d.funder, d.x))
	},
	func(d drawn) []ledger.Transfer {
		line := ledger.Line{Structure: d.structure, Campaign: d.c, Amount: d.x}
		return slices.Concat(ledger.HeldBack(d.n, line), ledger.LetGo(d.n, line), ledger.GivenBackLive(d.n, line), ledger.GivenBackToFunds(d.n, line),
			ledger.ClawedBack(d.n, line), ledger.DebtNetted(d.n, line, d.other), ledger.DebtRepaid(d.n, line), ledger.StructureForgiven(d.n, line), ledger.MadeGood(d.n, line))
	},
	func(d drawn) []ledger.Transfer {
		return slices.Concat(ledger.PaymentReturned(d.n, ledger.TakenBack{Campaign: d.c, Funder: d.funder, Funds: d.x, Debt: d.y}), ledger.ToppedUp(d.n, d.c, d.y), ledger.CampaignClosed(d.c, d.funder, d.x, d.y),
			ledger.RolledOver(vouchers.RolloverID(d.n), d.c, ledger.Received{Campaign: d.other, Funder: d.funder, Funds: d.x}))
	},
}

// Whatever the ledger holds, over whatever years: a year's file is sound, takes over what
// the one before has left, and leaves the ledger's own sums. The world goes on from one
// check to the next, so that late ones start from a long history.
func TestTheFilesAddUpToTheLedger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	campaigns := []vouchers.CampaignID{b.Campaign.ID, b.NewCampaign("Deuxième", 1).ID, b.NewCampaign("Troisième", 1).ID}
	funders := []vouchers.OrganisationID{b.Funder.Organisation, b.Organisation(identity.Funder, "Ville de Cluses").Organisation}
	structures := []vouchers.OrganisationID{b.Structure.Organisation, b.NewStructure("Bonlieu").Organisation}
	n := int64(1000)
	rapid.Check(t, func(r *rapid.T) {
		for range 3 {
			n += 2
			pick := rapid.Permutation(campaigns).Draw(r, "campaigns")
			d := drawn{n, pick[0], pick[1], rapid.SampledFrom(funders).Draw(r, "funder"), rapid.SampledFrom(structures).Draw(r, "structure"),
				vouchers.Cents(rapid.IntRange(1, 99_99).Draw(r, "x")), vouchers.Cents(rapid.IntRange(1, 99_99).Draw(r, "y"))}
			lent := slices.Concat(ledger.OrderPaid(n, ledger.Received{Campaign: d.c, Funder: d.funder, Funds: 10 * (d.x + d.y)}),
				ledger.OrderPaid(n, ledger.Received{Campaign: d.other, Funder: d.funder, Funds: 1}))
			hours := time.Duration(rapid.IntRange(0, 40*24).Draw(r, "hours"))
			b.post(b.Clock.Now().Add(hours*time.Hour), append(lent, rapid.SampledFrom(recipes).Draw(r, "recipe")(d)...)...)
		}
		b.addsUp(r)
	})
	if years, err := b.Years(t.Context(), b.Operator); err != nil || len(years) < 3 {
		t.Errorf("only %d years came of it (%v)", len(years), err)
	}
}

// addsUp compares the file of this year with that of the last, and with the ledger.
func (b bundle) addsUp(r *rapid.T) {
	b.t.Helper()
	year := vouchers.DayOf(b.Clock.Now()).Time().Year()
	c := b.sound(year)
	if year > 2026 {
		before := b.sound(year - 1)
		for place, cents := range before.debits {
			if kept := place[0] == '4' || place[0] == '5'; kept && c.opening[place] != cents {
				r.Fatalf("%d takes over %s of %s, which was left with %s", year, c.opening[place], place, cents)
			}
		}
	}
	sums := map[string]vouchers.Cents{}
	result := -c.opening[earned.number] - c.opening[lost.number]
	b.InTx(func(tx *db.Tx) error {
		all, err := ledger.Sums(b.t.Context(), tx)
		for _, s := range all {
			p, err := placeOf(s.Account)
			if err != nil {
				return err
			}
			if p.ofResult() {
				result += s.Held()
			} else {
				sums[p.number+p.code()] += s.Held()
			}
		}
		return err
	})
	for place, cents := range c.debits {
		switch place[0] {
		case '6', '7':
			result -= cents
		case '4', '5':
			sums[place] -= cents
		}
	}
	for place, gap := range sums {
		if gap != 0 {
			r.Fatalf("%s: the ledger has %s more than the file", place, gap)
		}
	}
	if result != 0 {
		r.Fatalf("the ledger's result has %s more than the file's", result)
	}
}

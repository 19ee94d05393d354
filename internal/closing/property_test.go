package closing_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/vouchers"
)

// Whatever was paid, handed over and used, each campaign gives back to the cent what was
// not used, each funder bears its own part, and the books hold. The world goes on from one
// campaign to the next.
func TestCampaignsGiveBackToTheCent(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.exec(`UPDATE labels SET ends_on = ends_on + 4000`)
	s.exec(`UPDATE campaigns SET ends_on = ends_on + 3000 WHERE id = $1`, s.Campaign.ID)
	funders := []identity.Actor{s.Funder, s.Organisation(identity.Funder, "État"), s.Organisation(identity.Funder, "Région")}
	s.givesAccount(s.Funder, funderIBAN)
	ended := 0
	rapid.Check(t, func(r *rapid.T) {
		l := life{stage: s, r: r, funders: funders[:rapid.IntRange(1, 3).Draw(r, "funders")]}
		l.begins()
		l.isUsed()
		l.ends()
		if ended++; ended%5 == 0 {
			s.holds()
		}
		if t.Failed() {
			r.FailNow()
		}
	})
}

// life is the life of one campaign.
type life struct {
	*stage
	r       *rapid.T
	funders []identity.Actor
	c       campaigns.Campaign
	used    vouchers.Cents
	over    map[vouchers.OrganisationID]vouchers.Cents // paid above orders
}

func (l *life) draw(name string, least, most int) int {
	return rapid.IntRange(least, most).Draw(l.r, name)
}

func (l *life) begins() {
	today := l.today()
	c, err := l.Campaigns.Define(l.t.Context(), l.Funder, campaigns.Rules{Name: fmt.Sprintf("Campagne du %s", today), Face: 10_00, BookletSize: 5,
		StartsOn: today, EndsOn: today.AddDays(15), ToleranceDays: 2, PriceCap: 10})
	l.ok(err)
	l.c, l.over = c, map[vouchers.OrganisationID]vouchers.Cents{}
	for i, f := range l.funders {
		if i == 1 {
			l.exec(`INSERT INTO campaign_shares (campaign_id, funder_id, kind, percent_bp, agreed_at, agreed_by) VALUES ($1, $2, 'rest', 0, $3, $4)`,
				c.ID, c.Funder, l.Clock.Now(), f.Person)
		}
		if i > 0 {
			l.exec(`INSERT INTO campaign_shares (campaign_id, funder_id, kind, percent_bp, agreed_at, agreed_by) VALUES ($1, $2, 'percent', $3, $4, $5)`,
				c.ID, f.Organisation, l.draw("share", 1, 5000), l.Clock.Now(), f.Person)
		}
		o := l.orderedBy(f, c, l.draw("vouchers", 1, 30))
		if paid := vouchers.Cents(l.draw("percent paid", 0, 130)) * o.Face / 100; paid > 0 {
			l.pays(o, paid)
			l.over[f.Organisation] = max(paid-o.Face, 0)
		}
	}
}

func (l *life) isUsed() {
	var free int
	l.InTx(func(tx *db.Tx) error {
		return tx.Get(l.t.Context(), &free, `SELECT COALESCE(sum(balance), 0)::bigint / 1000 FROM guarded_balances WHERE account = 'campaign:' || $1::bigint || ':funds'`, l.c.ID)
	})
	if free == 0 {
		return
	}
	l.allocates(l.c, free)
	for free > 0 && l.draw("another booklet", 0, 3) > 0 {
		n := l.draw("booklet", 1, min(free, 10))
		b := l.HandOver(l.c, n)
		free -= n
		if taken := l.draw("taken", 0, n); taken > 0 {
			redeemed := l.Redeem(l.Structure, b, taken)
			if l.draw("undone", 0, 4) == 0 {
				l.Undo(l.Structure, redeemed.ID)
			} else {
				l.used += redeemed.Amount
			}
		}
		if l.draw("lost", 0, 4) == 0 {
			_, err := l.Issuing.Freeze(l.t.Context(), l.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: true})
			l.ok(err)
		}
	}
}

func (l *life) ends() {
	early := l.draw("chosen before the end", 0, 1) == 1
	if early {
		l.chooseAll()
	}
	l.on(l.c.StartsOn.AddDays(19))
	l.closes(1)
	if !early {
		l.chooseAll()
	}
	if all := l.proposed(); len(all) > 0 && l.draw("approved", 0, 2) > 0 {
		l.approves(all...)
		for _, r := range all {
			l.plays(l.refund(r.ID))
		}
	}
	l.givesBack()
}

func (l *life) chooseAll() {
	for _, f := range l.funders {
		kind := rapid.SampledFrom([]string{closing.ToBank, closing.ToCampaign, closing.Keep, ""}).Draw(l.r, "choice")
		to := vouchers.CampaignID(0)
		if kind == closing.ToCampaign {
			if to = l.Campaign.ID; f.Organisation != l.Funder.Organisation {
				continue
			}
		}
		if kind != "" {
			l.ok(l.choose(f, l.c.ID, kind, to))
		}
	}
}

// plays the bank: a refund leaves, and may come back; then the account is given anew.
func (l *life) plays(r closing.Refund) {
	if l.draw("left", 0, 3) == 0 {
		return
	}
	l.bank(segregated, r, false, "")
	if l.draw("came back", 0, 3) == 0 {
		l.bank(segregated, r, true, "AC04")
		l.givesAccount(l.Funder, funderIBAN)
	}
}

// givesBack compares with what was really used: each cent that was paid is used, or is
// credit, or was rolled over or refunded.
func (l *life) givesBack() {
	var used vouchers.Cents
	for _, f := range l.statement(l.Operator, l.c).Funders {
		used += f.Used
		gone := l.refunded(f.Funder)
		for _, v := range f.RolledOver {
			gone += v.Amount
		}
		if back := f.Paid - f.Used + l.over[f.Funder]; back != f.Credit+gone {
			l.t.Errorf("%s gets %s back; %s is its credit, %s has gone its way", f.FunderName, back, f.Credit, gone)
		}
	}
	if used != l.used {
		l.t.Errorf("the funders bear %s, the structures got %s", used, l.used)
	}
}

func (l *life) refunded(funder vouchers.OrganisationID) vouchers.Cents {
	var cents vouchers.Cents
	l.InTx(func(tx *db.Tx) error {
		return tx.Get(l.t.Context(), &cents, `
			SELECT COALESCE(sum(p.amount_cents), 0)::bigint FROM refunds r JOIN refund_parts p ON p.refund_id = r.id
			WHERE r.funder_id = $1 AND p.campaign_id = $2 AND r.state IN ('ordered', 'booked')`, funder, l.c.ID)
	})
	return cents
}

package demo

import (
	"context"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/redemption"
)

// booklet is a booklet of the play.
type booklet struct {
	campaign   *campaign
	prescriber *house
	given      issuing.Booklet
	left       int
	frozen     bool
	home       spot // where its holder mostly goes
}

const (
	unusedPercent   = 20 // of booklets are never used
	visitsMost      = 5
	visitWithin     = 60 // days after the hand-over
	strayPercent    = 25 // of visits go somewhere else than the last
	undoEvery       = 45 // redemptions
	lostEvery       = 80 // booklets
	receiptEvery    = 20 // booklets, for whose holder an e-mail address is given
	vainPercent     = 20 // of visits with too few vouchers left are made all the same
	lastBusyDay     = lasts - 1
	liveCodesListed = 40
	bookletsPrinted = 12
)

// planBooklets hands booklets over on working days, and sends their holders to places.
func (p *play) planBooklets(c *campaign) {
	first := c.starts + c.firstPayment().after + 1
	last := min(c.ends, lastBusyDay-2)
	for i := range c.givenOut {
		b := &booklet{campaign: c, prescriber: p.prescriberFor(c, i)}
		p.booklets = append(p.booklets, b)
		day := min(p.workday(first+i*(last-first)/c.givenOut), last)
		p.on(day, p.during(), "handovers", func(ctx context.Context) error { return p.handOver(ctx, b, i) })
		if p.rng.IntN(100) >= unusedPercent {
			p.planVisits(b, day)
		}
	}
	p.planRefusals(c)
}

// prescriberFor alternates between those to whom the campaign is allocated.
func (p *play) prescriberFor(c *campaign, i int) *house {
	var who []*house
	for n, share := range c.firstPayment().share {
		if share > 0 {
			who = append(who, p.prescribers[n])
		}
	}
	return who[i%len(who)]
}

func (p *play) planVisits(b *booklet, given int) {
	until := min(given+visitWithin, b.campaign.ends+b.campaign.rules.ToleranceDays, lastBusyDay)
	for range 1 + p.rng.IntN(visitsMost) {
		if until <= given {
			return
		}
		day := min(p.workday(given+1+p.rng.IntN(until-given)), until)
		p.on(day, p.during(), "redemptions", func(ctx context.Context) error { return p.visit(ctx, b) })
	}
}

func (p *play) handOver(ctx context.Context, b *booklet, n int) error {
	b.home = b.campaign.places[p.rng.IntN(len(b.campaign.places))]
	request := issuing.HandOverRequest{Campaign: b.campaign.id, INSEE: b.home.place.record.INSEE}
	if n%receiptEvery == 0 {
		request.Email = fmt.Sprintf("personne-%d@exemple.example", n)
	}
	if err := b.prescriber.agent.post(ctx, "/handovers", request, &b.given); err != nil {
		return err
	}
	b.left = b.given.Count
	if n%lostEvery == lostEvery-1 {
		b.frozen = true
		return b.prescriber.agent.post(ctx, fmt.Sprintf("/handovers/%d/freeze", b.given.ID), map[string]bool{"frozen": true}, nil)
	}
	return nil
}

// visit spends vouchers. Who has none left, or has lost the booklet, is refused.
func (p *play) visit(ctx context.Context, b *booklet) error {
	if p.rng.IntN(100) < strayPercent {
		b.home = b.campaign.places[p.rng.IntN(len(b.campaign.places))]
	}
	price := b.home.place.offers[b.home.offer].PriceVouchers
	if b.frozen || b.left < price {
		if p.rng.IntN(100) >= vainPercent {
			return nil
		}
		return p.refused(ctx, b.home, b.given.Typed, price, "voucher_frozen", "voucher_already_redeemed", "insufficient_vouchers")
	}
	var done redemption.Redemption
	if err := p.redeem(ctx, b.home, p.shown(b), price, &done); err != nil {
		return err
	}
	b.left = done.Left
	if p.redeemed++; p.redeemed%undoEvery == 0 {
		return p.undo(ctx, b, done)
	}
	return nil
}

// shown is what the person shows: the QR code to scan, or the typed code.
func (p *play) shown(b *booklet) string {
	if p.rng.IntN(3) == 0 {
		return b.given.Typed
	}
	return b.given.QR
}

func (p *play) redeem(ctx context.Context, at spot, code string, count int, out any) error {
	offer := at.place.offers[at.offer]
	mode := "individual"
	if p.rng.IntN(4) == 0 {
		mode = "group"
	}
	return at.structure.agent.post(ctx, "/redemptions", redemption.Request{Code: code, Count: count, Theme: offer.Theme,
		DurationMinutes: offer.DurationMinutes, Mode: mode, Place: at.place.id}, out)
}

func (p *play) undo(ctx context.Context, b *booklet, done redemption.Redemption) error {
	reason := map[string]string{"reason": cast.UndoReasons[p.redeemed/undoEvery%len(cast.UndoReasons)]}
	var undone redemption.Undone
	err := b.home.structure.agent.do(ctx, call{method: "DELETE", path: fmt.Sprintf("/redemptions/%d", done.ID), in: reason, out: &undone})
	b.left = undone.Left
	return err
}

// refused tries something that must be refused for one of these reasons.
func (p *play) refused(ctx context.Context, at spot, code string, count int, reasons ...string) error {
	err := p.redeem(ctx, at, code, count, nil)
	if slices.Contains(reasons, codeOf(err)) {
		return nil
	}
	return fmt.Errorf("expected one of %v: %w", reasons, err)
}

// planRefusals tries what people try: a slip of the finger, too many vouchers at once, a
// place outside the area, a voucher whose time is over.
func (p *play) planRefusals(c *campaign) {
	day := p.workday(c.starts + c.firstPayment().after + 20)
	booklets := p.booklets[len(p.booklets)-c.givenOut:]
	p.on(day, 15.2, "redemptions", func(ctx context.Context) error {
		b := booklets[0]
		code := []byte(b.given.Typed)
		if code[0]++; code[0] > '9' { // a letter or a ten becomes something else
			code[0] = '0' + code[1]%2
		}
		if string(code) == b.given.Typed {
			code[0] = '7'
		}
		return p.refused(ctx, b.home, string(code), 1, "code_malformed")
	})
	p.on(day, 15.4, "redemptions", func(ctx context.Context) error {
		b := booklets[1]
		return p.refused(ctx, b.home, b.given.QR, c.rules.PriceCap+1, "price_cap_exceeded", "insufficient_vouchers", "voucher_already_redeemed")
	})
	p.on(day, 15.6, "redemptions", func(ctx context.Context) error {
		if away, there := p.away(c); there {
			return p.refused(ctx, away, booklets[2].given.QR, 1, "place_outside_area")
		}
		return nil
	})
	if over := c.ends + c.rules.ToleranceDays + 3; over < lasts {
		p.on(p.workday(over), 15, "redemptions", func(ctx context.Context) error {
			b := booklets[len(booklets)-1]
			return p.refused(ctx, b.home, b.given.QR, 1, "voucher_expired")
		})
	}
}

// away is a place outside a campaign's area.
func (p *play) away(c *campaign) (spot, bool) {
	for _, s := range p.structures {
		for _, one := range s.places {
			if !c.rules.Area().Contains(one.record.INSEE) {
				return spot{s, one, 0}, true
			}
		}
	}
	return spot{}, false
}

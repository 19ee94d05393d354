package settlement

import (
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// A complaint and a settlement at once: the line is frozen out or paid, never both.
func TestComplaintsWhileSettlementsClose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklets := []issuing.Booklet{b.HandOver(b.Campaign, 60)}
	var lines []redemption.Redemption
	for range 12 {
		lines = append(lines, b.Redeem(b.Structure, booklets[0], 1))
	}
	var all sync.WaitGroup
	for _, r := range lines {
		all.Go(func() {
			if _, err := b.triesToComplain(r.ID); err != nil && fault.Code(err) != "redemption_undone" {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		if _, err := b.Close(t.Context(), b.Operator, CloseRequest{}); err != nil && fault.Code(err) != "nothing_to_settle" {
			t.Error(err)
		}
	})
	for _, r := range lines[:4] {
		all.Go(func() {
			_, err := b.Counter.Undo(t.Context(), b.Structure.Actor, redemption.UndoRequest{ID: r.ID, Reason: "wrong person"})
			if code := fault.Code(err); err != nil && code != "redemption_withheld" && code != "already_settled" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	b.sound()
}

// Two decisions at once, one each way: one of them stands.
func TestTwoDecisionsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.Redeem(b.Structure, b.HandOver(b.Campaign, 9), 1)
	b.complains(r.ID)
	var both sync.WaitGroup
	for range 3 {
		both.Go(func() {
			err := b.DB.WithoutRetries().InTx(t.Context(), func(tx *db.Tx) error {
				c, err := Correct(t.Context(), tx, b.Operator, r.ID, "nobody came")
				if err != nil {
					return err
				}
				return b.ends(tx, r.ID, "upheld", c.ID)
			})
			if err != nil && fault.Code(err) != "redemption_undone" {
				t.Error(err)
			}
		})
	}
	both.Wait()
	b.sound()
}

// corrector plays everything that may happen to redemptions, in any order.
type corrector struct {
	*player
	reference []string
}

func (p *corrector) line(r *rapid.T) (redemption.Line, bool) {
	s := rapid.SampledFrom(p.structures).Draw(r, "structure")
	lines, err := p.Counter.List(p.t.Context(), s.Actor, 0, 8)
	p.only(r, err)
	if len(lines) == 0 {
		return redemption.Line{}, false
	}
	return rapid.SampledFrom(lines).Draw(r, "redemption"), true
}

func (p *corrector) open(id vouchers.RedemptionID) (open bool) {
	p.InTx(func(tx *db.Tx) (err error) {
		open, err = complained(p.t.Context(), tx, id)
		return err
	})
	return open
}

func (p *corrector) complain(r *rapid.T) {
	if line, ok := p.line(r); ok && !line.Undone && !p.open(line.ID) {
		p.complains(line.ID)
	}
}

func (p *corrector) endOne(r *rapid.T) {
	line, ok := p.line(r)
	if !ok || !p.open(line.ID) {
		return
	}
	if rapid.Bool().Draw(r, "right") {
		p.upheld(line.ID)
	} else {
		p.dismissed(line.ID)
	}
}

func (p *corrector) clawback(r *rapid.T) {
	line, ok := p.line(r)
	if !ok {
		return
	}
	req, err := p.RequestClawback(p.t.Context(), p.Operator, ClawbackRequest{Redemption: line.ID, Reason: "counted twice"})
	p.only(r, err, "redemption_undone", "redemption_not_paid", "complaint_open", "request_already_made")
	if err == nil {
		_, err = p.ApproveRequest(p.t.Context(), p.Colleague(), req.ID)
		p.only(r, err)
	}
}

func (p *corrector) forgive(r *rapid.T) {
	d, err := p.Debts(p.t.Context(), p.Operator)
	p.only(r, err)
	if len(d.Open) == 0 {
		return
	}
	one := rapid.SampledFrom(d.Open).Draw(r, "debt")
	req, err := p.RequestForgiveness(p.t.Context(), p.Operator, ForgiveRequest{Debt: one.ID, Reason: "too small"})
	p.only(r, err, "debt_settled", "request_already_made")
	if err == nil {
		done, err := p.ApproveRequest(p.t.Context(), p.Colleague(), req.ID)
		p.only(r, err)
		p.reference = append(p.reference, done.Reference)
	}
}

func (p *corrector) pay(r *rapid.T) {
	for _, n := range p.asks(1, 0) {
		p.reference = append(p.reference, n.Reference)
	}
	if len(p.reference) > 0 {
		p.repays(rapid.SampledFrom(p.reference).Draw(r, "reference"), vouchers.Cents(rapid.IntRange(1, 4).Draw(r, "euros"))*10_00)
	}
}

// Whatever is contested, withdrawn, decided, clawed back, netted, repaid and forgiven, before
// and after payouts that leave and come back: all invariants hold after every step.
func TestCorrectionsInAnyOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := corrector{player: &player{bundle: b, structures: []world.Structure{b.Structure, b.NewStructure("Bonlieu"), b.NewStructureWithoutBank("Faverges")}}}
	second := b.NewCampaign("Ateliers d’hiver", 1000)
	for range 5 {
		p.booklets = append(p.booklets, b.HandOver(b.Campaign, 100), b.HandOver(second, 100))
	}
	steps := []func(*rapid.T){p.redeem, p.redeem, p.redeem, p.undo, p.close, p.close, p.book, p.comeBack, p.reject,
		p.complain, p.complain, p.endOne, p.endOne, p.clawback, p.clawback, p.forgive, p.pay}
	checks := 0
	rapid.Check(t, func(r *rapid.T) {
		for range 4 {
			steps[rapid.IntRange(0, len(steps)-1).Draw(r, "step")](r)
			b.holds()
			b.covered()
			if t.Failed() {
				r.FailNow()
			}
		}
		if checks++; checks%5 == 0 {
			b.sound()
		}
		for _, s := range p.structures {
			for _, one := range b.money(s.Actor).Payouts[:min(3, len(b.money(s.Actor).Payouts))] {
				_, err := b.Statement(t.Context(), s.Actor, one.ID) // its lines come to its amount
				p.only(r, err)
			}
		}
	})
	if d, err := b.Debts(t.Context(), b.Operator); err != nil || len(d.Requests) < 3 {
		t.Errorf("only %d requests came of it (%v)", len(d.Requests), err)
	}
}

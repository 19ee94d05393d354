package settlement

import (
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Whatever happens in whatever order, the invariants hold after every step. The world
// goes on from one check to the next, so that late ones start from a long history.
func TestInvariantsHoldInAnyOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := player{bundle: b, structures: []world.Structure{b.Structure, b.NewStructure("Bonlieu"), b.NewStructureWithoutBank("Faverges")}}
	second := b.NewCampaign("Ateliers d’hiver", 1000)
	for range 5 {
		p.booklets = append(p.booklets, b.HandOver(b.Campaign, 100), b.HandOver(second, 100))
	}
	steps := []func(*rapid.T){p.redeem, p.redeem, p.undo, p.close, p.approve, p.approve, p.cancel, p.take, p.book, p.book, p.comeBack, p.reject}
	rapid.Check(t, func(r *rapid.T) {
		for range 4 {
			steps[rapid.IntRange(0, len(steps)-1).Draw(r, "step")](r)
			b.holds()
			if t.Failed() {
				r.FailNow()
			}
		}
		b.delaysAgree(b.Structure.Organisation)
	})
	if all, err := b.List(t.Context(), b.Operator, 0, 200); err != nil || len(all) < 5 {
		t.Errorf("only %d settlements came of it (%v)", len(all), err)
	}
}

type player struct {
	bundle
	structures []world.Structure
	booklets   []issuing.Booklet
}

func (p *player) redeem(r *rapid.T) {
	s := rapid.SampledFrom(p.structures).Draw(r, "structure")
	booklet := rapid.SampledFrom(p.booklets).Draw(r, "booklet")
	_, err := p.Counter.Redeem(p.t.Context(), s.Actor, world.Request(booklet, rapid.IntRange(1, 3).Draw(r, "count")))
	p.only(r, err, "insufficient_vouchers", "voucher_already_redeemed")
}

func (p *player) undo(r *rapid.T) {
	s := rapid.SampledFrom(p.structures).Draw(r, "structure")
	lines, err := p.Counter.List(p.t.Context(), s.Actor, 0, 5)
	p.only(r, err)
	if len(lines) == 0 {
		return
	}
	line := rapid.SampledFrom(lines).Draw(r, "redemption")
	_, err = p.Counter.Undo(p.t.Context(), s.Actor, redemption.UndoRequest{ID: line.ID, Reason: "wrong person"})
	p.only(r, err, "already_settled", "already_undone", "redemption_withheld")
	if undoable := !line.Settled && !line.Undone && !line.Withheld; (err == nil) != undoable && !(undoable && p.netted(s.Organisation)) {
		r.Fatalf("redemption %d, settled %v, undone %v: %v", line.ID, line.Settled, line.Undone, err)
	}
}

// netted says that a debt of the structure was taken out of what it was owed: what has paid
// it cannot be undone.
func (p *player) netted(structure vouchers.OrganisationID) (yes bool) {
	p.InTx(func(tx *db.Tx) error {
		return tx.Get(p.t.Context(), &yes, `SELECT EXISTS (SELECT 1 FROM adjustments WHERE structure_id = $1 AND kind = 'netted')`, structure)
	})
	return yes
}

func (p *player) close(r *rapid.T) {
	_, err := p.Close(p.t.Context(), p.Operator, CloseRequest{})
	p.only(r, err, "nothing_to_settle")
}

// approve, cancel and take work exactly from the states they must be in.
func (p *player) approve(r *rapid.T) {
	p.onSettlement(r, func(s Settlement) (bool, error) {
		_, err := p.Approve(p.t.Context(), p.second, ApproveRequest{ID: s.ID, SHA256: s.SHA256})
		return s.State == Waiting, err
	})
}

func (p *player) cancel(r *rapid.T) {
	p.onSettlement(r, func(s Settlement) (bool, error) {
		_, err := p.Cancel(p.t.Context(), p.Operator, s.ID, "wrong day")
		return (s.State == Waiting || s.State == Approved) && s.TakenAt == nil, err
	})
}

func (p *player) take(r *rapid.T) {
	p.onSettlement(r, func(s Settlement) (bool, error) {
		_, err := p.File(p.t.Context(), p.Operator, s.ID, 0, io.Discard)
		return s.State != Waiting && s.State != Cancelled, err
	})
}

func (p *player) onSettlement(r *rapid.T, do func(Settlement) (may bool, err error)) {
	all, err := p.List(p.t.Context(), p.Operator, 0, 3)
	p.only(r, err)
	if len(all) == 0 {
		return
	}
	one := rapid.SampledFrom(all).Draw(r, "settlement")
	if may, err := do(one); may != (err == nil) {
		r.Fatalf("settlement %d is %s, taken at %v: %v", one.ID, one.State, one.TakenAt, err)
	}
}

func (p *player) book(r *rapid.T) {
	early := vouchers.Day(rapid.IntRange(0, 9).Draw(r, "days before the day of execution"))
	p.onPayout(r, InTransit, func(one Payout) sepa.Movement {
		m := debit(one)
		m.On -= early
		return m
	})
}

func (p *player) comeBack(r *rapid.T) {
	p.onPayout(r, Booked, credit)
}

// reject plays the bank's answer that refuses a payout.
func (p *player) reject(r *rapid.T) {
	s := rapid.SampledFrom(p.structures).Draw(r, "structure")
	for _, one := range p.money(s.Actor).Payouts {
		if one.State == InTransit && one.Approved {
			p.only(r, p.DB.InTx(p.t.Context(), func(tx *db.Tx) error {
				_, err := p.Reject(p.t.Context(), tx, one.EndToEnd, "AM05")
				return err
			}))
			return
		}
	}
}

// onPayout moves one payout, which works exactly from the state it must be in.
func (p *player) onPayout(r *rapid.T, from string, line func(Payout) sepa.Movement) {
	s := rapid.SampledFrom(p.structures).Draw(r, "structure")
	payouts := p.money(s.Actor).Payouts
	if len(payouts) == 0 {
		return
	}
	one := rapid.SampledFrom(payouts[:min(3, len(payouts))]).Draw(r, "payout")
	p.only(r, p.DB.InTx(p.t.Context(), func(tx *db.Tx) error {
		outcome, _, err := p.Book(p.t.Context(), tx, line(one))
		if (outcome != "") != (one.State == from && one.Approved) {
			r.Errorf("payout %d is %s and was %q", one.ID, one.State, outcome)
		}
		return err
	}))
}

// only lets no error pass but the faults that the step may meet.
func (p *player) only(r *rapid.T, err error, codes ...string) {
	for _, code := range codes {
		if fault.Code(err) == code {
			return
		}
	}
	if err != nil {
		r.Fatal(err)
	}
}

package redemption_test

import (
	"context"
	"log/slog"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// book is what the model knows of a booklet: how many vouchers are where.
type book struct {
	issuing.Booklet
	live, redeemed, frozen, expired int
}

// asked is a redemption that was granted, with its key.
type asked struct {
	book   *book
	req    redemption.Request
	key    string
	got    redemption.Redemption
	undone bool
}

// life is a few booklets and all that may happen to them, beside a model in memory.
type life struct {
	w      *world.World
	late   *issuing.Service // of a node whose clock is past every booklet's end
	books  []*book
	grants []*asked
	keys   *int
}

// TestAnyLifeOfABookletKeepsTheInvariants plays random lives of redeeming, undoing,
// replaying, freezing and expiring.
func TestAnyLifeOfABookletKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	c := w.NewCampaign("Vies de carnets", 5000)
	clock := pgtest.NewClock()
	clock.Set(c.EndsOn.AddDays(16).Time())
	late := issuing.New(pgtest.Open(t, w.URL, clock), w.Keys, world.Origin,
		func(context.Context, *db.Tx, string, issuing.Booklet) error { return nil }, slog.New(slog.DiscardHandler))
	keys := 0
	rapid.Check(t, func(rt *rapid.T) {
		l := &life{w: w, late: late, keys: &keys}
		for range 2 {
			b := w.HandOver(c, 4)
			exec(t, w, `UPDATE booklets SET until_on = '2040-01-01' WHERE id = $1`, b.ID)
			l.books = append(l.books, &book{Booklet: b, live: 4})
		}
		rt.Repeat(map[string]func(*rapid.T){
			"redeem": l.redeem, "replay": l.replay, "undo": l.undo, "freeze": l.freeze, "expire": l.expire,
			"": func(rt *rapid.T) { l.compare(rt, t) },
		})
	})
	holds(t, w)
}

func (l *life) redeem(rt *rapid.T) {
	b := rapid.SampledFrom(l.books).Draw(rt, "booklet")
	count := rapid.IntRange(1, 5).Draw(rt, "count")
	*l.keys++
	a := &asked{book: b, req: world.Request(b.Booklet, count), key: key("life", *l.keys)}
	r, replayed, err := redeem(l.w.Counter, l.w.Structure, a.key, a.req)
	want := map[bool]string{true: "", false: "insufficient_vouchers"}[b.live >= count]
	if b.live == 0 {
		want = b.nothingLeft()
	}
	if fault.Code(err) != want || err != nil && want == "" || replayed {
		rt.Fatalf("%d of %+v: %v, want %q", count, b, err, want)
	}
	if err == nil {
		b.live, b.redeemed, a.got = b.live-count, b.redeemed+count, r
		l.grants = append(l.grants, a)
		if r.Left != b.live {
			rt.Fatalf("told that %d are left, not %d", r.Left, b.live)
		}
	}
}

// nothingLeft is the refusal of a booklet without live vouchers.
func (b *book) nothingLeft() string {
	switch {
	case b.frozen > 0:
		return "voucher_frozen"
	case b.redeemed == 0 && b.expired > 0:
		return "voucher_expired"
	}
	return "voucher_already_redeemed"
}

func (l *life) replay(rt *rapid.T) {
	a := l.grant(rt)
	if again, replayed, err := redeem(l.w.Counter, l.w.Structure, a.key, a.req); err != nil || !replayed || again != a.got {
		rt.Fatalf("replayed %v: %+v, %v; first %+v", replayed, again, err, a.got)
	}
	other := a.req
	other.Count++
	if _, _, err := redeem(l.w.Counter, l.w.Structure, a.key, other); fault.Code(err) != "idempotency_conflict" {
		rt.Fatalf("another request with the same key: %v", err)
	}
}

func (l *life) undo(rt *rapid.T) {
	a := l.grant(rt)
	_, err := l.w.Counter.Undo(context.Background(), l.w.Structure.Actor, redemption.UndoRequest{ID: a.got.ID, Reason: "property"})
	if want := map[bool]string{true: "already_undone", false: ""}[a.undone]; fault.Code(err) != want || err != nil && want == "" {
		rt.Fatalf("undo: %v, want %q", err, want)
	}
	if !a.undone {
		a.undone = true
		a.book.live, a.book.redeemed = a.book.live+a.req.Count, a.book.redeemed-a.req.Count
	}
}

func (l *life) grant(rt *rapid.T) *asked {
	if len(l.grants) == 0 {
		rt.Skip("nothing was granted yet")
	}
	return rapid.SampledFrom(l.grants).Draw(rt, "grant")
}

func (l *life) freeze(rt *rapid.T) {
	b := rapid.SampledFrom(l.books).Draw(rt, "booklet")
	frozen := rapid.Bool().Draw(rt, "frozen")
	if _, err := l.w.Issuing.Freeze(context.Background(), l.w.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: frozen}); err != nil {
		rt.Fatal(err)
	}
	if frozen {
		b.live, b.frozen = 0, b.frozen+b.live
	} else {
		b.live, b.frozen = b.live+b.frozen, 0
	}
}

// expire ends one booklet: for the late node its last day is over.
func (l *life) expire(rt *rapid.T) {
	b := rapid.SampledFrom(l.books).Draw(rt, "booklet")
	if err := l.setEnd(b, b.Until); err != nil {
		rt.Fatal(err)
	}
	if _, err := l.late.ExpireDue(context.Background()); err != nil {
		rt.Fatal(err)
	}
	if err := l.setEnd(b, b.Until.AddDays(5000)); err != nil {
		rt.Fatal(err)
	}
	b.live, b.frozen, b.expired = 0, 0, b.expired+b.live+b.frozen
}

func (l *life) setEnd(b *book, on vouchers.Day) error {
	ctx := context.Background()
	return l.w.DB.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE booklets SET until_on = $2 WHERE id = $1`, b.ID, on)
		return err
	})
}

// compare looks at the vouchers themselves after each step.
func (l *life) compare(rt *rapid.T, t *testing.T) {
	for _, b := range l.books {
		for state, want := range map[vouchers.State]int{
			vouchers.Live: b.live, vouchers.Redeemed: b.redeemed, vouchers.Frozen: b.frozen, vouchers.Expired: b.expired} {
			if got := number(t, l.w, `SELECT count(*) FROM vouchers WHERE booklet_id = $1 AND state = $2`, b.ID, state); got != want {
				rt.Fatalf("booklet %d has %d %s vouchers, want %d", b.ID, got, state, want)
			}
		}
	}
}

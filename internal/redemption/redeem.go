package redemption

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// redeem reads the facts, decides, and writes in one statement that holds only if the
// vouchers are still live and the keys still new.
func redeem(ctx context.Context, d *db.DB, batch []*item) error {
	now := d.Now()
	today := vouchers.DayOf(now)
	if err := findTyped(ctx, d, batch); err != nil {
		return err
	}
	all, err := readFacts(ctx, d.Alone, now, batch)
	if err != nil {
		return err
	}
	var granted grants
	var replays []*item
	taken := map[int64]db.Int64s{} // vouchers of a booklet granted to earlier requests of this batch
	for i, it := range batch {
		f := &all[i]
		if f.Stored != nil {
			if it.replay(f); it.err == nil {
				replays = append(replays, it)
			}
			continue
		}
		if earlier := taken[f.Booklet]; earlier != nil {
			f.Live = slices.DeleteFunc(f.Live, func(id int64) bool { return slices.Contains(earlier, id) })
		}
		if refusal := decide(f, it.req, today); refusal != nil {
			it.err = refusal
			continue
		}
		taken[f.Booklet] = append(taken[f.Booklet], f.Live[:it.req.Count]...)
		if err := granted.add(it, f, now); err != nil {
			return err
		}
	}
	if err := granted.write(ctx, d, now); err != nil {
		return err
	}
	if err := touchReplays(ctx, d, replays); err != nil {
		return err
	}
	return explain(ctx, d.Alone, batch, all)
}

// replay answers from what was stored.
func (it *item) replay(f *facts) {
	if !bytes.Equal(f.StoredHash, it.hash) {
		it.err = once.Conflict
		return
	}
	it.replayed = true
	if err := json.Unmarshal([]byte(*f.Stored), &it.answer); err != nil {
		it.err = fmt.Errorf("redeem: stored answer: %w", err)
	}
}

// grants collects what a batch writes. Redemptions are numbered by the database as they
// are written; until then the i-th is position i + 1.
type grants struct {
	items     []*item
	vouchers  []int64 // all vouchers taken,
	takenBy   []int64 // the position of the redemption that takes each
	takenAt   []int64 // and the place
	transfers []ledger.Transfer
	scopes    []int64
	keys      []string
	hashes    [][]byte
	answers   []string
}

func (g *grants) add(it *item, f *facts, now time.Time) error {
	amount := vouchers.Cents(f.Face * int64(it.req.Count))
	it.answer = Redemption{
		At: now, Campaign: vouchers.CampaignID(f.Campaign), Booklet: vouchers.BookletID(f.Booklet),
		Place: vouchers.PlaceID(f.Place), PlaceName: f.PlaceName, Theme: it.req.Theme, DurationMinutes: it.req.DurationMinutes,
		Mode: it.req.Mode, Count: it.req.Count, Amount: amount, Left: len(f.Live) + f.Held - it.req.Count, UndoUntil: now.Add(undoWindow),
	}
	answer, err := json.Marshal(it.answer)
	if err != nil {
		return fmt.Errorf("redeem: answer: %w", err)
	}
	g.items = append(g.items, it)
	for _, id := range f.Live[:it.req.Count] {
		g.vouchers, g.takenBy, g.takenAt = append(g.vouchers, id), append(g.takenBy, int64(len(g.items))), append(g.takenAt, f.Place)
	}
	g.transfers = append(g.transfers, ledger.Redeemed(0, it.answer.Campaign, it.actor.Organisation, amount)...)
	g.scopes, g.keys = append(g.scopes, int64(it.actor.Organisation)), append(g.keys, it.key)
	g.hashes, g.answers = append(g.hashes, it.hash), append(g.answers, once.Template(answer))
	return nil
}

func (g *grants) write(ctx context.Context, d *db.DB, now time.Time) error {
	if len(g.items) == 0 {
		return nil
	}
	var ids []vouchers.RedemptionID
	if err := d.TogetherAlone(ctx, &ids, drawnIDs, g.steps(now)...); err != nil {
		return err
	}
	for i, it := range g.items {
		it.answer.ID = ids[i]
	}
	return nil
}

const drawnIDs = `SELECT unnest(drawn.ids) FROM counted, drawn`

func (g *grants) steps(now time.Time) []db.Step {
	return []db.Step{
		ledger.DrawStep("redemption_ids", len(g.items)),
		insertStep(now, g.items),
		takeStep(g.takenBy, g.vouchers),
		issuing.MarkRedeemedStep(now, g.vouchers, g.takenAt),
		ledger.PostDrawnStep(now, g.transfers),
		once.KeepDrawnStep(now, g.scopes, g.keys, g.hashes, g.answers),
	}
}

func touchReplays(ctx context.Context, d *db.DB, replays []*item) error {
	if len(replays) == 0 {
		return nil
	}
	scopes, keys := make([]int64, len(replays)), make([]string, len(replays))
	for i, it := range replays {
		scopes[i], keys[i] = int64(it.actor.Organisation), it.key
	}
	return once.Touch(ctx, d, scopes, keys)
}

// findTyped looks up the booklets that typed codes mean.
func findTyped(ctx context.Context, d *db.DB, batch []*item) error {
	var hashes [][]byte
	for _, it := range batch {
		hashes = append(hashes, it.code.hashes...)
	}
	if len(hashes) == 0 {
		return nil
	}
	byHash, err := issuing.FindTyped(ctx, d, hashes)
	if err != nil {
		return err
	}
	for _, it := range batch {
		it.booklet = 0
		for _, h := range it.code.hashes {
			it.booklet = max(it.booklet, byHash[string(h)])
		}
	}
	return nil
}

// explain adds to "already redeemed" when and where, so that the mediator can tell the
// person.
func explain(ctx context.Context, read query, batch []*item, all []facts) error {
	for i, it := range batch {
		if fault.Code(it.err) != "voucher_already_redeemed" {
			continue
		}
		last, err := lastRedemption(ctx, read, vouchers.BookletID(all[i].Booklet))
		if err != nil {
			return err
		}
		it.err = fault.New(fault.Conflict, "voucher_already_redeemed", "place", last.Place, "at", last.At)
	}
	return nil
}

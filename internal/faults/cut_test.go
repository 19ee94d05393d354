package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
)

const (
	theWrite  = "INSERT INTO redemptions"
	theReplay = "UPDATE idempotency_keys"
)

// Finding 3 of the threat model, at the counter: the server has redeemed, the line breaks
// before it says so. Mostly it breaks once, and the node itself finds out; in every
// 25th round every try breaks, and the mediator's next one finds out.
func TestARedemptionWhoseAnswerIsLostIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	c, url := cut(t, w.URL)
	counter, err := redemption.New(t.Context(), pgtest.Open(t, url, w.Clock), w.Keys, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(counter.Stop)
	const redemptions = 300
	all := booklets(t, w, redemptions/10)
	resolved, unknown := 0, 0
	for round := range redemptions {
		code, key := all[round/10].Typed, fmt.Sprint("cut-round-", round)
		hopeless := round%25 == 24
		c.swallow(1, theWrite)
		if hopeless {
			c.swallow(1000, theWrite, theReplay)
		}
		first, replayed, err := redeem(t.Context(), counter, w, key, code)
		switch {
		case !hopeless && err == nil && replayed:
			resolved++
		case hopeless && fault.Code(err) == "outcome_unknown":
			unknown++
		default:
			t.Fatalf("round %d: %+v, replayed %v, %v", round, first, replayed, err)
		}
		c.swallow(0)
		second, replayed, err := redeem(t.Context(), counter, w, key, code)
		if err != nil || !replayed || !hopeless && second != first || second.Left != 9-round%10 {
			t.Fatalf("round %d: %+v, then %+v, replayed %v, %v", round, first, second, replayed, err)
		}
	}
	if n := number(t, w.DB, `SELECT count(*) FROM redemptions`); n != redemptions || c.count() < redemptions {
		t.Errorf("%d redemptions for %d keys, %d lines cut", n, redemptions, c.count())
	}
	if ids := broken(t, w.DB); len(ids) != 0 {
		t.Error(ids)
	}
	t.Logf("%d rounds, %d lines cut after the write: %d resolved by the node, %d told as unknown and resolved by the same key, 0 doubled",
		redemptions, c.count(), resolved, unknown)
}

// The same for a transaction of several statements: the COMMIT is done, its answer lost.
func TestAHandOverWhoseCommitIsLostIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	c, url := cut(t, w.URL)
	counter := issuing.New(pgtest.Open(t, url, w.Clock), w.Keys, world.Origin, nil, slog.New(slog.DiscardHandler))
	const handovers = 100
	campaign := w.NewCampaign("Cut campaign", handovers*10)
	for round := range handovers {
		request := issuing.HandOverRequest{Campaign: campaign.ID, Count: 10}
		ctx, _ := once.With(context.Background(), fmt.Sprint("cut-handover-", round))
		c.swallow(1, "COMMIT")
		if b, err := counter.HandOver(ctx, w.Prescriber, request); fault.Code(err) != "outcome_unknown" {
			t.Fatalf("round %d: %d, %v", round, b.ID, err)
		}
		ctx, token := once.With(context.Background(), fmt.Sprint("cut-handover-", round))
		b, err := counter.HandOver(ctx, w.Prescriber, request)
		if err != nil || !token.Replayed || b.Count != 10 {
			t.Fatalf("round %d: %+v, replayed %v, %v", round, b, token.Replayed, err)
		}
	}
	if n := number(t, w.DB, `SELECT count(*) FROM booklets WHERE campaign_id = $1`, campaign.ID); n != handovers || c.count() != handovers {
		t.Errorf("%d booklets for %d keys, %d lines cut", n, handovers, c.count())
	}
	if ids := broken(t, w.DB); len(ids) != 0 {
		t.Error(ids)
	}
}

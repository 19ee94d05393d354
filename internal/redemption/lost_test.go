package redemption_test

import (
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

// Finding 3 of the threat model: an error is not "not done". Whichever answer of the
// server is lost, the client hears "done" or "unknown", never a refusal, and the same
// request with the same key tells the truth.
func TestALostAnswerIsFoundAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	th, through := steal(t, w.URL)
	s := node(t, w, through)
	if _, err := insist(s, w.Structure, "warm-up-key", world.Request(w.HandOver(w.Campaign, 1), 1)); err != nil {
		t.Fatal(err)
	}
	const rounds = 200
	stolen, doneAndLost, unknown := 0, 0, 0
	for round := range rounds {
		b := w.HandOver(w.Campaign, 2)
		before := th.disarm()
		th.arm(round % 8)
		first, replayed, err := redeem(s, w.Structure, key(round), world.Request(b, 2))
		stolen += th.disarm() - before
		switch code := fault.Code(err); {
		case replayed:
			doneAndLost++ // the node itself asked again and found it done
		case code == "outcome_unknown" || code == "database_unavailable":
			unknown++
		case err != nil:
			t.Fatalf("round %d: told %v", round, err)
		}
		again, err2 := insist(s, w.Structure, key(round), world.Request(b, 2))
		if err2 != nil || err == nil && again != first || again.Left != 0 {
			t.Fatalf("round %d: %+v (%v), then %+v (%v)", round, first, err, again, err2)
		}
		if n := number(t, w, `SELECT count(*) FROM redemptions WHERE booklet_id = $1`, b.ID); n != 1 {
			t.Fatalf("round %d: %d redemptions", round, n)
		}
	}
	if stolen < rounds/8 || doneAndLost+unknown == 0 {
		t.Errorf("of %d rounds %d lost an answer, %d of them after the work was done: the thief does not steal", rounds, stolen, doneAndLost+unknown)
	}
	holds(t, w)
}

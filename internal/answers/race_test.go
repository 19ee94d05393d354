package answers_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/answers"
	"github.com/passerelle/passerelle/internal/settlement"
)

func TestTheSameAnswerSentManyTimesAtOnceIsTakenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	p := b.settles()
	file := b.file("PSL1", "RJCT", "AM02")
	var wait sync.WaitGroup
	taken := make([]answers.Answer, 6)
	for i := range taken {
		wait.Go(func() {
			var err error
			if taken[i], err = b.room.Import(t.Context(), b.Operator, strings.NewReader(file)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	first := 0
	for _, a := range taken {
		if a.ID != taken[0].ID || a.Rejected != 3 {
			t.Errorf("an answer did %+v", a)
		}
		if !a.AlreadyImported {
			first++
		}
	}
	if first != 1 {
		t.Errorf("taken %d times", first)
	}
	if got := b.states(p[0].Settlement); got != "rejected rejected rejected" {
		t.Errorf("the payouts are %s", got)
	}
	b.holds()
}

// While the bank rejects a payout, its statement shows it leave: whichever comes first holds,
// and the other is told as what cannot be.
func TestARejectionAndADebitAtOnceNeverBothHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	p := b.settles()
	file := b.file("PSL1", "", "", said{p[0].EndToEnd, "RJCT", "AM02"})
	var wait sync.WaitGroup
	var a answers.Answer
	wait.Go(func() {
		var err error
		if a, err = b.room.Import(t.Context(), b.Operator, strings.NewReader(file)); err != nil {
			t.Error(err)
		}
	})
	out := b.debits(p[0])
	wait.Wait()
	switch got := b.payouts(p[0].Settlement)[0].State; {
	case got == settlement.Booked && out == "payout_booked" && a.Contradicted == 1:
	case got == settlement.Rejected && out == "unexpected_debit" && a.Rejected == 1:
		b.alarmed = true
	default:
		t.Errorf("the payout is %s, its line %s, the answer %+v", got, out, a)
	}
	b.holds()
}

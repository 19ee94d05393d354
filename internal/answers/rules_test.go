package answers

import (
	"testing"

	"github.com/passerelle/passerelle/internal/sepa"
)

func TestASecondCopyIsOneOfWhichTheBankTakesNothing(t *testing.T) {
	t.Parallel()
	rejected := func(reason string) sepa.Verdict { return sepa.Verdict{Status: sepa.AnswerRejected, Reason: reason} }
	accepted := sepa.Verdict{Status: sepa.AnswerInProcess}
	for name, c := range map[string]struct {
		whole    sepa.Verdict
		one, two sepa.Verdict
		before   bool // the second had been rejected before
		want     bool
	}{
		"the whole file, by its name":               {whole: rejected("DU01"), want: true},
		"the whole file, by its block":              {whole: rejected("DU02"), want: true},
		"each transfer of it":                       {one: rejected("AM05"), two: rejected("DUPL"), want: true},
		"one is rejected in both copies":            {one: rejected("DU04"), two: rejected("AC04"), want: true},
		"one came to be accepted meanwhile":         {one: rejected("AM05"), two: accepted, before: true, want: true},
		"a first copy, with one transfer too many":  {one: rejected("AM05"), two: accepted},
		"a first copy, and nothing is said of one":  {one: rejected("AM05")},
		"a first copy that is rejected":             {whole: rejected("DS0H")},
		"a first copy that is rejected, two causes": {one: rejected("AM02"), two: rejected("AC04")},
		"a first copy that is accepted":             {whole: accepted},
	} {
		var p sepa.AnsweredPayment
		for _, transfer := range []sepa.AnsweredTransfer{{EndToEndID: "one", Verdict: c.one}, {EndToEndID: "two", Verdict: c.two}} {
			p.Transfers = append(p.Transfers, transfer)
		}
		said := sepa.Answer{Group: c.whole, Payments: []sepa.AnsweredPayment{p}}
		if got := secondCopy(said.Verdicts(), []sepa.Ordered{{Name: "one"}, {Name: "two", Rejected: c.before}}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

package statements_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// Whatever of a file the bank debits in one sum, whatever it has rejected or debited by a line of
// its own before, whatever count it tells and whomever a person names: each debit books each
// payout once or none, the books are what the lines say (INV-3, 4), and what was not debited is
// owed again.
func TestNoCentOfABatchIsBookedTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.short = true // while a sum waits
	p := orderer{teller: &teller{bank: b, campaign: b.campaign(2000)}}
	for range 4 {
		p.structures = append(p.structures, b.NewStructure("Lieu"))
	}
	checks := 0
	rapid.Check(t, func(r *rapid.T) {
		open := p.orders(r)
		var left []settlement.Payout
		for _, one := range open {
			switch rapid.SampledFrom([]string{"sum", "sum", "sum", "rejected", "own line"}).Draw(r, "comes") {
			case "rejected":
				p.rejects(one)
			case "own line":
				p.imported(r, p.file(p.debit(one.Amount, one.EndToEnd)))
			default:
				left = append(left, one)
			}
		}
		p.debits(r, left)
		p.eachOnce(r)
		if checks++; checks%10 == 0 {
			p.sound(r)
		}
	})
}

type orderer struct {
	*teller
	structures []world.Structure
}

// orders makes a file of what some structures are owed.
func (p orderer) orders(r *rapid.T) []settlement.Payout {
	booklet := p.HandOver(p.campaign, 12)
	p.Redeem(p.structures[0], booklet, 1)
	for _, s := range p.structures {
		if n := rapid.IntRange(0, 2).Draw(r, "vouchers"); n > 0 {
			p.Redeem(s, booklet, n)
		}
	}
	return p.settles()
}

// debits shows some of the payouts as one sum, and decides it where it is not what is under way.
func (p orderer) debits(r *rapid.T, open []settlement.Payout) {
	var in []settlement.Payout
	var not []string
	var sum vouchers.Cents
	for _, one := range open {
		if rapid.IntRange(0, 3).Draw(r, "left out") > 0 {
			in, sum = append(in, one), sum+one.Amount
		} else {
			not = append(not, one.EndToEnd)
		}
	}
	if len(in) == 0 {
		return
	}
	count := rapid.SampledFrom([]int{0, len(in), len(in) + 1}).Draw(r, "count")
	file := messageOf(in[0])
	e := p.sum(file, sum, count)
	p.imported(r, p.file(e))
	if len(not) > 0 || count > len(in) {
		line := p.onlyCase().ID
		p.guesses(r, line, open)
		if p.cases() > 0 {
			p.decides(line, statements.DecisionRequest{Decision: statements.AsBatch, NotDebited: not})
		}
	}
	if p.cases() != 0 {
		r.Fatal("it still waits")
	}
	if rapid.Bool().Draw(r, "told twice") {
		p.again(r, e)
	}
}

// guesses names payouts at random: what does not come to the debit changes nothing.
func (p orderer) guesses(r *rapid.T, line int64, open []settlement.Payout) {
	var names []string
	for _, one := range open {
		if rapid.Bool().Draw(r, "named") {
			names = append(names, one.EndToEnd)
		}
	}
	_, err := p.room.Decide(p.t.Context(), p.Operator, statements.DecisionRequest{Line: line, Decision: statements.AsBatch, NotDebited: names})
	p.only(r, err, "batch_sum_differs")
}

// again shows a sum a second time under another of the bank's names; the bank takes it back.
func (p orderer) again(r *rapid.T, e sepa.Entry) {
	e.BankReference += "B"
	p.imported(r, p.file(e))
	line := p.onlyCase()
	if line.Kind != statements.BatchMismatch || line.Batch.Count != 0 {
		r.Fatalf("told twice, it is %+v", line)
	}
	p.imported(r, p.file(p.credit(e.Amount, "extourne")))
	p.decides(line.ID, statements.DecisionRequest{Decision: statements.Answer, Other: p.answers(line.ID)[0].ID})
}

// eachOnce compares what is booked with what the lines that booked it took from the account.
func (p orderer) eachOnce(r *rapid.T) {
	var booked, taken vouchers.Cents
	p.InTx(func(tx *db.Tx) error {
		if err := tx.Get(p.t.Context(), &booked, `SELECT COALESCE(sum(amount_cents), 0)::bigint FROM payouts WHERE state = 'booked'`); err != nil {
			return err
		}
		return tx.Get(p.t.Context(), &taken, `
			SELECT COALESCE(sum(amount_cents), 0)::bigint FROM statement_lines WHERE outcome IN ('payout_booked', 'batch_booked')`)
	})
	if booked != taken {
		r.Errorf("%s is booked and %s was taken for it", booked, taken)
	}
}

// messageOf is the message id of a payout's file, the only one of its settlement.
func messageOf(p settlement.Payout) string {
	return p.EndToEnd[:slices.Index([]byte(p.EndToEnd), '-')]
}

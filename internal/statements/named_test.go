package statements_test

import (
	"slices"
	"testing"

	"github.com/passerelle/passerelle/internal/statements"
)

// What leaves the operating account is the operator's own business, unless it bears the name
// of a transfer of ours that it is not.
func TestADebitThatTakesATransfersNameIsNobodysOnEitherAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 2)
	p := b.settles()[0]
	b.imports(b.operatingFile(b.debit(5_00, "LOYER")))
	if n := b.cases(); n != 0 {
		t.Errorf("%d cases for a rent", n)
	}
	b.imports(b.operatingFile(b.debit(20_00, p.EndToEnd)))
	c := b.onlyCase()
	if c.Kind != statements.NobodysDebit || c.Ours != statements.Operating {
		t.Errorf("the case is %+v", c)
	}
	if !slices.Equal(c.Decisions, []statements.Decision{statements.Answer, statements.Noted}) {
		t.Errorf("it may be decided: %v", c.Decisions)
	}
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.Noted, Note: "La banque rend la somme demain."})
	b.holds()
}

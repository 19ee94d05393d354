package httpd

import (
	"time"

	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/statements"
)

// sampleCases shows each kind of case and each way to decide.
func sampleCases(placed []orders.Order, lines []statements.Line) {
	at := time.Date(2026, 3, 9, 9, 0, 0, 0, time.UTC)
	proposals := []statements.Proposal{{Decision: statements.ForOrder, Order: 3, Name: "x", Reasons: []statements.Reason{statements.ByIBAN}},
		{Decision: statements.ForFees, Invoice: 4, Label: "F2026-000004"}, {Decision: statements.AsReturn, Order: 3}}
	fees := invoicing.Invoice{ID: 4, Number: "F2026-000004"}
	var all []statements.Case
	for i, kind := range statements.Kinds() {
		one := statements.Case{Line: lines[i%2], Ours: statements.Segregated, Kind: kind, Order: &placed[0], Proposals: proposals, RemindedAt: &at}
		all = append(all, one)
		one.Ours, one.Order = statements.Operating, nil
		if kind == statements.PartPayment || kind == statements.OverPayment || kind == statements.DoublePayment {
			one.Invoice = &fees
		}
		all = append(all, one)
	}
	samples["statements/cases"] = CasesBody{Kinds: []kindView{{statements.UnknownPayer, 2, true}}, Waiting: 2, Rows: all, Next: "/x"}
	can := map[string]bool{}
	for _, d := range []statements.Decision{statements.ForOrder, statements.ForFees, statements.Keep, statements.GiveBack, statements.AsReturn,
		statements.TopUp, statements.PaysDebt, statements.Answer, statements.Noted, statements.RemindOf, statements.Undo, statements.AsBatch} {
		can[string(d)] = true
	}
	samples["statements/case"] = CaseBody{Case: all[len(all)-2], Problem: "x", Can: can, Note: "y", Choices: statements.Choices{Orders: placed,
		Debts: placed, Fees: []invoicing.Invoice{fees}, Answers: all[:2]}}
	samples["statements/file"] = statements.File{ID: 1, Name: "releve.xml", Lines: 10_000, Done: 3_000, SentAt: at}
}

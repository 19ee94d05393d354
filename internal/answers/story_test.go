package answers_test

import (
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/answers"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
)

func TestAFileThatTheBankRejectsIsOwedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := b.structures()
	first := b.settles()
	a := b.answers(b.file("PSL1", "RJCT", "DS0H"))
	if a.Rejected != 3 || a.Accepted != 0 || len(a.Lines) != 3 || a.Lines[0].Reason != "DS0H" || a.Lines[0].Effect != answers.RejectedNow {
		t.Errorf("the answer did %+v", a)
	}
	if got := b.states(first[0].Settlement); got != "rejected rejected rejected" {
		t.Errorf("the payouts are %s", got)
	}
	if m := b.owed(all[2]); m.Owed != 30_00 || m.UnderWay != 0 || m.Refused {
		t.Errorf("Faverges is told %+v", m)
	}
	if len(*b.told) != 0 {
		t.Error("structures are told of what is the operator's business")
	}
	again := b.settles()
	if len(again) != 3 || again[2].Amount != 30_00 || again[2].Redemptions != 0 {
		t.Errorf("paid again as %+v", again)
	}
	b.holds()
	if old := b.payouts(first[0].Settlement)[2]; old.ReissuedIn == nil || *old.ReissuedIn != again[2].ID {
		t.Errorf("the first payout says %+v", old)
	}
	s, err := b.settlement.Statement(t.Context(), all[2].Actor, again[2].ID)
	b.ok(err)
	if len(s.Redeemed) != 1 || s.Redeemed[0].Amount != 30_00 {
		t.Errorf("its statement lists %+v", s.Redeemed)
	}
}

func TestOneOfThreeIsRejectedAndPaidOnceItsAccountIsAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := b.structures()
	p := b.settles()
	a := b.answers(b.file("PSL1", "PART", "", said{p[0].EndToEnd, "ACSP", ""}, said{p[1].EndToEnd, "RJCT", "AC04"}, said{p[2].EndToEnd, "PDNG", ""}))
	if a.Accepted != 1 || a.Rejected != 1 || a.Waiting != 1 || a.Lines[0].EndToEnd != p[1].EndToEnd {
		t.Errorf("the answer did %+v", a)
	}
	if got := b.states(p[0].Settlement); got != "in_transit rejected in_transit" {
		t.Errorf("the payouts are %s", got)
	}
	if told := *b.told; len(told) != 1 || told[0].ID != p[1].ID || told[0].State != settlement.Rejected || told[0].ReturnReason != "AC04" {
		t.Errorf("told: %+v", *b.told)
	}
	if m := b.owed(all[1]); m.Owed != 20_00 || !m.Refused || m.Payouts[0].State != settlement.Rejected {
		t.Errorf("Bonlieu is told %+v", m)
	}
	_, err := b.settlement.Close(t.Context(), b.Operator, settlement.CloseRequest{})
	b.refused(err, "nothing_to_settle")
	preview, err := b.settlement.Preview(t.Context(), b.Operator)
	b.ok(err)
	if len(preview.Held) != 1 || preview.Held[0].Reason != "account_refused" {
		t.Errorf("held: %+v", preview.Held)
	}
	b.SetBank(all[1].Actor)
	again := b.settles()
	if len(again) != 1 || again[0].Amount != 20_00 || again[0].Account == p[1].Account {
		t.Errorf("paid again as %+v", again)
	}
	if m := b.owed(all[1]); m.Refused || m.Owed != 0 {
		t.Errorf("Bonlieu is told %+v", m)
	}
	b.holds()
}

func TestWhatIsAcceptedIsSentWhenTheStatementSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	p := b.settles()
	for _, status := range []string{"ACTC", "ACCP", "ACSP", "ACSC"} {
		if a := b.answers(b.file("PSL1", status, "")); a.Accepted != 3 || a.Rejected != 0 {
			t.Errorf("%s did %+v", status, a)
		}
		if got := b.states(p[0].Settlement); got != "in_transit in_transit in_transit" {
			t.Errorf("after %s the payouts are %s", status, got)
		}
	}
	if out := b.debits(p[0]); out != statements.PayoutBooked {
		t.Errorf("the line is %s", out)
	}
	b.holds()
}

func TestTheSameAnswerTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	p := b.settles()
	file := b.file("PSL1", "", "", said{p[0].EndToEnd, "RJCT", "AM05"})
	first := b.answers(file)
	again := b.answers(file)
	if first.AlreadyImported || !again.AlreadyImported || again.ID != first.ID || len(again.Lines) != 1 || again.Lines[0] != first.Lines[0] {
		t.Errorf("first %+v, then %+v", first, again)
	}
	other := b.answers(b.file("PSL1", "", "", said{p[0].EndToEnd, "RJCT", "AM05"}))
	if other.ID == first.ID || other.Rejected != 1 || other.Lines[0].Effect != answers.RejectedBefore {
		t.Errorf("told anew: %+v", other)
	}
	all, err := b.room.List(t.Context(), b.Operator, 0, 10)
	b.ok(err)
	if len(all) != 2 || all[0].ID != other.ID || all[0].Rejected != 1 {
		t.Errorf("listed: %+v", all)
	}
}

// The operator is not sure whether the bank has the file, and gives it once more. The bank
// refuses the second copy; the first one stands, and nothing may be paid again.
func TestAFileThatTheBankWasGivenTwiceIsPaidOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	p := b.settles()
	rejects := func(reason string) []said {
		return []said{{p[0].EndToEnd, "RJCT", reason}, {p[1].EndToEnd, "RJCT", reason}, {p[2].EndToEnd, "RJCT", reason}}
	}
	for _, file := range []string{b.file("PSL1", "RJCT", "DU01"), b.file("PSL1", "RJCT", "AM05"), b.file("PSL1", "RJCT", "", rejects("DUPL")...),
		b.file("PSL1", "", "", rejects("AM05")...)} {
		if a := b.answers(file); a.Waiting != 3 || a.Rejected != 0 || a.Lines[0].Effect != answers.Waiting || a.Lines[0].Status != "RJCT" {
			t.Errorf("the answer did %+v", a)
		}
		if got := b.states(p[0].Settlement); got != "in_transit in_transit in_transit" {
			t.Errorf("the payouts are %s", got)
		}
	}
	_, err := b.settlement.Close(t.Context(), b.Operator, settlement.CloseRequest{})
	b.refused(err, "nothing_to_settle")

	// What it rejects for another reason, in both copies, is owed again.
	a := b.answers(b.file("PSL1", "", "", said{p[0].EndToEnd, "RJCT", "AM02"}, said{p[1].EndToEnd, "RJCT", "AM05"}, said{p[2].EndToEnd, "RJCT", "AM05"}))
	if a.Waiting != 2 || a.Rejected != 1 {
		t.Errorf("the answer did %+v", a)
	}
	a = b.answers(b.file("PSL1", "RJCT", "DU01"))
	if a.Waiting != 2 || a.Rejected != 1 || a.Lines[0].Effect != answers.RejectedBefore {
		t.Errorf("the answer did %+v", a)
	}
	b.debits(p[1])
	b.debits(p[2])
	if got := b.states(p[0].Settlement); got != "rejected booked booked" {
		t.Errorf("the payouts are %s", got)
	}
	if again := b.settles(); len(again) != 1 || again[0].Amount != 10_00 {
		t.Errorf("paid again as %+v", again)
	}
	b.holds()
}

func TestNothingGoesBackwards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	p := b.settles()
	b.debits(p[0])
	a := b.answers(b.file("PSL1", "", "", said{p[0].EndToEnd, "RJCT", "AC04"}, said{p[1].EndToEnd, "RJCT", "AM05"}))
	if a.Contradicted != 1 || a.Rejected != 1 || a.Lines[0].Effect != answers.Contradicted {
		t.Errorf("the answer did %+v", a)
	}
	if !strings.Contains(b.log.String(), "contradicts") {
		t.Error("nobody is alarmed")
	}
	a = b.answers(b.file("PSL1", "", "", said{p[1].EndToEnd, "ACSP", ""}))
	if a.Contradicted != 1 || a.Accepted != 0 {
		t.Errorf("the answer did %+v", a)
	}
	if got := b.states(p[0].Settlement); got != "booked rejected in_transit" {
		t.Errorf("the payouts are %s", got)
	}
}

func TestARejectedPayoutThatTheBankTakesAllTheSameIsAnAlarm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	p := b.settles()
	b.answers(b.file("PSL1", "", "", said{p[2].EndToEnd, "RJCT", "AM05"}))
	b.alarmed = true
	if out := b.debits(p[2]); out != statements.UnexpectedDebit {
		t.Errorf("the line is %s", out)
	}
	if !strings.Contains(b.log.String(), "debits that nobody ordered") {
		t.Error("nobody is alarmed")
	}
	cases, _, err := b.statements.Cases(t.Context(), b.Operator, statements.Queue{Limit: 10})
	b.ok(err)
	if len(cases) != 1 || cases[0].Kind != statements.NobodysDebit || cases[0].EndToEnd != p[2].EndToEnd {
		t.Fatalf("cases: %+v", cases)
	}
	_, err = b.settlement.Close(t.Context(), b.Operator, settlement.CloseRequest{})
	b.refused(err, "nothing_to_settle") // it would be paid twice
	preview, err := b.settlement.Preview(t.Context(), b.Operator)
	b.ok(err)
	if len(preview.Held) != 1 || preview.Held[0].Reason != "booked_after_all" {
		t.Errorf("held: %+v", preview.Held)
	}
	back := b.shows(p[2], true) // the bank gives it back
	_, err = b.statements.Decide(t.Context(), b.Operator, statements.DecisionRequest{Line: cases[0].ID, Decision: statements.Answer, Other: back.ID})
	b.ok(err)
	b.alarmed = false
	b.holds()
	if again := b.settles(); len(again) != 1 || again[0].Amount != 30_00 {
		t.Errorf("paid again as %+v", again)
	}
	b.holds()
}

func TestAnAnswerToAnotherFileIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	p := b.settles()
	for code, file := range map[string]string{
		"answer_message_unknown":  b.file("PSL99", "RJCT", ""),
		"answer_transfer_unknown": b.file("PSL1", "", "", said{p[0].EndToEnd, "RJCT", "AC04"}, said{"PSL1-999999", "RJCT", ""}),
		"answer_amount_differs": strings.Replace(b.file("PSL1", "", "", said{p[0].EndToEnd, "RJCT", "AC04"}), "</TxInfAndSts>",
			`<OrgnlTxRef><Amt><InstdAmt Ccy="EUR">10.01</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>`, 1),
		"answer_format_unknown": "<Document/>",
	} {
		_, err := b.room.Import(t.Context(), b.Operator, strings.NewReader(file))
		b.refused(err, code)
	}
	foreign := strings.Replace(b.file("PSL1", "RJCT", ""), "<OrgnlPmtInfId>PSL1<", "<OrgnlPmtInfId>PSL2<", 1)
	_, err := b.room.Import(t.Context(), b.Operator, strings.NewReader(foreign))
	b.refused(err, "answer_transfer_unknown")
	if got := b.states(p[0].Settlement); got != "in_transit in_transit in_transit" {
		t.Errorf("the payouts are %s", got)
	}
}

func TestOnlyFinanceOfTheOperatorImportsAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.structures()
	b.settles()
	file := b.file("PSL1", "RJCT", "")
	agent, token := b.Operator, b.Operator
	agent.Role, token.Scopes = identity.Agent, []string{"reports"}
	for code, who := range map[string]identity.Actor{"unauthenticated": {}, "forbidden": agent, "scope_missing": token} {
		_, err := b.room.Import(t.Context(), who, strings.NewReader(file))
		b.refused(err, code)
	}
	_, err := b.room.Import(t.Context(), b.Structure.Actor, strings.NewReader(file))
	b.refused(err, "forbidden")
	_, err = b.room.List(t.Context(), b.Structure.Actor, 0, 10)
	b.refused(err, "forbidden")
	_, err = b.room.Open(t.Context(), b.Funder, 1)
	b.refused(err, "forbidden")
	_, err = b.room.Open(t.Context(), b.Operator, 1)
	b.refused(err, "not_found")
}

package settlement

import (
	"bytes"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/sepa"
)

func TestStructuresArePaidWhatTheyRedeemed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	thones := b.Structure
	annecy := b.NewStructure("Bonlieu Numérique")
	faverges := b.NewStructureWithoutBank("Espace de Faverges")
	second := b.NewCampaign("Ateliers d’hiver", 100)
	first, other := b.HandOver(b.Campaign, 20), b.HandOver(second, 10)
	b.Redeem(thones, first, 2)
	b.Redeem(thones, other, 1)
	b.Redeem(annecy, first, 5)
	b.Redeem(faverges, first, 1)
	mistake := b.Redeem(annecy, other, 4)
	b.Undo(annecy, mistake.ID)

	preview, err := b.Preview(t.Context(), b.Operator)
	b.ok(err)
	if preview.Payouts != 2 || preview.Total != 80_00 || len(preview.Held) != 1 || preview.ExecutionOn.String() != "2026-03-10" {
		t.Errorf("the preview says %+v", preview)
	}
	closed, err := b.Close(t.Context(), b.Operator, CloseRequest{})
	b.ok(err)
	b.holds()
	if closed.Payouts != 2 || closed.Total != 80_00 || closed.ExecutionOn != preview.ExecutionOn || closed.InTransit != 2 {
		t.Errorf("closed as %+v", closed)
	}
	if len(closed.Held) != 1 || closed.Held[0] != (Held{faverges.Organisation, "Espace de Faverges", 10_00, "bank_details_missing"}) {
		t.Errorf("held: %+v", closed.Held)
	}
	list := b.opens(closed.ID).List
	if list[0].Structure != annecy.Organisation || list[0].Amount != 50_00 || list[0].Redemptions != 1 ||
		list[1].Structure != thones.Organisation || list[1].Amount != 30_00 || list[1].Redemptions != 2 {
		t.Errorf("payouts: %+v", list)
	}
	if m := b.money(thones.Actor); m.Owed != 0 || m.UnderWay != 30_00 || !m.BankDetails || len(m.Payouts) != 1 {
		t.Errorf("Thônes is told %+v", m)
	}
	if m := b.money(faverges.Actor); m.Owed != 10_00 || m.BankDetails || len(m.Payouts) != 0 {
		t.Errorf("Faverges is told %+v", m)
	}

	_, err = b.Counter.Undo(t.Context(), annecy.Actor, redemption.UndoRequest{ID: mistake.ID - 2, Reason: "too late for that"})
	b.refused(err, "already_settled")

	b.SetBank(faverges.Actor)
	b.Redeem(annecy, first, 1)
	next := b.settles()
	if len(next.List) != 2 || next.Total != 20_00 {
		t.Errorf("the second settlement pays %+v", next)
	}
	_, err = b.Close(t.Context(), b.Operator, CloseRequest{})
	b.refused(err, "nothing_to_settle")
}

func TestTheFileIsValidAndAlwaysTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	d := b.settles()
	first := b.file(d.ID)
	followsSchema(t, "09", first)
	for _, want := range []string{"<MsgId>PSL1</MsgId>", "<EndToEndId>" + d.List[0].EndToEnd + "</EndToEndId>", `<InstdAmt Ccy="EUR">30.00</InstdAmt>`,
		"<Nm>Passerelle - fonds cantonnes</Nm>", "<IBAN>FR7630006000011234567890189</IBAN>", "<Dt>2026-03-10</Dt>"} {
		if !bytes.Contains(first, []byte(want)) {
			t.Errorf("%s is not in the file:\n%s", want, first)
		}
	}
	moved := Debtor{Name: "Autre", IBAN: "DE89370400440532013000", Town: "Köln"}
	b.SetBank(b.Structure.Actor)
	b.books(d.List[0])
	later := bundle{World: b.World, Service: New(b.DB, moved, b.notify), t: t}
	if !bytes.Equal(later.file(d.ID), first) {
		t.Error("the file follows what changed after its closing")
	}
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE payouts SET iban = 'DE89370400440532013000'`)
		return err
	})
	var out bytes.Buffer
	if _, err := b.File(t.Context(), b.Operator, d.ID, 0, &out); err == nil || fault.Code(err) != "" || out.Len() > 0 {
		t.Errorf("a row was changed and the file goes out: %v, %d bytes", err, out.Len())
	}
}

func TestAPayoutThatCameBackIsPaidAgainOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 10)
	b.Redeem(b.Structure, booklet, 3)
	first := b.settles().List[0]
	b.books(first)
	if n := *b.notices; len(n) != 1 || n[0].ID != first.ID || n[0].State != Booked {
		t.Errorf("notices: %+v", n)
	}
	b.returns(first)
	if m := b.money(b.Structure.Actor); m.Owed != 30_00 || m.Payouts[0].State != Returned || m.Payouts[0].ReturnReason != "MS03" {
		t.Errorf("the structure is told %+v", m)
	}
	b.Redeem(b.Structure, booklet, 1)
	again := b.settles().List[0]
	if again.Amount != 40_00 || again.Redemptions != 1 {
		t.Errorf("paid again as %+v", again)
	}
	old := b.money(b.Structure.Actor).Payouts[1]
	if old.ReissuedIn == nil || *old.ReissuedIn != again.ID {
		t.Errorf("the first payout says %+v", old)
	}
	b.books(again)
	b.returns(again)
	third := b.settles().List[0]
	if third.Amount != 40_00 || third.Redemptions != 0 {
		t.Errorf("paid a third time as %+v", third)
	}
	s, err := b.Statement(t.Context(), b.Structure.Actor, third.ID)
	b.ok(err)
	if len(s.Redeemed) != 2 || s.Redeemed[0].Vouchers != 3 || s.EndToEndID != third.EndToEnd {
		t.Errorf("its statement lists %+v", s.Redeemed)
	}
}

func TestALineThatFitsNoPayoutChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	p := b.settles().List[0]
	fits := func(m sepa.Movement) string {
		var outcome string
		b.InTx(func(tx *db.Tx) (err error) {
			outcome, _, err = b.Book(t.Context(), tx, m)
			return err
		})
		return outcome
	}
	for name, change := range map[string]func(*sepa.Movement){
		"another amount":  func(m *sepa.Movement) { m.Amount++ },
		"an unknown id":   func(m *sepa.Movement) { m.Name = "PSL9-9" },
		"no id":           func(m *sepa.Movement) { m.Name = "" },
		"another account": func(m *sepa.Movement) { m.Account = "FR1420041010050500013M02606" },
	} {
		for _, m := range []sepa.Movement{debit(p), credit(p)} {
			change(&m)
			if outcome := fits(m); outcome != "" {
				t.Errorf("%s: %s", name, outcome)
			}
		}
	}
	for _, step := range []struct {
		line sepa.Movement
		want string
	}{{credit(p), ""}, {debit(p), "payout_booked"}, {debit(p), ""}, {credit(p), "payout_returned"}, {credit(p), ""}} {
		if got := fits(step.line); got != step.want {
			t.Errorf("credit %v: %q, want %q", step.line.Credit, got, step.want)
		}
	}
	b.holds()
}

func TestOneKeyClosesOneSettlement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	ctx, _ := once.With(t.Context(), "settlement-of-monday")
	first, err := b.Close(ctx, b.Operator, CloseRequest{})
	b.ok(err)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 1)
	ctx, token := once.With(t.Context(), "settlement-of-monday")
	again, err := b.Close(ctx, b.Operator, CloseRequest{})
	b.ok(err)
	if again.ID != first.ID || !token.Replayed {
		t.Errorf("settlement %d, then %d, replayed %v", first.ID, again.ID, token.Replayed)
	}
}

func TestABadAddressHoldsOneStructureOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nowhere := b.NewStructure("Sans adresse")
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE organisations SET town = '' WHERE id = $1`, nowhere.Organisation)
		return err
	})
	booklet := b.HandOver(b.Campaign, 10)
	b.Redeem(nowhere, booklet, 1)
	b.Redeem(b.Structure, booklet, 1)
	closed, err := b.Close(t.Context(), b.Operator, CloseRequest{})
	b.ok(err)
	if closed.Payouts != 1 || len(closed.Held) != 1 || closed.Held[0].Reason != "transfer_town_missing" {
		t.Errorf("closed as %+v", closed)
	}
}

func TestFiguresThatDisagreeWithTheLedgerPayNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE redemptions SET amount_cents = amount_cents + 1`)
		return err
	})
	_, err := b.Close(t.Context(), b.Operator, CloseRequest{})
	if err == nil || fault.Code(err) != "" || !strings.Contains(err.Error(), "differ by 0.01") {
		t.Errorf("got %v", err)
	}
	if all, err := b.List(t.Context(), b.Operator, 0, 10); err != nil || len(all) != 0 {
		t.Errorf("settlements: %+v, %v", all, err)
	}
}

func TestEachSeesItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stranger := b.NewStructure("Autre lieu")
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	p := b.settles().List[0]
	for _, who := range []identity.Actor{b.Operator, b.Structure.Actor} {
		s, err := b.Statement(t.Context(), who, p.ID)
		b.ok(err)
		if s.Redeemed[0].Amount != 30_00 || s.From.String() != "2026-03-09" || s.To != s.From {
			t.Errorf("the statement says %+v", s)
		}
	}
	_, err := b.Statement(t.Context(), stranger.Actor, p.ID)
	b.refused(err, "not_found")
	_, err = b.Statement(t.Context(), b.Funder, p.ID)
	b.refused(err, "forbidden")
	_, err = b.Close(t.Context(), b.Structure.Actor, CloseRequest{})
	b.refused(err, "forbidden")
	_, err = b.Close(t.Context(), identity.Actor{}, CloseRequest{})
	b.refused(err, "unauthenticated")
	agent := b.Operator
	agent.Role = identity.Agent
	_, err = b.Close(t.Context(), agent, CloseRequest{})
	b.refused(err, "forbidden")
	_, err = b.File(t.Context(), agent, p.Settlement, 0, &bytes.Buffer{})
	b.refused(err, "forbidden")
	token := b.Operator
	token.Scopes = []string{"reports"}
	_, err = b.Close(t.Context(), token, CloseRequest{})
	b.refused(err, "scope_missing")
	_, err = b.File(t.Context(), b.Operator, p.Settlement+1, 0, &bytes.Buffer{})
	b.refused(err, "not_found")
	_, err = b.Open(t.Context(), b.Operator, p.Settlement+1)
	b.refused(err, "not_found")
	_, err = New(b.DB, Debtor{}, b.notify).Close(t.Context(), b.Operator, CloseRequest{})
	b.refused(err, "payer_unknown")
}

func TestAStructureIsToldWhyItsPayoutsWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	none := b.NewStructureWithoutBank("Espace de Faverges")
	is := func(who identity.Actor, bank, changing bool) {
		t.Helper()
		if m := b.money(who); m.BankDetails != bank || m.Changing != changing || m.Refused {
			t.Errorf("%s is told %+v", who.OrganisationName, m)
		}
	}
	gives := func(who identity.Actor, iban string) {
		t.Helper()
		who.Scopes = []string{payees.Scope}
		_, err := b.Payees.Give(t.Context(), who, payees.Given{IBAN: iban, Holder: who.OrganisationName, Proof: world.RIB})
		b.ok(err)
	}
	is(none.Actor, false, false)
	is(b.Structure.Actor, true, false)
	gives(none.Actor, "FR1420041010050500013M02606")
	gives(b.Structure.Actor, "DE89370400440532013000")
	is(none.Actor, false, true)
	is(b.Structure.Actor, true, true)
	b.SetBank(none.Actor)
	is(none.Actor, true, false)
}

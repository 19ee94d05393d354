package connect_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// A structure that chose Stripe is paid through it: its money leaves the bank with everybody's
// in one file, in one transfer to Stripe, and is its own when Stripe has paid it out.
func TestAStructureIsPaidThroughStripe(t *testing.T) {
	t.Parallel()
	c := setup(t)
	other := c.NewStructure("Médiathèque de Faverges")
	account := c.connects(c.Structure)
	c.redeems(c.Structure, 3)
	c.redeems(other, 2)

	d := c.settles()
	c.same("in all", d.Total, vouchers.Cents(50_00))
	c.same("to Stripe", d.TopUp.Amount, vouchers.Cents(30_00))
	mine := c.payout(d.ID, c.Structure)
	c.same("through", mine.Connected, account)
	c.same("the other's", c.payout(d.ID, other).Connected, "")
	var file bytes.Buffer
	_, err := c.settlement.File(t.Context(), c.Operator, d.ID, 0, &file)
	c.ok(err)
	for _, want := range []string{"<NbOfTxs>2</NbOfTxs>", "<CtrlSum>50.00</CtrlSum>", d.TopUp.EndToEnd, "DE89370400440532013000", "ABCD-1234", "<Ctry>IE</Ctry>"} {
		if !strings.Contains(file.String(), want) {
			t.Errorf("the file lacks %s", want)
		}
	}
	if strings.Contains(file.String(), mine.EndToEnd+"<") {
		t.Error("what goes through Stripe is in the bank's file too")
	}
	validates(t, file.Bytes())

	c.reconciles()
	c.same("before the bank has sent it", c.at(mine).State, "")
	c.debits(d.ID)
	c.is(ledger.StripePayouts, 30_00)
	c.sound()
	c.reconciles()
	c.same("before Stripe has it", c.at(mine).State, "")
	c.stripe.TopUp(30_00)
	c.hears()
	c.same("on its way", c.at(mine).State, "leaving")
	c.same("Stripe's payout", c.stripe.SentBy(account)[0].Descriptor, mine.EndToEnd)
	c.same("not told yet", c.paid[mine.ID], 0)
	c.is(ledger.InTransit, 30_00)
	c.same("of the settlement", c.opens(d.ID).State, settlement.Sent)

	c.same("reaches its bank", c.reaches(account), 1)
	c.same("payout", c.payout(d.ID, c.Structure).State, settlement.Booked)
	c.same("told", c.paid[mine.ID], 1)
	c.same("settlement", c.opens(d.ID).State, settlement.Done)
	c.is(ledger.StripePayouts, 0)
	c.is(ledger.InTransit, 0)
	c.sound()
}

// validates checks a file against the bank's schema.
func validates(t *testing.T, document []byte) {
	t.Helper()
	standards := os.Getenv("PASSERELLE_STANDARDS")
	if standards == "" {
		standards = filepath.Join("..", "..", "..", "shared", "standards")
	}
	schema := filepath.Join(standards, "iso20022", "pain.001.001.09.xsd")
	if _, err := os.Stat(schema); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("schema not present: %v; set PASSERELLE_STANDARDS", err)
		}
		t.Logf("schema not present: not validated (%v)", err)
		return
	}
	command := exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, "-")
	command.Stdin = bytes.NewReader(document)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v (xmllint is in libxml2-utils)\n%s", err, out)
	}
}

// Nothing changes before Stripe is ready, another person has agreed and three days are over.
// The bank account that is known is paid until then, and whenever Stripe cannot.
func TestTheChoiceNeedsStripeAnotherPersonAndThreeDays(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx := t.Context()
	through := func() bool {
		c.t.Helper()
		c.redeems(c.Structure, 1)
		d := c.settles()
		c.debits(d.ID)
		p := c.payout(d.ID, c.Structure)
		if p.Connected != "" {
			c.stripe.TopUp(p.Amount)
			c.hears()
			c.reaches(p.Connected)
		}
		c.same("paid", c.payout(d.ID, c.Structure).State, settlement.Booked)
		c.sound()
		return p.Connected != ""
	}
	bare := c.NewStructureWithoutBank("Sans compte")
	_, err := c.room.Choose(ctx, program(bare.Actor), connect.Chosen{})
	c.refused(err, "connect_bank_details")
	_, err = c.room.Choose(ctx, c.Structure.Actor, connect.Chosen{Password: "wrong"})
	c.refused(err, "password_wrong")
	a, err := c.room.Choose(ctx, c.Structure.Actor, connect.Chosen{Password: "correct horse battery"})
	c.ok(err)
	c.same("state", a.State, connect.Answering)
	c.same("Stripe's own", a.Stripe, c.stripe.Connected(name(a)))
	_, err = c.room.Choose(ctx, program(c.Structure.Actor), connect.Chosen{})
	c.refused(err, "connect_chosen")
	url, err := c.room.Link(ctx, c.Structure.Actor)
	c.ok(err)
	if !strings.Contains(url, "http") {
		t.Errorf("%q is no page", url)
	}
	_, err = c.room.Approve(ctx, c.Operator, a.ID)
	c.refused(err, "connect_not_ready")
	c.same("before Stripe is ready", through(), false)

	c.stripe.Onboarded(a.Stripe)
	c.hears()
	waiting, err := c.room.Waiting(ctx, c.Operator)
	c.ok(err)
	c.same("waiting", len(waiting), 1)
	c.same("state", waiting[0].State, connect.ToApprove)
	c.same("before anybody agreed", through(), false)
	_, err = c.room.Approve(ctx, c.Structure.Actor, a.ID)
	c.refused(err, "forbidden")
	a, err = c.room.Approve(ctx, c.Operator, a.ID)
	c.ok(err)
	c.same("state", a.State, connect.Cooling)
	_, err = c.room.Approve(ctx, c.second, a.ID)
	c.refused(err, "connect_decided")
	c.same("before three days are over", through(), false)
	c.Clock.Add(payees.Cooling)
	c.same("afterwards", through(), true)

	c.stripe.Restricted(a.Stripe, "requirements.past_due")
	c.hears()
	mine, err := c.room.Mine(ctx, c.Structure.Actor)
	c.ok(err)
	c.same("state", mine.State, connect.Stopped)
	c.same("while Stripe does not pay", through(), false)
	c.stripe.Onboarded(a.Stripe)
	c.ok(c.room.ReadAccounts(ctx)) // no webhook came
	c.same("again", through(), true)
	_, err = c.room.Leave(ctx, c.Structure.Actor)
	c.ok(err)
	c.same("after it has left", through(), false)
	_, err = c.room.Leave(ctx, c.Structure.Actor)
	c.refused(err, "not_found")
	want := []connect.State{connect.Answering, connect.Cooling, connect.Ended}
	if got := slices.Compact(c.notices[c.Structure.Organisation]); !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
}

// The operator may refuse a choice, and end one later; whoever made it cannot agree to it.
func TestTheOperatorMayRefuse(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx := t.Context()
	a, _ := c.chooses(c.Structure)
	_, err := c.room.Refuse(ctx, c.Operator, a.ID, " ")
	c.refused(err, "reason_missing")
	own := c.Operator
	own.Person = a.CreatedBy
	_, err = c.room.Approve(ctx, own, a.ID)
	c.refused(err, "own_request")
	_, err = c.room.Refuse(ctx, c.Operator, a.ID, "Le compte est à un autre nom.")
	c.ok(err)
	_, err = c.room.Approve(ctx, c.second, a.ID)
	c.refused(err, "connect_decided")
	_, err = c.room.Mine(ctx, c.Structure.Actor)
	c.refused(err, "not_found")
	again, _ := c.chooses(c.Structure)
	if again.ID == a.ID {
		t.Error("a choice that was refused goes on")
	}
}

// What Stripe cannot pay comes back whole: it is owed again, the next settlement pays it to the
// bank account, and the money itself comes home from Stripe.
func TestWhatComesBackAtStripeIsPaidToTheBank(t *testing.T) {
	t.Parallel()
	for state, fail := range map[string]func(c *desk, account, payout string){
		settlement.Rejected: func(c *desk, _, payout string) { c.stripe.PayoutFails(payout) },
		settlement.Returned: func(c *desk, account, payout string) {
			c.reaches(account)
			c.stripe.PayoutFails(payout)
		},
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			c := setup(t)
			account := c.connects(c.Structure)
			c.redeems(c.Structure, 3)
			d := c.settles()
			c.debits(d.ID)
			c.stripe.TopUp(30_00)
			c.hears()
			fail(c, account, c.stripe.SentBy(account)[0].ID)
			c.hears()
			p := c.payout(d.ID, c.Structure)
			c.same("payout", p.State, state)
			c.same("why", p.ReturnReason, settlement.StripeCode)
			c.is(ledger.Payable(c.Structure.Organisation), 30_00)
			c.is(ledger.StripePayouts, 30_00)
			c.sound()

			again := c.settles()
			c.same("the second time through", c.payout(again.ID, c.Structure).Connected, "")
			c.debits(again.ID)
			c.same("paid", c.payout(again.ID, c.Structure).State, settlement.Booked)
			c.same("comes home", c.comesHome(), 1)
			c.is(ledger.StripePayouts, 0)
			c.sound()

			c.redeems(c.Structure, 1)
			c.same("the third time through", c.payout(c.settles().ID, c.Structure).Connected, account)
		})
	}
}

// A transfer to Stripe that the bank refuses, or brings back, leaves everybody owed; one that is
// cancelled before it leaves does too.
func TestMoneyThatDoesNotReachStripeIsOwedAgain(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.connects(c.Structure)
	other := c.NewStructure("Médiathèque de Faverges")
	c.connects(other)
	owed := func() {
		c.t.Helper()
		c.is(ledger.Payable(c.Structure.Organisation), 20_00)
		c.is(ledger.Payable(other.Organisation), 10_00)
		c.is(ledger.InTransit, 0)
		c.is(ledger.StripePayouts, 0)
		c.sound()
	}
	c.redeems(c.Structure, 2)
	c.redeems(other, 1)
	cancelled, err := c.settlement.Close(t.Context(), c.Operator, settlement.CloseRequest{})
	c.ok(err)
	_, err = c.settlement.Cancel(t.Context(), c.Operator, cancelled.ID, "Mauvais jour")
	c.ok(err)
	owed()

	refused := c.settles()
	c.InTx(func(tx *db.Tx) error {
		sent, err := c.settlement.Sent(t.Context(), tx, refused.MessageID)
		c.same("ordered", len(sent), 1)
		c.same("of", sent[0].Amount, refused.TopUp.Amount)
		if err != nil {
			return err
		}
		effect, err := c.settlement.Reject(t.Context(), tx, refused.TopUp.EndToEnd, "AC04")
		c.same("effect", effect, "rejected")
		return err
	})
	owed()
	c.InTx(func(tx *db.Tx) error {
		effect, err := c.settlement.Reject(t.Context(), tx, refused.TopUp.EndToEnd, "AC04")
		c.same("effect", effect, "rejected_before")
		return err
	})

	returned := c.settles()
	c.same("still through Stripe", returned.TopUp.Amount, vouchers.Cents(30_00))
	c.debits(returned.ID)
	c.books("payouts_unfunded", returned.TopUp.ID, sepa.Movement{Name: returned.TopUp.EndToEnd, Amount: 30_00, Credit: true, Returned: true, ReturnReason: "MS03"})
	owed()
	c.stripe.TopUp(30_00) // somebody else's
	c.reconciles()
	owed()
}

// Money that was sent to Stripe is not taken for another settlement's, and no line for another
// amount is taken for it.
func TestEachSettlementHasItsOwnMoneyAtStripe(t *testing.T) {
	t.Parallel()
	c := setup(t)
	account := c.connects(c.Structure)
	var all []settlement.Detail
	for range 2 {
		c.redeems(c.Structure, 1)
		all = append(all, c.settles())
	}
	c.InTx(func(tx *db.Tx) error {
		outcome, _, err := c.settlement.Book(t.Context(), tx, sepa.Movement{Line: 1, Account: payer.IBAN, Name: all[0].TopUp.EndToEnd, Amount: 9_99})
		c.same("another amount", outcome, "")
		return err
	})
	c.debits(all[0].ID)
	c.debits(all[1].ID)
	c.stripe.TopUp(10_00)
	c.hears()
	c.reconciles()
	c.same("one is there", len(c.stripe.SentBy(account)), 1)
	c.same("the first", c.at(c.payout(all[0].ID, c.Structure)).State, "leaving")
	c.stripe.TopUp(10_00)
	c.reconciles()
	c.same("both are", len(c.stripe.SentBy(account)), 2)
	c.reaches(account)
	c.sound()
}

// Where Stripe says no, the operator sees why, and takes the payout back; what is on its way
// stays on its way.
func TestTheOperatorTakesBackWhatStripeDoesNotPay(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx := t.Context()
	account := c.connects(c.Structure)
	begin := func() settlement.Payout {
		c.t.Helper()
		c.redeems(c.Structure, 1)
		d := c.settles()
		c.debits(d.ID)
		p := c.payout(d.ID, c.Structure)
		c.same("through", p.Connected, account)
		return p
	}
	settled := func() {
		c.t.Helper()
		c.same("comes home", c.comesHome(), 1)
		d := c.settles()
		c.debits(d.ID)
		c.same("paid to the bank", c.payout(d.ID, c.Structure).Connected, "")
		c.sound()
	}

	p := begin()
	c.stripe.Restricted(account, "requirements.past_due")
	c.stripe.TopUp(10_00)
	c.ok(c.room.Reconcile(ctx))
	t1 := c.at(p)
	c.same("refused", t1.State, "waiting")
	if !t1.Stuck() || !t1.MayGiveUp() {
		t.Errorf("%+v: nobody is told", t1)
	}
	_, err := c.room.GiveUp(ctx, c.Operator, p.ID, "")
	c.refused(err, "reason_missing")
	_, err = c.room.GiveUp(ctx, c.Structure.Actor, p.ID, "Compte fermé")
	c.refused(err, "forbidden")
	_, err = c.room.GiveUp(ctx, c.Operator, p.ID, "Compte fermé")
	c.ok(err)
	c.same("owed again", c.payout(p.Settlement, c.Structure).State, settlement.Rejected)
	settled()

	c.stripe.Onboarded(account)
	c.hears()
	p = begin()
	c.stripe.TopUp(10_00)
	c.line.breaksAt(5, true) // the payout to its bank is never asked for
	_ = c.room.Reconcile(ctx)
	c.line.mends()
	c.same("at its account", c.at(p).State, "transferred")
	_, err = c.room.GiveUp(ctx, c.Operator, p.ID, "La structure le demande")
	c.ok(err)
	c.hears()
	c.same("owed again", c.payout(p.Settlement, c.Structure).State, settlement.Rejected)
	c.same("left on its account", c.stripe.BalanceOf(account), vouchers.Cents(0))
	settled()

	p = begin()
	c.stripe.TopUp(10_00)
	c.reconciles()
	_, err = c.room.GiveUp(ctx, c.Operator, p.ID, "Trop tard")
	c.refused(err, "connect_leaving")
	c.reaches(account)
	_, err = c.room.GiveUp(ctx, c.Operator, p.ID, "Trop tard")
	if fault.Code(err) != "connect_leaving" {
		t.Errorf("a payout that is paid is given up: %v", err)
	}
	c.same("paid", c.payout(p.Settlement, c.Structure).State, settlement.Booked)
	c.sound()
}

// A payout that is given up at the moment at which Stripe is asked to send it is on its way, and
// is paid once.
func TestAPayoutThatIsGivenUpWhileItLeavesIsPaidOnce(t *testing.T) {
	t.Parallel()
	c := setup(t)
	account := c.connects(c.Structure)
	c.redeems(c.Structure, 1)
	d := c.settles()
	c.debits(d.ID)
	p := c.payout(d.ID, c.Structure)
	c.stripe.TopUp(10_00)
	c.line.before = func(r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/payouts" {
			c.line.before = nil
			if _, err := c.room.GiveUp(t.Context(), c.Operator, p.ID, "Compte fermé"); err != nil {
				t.Error(err)
			}
		}
	}
	c.reconciles()
	c.same("on its way all the same", c.at(p).State, "leaving")
	c.same("reaches its bank", c.reaches(account), 1)
	c.same("payout", c.payout(d.ID, c.Structure).State, settlement.Booked)
	c.same("comes home", c.comesHome(), 0)
	c.sound()
}

// A transfer that Stripe makes only after its payout was given up is taken back.
func TestATransferThatIsMadeTooLateIsTakenBack(t *testing.T) {
	t.Parallel()
	c := setup(t)
	account := c.connects(c.Structure)
	c.redeems(c.Structure, 1)
	d := c.settles()
	c.debits(d.ID)
	p := c.payout(d.ID, c.Structure)
	c.stripe.Restricted(account, "requirements.past_due")
	c.stripe.TopUp(10_00)
	c.reconciles()
	late := stripe.TransferRequest{Ours: fmt.Sprintf("transfer:%d:1", c.at(p).ID), Group: p.EndToEnd, Amount: p.Amount, Destination: account}
	_, err := c.room.GiveUp(t.Context(), c.Operator, p.ID, "Compte fermé")
	c.ok(err)
	c.stripe.Onboarded(account)
	c.days(2) // Stripe has forgotten that it had refused this
	_, err = c.client.CreateTransfer(t.Context(), late)
	c.ok(err)
	c.same("on its account", c.stripe.BalanceOf(account), vouchers.Cents(10_00))
	c.ok(c.room.Reconcile(t.Context()))
	c.same("on its account", c.stripe.BalanceOf(account), vouchers.Cents(0))
	c.same("comes home", c.comesHome(), 1)
	c.sound()
}

// A worker that was asleep while its payout was refused and given up does not bring it back to
// life.
func TestALateRefusalDoesNotReviveWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	c := setup(t)
	account := c.connects(c.Structure)
	c.redeems(c.Structure, 1)
	d := c.settles()
	c.debits(d.ID)
	p := c.payout(d.ID, c.Structure)
	c.stripe.TopUp(10_00)
	c.line.before = func(r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/transfers" {
			c.line.before = nil
			c.stripe.Restricted(account, "requirements.past_due")
			if err := c.room.Reconcile(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := c.room.GiveUp(t.Context(), c.Operator, p.ID, "Compte fermé"); err != nil {
				t.Error(err)
			}
		}
	}
	c.reconciles()
	c.stripe.Onboarded(account)
	c.days(2)
	c.reconciles()
	c.same("at Stripe", c.at(p).State, "back")
	c.same("payouts", len(c.stripe.SentBy(account)), 0)
	c.same("comes home", c.comesHome(), 1)
	c.sound()
}

// Where the bank books a file as one sum, what it sends to Stripe is a part of it; what a person
// says was not in it is owed again.
func TestOneDebitForAFileBooksWhatGoesToStripeToo(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx := t.Context()
	account := c.connects(c.Structure)
	other := c.NewStructure("Médiathèque de Faverges")
	shows := func(d settlement.Detail, amount vouchers.Cents, count int, but ...string) {
		c.t.Helper()
		c.InTx(func(tx *db.Tx) error {
			line, err := c.BankLine(tx, world.Line{Amount: amount, Outcome: "batch_booked", EndToEnd: d.MessageID, Cause: int64(d.ID)})
			if err != nil {
				return err
			}
			b := sepa.Batch{Line: line, Account: payer.IBAN, File: d.MessageID, Amount: amount, Count: count, On: vouchers.DayOf(tx.Now)}
			if len(but) > 0 {
				_, err = c.settlement.BookBatchBut(ctx, tx, b, but)
				return err
			}
			of, err := c.settlement.BookBatch(ctx, tx, b)
			c.same("books", of, d.ID)
			return err
		})
	}
	c.redeems(c.Structure, 3)
	c.redeems(other, 2)
	d := c.settles()
	c.InTx(func(tx *db.Tx) error {
		open, err := c.settlement.UnderWay(ctx, tx, []string{d.MessageID})
		c.same("transfers", open[0].Count, 2)
		c.same("in all", open[0].Amount, vouchers.Cents(50_00))
		return err
	})
	shows(d, 50_00, 2)
	c.same("the other's", c.payout(d.ID, other).State, settlement.Booked)
	c.same("mine", c.payout(d.ID, c.Structure).State, settlement.InTransit)
	c.same("to Stripe", c.opens(d.ID).TopUp.State, settlement.Booked)
	c.sound()
	c.stripe.TopUp(30_00)
	c.hears()
	c.reaches(account)
	c.same("mine", c.payout(d.ID, c.Structure).State, settlement.Booked)
	c.sound()

	c.redeems(c.Structure, 3)
	c.redeems(other, 2)
	d = c.settles()
	shows(d, 20_00, 1, d.TopUp.EndToEnd)
	c.same("the other's", c.payout(d.ID, other).State, settlement.Booked)
	c.same("mine", c.payout(d.ID, c.Structure).State, settlement.Rejected)
	c.is(ledger.Payable(c.Structure.Organisation), 30_00)
	c.sound()
}

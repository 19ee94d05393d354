package connect_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
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

	for _, s := range []world.Structure{c.Structure, other} {
		want := s.Organisation == c.Structure.Organisation
		m, err := c.settlement.Payouts(t.Context(), s.Actor, 0, 1)
		c.ok(err)
		c.same(s.OrganisationName+" is told that Stripe pays", m.Through, want)
		a, err := c.settlement.Attest(t.Context(), s.Actor)
		c.ok(err)
		c.same("its accountant is", a.ByStripe, want)
	}

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

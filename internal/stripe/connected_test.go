package stripe_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// theatre makes an account that nobody has answered Stripe's questions for.
func (a *account) theatre(ours string) string {
	a.t.Helper()
	made, err := a.CreateConnected(a.t.Context(), stripe.ConnectedRequest{Ours: ours, Name: "Théâtre du Fil", Email: "compta@fil.example"})
	if err != nil || made.Ours != ours || made.ID != a.fake.Connected(ours) {
		a.t.Fatalf("%+v, %v", made, err)
	}
	return made.ID
}

// ready makes an account that may be paid.
func (a *account) ready(ours string) string {
	a.t.Helper()
	id := a.theatre(ours)
	a.fake.Onboarded(id)
	return id
}

func (a *account) stands(id string, want stripe.Connected) {
	a.t.Helper()
	want.ID, want.Ours = id, "structure:3"
	if got, err := a.Connected(a.t.Context(), id); err != nil || got != want {
		a.t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func (a *account) transfer(ours string, amount vouchers.Cents, to string) (stripe.Transfer, error) {
	return a.CreateTransfer(a.t.Context(), stripe.TransferRequest{Ours: ours, Group: "payout:4", Amount: amount, Destination: to})
}

// given moves money that is there to an account that may have it.
func (a *account) given(ours string, amount vouchers.Cents, to string) stripe.Transfer {
	a.t.Helper()
	made, err := a.transfer(ours, amount, to)
	if err != nil {
		a.t.Fatal(err)
	}
	return made
}

func (a *account) has(id string, want vouchers.Cents) {
	a.t.Helper()
	if got := a.fake.BalanceOf(id); got != want {
		a.t.Errorf("%s has %s, want %s", id, got, want)
	}
}

func TestAnAccountIsReadyWhenStripeSaysSo(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.theatre("structure:3")
	if again := a.theatre("structure:3"); again != id {
		t.Errorf("asked again: %s, then %s", id, again)
	}
	a.stands(id, stripe.Connected{Problem: "requirements.past_due"})
	a.fake.Submitted(id)
	a.stands(id, stripe.Connected{Submitted: true, Problem: "requirements.pending_verification", Last4: "2606"})
	a.fake.Onboarded(id)
	a.stands(id, stripe.Connected{Submitted: true, Ready: true, Last4: "2606"})
	a.fake.Restricted(id, "rejected.fraud")
	a.stands(id, stripe.Connected{Submitted: true, Problem: "rejected.fraud", Last4: "2606"})
	_, err := a.Connected(t.Context(), "acct_nobody")
	a.refused(err, stripe.AccountInvalid)
}

func TestALinkIsAnotherEveryTime(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.theatre("structure:3")
	onboard := func() (string, error) {
		return a.OnboardingLink(t.Context(), id, "https://passerelle.example/again", "https://passerelle.example/back")
	}
	_, err := a.DashboardLink(t.Context(), id)
	a.refused(err, "") // nobody has answered the questions yet
	a.fake.Submitted(id)
	for name, ask := range map[string]func() (string, error){
		"onboarding": onboard, "dashboard": func() (string, error) { return a.DashboardLink(t.Context(), id) },
	} {
		first, err := ask()
		second, again := ask()
		if err != nil || again != nil || first == "" || first == second {
			t.Errorf("%s: %q, %v, then %q, %v", name, first, err, second, again)
		}
	}
	_, err = a.OnboardingLink(t.Context(), "acct_nobody", "https://passerelle.example/again", "https://passerelle.example/back")
	a.refused(err, stripe.AccountInvalid)
}

func TestATransferNeedsMoneyAndSomebodyToHaveIt(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.theatre("structure:3")
	a.fake.TopUp(10_000)
	a.holds(10_000, 0)
	_, err := a.transfer("transfer:1:1", 8_000, "acct_nobody")
	a.refused(err, stripe.Missing)
	_, err = a.transfer("transfer:1:2", 8_000, id)
	a.refused(err, stripe.TransfersInactive)
	a.fake.Onboarded(id)
	_, err = a.transfer("transfer:1:3", 10_001, id)
	a.refused(err, stripe.BalanceInsufficient)
	a.holds(10_000, 0)
	a.has(id, 0)

	made := a.given("transfer:1:4", 8_000, id)
	want := stripe.Transfer{ID: made.ID, Ours: "transfer:1:4", Group: "payout:4", Destination: id, Amount: 8_000, MadeAt: noon}
	if made != want {
		t.Errorf("%+v, want %+v", made, want)
	}
	if again := a.given("transfer:1:4", 8_000, id); again != made {
		t.Errorf("asked again: %+v", again)
	}
	if read, err := a.Transfer(t.Context(), made.ID); err != nil || read != made {
		t.Errorf("read: %+v, %v", read, err)
	}
	a.holds(2_000, 0)
	a.has(id, 8_000)
}

// What a payer has paid cannot be passed on before Stripe has it.
func TestATransferNeedsWhatIsAvailable(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.ready("structure:3")
	a.fake.Pay(a.page(stripe.Card))
	_, err := a.transfer("transfer:1:1", 8_000, id)
	a.refused(err, stripe.BalanceInsufficient)
	a.now = noon.Add(72 * time.Hour)
	a.given("transfer:1:2", 8_000, id)
	a.holds(95_203, 0)
}

func TestTransfersAreFoundByTheirGroup(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.ready("structure:3")
	a.fake.TopUp(10_000)
	var want []stripe.Transfer
	for n := range 120 { // more than one page of them
		want = append(want, a.given(fmt.Sprint("transfer:", n), 10, id))
	}
	other, err := a.CreateTransfer(t.Context(), stripe.TransferRequest{Ours: "transfer:other", Group: "payout:5", Amount: 10, Destination: id})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want)
	if all, err := a.TransfersIn(t.Context(), "payout:4"); err != nil || !slices.Equal(all, want) {
		t.Errorf("%d transfers, %v", len(all), err)
	}
	if all, err := a.TransfersIn(t.Context(), "payout:5"); err != nil || !slices.Equal(all, []stripe.Transfer{other}) {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := a.TransfersIn(t.Context(), "payout:6"); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	_, err = a.TransfersIn(t.Context(), "") // which is not all of them
	a.refused(err, "parameter_invalid_empty")
}

func TestATransferComesBackWhileTheAccountHasIt(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.ready("structure:3")
	a.fake.TopUp(10_000)
	made := a.given("transfer:1", 8_000, id)
	back := made
	back.Reversed = 8_000
	for _, when := range []time.Duration{0, time.Hour, 25 * time.Hour} { // after a day Stripe has forgotten the key
		a.now = noon.Add(when)
		if got, err := a.ReverseTransfer(t.Context(), made.ID, "back:1"); err != nil || got != back {
			t.Errorf("after %s: %+v, %v", when, got, err)
		}
	}
	a.holds(10_000, 0)
	a.has(id, 0)
	_, err := a.ReverseTransfer(t.Context(), "tr_nothing", "back:2")
	a.refused(err, stripe.Missing)
}

func TestATransferDoesNotComeBackFromABank(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.ready("structure:3")
	a.fake.TopUp(10_000)
	made := a.given("transfer:1", 8_000, id)
	sent := a.sends(id, "payout:1:1", 1)
	_, err := a.ReverseTransfer(t.Context(), made.ID, "back:1")
	a.refused(err, stripe.BalanceInsufficient)
	a.holds(2_000, 0)
	a.has(id, 7_999)
	a.fake.PayoutFails(sent)
	if got, err := a.ReverseTransfer(t.Context(), made.ID, "back:2"); err != nil || got.Reversed != 8_000 {
		t.Errorf("%+v, %v", got, err)
	}
	a.has(id, 0)
}

// Stripe takes a request without an account's name as one about our own: our money would
// go to our bank.
func TestAnAccountWithoutANameIsNotOurs(t *testing.T) {
	t.Parallel()
	a := open(t)
	a.fake.TopUp(10_000)
	before := a.fake.Requests()
	_, read := a.Connected(t.Context(), "")
	_, paid := a.CreatePayoutOf(t.Context(), "", stripe.PayoutRequest{Ours: "payout:1:1", Amount: 8_000})
	_, payout := a.PayoutOf(t.Context(), "", "po_1")
	_, payouts := a.PayoutsOf(t.Context(), "", noon)
	for _, err := range []error{read, paid, payout, payouts} {
		a.refused(err, stripe.Missing)
	}
	if n := a.fake.Requests() - before; n != 0 {
		t.Errorf("Stripe was asked %d times", n)
	}
	a.holds(10_000, 0)
}

// Money that has moved without our hearing of it has moved once.
func TestALostAnswerMovesNothingTwice(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.ready("structure:3")
	a.fake.TopUp(10_000)
	a.fake.Mute(true)
	unheard := func(err error) {
		t.Helper()
		if !errors.Is(err, stripe.ErrUnknown) {
			t.Errorf("%v", err)
		}
	}
	_, err := a.transfer("transfer:1", 8_000, id)
	unheard(err)
	_, err = a.CreatePayoutOf(t.Context(), id, stripe.PayoutRequest{Ours: "payout:1:1", Amount: 3_000, Descriptor: "PASSERELLE PO1"})
	unheard(err)
	a.fake.Mute(false)
	made := a.given("transfer:1", 8_000, id)
	sent := a.sends(id, "payout:1:1", 3_000)
	a.holds(2_000, 0)
	a.has(id, 5_000)
	a.fake.PayoutFails(sent)
	a.fake.Mute(true)
	_, err = a.ReverseTransfer(t.Context(), made.ID, "back:1")
	unheard(err)
	a.fake.Mute(false)
	if got, err := a.ReverseTransfer(t.Context(), made.ID, "back:1"); err != nil || got.Reversed != 8_000 {
		t.Errorf("%+v, %v", got, err)
	}
	a.holds(10_000, 0)
	a.has(id, 0)
}

func TestTopUpsAreFoundSinceATime(t *testing.T) {
	t.Parallel()
	a := open(t)
	first := a.fake.TopUp(10_000)
	a.now = noon.Add(time.Minute)
	second := a.fake.TopUp(5_000)
	want := []stripe.TopUp{
		{ID: second, Amount: 5_000, State: stripe.TopUpArrived, MadeAt: a.now},
		{ID: first, Amount: 10_000, State: stripe.TopUpArrived, MadeAt: noon},
	}
	if all, err := a.TopUps(t.Context(), noon); err != nil || !slices.Equal(all, want) {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := a.TopUps(t.Context(), a.now); err != nil || !slices.Equal(all, want[:1]) {
		t.Errorf("%+v, %v", all, err)
	}
	a.holds(15_000, 0)
}

// Our own list has what happens on our account; the webhooks tell of the others too.
func TestEventsOfAnAccountAreDeliveredWithItsName(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.ready("structure:3")
	topUp := a.fake.TopUp(10_000)
	made := a.given("transfer:1", 8_000, id)
	sent := a.sends(id, "payout:1:1", 3_000)
	a.fake.PayoutArrives(sent)
	a.fake.PayoutFails(sent)
	if _, err := a.ReverseTransfer(t.Context(), made.ID, "back:1"); err != nil {
		t.Fatal(err)
	}
	want := []stripe.Event{
		{Type: "account.updated", Kind: "account", ObjectID: id, Account: id},
		{Type: "topup.created", Kind: "topup", ObjectID: topUp},
		{Type: "topup.succeeded", Kind: "topup", ObjectID: topUp},
		{Type: "transfer.created", Kind: "transfer", ObjectID: made.ID},
		{Type: "payout.created", Kind: "payout", ObjectID: sent, Account: id},
		{Type: "payout.paid", Kind: "payout", ObjectID: sent, Account: id},
		{Type: "payout.failed", Kind: "payout", ObjectID: sent, Account: id},
		{Type: "transfer.reversed", Kind: "transfer", ObjectID: made.ID},
	}
	var delivered, ours []stripe.Event
	for _, d := range a.fake.Deliveries() {
		e, err := stripe.Verify([]string{"whsec_new"}, a.now, d.Body, d.Signature)
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == "topup.succeeded" || e.Type == "transfer.reversed" {
			ours = append(ours, e)
		}
		e.ID = ""
		delivered = append(delivered, e)
	}
	if !slices.Equal(delivered, want) {
		t.Errorf("delivered %+v, want %+v", delivered, want)
	}
	if listed, err := a.Events(t.Context(), noon); err != nil || !slices.Equal(listed, ours) {
		t.Errorf("listed %+v, want %+v; %v", listed, ours, err)
	}
}

package stripe_test

import (
	"errors"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// account is a client and the Stripe that it asks.
type account struct {
	*stripe.Client
	t    *testing.T
	fake *stripefake.Server
	now  time.Time
}

func open(t *testing.T) *account {
	a := &account{t: t, now: noon}
	a.fake = stripefake.New("sk_test_123", "whsec_new", func() time.Time { return a.now })
	server := httptest.NewServer(a.fake)
	t.Cleanup(server.Close)
	a.Client = stripe.New("sk_test_123", server.URL)
	return a
}

// page makes a page for 1,048 euros.
func (a *account) page(means stripe.Means) string {
	a.t.Helper()
	req := page(means)
	if means == stripe.BankTransfer {
		req.Customer = "cus_1"
	}
	made, err := a.CreateSession(a.t.Context(), req)
	if err != nil || made.Status != stripe.SessionOpen || made.URL == "" || made.Amount != 104_800 {
		a.t.Fatalf("%+v, %v", made, err)
	}
	return made.ID
}

func (a *account) is(id string, want stripe.SessionStatus) stripe.Session {
	a.t.Helper()
	s, err := a.Session(a.t.Context(), id)
	if err != nil || s.Status != want {
		a.t.Fatalf("%+v, %v; want %s", s, err, want)
	}
	if booked := s.Charge != nil; booked != (want == stripe.SessionPaid) {
		a.t.Errorf("%s, booked: %v", want, booked)
	}
	return s
}

func (a *account) holds(available, pending vouchers.Cents) {
	a.t.Helper()
	if now, later := a.fake.Balance(); now != available || later != pending {
		a.t.Errorf("available %s, pending %s; want %s and %s", now, later, available, pending)
	}
}

func TestACardIsPaidAtOnceAndAvailableLater(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.page(stripe.Card)
	a.fake.Pay(id)
	s := a.is(id, stripe.SessionPaid)
	if s.URL != "" || s.Charge.Amount != 104_800 || s.Charge.Fee != 1_597 || s.Charge.Available || !s.Charge.AvailableOn.Equal(noon.Add(72*time.Hour)) {
		t.Errorf("%+v, %+v", s, s.Charge)
	}
	a.holds(0, 103_203)
	a.now = noon.Add(72 * time.Hour)
	if !a.is(id, stripe.SessionPaid).Charge.Available {
		t.Error("not available after its time")
	}
	a.holds(103_203, 0)
}

func TestADirectDebitTakesDaysAndMayFail(t *testing.T) {
	t.Parallel()
	a := open(t)
	paid, refused := a.page(stripe.SEPADebit), a.other("checkout:13", stripe.SEPADebit)
	a.fake.Pay(paid)
	a.fake.Pay(refused)
	a.is(paid, stripe.SessionPending)
	a.fake.DebitSucceeds(paid)
	a.is(paid, stripe.SessionPaid)
	a.fake.DebitFails(refused)
	a.is(refused, stripe.SessionFailed)
	d, err := a.Dispute(t.Context(), a.fake.Dispute(paid))
	if err != nil || d.Status != stripe.DisputeLost || d.Taken != 104_800 || d.Fee != 2_000 {
		t.Errorf("a debit that bounces later: %+v, %v", d, err)
	}
}

func (a *account) other(ours string, means stripe.Means) string {
	a.t.Helper()
	req := page(means)
	req.Ours = ours
	made, err := a.CreateSession(a.t.Context(), req)
	if err != nil {
		a.t.Fatal(err)
	}
	return made.ID
}

func TestATransferMayComeInParts(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.page(stripe.BankTransfer)
	a.fake.Pay(id)
	if s := a.is(id, stripe.SessionPending); s.Missing != 104_800 || s.Instructions == "" {
		t.Errorf("%+v", s)
	}
	a.fake.Transfer(id, 100_000)
	if s := a.is(id, stripe.SessionPending); s.Missing != 4_800 {
		t.Errorf("%+v", s)
	}
	a.holds(0, 0)
	a.fake.Transfer(id, 4_800)
	a.is(id, stripe.SessionPaid)
}

func TestAPageEndsByItsTimeOrByHand(t *testing.T) {
	t.Parallel()
	a := open(t)
	first, second := a.page(stripe.Card), a.other("checkout:13", stripe.Card)
	if err := a.ExpireSession(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	a.is(first, stripe.SessionExpired)
	a.now = noon.Add(time.Hour)
	a.is(second, stripe.SessionExpired)
	a.refused(a.ExpireSession(t.Context(), first), "")
}

func (a *account) refused(err error, code string) {
	a.t.Helper()
	if refusal := new(stripe.Refusal); !errors.As(err, &refusal) || refusal.Code != code {
		a.t.Errorf("%v, want the refusal %q", err, code)
	}
}

func TestAPayoutNeedsWhatIsAvailable(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.page(stripe.Card)
	a.fake.Pay(id)
	req := stripe.PayoutRequest{Ours: "payout:1:1", Amount: 100_000, Descriptor: "PASSERELLE PO1"}
	_, err := a.CreatePayout(t.Context(), req)
	a.refused(err, stripe.BalanceInsufficient)
	a.now = noon.Add(73 * time.Hour)
	req.Ours = "payout:1:2"
	sent, err := a.CreatePayout(t.Context(), req)
	if err != nil || sent.Status != stripe.PayoutSent {
		t.Fatalf("%+v, %v", sent, err)
	}
	a.holds(3_203, 0)
	a.fake.PayoutArrives(sent.ID)
	a.payout(sent.ID, stripe.PayoutPaid)
	a.fake.PayoutFails(sent.ID)
	a.payout(sent.ID, stripe.PayoutFailed)
	a.holds(103_203, 0)
}

func (a *account) payout(id string, want stripe.PayoutStatus) {
	a.t.Helper()
	if p, err := a.Payout(a.t.Context(), id); err != nil || p.Status != want || p.Ours != "payout:1:2" {
		a.t.Errorf("%+v, %v; want %s", p, err, want)
	}
}

func TestARefundNeverExceedsThePayment(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.page(stripe.Card)
	a.fake.Pay(id)
	intent := a.is(id, stripe.SessionPaid).Intent
	given, err := a.CreateRefund(t.Context(), stripe.RefundRequest{Ours: "refund:1", Intent: intent, Amount: 104_000})
	if err != nil || given.Status != stripe.RefundDone || given.Payment != "checkout:12" || given.Ours != "refund:1" {
		t.Fatalf("%+v, %v", given, err)
	}
	_, err = a.CreateRefund(t.Context(), stripe.RefundRequest{Ours: "refund:2", Intent: intent, Amount: 801})
	a.refused(err, "amount_too_large")
	a.fake.RefundFails(given.ID)
	if r, err := a.Refund(t.Context(), given.ID); err != nil || r.Status != stripe.RefundFailed || r.Failure == "" {
		t.Errorf("%+v, %v", r, err)
	}
	a.holds(0, 103_203)
	if r, err := a.Refund(t.Context(), a.fake.RefundByHand(id, 100)); err != nil || r.Ours != "" || r.Amount != 100 {
		t.Errorf("made by hand: %+v, %v", r, err)
	}
}

func TestADisputeTakesTheMoneyAndMayGiveItBack(t *testing.T) {
	t.Parallel()
	a := open(t)
	id := a.page(stripe.Card)
	a.fake.Pay(id)
	disputed := a.fake.Dispute(id)
	d, err := a.Dispute(t.Context(), disputed)
	if err != nil || d.Status != stripe.DisputeOpen || d.Taken != 104_800 || d.Fee != 2_000 || d.Payment != "checkout:12" {
		t.Errorf("%+v, %v", d, err)
	}
	a.fake.CloseDispute(disputed, true)
	if d, err := a.Dispute(t.Context(), disputed); err != nil || d.Status != stripe.DisputeWon || d.Taken != 0 || d.Fee != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// What was done without our hearing of it is found by asking again with the same values.
func TestAnAnswerThatIsLostIsUnknownAndNotRepeated(t *testing.T) {
	t.Parallel()
	a := open(t)
	a.fake.Down(true)
	if _, err := a.CreateSession(t.Context(), page(stripe.Card)); !errors.Is(err, stripe.ErrUnknown) {
		t.Errorf("out of reach: %v", err)
	}
	a.fake.Down(false)
	a.fake.Mute(true)
	if _, err := a.CreateSession(t.Context(), page(stripe.Card)); !errors.Is(err, stripe.ErrUnknown) {
		t.Errorf("a lost answer: %v", err)
	}
	a.fake.Mute(false)
	before := a.fake.Requests()
	first, second := a.page(stripe.Card), a.page(stripe.Card)
	if first != second || first != a.fake.Open("checkout:12") {
		t.Errorf("%s, then %s", first, second)
	}
	if n := a.fake.Requests() - before; n != 2 {
		t.Errorf("%d requests for two questions", n)
	}
	other := page(stripe.Card)
	other.Lines = other.Lines[:1]
	if _, err := a.CreateSession(t.Context(), other); !errors.Is(err, stripe.ErrUnknown) {
		t.Errorf("other values under the same key: %v", err)
	}
	if _, err := stripe.New("sk_test_other", "http://127.0.0.1:1").Session(t.Context(), first); !errors.Is(err, stripe.ErrUnknown) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestEventsAreFoundThoughNobodyDeliveredThem(t *testing.T) {
	t.Parallel()
	a := open(t)
	first, second := a.page(stripe.Card), a.other("checkout:13", stripe.Card)
	a.fake.Pay(first)
	a.now = noon.Add(time.Minute)
	a.fake.Pay(second)
	for range 120 { // more than one page of them
		a.fake.RefundByHand(second, 1)
	}
	all, err := a.Events(t.Context(), noon)
	if err != nil || len(all) != 122 || all[0].ObjectID != first || all[1].ObjectID != second || all[2].Kind != "refund" {
		t.Fatalf("%d events, %v", len(all), err)
	}
	later, err := a.Events(t.Context(), noon.Add(time.Minute))
	if err != nil || !slices.Equal(later, all[1:]) {
		t.Errorf("%d events later, %v", len(later), err)
	}
	for i, d := range a.fake.Deliveries() {
		if e, err := stripe.Verify([]string{"whsec_new"}, a.now, d.Body, d.Signature); err != nil || e != all[i] {
			t.Errorf("delivered %+v, listed %+v, %v", e, all[i], err)
		}
	}
}

package connect_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// faulty is the way to a Stripe, which breaks: a request is lost, or its answer, and nothing gets
// through from then on. (One alone would be sent again by the HTTP client itself.)
type faulty struct {
	http.Handler
	mu       sync.Mutex
	breaking bool
	left     int  // requests until it breaks
	unheard  bool // the request is lost, else the answer

	before func(*http.Request) // sees each request before Stripe does; nil: nobody
}

// breaksAt breaks the way at the nth request from now on.
func (f *faulty) breaksAt(n int, unheard bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.breaking, f.left, f.unheard = true, n, unheard
}

// mends lets everything through again, and tells whether something was lost.
func (f *faulty) mends() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	broke := f.breaking && f.left <= 0
	f.breaking = false
	return broke
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.before != nil {
		f.before(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left--; !f.breaking || f.left > 0 {
		f.Handler.ServeHTTP(w, r)
		return
	}
	if f.left == 0 && !f.unheard {
		f.Handler.ServeHTTP(nowhere{}, r)
	}
	panic(http.ErrAbortHandler)
}

// nowhere takes an answer that nobody gets.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// Whichever request to Stripe is lost on the way of a payout, or its answer, a day later the
// structure was paid once: one transfer, one payout, one entry in the books. The same holds
// for one that comes back.
func TestALostAnswerPaysNobodyTwice(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprintf("fails=%v", fails), func(t *testing.T) {
			t.Parallel()
			c := setup(t)
			account := c.connects(c.Structure)
			lost, payouts := 0, 0
			for _, unheard := range []bool{true, false} {
				for n := range 11 { // more than there are on its way
					c.redeems(c.Structure, 1)
					d := c.settles()
					c.debits(d.ID)
					if d.TopUp == nil { // what came back is paid to the bank, once
						c.redeems(c.Structure, 1)
						d = c.settles()
						c.debits(d.ID)
					}
					c.stripe.TopUp(d.TopUp.Amount)
					payouts++
					c.line.breaksAt(n+1, unheard)
					_ = c.room.Reconcile(t.Context()) // as far as it comes
					for _, sent := range c.stripe.SentBy(account) {
						if c.stripe.PayoutArrives(sent.ID); fails && sent.Amount == d.TopUp.Amount && sent.Descriptor == d.List[0].EndToEnd {
							c.stripe.PayoutFails(sent.ID)
						}
					}
					_ = c.room.Reconcile(t.Context())
					broke := c.line.mends()
					c.days(1)
					c.reconciles()
					if fails && broke { // the payout may have been made only now
						for _, sent := range c.stripe.SentBy(account) {
							if sent.Descriptor == d.List[0].EndToEnd {
								c.stripe.PayoutFails(sent.ID)
							}
						}
						c.reconciles()
					}
					for _, sent := range c.stripe.SentBy(account) {
						c.stripe.PayoutArrives(sent.ID)
					}
					c.reconciles()
					p := c.payout(d.ID, c.Structure)
					if fails {
						if p.State != settlement.Rejected && p.State != settlement.Returned {
							t.Errorf("request %d lost: payout %s", n, p.State)
						}
						c.same("on its way home", c.comesHome(), 1)
					} else {
						c.same(fmt.Sprintf("request %d lost: payout", n), p.State, settlement.Booked)
						c.same("payouts at Stripe", len(c.stripe.SentBy(account)), payouts)
						c.same("notices", c.paid[p.ID], 1)
					}
					c.same("left on the structure's account", c.stripe.BalanceOf(account), vouchers.Cents(0))
					if broke {
						lost++
					}
				}
			}
			c.sound()
			if available, _ := c.stripe.Balance(); available != 0 {
				t.Errorf("%s is left at Stripe", available)
			}
			t.Logf("%d losses", lost)
			if lost < 16 {
				t.Errorf("only %d requests were lost", lost)
			}
		})
	}
}

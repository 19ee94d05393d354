package app

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
)

// stepsOfAWorld is how many steps one world lives through.
const stepsOfAWorld = 1250

// Whatever funders, banks, Stripe, prescribers, structures and the operator do, in any
// order: INV-1, 2, 5 and 9 hold, and at the end each cent is explained. Everything goes
// through the rooms as the program wires them; a refusal that a person may be told is a
// legal answer, any other error is not.
//
// PASSERELLE_STEPS lives longer, in more worlds; PASSERELLE_SEED lives other lives.
func TestTheMoneyHoldsThroughRandomLives(t *testing.T) {
	t.Parallel()
	steps, seed := number(t, "PASSERELLE_STEPS", 8*stepsOfAWorld), number(t, "PASSERELLE_SEED", 2)
	told := &chronicle{done: map[string]int{}, refused: map[string]map[string]int{}}
	worlds := 0
	together := func(more int) {
		t.Run("worlds", func(t *testing.T) {
			for n := worlds; n < worlds+more; n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					t.Parallel()
					live(t, n, uint64(seed+n), told)
				})
			}
		})
		worlds += more
	}
	together((steps + stepsOfAWorld - 1) / stepsOfAWorld)
	for range 3 { // what is rare may need more lives
		if !t.Failed() && len(told.missing()) > 0 {
			together(2)
		}
	}
	t.Logf("%d steps in %d worlds\n%s", told.steps, worlds, told)
	if told.steps < 10_000 {
		t.Errorf("only %d steps", told.steps)
	}
	for _, kind := range told.missing() {
		t.Errorf("%q never happened", kind)
	}
}

func number(t *testing.T, name string, usual int) int {
	t.Helper()
	text := cmp.Or(os.Getenv(name), strconv.Itoa(usual))
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is no number of steps", name, text)
	}
	return n
}

// live plays one world to its end.
func live(t *testing.T, n int, seed uint64, told *chronicle) {
	l := newLife(t, n, seed, told)
	defer func() {
		if t.Failed() {
			t.Logf("world %d with seed %d, after %d steps; the last: %s", n, seed, l.steps, strings.Join(l.last, " · "))
		}
	}()
	sum := 0
	for _, s := range everything {
		sum += s.often
	}
	for l.steps < stepsOfAWorld && !t.Failed() {
		before := l.acts
		at := l.rand.IntN(sum)
		for _, s := range everything {
			if at -= s.often; at < 0 {
				s.do(l)
				break
			}
		}
		if l.acts == before {
			continue // there was nothing to do it with
		}
		switch l.steps++; {
		case l.steps%250 == 0:
			l.holds()
		case l.steps%10 == 0:
			l.looksSound()
		}
	}
	l.ends()
	told.mu.Lock()
	told.steps += l.steps
	told.mu.Unlock()
}

// everything that can happen, and how often it is tried.
var everything = []struct {
	do    func(*life)
	often int
}{
	{(*life).publishes, 1}, {(*life).defines, 3}, {(*life).places, 10}, {(*life).quotes, 4},
	{(*life).paysByBank, 14}, {(*life).paysFees, 6}, {(*life).bankGivesBack, 4}, {(*life).bankErrs, 1}, {(*life).decides, 12},
	{(*life).opensPage, 6}, {(*life).paysOnline, 8}, {(*life).disputes, 4}, {(*life).decidesDispute, 2}, {(*life).reinstates, 1}, {(*life).refundsCard, 3},
	{(*life).refundByHand, 1}, {(*life).refundSettles, 2}, {(*life).hears, 5}, {(*life).stripePays, 7}, {(*life).stripeFails, 2}, {(*life).retries, 2},
	{(*life).allocates, 8}, {(*life).handsOver, 14}, {(*life).freezes, 2}, {(*life).redeems, 14}, {(*life).undoes, 4},
	{(*life).timePasses, 7}, {(*life).settles, 3}, {(*life).bankPaysOut, 4}, {(*life).bankPaysInOneSum, 2}, {(*life).payoutReturns, 1}, {(*life).bankRejects, 1},
	{(*life).extends, 1}, {(*life).closes, 3}, {(*life).givesAccount, 1}, {(*life).verifies, 2}, {(*life).chooses, 4},
	{(*life).approves, 4}, {(*life).withdraws, 1}, {(*life).bankRefunds, 6}, {(*life).refundReturns, 1},
	{(*life).paysDebt, 3}, {(*life).asksWriteOff, 2}, {(*life).decidesWriteOff, 3}, {(*life).creditsFees, 1},
	{(*life).complains, 5}, {(*life).endsComplaint, 5}, {(*life).asksCorrection, 3}, {(*life).decidesCorrection, 3}, {(*life).repays, 3},
}

// kinds are the acts that must have happened when all worlds have ended.
var kinds = func() map[string]bool {
	all := map[string]bool{}
	for _, kind := range strings.Split(strings.TrimSpace(`
a tariff is published
a campaign is defined
a campaign is shared by percent
a campaign is shared with a ceiling
an order is placed
a quote is offered
a quote is changed
a quote is accepted
the bank brings the sum
the bank brings a part
the bank brings too much
the bank brings it twice
the bank brings it without reference
the bank brings it with a wrong reference
the bank brings it on the wrong account
the bank brings fees
the bank brings a part of fees
the bank brings too much of fees
the bank brings fees on the wrong account
the bank gives a payment back
the bank takes what is not its own
a file is imported again
decided: order
decided: fees
decided: keep
decided: refund
decided: return
decided: top_up
decided: debt
decided: pair
decided: noted
decided: remind
decided: undo
a page is opened for card
a page is opened for sepa_debit
a page is opened for customer_balance
a card is charged
a debit is ordered
a debit succeeds
a debit fails
a transfer through Stripe comes in part
a transfer through Stripe arrives
a page expires
a payment is disputed
a debit bounces
a dispute is won
a dispute is lost
a lost dispute is given up
what was lost comes back too late to be undone
what was forgiven comes back
a dispute takes what does not count yet
a dispute takes what is live
a dispute stops vouchers
a card is refunded
a payment is given back by hand
a refund through Stripe arrives
a refund through Stripe fails
Stripe is heard
Stripe sends face value
Stripe sends fees
a payout of Stripe fails
a payout of Stripe is asked for again
vouchers are allocated
a booklet is handed over
a booklet is frozen
a booklet runs again
vouchers are redeemed
a redemption is undone
a complaint is made
a complaint is withdrawn
a complaint is dismissed
a complaint is upheld
a clawback is asked for
a structure's debt is to be forgiven
a redemption is clawed back
a structure's debt is forgiven
such a request is refused
a debt note is issued
a structure repays
what was forgiven is made good
time passes
vouchers expire
a settlement is closed
a settlement is cancelled
a payout is booked
a file is debited in one sum
a file is debited but for a payout
a file's sum is decided
a payout comes back
a payout is rejected
a campaign is extended
a campaign is closed by hand
a campaign closes by itself
an account is given
an account is verified
credit is to be refunded
credit is to be rolled over
credit is to be kept
credit is rolled over
a refund is approved
a claim is approved
fees to give back are approved
a refund is withdrawn
a refund is booked
a claim is swept
fees are given back
a refund comes back
a debt is paid by bank
a write-off is asked for
a write-off is approved
a write-off is refused
fees are credited by hand`), "\n") {
		all[kind] = true
	}
	return all
}()

// chronicle counts what happened in all worlds.
type chronicle struct {
	mu      sync.Mutex
	steps   int
	done    map[string]int
	refused map[string]map[string]int // kind → fault → how often
}

// missing are the kinds that have not happened.
func (c *chronicle) missing() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(kinds)), func(kind string) bool { return c.done[kind] > 0 })
}

func (c *chronicle) String() string {
	var text strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&text, "%6d  %s", c.done[kind], kind)
		for _, code := range slices.Sorted(maps.Keys(c.refused[kind])) {
			fmt.Fprintf(&text, "; %s %d", code, c.refused[kind][code])
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// act takes note of what somebody did, and tells whether it was granted.
func (l *life) act(kind string, err error) bool {
	l.t.Helper()
	if !kinds[kind] {
		l.t.Fatalf("%q is no kind of act", kind)
	}
	l.acts++
	l.last = append(l.last[max(len(l.last)-30, 0):], kind)
	code := l.legal(kind, err)
	l.told.mu.Lock()
	defer l.told.mu.Unlock()
	if code == "" {
		l.told.done[kind]++
		return true
	}
	if l.told.refused[kind] == nil {
		l.told.refused[kind] = map[string]int{}
	}
	l.told.refused[kind][code]++
	return false
}

// legal gives the code of a refusal, "" for none; what is no refusal ends the test.
func (l *life) legal(what string, err error) string {
	l.t.Helper()
	var refusal *fault.Error
	switch {
	case err == nil:
		return ""
	case asFault(err, &refusal) && refusal.Kind != fault.Unavailable && refusal.Kind != fault.RateLimited:
		return refusal.Code
	}
	l.t.Fatalf("%s: %v", what, err)
	return ""
}

// pick chooses one of all; false where there is none.
func pick[T any](r *rand.Rand, all []T) (one T, ok bool) {
	if len(all) == 0 {
		return one, false
	}
	return all[r.IntN(len(all))], true
}

// oneOf is pick for what is never empty.
func oneOf[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

// kept keeps the latest that may matter still.
func kept[T any](all []T, one T) []T { return append(all[max(len(all)-60, 0):], one) }

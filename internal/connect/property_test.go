package connect_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// life is what a random sequence knows of the world.
type life struct {
	*desk
	structures []world.Structure
	accounts   map[vouchers.OrganisationID]string
	sent       []settlement.Detail // the bank has their files
	coming     []vouchers.Cents    // on its way to Stripe, from the bank
	done       map[string]bool     // payouts of Stripe's that have arrived, or failed
}

// Whatever the bank, Stripe, structures and the operator do, in whatever order, with requests
// and answers lost, every invariant holds, and in the end every payout has reached its structure
// once or is owed again.
func TestPayoutsThroughStripeKeepTheBooksSound(t *testing.T) {
	t.Parallel()
	l := &life{desk: setup(t), accounts: map[vouchers.OrganisationID]string{}, done: map[string]bool{}}
	l.Campaign = l.NewCampaign("Longue", 100_000)
	l.structures = []world.Structure{l.Structure, l.NewStructure("Médiathèque de Faverges"), l.NewStructure("Régie de Rumilly")}
	for _, s := range l.structures {
		l.accounts[s.Organisation] = l.connects(s)
	}
	did := map[string]int{}
	checks := 0
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(4, 12).Draw(r, "steps") {
			l.step(r, did)
		}
		if checks++; checks%10 == 0 {
			l.sound()
		}
		if t.Failed() {
			r.FailNow()
		}
	})
	l.settleAll()
	l.sound()
	l.countOut()
	t.Logf("%v", did)
	for _, kind := range []string{"settles", "debits", "arrives at Stripe", "reconciles", "lost", "reaches", "fails", "restricted"} {
		if did[kind] == 0 {
			t.Errorf("%s: not once", kind)
		}
	}
}

func (l *life) step(r *rapid.T, did map[string]int) {
	ctx := l.t.Context()
	s := l.structures[rapid.IntRange(0, len(l.structures)-1).Draw(r, "structure")]
	account := l.accounts[s.Organisation]
	switch rapid.IntRange(0, 13).Draw(r, "kind") {
	case 0, 1:
		l.redeems(s, rapid.IntRange(1, 3).Draw(r, "vouchers"))
	case 2:
		closed, err := l.settlement.Close(ctx, l.Operator, settlement.CloseRequest{})
		if fault.Code(err) == "nothing_to_settle" {
			return
		}
		l.ok(err)
		if rapid.IntRange(0, 4).Draw(r, "cancels") == 0 {
			_, err = l.settlement.Cancel(ctx, l.Operator, closed.ID, "Mauvais jour")
			l.ok(err)
			return
		}
		l.approves(closed)
		l.sent = append(l.sent, l.opens(closed.ID))
		did["settles"]++
	case 3, 4:
		l.bank(r, did)
	case 5:
		if len(l.coming) > 0 {
			i := rapid.IntRange(0, len(l.coming)-1).Draw(r, "which")
			l.stripe.TopUp(l.coming[i])
			l.coming = slices.Delete(l.coming, i, i+1)
			did["arrives at Stripe"]++
		}
	case 6:
		l.hears()
	case 7:
		l.reconciles()
		did["reconciles"]++
	case 8:
		l.line.breaksAt(rapid.IntRange(1, 20).Draw(r, "request"), rapid.Bool().Draw(r, "unheard"))
		_ = l.room.Reconcile(ctx)
		if l.line.mends() {
			did["lost"]++
		}
	case 9, 10:
		for _, sent := range l.stripe.SentBy(account) {
			if !l.done[sent.ID] {
				l.stripe.PayoutArrives(sent.ID)
				l.done[sent.ID] = true
				did["reaches"]++
				return
			}
		}
	case 11:
		if all := l.stripe.SentBy(account); len(all) > 0 {
			last := all[len(all)-1]
			l.stripe.PayoutFails(last.ID)
			l.done[last.ID] = true
			did["fails"]++
		}
	case 12:
		if rapid.Bool().Draw(r, "restricts") {
			l.stripe.Restricted(account, "requirements.past_due")
			did["restricted"]++
		} else {
			l.stripe.Onboarded(account)
		}
	case 13:
		l.desks(r, s, did)
	}
	if rapid.IntRange(0, 5).Draw(r, "a day passes") == 0 {
		l.days(1)
	}
}

// bank shows what a settlement's file ordered, or brings back what was sent to Stripe.
func (l *life) bank(r *rapid.T, did map[string]int) {
	if len(l.sent) == 0 {
		return
	}
	i := rapid.IntRange(0, len(l.sent)-1).Draw(r, "settlement")
	d := l.opens(l.sent[i].ID)
	l.sent = slices.Delete(l.sent, i, i+1)
	l.debits(d.ID)
	did["debits"]++
	if d.TopUp == nil {
		return
	}
	if rapid.IntRange(0, 3).Draw(r, "comes back") == 0 {
		l.books("payouts_unfunded", d.TopUp.ID, sepa.Movement{Name: d.TopUp.EndToEnd, Amount: d.TopUp.Amount, Credit: true, Returned: true, ReturnReason: "MS03"})
		did["unfunded"]++
		return
	}
	l.coming = append(l.coming, d.TopUp.Amount)
}

// desks is the operator giving up what Stripe does not pay, or money coming home.
func (l *life) desks(r *rapid.T, s world.Structure, did map[string]int) {
	if rapid.Bool().Draw(r, "comes home") {
		did["home"] += l.comesHome()
		return
	}
	m, err := l.settlement.Payouts(l.t.Context(), s.Actor, 0, 50)
	l.ok(err)
	for _, p := range m.Payouts {
		if p.Connected != "" && p.State == settlement.InTransit {
			if _, err := l.room.GiveUp(l.t.Context(), l.Operator, p.ID, "Compte fermé"); err == nil {
				did["given up"]++
			} else if code := fault.Code(err); code != "connect_leaving" && code != "not_found" {
				l.t.Error(err)
			}
		}
	}
}

// settleAll lets everything come to its end.
func (l *life) settleAll() {
	for _, account := range l.accounts {
		l.stripe.Onboarded(account)
	}
	l.hears()
	for _, d := range l.sent {
		l.debits(d.ID)
		if d.TopUp != nil {
			l.coming = append(l.coming, d.TopUp.Amount)
		}
	}
	for _, amount := range l.coming {
		l.stripe.TopUp(amount)
	}
	for range 3 {
		l.reconciles()
		for _, account := range l.accounts {
			for _, sent := range l.stripe.SentBy(account) {
				l.stripe.PayoutArrives(sent.ID)
			}
		}
		l.reconciles()
		l.comesHome()
	}
}

// countOut compares Stripe's books with ours.
func (l *life) countOut() {
	ours := map[string]int{}
	for _, s := range l.structures {
		for before := vouchers.PayoutID(0); ; {
			m, err := l.settlement.Payouts(l.t.Context(), s.Actor, before, 200)
			l.ok(err)
			for _, p := range m.Payouts {
				before = p.ID
				if p.Connected != "" && p.State == settlement.InTransit {
					l.t.Errorf("payout %d is neither paid nor owed: %+v", p.ID, l.at(p))
				}
				if p.Connected != "" && p.State == settlement.Booked {
					ours[p.EndToEnd]++
				}
			}
			if len(m.Payouts) < 200 {
				break
			}
		}
	}
	theirs := map[string]int{}
	for _, account := range l.accounts {
		for _, sent := range l.stripe.SentBy(account) {
			theirs[sent.Descriptor]++
		}
		l.same("left on "+account, l.stripe.BalanceOf(account), vouchers.Cents(0))
	}
	if !maps.Equal(ours, theirs) {
		l.t.Errorf("Stripe has paid %v, we say %v", theirs, ours)
	}
	if available, _ := l.stripe.Balance(); available != 0 {
		l.t.Errorf("%s is left at Stripe", available)
	}
}

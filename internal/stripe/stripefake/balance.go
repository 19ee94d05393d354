package stripefake

import (
	"net/http"
	"net/url"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// booking is one movement of the balance (Stripe says balance transaction).
type booking struct {
	id, kind    string
	amount, fee vouchers.Cents
	availableOn time.Time
	now         func() time.Time
}

func (b *booking) available() bool { return !b.now().Before(b.availableOn) }

func (b *booking) view() object {
	status := "pending"
	if b.available() {
		status = "available"
	}
	return object{"id": b.id, "object": "balance_transaction", "type": b.kind, "amount": b.amount, "fee": b.fee,
		"net": b.amount - b.fee, "currency": "eur", "status": status, "available_on": b.availableOn.Unix()}
}

func (s *Server) book(kind string, amount, fee vouchers.Cents, delay time.Duration) *booking {
	b := &booking{s.id("txn"), kind, amount, fee, s.now().Add(delay), s.now}
	s.bookings[ourselves] = append(s.bookings[ourselves], b)
	return b
}

// move books what is available at once, on our balance or a connected account's.
func (s *Server) move(account, kind string, amount vouchers.Cents) {
	s.bookings[account] = append(s.bookings[account], &booking{s.id("txn"), kind, amount, 0, s.now(), s.now})
}

// Balance is what we have at Stripe: what can be paid out, and what cannot yet.
func (s *Server) Balance() (available, pending vouchers.Cents) {
	s.locked(func() { available, pending = s.balance(ourselves) })
	return available, pending
}

func (s *Server) balance(account string) (available, pending vouchers.Cents) {
	for _, b := range s.bookings[account] {
		if b.available() {
			available += b.amount - b.fee
		} else {
			pending += b.amount - b.fee
		}
	}
	return available, pending
}

// payout is money on its way from a balance to its owner's bank.
type payout struct {
	id, account, status, failure, descriptor, destination string
	amount                                                vouchers.Cents
	metadata                                              map[string]string
	createdAt, arrivesOn                                  time.Time
}

func (p *payout) kind() string { return "payout" }

func (p *payout) view() object {
	return object{"id": p.id, "object": p.kind(), "amount": p.amount, "currency": "eur", "status": p.status, "metadata": p.metadata,
		"failure_code": p.failure, "created": p.createdAt.Unix(), "arrival_date": p.arrivesOn.Unix(), "statement_descriptor": p.descriptor}
}

func (s *Server) createPayout(account string, form url.Values) (int, object) {
	p := &payout{id: s.id("po"), account: account, status: "pending", descriptor: form.Get("statement_descriptor"), destination: form.Get("destination"),
		amount: cents(form, "amount"), metadata: metadata(form), createdAt: s.now(), arrivesOn: s.now().Add(48 * time.Hour)}
	if len(p.descriptor) > 22 {
		return failed(http.StatusBadRequest, "", "statement_descriptor has more than 22 characters")
	}
	if available, _ := s.balance(account); p.amount < 1 || p.amount > available {
		return failed(http.StatusBadRequest, "balance_insufficient", "not that much is available")
	}
	s.move(account, "payout", -p.amount)
	s.payouts[p.id] = p
	s.emitOn(account, "payout.created", p)
	return http.StatusOK, p.view()
}

// payout reads one of the account's: others' are not there for it.
func (s *Server) payout(account, id string) (int, object) {
	if p, there := s.payouts[id]; there && p.account == account {
		return http.StatusOK, p.view()
	}
	return failed(http.StatusNotFound, "resource_missing", "no such payout")
}

func (s *Server) listPayouts(account string, form url.Values) (int, object) {
	var all []object
	for n := s.lastID; n > 0; n-- {
		if p := s.payouts[numbered("po", n)]; p != nil && p.account == account {
			all = append(all, p.view())
		}
	}
	return paged("/v1/payouts", form, all)
}

// Sent is a payout as the bank will show it, on the account of that destination.
type Sent struct {
	ID, Descriptor, Destination string
	Amount                      vouchers.Cents
}

// Sent lists payouts to our bank that Stripe has sent and that have not failed, oldest first.
func (s *Server) Sent() []Sent { return s.SentBy(ourselves) }

// SentBy lists those of a connected account to its own bank.
func (s *Server) SentBy(account string) (all []Sent) {
	s.locked(func() {
		for n := 1; n <= s.lastID; n++ {
			if p := s.payouts[numbered("po", n)]; p != nil && p.account == account && p.status != "failed" {
				all = append(all, Sent{p.id, p.descriptor, p.destination, p.amount})
			}
		}
	})
	return all
}

// PayoutArrives is the bank having the money.
func (s *Server) PayoutArrives(id string) {
	s.locked(func() {
		p := must(s.payouts, id)
		p.status = "paid"
		s.emitOn(p.account, "payout.paid", p)
	})
}

// PayoutFails is the bank refusing the money, even after it was said to have arrived. The
// money is on its balance again.
func (s *Server) PayoutFails(id string) {
	s.locked(func() {
		p := must(s.payouts, id)
		p.status, p.failure = "failed", "account_closed"
		s.move(p.account, "payout_failure", p.amount)
		s.emitOn(p.account, "payout.failed", p)
	})
}

// refund is money on its way back to a payer.
type refund struct {
	id, status, failure string
	of                  *session
	amount              vouchers.Cents
	metadata            map[string]string
}

func (r *refund) kind() string { return "refund" }

func (r *refund) view() object {
	return object{"id": r.id, "object": r.kind(), "payment_intent": r.of.intentView(), "amount": r.amount, "currency": "eur",
		"status": r.status, "failure_reason": r.failure, "metadata": r.metadata}
}

func (s *Server) createRefund(form url.Values) (int, object) {
	paid := s.paidBy(form.Get("payment_intent"))
	amount := cents(form, "amount")
	switch {
	case paid == nil:
		return failed(http.StatusNotFound, "resource_missing", "no such payment")
	case paid.charge.disputed:
		return failed(http.StatusBadRequest, "charge_disputed", "the payment is disputed")
	case amount < 1 || amount > paid.amount-paid.charge.refunded:
		return failed(http.StatusBadRequest, "amount_too_large", "more than is left of the payment")
	}
	return http.StatusOK, s.giveBack(paid, amount, metadata(form)).view()
}

// giveBack begins a refund: a card's is done at once, others take days.
func (s *Server) giveBack(paid *session, amount vouchers.Cents, metadata map[string]string) *refund {
	r := &refund{id: s.id("re"), of: paid, status: "pending", amount: amount, metadata: metadata}
	if paid.means == "card" {
		r.status = "succeeded"
	}
	paid.charge.refunded += amount
	s.book("refund", -amount, 0, 0)
	s.refunds[r.id] = r
	s.emit("refund.created", r)
	return r
}

// listRefunds gives those of a payment, the latest first, on one page.
func (s *Server) listRefunds(form url.Values) (int, object) {
	page := []object{}
	for n := s.lastID; n > 0; n-- {
		if r := s.refunds[numbered("re", n)]; r != nil && r.of.intent == form.Get("payment_intent") {
			page = append(page, r.view())
		}
	}
	return http.StatusOK, object{"object": "list", "url": "/v1/refunds", "has_more": false, "data": page}
}

// RefundByHand is somebody giving a payment back on Stripe's own pages.
func (s *Server) RefundByHand(page string, amount vouchers.Cents) (id string) {
	s.act(page, func(one *session) { id = s.giveBack(one, amount, nil).id })
	return id
}

// RefundArrives is the payer having the money.
func (s *Server) RefundArrives(id string) {
	s.locked(func() {
		r := must(s.refunds, id)
		r.status = "succeeded"
		s.emit("charge.refund.updated", r)
	})
}

// RefundFails is the payer's bank refusing the money.
func (s *Server) RefundFails(id string) {
	s.locked(func() {
		r := must(s.refunds, id)
		if r.status == "failed" {
			return
		}
		r.status, r.failure = "failed", "expired_or_canceled_card"
		r.of.charge.refunded -= r.amount
		s.book("refund_failure", r.amount, 0, 0)
		s.emit("charge.refund.updated", r)
	})
}

// dispute is a payment that the payer's bank asks back.
type dispute struct {
	id, status string
	of         *session
	amount     vouchers.Cents
	booked     []*booking
}

func (d *dispute) kind() string { return "dispute" }

func (d *dispute) view() object {
	booked := []object{}
	for _, b := range d.booked {
		booked = append(booked, b.view())
	}
	return object{"id": d.id, "object": d.kind(), "payment_intent": d.of.intentView(), "amount": d.amount, "currency": "eur",
		"status": d.status, "reason": "general", "balance_transactions": booked}
}

// disputeFee is what Stripe takes for a dispute.
const disputeFee vouchers.Cents = 2000

// Dispute is the payer's bank asking a payment back: a card's may be won, a debit's is
// lost from the start.
func (s *Server) Dispute(id string) (disputed string) {
	s.act(id, func(one *session) {
		d := &dispute{id: s.id("dp"), of: one, status: "needs_response", amount: one.amount - one.charge.refunded}
		d.booked = append(d.booked, s.book("adjustment", -d.amount, disputeFee, 0))
		one.charge.disputed = true
		s.disputes[d.id] = d
		disputed = d.id
		s.emit("charge.dispute.created", d)
		if one.means == "sepa_debit" {
			d.status = "lost"
			s.emit("charge.dispute.closed", d)
		}
	})
	return disputed
}

// CloseDispute is the payer's bank deciding. What is won comes back, the fee with it.
func (s *Server) CloseDispute(id string, won bool) {
	s.locked(func() {
		d := must(s.disputes, id)
		d.status = "lost"
		if won {
			d.status = "won"
			d.booked = append(d.booked, s.book("adjustment", d.amount, -disputeFee, 0))
			s.emit("charge.dispute.funds_reinstated", d)
		}
		s.emit("charge.dispute.closed", d)
	})
}

// paidBy is the page whose payment the intent is, nil when it is not paid.
func (s *Server) paidBy(intent string) *session {
	for _, one := range s.sessions {
		if one.intent == intent && one.charge != nil {
			return one
		}
	}
	return nil
}

func must[T any](all map[string]T, id string) T {
	one, there := all[id]
	if !there {
		panic("stripefake: there is no " + id)
	}
	return one
}

// TakeAway lowers what can be paid out, as a negative balance of another day would, until
// the function that it returns is called.
func (s *Server) TakeAway(amount vouchers.Cents) (restore func()) {
	s.locked(func() { s.book("reserve_transaction", -amount, 0, 0) })
	return func() { s.locked(func() { s.book("reserve_transaction", amount, 0, 0) }) }
}

// Refunds are the ids of all refunds, oldest first.
func (s *Server) Refunds() (ids []string) {
	s.locked(func() {
		for n := 1; n <= s.lastID; n++ {
			if r := s.refunds[numbered("re", n)]; r != nil {
				ids = append(ids, r.id)
			}
		}
	})
	return ids
}

// Left is how much of a page's payment has not gone back, and may; 0 while it is disputed.
func (s *Server) Left(id string) (left vouchers.Cents) {
	s.act(id, func(one *session) {
		if one.charge != nil && !one.charge.disputed {
			left = one.amount - one.charge.refunded
		}
	})
	return left
}

package stripefake

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// session is a page with its payment.
type session struct {
	id, means string
	amount    vouchers.Cents
	metadata  map[string]string
	expiresAt time.Time
	status    string // open, complete, expired
	intent    string // "" until the payer is done
	intended  string // the intent's status
	arrived   vouchers.Cents
	charge    *charge

	now func() time.Time
}

// charge is a payment that succeeded.
type charge struct {
	id       string
	booked   *booking
	refunded vouchers.Cents
	disputed bool
}

// fee is about what Stripe takes in Europe.
func fee(means string, amount vouchers.Cents) vouchers.Cents {
	if means == "card" {
		return amount*15/1000 + 25
	}
	return 35
}

func (s *Server) createSession(form url.Values) (int, object) {
	made := &session{
		id: s.id("cs_test"), means: form.Get("payment_method_types[0]"), metadata: metadata(form), status: "open", now: s.now,
	}
	unix, _ := strconv.ParseInt(form.Get("expires_at"), 10, 64)
	made.expiresAt = time.Unix(unix, 0)
	for i := 0; form.Has(fmt.Sprintf("line_items[%d][quantity]", i)); i++ {
		made.amount += cents(form, fmt.Sprintf("line_items[%d][price_data][unit_amount]", i))
	}
	if life := made.expiresAt.Sub(s.now()); life < 30*time.Minute-time.Second || life > 24*time.Hour {
		return failed(http.StatusBadRequest, "", "expires_at must be half an hour to a day from now")
	}
	if made.amount < 50 {
		return failed(http.StatusBadRequest, "amount_too_small", "half a euro at least")
	}
	if made.means == "customer_balance" && form.Get("customer") == "" {
		return failed(http.StatusBadRequest, "parameter_missing", "a bank transfer needs a customer")
	}
	s.sessions[made.id] = made
	return http.StatusOK, made.view()
}

func (s *Server) expireSession(id string) (int, object) {
	one, there := s.sessions[id]
	if !there || one.state() != "open" {
		return failed(http.StatusBadRequest, "", "only an open page can be closed")
	}
	one.status = "expired"
	s.emit("checkout.session.expired", one)
	return http.StatusOK, one.view()
}

// state is the page's status now: nobody can pay on it after its time.
func (one *session) state() string {
	if one.status == "open" && !one.now().Before(one.expiresAt) {
		return "expired"
	}
	return one.status
}

func (one *session) kind() string { return "checkout.session" }

func (one *session) view() object {
	o := object{
		"id": one.id, "object": one.kind(), "amount_total": one.amount, "currency": "eur", "metadata": one.metadata,
		"mode": "payment", "status": one.state(), "payment_status": "unpaid", "expires_at": one.expiresAt.Unix(),
	}
	if one.state() == "open" {
		o["url"] = "https://checkout.stripe.example/" + one.id
	}
	if one.charge != nil {
		o["payment_status"] = "paid"
	}
	if one.intent != "" {
		o["payment_intent"] = one.intentView()
	}
	return o
}

func (one *session) intentView() object {
	o := object{"id": one.intent, "object": "payment_intent", "amount": one.amount, "currency": "eur",
		"status": one.intended, "metadata": one.metadata}
	if one.intended == "requires_action" {
		o["next_action"] = object{"type": "display_bank_transfer_instructions", "display_bank_transfer_instructions": object{
			"amount_remaining": one.amount - one.arrived, "currency": "eur", "hosted_instructions_url": "https://payments.stripe.example/" + one.intent}}
	}
	if c := one.charge; c != nil {
		o["latest_charge"] = object{"id": c.id, "object": "charge", "amount": one.amount, "currency": "eur", "paid": true,
			"disputed": c.disputed, "amount_refunded": c.refunded, "balance_transaction": c.booked.view()}
	}
	return o
}

// intent shows a session's payment as an object of its own.
type intent struct{ *session }

func (i intent) kind() string { return "payment_intent" }
func (i intent) view() object { return i.intentView() }

// Pay is the payer filling in the page, where it is still open. A card is charged at once;
// a debit and a transfer are on their way.
func (s *Server) Pay(id string) (open bool) {
	s.act(id, func(one *session) {
		if open = one.state() == "open"; !open {
			return
		}
		one.status, one.intent = "complete", s.id("pi")
		switch one.means {
		case "card":
			s.charge(one)
		case "sepa_debit":
			one.intended = "processing"
		default:
			one.intended = "requires_action"
		}
		s.emit("checkout.session.completed", one)
	})
	return open
}

// DebitSucceeds is the payer's bank paying a direct debit, days later.
func (s *Server) DebitSucceeds(id string) {
	s.act(id, func(one *session) {
		s.charge(one)
		s.emit("checkout.session.async_payment_succeeded", one)
	})
}

// DebitFails is the payer's bank refusing a direct debit, days later.
func (s *Server) DebitFails(id string) {
	s.act(id, func(one *session) {
		one.intended = "requires_payment_method"
		s.emit("checkout.session.async_payment_failed", one)
	})
}

// Transfer is money arriving on the account that Stripe opened for the payer. What
// comes above the payment stays there.
func (s *Server) Transfer(id string, amount vouchers.Cents) {
	s.act(id, func(one *session) {
		one.arrived += amount
		if one.arrived < one.amount {
			s.emit("payment_intent.partially_funded", intent{one})
			return
		}
		s.charge(one)
		s.emit("checkout.session.async_payment_succeeded", one)
	})
}

func (s *Server) charge(one *session) {
	one.intended = "succeeded"
	one.charge = &charge{id: s.id("ch"), booked: s.book("charge", one.amount, fee(one.means, one.amount), s.Delay)}
}

// Open is the page that was made for a name of ours.
func (s *Server) Open(ours string) (id string) {
	s.locked(func() {
		for _, one := range s.sessions {
			if one.metadata["passerelle"] == ours {
				id = one.id
			}
		}
	})
	return id
}

func (s *Server) act(id string, do func(*session)) {
	s.locked(func() {
		one, there := s.sessions[id]
		if !there {
			panic("stripefake: there is no session " + id)
		}
		do(one)
	})
}

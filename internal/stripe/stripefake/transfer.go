package stripefake

import (
	"net/http"
	"net/url"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// transfer is money moved from our balance to a connected account's.
type transfer struct {
	id, group, destination string
	amount, reversed       vouchers.Cents
	metadata               map[string]string
	createdAt              time.Time
}

func (t *transfer) kind() string { return "transfer" }

func (t *transfer) view() object {
	return object{"id": t.id, "object": t.kind(), "amount": t.amount, "amount_reversed": t.reversed, "reversed": t.reversed == t.amount, "currency": "eur",
		"destination": t.destination, "transfer_group": t.group, "metadata": t.metadata, "created": t.createdAt.Unix()}
}

func (s *Server) createTransfer(form url.Values) (int, object) {
	to, there := s.connected[form.Get("destination")]
	amount := cents(form, "amount")
	available, _ := s.balance(ourselves)
	switch {
	case amount < 1:
		return failed(http.StatusBadRequest, "parameter_invalid_integer", "a cent at least")
	case form.Get("currency") != "eur":
		return failed(http.StatusBadRequest, "", "the balance is in euros")
	case !there:
		return failed(http.StatusBadRequest, "resource_missing", "no such destination")
	case !to.active:
		return failed(http.StatusBadRequest, "insufficient_capabilities_for_transfer", "the destination may not receive transfers")
	case amount > available:
		return failed(http.StatusBadRequest, "balance_insufficient", "not that much is available")
	}
	t := &transfer{id: s.id("tr"), group: form.Get("transfer_group"), destination: to.id, amount: amount, metadata: metadata(form), createdAt: s.now()}
	s.transfers[t.id] = t
	s.move(ourselves, "transfer", -amount)
	s.move(to.id, "payment", amount)
	s.emit("transfer.created", t)
	return http.StatusOK, t.view()
}

// reverse takes back all that is left of a transfer, or a part, where the account has it.
func (s *Server) reverse(id string, form url.Values) (int, object) {
	t, there := s.transfers[id]
	if !there {
		return failed(http.StatusNotFound, "resource_missing", "no such transfer")
	}
	amount := t.amount - t.reversed
	if form.Has("amount") {
		amount = cents(form, "amount")
	}
	available, _ := s.balance(t.destination)
	switch {
	case amount < 1 || amount > t.amount-t.reversed:
		return failed(http.StatusBadRequest, "", "more than is left of the transfer")
	case amount > available:
		return failed(http.StatusBadRequest, "balance_insufficient", "the account does not have that much")
	}
	t.reversed += amount
	s.move(t.destination, "payment_refund", -amount)
	s.move(ourselves, "transfer_refund", amount)
	s.emit("transfer.reversed", t)
	return http.StatusOK, object{"id": s.id("trr"), "object": "transfer_reversal", "amount": amount, "currency": "eur",
		"transfer": t.id, "metadata": metadata(form), "created": s.now().Unix()}
}

func (s *Server) listTransfers(form url.Values) (int, object) {
	if form.Has("transfer_group") && form.Get("transfer_group") == "" {
		return failed(http.StatusBadRequest, "parameter_invalid_empty", "the group has no name")
	}
	var all []object
	for n := s.lastID; n > 0; n-- {
		t := s.transfers[numbered("tr", n)]
		if t != nil && (!form.Has("transfer_group") || t.group == form.Get("transfer_group")) {
			all = append(all, t.view())
		}
	}
	return paged("/v1/transfers", form, all)
}

// topUp is money that we sent to our balance.
type topUp struct {
	id, status string
	amount     vouchers.Cents
	createdAt  time.Time
}

func (t *topUp) kind() string { return "topup" }

func (t *topUp) view() object {
	return object{"id": t.id, "object": t.kind(), "amount": t.amount, "currency": "eur", "status": t.status, "created": t.createdAt.Unix()}
}

func (s *Server) listTopUps(form url.Values) (int, object) {
	var all []object
	for n := s.lastID; n > 0; n-- {
		if t := s.topUps[numbered("tu", n)]; t != nil {
			all = append(all, t.view())
		}
	}
	return paged("/v1/topups", form, all)
}

// TopUp is a bank transfer of ours arriving at Stripe, available at once.
func (s *Server) TopUp(amount vouchers.Cents) (id string) {
	s.locked(func() {
		t := &topUp{id: s.id("tu"), status: "pending", amount: amount, createdAt: s.now()}
		s.topUps[t.id] = t
		s.emit("topup.created", t)
		t.status = "succeeded"
		s.move(ourselves, "topup", amount)
		s.emit("topup.succeeded", t)
		id = t.id
	})
	return id
}

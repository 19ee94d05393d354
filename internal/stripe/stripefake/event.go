package stripefake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// event is what happened, with the object as it was then.
type event struct {
	id, name, account string
	body              object
}

// thing is what an event may be about.
type thing interface {
	kind() string
	view() object
}

func (s *Server) emit(name string, about thing) { s.emitOn(ourselves, name, about) }

// emitOn says on whose account it happened.
func (s *Server) emitOn(account, name string, about thing) {
	id, at := s.id("evt"), s.now()
	snapshot := about.view()
	if intent, expanded := snapshot["payment_intent"].(object); expanded {
		snapshot["payment_intent"] = intent["id"] // an event's objects are never expanded
	}
	body := object{"id": id, "object": "event", "api_version": "2023-10-16", "type": name, "created": at.Unix(), "data": object{"object": snapshot}}
	if account != ourselves {
		body["account"] = account
	}
	s.events = append(s.events, event{id, name, account, body})
}

// Delivery is an event as Stripe posts it to a webhook.
type Delivery struct {
	ID, Type  string
	Body      []byte
	Signature string // the header Stripe-Signature
}

// Deliveries are all events so far, those of connected accounts too, oldest first, signed now. Nobody delivers them
// unless the test does.
func (s *Server) Deliveries() (all []Delivery) {
	s.locked(func() {
		for _, e := range s.events {
			body, err := json.Marshal(e.body)
			if err != nil {
				panic(err)
			}
			all = append(all, Delivery{e.id, e.name, body, Sign(s.webhookSecret, s.now(), body)})
		}
	})
	return all
}

// Sign makes the header Stripe-Signature of a message.
func Sign(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%x", at.Unix(), mac.Sum(nil))
}

// listEvents gives the latest first. What happens on other accounts is on their own lists.
func (s *Server) listEvents(account string, form url.Values) (int, object) {
	var wanted []string
	for i := 0; form.Has(fmt.Sprintf("types[%d]", i)); i++ {
		wanted = append(wanted, form.Get(fmt.Sprintf("types[%d]", i)))
	}
	if len(wanted) > 20 {
		return failed(http.StatusBadRequest, "", "twenty types at most")
	}
	var all []object
	for _, e := range slices.Backward(s.events) {
		if e.account == account && slices.Contains(wanted, e.name) {
			all = append(all, e.body)
		}
	}
	return paged("/v1/events", form, all)
}

// paged is the page of a list that the form asks for: what was created since a time, after
// another object of the list. The newest are first in all.
func paged(address string, form url.Values, all []object) (int, object) {
	since, _ := strconv.ParseInt(form.Get("created[gte]"), 10, 64)
	limit, err := strconv.Atoi(form.Get("limit"))
	if err != nil {
		limit = 10
	}
	if limit < 1 || limit > 100 {
		return failed(http.StatusBadRequest, "", "a page has 1 to 100 objects")
	}
	page, more := []object{}, false
	after := form.Get("starting_after")
	begun := after == ""
	for _, one := range all {
		switch {
		case !begun:
			begun = one["id"] == after
		case one["created"].(int64) < since:
		case len(page) == limit:
			more = true
		default:
			page = append(page, one)
		}
	}
	if !begun {
		return failed(http.StatusBadRequest, "resource_missing", "no such object to start after")
	}
	return http.StatusOK, object{"object": "list", "url": address, "has_more": more, "data": page}
}

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
	id, name string
	at       time.Time
	body     object
}

// thing is what an event may be about.
type thing interface {
	kind() string
	view() object
}

func (s *Server) emit(name string, about thing) {
	id, at := s.id("evt"), s.now()
	snapshot := about.view()
	if intent, expanded := snapshot["payment_intent"].(object); expanded {
		snapshot["payment_intent"] = intent["id"] // an event's objects are never expanded
	}
	s.events = append(s.events, event{id, name, at, object{
		"id": id, "object": "event", "api_version": "2023-10-16", "type": name, "created": at.Unix(), "data": object{"object": snapshot}}})
}

// Delivery is an event as Stripe posts it to a webhook.
type Delivery struct {
	ID, Type  string
	Body      []byte
	Signature string // the header Stripe-Signature
}

// Deliveries are all events so far, oldest first, signed now. Nobody delivers them
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

// listEvents gives the latest first, page by page.
func (s *Server) listEvents(form url.Values) (int, object) {
	since, _ := strconv.ParseInt(form.Get("created[gte]"), 10, 64)
	limit, _ := strconv.Atoi(form.Get("limit"))
	var wanted []string
	for i := 0; form.Has(fmt.Sprintf("types[%d]", i)); i++ {
		wanted = append(wanted, form.Get(fmt.Sprintf("types[%d]", i)))
	}
	page, more := []object{}, false
	begun := form.Get("starting_after") == ""
	for _, e := range slices.Backward(s.events) {
		switch {
		case !begun:
			begun = e.id == form.Get("starting_after")
		case e.at.Unix() < since || !slices.Contains(wanted, e.name):
		case len(page) == max(limit, 1):
			more = true
		default:
			page = append(page, e.body)
		}
	}
	return http.StatusOK, object{"object": "list", "url": "/v1/events", "has_more": more, "data": page}
}

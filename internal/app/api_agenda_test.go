package app

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"strings"
	"time"
)

// meets publishes sessions of a place and calls one off.
func (s *city) meets(nobody, structure *citizen, place int64) {
	s.t.Helper()
	at := fmt.Sprintf("/places/%d", place)
	services := nobody.gets(at).wants(200).items("services")
	begins := s.clock.Now().Add(72 * time.Hour)
	session := thing{"service": services[0]["id"], "starts_at": begins, "ends_at": begins.Add(time.Hour), "seats": 6, "times": 2}
	published := structure.posts(at+"/sessions", session).items("items")
	if len(published) != 2 {
		s.t.Fatalf("published %v", published)
	}
	first := fmt.Sprintf("/sessions/%v", published[0]["id"])
	structure.writes("DELETE", first, thing{"reason": ""}).refuses(422, "cancel_reason_length")
	structure.writes("DELETE", first, thing{"reason": "Travaux"}).wants(200).is("cancel_reason", `"Travaux"`)
	structure.writes("DELETE", first, thing{"reason": "Travaux encore"}).refuses(409, "session_cancelled")
	if coming := nobody.gets(at + "/sessions").wants(200).items("items"); len(coming) != 2 {
		s.t.Errorf("coming %v", coming)
	}
	nobody.gets(first).wants(200).is("seats_taken", "0")
	second := fmt.Sprintf("/sessions/%v", published[1]["id"])
	structure.puts(second, thing{"starts_at": begins.Add(48 * time.Hour), "ends_at": begins.Add(49 * time.Hour), "seats": 1, "note": "Salle 2"}).is("changes", "1").is("seats", "1")
	structure.writes("PUT", second, thing{"starts_at": begins, "ends_at": begins, "seats": 1}).refuses(422, "session_times")
	slots := thing{"service": services[0]["id"], "weekdays": []int{1, 3}, "from": "14:00", "until": "16:00", "minutes": 45, "first_day": "2026-03-23", "weeks": 2}
	if made := structure.posts(at+"/slots", slots).wants(201).items("items"); len(made) != 8 || made[0]["kind"] != "slot" {
		s.t.Errorf("slots %v", made)
	}
	structure.writes("POST", at+"/slots", slots).refuses(409, "slots_none")
	structure.withKey("short").writes("POST", "/agenda/feed", nil).refuses(422, "idempotency_key_length")
	feed := structure.posts("/agenda/feed", nil).wants(201).says("address")
	if calendar := s.page(feed); strings.Count(calendar, "BEGIN:VEVENT") != 10 || !strings.Contains(calendar, "(0/1)") {
		s.t.Errorf("the calendar at %s: %s", feed, calendar)
	}
	session["seats"] = 0
	structure.writes("POST", at+"/sessions", session).refuses(422, "seats_out_of_range")
}

// books lets a prescriber and a place book sessions, and says what became of it.
func (s *city) books(prescriber, structure *citizen, place, campaign int64) {
	s.t.Helper()
	at := fmt.Sprintf("/places/%d", place)
	offer := structure.gets(at).items("services")[0]["id"]
	publish := func(in time.Duration) string {
		begins := s.clock.Now().Add(in)
		made := structure.posts(at+"/sessions", thing{"service": offer, "starts_at": begins, "ends_at": begins.Add(time.Hour), "seats": 1}).items("items")
		return fmt.Sprint(made[0]["id"])
	}
	first, later := publish(50*time.Hour), publish(75*time.Hour)
	booklet, other := prescriber.posts("/handovers", thing{"campaign": campaign, "count": 2}), prescriber.posts("/handovers", thing{"campaign": campaign, "count": 2})
	ask := func(session string, more thing) thing {
		maps.Copy(more, thing{"session": json.Number(session)})
		return more
	}
	seat := prescriber.posts("/bookings", ask(first, thing{"booklet": booklet.id(), "email": "ada@example.org"})).wants(201).is("state", `"booked"`).is("vouchers", "2").is("no_show", `"one"`)
	structure.writes("POST", "/vouchers/check", thing{"code": booklet.says("typed")}).wants(200).is("vouchers_held", "2").is("vouchers_here", "2")
	structure.writes("POST", "/bookings", ask(first, thing{"code": other.says("typed")})).refuses(409, "session_full")
	structure.writes("POST", "/bookings", ask(first, thing{"code": "?"})).refuses(400, "code_malformed")
	line := structure.posts("/bookings", ask(first, thing{"code": other.says("typed"), "wait": true})).is("state", `"waiting"`)
	mine := fmt.Sprintf("/bookings/%d", seat.id())
	prescriber.gets(mine).wants(200).is("email", `"ada@example.org"`)
	prescriber.posts(mine+"/move", ask(later, thing{})).wants(200).is("session", later)
	if there := structure.gets("/sessions/" + first + "/bookings").wants(200).items("items"); len(there) != 1 || there[0]["state"] != "booked" {
		s.t.Errorf("whoever waited has no seat: %v", there)
	}
	structure.writes("POST", mine+"/no-show", nil).refuses(409, "no_show_early")
	structure.writes("DELETE", fmt.Sprintf("/bookings/%d", line.id()), nil).wants(200).is("state", `"cancelled"`)
	s.clock.Add(80 * time.Hour)
	structure.posts(mine+"/no-show", nil).wants(200).is("state", `"no_show"`).is("charged", "1")
	structure.writes("DELETE", mine, nil).refuses(409, "booking_ended")
}

// page reads what is at an address of ours.
func (s *city) page(address string) string {
	s.t.Helper()
	_, path, _ := strings.Cut(address, "/agenda/")
	r := httptest.NewRequest("GET", "/agenda/"+path, nil)
	r.Host = "localhost:8080"
	answer, err := s.program.server.App.Test(r, 20_000)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

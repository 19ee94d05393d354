package app

import (
	"fmt"
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
	session["seats"] = 0
	structure.writes("POST", at+"/sessions", session).refuses(422, "seats_out_of_range")
}

package app

import (
	"fmt"
	"time"
)

// contribute lets anybody say what is wrong about a place's card and translate it; its
// structure decides, and confirms the card.
func (s *city) contribute(nobody, structure, operator *citizen, place int64) {
	s.t.Helper()
	at := fmt.Sprintf("/places/%d", place)
	phone := thing{"field": "phone", "value": "04 50 11 22 33", "reason": "J’ai appelé.", "email_to_tell": "ana@example.org"}
	first := nobody.posts(at+"/reports", phone).object["report"]
	if again := nobody.posts(at+"/reports", phone).object["report"]; again != first {
		s.t.Errorf("the same report is %v and %v", first, again)
	}
	for code, wrong := range map[string]thing{
		"report_field_unknown": {"field": "colour", "value": "x"}, "report_value_missing": {"field": "phone"}, "report_reason_missing": {"field": "closed"},
		"follower_malformed": {"field": "other", "value": "x", "email_to_tell": "ana"}, "correction_phone_invalid": {"field": "phone", "value": "douze"},
	} {
		nobody.writes("POST", at+"/reports", wrong).refuses(422, code)
	}
	waiting := structure.gets("/contributions").wants(200).items("reports")
	if len(waiting) != 1 || waiting[0]["value"] != "+33450112233" {
		s.t.Fatalf("waiting %v", waiting)
	}
	decision := fmt.Sprintf("/reports/%v/decision", first)
	operator.writes("POST", decision, thing{"accepted": true}).refuses(404, "not_found")
	structure.writes("POST", decision, thing{"accepted": false}).refuses(422, "refusal_reason_missing")
	structure.posts(decision, thing{"accepted": true, "answer": "Merci !"}).is("accepted", "true")
	structure.writes("POST", decision, thing{"accepted": true}).refuses(409, "contribution_decided")
	nobody.gets(at).wants(200).is("phone", `"+33450112233"`)
	nobody.writes("POST", at+"/reports", phone).refuses(409, "report_known")

	structure.writes("PATCH", at, thing{"presentation": "Nous vous aidons."}).wants(200)
	arabic := thing{"language": "ar", "author": "Samia", "texts": []thing{{"field": "presentation", "text": "نساعدكم"}}}
	proposed := nobody.posts(at+"/translations", arabic).object["translation"]
	for code, wrong := range map[string]thing{
		"translation_language_unknown": {"language": "fr", "author": "x", "texts": []thing{{"field": "presentation", "text": "x"}}},
		"translation_empty":            {"language": "ar", "author": "x", "texts": []thing{}},
		"translation_author_missing":   {"language": "ar", "author": "", "texts": []thing{{"field": "presentation", "text": "x"}}},
		"translation_part_unknown":     {"language": "ar", "author": "x", "texts": []thing{{"field": "title", "service": 999, "text": "x"}}},
	} {
		nobody.writes("POST", at+"/translations", wrong).refuses(422, code)
	}
	structure.posts(fmt.Sprintf("/translations/%v/decision", proposed), thing{"accepted": true})
	if published := nobody.gets(at + "/translations").wants(200).items("items"); len(published) != 1 || published[0]["language"] != "ar" {
		s.t.Errorf("published %v", published)
	}
	if left := structure.posts(at+"/translations/retraction", thing{"language": "ar"}).items("items"); len(left) != 0 {
		s.t.Errorf("left %v", left)
	}
	structure.posts(at+"/confirmation", nil).is("stale", "false")
}

// floods sends more reports than one place may have open, from one address over some hours.
func (s *city) floods(nobody *citizen, place int64) {
	s.t.Helper()
	at := fmt.Sprintf("/places/%d/reports", place)
	long := ""
	for range 600 {
		long += "é"
	}
	nobody.writes("POST", at, thing{"field": "other", "value": long}).refuses(422, "contribution_too_long")
	for i := range 30 {
		if i%8 == 0 {
			s.clock.Add(31 * time.Minute)
		}
		nobody.posts(at, thing{"field": "other", "value": fmt.Sprint("mot ", i)})
	}
	s.clock.Add(31 * time.Minute)
	nobody.writes("POST", at, thing{"field": "other", "value": "un de trop"}).refuses(429, "contributions_too_many")
}

package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/sepa"
)

// TestEachRefusalIsAsDescribed asks for what is not given. The harness holds every answer
// against the description: its form, its status, and that its code is one of the call's.
func TestEachRefusalIsAsDescribed(t *testing.T) {
	t.Parallel()
	s, operator := openCity(t)
	nobody, stranger, narrow := &citizen{city: s}, &citizen{city: s, token: "psl_made-up"}, s.signIn("operator@passerelle.example", "correct horse battery", "reports")
	funder, _ := operator.opens("funder", "Département de la Haute-Savoie", "")
	prescriber, ccas := operator.opens("prescriber", "CCAS de Thônes", "")
	structure, _ := operator.opens("structure", "Le Relais", "73282932000074")

	settle := func() reply { return operator.writes("POST", "/settlements", thing{}) }
	settle().refuses(409, "nothing_to_settle")
	place, _ := s.labels(operator, structure)
	campaign, order := s.funds(operator, funder, ccas)
	booklet := s.handsOver(prescriber, campaign)
	s.redeems(structure, booklet)

	redeem := func(changes thing) reply {
		ask := thing{"code": booklet.says("typed"), "count": 1, "service_theme": "everyday_tools", "duration_minutes": 60, "mode": "individual"}
		for name, value := range changes {
			ask[name] = value
		}
		return structure.withKey(fmt.Sprint(changes["key"], "-visit")).writes("POST", "/redemptions", without(ask, "key"))
	}
	spent := prescriber.posts("/handovers", thing{"campaign": campaign, "count": 1})
	structure.posts("/redemptions", thing{"code": spent.says("typed"), "count": 1, "service_theme": "everyday_tools", "duration_minutes": 60, "mode": "group"})
	lost := prescriber.posts("/handovers", thing{"campaign": campaign, "count": 1})
	prescriber.posts(fmt.Sprintf("/handovers/%d/freeze", lost.id()), thing{"frozen": true})
	latest := structure.gets("/redemptions").items("items")

	// At the counter.
	redeem(thing{"code": "ABCD-EFGH"}).refuses(400, "code_malformed")
	redeem(thing{"code": strings.Replace(booklet.says("qr"), "/C/", "/C/0", 1)}).refuses(400, "code_malformed")
	redeem(thing{"code": spent.says("typed")}).refuses(409, "voucher_already_redeemed").is("place", `"Le Relais numérique"`)
	redeem(thing{"code": lost.says("typed")}).refuses(409, "voucher_frozen")
	redeem(thing{"count": 4}).refuses(409, "insufficient_vouchers").is("asked", "4").is("left", "3")
	redeem(thing{"count": 0}).refuses(422, "count_out_of_range")
	redeem(thing{"service_theme": "online_safety"}).refuses(422, "service_not_eligible")
	redeem(thing{"service_theme": ""}).refuses(422, "service_theme_missing")
	redeem(thing{"duration_minutes": 1}).refuses(422, "duration_out_of_range")
	redeem(thing{"mode": "telepathy"}).refuses(422, "mode_unknown")
	redeem(thing{"code": 1}).refuses(422, "invalid_input").is("field", `"code"`)
	redeem(thing{"colour": "blue"}).refuses(422, "invalid_input").is("field", `"colour"`)
	redeem(thing{"count": 1, "key": "twice-0001"}).wants(201)
	redeem(thing{"count": 2, "key": "twice-0001"}).refuses(422, "idempotency_conflict")
	structure.withKey("short").writes("POST", "/redemptions", thing{}).refuses(422, "idempotency_key_length")
	structure.does("POST", "/redemptions", "application/json", "{").refuses(400, "malformed_body")
	structure.writes("POST", "/vouchers/check", thing{"code": "?"}).refuses(400, "code_malformed")
	undone := fmt.Sprintf("/redemptions/%v", latest[2]["id"])
	structure.writes("DELETE", undone, thing{"reason": "once more"}).refuses(409, "already_undone")
	structure.writes("DELETE", undone, thing{"reason": ""}).refuses(422, "undo_reason_missing")
	structure.writes("DELETE", "/redemptions/999", thing{"reason": "whatever"}).refuses(404, "not_found")

	// Who may.
	nobody.gets("/me").refuses(401, "unauthenticated")
	stranger.gets("/me").refuses(401, "token_unknown")
	stranger.gets("/places").refuses(401, "token_unknown")
	prescriber.writes("POST", "/redemptions", thing{}).refuses(403, "forbidden")
	narrow.writes("POST", "/settlements", thing{}).refuses(403, "scope_missing").is("scope", `"settlements"`)
	funder.gets("/campaigns/999").refuses(404, "not_found")
	funder.gets("/campaigns?before=x").refuses(422, "invalid_input")
	nobody.writes("POST", "/tokens", thing{"email": "operator@passerelle.example", "password": "wrong horse battery"}).refuses(401, "sign_in_failed")
	nobody.writes("POST", "/tokens", thing{"email": "operator@passerelle.example", "password": "correct horse battery", "label": "x", "days": 1, "scopes": []string{"everything"}}).
		refuses(422, "scope_unknown")
	operator.writes("POST", "/organisations", thing{"kind": "structure", "name": "Autre", "siret": "73282932000075", "admin": thing{}}).refuses(422, "siret_check")
	prescriber.writes("POST", "/members", thing{"name": "Alex", "email": "alex", "role": "agent"}).refuses(422, "email_malformed")
	prescriber.writes("DELETE", fmt.Sprintf("/members/%s", prescriber.gets("/me").says("id")), nil).refuses(409, "member_is_yourself")

	// Money.
	funder.writes("POST", "/campaigns", thing{"name": "x"}).refuses(422, "campaign_name_length")
	funder.writes("POST", "/campaigns", thing{"name": "Ailleurs", "face_cents": 1000, "booklet_size": 5, "starts_on": "2026-03-01", "ends_on": "2026-07-09",
		"price_cap": 4, "departements": []string{"999"}}).refuses(422, "area_code_unknown")
	funder.writes("POST", "/orders", thing{"campaign": campaign, "vouchers": 0}).refuses(422, "order_size_out_of_range")
	funder.writes("POST", "/allocations", thing{"campaign": campaign, "prescriber": ccas, "vouchers": 5}).refuses(409, "allocation_not_funded").is("free", "0")
	prescriber.writes("POST", "/handovers", thing{"campaign": campaign, "count": 90}).refuses(409, "allocation_used_up")
	prescriber.writes("POST", "/handovers", thing{"campaign": campaign, "insee": "00000"}).refuses(422, "commune_unknown")
	operator.does("POST", "/statements", "application/xml", "<Document/>").refuses(400, "statement_format_unknown")
	operator.does("POST", "/statements", "application/xml", strings.ReplaceAll(s.statement(true, sepa.Transaction{Amount: 1}), segregated.Full(), "FR1420041010050500013M02606")).
		refuses(422, "statement_other_account")
	operator.writes("POST", "/statements/lines/1/attribution", thing{"order": order}).refuses(409, "line_already_explained")
	operator.writes("POST", "/settlements", thing{"execution_on": "2026-03-15"}).refuses(422, "execution_not_a_working_day").is("next", `"2026-03-16"`)

	// Places.
	at := fmt.Sprintf("/places/%d", place)
	structure.writes("POST", at+"/claim", nil).refuses(409, "place_already_yours")
	structure.writes("PUT", at+"/services", thing{"services": []thing{{"theme": "magic", "price_vouchers": 1, "duration_minutes": 60}}}).refuses(422, "theme_unknown")
	structure.writes("PUT", "/bank-details", thing{"iban": "FR1520041010050500013M02606", "holder": "Le Relais"}).refuses(422, "iban_check")
	operator.writes("POST", at+"/labels", thing{"ends_on": "2028-03-09"}).refuses(409, "label_in_force")
	operator.writes("DELETE", "/labels/1", thing{"reason": ""}).refuses(422, "reason_missing")
	operator.does("POST", "/places/import?source=essai", "text/csv", "a,b\n").refuses(400, "import_columns_missing")

	// Later.
	s.clock.Add(200 * 24 * time.Hour)
	redeem(thing{}).refuses(409, "voucher_expired").is("on", `"2026-07-24"`)
	prescriber.writes("POST", "/handovers", thing{"campaign": campaign}).refuses(409, "campaign_over")
	funder.writes("POST", "/orders", thing{"campaign": campaign, "vouchers": 1}).refuses(409, "campaign_ended")
	structure.writes("DELETE", fmt.Sprintf("/redemptions/%v", latest[0]["id"]), thing{"reason": "too late"}).refuses(409, "undo_too_late")
	settle().wants(201)
	structure.writes("DELETE", fmt.Sprintf("/redemptions/%v", latest[0]["id"]), thing{"reason": "too late"}).refuses(409, "already_settled")
	for range 10 {
		nobody.writes("POST", "/tokens", thing{"email": "operator@passerelle.example", "password": "wrong horse battery"})
	}
	limited := nobody.writes("POST", "/tokens", thing{"email": "operator@passerelle.example", "password": "wrong horse battery"}).refuses(429, "rate_limited")
	if limited.header.Get("Retry-After") == "" {
		t.Error("nobody is told how long to wait")
	}
	if len(s.refused) < 45 {
		t.Errorf("only %d codes were told: the search itself is broken", len(s.refused))
	}
}

// refuses ends the test where the answer is no problem with that code.
func (r reply) refuses(status int, code string) reply {
	r.t.Helper()
	r.wants(status)
	return r.is("code", fmt.Sprintf("%q", code))
}

func without(all thing, name string) thing {
	delete(all, name)
	return all
}

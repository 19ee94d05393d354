package app

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
)

// quarrel is a city with everything in it that can be refused.
type quarrel struct {
	*city
	nobody, stranger, narrow, operator, funder, prescriber, structure *citizen

	ccas, place, campaign, order int64
	booklet, spent, lost         reply   // with three vouchers left; with none; frozen
	latest                       []thing // redemptions
}

// TestEachRefusalIsAsDescribed asks for what is not given. The harness holds every answer
// against the description: its form, its status, and that its code is one of the call's.
func TestEachRefusalIsAsDescribed(t *testing.T) {
	t.Parallel()
	s := newQuarrel(t)
	s.atTheCounter()
	s.whoMay()
	s.aboutMoney()
	s.aboutTheEnd()
	s.aboutPlaces()
	s.later()
	s.floods(s.nobody, s.place)
	if len(s.refused) < 45 {
		t.Errorf("only %d codes were told: the search itself is broken", len(s.refused))
	}
}

func newQuarrel(t *testing.T) *quarrel {
	t.Helper()
	c, operator := openCity(t)
	s := &quarrel{city: c, operator: operator, nobody: &citizen{city: c}, stranger: &citizen{city: c, token: "psl_made-up"},
		narrow: c.signIn("operator@passerelle.example", "correct horse battery", "reports")}
	s.funder, _ = operator.opens("funder", "Département de la Haute-Savoie", "")
	s.prescriber, s.ccas = operator.opens("prescriber", "CCAS de Thônes", "")
	s.structure, _ = operator.opens("structure", "Le Relais", "73282932000074")
	s.settle().refuses(409, "nothing_to_settle")
	s.place, _ = s.labels(operator, s.structure)
	s.campaign, s.order = s.funds(operator, s.funder, s.ccas)
	s.booklet = s.handsOver(s.prescriber, s.campaign)
	s.redeems(s.structure, s.booklet)
	one := thing{"campaign": s.campaign, "count": 1}
	s.spent, s.lost = s.prescriber.posts("/handovers", one), s.prescriber.posts("/handovers", one)
	s.redeem(thing{"code": s.spent.says("typed"), "key": "spent-0001"}).wants(201)
	s.prescriber.posts(fmt.Sprintf("/handovers/%d/freeze", s.lost.id()), thing{"frozen": true})
	s.latest = s.structure.gets("/redemptions").items("items")
	return s
}

func (s *quarrel) settle() reply { return s.operator.writes("POST", "/settlements", thing{}) }

// redeem asks for one voucher of the booklet, with changes; "key" is its key.
func (s *quarrel) redeem(changes thing) reply {
	s.t.Helper()
	ask := thing{"code": s.booklet.says("typed"), "count": 1, "service_theme": "everyday_tools", "duration_minutes": 60, "mode": "individual"}
	maps.Copy(ask, changes)
	key, _ := ask["key"].(string)
	delete(ask, "key")
	return s.structure.withKey(key).writes("POST", "/redemptions", ask)
}

func (s *quarrel) atTheCounter() {
	s.t.Helper()
	s.redeem(thing{"code": "ABCD-EFGH"}).refuses(400, "code_malformed")
	s.redeem(thing{"code": strings.Replace(s.booklet.says("qr"), "/C/", "/C/0", 1)}).refuses(400, "code_malformed")
	s.redeem(thing{"code": s.spent.says("typed")}).refuses(409, "voucher_already_redeemed").is("place", `"Le Relais numérique"`)
	s.redeem(thing{"code": s.lost.says("typed")}).refuses(409, "voucher_frozen")
	s.redeem(thing{"count": 4}).refuses(409, "insufficient_vouchers").is("asked", "4").is("left", "3")
	s.redeem(thing{"count": 0}).refuses(422, "count_out_of_range")
	s.redeem(thing{"service_theme": "online_safety"}).refuses(422, "service_not_eligible")
	s.redeem(thing{"service_theme": ""}).refuses(422, "service_theme_missing")
	s.redeem(thing{"duration_minutes": 1}).refuses(422, "duration_out_of_range")
	s.redeem(thing{"mode": "telepathy"}).refuses(422, "mode_unknown")
	s.redeem(thing{"code": 1}).refuses(422, "invalid_input").is("field", `"code"`)
	s.redeem(thing{"colour": "blue"}).refuses(422, "invalid_input").is("field", `"colour"`)
	s.redeem(thing{"count": 1, "key": "twice-0001"}).wants(201)
	s.redeem(thing{"count": 2, "key": "twice-0001"}).refuses(422, "idempotency_conflict")
	s.structure.withKey("short").writes("POST", "/redemptions", thing{}).refuses(422, "idempotency_key_length")
	s.structure.does("POST", "/redemptions", "application/json", "{").refuses(400, "malformed_body")
	s.structure.writes("POST", "/vouchers/check", thing{"code": "?"}).refuses(400, "code_malformed")
	undone := fmt.Sprintf("/redemptions/%v", s.latest[2]["id"])
	s.structure.writes("DELETE", undone, thing{"reason": "once more"}).refuses(409, "already_undone")
	s.structure.writes("DELETE", undone, thing{"reason": ""}).refuses(422, "undo_reason_missing")
	s.structure.writes("DELETE", "/redemptions/999", thing{"reason": "whatever"}).refuses(404, "not_found")
}

func (s *quarrel) whoMay() {
	s.t.Helper()
	s.nobody.gets("/me").refuses(401, "unauthenticated")
	s.stranger.gets("/me").refuses(401, "token_unknown")
	s.stranger.gets("/places").refuses(401, "token_unknown")
	s.prescriber.writes("POST", "/redemptions", thing{}).refuses(403, "forbidden")
	s.narrow.writes("POST", "/settlements", thing{}).refuses(403, "scope_missing").is("scope", `"settlements"`)
	s.funder.gets("/campaigns/999").refuses(404, "not_found")
	s.funder.gets("/campaigns?before=x").refuses(422, "invalid_input")
	s.nobody.writes("POST", "/tokens", thing{"email": "operator@passerelle.example", "password": "wrong horse battery"}).refuses(401, "sign_in_failed")
	s.nobody.writes("POST", "/tokens", thing{"email": "operator@passerelle.example", "password": "correct horse battery", "label": "x", "days": 1, "scopes": []string{"everything"}}).
		refuses(422, "scope_unknown")
	s.operator.writes("POST", "/organisations", thing{"kind": "structure", "name": "Autre", "siret": "73282932000075", "admin": thing{}}).refuses(422, "siret_check")
	s.prescriber.writes("POST", "/members", thing{"name": "Alex", "email": "alex", "role": "agent"}).refuses(422, "email_malformed")
	s.prescriber.writes("DELETE", fmt.Sprintf("/members/%s", s.prescriber.gets("/me").says("id")), nil).refuses(409, "member_is_yourself")
}

// paidOnline asks for what cannot be paid online, or not now.
func (s *quarrel) paidOnline() {
	s.t.Helper()
	paid, means := fmt.Sprintf("/orders/%d/checkouts", s.order), func(word string) thing { return thing{"means": word} }
	s.funder.writes("POST", paid, means("cash")).refuses(422, "means_unknown")
	fees := s.funder.posts(paid, means("card")).is("face_cents", "0").id()
	s.stripe.Pay(s.stripe.Open("checkout:" + fmt.Sprint(fees)))
	if err := s.program.payments.Reconcile(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.funder.writes("POST", paid, means("card")).refuses(409, "nothing_to_pay")
	order := s.funder.posts("/orders", thing{"campaign": s.campaign, "vouchers": 1}).id()
	at := fmt.Sprintf("/orders/%d/checkouts", order)
	s.stripe.Down(true)
	s.funder.writes("POST", at, means("card")).refuses(503, "payment_page_unknown")
	s.stripe.Down(false)
	s.stripe.Pay(s.stripe.Open("checkout:" + fmt.Sprint(s.funder.posts(at, means("sepa_debit")).id())))
	s.funder.writes("POST", at, means("card")).refuses(409, "payment_in_progress")
}

func (s *quarrel) aboutMoney() {
	s.t.Helper()
	s.funder.writes("POST", "/campaigns", thing{"name": "x"}).refuses(422, "campaign_name_length")
	s.funder.writes("POST", "/campaigns", thing{"name": "Ailleurs", "face_cents": 1000, "booklet_size": 5, "starts_on": "2026-03-01", "ends_on": "2026-07-09",
		"price_cap": 4, "departements": []string{"999"}}).refuses(422, "area_code_unknown")
	s.funder.writes("POST", "/orders", thing{"campaign": s.campaign, "vouchers": 0}).refuses(422, "order_size_out_of_range")
	s.funder.writes("POST", "/orders", thing{"campaign": s.campaign, "vouchers": 1, "engagement": "<1>"}).refuses(422, "engagement_malformed")
	s.operator.writes("POST", "/tariffs", thing{"from_on": "2026-03-08", "fee_basis_points": 0, "booklet_cents": 0, "vat_basis_points": 2000,
		"validity_days": 30, "fees_refunded": true, "terms": "x"}).refuses(422, "tariff_in_the_past")
	s.funder.gets("/invoices/1/xml").refuses(409, "invoice_without_xml")
	s.funder.writes("POST", "/invoices/1/chorus", thing{"status": "lost"}).refuses(422, "chorus_status_unknown")
	s.funder.gets("/invoices?kind=other").refuses(422, "invalid_input")
	s.funder.writes("PUT", fmt.Sprintf("/campaigns/%d/shares", s.campaign), thing{"shares": []thing{{"funder": 1, "kind": "percent", "percent_basis_points": 5000}}}).
		refuses(422, "share_funder_unknown")
	s.funder.writes("POST", "/allocations", thing{"campaign": s.campaign, "prescriber": s.ccas, "vouchers": 5}).refuses(409, "allocation_not_funded").is("free", "0")
	s.prescriber.writes("POST", "/handovers", thing{"campaign": s.campaign, "count": 90}).refuses(409, "allocation_used_up")
	s.prescriber.writes("POST", "/handovers", thing{"campaign": s.campaign, "insee": "00000"}).refuses(422, "commune_unknown")
	s.paidOnline()
	s.operator.does("POST", "/statements", "application/xml", "<Document/>").refuses(400, "statement_format_unknown")
	s.operator.does("POST", "/statements", "application/xml", strings.ReplaceAll(s.statement(true, sepa.Transaction{Amount: 1}), segregated.Full(), "FR1420041010050500013M02606")).
		refuses(422, "statement_other_account")
	s.operator.does("POST", "/bank-answers", "application/xml", "<Document/>").refuses(400, "answer_format_unknown")
	s.operator.does("POST", "/bank-answers", "application/xml", answerTo("PSL999", "RJCT", "")).refuses(422, "answer_message_unknown")
	s.operator.gets("/bank-answers/99").refuses(404, "not_found")
	s.operator.writes("POST", "/statements/lines/1/attribution", thing{"order": s.order}).refuses(409, "line_already_explained")
	s.operator.writes("POST", "/statements/cases/1/decision", thing{"decision": "keep"}).refuses(409, "line_already_explained")
	s.operator.writes("POST", "/statements/cases/1/decision", thing{"decision": "order", "order": s.order}).refuses(422, "same_order")
	s.operator.gets("/statements/cases?kind=odd").refuses(422, "invalid_input")
	s.operator.writes("POST", "/settlements", thing{"execution_on": "2026-03-15"}).refuses(422, "execution_not_a_working_day").is("next", `"2026-03-16"`)
}

func (s *quarrel) aboutPlaces() {
	s.t.Helper()
	at := fmt.Sprintf("/places/%d", s.place)
	s.structure.writes("POST", at+"/claim", nil).refuses(409, "place_already_yours")
	s.structure.writes("PUT", at+"/services", thing{"services": []thing{{"theme": "magic", "price_vouchers": 1, "duration_minutes": 60}}}).refuses(422, "theme_unknown")
	s.structure.writes("PUT", "/bank-details", thing{"iban": "FR1520041010050500013M02606", "holder": "Le Relais", "proof": world.RIB}).refuses(422, "iban_check")
	s.operator.writes("POST", at+"/labels", thing{"ends_on": "2028-03-09"}).refuses(409, "label_in_force")
	s.operator.writes("DELETE", "/labels/1", thing{"reason": ""}).refuses(422, "reason_missing")
	s.operator.does("POST", "/places/import?source=essai", "text/csv", "a,b\n").refuses(400, "import_columns_missing")
}

func (s *quarrel) later() {
	s.t.Helper()
	s.clock.Add(200 * 24 * time.Hour)
	s.redeem(thing{}).refuses(409, "voucher_expired").is("on", `"2026-07-24"`)
	s.prescriber.writes("POST", "/handovers", thing{"campaign": s.campaign}).refuses(409, "campaign_over")
	s.funder.writes("POST", "/orders", thing{"campaign": s.campaign, "vouchers": 1}).refuses(409, "campaign_ended")
	s.structure.writes("DELETE", fmt.Sprintf("/redemptions/%v", s.latest[0]["id"]), thing{"reason": "too late"}).refuses(409, "undo_too_late")
	s.settle().wants(201)
	s.structure.writes("DELETE", fmt.Sprintf("/redemptions/%v", s.latest[0]["id"]), thing{"reason": "too late"}).refuses(409, "already_settled")
	for range 10 {
		s.nobody.writes("POST", "/tokens", thing{"email": "operator@passerelle.example", "password": "wrong horse battery"})
	}
	limited := s.nobody.writes("POST", "/tokens", thing{"email": "operator@passerelle.example", "password": "wrong horse battery"}).refuses(429, "rate_limited")
	if limited.header.Get("Retry-After") == "" {
		s.t.Error("nobody is told how long to wait")
	}
}

// refuses ends the test where the answer is no problem with that code.
func (r reply) refuses(status int, code string) reply {
	r.t.Helper()
	r.wants(status)
	return r.is("code", fmt.Sprintf("%q", code))
}

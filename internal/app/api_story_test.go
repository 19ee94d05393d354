package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

const placesFile = "id,pivot,nom,commune,code_postal,code_insee,adresse,telephone,horaires\n" +
	"a,,Le Relais numérique,Annecy,74000,74010,1 rue A,0450020000,Mo-Fr 09:00-12:00\n" +
	"b,,,Annecy,74000,74010,,,\n"

// TestALifeOfACampaignThroughTheAPI is the whole cycle as another program lives it. Every
// request and every answer is held against the description, and every call that is
// described is made.
func TestALifeOfACampaignThroughTheAPI(t *testing.T) {
	t.Parallel()
	s, operator := openCity(t)
	nobody := &citizen{city: s}
	funder, _ := operator.opens("funder", "Département de la Haute-Savoie", "22740001700074")
	prescriber, ccas := operator.opens("prescriber", "CCAS de Thônes", "")
	structure, relais := operator.opens("structure", "Le Relais", "73282932000074")

	place, label := s.labels(operator, structure)
	campaign, order := s.funds(operator, funder, ccas)
	s.shares(operator, funder, campaign)
	s.invoices(operator, funder, order)
	booklet := s.handsOver(prescriber, campaign)
	s.redeems(structure, booklet)
	s.covers(nobody, funder, campaign)
	s.meets(nobody, structure, place)
	s.arrives(nobody, operator, structure)
	s.contribute(nobody, structure, operator, place)
	s.settles(operator, structure)
	s.reports(operator, funder, campaign)
	s.paysOnline(funder, campaign)
	s.members(operator, funder, prescriber, ccas)
	s.accounts(operator, campaign)
	s.books(prescriber, structure, place, campaign)
	s.ends(operator, funder, campaign, order)
	s.connects(operator, structure, s.contests(operator, funder, structure))
	s.proves(nobody, structure, funder)

	funder.gets(fmt.Sprintf("/orders/%d", order)).wants(200).is("state", `"funded"`)
	operator.gets(fmt.Sprintf("/organisations/%d", relais)).wants(200)
	operator.deletes(fmt.Sprintf("/labels/%d", label), thing{"reason": "The place has closed"}).is("end_reason", `"The place has closed"`)
	nobody.gets(fmt.Sprintf("/places/%d", place)).wants(200).is("labelled", "false")
	nobody.gets("/cover").wants(200).is("covered", "true")

	for path, item := range s.doc.Paths.Map() {
		for method := range item.Operations() {
			if name := method + " " + path; !s.done[name] && path != "/api/v1/openapi.json" {
				t.Errorf("the story never makes %s", name)
			}
		}
	}
}

// labels brings a place to the point where it takes vouchers.
func (s *city) labels(operator, structure *citizen) (place, label int64) {
	s.t.Helper()
	operator.does("POST", "/places/import?source=essai&dry_run=true", "text/csv", placesFile).wants(200).is("added", "1").is("rehearsed", "true")
	operator.does("POST", "/places/import?source=essai", "text/csv", placesFile).wants(200).is("added", "1").is("refused", "1")
	nobody := &citizen{city: s}
	found := nobody.gets("/places?near=annecy&q=relais&limit=10").wants(200).items("items")
	if len(found) != 1 {
		s.t.Fatalf("found %v", found)
	}
	place = int64(found[0]["id"].(float64))
	at := fmt.Sprintf("/places/%d", place)
	structure.posts(at+"/claim", nil)
	structure.does("PATCH", at, "application/json", `{"phone":"04 50 02 11 11"}`).wants(200).is("phone", `"+33450021111"`)
	structure.puts(at+"/services", thing{"services": []thing{{"theme": "everyday_tools", "price_vouchers": 2, "duration_minutes": 60}}})
	structure.gets("/bank-details").wants(200).is("bank_details", "null")
	s.pays(operator, structure)
	if waiting := operator.gets("/labels").wants(200).items("waiting"); len(waiting) != 1 {
		s.t.Errorf("waiting for a label: %v", waiting)
	}
	structure.writes("PATCH", at, thing{"phone": "04 50 02 00 99"}).wants(200).is("phone", `"+33450020099"`)
	label = s.applies(operator, structure, place)
	nobody.gets(at).wants(200).is("labelled", "true")
	return place, label
}

// pays gives the structure an account that is in force, after one that was mistaken and one
// that was refused.
func (s *city) pays(operator, structure *citizen) {
	s.t.Helper()
	given := thing{"iban": "FR14 2004 1010 0505 0001 3M02 606", "bic": "", "holder": "Le Relais", "proof": world.RIB}
	first := structure.puts("/bank-details", given).id()
	structure.writes("DELETE", fmt.Sprintf("/bank-details/%d", first), nil).wants(200).is("state", `"ended"`)
	second := structure.puts("/bank-details", given).id()
	operator.posts(fmt.Sprintf("/payees/%d/refusal", second), thing{"reason": "Le RIB est illisible"}).wants(200)
	third := structure.puts("/bank-details", given).id()
	if waiting := operator.gets("/payees").wants(200).items("items"); len(waiting) != 1 {
		s.t.Errorf("accounts to verify: %v", waiting)
	}
	at := fmt.Sprintf("/payees/%d", third)
	operator.gets(at).wants(200).is("warnings", "[]")
	operator.gets(at + "/proof").wants(200)
	operator.posts(at+"/verification", thing{"match": "match", "how": "Appelé au numéro de la convention"}).wants(200).is("state", `"in_force"`)

	given["iban"] = "DE89370400440532013000"
	at = fmt.Sprintf("/payees/%d", structure.puts("/bank-details", given).id())
	operator.posts(at+"/verification", thing{"match": "match", "how": "Appelé au numéro de la convention"}).wants(200).is("state", `"to_approve"`)
	operator.writes("POST", at+"/approval", nil).wants(409)
	operator.colleague("finance").writes("POST", at+"/approval", nil).wants(200).is("state", `"cooling"`)
	structure.writes("DELETE", strings.Replace(at, "/payees", "/bank-details", 1), nil).wants(200)
}

// funds brings a campaign to the point where a prescriber may hand its vouchers over. Half
// of the money comes without a reference and waits for a person.
func (s *city) funds(operator, funder *citizen, prescriber int64) (campaign, order int64) {
	s.t.Helper()
	campaign = funder.posts("/campaigns", thing{"name": "Premiers pas", "face_cents": 1000, "booklet_size": 5, "starts_on": "2026-03-01",
		"ends_on": "2026-07-09", "tolerance_days": 15, "price_cap": 4, "no_show": "one", "departements": []string{"74"}}).wants(201).id()
	funder.gets(fmt.Sprintf("/campaigns/%d", campaign)).wants(200).is("service_themes", "[]")
	operator.posts("/tariffs", thing{"from_on": "2026-03-09", "fee_basis_points": 300, "booklet_cents": 60, "vat_basis_points": 2000,
		"validity_days": 30, "fees_refunded": true, "terms": "Article 1."}).wants(201)
	operator.gets("/tariffs").wants(200)
	placed := funder.posts("/orders", thing{"campaign": campaign, "vouchers": 20, "engagement": "2026-EJ-1", "service_code": "CULTURE"}).wants(201).
		is("fees_cents", "840").is("vat_cents", "168")
	order = placed.id()
	if at := placed.header.Get("Location"); at != fmt.Sprintf("/api/v1/orders/%d", order) {
		s.t.Errorf("the order is at %q", at)
	}
	known := s.statement(true, sepa.Transaction{Amount: 100_00, Remittance: placed.says("reference")})
	for _, replayed := range []string{"", "true"} {
		if got := operator.does("POST", "/statements", "application/xml", known).wants(201).header.Get("Idempotent-Replayed"); got != replayed {
			s.t.Errorf("replayed is %q, want %q", got, replayed)
		}
	}
	read := operator.does("POST", "/statements", "application/xml", s.statement(true, sepa.Transaction{Amount: 100_00, Remittance: "cheques"})).wants(201)
	operator.gets(fmt.Sprintf("/statements/%d", int64(read.items("statements")[0]["id"].(float64)))).wants(200).is("next", "null")
	waiting := operator.gets("/statements/lines").wants(200).items("items")
	if len(waiting) != 1 {
		s.t.Fatalf("waiting lines: %v", waiting)
	}
	operator.posts(fmt.Sprintf("/statements/lines/%v/attribution", waiting[0]["id"]), thing{"order": order}).is("outcome", `"order_funded"`)
	s.decides(operator)
	funder.gets("/orders?unfunded=true").wants(200).is("items", "[]")
	funder.posts("/allocations", thing{"campaign": campaign, "prescriber": prescriber, "vouchers": 20}).wants(201)
	if bills := funder.gets(fmt.Sprintf("/orders/%d", order)).wants(200).items("invoices"); len(bills) != 2 || bills[0]["state"] != "funded" || bills[1]["due_cents"] != 1008.0 {
		s.t.Errorf("invoices: %v", bills)
	}
	return campaign, order
}

// shares lets the State pay a part of what will be used.
func (s *city) shares(operator, funder *citizen, campaign int64) {
	s.t.Helper()
	state := operator.posts("/organisations", thing{"kind": "funder", "name": "Préfecture de la Haute-Savoie", "siret": "13002526500013",
		"admin": thing{"name": "Sacha Roy", "email": "sacha@prefecture.example"}}).id()
	found := funder.gets("/organisations?kind=funder&q=prefecture").wants(200).items("items")
	if len(found) != 0 {
		s.t.Errorf("found without its accent: %v", found)
	}
	if found = funder.gets("/organisations?kind=funder&q=13002526500013").wants(200).items("items"); len(found) != 1 {
		s.t.Fatalf("found by SIRET: %v", found)
	}
	at := fmt.Sprintf("/campaigns/%d/shares", campaign)
	half := thing{"funder": state, "kind": "percent", "percent_basis_points": 5000, "ceiling_cents": 1000_00}
	if all := funder.puts(at, thing{"shares": []thing{half}}).is("settled", "false").items("shares"); len(all) != 2 {
		s.t.Errorf("shares: %v", all)
	}
	if all := funder.gets(at).wants(200).items("shares"); len(all) != 2 || all[1]["paid_cents"] != nil {
		s.t.Errorf("shares: %v", all)
	}
}

// invoices reads the order's invoice, which goes to the State's portal.
func (s *city) invoices(operator, funder *citizen, order int64) {
	s.t.Helper()
	all := funder.gets("/invoices?kind=face&year=2026").wants(200).items("items")
	if len(all) != 1 || all[0]["order"] != float64(order) || all[0]["paid_cents"] != 200_00.0 {
		s.t.Fatalf("invoices: %v", all)
	}
	if unpaid := operator.gets("/invoices?unpaid=true").wants(200).items("items"); len(unpaid) != 1 || unpaid[0]["kind"] != "fees" {
		s.t.Errorf("unpaid: %v", unpaid)
	}
	at := fmt.Sprintf("/invoices/%v", all[0]["id"])
	funder.gets(at).wants(200).is("number", `"F2026-000001"`).is("has_xml", "true").is("credit_notes", "[]")
	if pdf := funder.gets(at + "/pdf").wants(200).text; !strings.HasPrefix(string(pdf), "%PDF-") {
		s.t.Error("the invoice is no PDF")
	}
	if xml := string(funder.gets(at + "/xml").wants(200).text); !strings.Contains(xml, "F2026-000001") {
		s.t.Errorf("the invoice's XML: %s", xml)
	}
	operator.posts(at+"/chorus", thing{"status": "deposited", "note": "Dépôt 4512"}).is("chorus", `"deposited"`)
	funder.posts(at+"/chorus", thing{"status": "accepted"}).is("chorus", `"accepted"`)
}

// paysOnline begins to pay an order by card. What Stripe tells comes twice.
func (s *city) paysOnline(funder *citizen, campaign int64) {
	s.t.Helper()
	at := fmt.Sprintf("/orders/%d/checkouts", funder.posts("/orders", thing{"campaign": campaign, "vouchers": 5}).id())
	made := funder.withKey("checkout-0001").posts(at, thing{"means": "card"}).wants(201).is("state", `"open"`).is("face_cents", "5000")
	again := funder.withKey("checkout-0001").posts(at, thing{"means": "card"})
	if again.id() != made.id() || again.header.Get("Idempotent-Replayed") != "true" {
		s.t.Errorf("the same key gave another page: %s", again.text)
	}
	s.stripe.Pay(s.stripe.Open(fmt.Sprintf("checkout:%d", made.id())))
	for _, told := range s.stripe.Deliveries() {
		for signature, want := range map[string]int{told.Signature: http.StatusOK, "t=1,v1=00": http.StatusBadRequest, "": http.StatusBadRequest} {
			for range 2 {
				if status := s.hears(told.Body, signature); status != want {
					s.t.Errorf("the webhook answers %d to the signature %q, want %d", status, signature, want)
				}
			}
		}
	}
	if err := s.program.runner.Drain(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	all := funder.gets(at).wants(200).items("items")
	if len(all) != 1 || all[0]["state"] != "paid" || all[0]["received"] != false {
		s.t.Errorf("paid online: %v", all)
	}
}

// hears posts a message to Stripe's webhook.
func (s *city) hears(body []byte, signature string) int {
	s.t.Helper()
	r := httptest.NewRequest("POST", "/webhooks/stripe", bytes.NewReader(body))
	r.Host = "localhost:8080"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Stripe-Signature", signature)
	answer, err := s.program.server.App.Test(r, 20_000)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// decides pairs what nobody knows with the debit that gave it back.
func (s *city) decides(operator *citizen) {
	s.t.Helper()
	operator.does("POST", "/statements", "application/xml", s.statement(true, sepa.Transaction{Amount: 7_00, Remittance: "erreur"})).wants(201)
	operator.does("POST", "/statements", "application/xml", s.statement(false, sepa.Transaction{Amount: 7_00, Remittance: "retour"})).wants(201)
	in := operator.gets("/statements/cases?kind=unknown_payer").wants(200).items("items")
	out := operator.gets("/statements/cases?kind=unexpected_debit").wants(200).items("items")
	if len(in) != 1 || len(out) != 1 {
		s.t.Fatalf("cases: %v and %v", in, out)
	}
	at := fmt.Sprintf("/statements/cases/%v", in[0]["id"])
	operator.gets(at).wants(200).is("decisions", `["order","top_up","pair"]`)
	operator.posts(at+"/decision", thing{"decision": "pair", "other_line": out[0]["id"]}).wants(200).is("decision", `"pair"`)
}

// accounts reads where the money is, down to one transfer, and the year's files.
func (s *city) accounts(operator *citizen, campaign int64) {
	s.t.Helper()
	operator.gets("/money").wants(200)
	if held := operator.gets(fmt.Sprintf("/money/accounts?campaign=%d", campaign)).wants(200).items("items"); len(held) == 0 {
		s.t.Error("no account has moved for the campaign")
	}
	operator.gets("/money/transfers?account=bank:segregated").wants(200)
	operator.gets("/money/transfers?event=handover&cause=1").wants(200)
	operator.gets("/money/transfers.csv?account=bank:segregated").wants(200)
	operator.gets("/accounting/fec/2026").wants(200)
	operator.gets("/accounting/journal?from=2026-03-01&to=2026-03-31").wants(200)
}

// handsOver gives two booklets, of which one is lost, and verifies the other without us.
func (s *city) handsOver(prescriber *citizen, campaign int64) reply {
	s.t.Helper()
	ask := thing{"campaign": campaign, "insee": "74280"}
	given := prescriber.withKey("booklet-0001").posts("/handovers", ask).wants(201).is("vouchers_left", "5").is("value_cents", "5000")
	again := prescriber.withKey("booklet-0001").posts("/handovers", ask)
	if again.id() != given.id() || again.header.Get("Idempotent-Replayed") != "true" || again.says("typed") != given.says("typed") {
		s.t.Errorf("the same key gave another booklet: %s", again.text)
	}
	at := fmt.Sprintf("/handovers/%d", given.id())
	if shown := prescriber.gets(at).wants(200); shown.object["typed"] != nil || shown.object["qr"] != nil {
		s.t.Errorf("a booklet is shown with its codes: %s", shown.text)
	}
	prescriber.gets(at + "/booklet.pdf").wants(200)
	lost := prescriber.posts("/handovers", thing{"campaign": campaign, "count": 2}).wants(201)
	prescriber.posts(fmt.Sprintf("/handovers/%d/freeze", lost.id()), thing{"frozen": true}).is("vouchers_frozen", "2")
	prescriber.gets("/allocations").wants(200)
	if all := prescriber.gets("/handovers").wants(200).items("items"); len(all) != 2 {
		s.t.Errorf("handed over: %v", all)
	}

	var published struct{ Keys vouchers.PublicKeys }
	nobody := &citizen{city: s}
	if err := json.Unmarshal(nobody.gets("/.well-known/passerelle-keys.json").wants(200).text, &published); err != nil {
		s.t.Fatal(err)
	}
	payload, err := vouchers.FromScan(given.says("qr"))
	if err != nil {
		s.t.Fatal(err)
	}
	if ticket, err := published.Keys.Verify(payload); err != nil || ticket.Count != 5 || ticket.Face != 10_00 {
		s.t.Errorf("verified without us: %v, %v", ticket, err)
	}
	return given
}

// redeems takes vouchers, gives them back, and takes them again.
func (s *city) redeems(structure *citizen, booklet reply) {
	s.t.Helper()
	structure.posts("/vouchers/check", thing{"code": booklet.says("qr")}).is("vouchers_left", "5").is("price_cap", "4")
	take := thing{"code": booklet.says("typed"), "count": 2, "service_theme": "everyday_tools", "duration_minutes": 60, "mode": "individual"}
	first := structure.withKey("visit-0001").posts("/redemptions", take).wants(201).is("amount_cents", "2000").is("vouchers_left", "3")
	again := structure.withKey("visit-0001").posts("/redemptions", take).wants(201)
	if again.id() != first.id() || again.header.Get("Idempotent-Replayed") != "true" || first.header.Get("Idempotent-Replayed") != "" {
		s.t.Errorf("the same key redeemed twice: %s", again.text)
	}
	at := fmt.Sprintf("/redemptions/%d", first.id())
	structure.deletes(at, thing{"reason": "wrong booklet"}).is("vouchers_left", "5")
	structure.gets(at).wants(200).is("undone", "true").is("undo_reason", `"wrong booklet"`)
	structure.withKey("visit-0002").posts("/redemptions", take).is("vouchers_left", "3")
	if all := structure.gets("/redemptions").wants(200).items("items"); len(all) != 2 {
		s.t.Errorf("redemptions: %v", all)
	}
}

// answerTo is what a bank says of a whole file.
func answerTo(message, status, transfers string) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><GrpHdr><MsgId>A1</MsgId></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>%s</OrgnlMsgId><GrpSts>%s</GrpSts></OrgnlGrpInfAndSts>%s</CstmrPmtStsRpt></Document>`, message, status, transfers)
}

// settles pays the structure: approval, file, the bank's answer, statement.
func (s *city) settles(operator, structure *citizen) {
	s.t.Helper()
	structure.gets("/payouts").wants(200).is("owed_cents", "2000").is("items", "[]")
	structure.posts("/payouts/request", nil).wants(200)
	structure.gets("/payouts").wants(200).is("vat_regime", `""`)
	structure.puts("/payouts/vat", thing{"vat_regime": "exempt"}).is("vat_regime", `"exempt"`)
	structure.gets("/payouts/attestation").wants(200)
	mistaken := operator.posts("/settlements", thing{}).wants(201).is("state", `"waiting"`)
	operator.posts(fmt.Sprintf("/settlements/%d/cancellation", mistaken.id()), thing{"reason": "Wrong day"}).wants(200).is("state", `"cancelled"`)
	closed := operator.posts("/settlements", thing{"asked": true}).wants(201).is("total_cents", "2000")
	at := fmt.Sprintf("/settlements/%d", closed.id())
	approval := thing{"file_sha256": closed.says("file_sha256")}
	operator.writes("POST", at+"/approval", approval).refuses(409, "own_request")
	operator.gets(at+"/pain001").refuses(409, "settlement_unapproved")
	operator.newColleague("finance", "approver").posts(at+"/approval", approval).wants(200).is("state", `"approved"`)
	file := operator.gets(at + "/pain001").wants(200).text
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != closed.says("file_sha256") {
		s.t.Error("the file is not the one that was closed")
	}
	operator.gets(at + "/pain001?file=1").wants(200)
	operator.gets(at+"/pain001?file=2").refuses(404, "not_found")
	operator.gets(at+"/pain001?file=x").refuses(422, "invalid_input")
	operator.posts(at+"/sent", nil).wants(200).is("state", `"sent"`)
	payout := operator.gets(at).wants(200).items("list")[0]
	for _, replayed := range []string{"", "true"} {
		taken := operator.does("POST", "/bank-answers", "application/xml", answerTo(closed.says("message_id"), "ACSP", "")).wants(201).is("accepted", "1")
		if got := taken.header.Get("Idempotent-Replayed"); got != replayed {
			s.t.Errorf("the answer is replayed %q, not %q", got, replayed)
		}
		operator.gets(fmt.Sprintf("/bank-answers/%d", taken.id())).wants(200).is("contradicted", "0")
	}
	operator.gets("/bank-answers").wants(200).is("next", "null")
	s.clock.Add(24 * time.Hour)
	out := sepa.Transaction{Amount: 20_00, EndToEndID: payout["end_to_end_id"].(string)}
	operator.does("POST", "/statements", "application/xml", s.statement(false, out)).wants(201)
	operator.gets("/statements").wants(200)
	operator.gets("/settlements").wants(200)
	if paid := structure.gets("/payouts").wants(200).is("owed_cents", "0").items("items"); len(paid) != 2 || paid[0]["state"] != "booked" {
		s.t.Errorf("paid: %v", paid)
	}
	structure.gets(fmt.Sprintf("/payouts/%v/statement", payout["id"])).wants(200)
	if csv := string(structure.gets(fmt.Sprintf("/payouts/%v/statement.csv", payout["id"])).wants(200).text); !strings.Contains(csv, "PSL2-") {
		s.t.Errorf("the statement for a spreadsheet: %s", csv)
	}
}

// reports tells the funder what became of the money.
func (s *city) reports(operator, funder *citizen, campaign int64) {
	s.t.Helper()
	s.clock.Add(time.Minute)
	at := fmt.Sprintf("/campaigns/%d/report", campaign)
	funder.gets(at).wants(200).is("ordered_cents", "20000").is("received_cents", "20000").is("handed_over_cents", "7000").
		is("used_cents", "2000").is("paid_cents", "2000")
	funder.gets(at + ".csv").wants(200)
	funder.gets(at + ".xlsx").wants(200)
	funder.gets("/campaigns").wants(200)
	operator.gets("/invariants").wants(200).is("ok", "true")
	nobody := &citizen{city: s}
	nobody.gets("/delays").wants(200)
	nobody.gets("/cover").wants(200).is("covered", "true").is("held_cents", "18000").is("live_cents", "5000").is("funds_cents", "13000")
}

// members lets people come and go.
func (s *city) members(operator, funder, prescriber *citizen, ccas int64) {
	s.t.Helper()
	prescriber.gets("/me").wants(200).is("organisation", fmt.Sprint(ccas)).is("kind", `"prescriber"`)
	added := prescriber.posts("/members", thing{"name": "Alex", "email": "alex@ccas.example", "role": "agent"}).wants(201)
	one := fmt.Sprintf("/members/%d", added.id())
	prescriber.posts(one+"/password", nil)
	prescriber.gets("/members").wants(200)
	prescriber.deletes(one, nil).wants(http.StatusNoContent)
	found := funder.gets("/organisations?kind=prescriber&q=ccas").wants(200).items("items")
	if len(found) != 1 || found[0]["email"] != "" {
		s.t.Errorf("a funder is told %v of a prescriber", found)
	}
	operator.gets("/organisations").wants(200)
	mine := prescriber.gets("/tokens").wants(200).items("items")
	if slices.ContainsFunc(mine, func(one thing) bool { return one["token"] != nil }) {
		s.t.Errorf("a token is told again: %v", mine)
	}
	prescriber.deletes(fmt.Sprintf("/tokens/%v", mine[0]["id"]), nil).wants(http.StatusNoContent)
}

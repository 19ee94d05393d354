package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// ends lives through the end of the campaign: an extension, a payment too many that is
// given back, the closing, the refund.
func (s *city) ends(operator, funder *citizen, campaign, order int64) {
	s.t.Helper()
	at := fmt.Sprintf("/campaigns/%d/closing", campaign)
	funder.gets(at).wants(200).is("received_cents", "20000").is("live_cents", "8000").is("closes_on", `"2026-07-26"`)
	funder.gets(at+"/extension?until=2026-07-31").wants(200).is("vouchers", "8")
	funder.posts(at+"/extension", thing{"until": "2026-07-31", "signed_name": "Camille Martin", "agreed": true}).wants(201).is("last_day", `"2026-08-15"`)
	funder.puts(at+"/choice", thing{"kind": "refund"}).is("to_campaign", "null")
	funder.gets("/refunds/account").wants(200).is("account", "null")
	account := funder.puts("/refunds/account", thing{"iban": "FR14 2004 1010 0505 0001 3M02 606", "bic": "", "holder": "Paierie"}).id()
	operator.gets("/refunds/accounts").wants(200)
	operator.posts(fmt.Sprintf("/refunds/accounts/%d/verify", account), thing{"how": "Mme Roux, 04 50 00 00 00"})

	request := s.requestsRefund(operator, funder, campaign, order)
	operator.deletes(fmt.Sprintf("/refunds/%d", request), nil).is("amount_cents", "1500")

	s.clock.Set(time.Date(2026, time.August, 18, 9, 0, 0, 0, time.UTC))
	if _, err := s.program.issuing.ExpireDue(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	operator.posts(at, nil).wants(201).is("used_cents", "3000").is("never_handed_over_cents", "9000").is("expired_cents", "8000")
	if err := s.program.closing.BringBack(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	for _, kind := range []string{".csv", ".pdf"} {
		funder.gets(at + kind).wants(200)
	}
	if have := funder.gets("/refunds/credits").wants(200).items("items"); len(have) != 1 || have[0]["amount_cents"] != 185_00.0 {
		s.t.Errorf("credits: %v", have)
	}
	waiting := map[any]any{}
	for _, one := range operator.gets("/refunds?state=proposed").wants(200).items("items") {
		waiting[one["kind"]] = one["id"]
	}
	if len(waiting) != 2 || waiting["fees_back"] == nil { // the fees were paid online
		s.t.Fatalf("waiting refunds: %v", waiting)
	}
	approved := operator.posts("/refunds", thing{"refunds": []any{waiting["credit"]}}).wants(201).is("total_cents", "18500")
	file := operator.gets(strings.TrimPrefix(approved.header.Get("Location"), "/api/v1")).wants(200).text
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != approved.says("file_sha256") {
		s.t.Error("the file is not the one that was approved")
	}
	ordered := operator.gets("/refunds?state=ordered").wants(200).items("items")
	debit := sepa.Transaction{Amount: 185_00, EndToEndID: fmt.Sprint(ordered[0]["end_to_end_id"])}
	operator.does("POST", "/statements", "application/xml", s.statement(false, debit)).wants(201)
	if have := operator.gets("/refunds?state=booked").wants(200).items("items"); len(have) != 1 {
		s.t.Errorf("after the bank's debit of %v: %v", ordered, have)
	}
	operator.gets("/invariants").wants(200).is("ok", "true")
}

// requestsRefund lets the bank bring 15.00 too many for an order, and somebody asks to give
// them back to the payer.
func (s *city) requestsRefund(operator, funder *citizen, campaign, order int64) vouchers.RefundID {
	s.t.Helper()
	paid := sepa.Transaction{Amount: 15_00, Remittance: funder.gets(fmt.Sprintf("/orders/%d", order)).says("reference")}
	read := operator.does("POST", "/statements", "application/xml", s.statement(true, paid)).wants(201)
	line := operator.gets(fmt.Sprintf("/statements/%v", read.items("statements")[0]["id"])).wants(200).items("items")[0]
	me := operator.gets("/me").wants(200)
	var id vouchers.RefundID
	err := s.program.store.InTx(s.t.Context(), func(tx *db.Tx) (err error) {
		id, err = s.program.closing.ToPayer(s.t.Context(), tx, identity.Actor{Person: vouchers.PersonID(me.id())}, closing.ToPayerRequest{
			Line: int64(line["id"].(float64)), Funder: vouchers.OrganisationID(funder.gets("/me").object["organisation"].(float64)),
			Campaign: vouchers.CampaignID(campaign), Amount: 15_00, To: sepa.Account{IBAN: segregated, Holder: "Paierie"}})
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// aboutTheEnd asks for what the end of a campaign does not allow.
func (s *quarrel) aboutTheEnd() {
	s.t.Helper()
	at := fmt.Sprintf("/campaigns/%d/closing", s.campaign)
	extend := func(until, name string, agreed bool) reply {
		return s.funder.writes("POST", at+"/extension", thing{"until": until, "signed_name": name, "agreed": agreed})
	}
	s.operator.writes("POST", at, nil).refuses(409, "campaign_not_over")
	extend("2026-07-09", "Camille Martin", true).refuses(422, "extension_not_later")
	extend("2026-08-09", "", true).refuses(422, "signature_missing")
	extend("2026-08-09", "Camille Martin", false).refuses(422, "decision_missing")
	s.funder.writes("PUT", at+"/choice", thing{"kind": "rollover", "to_campaign": s.campaign}).refuses(422, "rollover_target")
	s.operator.writes("POST", "/refunds", thing{"refunds": []any{}}).refuses(422, "refunds_none")
	s.operator.writes("POST", "/refunds", thing{"refunds": []any{99}}).refuses(409, "refund_changed")
	s.operator.writes("DELETE", "/refunds/99", nil).refuses(404, "not_found")
	s.operator.writes("POST", "/refunds/accounts/1/verify", thing{"how": ""}).refuses(422, "verification_missing")
	s.operator.gets("/refunds/files/99/pain001").refuses(404, "not_found")
	s.prescriber.gets("/refunds").refuses(403, "forbidden")
}

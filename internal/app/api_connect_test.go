package app

import (
	"fmt"

	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// connects lets a structure choose to be paid through Stripe: it changes its mind, is refused,
// and is approved. Stripe then stops its account, and what was to be paid through it is taken
// back for its bank account.
func (s *city) connects(operator, structure *citizen, booklet reply) {
	s.t.Helper()
	structure.gets("/connect").refuses(404, "not_found")
	structure.writes("POST", "/connect/link", nil).refuses(404, "not_found")
	first := structure.withKey("connect-0001").posts("/connect", thing{}).is("state", `"answering"`)
	again := structure.withKey("connect-0001").posts("/connect", thing{})
	if again.id() != first.id() || again.says("stripe_account") != first.says("stripe_account") {
		s.t.Errorf("the same key asked twice: %s", again.text)
	}
	structure.writes("POST", "/connect", thing{}).refuses(409, "connect_chosen")
	structure.posts("/connect/link", nil).wants(200)
	s.stripe.Down(true)
	structure.writes("POST", "/connect/link", nil).refuses(409, "stripe_silent")
	s.stripe.Down(false)
	structure.deletes("/connect", nil).is("state", `"ended"`)
	structure.writes("DELETE", "/connect", nil).refuses(404, "not_found")

	at := fmt.Sprintf("/connect/%d", structure.posts("/connect", thing{}).id())
	operator.writes("POST", at+"/approval", nil).refuses(409, "connect_not_ready")
	operator.writes("POST", at+"/refusal", thing{"reason": ""}).refuses(422, "reason_missing")
	operator.posts(at+"/refusal", thing{"reason": "Personne ne l’a demandé"}).is("state", `"ended"`)
	operator.writes("POST", at+"/approval", nil).refuses(409, "connect_decided")

	asked := structure.posts("/connect", thing{})
	s.stripe.Onboarded(asked.says("stripe_account"))
	s.must(s.program.connect.ReadAccounts(s.t.Context()))
	if waiting := operator.gets("/connect/accounts").wants(200).items("items"); len(waiting) != 1 || waiting[0]["state"] != "to_approve" || waiting[0]["bank_last4"] != "2606" {
		s.t.Errorf("accounts at Stripe that wait: %v", waiting)
	}
	operator.posts(fmt.Sprintf("/connect/%d/approval", asked.id()), nil).is("state", `"cooling"`)
	s.clock.Add(payees.Cooling)
	structure.gets("/connect").wants(200).is("state", `"in_force"`)
	s.givesUp(operator, structure, booklet, asked.says("stripe_account"))
}

// givesUp settles through Stripe, which has stopped the account meanwhile.
func (s *city) givesUp(operator, structure *citizen, booklet reply, account string) {
	s.t.Helper()
	structure.posts("/redemptions", thing{"code": booklet.says("typed"), "count": 3, "service_theme": "everyday_tools", "duration_minutes": 60, "mode": "individual"})
	closed := operator.posts("/settlements", thing{}).wants(201)
	at := fmt.Sprintf("/settlements/%d", closed.id())
	operator.newColleague("finance", "connected").posts(at+"/approval", thing{"file_sha256": closed.says("file_sha256")})
	operator.gets(at + "/pain001").wants(200)
	opened := operator.gets(at).wants(200)
	topUp, ok := opened.object["stripe"].(map[string]any)
	payout := opened.items("list")[0]
	if !ok || topUp["amount_cents"] != closed.object["total_cents"] || payout["stripe_account"] != account {
		s.t.Fatalf("a settlement through Stripe: %s", opened.text)
	}
	operator.gets(at+"/stripe").wants(200).is("items", "[]")
	amount := s.cents(topUp["amount_cents"])
	debit := sepa.Transaction{Amount: amount, EndToEndID: fmt.Sprint(topUp["end_to_end_id"])}
	read := operator.does("POST", "/statements", "application/xml", s.statement(false, debit)).wants(201)
	line := operator.gets(fmt.Sprintf("/statements/%v", read.items("statements")[0]["id"])).wants(200).items("items")[0]
	if line["outcome"] != "payouts_funded" {
		s.t.Errorf("the transfer to Stripe is %v", line)
	}
	s.stripe.Restricted(account, "requirements.past_due")
	s.stripe.TopUp(amount)
	s.must(s.program.connect.Reconcile(s.t.Context()))
	if on := operator.gets(at + "/stripe").wants(200).items("items"); len(on) != 1 || on[0]["state"] != "waiting" || on[0]["problem"] == nil {
		s.t.Fatalf("at Stripe: %v", on)
	}
	giveUp := fmt.Sprintf("/payouts/%v/give-up", payout["id"])
	operator.writes("POST", giveUp, thing{"reason": ""}).refuses(422, "reason_missing")
	operator.writes("POST", "/payouts/9999/give-up", thing{"reason": "Compte arrêté"}).refuses(404, "not_found")
	operator.posts(giveUp, thing{"reason": "Compte arrêté"}).is("state", `"back"`)
	operator.writes("POST", giveUp, thing{"reason": "Encore une fois"}).refuses(409, "connect_leaving")
	if back := structure.gets("/payouts").wants(200).items("items")[0]; back["state"] != "rejected" || back["return_reason"] != "STRP" {
		s.t.Errorf("given up: %v", back)
	}
	operator.gets("/invariants").wants(200).is("ok", "true")
}

// cents reads an amount of an answer.
func (s *city) cents(member any) vouchers.Cents {
	s.t.Helper()
	amount, ok := member.(float64)
	if !ok {
		s.t.Fatalf("%v is no amount", member)
	}
	return vouchers.Cents(amount)
}

func (s *city) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

package app

import (
	"fmt"

	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// quarrelling are those whom a redemption concerns.
type quarrelling struct{ operator, funder, prescriber, structure *citizen }

// contests lives through what may go wrong with redemptions: complaints that are withdrawn,
// upheld and dismissed, a clawback by two people, a debt that a note asks for and one that
// is forgiven. The booklet that it gives back has vouchers left.
func (s *city) contests(operator, funder, structure *citizen) (booklet reply) {
	s.t.Helper()
	mairie := operator.posts("/organisations", thing{"kind": "prescriber", "name": "Mairie de Thônes", "admin": thing{"name": "Noé Petit", "email": "noe@mairie.example"}}).wants(201)
	q := &quarrelling{operator, funder, s.signIn("noe@mairie.example", mairie.says("admin_password"), identity.Scopes...), structure}
	campaign := q.funder.posts("/campaigns", thing{"name": "Rentrée", "face_cents": 1000, "booklet_size": 10, "starts_on": "2026-08-01",
		"ends_on": "2026-12-31", "price_cap": 4, "departements": []string{"74"}}).wants(201).id()
	placed := q.funder.posts("/orders", thing{"campaign": campaign, "vouchers": 30})
	q.operator.does("POST", "/statements", "application/xml", s.statement(true, sepa.Transaction{Amount: 300_00, Remittance: placed.says("reference")})).wants(201)
	q.funder.posts("/allocations", thing{"campaign": campaign, "prescriber": mairie.id(), "vouchers": 30}).wants(201)
	booklet = q.prescriber.posts("/handovers", thing{"campaign": campaign, "count": 20})
	takes := func(count int) int64 {
		return q.structure.posts("/redemptions", thing{"code": booklet.says("typed"), "count": count, "service_theme": "everyday_tools", "duration_minutes": 60, "mode": "individual"}).id()
	}
	first, second, third := takes(4), takes(3), takes(2)
	s.complains(q, first)
	q.operator.writes("POST", "/clawbacks", thing{"redemption": second, "reason": "Compté deux fois"}).refuses(409, "redemption_not_paid")
	closed := q.operator.posts("/settlements", thing{}).wants(201).is("total_cents", "6000") // 10.00 were owed before
	at := fmt.Sprintf("/settlements/%d", closed.id())
	q.operator.newColleague("finance", "september").posts(at+"/approval", thing{"file_sha256": closed.says("file_sha256")})
	payout := q.operator.gets(at).wants(200).items("list")[0]
	q.operator.does("POST", "/statements", "application/xml", s.statement(false, sepa.Transaction{Amount: 60_00, EndToEndID: payout["end_to_end_id"].(string)})).wants(201)
	s.clawsBack(q, second, third)
	q.operator.gets("/invariants").wants(200).is("ok", "true")
	return booklet
}

func (s *city) complains(q *quarrelling, redemption int64) {
	s.t.Helper()
	says := thing{"redemption": redemption, "cause": "mistake", "words": "Un chèque de trop."}
	q.structure.writes("POST", "/complaints", thing{"redemption": redemption, "cause": "revenge", "words": "Un chèque de trop."}).refuses(422, "complaint_cause")
	q.structure.writes("POST", "/complaints", thing{"redemption": redemption, "cause": "mistake", "words": ""}).refuses(422, "complaint_words")
	mine := q.structure.posts("/complaints", says).wants(201).is("withheld", "true").is("mine", "true")
	q.structure.writes("DELETE", fmt.Sprintf("/redemptions/%d", redemption), thing{"reason": "once more"}).refuses(409, "redemption_withheld")
	q.funder.writes("POST", "/complaints", says).refuses(409, "complaint_open")
	at := fmt.Sprintf("/complaints/%d", mine.id())
	q.prescriber.writes("POST", at+"/withdrawal", nil).refuses(404, "not_found")
	q.structure.posts(at+"/withdrawal", nil).is("state", `"withdrawn"`)
	q.structure.writes("POST", at+"/withdrawal", nil).refuses(409, "complaint_ended")

	at = fmt.Sprintf("/complaints/%d", q.funder.posts("/complaints", says).wants(201).id())
	q.structure.writes("POST", at+"/answer", thing{"answer": "?"}).refuses(422, "complaint_words")
	answered := q.structure.posts(at+"/answer", thing{"answer": "La personne est venue.", "proof": world.RIB})
	q.operator.gets(fmt.Sprintf("%s/evidence/%v", at, answered.items("proofs")[0]["id"])).wants(200)
	q.prescriber.gets(at).wants(200).is("answer", `""`).is("proofs", "[]")
	if waiting := q.operator.gets("/complaints?state=open").wants(200).items("items"); len(waiting) != 1 {
		s.t.Errorf("complaints that wait: %v", waiting)
	}
	q.operator.writes("POST", at+"/decision", thing{"upheld": true, "reason": ""}).refuses(422, "complaint_reason")
	q.operator.posts(at+"/decision", thing{"upheld": true, "reason": "Pas de signature"}).is("state", `"upheld"`).is("outcome", `"live"`)
	q.structure.writes("POST", "/complaints", says).refuses(409, "redemption_undone")
	q.operator.gets("/complaints?state=odd").refuses(422, "invalid_input")
}

func (s *city) clawsBack(q *quarrelling, second, third int64) {
	s.t.Helper()
	colleague := q.operator.newColleague("finance", "claws")
	ask := func(redemption int64) string {
		return fmt.Sprintf("/correction-requests/%d", q.operator.posts("/clawbacks", thing{"redemption": redemption, "reason": "Compté deux fois"}).wants(201).id())
	}
	at := ask(second)
	q.operator.writes("POST", "/clawbacks", thing{"redemption": second, "reason": "Compté deux fois"}).refuses(409, "request_already_made")
	q.operator.writes("POST", "/clawbacks", thing{"redemption": second, "reason": ""}).refuses(422, "correction_reason")
	q.operator.posts(at+"/refusal", nil).is("state", `"refused"`)
	at = ask(second)
	q.operator.writes("POST", at+"/approval", nil).refuses(403, "request_same_person")
	colleague.posts(at+"/approval", nil).is("state", `"approved"`)
	colleague.writes("POST", at+"/approval", nil).refuses(409, "request_decided")
	colleague.posts(ask(third)+"/approval", nil)
	q.structure.gets("/payouts").wants(200).is("debt_cents", "5000")

	if _, err := s.program.settlement.IssueNotes(s.t.Context(), settlement.NotePolicy{From: 1}, s.program.noteDebt); err != nil {
		s.t.Fatal(err)
	}
	owed := q.structure.gets("/structure-debts").wants(200).is("requests", "[]")
	note := owed.items("notes")[0]
	q.structure.gets(fmt.Sprintf("/debt-notes/%v/pdf", note["id"])).wants(200)
	q.operator.does("POST", "/statements", "application/xml", s.statement(true, sepa.Transaction{Amount: 30_00, Remittance: fmt.Sprint(note["reference"])})).wants(201)
	left := q.operator.gets("/structure-debts").wants(200).items("debts")
	if len(left) != 1 || vouchers.Cents(left[0]["left_cents"].(float64)) != 20_00 {
		s.t.Fatalf("debts: %v", left)
	}
	forgive := fmt.Sprintf("/structure-debts/%v/forgiveness", left[0]["id"])
	q.operator.writes("POST", forgive, thing{"reason": "Trop peu"}).wants(201)
	q.operator.writes("POST", forgive, thing{"reason": "Trop peu"}).refuses(409, "request_already_made")
	waiting := q.operator.gets("/structure-debts").wants(200).items("requests")[0]
	made := colleague.posts(fmt.Sprintf("/correction-requests/%v/approval", waiting["id"]), nil).is("amount_cents", "2000")
	q.operator.writes("POST", forgive, thing{"reason": "Trop peu"}).refuses(409, "debt_settled")
	good := s.statement(true, sepa.Transaction{Amount: 20_00, Remittance: made.says("reference")})
	q.operator.does("POST", "/statements", "application/xml", good).wants(201)
	q.operator.gets("/structure-debts").wants(200).is("debts", "[]")
}

// corrects gives the structure a complaint with a proof, and a debt note.
func (s *walk) corrects(contested, mistaken vouchers.RedemptionID) {
	s.t.Helper()
	ctx := s.t.Context()
	c, err := s.program.complaints.Open(ctx, s.Structure.Actor, complaints.NewComplaint{Redemption: contested, Cause: "mistake", Words: canary, Proof: &world.RIB}, "")
	s.must(err)
	s.complaint, s.evidence = c.ID, c.Proofs[0].File
	ask, err := s.program.settlement.RequestClawback(ctx, s.Operator, settlement.ClawbackRequest{Redemption: mistaken, Reason: canary})
	s.must(err)
	_, err = s.program.settlement.ApproveRequest(ctx, s.Colleague(), ask.ID)
	s.must(err)
	_, err = s.program.settlement.IssueNotes(ctx, settlement.NotePolicy{From: 1}, s.program.noteDebt)
	s.must(err)
}

package httpd

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	at := time.Unix(1.75e9, 0)
	one := complaints.Complaint{ID: 1, Redemption: 7, RedeemedAt: at, Booklet: 3, PlaceName: "Le Relais", Theme: "everyday_tools", Count: 2, Amount: 20_00,
		StructureName: "Relais", CampaignName: "Premiers pas", By: complaints.Holder, OpenedAt: at, Cause: "not_mine", Words: "x", Email: "a@exemple.fr", Phone: "06",
		AnswerBy: 900, Late: true, State: complaints.Open, Withheld: true, Proofs: []complaints.Proof{{File: 1, Name: "x.pdf", By: complaints.Structure}}, Mine: true}
	ended := one
	ended.State, ended.Outcome, ended.AnsweredAt, ended.Answer, ended.Reason, ended.Late = complaints.Upheld, settlement.ToHolder, &at, "x", "x", false
	use := complaints.Use{Redemption: 7, At: at, PlaceName: "Le Relais", Theme: "everyday_tools", Count: 2, Amount: 20_00}
	samples["complaints/list"] = ComplaintsBody{Operator: true, Waiting: []complaints.Complaint{one}, Ended: []complaints.Complaint{ended}, Next: "/complaints?before=1", MayMake: true}
	samples["complaints/new"] = NewComplaintBody{Form: complaintForm{Cause: "other", Words: "x"}, Action: "/c/uses/7", Back: "/c", Use: &use, Causes: complaints.Causes, Field: "words", Problem: "x"}
	samples["complaints/complaint"] = ComplaintBody{Complaint: one, Base: "/complaints/1", Back: "/complaints", Operator: true, MayWithdraw: true, MayAnswer: true, MayDecide: true,
		Answer: "x", Reason: "x", Field: "reason", Problem: "x", HelpPhone: "04 50 00 00 00"}
	note := settlement.Note{ID: 1, Number: "ND-2026-00001", StructureName: "Relais", Reference: "RF18ND202600001", Amount: 20_00, Left: 10_00, DueOn: 900}
	asked := settlement.Request{ID: 1, Kind: settlement.Clawback, Redemption: 7, StructureName: "Relais", Amount: 20_00, Reason: "x", State: "requested", RequestedAt: at, RequestedBy: "Ana"}
	forgiven := asked
	forgiven.Kind, forgiven.State, forgiven.DecidedBy, forgiven.Reference = settlement.Forgiveness, "approved", "Zoé", "RF18AD000001"
	samples["settlement/debts"] = StructureDebtsBody{Waiting: []waitingRequest{{asked, true}, {asked, false}}, Decided: []settlement.Request{forgiven}, MayDecide: true,
		Debts: settlement.Debts{Notes: []settlement.Note{note}, Open: []settlement.Debt{{ID: 1, Redemption: 7, RedeemedAt: at, StructureName: "Relais", Amount: 30_00, Netted: 10_00, Left: 20_00,
			Forgiven: 5_00, Reason: "x", Since: at, Note: "ND-2026-00001"}}}, Redemption: "7", Reason: "x", Field: "reason", Problem: "x"}
}

func nothingUsed(context.Context, identity.Actor, string) ([]complaints.Use, error) { return nil, nil }

// counsel is a world behind the windows of complaints, debts, booklets and payouts.
func counsel(t *testing.T) *counterWindow {
	t.Helper()
	w := &counterWindow{World: world.New(t), near: &labelling.NearQuery{}}
	room := complaints.New(w.DB, w.Keys, func(context.Context, *db.Tx, string, complaints.By, complaints.Event, complaints.Complaint) error {
		return nil
	})
	till := settlement.New(w.DB, settlement.Debtor{Name: "Passerelle", IBAN: "FR7630006000011234567890189", Town: "Lyon"},
		func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	card := Issuing{Service: w.Issuing, Keys: w.Keys, Uses: room.Uses,
		Booked: func(context.Context, identity.Actor, string, vouchers.BookletID) ([]booking.Booking, error) {
			return nil, nil
		},
		Places: func(context.Context, labelling.NearQuery) ([]labelling.Place, error) { return nil, nil }}
	actors := map[string]identity.Actor{"operator": w.Operator, "second": w.Colleague(), "structure": w.Structure.Actor, "funder": w.Funder}
	w.window = setup(t, func(o *Options) {
		o.Now = w.Clock.Now
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer+c.SessionCookie]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, slices.Concat(card.Routes(), (&Complaints{Service: room, Keys: w.Keys, HelpPhone: "04 50 00 00 00"}).Routes(), DebtRoutes(till), SettlementRoutes(till, directOff(w.World)),
		(&Redemption{Service: w.Counter, Keys: w.Keys}).Routes())...)
	return w
}

// shows asks as a browser that holds the booklet's code.
func (w *counterWindow) shows(set *http.Response, method, path, body string) (*http.Response, string) {
	w.t.Helper()
	for _, cookie := range set.Cookies() {
		if cookie.Name == "__Host-code" {
			return w.ask(method, path, body, "Cookie", "__Host-code="+cookie.Value, "Content-Type", form, "Accept-Language", "fr")
		}
	}
	w.t.Fatal("no code cookie was set")
	return nil, ""
}

func TestAHolderReportsAUseAndFollowsIt(t *testing.T) {
	t.Parallel()
	w := counsel(t)
	b := w.HandOver(w.Campaign, 10)
	id := w.Redeem(w.Structure, b, 2).ID
	if answer, _ := w.get("", fmt.Sprintf("/c/uses/%d", id)); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/c" {
		t.Errorf("without a code: %d", answer.StatusCode)
	}
	opened, _ := w.post("", "/c", url.Values{"code": {b.Typed}})
	_, html := w.shows(opened, "GET", "/c", "")
	w.wantWords(html, "Vos chèques utilisés", "Signaler un problème", fmt.Sprintf("/c/uses/%d", id))
	_, html = w.shows(opened, "GET", fmt.Sprintf("/c/uses/%d", id), "")
	w.wantWords(html, "Pas besoin de compte", "Je n’ai pas utilisé ces chèques")
	if answer, html := w.shows(opened, "POST", fmt.Sprintf("/c/uses/%d", id), "cause=&_key=0123456789"); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(html, "error-summary") {
		t.Errorf("without a cause: %d", answer.StatusCode)
	}
	answer, _ := w.shows(opened, "POST", fmt.Sprintf("/c/uses/%d", id), "cause=not_mine&email=aline%40exemple.fr&proof=&_key=0123456790")
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/c/complaints/1" {
		t.Fatalf("%d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	_, html = w.shows(opened, "GET", "/c/complaints/1", "")
	w.wantWords(html, "Réclamation C000001", "n’est pas payé tant que la réclamation est en cours", "Retirer la réclamation")
	_, html = w.shows(opened, "GET", "/c", "")
	w.wantWords(html, "Voir ma réclamation")

	_, html = w.get("structure", "/complaints/1")
	w.wantWords(html, "Votre réponse")
	if strings.Contains(html, "aline@") {
		t.Error("the structure reads the holder's address")
	}
	_, html = w.get("structure", fmt.Sprintf("/redemptions/%d", id))
	w.wantWords(html, "Retenu : réclamation en cours")
	if answer, _ := w.post("structure", "/complaints/1/answer", url.Values{"answer": {"La personne est venue."}, "_key": {"0123456791"}}); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("answering: %d", answer.StatusCode)
	}
	_, html = w.get("operator", "/complaints")
	w.wantWords(html, "C000001", "Réponse donnée")
	_, html = w.post("operator", "/complaints/1/decision", url.Values{"decision": {"upheld"}, "reason": {"Pas de signature."}, "_key": {"0123456792"}})
	w.wantWords(html, "est acceptée", "Chèques en circulation", "Retenu à la structure", `name="_confirmed"`)
	answer, _ = w.post("operator", "/complaints/1/decision", url.Values{"decision": {"upheld"}, "reason": {"Pas de signature."}, "_confirmed": {"yes"}, "_key": {"0123456793"}})
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("deciding: %d", answer.StatusCode)
	}
	_, html = w.shows(opened, "GET", "/c/complaints/1", "")
	w.wantWords(html, "de nouveau dans le carnet", "Pas de signature.")
	_, html = w.get("funder", "/complaints/1")
	if strings.Contains(html, "Pas de signature.") || !strings.Contains(html, "C000001") {
		t.Error("the funder reads what somebody wrote, or nothing at all")
	}
	if answer, _ := w.post("operator", "/complaints/1/decision", url.Values{"decision": {"dismissed"}, "reason": {"Finalement non."}, "_key": {"0123456794"}}); answer.StatusCode != http.StatusConflict {
		t.Errorf("deciding again: %d", answer.StatusCode)
	}
}

func TestAHolderThinksAgain(t *testing.T) {
	t.Parallel()
	w := counsel(t)
	b := w.HandOver(w.Campaign, 10)
	id := w.Redeem(w.Structure, b, 2).ID
	opened, _ := w.post("", "/c", url.Values{"code": {b.Typed}})
	w.shows(opened, "POST", fmt.Sprintf("/c/uses/%d", id), "cause=too_many&_key=0123456790")
	if answer, _ := w.shows(opened, "POST", "/c/complaints/1/withdraw", "_key=0123456791"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("withdrawing: %d", answer.StatusCode)
	}
	_, html := w.shows(opened, "GET", "/c/complaints/1", "")
	w.wantWords(html, "Retirée")
}

func TestTwoPeopleClawBackAndForgiveAStructuresDebt(t *testing.T) {
	t.Parallel()
	w := counsel(t)
	id := w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 3).ID
	claw := url.Values{"redemption": {fmt.Sprint(id)}, "reason": {"Compté deux fois"}}
	with := func(v url.Values, key string) url.Values {
		v.Set("_key", "01234567"+key)
		return v
	}
	if answer, html := w.post("operator", "/structure-debts/clawbacks", with(claw, "01")); answer.StatusCode != http.StatusConflict || !strings.Contains(html, "error-summary") {
		t.Errorf("before it is paid: %d", answer.StatusCode)
	}
	w.post("operator", "/settlements", with(url.Values{}, "02"))
	if answer, _ := w.post("operator", "/structure-debts/clawbacks", with(claw, "03")); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("asking: %d", answer.StatusCode)
	}
	if answer, html := w.post("operator", "/structure-debts/requests/1/approval", with(url.Values{"_confirmed": {"yes"}}, "04")); answer.StatusCode != http.StatusForbidden || !strings.Contains(html, "error-summary") {
		t.Errorf("approving one's own: %d", answer.StatusCode)
	}
	_, html := w.post("second", "/structure-debts/requests/1/approval", with(url.Values{}, "05"))
	w.wantWords(html, "30,00 €", "Dette de la structure", "À reprendre aux structures", `name="_confirmed"`)
	if answer, _ := w.post("second", "/structure-debts/requests/1/approval", with(url.Values{"_confirmed": {"yes"}}, "06")); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("approving: %d", answer.StatusCode)
	}
	_, html = w.get("structure", "/payouts")
	w.wantWords(html, "À rendre")
	_, html = w.get("operator", "/structure-debts")
	w.wantWords(html, "30,00 € à reprendre", "Demander l’abandon")
	debt := regexp.MustCompile(`/structure-debts/\d+/forgiveness`).FindString(html) // a rehearsal takes numbers
	w.post("operator", debt, with(url.Values{"reason": {"Trop peu"}}, "07"))
	w.post("second", "/structure-debts/requests/2/approval", with(url.Values{"_confirmed": {"yes"}}, "08"))
	_, html = w.get("operator", "/structure-debts")
	w.wantWords(html, "L’opérateur doit encore verser 30,00 €", "RF")
	if answer, _ := w.post("second", "/structure-debts/requests/2/refusal", with(url.Values{}, "09")); answer.StatusCode != http.StatusConflict {
		t.Errorf("refusing what is done: %d", answer.StatusCode)
	}
	if answer, _ := w.get("structure", "/structure-debts"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a structure: %d", answer.StatusCode)
	}
}

package httpd

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	at := time.Unix(1.75e9, 0)
	samples["connect/case"] = ConnectBody{Account: connect.Account{ID: 1, StructureName: "Le Relais", State: connect.ToApprove, Stripe: "acct_1", Submitted: true, Last4: "2606", Known: "0189",
		Problem: "requirements.past_due", CreatedAt: at, CreatorName: "Ana", ApproverName: "Zoé", InForceAt: &at, EndReason: "x"}, MayApprove: true, MayEnd: true, Reason: "x", Field: "reason", Problem: "x"}
}

// directOff is payment through Stripe where it is not offered.
func directOff(w *world.World) *connect.Service {
	return connect.New(w.DB, connect.Options{}, slog.New(slog.DiscardHandler))
}

// stripeDesk is a world whose structures may be paid through Stripe, behind its windows.
type stripeDesk struct {
	*world.World
	*window
	t      *testing.T
	second identity.Actor // another person of the operator's
	room   *connect.Service
	till   *settlement.Service
	stripe *stripefake.Server
}

func newStripeDesk(t *testing.T) *stripeDesk {
	t.Helper()
	w := world.New(t)
	d := &stripeDesk{World: w, t: t, stripe: stripefake.New("sk_test_1", "whsec_1", w.Clock.Now)}
	server := httptest.NewServer(d.stripe)
	t.Cleanup(server.Close)
	d.till = settlement.New(w.DB, settlement.Debtor{Name: "Passerelle", IBAN: segregated, Town: "Lyon",
		Stripe: settlement.StripeAccount{Holder: "Stripe", IBAN: "DE89370400440532013000", Town: "Dublin", Country: "IE", Reference: "ABCD-1234"}},
		func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	d.room = connect.New(w.DB, connect.Options{Stripe: stripe.New("sk_test_1", server.URL), Offered: true, PublicURL: world.Origin, Books: d.till, Prove: w.Identity.Prove,
		Notify: func(context.Context, *db.Tx, string, connect.Account) error { return nil }}, slog.New(slog.DiscardHandler))
	d.second = w.Colleague()
	reader := w.Structure.Actor
	reader.Role = identity.Reader
	actors := map[string]identity.Actor{"operator": w.Operator, "second": d.second, "structure": w.Structure.Actor, "reader": reader,
		"newcomer": w.Organisation(identity.Structure, "Le Relais")}
	d.window = setup(t, func(o *Options) {
		o.Now = w.Clock.Now
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, slices.Concat(PayeesRoutes(w.Payees, d.room), ConnectRoutes(d.room, w.Payees), SettlementRoutes(d.till, d.room))...)
	return d
}

func (d *stripeDesk) ok(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// waits compares how much of something the operator's desk counts as work that waits.
func (d *stripeDesk) waits(queue string, want int) {
	d.t.Helper()
	desk, err := reporting.New(d.DB, settlement.FileOf).Desk(d.t.Context(), d.Operator)
	d.ok(err)
	got := 0
	for _, q := range desk.Queues {
		if q.Name == queue {
			got = q.Count
		}
	}
	if got != want {
		d.t.Errorf("%d wait in %s, want %d", got, queue, want)
	}
}

// step is one request and what its answer must have and lack.
type step struct {
	who, method, path, body string
	status                  int
	has, lack               string
}

func (d *stripeDesk) walks(steps ...step) {
	d.t.Helper()
	for _, s := range steps {
		answer, text := d.as(s.who, s.method, s.path, s.body)
		text = strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(text)
		if answer.StatusCode != s.status || !strings.Contains(text, s.has) || s.lack != "" && strings.Contains(text, s.lack) {
			d.t.Errorf("%s %s by %s: %d, want %d with %q and without %q\n%s", s.method, s.path, s.who, answer.StatusCode, s.status, s.has, s.lack, mainOf(text))
		}
	}
}

// mainOf is what a page is about.
func mainOf(text string) string {
	_, after, _ := strings.Cut(text, "<main")
	before, _, _ := strings.Cut(after, "</main>")
	return before
}

const (
	chooseForm = `action="/bank-details/stripe"`
	toStripe   = `href="/bank-details/stripe"`
	leaveForm  = `action="/bank-details/stripe/leave"`
	chooses    = "_key=0123456789&stripe_password=correct+horse+battery"
)

func TestAStructureChoosesStripeAndSeesHowFarItIs(t *testing.T) {
	t.Parallel()
	d := newStripeDesk(t)
	mine, page := "/bank-details", func(has, lack string) step { return step{"structure", "GET", "/bank-details", "", 200, has, lack} }
	d.walks(
		step{"newcomer", "GET", mine, "", 200, "Vous pourrez choisir Stripe", chooseForm},
		step{"reader", "GET", mine, "", 200, "Seul un administrateur de votre structure peut le demander", chooseForm},
		page(chooseForm, toStripe),
		step{"reader", "POST", "/bank-details/stripe", chooses, 403, "", ""},
		step{"structure", "POST", "/bank-details/stripe", "_key=0123456788&stripe_password=wrong", 422, `href="#stripe_password"`, ""},
		step{"newcomer", "POST", "/bank-details/stripe", chooses, 409, "Donnez-en un d’abord", ""},
		step{"structure", "GET", "/bank-details/stripe", "", 404, "", ""},
		step{"structure", "POST", "/bank-details/stripe", chooses, 303, "", ""},
		step{"structure", "POST", "/bank-details/stripe", "_key=0123456787&stripe_password=correct+horse+battery", 409, "déjà demandé", ""},
		page("Répondre aux questions de Stripe", chooseForm),
		page(leaveForm, "Voir chez Stripe"),
		step{"reader", "GET", mine, "", 200, "Stripe a des questions pour vous", toStripe},
		step{"operator", "GET", "/payees", "", 200, "Stripe a des questions", ""},
	)
	waiting, err := d.room.List(t.Context(), d.Operator)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%+v, %v", waiting, err)
	}
	a, at := waiting[0], connectPath(waiting[0].ID)
	answer, _ := d.as("structure", "GET", "/bank-details/stripe", "")
	if to := answer.Header.Get("Location"); answer.StatusCode != 303 || !strings.Contains(to, "/setup/"+a.Stripe) {
		t.Errorf("the questions are at %d %q", answer.StatusCode, to)
	}
	d.stripe.Down(true)
	d.walks(step{"structure", "GET", "/bank-details/stripe", "", 409, "Stripe n’a pas ouvert sa page", ""})
	d.stripe.Down(false)
	d.stripe.Submitted(a.Stripe)
	d.ok(d.room.ReadAccounts(t.Context()))
	d.walks(page("Stripe vérifie vos réponses", ""), page("(requirements.pending_verification)", ""),
		step{"operator", "POST", at + "/approval", "_key=1000000000", 409, "Stripe n’est pas encore prêt", ""})

	d.waits("connect", 0)
	d.stripe.Onboarded(a.Stripe)
	d.ok(d.room.ReadAccounts(t.Context()))
	d.waits("connect", 1)
	d.walks(page("l’opérateur doit donner son accord", "requirements."),
		step{"operator", "GET", "/payees", "", 200, at, ""},
		step{"operator", "GET", at, "", 200, "finit par 2606", ""},
		step{"operator", "GET", at, "", 200, "Stripe paiera sur un autre compte", ""},
		step{"structure", "GET", at, "", 403, "", ""},
		step{"operator", "GET", "/connect/99", "", 404, "", ""},
		step{"operator", "POST", at + "/refusal", "_key=1000000001&reason=", 422, `href="#reason"`, ""},
		step{"operator", "POST", at + "/approval", "_key=1000000002", 303, "", ""},
		step{"operator", "POST", at + "/approval", "_key=1000000003", 409, "déjà prise", ""},
		page("Vous serez payé par Stripe à partir du", "Vous êtes payé par Stripe"),
		step{"operator", "GET", at, "", 200, "Délai de sécurité", at + "/approval"})
	d.Clock.Add(payees.Cooling)
	d.waits("connect", 0)
	d.walks(page("Vous êtes payé par Stripe", chooseForm), page("sont versés par Stripe", "sont virés sur ce compte"), page("Voir chez Stripe", ""), step{"structure", "GET", "/payouts", "", 200, "L’argent part chez Stripe", "L’argent est sur votre compte le jour ouvré suivant"}, page("Ne plus être payé par Stripe", "Répondre aux questions"))
	if answer, _ := d.as("structure", "GET", "/bank-details/stripe", ""); !strings.Contains(answer.Header.Get("Location"), "/express/"+a.Stripe) {
		t.Errorf("what was paid is at %q", answer.Header.Get("Location"))
	}
	d.stripe.Restricted(a.Stripe, "requirements.past_due")
	d.ok(d.room.ReadAccounts(t.Context()))
	d.walks(page("il manque des réponses (requirements.past_due)", "Vous êtes payé par Stripe"), page("Répondre aux questions de Stripe", ""),
		step{"operator", "GET", "/payees", "", 200, "Arrêté par Stripe", ""},
		step{"structure", "POST", "/bank-details/stripe/leave", "_key=2000000000", 303, "", ""},
		step{"structure", "POST", "/bank-details/stripe/leave", "_key=2000000001", 404, "", ""},
		page(chooseForm, leaveForm))
}

func TestAStructureReadsWhyItIsNotPaidThroughStripe(t *testing.T) {
	t.Parallel()
	d := newStripeDesk(t)
	d.walks(step{"structure", "POST", "/bank-details/stripe", chooses, 303, "", ""})
	waiting, err := d.room.List(t.Context(), d.Operator)
	d.ok(err)
	at := connectPath(waiting[0].ID)
	d.walks(step{"operator", "POST", at + "/refusal", "_key=1000000001&reason=Personne+ne+l’a+demandé", 303, "", ""},
		step{"structure", "GET", "/bank-details", "", 200, "Personne ne l’a demandé", leaveForm},
		step{"structure", "GET", "/bank-details", "", 200, chooseForm, ""},
		step{"operator", "GET", at, "", 200, "Terminé", at + "/refusal"},
		step{"operator", "POST", at + "/refusal", "_key=1000000002&reason=Encore", 409, "déjà prise", ""})
}

func TestNothingIsSaidOfStripeWhereItIsNotOffered(t *testing.T) {
	t.Parallel()
	_, site := desk(t)
	if answer, text := site.as("structure", "GET", "/bank-details", ""); answer.StatusCode != 200 || strings.Contains(mainOf(text), "Stripe") {
		t.Errorf("%d %s", answer.StatusCode, mainOf(text))
	}
}

// connects has the structure of the world paid through Stripe from now on.
func (d *stripeDesk) connects() (account string) {
	d.t.Helper()
	ctx := d.t.Context()
	a, err := d.room.Choose(ctx, d.Structure.Actor, connect.Chosen{Password: "correct horse battery"})
	d.ok(err)
	d.stripe.Onboarded(a.Stripe)
	d.ok(d.room.ReadAccounts(ctx))
	_, err = d.room.Approve(ctx, d.Operator, a.ID)
	d.ok(err)
	d.Clock.Add(payees.Cooling)
	return a.Stripe
}

// sends plays the bank's line of a settlement's transfer to Stripe, and its arrival there.
func (d *stripeDesk) sends(t *settlement.TopUp) {
	d.t.Helper()
	d.InTx(func(tx *db.Tx) error {
		ctx := d.t.Context()
		line, err := d.BankLine(tx, world.Line{Amount: t.Amount, Outcome: "payouts_funded", EndToEnd: t.EndToEnd, Cause: t.ID})
		if err != nil {
			return err
		}
		_, _, err = d.till.Book(ctx, tx, sepa.Movement{Name: t.EndToEnd, Amount: t.Amount, Line: line, Account: segregated, On: vouchers.DayOf(tx.Now)})
		return err
	})
	d.stripe.TopUp(t.Amount)
	d.ok(d.room.Reconcile(d.t.Context()))
}

func TestTheSettlementsPageTellsHowStripePays(t *testing.T) {
	t.Parallel()
	d := newStripeDesk(t)
	account := d.connects()
	booklet := d.HandOver(d.Campaign, 10)
	d.Redeem(d.Structure, booklet, 3)
	d.Redeem(d.NewStructure("Médiathèque de Cluses"), booklet, 1)
	closed, err := d.till.Close(t.Context(), d.Operator, settlement.CloseRequest{})
	d.ok(err)
	at := fmt.Sprintf("/settlements/%d", closed.ID)
	d.walks(step{"second", "GET", at, "", 200, "1 virement passe par Stripe : un seul virement de 30,00", ""})
	_, err = d.till.Approve(t.Context(), d.second, settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	d.ok(err)
	d.walks(step{"operator", "GET", "/api/v1" + at + "/pain001", "", 200, "PSL1-STRIPE", ""},
		step{"operator", "POST", at + "/sent", "_key=1000000002", 303, "", ""},
		step{"operator", "GET", at, "", 200, "PSL1-STRIPE", "Chez Stripe :"},
		step{"operator", "GET", at, "", 200, "Pas encore", at + "/give-up"},
		step{"structure", "GET", "/payouts", "", 200, "En route, par Stripe", ""})
	opened, err := d.till.Open(t.Context(), d.Operator, closed.ID)
	d.ok(err)
	mine := opened.List[slices.IndexFunc(opened.List, func(p settlement.Payout) bool { return p.Connected != "" })]
	_, page := d.as("structure", "GET", "/payouts", "")
	if strings.Contains(mainOf(page), mine.Account) || !strings.Contains(mainOf(page), ">par Stripe<") {
		t.Errorf("the structure's page: %s", mainOf(page))
	}

	d.stripe.Restricted(account, "requirements.past_due")
	d.sends(opened.TopUp)
	d.waits("stuck", 1)
	giveUp := func(why string) string { return fmt.Sprintf("_key=3000000000%s&payout=%d&why=%s", why, mine.ID, why) }
	d.walks(step{"operator", "GET", at, "", 200, "ce compte ne peut pas recevoir d’argent (insufficient_capabilities_for_transfer)", ""},
		step{"operator", "GET", at, "", 200, at + "/give-up", "Pas encore"},
		step{"structure", "POST", at + "/give-up", giveUp("Compte"), 403, "", ""},
		step{"operator", "POST", at + "/give-up", giveUp(""), 422, `href="#why"`, ""},
		step{"operator", "POST", at + "/give-up", giveUp("Compte"), 303, "", ""},
		step{"operator", "POST", at + "/give-up", giveUp("Encore"), 409, "déjà repris", ""},
		step{"operator", "GET", at, "", 200, "Chez Stripe : repris", at + "/give-up"},
		step{"operator", "GET", at, "", 200, "Stripe n’a pas pu verser", ""},
		step{"structure", "GET", "/payouts", "", 200, "Cet argent vous reste dû", ""})
	d.waits("stuck", 0)
}

// What Stripe says of an account or a payout has words, and an unknown code is shown as it is.
func TestStripesReasonsHaveWords(t *testing.T) {
	t.Parallel()
	site, err := loadSite()
	if err != nil {
		t.Fatal(err)
	}
	w := site.Words.For("fr")
	for code, want := range map[string]string{"": "inconnu", "account_closed": "le compte bancaire est fermé (account_closed)", "new_code": "new_code"} {
		if got := reasonOfStripe(w, code); got != want {
			t.Errorf("%q is said as %q, want %q", code, got, want)
		}
	}
}

package payees_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/vop"
)

const (
	ours   = "FR14 2004 1010 0505 0001 3M02 606"
	theirs = "FR76 3000 6000 0112 3456 7890 189"
	secret = "correct horse battery"
)

// office is a world with a structure that has no account yet, and a bank that can be asked.
type office struct {
	*world.World
	t       *testing.T
	room    *payees.Service
	relais  world.Structure
	second  identity.Actor // of the operator
	answer  vop.Answer
	silent  bool
	letters []string // "contact: state"
}

func (o *office) Ask(context.Context, sepa.Account) (vop.Answer, error) {
	if o.silent {
		return vop.Answer{}, errors.New("no answer")
	}
	return o.answer, nil
}

func setup(t *testing.T) *office {
	t.Helper()
	o := &office{World: world.New(t), t: t}
	o.room = payees.New(o.DB, payees.Options{Bank: o, Prove: o.Identity.Prove, Notify: func(_ context.Context, _ *db.Tx, to string, n payees.Notice) error {
		o.letters = append(o.letters, to+": "+string(n.State))
		return nil
	}})
	o.relais, o.second = o.NewStructureWithoutBank("Le Relais"), o.Colleague()
	return o
}

func (o *office) ok(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) refused(err error, code string) {
	o.t.Helper()
	if fault.Code(err) != code {
		o.t.Errorf("%v, want %q", err, code)
	}
}

func (o *office) gives(iban string) payees.Account {
	o.t.Helper()
	a, err := o.room.Give(o.t.Context(), o.relais.Actor, payees.Given{IBAN: iban, Holder: "Le Relais", Proof: world.RIB, Password: secret})
	o.ok(err)
	return a
}

var called = payees.Verification{Match: vop.Full, How: "Appelé au numéro de la convention"}

func (o *office) verifies(a payees.Account) payees.Account {
	o.t.Helper()
	a, err := o.room.Verify(o.t.Context(), o.Operator, a.ID, called)
	o.ok(err)
	return a
}

// works gives the structure its first account, and something to be paid.
func (o *office) works() payees.Account {
	o.t.Helper()
	a := o.verifies(o.gives(ours))
	o.Redeem(o.relais, o.HandOver(o.Campaign, 10), 2)
	return a
}

// settles closes a settlement and tells to which account Le Relais is paid, or why not.
func (o *office) settles() string {
	o.t.Helper()
	room := settlement.New(o.DB, settlement.Debtor{Name: "Passerelle", IBAN: "FR7630006000011234567890189", Town: "Lyon"},
		func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	preview, err := room.Preview(o.t.Context(), o.Operator)
	o.ok(err)
	for _, h := range preview.Held {
		if h.Structure == o.relais.Organisation {
			return h.Reason
		}
	}
	closed, err := room.Close(o.t.Context(), o.Operator, settlement.CloseRequest{})
	o.ok(err)
	d, err := room.Open(o.t.Context(), o.Operator, closed.ID)
	o.ok(err)
	for _, p := range d.List {
		if p.Structure == o.relais.Organisation {
			return p.Account
		}
	}
	return "nothing"
}

// sound checks that every payout went to an account that was decided on and cooled.
func (o *office) sound() {
	o.t.Helper()
	o.InTx(func(tx *db.Tx) error {
		found, err := reporting.Verify(o.t.Context(), tx, settlement.FileOf)
		for _, f := range found {
			if !f.OK {
				o.t.Errorf("%s: %q", f.ID, f.Evidence)
			}
		}
		return err
	})
}

func (o *office) is(what string, got, want any) {
	o.t.Helper()
	if got != want {
		o.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestAFirstAccountIsPaidToOnceItIsVerified(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.Redeem(o.relais, o.HandOver(o.Campaign, 10), 1)
	o.is("without an account", o.settles(), "bank_details_missing")
	a := o.gives(ours)
	o.is("state", a.State, payees.ToVerify)
	o.is("given, not verified", o.settles(), "bank_details_changing")
	waiting, err := o.room.Waiting(t.Context(), o.Operator)
	o.ok(err)
	if len(waiting) != 1 || waiting[0].Masked != "FR14 •••• •••• 2606" || waiting[0].StructureName != "Le Relais" {
		t.Errorf("waiting: %+v", waiting)
	}
	a = o.verifies(a)
	o.is("state", a.State, payees.InForce)
	o.is("paid to", o.settles(), "FR14 •••• •••• 2606")
	o.sound()
}

func TestAChangeIsCooledDecidedByTwoAndHoldsPayouts(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.works()
	o.letters = nil
	a := o.gives(theirs)
	o.is("changes", a.Changes, true)
	if len(o.letters) == 0 || !strings.HasSuffix(o.letters[0], ": to_verify") {
		t.Errorf("the contacts of before were told %q", o.letters)
	}
	o.is("held", o.settles(), "bank_details_changing")
	a = o.verifies(a)
	o.is("state", a.State, payees.ToApprove)
	o.is("held", o.settles(), "bank_details_changing")
	_, err := o.room.Approve(t.Context(), o.Operator, a.ID)
	o.refused(err, "own_request")
	a, err = o.room.Approve(t.Context(), o.second, a.ID)
	o.ok(err)
	o.is("state", a.State, payees.Cooled)
	o.is("in force at", a.InForceAt.Equal(a.GivenAt.Add(payees.Cooling)), true)
	o.Clock.Add(payees.Cooling - time.Hour)
	o.is("an hour too early", o.settles(), "bank_details_changing")
	o.Clock.Add(time.Hour)
	o.is("paid to", o.settles(), "FR76 •••• •••• 0189")
	m, err := o.room.Accounts(t.Context(), o.relais.Actor)
	o.ok(err)
	if m.Waiting != nil || m.Now == nil || m.Now.ID != a.ID {
		t.Errorf("accounts: %+v", m)
	}
	o.sound()
}

func TestWhoeverKnowsBetterStopsAChange(t *testing.T) {
	t.Parallel()
	o := setup(t)
	first := o.works()
	// At each step somebody of the structure can still object, and the operator can refuse.
	for steps := range 3 {
		for _, byOperator := range []bool{false, true} {
			a := o.gives(theirs)
			if steps > 0 {
				a = o.verifies(a)
			}
			if steps > 1 {
				var err error
				a, err = o.room.Approve(t.Context(), o.second, a.ID)
				o.ok(err)
			}
			var err error
			if byOperator {
				a, err = o.room.Refuse(t.Context(), o.Operator, a.ID, "Personne ne connaît ce compte")
			} else {
				a, err = o.room.Withdraw(t.Context(), o.relais.Actor, a.ID)
			}
			o.ok(err)
			o.is("state", a.State, payees.Ended)
			_, err = o.room.Withdraw(t.Context(), o.relais.Actor, a.ID)
			o.refused(err, "bank_details_decided")
		}
	}
	o.Clock.Add(2 * payees.Cooling)
	m, err := o.room.Accounts(t.Context(), o.relais.Actor)
	o.ok(err)
	if m.Waiting != nil || m.Now == nil || m.Now.ID != first.ID {
		t.Errorf("accounts: %+v", m)
	}
	_, err = o.room.Withdraw(t.Context(), o.relais.Actor, first.ID)
	o.refused(err, "bank_details_decided")
	o.is("paid to", o.settles(), "FR14 •••• •••• 2606")
	o.sound()
}

func TestAnotherAccountBeginsAnew(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.works()
	typo := o.verifies(o.gives(theirs))
	o.Clock.Add(payees.Cooling)
	a := o.gives("DE89 3704 0044 0532 0130 00")
	_, err := o.room.Approve(t.Context(), o.second, typo.ID)
	o.refused(err, "bank_details_decided")
	a = o.verifies(a)
	a, err = o.room.Approve(t.Context(), o.second, a.ID)
	o.ok(err)
	o.is("in force at", a.InForceAt.Equal(a.GivenAt.Add(payees.Cooling)), true)
	o.is("held", o.settles(), "bank_details_changing")
}

func TestTheBankSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	o := setup(t)
	a := o.gives(ours)
	o.silent = true
	_, err := o.room.Ask(t.Context(), o.Operator, a.ID)
	o.refused(err, "payee_bank_silent")
	o.silent, o.answer = false, vop.Answer{Match: vop.Close, Name: "ASSOCIATION LE RELAIS"}
	a, err = o.room.Ask(t.Context(), o.Operator, a.ID)
	o.ok(err)
	o.is("answer", a.AskedMatch, vop.Close)
	o.is("name", a.AskedName, "ASSOCIATION LE RELAIS")
	o.answer = vop.Answer{Match: vop.None}
	_, err = o.room.Ask(t.Context(), o.Operator, a.ID)
	o.ok(err)
	_, err = o.room.Verify(t.Context(), o.Operator, a.ID, called)
	o.refused(err, "bank_details_no_match")
	o.works()
	o.answer = vop.Answer{Match: vop.Close}
	a = o.verifies(o.gives(theirs))
	o.answer = vop.Answer{Match: vop.None}
	_, err = o.room.Ask(t.Context(), o.Operator, a.ID)
	o.ok(err)
	_, err = o.room.Approve(t.Context(), o.second, a.ID)
	o.refused(err, "bank_details_no_match")
	alone := payees.New(o.DB, payees.Options{Notify: func(context.Context, *db.Tx, string, payees.Notice) error { return nil }})
	_, err = alone.Ask(t.Context(), o.Operator, a.ID)
	o.refused(err, "payee_bank_silent")
}

func TestWhatMakesAChangeSuspectIsShown(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.works()
	quiet, err := o.room.Open(t.Context(), o.Operator, o.gives("DE89 3704 0044 0532 0130 00").ID)
	o.ok(err)
	if len(quiet.Warnings) > 0 || quiet.Now == nil || quiet.Now.Masked != "FR14 •••• •••• 2606" {
		t.Errorf("%+v", quiet)
	}
	o.Clock.Add(10 * payees.Cooling)
	m, err := o.Identity.AddMember(t.Context(), o.relais.Actor, identity.NewMember{Name: "Noé", Email: "noe@relais.example", Password: secret, Role: identity.Admin})
	o.ok(err)
	newcomer := o.relais.Actor
	newcomer.Person = m.ID
	_, err = o.Identity.ChangePassword(t.Context(), newcomer, identity.PasswordChange{Current: secret, New: "another horse battery"})
	o.ok(err)
	bank, err := o.Payees.Accounts(t.Context(), o.Structure.Actor)
	o.ok(err)
	a, err := o.room.Give(t.Context(), newcomer, payees.Given{IBAN: bank.Now.IBAN.Full(), Holder: "Le Relais", Proof: world.RIB, Password: "another horse battery"})
	o.ok(err)
	c, err := o.room.Open(t.Context(), o.Operator, a.ID)
	o.ok(err)
	slices.Sort(c.Warnings)
	o.is("warnings", strings.Join(c.Warnings, " "), "iban_elsewhere new_member new_password")
	if last := o.letters[len(o.letters)-2:]; !slices.ContainsFunc(last, func(l string) bool { return strings.HasPrefix(l, "admin") }) {
		t.Errorf("the contacts of before were not told: %q", last)
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ctx := t.Context()
	agent := o.relais.Actor
	agent.Role = identity.Agent
	good := payees.Given{IBAN: ours, Holder: "Le Relais", Proof: world.RIB, Password: secret}
	with := func(change func(*payees.Given)) payees.Given {
		g := good
		change(&g)
		return g
	}
	for _, c := range []struct {
		who  identity.Actor
		req  payees.Given
		code string
	}{
		{agent, good, "forbidden"},
		{o.Funder, good, "forbidden"},
		{o.relais.Actor, with(func(g *payees.Given) { g.Password = "wrong" }), "password_wrong"},
		{o.relais.Actor, with(func(g *payees.Given) { g.Proof = files.Upload{} }), "file_missing"},
		{o.relais.Actor, with(func(g *payees.Given) { g.IBAN = "FR14" }), "iban_length"},
		{o.relais.Actor, with(func(g *payees.Given) { g.Holder = "" }), "holder_length"},
	} {
		_, err := o.room.Give(ctx, c.who, c.req)
		o.refused(err, c.code)
	}
	program := o.relais.Actor
	program.Scopes = []string{"places"}
	_, err := o.room.Give(ctx, program, good)
	o.refused(err, "scope_missing")

	a := o.gives(ours)
	for code, v := range map[string]payees.Verification{"bank_details_match": {Match: vop.None, How: called.How}, "bank_details_how": {Match: vop.Full, How: "ok"}} {
		_, err := o.room.Verify(ctx, o.Operator, a.ID, v)
		o.refused(err, code)
	}
	_, err = o.room.Verify(ctx, o.Structure.Actor, a.ID, called)
	o.refused(err, "forbidden")
	_, err = o.room.Approve(ctx, o.second, a.ID)
	o.refused(err, "bank_details_decided")
	_, err = o.room.Refuse(ctx, o.second, a.ID, "x")
	o.refused(err, "reason_missing")
	_, err = o.room.Withdraw(ctx, o.Structure.Actor, a.ID)
	o.refused(err, "not_found")
	_, err = o.room.Open(ctx, o.Operator, 999)
	o.refused(err, "not_found")
	o.verifies(a)
	_, err = o.room.Give(ctx, o.relais.Actor, good)
	o.refused(err, "bank_details_same")
}

func TestAProofIsForThoseWhoDecideAndItsStructure(t *testing.T) {
	t.Parallel()
	o := setup(t)
	a := o.gives(ours)
	for _, who := range []identity.Actor{o.Operator, o.relais.Actor} {
		f, err := o.room.Proof(t.Context(), who, a.ID)
		o.ok(err)
		o.is("proof", string(f.Content), string(world.RIB.Content))
	}
	_, err := o.room.Proof(t.Context(), o.Structure.Actor, a.ID)
	o.refused(err, "not_found")
	_, err = o.room.Proof(t.Context(), o.Funder, a.ID)
	o.refused(err, "forbidden")
}

// Two people approve at once while its structure takes the account back: one account at most is
// in force, and the settlement afterwards pays to it.
func TestDecisionsRace(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.works()
	for range 5 {
		a := o.verifies(o.gives(theirs))
		third := o.Colleague()
		var wg sync.WaitGroup
		results := make(chan error, 3)
		for _, who := range []identity.Actor{o.second, third} {
			wg.Go(func() { _, err := o.room.Approve(context.WithoutCancel(t.Context()), who, a.ID); results <- err })
		}
		wg.Go(func() {
			_, err := o.room.Withdraw(context.WithoutCancel(t.Context()), o.relais.Actor, a.ID)
			results <- err
		})
		wg.Wait()
		close(results)
		for err := range results {
			if code := fault.Code(err); err != nil && code != "bank_details_decided" {
				t.Error(err)
			}
		}
		m, err := o.room.Accounts(t.Context(), o.relais.Actor)
		o.ok(err)
		if m.Now == nil || m.Waiting != nil {
			t.Fatalf("accounts: %+v", m)
		}
	}
	o.is("paid to", o.settles(), "FR14 •••• •••• 2606")
	o.sound()
}

package applications_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// jury is a world with a structure that has a place without a label, and three people of the
// operator.
type jury struct {
	*world.World
	t             *testing.T
	room          *applications.Service
	relais        identity.Actor
	place         vouchers.PlaceID
	second, third identity.Actor
	letters       []string // "state" or "days before the end"
}

func setup(t *testing.T) *jury {
	t.Helper()
	j := &jury{World: world.New(t), t: t}
	j.room = applications.New(j.DB, applications.Notify{
		Decided: func(_ context.Context, _ *db.Tx, _ string, a applications.Application) error {
			j.letters = append(j.letters, string(a.State))
			return nil
		},
		Ending: func(_ context.Context, _ *db.Tx, _ string, e applications.Ending) error {
			j.letters = append(j.letters, fmt.Sprint(e.PlaceName, " ", e.Notice))
			return nil
		}})
	j.relais = j.Organisation(identity.Structure, "Le Relais")
	j.place = j.NewPlace("Le Relais numérique", "")
	_, err := j.Labelling.Claim(t.Context(), j.relais, labelling.ClaimRequest{Place: j.place})
	j.ok(err)
	_, err = j.Catalogue.SetServices(t.Context(), j.relais, j.place, []catalogue.Offer{{Theme: world.Theme, PriceVouchers: 1, DurationMinutes: 60}})
	j.ok(err)
	j.second, j.third = j.reviewer(), j.reviewer()
	return j
}

func (j *jury) ok(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

func (j *jury) refused(err error, code string) {
	j.t.Helper()
	if fault.Code(err) != code {
		j.t.Errorf("%v, want %q", err, code)
	}
}

func (j *jury) is(what string, got, want any) {
	j.t.Helper()
	if got != want {
		j.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (j *jury) starts() applications.Application {
	j.t.Helper()
	a, err := j.room.Start(j.t.Context(), j.relais, j.place, "")
	j.ok(err)
	return a
}

// fills answers everything with yes, and proves what is to be proved.
func (j *jury) fills(a applications.Application) applications.Application {
	j.t.Helper()
	req := applications.Saved{Answers: map[string]applications.Answer{}, Proofs: map[string]files.Upload{}}
	for _, c := range a.Form {
		req.Answers[c.Code] = applications.Answer{Meets: "yes", Note: "Oui, depuis 2024."}
		if c.Proof == "required" {
			req.Proofs[c.Code] = world.RIB
		}
	}
	a, err := j.room.Save(j.t.Context(), j.relais, a.ID, req)
	j.ok(err)
	return a
}

func (j *jury) sends(a applications.Application) applications.Application {
	j.t.Helper()
	a, err := j.room.Send(j.t.Context(), j.relais, a.ID)
	j.ok(err)
	return a
}

func (j *jury) applies() applications.Application {
	j.t.Helper()
	return j.sends(j.fills(j.starts()))
}

func (j *jury) decides(who identity.Actor, a applications.Application, decision string) applications.Application {
	j.t.Helper()
	d := applications.Decision{Decision: decision}
	if decision == "grant" {
		d.EndsOn = vouchers.DayOf(j.Clock.Now()).AddDays(700)
	} else {
		d.Remarks = map[string]string{"welcome": "Les horaires ne sont pas affichés."}
	}
	a, err := j.room.Decide(j.t.Context(), who, a.ID, d)
	j.ok(err)
	return a
}

func (j *jury) labelled() bool {
	j.t.Helper()
	p, err := j.Labelling.Open(j.t.Context(), j.Operator, j.place)
	j.ok(err)
	return p.Labelled
}

func TestAPlaceComesToALabel(t *testing.T) {
	t.Parallel()
	j := setup(t)
	a := j.starts()
	if len(a.Form) < 5 || a.Version != 1 || a.KindName != "Label Passerelle" {
		t.Fatalf("criteria: %+v", a)
	}
	again := j.starts()
	j.is("the open one goes on", again.ID, a.ID)
	_, err := j.room.Send(t.Context(), j.relais, a.ID)
	j.refused(err, "application_incomplete")

	// Some today, the rest another day.
	a, err = j.room.Save(t.Context(), j.relais, a.ID, applications.Saved{Answers: map[string]applications.Answer{"welcome": {Meets: "partly", Note: "Le matin"}}})
	j.ok(err)
	j.is("filled", a.Filled(), 1)
	j.Clock.Add(48 * time.Hour)
	a = j.fills(a)
	j.is("filled", a.Filled(), len(a.Form))
	a = j.sends(a)
	_, err = j.room.Save(t.Context(), j.relais, a.ID, applications.Saved{})
	j.refused(err, "application_sent")

	queue, err := j.room.Queue(t.Context(), j.Operator)
	j.ok(err)
	if len(queue) != 1 || queue[0].PlaceName != "Le Relais numérique" || len(queue[0].Proofs) == 0 {
		t.Fatalf("queue: %+v", queue)
	}
	f, err := j.room.File(t.Context(), j.Operator, a.ID, a.Proofs[0].File)
	j.ok(err)
	j.is("proof", string(f.Content), string(world.RIB.Content))
	_, err = j.room.File(t.Context(), j.Structure.Actor, a.ID, a.Proofs[0].File)
	j.refused(err, "not_found")

	a = j.decides(j.Operator, a, "ask")
	j.is("state", a.State, applications.Asked)
	j.is("asked", a.Remarks["welcome"], "Les horaires ne sont pas affichés.")
	a = j.sends(a)
	a = j.decides(j.Operator, a, "grant")
	j.is("state", a.State, applications.Granted)
	j.is("labelled", j.labelled(), true)
	j.is("letters", strings.Join(j.letters, " "), "asked granted")
	j.is("events", len(a.Events), 4)
	b := j.HandOver(j.Campaign, 10)
	j.Redeem(world.Structure{Actor: j.relais, Place: j.place}, b, 1)

	entries, err := j.room.Register(t.Context(), identity.Actor{}, applications.RegisterQuery{Limit: 10})
	j.ok(err)
	if e := entries[0]; e.PlaceName != "Le Relais numérique" || e.Criteria == nil || *e.Criteria != 1 || e.EndedOn != nil {
		t.Errorf("register: %+v", e)
	}
}

// reviewer is one more of them.
func (j *jury) reviewer() identity.Actor {
	c := j.Colleague()
	c.Role = identity.Agent
	return c
}

func TestALabelIsSuspendedAndLifted(t *testing.T) {
	t.Parallel()
	j := setup(t)
	ctx := t.Context()
	a := j.decides(j.Operator, j.applies(), "grant")
	s := world.Structure{Actor: j.relais, Place: j.place}
	b := j.HandOver(j.Campaign, 10)
	j.Redeem(s, b, 1)
	_, err := j.Labelling.SuspendLabel(ctx, j.Operator, labelling.End{Label: *a.Label})
	j.refused(err, "reason_missing")
	why := labelling.End{Label: *a.Label, Reason: "Plus personne à l’accueil"}
	_, err = j.Labelling.SuspendLabel(ctx, j.Operator, why)
	j.ok(err)
	_, err = j.Labelling.SuspendLabel(ctx, j.Operator, why)
	j.refused(err, "label_suspended")
	j.is("labelled", j.labelled(), false)
	_, err = j.Counter.Redeem(ctx, j.relais, world.Request(b, 1))
	j.refused(err, "place_not_labelled")
	entries, err := j.room.Register(ctx, identity.Actor{}, applications.RegisterQuery{Limit: 1})
	j.ok(err)
	j.is("register", entries[0].Suspension, "Plus personne à l’accueil")
	_, err = j.Labelling.LiftLabel(ctx, j.Operator, *a.Label)
	j.ok(err)
	_, err = j.Labelling.LiftLabel(ctx, j.Operator, *a.Label)
	j.refused(err, "label_not_suspended")
	j.Redeem(s, b, 1)
}

func TestAStructureIsToldBeforeALabelEnds(t *testing.T) {
	t.Parallel()
	j := setup(t)
	a := j.decides(j.Operator, j.applies(), "grant")
	_, err := j.room.Start(t.Context(), j.relais, j.place, "")
	j.refused(err, "label_in_force")
	j.letters = nil
	wait := func(days int) {
		j.Clock.Add(time.Duration(days) * 24 * time.Hour)
		j.ok(j.room.Remind(context.Background()))
	}
	wait(639)
	j.is("too early", len(j.letters), 0)
	wait(1)
	wait(30)
	wait(23)
	j.is("letters", strings.Join(j.letters, ", "), "Le Relais numérique 60, Le Relais numérique 30, Le Relais numérique 7")
	renewal := j.starts()
	j.is("answers are taken along", renewal.Answers["welcome"].Meets, "yes")
	j.is("renews", *renewal.Renews, vouchers.DayOf(j.Clock.Now()).AddDays(7))
	j.sends(j.fills(renewal))
	j.letters = nil
	wait(1)
	j.is("nobody is told who has applied", len(j.letters), 0)
	j.decides(j.Operator, renewal, "grant")
	entries, err := j.room.Register(t.Context(), identity.Actor{}, applications.RegisterQuery{Limit: 100})
	j.ok(err)
	reasons := map[vouchers.LabelID]string{}
	for _, e := range entries {
		reasons[e.Label] = e.EndReason
	}
	j.is("the first label's end", reasons[*a.Label], "renewed")
}

func TestCriteriaHaveVersionsThatStay(t *testing.T) {
	t.Parallel()
	j := setup(t)
	ctx := t.Context()
	old := j.starts()
	form := applications.Form{{Code: "welcome", Title: "Accueil", Text: "Le lieu accueille le public.", Proof: "none", Required: true},
		{Code: "young", Title: "Jeunes", Text: "Le lieu accueille les jeunes.", Proof: "optional"}}
	own := applications.Kind{Code: labelling.OwnKind, Name: "Label Passerelle", Summary: "x"}
	c, err := j.room.Publish(ctx, j.Operator, applications.NewCriteria{Kind: own, Form: form})
	j.ok(err)
	j.is("version", c.Version, 2)
	c, err = j.room.Publish(ctx, j.Operator, applications.NewCriteria{Kind: applications.Kind{Code: "jeunes", Name: "Label Jeunes"}, Form: form})
	j.ok(err)
	j.is("version of the new label", c.Version, 1)
	all, err := j.room.Published(ctx, identity.Actor{})
	j.ok(err)
	j.is("published", len(all), 3)
	old, err = j.room.Open(ctx, j.relais, old.ID)
	j.ok(err)
	j.is("the open application keeps its criteria", old.Version, 1)
	for code, wrong := range map[string]applications.NewCriteria{
		"criteria_count":   {Kind: own},
		"criterion_wrong":  {Kind: own, Form: applications.Form{form[0], form[0]}},
		"label_kind_wrong": {Kind: applications.Kind{Code: "Jeunes!", Name: "x"}, Form: form},
	} {
		_, err := j.room.Publish(ctx, j.Operator, wrong)
		j.refused(err, code)
	}

	// A place may hold labels of both kinds.
	j.decides(j.Operator, j.sends(j.fills(old)), "grant")
	young, err := j.room.Start(ctx, j.relais, j.place, "jeunes")
	j.ok(err)
	j.decides(j.Operator, j.sends(j.fills(young)), "grant")
	mine, err := j.Labelling.Mine(ctx, j.relais)
	j.ok(err)
	j.is("places", len(mine), 1)
	entries, err := j.room.Register(ctx, identity.Actor{}, applications.RegisterQuery{Kind: "jeunes", Limit: 10})
	j.ok(err)
	j.is("register of the kind", len(entries), 1)
}

func TestWhoMayWhat(t *testing.T) {
	t.Parallel()
	j := setup(t)
	ctx := t.Context()
	_, err := j.room.Start(ctx, j.Structure.Actor, j.place, "")
	j.refused(err, "not_found")
	_, err = j.room.Start(ctx, j.relais, j.place, "none")
	j.refused(err, "label_kind_unknown")
	a := j.starts()
	_, err = j.room.Open(ctx, j.Operator, a.ID)
	j.refused(err, "not_found") // a draft is its structure's alone
	for _, err := range []error{second(j.room.Open(ctx, j.Structure.Actor, a.ID)), second(j.room.Save(ctx, j.Structure.Actor, a.ID, applications.Saved{})),
		second(j.room.Send(ctx, j.Structure.Actor, a.ID)), second(j.room.Withdraw(ctx, j.Structure.Actor, a.ID)), second(j.room.Open(ctx, j.relais, 999))} {
		j.refused(err, "not_found")
	}
	for code, req := range map[string]applications.Saved{
		"criterion_unknown": {Answers: map[string]applications.Answer{"none": {Meets: "yes"}}},
		"answer_unknown":    {Answers: map[string]applications.Answer{"welcome": {Meets: "maybe"}}},
		"note_too_long":     {Answers: map[string]applications.Answer{"welcome": {Meets: "yes", Note: strings.Repeat("é", 2001)}}},
		"file_type":         {Proofs: map[string]files.Upload{"welcome": {Name: "x", Content: []byte("<html>")}}},
	} {
		_, err := j.room.Save(ctx, j.relais, a.ID, req)
		j.refused(err, code)
	}
	a = j.sends(j.fills(a))
	_, err = j.room.Decide(ctx, j.relais, a.ID, applications.Decision{Decision: "grant"})
	j.refused(err, "forbidden")
	_, err = j.room.Decide(ctx, j.Operator, a.ID, applications.Decision{Decision: "suspend"})
	j.refused(err, "decision_unknown")
	a = j.decides(j.Operator, a, "ask")
	more := applications.Saved{Remove: make([]vouchers.ProofID, 50), Proofs: map[string]files.Upload{"welcome": world.RIB}}
	for range 20 - len(a.Proofs) {
		j.ok(second(j.room.Save(ctx, j.relais, a.ID, more)))
	}
	_, err = j.room.Save(ctx, j.relais, a.ID, more)
	j.refused(err, "too_many_proofs")
	own, err := j.room.Open(ctx, j.relais, a.ID)
	j.ok(err)
	all, err := j.room.Of(ctx, j.relais)
	j.ok(err)
	a, err = j.room.Withdraw(ctx, j.relais, a.ID)
	j.ok(err)
	for _, shown := range []applications.Application{own, all[0], a} {
		j.is("who decides is not told", shown.Events[1].Person, "")
	}
	j.is("state", a.State, applications.Withdrawn)
	_, err = j.room.Decide(ctx, j.Operator, a.ID, applications.Decision{Decision: "grant"})
	j.refused(err, "application_not_waiting")
	_, err = j.room.Withdraw(ctx, j.relais, a.ID)
	j.refused(err, "application_decided")
}

func second[T any](_ T, err error) error { return err }

func TestTwoReviewersDecideOnce(t *testing.T) {
	t.Parallel()
	j := setup(t)
	a := j.applies()
	ends := vouchers.DayOf(j.Clock.Now()).AddDays(700)
	var wg sync.WaitGroup
	results := make(chan error, 8)
	for i := range 8 {
		who := []identity.Actor{j.Operator, j.second}[i%2]
		wg.Go(func() {
			_, err := j.room.Decide(context.WithoutCancel(t.Context()), who, a.ID, applications.Decision{Decision: "grant", EndsOn: ends})
			results <- err
		})
	}
	wg.Wait()
	close(results)
	granted := 0
	for err := range results {
		if err == nil {
			granted++
		} else {
			j.refused(err, "application_not_waiting")
		}
	}
	j.is("granted", granted, 1)
}

func TestACampaignChoosesTheLabelsThatItAccepts(t *testing.T) {
	t.Parallel()
	j := setup(t)
	ctx := t.Context()
	form := applications.Form{{Code: "young", Title: "Jeunes", Text: "Le lieu accueille les jeunes.", Proof: "none"}}
	_, err := j.room.Publish(ctx, j.Operator, applications.NewCriteria{Kind: applications.Kind{Code: "jeunes", Name: "Label Jeunes"}, Form: form})
	j.ok(err)
	programmes := db.Strings{"France Services"}
	_, err = j.Catalogue.Correct(ctx, j.Structure.Actor, j.Structure.Place, labelling.Correction{Programmes: &programmes})
	j.ok(err)
	today := vouchers.DayOf(j.Clock.Now())
	rules := campaigns.Rules{Name: "Jeunes", Face: 10_00, BookletSize: 10, StartsOn: today, EndsOn: today.AddDays(120), PriceCap: 10, Labels: []string{"jeune"}}
	_, err = j.Campaigns.Define(ctx, j.Funder, rules)
	j.refused(err, "accepted_label_unknown")

	booklet := func(labels ...string) issuing.Booklet {
		rules.Labels = labels
		c, err := j.Campaigns.Define(ctx, j.Funder, rules)
		j.ok(err)
		j.Fund(c, 100_00)
		_, err = j.Issuing.Allocate(ctx, j.Funder, issuing.AllocateRequest{Campaign: c.ID, Prescriber: j.Prescriber.Organisation, Vouchers: 10})
		j.ok(err)
		return j.HandOver(c, 10)
	}
	young, national := booklet("jeunes"), booklet("France Services")
	j.decides(j.Operator, j.applies(), "grant")
	here, there := world.Structure{Actor: j.relais, Place: j.place}, j.Structure
	for _, b := range []issuing.Booklet{young, national} {
		_, err = j.Counter.Redeem(ctx, here.Actor, world.Request(b, 1))
		j.refused(err, "label_not_accepted")
	}
	_, err = j.Counter.Redeem(ctx, there.Actor, world.Request(young, 1))
	j.refused(err, "label_not_accepted")
	j.Redeem(there, national, 1)
	a, err := j.room.Start(ctx, j.relais, j.place, "jeunes")
	j.ok(err)
	j.decides(j.Operator, j.sends(j.fills(a)), "grant")
	j.Redeem(here, young, 1)
	near := func(c vouchers.CampaignID) int {
		found := 0
		j.InTx(func(tx *db.Tx) error {
			places, err := labelling.Nearest(ctx, tx, labelling.NearQuery{Lat: 45.88, Lon: 6.32, Campaign: c, Limit: 9})
			found = len(places)
			return err
		})
		return found
	}
	j.is("places near for the young", near(young.Campaign), 1)
	j.is("places near for all", near(j.Campaign.ID), 2)
	j.InTx(func(tx *db.Tx) error {
		found, err := reporting.Verify(ctx, tx, settlement.FileOf)
		for _, f := range found {
			if !f.OK {
				t.Errorf("%s: %q", f.ID, f.Evidence)
			}
		}
		return err
	})
}

package labelling_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// setup is a world and its day.
func setup(t *testing.T) (*world.World, vouchers.Day) {
	t.Helper()
	w := world.New(t)
	return w, vouchers.DayOf(w.Clock.Now())
}

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	if fault.Code(err) != code {
		t.Errorf("got %v, want the fault %s", err, code)
	}
}

// claimed adds a place that a new structure answers for.
func claimed(t *testing.T, w *world.World, name string) world.Structure {
	t.Helper()
	s := world.Structure{Actor: w.Organisation(identity.Structure, name), Place: w.NewPlace(name, "")}
	if _, err := w.Labelling.Claim(t.Context(), s.Actor, labelling.ClaimRequest{Place: s.Place}); err != nil {
		t.Fatal(err)
	}
	return s
}

func near(t *testing.T, w *world.World, q labelling.NearQuery) []labelling.Place {
	t.Helper()
	var found []labelling.Place
	w.InTx(func(tx *db.Tx) (err error) {
		found, err = labelling.Nearest(t.Context(), tx, q)
		return err
	})
	return found
}

func TestAPlaceIsClaimedPricedLabelledFoundAndLosesItsLabel(t *testing.T) {
	t.Parallel()
	w, today := setup(t)
	s := claimed(t, w, "Le Relais numérique")
	offers := []catalogue.Offer{{Theme: world.Theme, PriceVouchers: 2, DurationMinutes: 90}}
	if _, err := w.Catalogue.SetServices(t.Context(), s.Actor, s.Place, offers); err != nil {
		t.Fatal(err)
	}
	queue, err := w.Labelling.Labels(t.Context(), w.Operator)
	if err != nil || len(queue.Waiting) != 1 || queue.Waiting[0].Place != s.Place || queue.Waiting[0].Services != 1 || queue.Waiting[0].HasBank {
		t.Fatalf("the queue: %+v, %v", queue, err)
	}
	label, err := w.Labelling.GrantLabel(t.Context(), w.Operator, labelling.Grant{Place: s.Place, EndsOn: today.AddDays(365)})
	if err != nil || label.StartsOn != today {
		t.Fatalf("the label: %+v, %v", label, err)
	}
	mine, err := w.Labelling.Mine(t.Context(), s.Actor)
	if err != nil || len(mine) != 1 || !mine[0].Labelled || len(mine[0].Services) != 1 || mine[0].Services[0].PriceVouchers != offers[0].PriceVouchers {
		t.Fatalf("the structure's places: %+v, %v", mine, err)
	}
	here := labelling.NearQuery{Lat: 45.88, Lon: 6.32, Limit: 10}
	if found := near(t, w, here); len(found) != 2 {
		t.Fatalf("%d places near, want the world's and ours", len(found))
	}
	if _, err := w.Labelling.EndLabel(t.Context(), w.Operator, labelling.End{Label: label.ID, Reason: "Le lieu a fermé."}); err != nil {
		t.Fatal(err)
	}
	if found := near(t, w, here); len(found) != 1 || found[0].ID == s.Place {
		t.Errorf("a place without label is found: %+v", found)
	}
	_, err = w.Labelling.EndLabel(t.Context(), w.Operator, labelling.End{Label: label.ID, Reason: "Encore."})
	wantFault(t, err, "label_over")
}

func TestALabelHoldsUntilTheEndOfItsLastDayInParis(t *testing.T) {
	t.Parallel()
	w, today := setup(t)
	s := claimed(t, w, "La Fabrique")
	if _, err := w.Labelling.GrantLabel(t.Context(), w.Operator, labelling.Grant{Place: s.Place, EndsOn: today}); err != nil {
		t.Fatal(err)
	}
	midnight := today.AddDays(1).Time()
	for at, want := range map[time.Time]bool{midnight.Add(-time.Second): true, midnight: false} {
		w.Clock.Set(at)
		if p, err := w.Labelling.Open(t.Context(), identity.Actor{}, s.Place); err != nil || p.Labelled != want {
			t.Errorf("at %s: labelled %v, want %v, %v", at, p.Labelled, want, err)
		}
	}
	if _, err := w.Labelling.GrantLabel(t.Context(), w.Operator, labelling.Grant{Place: s.Place, EndsOn: today.AddDays(100)}); err != nil {
		t.Errorf("a place whose label has run out gets no new one: %v", err)
	}
}

func TestALabelAboutToEndIsRenewedWithoutAGap(t *testing.T) {
	t.Parallel()
	w, today := setup(t)
	s := claimed(t, w, "La Fabrique")
	grant := func(starts, ends vouchers.Day) error {
		_, err := w.Labelling.GrantLabel(t.Context(), w.Operator, labelling.Grant{Place: s.Place, StartsOn: starts, EndsOn: ends})
		return err
	}
	if err := grant(today, today+labelling.RenewalDays+1); err != nil {
		t.Fatal(err)
	}
	wantFault(t, grant(today, today+400), "label_in_force")
	w.Clock.Add(24 * time.Hour)
	if q, err := w.Labelling.Labels(t.Context(), w.Operator); err != nil || len(q.Ending) != 1 || q.Ending[0].Place != s.Place {
		t.Errorf("labels about to end: %+v, %v", q.Ending, err)
	}
	wantFault(t, grant(today+30, today+400), "label_in_force")
	if err := grant(today+1, today+400); err != nil {
		t.Errorf("no renewal: %v", err)
	}
	if p, err := w.Labelling.Open(t.Context(), identity.Actor{}, s.Place); err != nil || !p.Labelled || p.Label.EndsOn != today+400 {
		t.Errorf("after renewal: %+v, %v", p.Label, err)
	}
}

func TestLabelsAreRefused(t *testing.T) {
	t.Parallel()
	w, today := setup(t)
	s := claimed(t, w, "La Fabrique")
	alone := w.NewPlace("Personne ne répond", "")
	grant := func(actor identity.Actor, place vouchers.PlaceID, starts, ends vouchers.Day) error {
		_, err := w.Labelling.GrantLabel(t.Context(), actor, labelling.Grant{Place: place, StartsOn: starts, EndsOn: ends})
		return err
	}
	wantFault(t, grant(w.Operator, alone, 0, today+10), "place_unclaimed")
	wantFault(t, grant(w.Operator, 999_999, 0, today+10), "not_found")
	wantFault(t, grant(w.Operator, s.Place, today+20, today+10), "label_ends_before_start")
	wantFault(t, grant(w.Operator, s.Place, today-20, today-10), "label_in_the_past")
	wantFault(t, grant(w.Operator, s.Place, today, today+5*366+1), "label_too_long")
	wantFault(t, grant(w.Operator, s.Place, today+367, today+400), "label_starts_too_far")
	wantFault(t, grant(s.Actor, s.Place, 0, today+10), "forbidden")
	wantFault(t, grant(identity.Actor{}, s.Place, 0, today+10), "unauthenticated")
	_, err := w.Labelling.EndLabel(t.Context(), w.Operator, labelling.End{Label: 1, Reason: " "})
	wantFault(t, err, "reason_missing")
	_, err = w.Labelling.EndLabel(t.Context(), w.Operator, labelling.End{Label: 999_999, Reason: "Fermé."})
	wantFault(t, err, "not_found")
}

func TestClaimsAreRefused(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	s := claimed(t, w, "La Fabrique")
	other := w.Organisation(identity.Structure, "Le Relais")
	claim := func(actor identity.Actor, place vouchers.PlaceID) error {
		_, err := w.Labelling.Claim(t.Context(), actor, labelling.ClaimRequest{Place: place})
		return err
	}
	wantFault(t, claim(other, s.Place), "place_claimed")
	wantFault(t, claim(s.Actor, s.Place), "place_already_yours")
	wantFault(t, claim(other, w.NewPlace("Mairie", "73282932000074")), "place_has_other_siret")
	wantFault(t, claim(other, 999_999), "not_found")
	wantFault(t, claim(w.Operator, s.Place), "forbidden")
	reader := other
	reader.Role = identity.Reader
	wantFault(t, claim(reader, w.NewPlace("Mairie annexe", "")), "forbidden")
	narrow := other
	narrow.Scopes = []string{"redemptions"}
	wantFault(t, claim(narrow, w.NewPlace("École", "")), "scope_missing")
}

func TestOfManyClaimsOfAPlaceOneSucceeds(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	place := w.NewPlace("Le lieu que tous veulent", "")
	const rivals = 8
	actors := make([]identity.Actor, rivals)
	for i := range actors {
		actors[i] = w.Organisation(identity.Structure, "Structure")
	}
	errs := make([]error, rivals)
	var all sync.WaitGroup
	for i := range rivals {
		all.Go(func() {
			_, errs[i] = w.Labelling.Claim(t.Context(), actors[i], labelling.ClaimRequest{Place: place})
		})
	}
	all.Wait()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
			continue
		}
		wantFault(t, err, "place_claimed")
	}
	if winners != 1 {
		t.Errorf("%d structures got the place", winners)
	}
}

func TestOfManyGrantsOfALabelOneSucceeds(t *testing.T) {
	t.Parallel()
	w, today := setup(t)
	s := claimed(t, w, "La Fabrique")
	errs := make([]error, 6)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = w.Labelling.GrantLabel(t.Context(), w.Operator, labelling.Grant{Place: s.Place, EndsOn: today + 300})
		})
	}
	all.Wait()
	granted := 0
	for _, err := range errs {
		if err == nil {
			granted++
			continue
		}
		wantFault(t, err, "label_in_force")
	}
	if granted != 1 {
		t.Errorf("%d labels for one place", granted)
	}
}

func TestAClaimSentTwiceIsOneClaim(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	s := w.Organisation(identity.Structure, "La Fabrique")
	place := w.NewPlace("La Fabrique", "")
	for i, replayed := range []bool{false, true} {
		ctx, token := once.With(t.Context(), "claim-0001")
		p, err := w.Labelling.Claim(ctx, s, labelling.ClaimRequest{Place: place})
		if err != nil || p.ID != place || p.Structure != s.Organisation || token.Replayed != replayed {
			t.Errorf("claim %d: place %d of %d, replayed %v, %v", i, p.ID, p.Structure, token.Replayed, err)
		}
	}
}

func TestNearestAnswersWhatTheCounterWouldTake(t *testing.T) {
	t.Parallel()
	w, today := setup(t)
	define := func(rules campaigns.Rules) vouchers.CampaignID {
		rules.Name, rules.Face, rules.BookletSize, rules.PriceCap = "Essai", 10_00, 10, 5
		rules.StartsOn, rules.EndsOn = today, today+100
		c, err := w.Campaigns.Define(t.Context(), w.Funder, rules)
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	here := labelling.NearQuery{Lat: 45.88, Lon: 6.32}
	for name, c := range map[string]struct {
		rules campaigns.Rules
		found int
	}{
		"everywhere":                   {campaigns.Rules{}, 1},
		"its commune":                  {campaigns.Rules{Communes: []string{"74280"}}, 1},
		"its département":              {campaigns.Rules{Departements: []string{"74"}}, 1},
		"another commune":              {campaigns.Rules{Communes: []string{"74010"}}, 0},
		"its theme":                    {campaigns.Rules{Themes: []string{world.Theme}}, 1},
		"another theme":                {campaigns.Rules{Themes: []string{"employment"}}, 0},
		"another commune or its own":   {campaigns.Rules{Communes: []string{"74010"}, Departements: []string{"74"}}, 1},
		"its commune, another service": {campaigns.Rules{Communes: []string{"74280"}, Themes: []string{"employment"}}, 0},
	} {
		q := here
		q.Campaign = define(c.rules)
		if found := near(t, w, q); len(found) != c.found {
			t.Errorf("%s: %d places, want %d", name, len(found), c.found)
		}
	}
	q := here
	q.Campaign = 999_999
	if found := near(t, w, q); len(found) != 0 {
		t.Errorf("a campaign that does not exist has %d places", len(found))
	}
}

func TestDistancesAndRadius(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	const lat, lon = 45.8992, 6.1294 // Annecy
	want := territory.DistanceKm(lat, lon, 45.8811, 6.3256)
	found := near(t, w, labelling.NearQuery{Lat: lat, Lon: lon})
	if len(found) != 1 || found[0].Km == nil || math.Abs(*found[0].Km-want) > 1e-6 {
		t.Fatalf("want one place at %f km, got %+v", want, found)
	}
	for radius, count := range map[float64]int{want - 0.1: 0, want + 0.1: 1, 1e5: 1} {
		if found := near(t, w, labelling.NearQuery{Lat: lat, Lon: lon, RadiusKm: radius}); len(found) != count {
			t.Errorf("within %f km: %d places, want %d", radius, len(found), count)
		}
	}
}

func TestAnswersNameNoAccount(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	p, err := w.Labelling.Open(context.Background(), identity.Actor{}, w.Structure.Place)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(p)
	if err != nil || strings.Contains(string(body), "iban") || !strings.Contains(string(body), `"labelled":true`) {
		t.Errorf("%s, %v", body, err)
	}
}

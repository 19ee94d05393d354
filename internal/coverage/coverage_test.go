package coverage_test

import (
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/coverage"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAFunderSeesWhoHasAPlaceAndWhomToRecruit(t *testing.T) {
	t.Parallel()
	w := world.New(t) // its one labelled place is in Thônes
	room := coverage.New(w.DB)
	w.NewPlace("Médiathèque de Thônes", "")
	epci, _ := territory.Lookup("74280")
	sim, err := room.Simulate(t.Context(), identity.Actor{}, coverage.Request{Area: territory.Area{EPCIs: []string{epci.EPCI}}, RadiusKm: 5})
	if err != nil || sim.Taking != 1 || len(sim.Places) != 2 || sim.Covered == 0 || sim.Covered >= sim.People || !sim.ByCommune {
		t.Fatalf("%+v, %v", sim, err)
	}
	if len(sim.Recruits) != 0 {
		t.Errorf("the second place of Thônes brings nobody nearer: %+v", sim.Recruits)
	}
	if first := sim.Rows[0]; first.Covered == first.People {
		t.Errorf("the first row is of people who are near: %+v", first)
	}
	none, err := room.Simulate(t.Context(), identity.Actor{}, coverage.Request{Area: territory.Area{EPCIs: []string{epci.EPCI}}, Themes: []string{"employment"}})
	if err != nil || none.Taking != 0 || none.Covered != 0 || len(none.Recruits) != 1 {
		t.Errorf("nobody offers employment, any place may: %d take it, %+v, %v", none.Taking, none.Recruits, err)
	}
}

func TestACampaignSeesWhereItsVouchersHaveNowhereToGo(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	room := coverage.New(w.DB)
	hand := func(insee string, times int) (last issuing.Booklet) {
		for range times {
			booklet, err := w.Issuing.HandOver(t.Context(), w.Prescriber,
				issuing.HandOverRequest{Campaign: w.Campaign.ID, Count: 2, INSEE: insee})
			if err != nil {
				t.Fatal(err)
			}
			last = booklet
		}
		return last
	}
	hand("74280", 12) // Thônes, where the place is
	hand("74056", 11) // Chamonix, far from it
	hand("74010", 3)  // too few to be shown
	near := hand("74280", 1)
	l, err := room.AfterLaunch(t.Context(), w.Funder, w.Campaign.ID, 10)
	if err != nil || l.Booklets != 27 || l.Known != 27 || l.Far != 14 || l.Hidden == 0 {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, c := range l.Communes {
		if c.INSEE == "74010" {
			t.Error("a commune of three booklets is shown")
		}
	}
	if len(l.Full) != 1 || l.Full[0].ID != w.Structure.Place || l.Full[0].Booklets != 13 || len(l.Unused) != 1 {
		t.Errorf("full %+v, unused %+v", l.Full, l.Unused)
	}

	w.Redeem(w.Structure, near, 1)
	offers, err := w.Catalogue.Services(t.Context(), identity.Actor{}, w.Structure.Place)
	if err != nil {
		t.Fatal(err)
	}
	at := w.Clock.Now().Add(72 * time.Hour)
	if _, err := agenda.New(w.DB).Publish(t.Context(), w.Structure.Actor, w.Structure.Place,
		agenda.NewSession{Service: offers[0].ID, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 4}); err != nil {
		t.Fatal(err)
	}
	if l, err = room.AfterLaunch(t.Context(), w.Funder, w.Campaign.ID, 10); err != nil || len(l.Full) != 0 || len(l.Unused) != 0 {
		t.Errorf("after a session and a redemption: full %+v, unused %+v, %v", l.Full, l.Unused, err)
	}
	other := w.Organisation(identity.Funder, "Autre mairie")
	if _, err := room.AfterLaunch(t.Context(), other, w.Campaign.ID, 10); fault.Code(err) != "not_found" {
		t.Errorf("another funder: %v", err)
	}
}

func TestACampaignIsCoveredInsideItsAreaOnly(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	today := vouchers.DayOf(w.Clock.Now())
	c, err := w.Campaigns.Define(t.Context(), w.Funder, campaigns.Rules{Name: "Chamonix", Face: 1000, BookletSize: 5, StartsOn: today,
		EndsOn: today + 60, PriceCap: 4, Communes: []string{"74056"}})
	if err != nil {
		t.Fatal(err)
	}
	_, sim, err := coverage.New(w.DB).OfCampaign(t.Context(), w.Funder, c.ID, 20, 50)
	if err != nil || sim.Covered != 0 || len(sim.Places) != 0 || len(sim.Communes) != 1 {
		t.Errorf("%+v, %v", sim, err)
	}
}

package agenda_test

import (
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

func TestAPlacePublishesASessionOfItsService(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	room, at := agenda.New(w.DB), w.Clock.Now().Add(48*time.Hour)
	offers, err := w.Catalogue.SetServices(t.Context(), w.Structure.Actor, w.Structure.Place, []catalogue.Offer{
		{Theme: world.Theme, Title: "Premiers pas", PriceVouchers: 2, DurationMinutes: 90, Meetings: 4}})
	if err != nil {
		t.Fatal(err)
	}
	published, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place, agenda.NewSession{
		Service: offers[0].ID, StartsAt: at, EndsAt: at.Add(90 * time.Minute), Seats: 8, WaitingSeats: 3, Note: " Apportez votre téléphone. "})
	if err != nil || published.Kind != agenda.Course || published.Title != "Premiers pas" || published.Price != 2 ||
		published.Seats != 8 || published.Note != "Apportez votre téléphone." || !published.StartsAt.Equal(at) {
		t.Errorf("%+v, %v", published, err)
	}
}

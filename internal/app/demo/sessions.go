package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// wordsOf are what places say of a service besides its theme.
var wordsOf = map[string]labelling.Offer{
	"everyday_tools": {Title: "Premiers pas : téléphone, ordinateur, e-mail", Description: "En petit groupe, à votre rythme. Venez avec votre appareil si vous en avez un.",
		Topics: db.Strings{"Email", "PrendreEnMainDuMateriel"}, Level: "beginner", Modes: db.Strings{"group"}},
	"administrative_help": {Description: "Avec un médiateur, vos papiers et vos codes d’accès restent à vous.",
		Topics: db.Strings{"AideAuxDemarchesAdministratives", "SocialSante"}, Modes: db.Strings{"individual"}},
	"online_safety": {Title: "Déjouer les arnaques", Topics: db.Strings{"SecuriteNumerique"}, Modes: db.Strings{"group"}, Audiences: db.Strings{"Seniors"}},
}

// publishSessions lets places announce when their first service takes place: every week for a
// month, on a day and at an hour of their own. Every fourth place announces nothing.
func (p *play) publishSessions(ctx context.Context) error {
	n := 0
	for _, s := range p.structures {
		for _, place := range s.places {
			n++
			if n%4 == 0 {
				continue
			}
			var card struct {
				Services []labelling.Offer `json:"services"`
			}
			path := fmt.Sprintf("/places/%d", place.id)
			if err := s.agent.get(ctx, path, &card); err != nil {
				return err
			}
			if len(card.Services) == 0 {
				continue
			}
			day := p.workday(lasts + 2 + n%7)
			start := p.start.AddDate(0, 0, day).Add(time.Duration(8+n%7) * time.Hour)
			session := agenda.NewSession{Service: card.Services[0].ID, StartsAt: start,
				EndsAt: start.Add(time.Duration(card.Services[0].DurationMinutes) * time.Minute), Seats: 4 + n%5, Times: 4}
			var published struct {
				Items []agenda.Session `json:"items"`
			}
			if err := s.agent.post(ctx, path+"/sessions", session, &published); err != nil {
				return err
			}
			p.sessions = append(p.sessions, published.Items[0])
			if n%slotsEvery == 1 {
				if err := p.publishSlots(ctx, s, path, card.Services[0]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

const (
	slotsEvery = 3  // places that publish sessions
	seatsMost  = 30 // booked in the play
)

// publishSlots lets a place help one person at a time on two afternoons of the week.
func (p *play) publishSlots(ctx context.Context, s *structure, path string, o labelling.Offer) error {
	hours := agenda.NewSlots{Service: o.ID, Weekdays: []int{2, 4}, From: "14:00", Until: "17:00", Minutes: min(o.DurationMinutes, 90),
		FirstDay: p.date(lasts + 2), Weeks: 3}
	err := s.agent.post(ctx, path+"/slots", hours, nil)
	if codeOf(err) == "slot_course" {
		return nil
	}
	return err
}

// nextFor is the next session where the holder of a booklet mostly goes, or anywhere.
func (p *play) nextFor(b *booklet, i int) vouchers.SessionID {
	for _, s := range p.sessions {
		if int64(s.Place) == int64(b.home.place.id) {
			return s.ID
		}
	}
	return p.sessions[i%len(p.sessions)].ID
}

// bookSessions lets prescribers book the next sessions for some of those who hold a booklet.
// Where no seat is left the person waits; some sessions are of no use for a booklet.
func (p *play) bookSessions(ctx context.Context) error {
	booked := 0
	for i := 1; i < len(p.booklets) && booked < seatsMost && len(p.sessions) > 0; i += 2 { // listCodes lists the others
		b := p.booklets[i]
		if b.frozen || b.left == 0 || b.campaign.ends < lasts {
			continue
		}
		request := booking.Request{Session: p.nextFor(b, i), Booklet: b.given.ID, Wait: true}
		if i%4 == 1 {
			request.Email = fmt.Sprintf("personne-%d@exemple.example", i)
		} else {
			request.Phone = "06 39 98 00 00" // of the block that is kept for invented numbers
		}
		switch err := b.prescriber.agent.post(ctx, "/bookings", request, nil); codeOf(err) {
		case "booking_place", "booking_theme", "booking_dates", "price_cap_exceeded", "vouchers_short":
		default:
			if err != nil {
				return err
			}
			booked++
		}
	}
	return nil
}

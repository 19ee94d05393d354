package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/labelling"
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
			if err := s.agent.post(ctx, path+"/sessions", session, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

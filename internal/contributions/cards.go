package contributions

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Card is a place's card that somebody should look at.
type Card struct {
	Place     vouchers.PlaceID `json:"place" db:"id"`
	Name      string           `json:"name" db:"name"`
	Town      string           `json:"town" db:"town"`
	Structure string           `json:"structure_name" db:"structure_name"`
	SureAt    time.Time        `json:"sure_at" db:"sure_at"` // when somebody was last sure of it
	To        string           `json:"-" db:"email"`         // the structure's address for notices
}

// StaleAt is when the public reads that the card is old.
func (c Card) StaleAt() time.Time { return c.SureAt.AddDate(0, labelling.StaleMonths, 0) }

// Confirm says that all on a card is still right: the structure's that answers for the
// place or, where there is none, the operator. A place that had closed is open again. Its
// fault is not_found.
func (s *Service) Confirm(ctx context.Context, actor identity.Actor, place vouchers.PlaceID) (labelling.Place, error) {
	if err := needsReview(actor, identity.Agent); err != nil {
		return labelling.Place{}, err
	}
	var after labelling.Place
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "confirm_place", map[string]any{"place": place}, func() (labelling.Place, error) {
			now, err := lockCard(ctx, tx, actor, place)
			if err != nil {
				return labelling.Place{}, err
			}
			return labelling.Confirm(ctx, tx, actor, now)
		})
		return err
	})
	return after, err
}

// lockCard locks a place whose card the actor looks after.
func lockCard(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PlaceID) (labelling.Place, error) {
	if err := labelling.Lock(ctx, tx, id); err != nil {
		return labelling.Place{}, err
	}
	p, err := labelling.PlaceOf(ctx, tx, id)
	if err != nil {
		return p, err
	}
	if !LooksAfter(actor, p, tx.Now) {
		return p, fault.New(fault.NotFound, "not_found")
	}
	return p, nil
}

// Mail is what waits for a structure. The newest of all that was ever said of its places name
// its letter: without anything new there is no other.
type Mail struct {
	Structure         vouchers.OrganisationID `db:"id"`
	To                string                  `db:"email"`
	Count             int                     `db:"count"`
	NewestReport      vouchers.ReportID       `db:"newest_report"`
	NewestTranslation vouchers.TranslationID  `db:"newest_translation"`
}

// Remind, once a day, tells structures what was said of their places, asks them about cards
// that will soon be a year old, and alerts the operator of labelled places whose card would be
// hidden. Whoever writes the letters sends one for each card and SureAt, however often it is
// asked.
func (s *Service) Remind(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		due, err := cardsToConfirm(ctx, tx, 0)
		if err != nil {
			return err
		}
		for _, c := range due {
			if err := s.notify.Confirm(ctx, tx, c.To, c); err != nil {
				return err
			}
		}
		mails, err := waitingForStructures(ctx, tx)
		if err != nil {
			return err
		}
		for _, m := range mails {
			if err := s.notify.Waiting(ctx, tx, m.To, m); err != nil {
				return err
			}
		}
		alarming, err := alarmingCards(ctx, tx)
		if err != nil || len(alarming) == 0 {
			return err
		}
		to, err := identity.OperatorsAddress(ctx, tx)
		for _, c := range alarming {
			if err == nil {
				err = s.notify.Alert(ctx, tx, to, c)
			}
		}
		return err
	})
}

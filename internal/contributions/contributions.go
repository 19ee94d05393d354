// Package contributions keeps places' cards right with everybody's help: anyone says what
// has changed, volunteers translate, whoever answers for a place reviews both and confirms
// the card once a year.
package contributions

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/throttle"
	"github.com/passerelle/passerelle/vouchers"
)

// Notify writes the letters that go out.
type Notify struct {
	// Decided tells what became of reports and translations; letter names it.
	Decided func(ctx context.Context, tx *db.Tx, to string, letter int64, all []Outcome) error
	// Confirm asks a structure whether a card is still right.
	Confirm func(ctx context.Context, tx *db.Tx, to string, c Card) error
	// Waiting tells a structure that somebody has said something new of its places.
	Waiting func(ctx context.Context, tx *db.Tx, to string, m Mail) error
	// Alert tells the operator of a labelled place whose card nobody has confirmed.
	Alert func(ctx context.Context, tx *db.Tx, to string, c Card) error
}

// Service is the use cases of contributions.
type Service struct {
	db     *db.DB
	notify Notify
}

// New makes the service.
func New(d *db.DB, notify Notify) *Service { return &Service{d, notify} }

// About says which place a contribution is about.
type About struct {
	Place     vouchers.PlaceID        `json:"place" db:"place_id"`
	Name      string                  `json:"place_name" db:"name"`
	Town      string                  `json:"town" db:"town"`
	Structure vouchers.OrganisationID `json:"structure,omitempty" db:"structure_id"` // 0: nobody answers for the place
	MadeAt    time.Time               `json:"made_at" db:"made_at"`
	DecidedAt *time.Time              `json:"decided_at" db:"decided_at"`
	Accepted  *bool                   `json:"accepted" db:"accepted"` // nil: nobody has decided yet
	Answer    string                  `json:"answer" db:"answer"`     // why it was refused, or thanks
}

// Decision is what a reviewer makes of a contribution.
type Decision struct {
	Accepted bool    `json:"accepted"`
	Value    *string `json:"value,omitempty"` // of a report: written on the card instead of what was said
	Answer   string  `json:"answer"`          // told to whoever wants to know; a refusal needs one
}

// Queue is what an actor has to look at, the oldest first.
type Queue struct {
	Reports      []Report      `json:"reports"`
	Translations []Translation `json:"translations"`
	Cards        []Card        `json:"cards"` // to confirm
}

// Count is how much that is.
func (q Queue) Count() int { return len(q.Reports) + len(q.Translations) + len(q.Cards) }

// Waiting is what waits for the actor's structure, or for the operator.
func (s *Service) Waiting(ctx context.Context, actor identity.Actor) (Queue, error) {
	if err := needsReview(actor, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Queue{}, err
	}
	q := Queue{Reports: []Report{}, Translations: []Translation{}, Cards: []Card{}}
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		mine, operator, patient := reviewer(actor, tx.Now)
		if q.Reports, err = openReports(ctx, tx, mine, operator, patient); err != nil {
			return err
		}
		if err := sayWhatCardsSay(ctx, tx, q.Reports); err != nil {
			return err
		}
		if q.Translations, err = openTranslations(ctx, tx, mine, operator, patient); err != nil {
			return err
		}
		if operator {
			q.Cards, err = alarmingCards(ctx, tx)
			return err
		}
		q.Cards, err = cardsToConfirm(ctx, tx, mine)
		return err
	})
	return q, err
}

// needsReview refuses who is neither of a structure nor the operator.
func needsReview(actor identity.Actor, roles ...identity.Role) error {
	kind := identity.Structure
	if actor.Kind == identity.Operator {
		kind = identity.Operator
	}
	if err := actor.Needs(kind, roles...); err != nil {
		return err
	}
	return actor.NeedsScope(labelling.PlacesScope)
}

// take counts one contribution from an address of the Internet. Its fault is rate_limited.
func (s *Service) take(ctx context.Context, address string) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return throttle.Take(ctx, tx, "contribution:"+address, triesByAddress, triesWindow)
	})
}

// seen reads the place of a contribution, for whoever may know of it.
func seen(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID) (labelling.Place, error) {
	p, err := labelling.PlaceOf(ctx, tx, place)
	if err == nil && !p.SeenBy(actor) {
		err = fault.New(fault.NotFound, "not_found")
	}
	return p, err
}

// lockFor locks the place of a contribution and refuses a reviewer whose turn it is not.
func lockFor(ctx context.Context, tx *db.Tx, actor identity.Actor, about About) (labelling.Place, error) {
	if err := labelling.Lock(ctx, tx, about.Place); err != nil {
		return labelling.Place{}, err
	}
	p, err := labelling.PlaceOf(ctx, tx, about.Place)
	if err != nil {
		return p, err
	}
	about.Structure = p.Structure
	if !about.reviewedBy(actor, tx.Now) {
		return p, fault.New(fault.NotFound, "not_found")
	}
	return p, nil
}

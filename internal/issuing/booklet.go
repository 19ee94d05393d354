package issuing

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// Booklet is a booklet as its prescriber sees it.
type Booklet struct {
	ID           vouchers.BookletID  `json:"id" db:"id"`
	Campaign     vouchers.CampaignID `json:"campaign" db:"campaign_id"`
	CampaignName string              `json:"campaign_name" db:"campaign_name"`
	Funder       string              `json:"funder" db:"funder_name"`
	Count        int                 `json:"count" db:"vouchers"`
	Left         int                 `json:"vouchers_left" db:"left"`
	Frozen       int                 `json:"vouchers_frozen" db:"frozen"`
	Face         vouchers.Cents      `json:"face_cents" db:"face_cents"`
	From         vouchers.Day        `json:"from" db:"from_on"`
	Until        vouchers.Day        `json:"until" db:"until_on"`
	LastDay      vouchers.Day        `json:"last_day" db:"last_day"` // tolerance included
	HandedOverAt time.Time           `json:"handed_over_at" db:"handed_over_at"`
	KeyID        uint8               `json:"-" db:"key_id"`
	Letter       string              `json:"-" db:"letter"` // language that its funder has ordered for the paper; "" for none
	Origin

	QR    string `json:"qr,omitempty"`    // address in the QR code; only for whoever prints
	Typed string `json:"typed,omitempty"` // code to type; only for whoever prints
}

// Value is the face value of the whole booklet.
func (b Booklet) Value() vouchers.Cents { return b.Face * vouchers.Cents(b.Count) }

// LeftValue is the face value that can still be spent.
func (b Booklet) LeftValue() vouchers.Cents { return b.Face * vouchers.Cents(b.Left) }

// Reference is how people name the booklet on the telephone. It spends nothing.
func (b Booklet) Reference() string { return reference(b.ID) }

func reference(id vouchers.BookletID) string { return fmt.Sprintf("%06d", id) }

// Origin is where a booklet was handed over, as far as it is known.
type Origin struct {
	INSEE    string `json:"insee" db:"insee"` // the person's commune; "" where it was not asked
	Postcode string `json:"-" db:"postcode"`  // the prescriber's
	Town     string `json:"-" db:"town"`
}

// Commune is the person's commune, else the prescriber's: the nearest places are
// counted from there. It is false where neither is known.
func (o Origin) Commune() (territory.Commune, bool) {
	return territory.Resolve(territory.Clue{INSEE: o.INSEE, Postcode: o.Postcode, Name: o.Town})
}

// Open shows one of the prescriber's booklets, without its codes.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.BookletID) (Booklet, error) {
	if err := mayRead(actor); err != nil {
		return Booklet{}, err
	}
	var b Booklet
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if err := mustBelong(ctx, tx, id, actor.Organisation); err != nil {
			return err
		}
		b, err = booklet(ctx, tx, id)
		return err
	})
	return b, err
}

// HandOvers lists the prescriber's booklets below the cursor (0: the latest), newest
// first, without their codes.
func (s *Service) HandOvers(ctx context.Context, actor identity.Actor, before vouchers.BookletID, limit int) ([]Booklet, error) {
	if err := mayRead(actor); err != nil {
		return nil, err
	}
	var all []Booklet
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = handOvers(ctx, tx, actor.Organisation, before, min(max(limit, 1), 200))
		return err
	})
	return all, err
}

// Count is a number of booklets and of the vouchers in them.
type Count struct {
	Booklets int `db:"booklets"`
	Vouchers int `db:"vouchers"`
}

// Desk is what a prescriber's counter shows.
type Desk struct {
	Allocations []Allocation // those that vouchers may be handed over from today
	Today       Count
	Latest      []Booklet // newest first
}

// Desk reads the prescriber's counter, with at most limit booklets.
func (s *Service) Desk(ctx context.Context, actor identity.Actor, limit int) (Desk, error) {
	if err := mayRead(actor); err != nil {
		return Desk{}, err
	}
	var d Desk
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		all, err := allocations(ctx, tx, actor.Organisation)
		if err != nil {
			return err
		}
		today := vouchers.DayOf(tx.Now)
		d.Allocations = openOn(all, today)
		if d.Today, err = handedOverOn(ctx, tx, actor.Organisation, today); err != nil {
			return err
		}
		d.Latest, err = handOvers(ctx, tx, actor.Organisation, 0, limit)
		return err
	})
	return d, err
}

// openOn keeps the allocations of campaigns that hand over on that day.
func openOn(all []Allocation, today vouchers.Day) []Allocation {
	var open []Allocation
	for _, a := range all {
		if a.StartsOn <= today && today <= a.EndsOn {
			open = append(open, a)
		}
	}
	return open
}

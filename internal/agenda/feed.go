package agenda

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Feed is the calendar of a member of a structure: the sessions of all its places.
type Feed struct {
	Structure vouchers.OrganisationID `db:"structure_id"`
	Name      string                  `db:"name"` // of the structure
	Sessions  []Session               `db:"-"`
}

const (
	feedBack  = 31  // days
	feedAhead = 180 // days
)

// MakeFeed gives the actor a calendar's address, which nobody can guess, by its last part.
// The address that it had before works no longer.
func (s *Service) MakeFeed(ctx context.Context, actor identity.Actor) (token string, err error) {
	if err := needsAgenda(actor); err != nil {
		return "", err
	}
	token = rand.Text()
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := keepFeed(ctx, tx, actor, hashOf(token)); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "calendar_address_made", "agenda", nil, nil)
	})
	return token, err
}

// OpenFeed reads the calendar of whoever holds its address, as long as that member belongs
// to the structure. It tells how many seats are taken and not by whom.
func (s *Service) OpenFeed(ctx context.Context, _ identity.Actor, token string) (Feed, error) {
	var f Feed
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if f, err = feedOf(ctx, tx, hashOf(token)); err != nil {
			return err
		}
		f.Sessions, err = ofStructure(ctx, tx, f.Structure, tx.Now.AddDate(0, 0, -feedBack), tx.Now.AddDate(0, 0, feedAhead))
		return err
	})
	return f, err
}

func hashOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

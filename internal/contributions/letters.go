package contributions

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// letterEvery is how long an address waits between letters. Anybody may have typed it: it
// must not become a way to pester somebody.
const letterEvery = 24 * time.Hour

// followMonths is how long somebody waits at most to be told: an address that may have been
// typed by anybody is not kept for ever, even where nobody decides.
const followMonths = 24

// lettersAtOnce bounds the letters of one transaction.
const lettersAtOnce = 200

// Outcome is what became of a report or a translation.
type Outcome struct {
	Follower int64            `db:"id"`
	Address  string           `db:"address"`
	Place    vouchers.PlaceID `db:"place_id"`
	Name     string           `db:"name"`
	Field    string           `db:"field"` // of a report, "" of a translation
	Language string           `db:"language"`
	Accepted bool             `db:"accepted"`
	Answer   string           `db:"answer"`
}

// Tell writes to those who wanted to know what became of what they said: one letter a day to
// an address, with all that was decided. An address is forgotten once it needs no waiting,
// or has waited for long enough.
func (s *Service) Tell(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := forgetLetters(ctx, tx); err != nil {
			return err
		}
		if err := forgetFollowers(ctx, tx); err != nil {
			return err
		}
		due, err := outcomesToTell(ctx, tx)
		if err != nil {
			return err
		}
		for start := 0; start < len(due); {
			end := start + 1
			for end < len(due) && due[end].Address == due[start].Address {
				end++
			}
			letter := due[start:end]
			if err := s.notify.Decided(ctx, tx, letter[0].Address, letter[0].Follower, letter); err != nil {
				return err
			}
			if err := setTold(ctx, tx, letter); err != nil {
				return err
			}
			start = end
		}
		return nil
	})
}

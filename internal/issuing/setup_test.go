package issuing_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// stage is a world and what tests of issuing ask of it.
type stage struct {
	*world.World
	t *testing.T
}

func setup(t *testing.T) *stage { return &stage{world.New(t), t} }

// books are the balances of a campaign and of its funder.
type books struct{ funds, live, unused vouchers.Cents }

func (s *stage) books(c campaigns.Campaign) books {
	s.t.Helper()
	var b books
	s.InTx(func(tx *db.Tx) error {
		for account, balance := range map[ledger.Account]*vouchers.Cents{
			ledger.Funds(c.ID): &b.funds, ledger.Live(c.ID): &b.live, ledger.Unused(c.ID): &b.unused} {
			var err error
			if *balance, err = ledger.Balance(s.t.Context(), tx, account); err != nil {
				return err
			}
		}
		return nil
	})
	return b
}

func (s *stage) wantBooks(c campaigns.Campaign, want books) {
	s.t.Helper()
	if got := s.books(c); got != want {
		s.t.Errorf("the books say %+v, want %+v", got, want)
	}
}

// keyed is the test's context with an idempotency key.
func (s *stage) keyed(key string) (context.Context, *once.Token) {
	return once.With(s.t.Context(), key)
}

func (s *stage) card(b issuing.Booklet) issuing.Card {
	s.t.Helper()
	card, err := s.Issuing.OpenTicket(s.t.Context(), payloadOf(b))
	if err != nil {
		s.t.Fatal(err)
	}
	return card
}

func payloadOf(b issuing.Booklet) string { return b.QR[strings.LastIndex(b.QR, "/")+1:] }

// impatient is the room on a pool that redoes no transaction, so that a deadlock shows.
func (s *stage) impatient() *issuing.Service {
	silent := func(context.Context, *db.Tx, string, issuing.Booklet) error { return nil }
	return issuing.New(s.DB.WithoutRetries(), s.Keys, world.Origin, silent, slog.New(slog.DiscardHandler))
}

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	if got := fault.Code(err); got != code {
		t.Errorf("refused with %q (%v), want %q", got, err, code)
	}
}

// endOf is the last microsecond of a day in Paris, the finest that a column holds.
func endOf(d vouchers.Day) time.Time { return d.AddDays(1).Time().Add(-time.Microsecond) }

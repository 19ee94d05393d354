package faults_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// ownTime is SQL that asks PostgreSQL what time it is.
var ownTime = regexp.MustCompile(`(?i)\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(` +
	`|\b(current_(timestamp|date|time)|localtime(stamp)?)\b|'(now|today|tomorrow|yesterday)'`)

// Finding 9 of the threat model: PostgreSQL's clock may be wrong, so no SQL asks it.
func TestNoSQLAsksPostgreSQLForTheTime(t *testing.T) {
	t.Parallel()
	if !ownTime.MatchString("DEFAULT now()") || !ownTime.MatchString("at < CURRENT_DATE") {
		t.Fatal("the search finds nothing")
	}
	statement := regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|WITH)\b`)
	statements := 0
	for place, text := range texts(t) {
		// The limit of the benchmark is what pgbench does, which knows no other clock.
		if !statement.MatchString(text) || strings.HasSuffix(filepath.Dir(place), "internal/bench") {
			continue
		}
		statements++
		if ownTime.MatchString(text) {
			t.Errorf("%s: %.80q", place, text)
		}
	}
	if statements < 100 {
		t.Errorf("only %d statements were found", statements)
	}
	// What the schema itself does: defaults, checks, triggers. goose's own table tells
	// when a migration was applied.
	var asking []string
	must(t, pgtest.New(t).Read(t.Context(), func(tx *db.Tx) error {
		return tx.Select(t.Context(), &asking, `
			SELECT text FROM (
				SELECT c.relname || ': ' || pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
				UNION ALL SELECT conname || ': ' || pg_get_constraintdef(oid) FROM pg_constraint
				UNION ALL SELECT proname || ': ' || prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
			) AS definitions(text)`)
	}))
	if len(asking) < 100 {
		t.Errorf("only %d definitions were found", len(asking))
	}
	for _, text := range asking {
		if ownTime.MatchString(text) && !strings.HasPrefix(text, "goose_") {
			t.Error(text)
		}
	}
}

// Only the difference between the two clocks counts, so moving the program's clock is
// moving PostgreSQL's: a day ahead, a day behind, and half a year off. Whatever the server
// believes, the last day of a booklet ends when the program's clock says so.
func TestTheDaysOfABookletFollowTheProgramsClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-24 * time.Hour, 0, 24 * time.Hour, -182 * 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			clock := pgtest.NewClock()
			clock.Set(time.Now().UTC().Truncate(time.Microsecond).Add(off))
			w := world.NewOn(t, pgtest.URL(t), clock)
			b := w.HandOver(w.Campaign, 10)
			end := b.Until.AddDays(w.Campaign.ToleranceDays + 1).Time() // midnight in France
			clock.Set(end.Add(-time.Microsecond))
			r, _, err := redeem(t.Context(), w.Counter, w, "the-last-moment", b.Typed)
			if err != nil || !r.At.Equal(end.Add(-time.Microsecond)) {
				t.Errorf("at the last moment: %+v, %v", r, err)
			}
			clock.Set(end)
			if _, _, err := redeem(t.Context(), w.Counter, w, "one-moment-late", b.Typed); fault.Code(err) != "voucher_expired" {
				t.Errorf("one moment later: %v", err)
			}
			done, err := w.Issuing.ExpireDue(t.Context())
			must(t, err)
			if n := number(t, w.DB, `SELECT count(*) FROM vouchers WHERE state = 'expired'`); n != 9 {
				t.Errorf("%d vouchers are expired, want 9 (%v)", n, done)
			}
			if ids := broken(t, w.DB); len(ids) != 0 {
				t.Error(ids)
			}
		})
	}
}

// Nodes' clocks differ, and may be set back under way: by up to 4 seconds here, 5 are
// tolerated. An hour is not, and verify says so.
func TestAClockThatStepsBackKeepsTheLedgersTime(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	other := pgtest.NewClock()
	counter, err := redemption.New(t.Context(), pgtest.Open(t, w.URL, other), w.Keys, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(counter.Stop)
	all := booklets(t, w, 20)
	var working sync.WaitGroup
	for node, s := range []*redemption.Service{w.Counter, counter} {
		working.Go(func() {
			clock := []*pgtest.Clock{w.Clock, other}[node]
			for i := range 100 {
				clock.Set(pgtest.Start.Add(4*time.Second - time.Duration(i*7%5)*time.Second))
				key := fmt.Sprintf("stepping-%d-%d", node, i)
				if _, _, err := redeem(t.Context(), s, w, key, all[10*node+i/10].Typed); err != nil {
					t.Errorf("%s: %v", key, err)
				}
			}
		})
	}
	working.Wait()
	if ids := broken(t, w.DB); len(ids) != 0 {
		t.Error(ids)
	}
	w.Clock.Set(pgtest.Start.Add(-time.Hour))
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 1), 1)
	if ids := broken(t, w.DB); len(ids) != 1 || !slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "INV-20 ") }) {
		t.Errorf("an hour back, and verify says %v", ids)
	}
	if left := number(t, w.DB, `SELECT count(*) FROM vouchers WHERE state = $1`, vouchers.Live); left != 0 {
		t.Errorf("%d vouchers are left", left)
	}
}

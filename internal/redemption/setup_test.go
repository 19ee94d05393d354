package redemption_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
)

// node is the counter as another machine runs it: its own pool, its own batcher.
func node(t testing.TB, w *world.World, url string) *redemption.Service {
	t.Helper()
	s, err := redemption.New(t.Context(), pgtest.Open(t, url, w.Clock), w.Keys, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// redeem asks once, under a key. It may be called from any goroutine.
func redeem(s *redemption.Service, at world.Structure, key string, req redemption.Request) (r redemption.Redemption, replayed bool, err error) {
	ctx, token := once.With(context.Background(), key)
	r, err = s.Redeem(ctx, at.Actor, req)
	return r, token.Replayed, err
}

// wantCode ends the test unless err is the fault with this code; "" wants no error.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	if code == "" && err != nil || fault.Code(err) != code {
		t.Fatalf("got %v, want fault %q", err, code)
	}
}

// number reads one whole number.
func number(t testing.TB, w *world.World, query string, args ...any) int {
	t.Helper()
	var n int
	w.InTx(func(tx *db.Tx) error { return tx.Get(t.Context(), &n, query, args...) })
	return n
}

func exec(t testing.TB, w *world.World, query string, args ...any) {
	t.Helper()
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), query, args...)
		return err
	})
}

// invariants are queries that must count no row. INV-6: one ending per voucher, and a
// redemption's amount is its vouchers' face value is its transfers. INV-8: one key, one
// request, one effect. INV-9: what was handed over is covered.
var invariants = map[string]string{
	"INV-6: a voucher taken twice": `
		SELECT count(*) FROM (SELECT voucher_id FROM redeemed_vouchers WHERE NOT undone GROUP BY voucher_id HAVING count(*) > 1) AS twice`,
	"INV-6: taken, but not redeemed": `
		SELECT count(*) FROM redeemed_vouchers t JOIN vouchers v ON v.id = t.voucher_id WHERE NOT t.undone AND v.state <> 'redeemed'`,
	"INV-6: redeemed, but not taken": `
		SELECT count(*) FROM vouchers v WHERE v.state = 'redeemed'
			AND NOT EXISTS (SELECT 1 FROM redeemed_vouchers t WHERE t.voucher_id = v.id AND NOT t.undone)`,
	"INV-6: number of vouchers": `
		SELECT count(*) FROM redemptions r WHERE r.vouchers <> (SELECT count(*) FROM redeemed_vouchers t WHERE t.redemption_id = r.id AND t.undone = (r.undone_at IS NOT NULL))`,
	"INV-6: amount is not the face value": `
		SELECT count(*) FROM redemptions r WHERE r.amount_cents <> (SELECT sum(v.face_cents) FROM redeemed_vouchers t JOIN vouchers v ON v.id = t.voucher_id WHERE t.redemption_id = r.id)`,
	"INV-6: amount is not the transfers": `
		SELECT count(*) FROM redemptions r WHERE r.amount_cents IS DISTINCT FROM (SELECT sum(amount) FROM transfers WHERE event = 'redemption' AND cause = r.id)
			OR CASE WHEN r.undone_at IS NULL THEN 0 ELSE r.amount_cents END IS DISTINCT FROM COALESCE((SELECT sum(amount) FROM transfers WHERE event = 'undo' AND cause = r.id), 0)`,
	"INV-6: transfers without redemption": `
		SELECT count(*) FROM transfers t WHERE event IN ('redemption', 'undo') AND NOT EXISTS (SELECT 1 FROM redemptions r WHERE r.id = t.cause)`,
	"INV-8: an answer names no redemption": `
		SELECT count(*) FROM idempotency_keys k WHERE k.answer LIKE '%vouchers_left%' AND k.answer LIKE '%amount_cents%'
			AND NOT EXISTS (SELECT 1 FROM redemptions r WHERE r.id = (k.answer::jsonb ->> 'id')::bigint)`,
	"INV-8: one redemption in two answers": `
		SELECT count(*) FROM (SELECT answer::jsonb ->> 'id' FROM idempotency_keys WHERE answer LIKE '%amount_cents%' GROUP BY 1 HAVING count(*) > 1) AS twice`,
	"live in the books is not live in hands": `
		SELECT count(*) FROM campaigns c WHERE
			(SELECT COALESCE(sum(CASE WHEN credit = 'campaign:' || c.id || ':live' THEN amount ELSE -amount END), 0) FROM transfers
				WHERE 'campaign:' || c.id || ':live' IN (debit, credit))
			<> (SELECT COALESCE(sum(face_cents), 0) FROM vouchers v WHERE v.campaign_id = c.id AND v.state IN ('live', 'frozen'))`,
}

// holds checks all invariants.
func holds(t testing.TB, w *world.World) {
	t.Helper()
	for name, query := range invariants {
		if n := number(t, w, query); n != 0 {
			t.Errorf("%s: %d rows", name, n)
		}
	}
}

var quiet = slog.New(slog.DiscardHandler)

func key(parts ...any) string { return fmt.Sprintf("key-of-test-%v", parts) }

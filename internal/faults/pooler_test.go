package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// pooler starts pgbouncer in transaction mode before a server, with 5 connections to it,
// and gives the address of the database through it.
func pooler(t *testing.T, server *db.Embedded) string {
	t.Helper()
	path := needs(t, "pgbouncer", "pgbouncer")
	direct, err := url.Parse(server.URL())
	must(t, err)
	dir, err := os.MkdirTemp("/tmp", "passerelle-pooler-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	settings := filepath.Join(dir, "pgbouncer.ini")
	must(t, os.WriteFile(settings, fmt.Appendf(nil, `[databases]
passerelle = host=%s port=5432 dbname=passerelle user=passerelle
[pgbouncer]
pool_mode = transaction
default_pool_size = 5
auth_type = any
listen_addr =
listen_port = 6432
unix_socket_dir = %s
ignore_startup_parameters = extra_float_digits
`, direct.Query().Get("host"), dir), 0o644))
	as := ownerOf(t, filepath.Join(filepath.Dir(server.LogFile()), "postgres"))
	giveTo(t, as, dir)
	cmd := exec.Command(path, settings)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	var log lockedBuffer
	cmd.Stderr = &log
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // it was killed
	})
	within(t, 10*time.Second, "pgbouncer listens", func() bool {
		_, err := os.Stat(filepath.Join(dir, ".s.PGSQL.6432"))
		return err == nil
	})
	return "postgres:///passerelle?" + url.Values{"host": {dir}, "port": {"6432"}, "user": {"passerelle"}, "sslmode": {"disable"}}.Encode()
}

// Finding 10 of the threat model: behind a pooler in transaction mode every round works,
// with ?pool_mode=transaction in the address.
func TestEverythingWorksBehindAPoolerInTransactionMode(t *testing.T) {
	t.Parallel()
	server := pgtest.Durable(t, map[string]string{"fsync": "off", "synchronous_commit": "off"})
	must(t, db.Migrate(t.Context(), server.URL()))
	through := pooler(t, server)
	// Nothing is to be migrated, which is all that Migrate may find here.
	must(t, db.Migrate(t.Context(), through+"&pool_mode=transaction"))
	w := world.NewOn(t, through+"&pool_mode=transaction", present())
	const takers, each = 25, 40
	c := w.NewCampaign("Pooled", takers*each)
	ended := together(takers, func(taker int) error {
		for i := range each {
			if err := round(w, c.ID, fmt.Sprintf("pooled-%d-%d", taker, i)); err != nil {
				return err
			}
		}
		return nil
	})
	if ended[""] != takers {
		t.Errorf("of %d takers, with %d rounds each: %v", takers, each, ended)
	}
	keepsSettings(t, w.DB)
	if n := number(t, w.DB, `SELECT count(*) FROM redemptions`); n != takers*each {
		t.Errorf("%d rounds made %d redemptions", takers*each, n)
	}
	if ids := broken(t, w.DB); len(ids) != 0 {
		t.Error(ids)
	}
	t.Logf("%d rounds of hand-over, redemption and replay, 0 failures", takers*each)
}

// keepsSettings wants the counter's settings in each of its statements and in nobody
// else's, who may be lent the same connection next.
func keepsSettings(t *testing.T, d *db.DB) {
	t.Helper()
	walking, err := d.Walking(t.Context())
	must(t, err)
	defer walking.Close()
	for range 20 {
		var timeout []string
		must(t, walking.Alone(t.Context(), &timeout, `SELECT current_setting('lock_timeout')`))
		if timeout[0] != "100ms" {
			t.Fatalf("the counter waits %s for a lock", timeout[0])
		}
		if n := number(t, d, `SELECT count(*) FROM pg_settings WHERE name = 'lock_timeout' AND setting = '0'`); n != 1 {
			t.Fatal("the counter's settings have leaked")
		}
	}
}

// round hands a voucher over, redeems it, and asks for both again.
func round(w *world.World, campaign vouchers.CampaignID, key string) error {
	for again := range 2 {
		ctx, _ := once.With(context.Background(), key+"-handover")
		b, err := w.Issuing.HandOver(ctx, w.Prescriber, issuing.HandOverRequest{Campaign: campaign, Count: 1})
		if err != nil {
			return err
		}
		_, replayed, err := redeem(context.Background(), w.Counter, w, key, b.Typed)
		if err != nil {
			return err
		}
		if replayed != (again == 1) {
			return fmt.Errorf("%s: replayed is %v the %d. time", key, replayed, again+1)
		}
	}
	return nil
}

// The positive control: an address that does not say so fails at the counter, where
// connections have settings, and says why.
func TestAPoolerThatIsNotToldOfIsNoticedAtTheStart(t *testing.T) {
	t.Parallel()
	server := pgtest.Durable(t, map[string]string{"fsync": "off"})
	must(t, db.Migrate(t.Context(), server.URL()))
	d, err := db.Open(t.Context(), pooler(t, server), time.Now)
	must(t, err)
	defer d.Close()
	_, err = redemption.New(t.Context(), d, nil, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "startup parameter") {
		t.Errorf("the counter starts: %v", err)
	}
	if _, err := db.Open(t.Context(), server.URL()+"&pool_mode=statement", time.Now); err == nil || !strings.Contains(err.Error(), "pool_mode") {
		t.Errorf("an unknown mode: %v", err)
	}
}

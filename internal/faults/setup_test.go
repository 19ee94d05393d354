package faults_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
)

// must ends the test on an error. It belongs to the test's own goroutine.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// within waits for something to become true.
func within(t testing.TB, most time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(most); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", most, what)
		}
	}
}

// present is a clock that shows the time at which it was made: for worlds that real
// programs with real clocks use later.
func present() *pgtest.Clock {
	clock := pgtest.NewClock()
	clock.Set(time.Now().UTC().Truncate(time.Microsecond))
	return clock
}

// onDisk makes a world on a migrated, empty database at url.
func onDisk(t testing.TB, url string) *world.World {
	t.Helper()
	must(t, db.Migrate(t.Context(), url))
	return world.NewOn(t, url, present())
}

// openFolder makes a folder on disk that PostgreSQL's account can enter. It goes with
// the test.
func openFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "passerelle-faults-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// booklets hands over n booklets of 10 of a campaign that has just enough for them.
func booklets(t testing.TB, w *world.World, n int) []issuing.Booklet {
	t.Helper()
	c := w.NewCampaign("Fault campaign", n*10)
	all := make([]issuing.Booklet, n)
	for i := range all {
		all[i] = w.HandOver(c, 10)
	}
	return all
}

// redeem asks once, under a key.
func redeem(ctx context.Context, s *redemption.Service, w *world.World, key, code string) (r redemption.Redemption, replayed bool, err error) {
	ctx, token := once.With(ctx, key)
	r, err = s.Redeem(ctx, w.Structure.Actor, redemption.Request{
		Code: code, Count: 1, Theme: world.Theme, DurationMinutes: 60, Mode: "individual"})
	return r, token.Replayed, err
}

// number reads one whole number.
func number(t testing.TB, d *db.DB, query string, args ...any) (n int) {
	t.Helper()
	must(t, d.InTx(t.Context(), func(tx *db.Tx) error { return tx.Get(t.Context(), &n, query, args...) }))
	return n
}

// alone runs a statement that may not be part of a transaction.
func alone(t testing.TB, d *db.DB, statement string) {
	t.Helper()
	var none []string
	must(t, d.Alone(t.Context(), &none, statement))
}

// broken lists the invariants that do not hold.
func broken(t testing.TB, d *db.DB) (ids []string) {
	t.Helper()
	must(t, d.Read(t.Context(), func(tx *db.Tx) error {
		findings, err := reporting.Verify(t.Context(), tx, settlement.FileOf)
		for _, f := range findings {
			if !f.OK {
				ids = append(ids, fmt.Sprint(f.ID, " ", f.Evidence))
			}
		}
		return err
	}))
	return ids
}

// ownerOf is the account that a folder belongs to, for programs that must run as
// PostgreSQL does; nil when this program is no root and is that account itself.
func ownerOf(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	must(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	return &syscall.Credential{Uid: stat.Uid, Gid: stat.Gid}
}

// giveTo makes an account the owner of a folder.
func giveTo(t testing.TB, as *syscall.Credential, dir string) {
	t.Helper()
	if as != nil {
		must(t, os.Chown(dir, int(as.Uid), int(as.Gid)))
	}
}

// needs finds a program or says how to install it.
func needs(t testing.TB, program, aptPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program)
	}
	if err != nil {
		t.Fatalf("%s is needed: apt-get install %s", program, aptPackage)
	}
	return path
}

// signalTree sends a signal to a process and its children: PostgreSQL's children are in
// process groups of their own.
func signalTree(t testing.TB, pid int, signal syscall.Signal) {
	t.Helper()
	must(t, syscall.Kill(pid, syscall.SIGSTOP)) // so that no child is born meanwhile
	for _, child := range childrenOf(t, pid) {
		if err := syscall.Kill(child, signal); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
	must(t, syscall.Kill(pid, signal))
}

func childrenOf(t testing.TB, pid int) (children []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	must(t, err)
	for _, list := range lists {
		text, err := os.ReadFile(list)
		must(t, err)
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			must(t, err)
			children = append(children, child)
		}
	}
	return children
}

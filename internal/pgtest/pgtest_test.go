package pgtest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
)

// childClone makes this test program take a clone, name it and wait to be killed.
const childClone = "PASSERELLE_TEST_CHILD_CLONE"

func init() {
	if os.Getenv(childClone) == "" {
		return
	}
	ctx := context.Background()
	s, err := shared(ctx)
	if err == nil {
		var name string
		name, err = s.clone(ctx)
		fmt.Println(name)
	}
	if err == nil {
		time.Sleep(time.Minute)
	}
	fmt.Println(err)
	os.Exit(1)
}

func TestClonesAreMigratedAndApart(t *testing.T) {
	t.Parallel()
	one, other := URL(t), New(t)
	if err := db.Migrated(t.Context(), one); err != nil {
		t.Errorf("the clone lacks migrations: %v", err)
	}
	d, err := db.Open(t.Context(), one, NewClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	execute(t, d, `CREATE TABLE only_here ()`)
	if n := count(t, d, `SELECT count(*) FROM pg_class WHERE relname = 'only_here'`); n != 1 {
		t.Errorf("the table is there %d times, want 1", n)
	}
	if n := count(t, other, `SELECT count(*) FROM pg_class WHERE relname = 'only_here'`); n != 0 {
		t.Error("one test sees the other's table")
	}
}

func TestClonesAreDroppedWithTheirTest(t *testing.T) {
	t.Parallel()
	var address string
	t.Run("user", func(t *testing.T) { address = URL(t) })
	if d, err := db.Open(t.Context(), address, NewClock().Now); err == nil {
		d.Close()
		t.Error("the database outlives its test")
	}
}

func TestClonesOfAKilledRunAreSwept(t *testing.T) {
	t.Parallel()
	s, err := shared(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childClone+"=yes")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	name := strings.TrimSpace(line)
	if !exists(t, s, name) {
		t.Fatalf("the child says %q", name)
	}
	sweepOnce(t, s)
	if !exists(t, s, name) {
		t.Error("the clone of a living program was swept")
	}
	child.Process.Kill()
	child.Wait()
	for deadline := time.Now().Add(10 * time.Second); exists(t, s, name); time.Sleep(20 * time.Millisecond) {
		sweepOnce(t, s)
		if time.Now().After(deadline) {
			t.Fatal("the clone of a killed program stays")
		}
	}
}

func TestClockMovesWhenTold(t *testing.T) {
	t.Parallel()
	d, clock := NewWithClock(t)
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() { clock.Add(time.Minute) })
	}
	wait.Wait()
	if want := Start.Add(50 * time.Minute); !d.Now().Equal(want) {
		t.Errorf("the database's clock shows %s, want %s", d.Now(), want)
	}
	clock.Set(Start.AddDate(1, 0, 0))
	if got := d.Now(); !got.Equal(Start.AddDate(1, 0, 0)) {
		t.Errorf("the database's clock shows %s after Set", got)
	}
}

func TestDurableKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	e := Durable(t, map[string]string{"max_connections": "20"})
	d, err := db.Open(t.Context(), e.URL(), NewClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var fsync string
	if err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.Get(t.Context(), &fsync, `SHOW fsync`) }); err != nil || fsync != "on" {
		t.Errorf("fsync is %q, %v, want on", fsync, err)
	}
	execute(t, d, `CREATE TABLE kept AS SELECT 1 AS n`)
	if err := errors.Join(e.Kill(), e.Restart(t.Context())); err != nil {
		t.Fatal(err)
	}
	for range 16 { // connections of before the crash: each is found dead once
		if d.Ping(t.Context()) == nil {
			break
		}
	}
	if n := count(t, d, `SELECT count(*) FROM kept`); n != 1 {
		t.Errorf("%d rows after the crash, want 1", n)
	}
}

func sweepOnce(t *testing.T, s *testServer) {
	t.Helper()
	conn, err := s.admin.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := s.sweep(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
}

func exists(t *testing.T, s *testServer, name string) (there bool) {
	t.Helper()
	err := s.admin.QueryRow(`SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&there)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return there
}

func execute(t *testing.T, d *db.DB, query string) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, d *db.DB, query string) (n int) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.Get(t.Context(), &n, query) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// BenchmarkClone tells what a database per test costs.
func BenchmarkClone(b *testing.B) {
	s, err := shared(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		name, err := s.clone(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if err := s.drop(b.Context(), name); err != nil {
			b.Fatal(err)
		}
	}
}

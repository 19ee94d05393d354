// Package pgtest gives every test a PostgreSQL database of its own.
//
// A database is a clone of a template that holds the schema and is named by the hash
// of the migrations; a clone takes some 30 ms. All test programs of one account on
// one machine share one server: the first to need it starts it, in memory where there
// is /dev/shm and without fsync, and it stays for the next run. `make clean` or Stop
// ends it and removes its folder, and with it the templates of earlier migrations.
// Killed test runs leave clones behind; the next run drops them. TEST_DATABASE_URL names another server to use instead (PostgreSQL 15 or
// later, an account that may create databases, any existing database).
//
// Without PostgreSQL a test fails and says what to do. It is never skipped.
package pgtest

import (
	"context"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
)

// New gives a migrated, empty database whose clock stands at Start. Pool and database
// end with the test.
func New(t testing.TB) *db.DB {
	t.Helper()
	d, _ := NewWithClock(t)
	return d
}

// NewWithClock is New, and the clock to move.
func NewWithClock(t testing.TB) (*db.DB, *Clock) {
	t.Helper()
	clock := NewClock()
	return Open(t, URL(t), clock), clock
}

// Open gives a pool of its own on the database at url, as another node has. It ends with
// the test.
func Open(t testing.TB, url string, clock *Clock) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// URL gives the address of a migrated, empty database that is dropped with the test.
func URL(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, err := shared(ctx)
	if err != nil {
		t.Fatal(err)
	}
	name, err := s.clone(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.drop(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return s.urlOf(name)
}

// Durable gives a private server on disk with fsync on, for tests that crash it. It
// has the empty database "passerelle" and is stopped and removed with the test.
func Durable(t testing.TB, settings map[string]string) *db.Embedded {
	t.Helper()
	dir, err := diskFolder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// Shared memory in the data folder: a killed server's would stay in /dev/shm.
	all := map[string]string{"dynamic_shared_memory_type": "mmap"}
	maps.Copy(all, settings)
	e, err := db.StartEmbedded(t.Context(), db.EmbeddedConfig{Dir: dir, Settings: all})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// diskFolder is a folder that outlives a restart of the machine, unlike /tmp, which
// may be memory. The server's account can enter it.
func diskFolder() (string, error) {
	dir, err := os.MkdirTemp("/var/tmp", "passerelle-durable-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

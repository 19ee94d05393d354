package pgtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"sync/atomic"

	_ "github.com/lib/pq" // the driver "postgres"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/migrations"
)

// Classes of advisory locks on the test server.
const (
	makingLock = 7_501_001 // held while a template is made
	livingLock = 7_501_002 // held by each test program as long as it lives, with its number
)

// testServer is the server that this test program uses.
type testServer struct {
	base     *url.URL // some database of the server; urlOf changes its name
	admin    *sql.DB
	alive    *sql.Conn // holds this program's livingLock
	program  int32
	template string
	clones   atomic.Int64
}

var once struct {
	sync.Mutex
	server *testServer
}

// shared is the server, made ready by the first caller. A failure is not remembered:
// the next test tries again, within its own time.
func shared(ctx context.Context) (*testServer, error) {
	once.Lock()
	defer once.Unlock()
	if once.server != nil {
		return once.server, nil
	}
	s, err := connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	once.server = s
	return s, nil
}

func connect(ctx context.Context) (*testServer, error) {
	address := os.Getenv("TEST_DATABASE_URL")
	if address == "" {
		var err error
		if address, err = startCluster(ctx); err != nil {
			return nil, err
		}
	}
	base, err := url.Parse(address)
	if err != nil || base.Scheme == "" {
		return nil, errors.New("TEST_DATABASE_URL is no address like postgres://user@host/database")
	}
	s := &testServer{base: base, program: rand.Int32()}
	if s.template, err = templateName(); err != nil {
		return nil, err
	}
	if s.admin, err = sql.Open("postgres", address); err != nil {
		return nil, err
	}
	s.admin.SetMaxOpenConns(4)
	if err := s.settle(ctx); err != nil {
		return nil, errors.Join(err, s.admin.Close())
	}
	return s, nil
}

// settle announces this program, then drops what dead ones left and makes the template.
func (s *testServer) settle(ctx context.Context) error {
	var err error
	if s.alive, err = s.admin.Conn(ctx); err != nil {
		return err
	}
	if _, err := s.alive.ExecContext(ctx, `SELECT pg_advisory_lock($1, $2)`, livingLock, s.program); err != nil {
		return err
	}
	return s.makeTemplate(ctx)
}

// templateName hashes the migrations' names and texts.
func templateName() (string, error) {
	names, err := fs.Glob(migrations.FS, "[0-9]*.sql")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range names { // Glob sorts
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
	}
	return "pgtest_template_" + hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// makeTemplate makes the template unless it is there; one test program at a time. It
// is made under another name, so that a killed run leaves no half of one.
func (s *testServer) makeTemplate(ctx context.Context) error {
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1, 0)`, makingLock); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1, 0)`, makingLock)
	if err := s.sweep(ctx, conn); err != nil {
		return err
	}
	var there bool
	if err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, s.template).Scan(&there); err != nil || there {
		return err
	}
	making := s.template + "_making"
	if err := execAll(ctx, conn, `DROP DATABASE IF EXISTS `+making+` WITH (FORCE)`, `CREATE DATABASE `+making); err != nil {
		return err
	}
	if err := db.Migrate(ctx, s.urlOf(making)); err != nil {
		return err
	}
	return execAll(ctx, conn,
		`ALTER DATABASE `+making+` WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`,
		`ALTER DATABASE `+making+` RENAME TO `+s.template)
}

// sweep drops the clones of test programs that have ended without doing so. A living
// one holds its lock before its first clone exists.
func (s *testServer) sweep(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, `
		SELECT datname FROM pg_database
		WHERE datname ~ '^pgtest_clone_[0-9]+_[0-9]+$' AND split_part(datname, '_', 3) NOT IN (
			SELECT objid::text FROM pg_locks WHERE locktype = 'advisory' AND classid = $1)`, livingLock)
	if err != nil {
		return err
	}
	defer rows.Close()
	var left []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		left = append(left, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return execAll(ctx, conn, left...)
}

// clone copies the template's files, which beats logging every page of them.
func (s *testServer) clone(ctx context.Context) (string, error) {
	name := fmt.Sprintf("pgtest_clone_%d_%d", s.program, s.clones.Add(1))
	if _, err := s.admin.ExecContext(ctx, `CREATE DATABASE `+name+` TEMPLATE `+s.template+` STRATEGY file_copy`); err != nil {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	return name, nil
}

func (s *testServer) drop(ctx context.Context, name string) error {
	_, err := s.admin.ExecContext(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	return err
}

func (s *testServer) urlOf(database string) string {
	u := *s.base
	u.Path = "/" + database
	return u.String()
}

func execAll(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

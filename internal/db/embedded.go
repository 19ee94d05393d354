package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrInUse says that another program holds the data folder.
var ErrInUse = errors.New("the data folder is in use")

// EmbeddedConfig says where an embedded PostgreSQL lives and how it is set.
type EmbeddedConfig struct {
	// Dir holds the data in Dir/postgres, the server's log in Dir/postgres.log and,
	// where they had to be fetched, its programs in Dir/postgres-bin. When this program
	// is root and the server's account cannot enter Dir, the data go to /var/lib and
	// Dir/postgres-location.txt says so.
	Dir string
	// Log is told what happens; nil keeps quiet.
	Log *slog.Logger
	// Settings are PostgreSQL parameters that replace the ones of this package.
	Settings map[string]string
	// Shared makes a server that outlives this program and that later programs with
	// the same Dir join. It is for test clusters; StopEmbedded ends it.
	Shared bool
}

// Embedded is a PostgreSQL that this program runs for itself: reachable through a
// Unix socket only, in a folder that nobody but this program and the server can enter.
type Embedded struct {
	cfg    EmbeddedConfig
	log    *slog.Logger
	as     *account
	home   string // holds postgres/, postgres.log, postgres.lock
	bin    string // holds initdb, postgres, pg_ctl
	socket string
	lock   *os.File

	doing  sync.Mutex // one of Stop, Kill and Restart at a time
	server atomic.Pointer[server]
}

// StartEmbedded starts the PostgreSQL of cfg.Dir and returns once it answers. The
// first start makes the cluster and the database "passerelle"; later starts recover
// from whatever a crash left behind. Errors: ErrNoPostgres, ErrInUse, and sentences
// that say which folder is in the way.
func StartEmbedded(ctx context.Context, cfg EmbeddedConfig) (*Embedded, error) {
	e, err := prepareEmbedded(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("embedded PostgreSQL: %w", err)
	}
	if err := e.start(ctx); err != nil {
		return nil, fmt.Errorf("embedded PostgreSQL: %w", errors.Join(err, e.release()))
	}
	if cfg.Shared {
		unlockFolder(e.lock)
	}
	return e, nil
}

// StopEmbedded stops the server that runs on dir without a program that owns it: a
// shared one, or one whose program was killed. It does nothing where none runs.
func StopEmbedded(ctx context.Context, dir string) error {
	e, err := settleIn(ctx, EmbeddedConfig{Dir: dir, Shared: true})
	if err != nil {
		return err
	}
	defer unlockFolder(e.lock)
	return errors.Join(e.stopLeftover(), e.removeSocketFolder())
}

// settleIn finds the account and the folder, and locks the folder.
func settleIn(ctx context.Context, cfg EmbeddedConfig) (*Embedded, error) {
	e := &Embedded{cfg: cfg, log: cfg.Log}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if e.as, err = serverAccount(); err != nil {
		return nil, err
	}
	if e.home, err = homeOf(cfg.Dir, e.as, e.log); err != nil {
		return nil, err
	}
	e.lock, err = lockFolder(ctx, e.home, cfg.Shared)
	return e, err
}

func prepareEmbedded(ctx context.Context, cfg EmbeddedConfig) (*Embedded, error) {
	e, err := settleIn(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if e.bin, err = findPostgres(e.home, majorOfData(e.data()), e.as); err != nil {
		unlockFolder(e.lock)
		return nil, err
	}
	return e, nil
}

func (e *Embedded) data() string { return filepath.Join(e.home, "postgres") }

// LogFile is where the server writes. Its messages name no values: details and
// statements, which may be personal, are switched off.
func (e *Embedded) LogFile() string { return filepath.Join(e.home, "postgres.log") }

// Tool is the path of a program that comes with this PostgreSQL, such as pgbench.
func (e *Embedded) Tool(name string) string { return filepath.Join(e.bin, name) }

// URL is the address of the database "passerelle" for lib/pq and libpq. It stays the
// same over Restart.
func (e *Embedded) URL() string { return e.URLOf("passerelle") }

// URLOf is the address of another database of the server.

func (e *Embedded) URLOf(database string) string {
	q := url.Values{"host": {e.socket}, "user": {"passerelle"}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + q.Encode()
}

// PID is the process of the server's postmaster.
func (e *Embedded) PID() int { return e.server.Load().pid }

// Done is closed when the server has ended, for whatever reason. For a shared server
// it is never closed.
func (e *Embedded) Done() <-chan struct{} { return e.server.Load().done }

// Stop ends the server, politely for 15 seconds and then not, and gives the folder
// back. It may be called again, and after the server has died.
func (e *Embedded) Stop() error {
	e.doing.Lock()
	defer e.doing.Unlock()
	if e.cfg.Shared {
		return StopEmbedded(context.Background(), e.cfg.Dir)
	}
	s := e.server.Load()
	return errors.Join(halt(s.signal, s.ended), e.release())
}

// Kill ends the postmaster and all its children with SIGKILL, as a power cut would.
// It is for fault tests. The folder stays taken: Restart or Stop comes next.
func (e *Embedded) Kill() error {
	e.doing.Lock()
	defer e.doing.Unlock()
	s := e.server.Load()
	if s.ended(0) {
		return nil
	}
	// Stopped first, so that no child is born between the count and the kill.
	if err := s.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := childrenOf(s.pid)
	err = errors.Join(err, s.signal(syscall.SIGKILL))
	for _, pid := range children {
		if e := syscall.Kill(pid, syscall.SIGKILL); e != nil && e != syscall.ESRCH {
			err = errors.Join(err, e)
		}
	}
	if err == nil && !s.ended(5*time.Second) {
		err = fmt.Errorf("PostgreSQL (process %d) survives SIGKILL", s.pid)
	}
	return err
}

// Restart starts the server again at the same address after Kill or its own death.
// A server that still runs is stopped first.
func (e *Embedded) Restart(ctx context.Context) error {
	e.doing.Lock()
	defer e.doing.Unlock()
	if e.lock == nil || e.cfg.Shared {
		return errors.New("embedded PostgreSQL: only a server that this program owns can be restarted")
	}
	s := e.server.Load()
	if err := halt(s.signal, s.ended); err != nil {
		return err
	}
	return e.start(ctx)
}

// release gives back what the server used besides its data. The note of a socket
// folder is this program's only while it holds the lock.
func (e *Embedded) release() (err error) {
	if e.lock != nil && e.socket != "" {
		err = e.removeSocketFolder()
	}
	unlockFolder(e.lock)
	e.lock = nil
	return err
}

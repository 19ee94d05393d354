package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/passerelle/passerelle/internal/db"
)

// store is an open database and, where it is private, the server under it.
type store struct {
	*db.DB
	url      string
	embedded *db.Embedded // nil for a server that is not ours
	log      *slog.Logger

	stopping chan struct{}
	watch    sync.WaitGroup
}

// company says whether a private server may be shared with a service that runs.
type company bool

const (
	alone  company = false
	beside company = true
)

// openStore reaches the database: DATABASE_URL, or a private PostgreSQL under
// PASSERELLE_DATA, which is fetched where there is none.
func openStore(ctx context.Context, cfg Config, clock db.Clock, log *slog.Logger, how company) (*store, error) {
	s := &store{url: cfg.DatabaseURL, log: log, stopping: make(chan struct{})}
	if s.url == "" {
		if err := s.startServer(ctx, cfg, how); err != nil {
			return nil, err
		}
	}
	var err error
	if s.DB, err = db.Open(ctx, s.url, clock); err != nil {
		return nil, errors.Join(err, s.stopServer())
	}
	if s.embedded != nil {
		s.watch.Go(s.revive)
	}
	return s, nil
}

func (s *store) startServer(ctx context.Context, cfg Config, how company) (err error) {
	where := db.EmbeddedConfig{Dir: cfg.Data, Log: s.log}
	s.embedded, err = db.StartEmbedded(ctx, where)
	if errors.Is(err, db.ErrNoPostgres) {
		if err := db.InstallPostgres(ctx, cfg.Data, s.log); err != nil {
			return err
		}
		s.embedded, err = db.StartEmbedded(ctx, where)
	}
	if errors.Is(err, db.ErrInUse) && how == beside {
		s.url, err = db.RunningEmbedded(cfg.Data)
		return err
	}
	if err != nil {
		return err
	}
	s.url = s.embedded.URL()
	return nil
}

// revive starts the private server again when it dies under us; it recovers from its
// own log.
func (s *store) revive() {
	for {
		select {
		case <-s.stopping:
			return
		case <-s.embedded.Done():
		}
		select {
		case <-s.stopping: // it was told to stop together with us, by a signal to the group
			return
		default:
		}
		s.log.Error("PostgreSQL has died: starting it again", "its log", s.embedded.LogFile())
		if err := s.embedded.Restart(context.Background()); err != nil {
			s.log.Error("PostgreSQL does not start again", "error", err)
			select {
			case <-s.stopping:
			case <-time.After(5 * time.Second):
			}
		}
	}
}

// Close gives connections back, then stops the private server.
func (s *store) Close() error {
	close(s.stopping)
	return errors.Join(s.DB.Close(), s.stopServer())
}

func (s *store) stopServer() error {
	if s.embedded == nil {
		return nil
	}
	s.watch.Wait()
	return s.embedded.Stop()
}

package db

import (
	"fmt"
	"log/slog"
)

// RunningEmbedded is the address of the database that another program runs on dir, so
// that a command can work beside a running service. It fails with ErrInUse where that
// program's server is not ready.
func RunningEmbedded(dir string) (string, error) {
	as, err := serverAccount()
	if err != nil {
		return "", err
	}
	home, err := homeOf(dir, as, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	e := &Embedded{home: home, as: as}
	p, err := readPostmaster(e.data())
	if err != nil {
		return "", err
	}
	if !p.ready || p.socket == "" {
		return "", fmt.Errorf("%w, and its PostgreSQL is not ready yet: try again in a moment", ErrInUse)
	}
	e.socket = p.socket
	return e.URL(), nil
}

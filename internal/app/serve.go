package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"
)

// NewLog makes the program's log: one JSON object per line.
func NewLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// Serve runs the service until ctx ends, then stops it in good order.
func Serve(ctx context.Context, cfg Config, log *slog.Logger) error {
	p, err := Start(ctx, cfg, time.Now, log)
	if err != nil {
		return err
	}
	p.Work()
	log.Info("serving", "address", p.Address, "public_url", cfg.PublicURL)
	err = p.Wait(ctx)
	log.Info("stopping")
	err = errors.Join(err, p.Stop())
	if err == nil {
		log.Info("stopped")
	}
	return err
}

package db

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// Listen calls wake on every notification of channel, and after every reconnection
// because notifications may have been missed. It returns when ctx ends. It needs a
// direct connection: a pooler in transaction mode never delivers.
func (d *DB) Listen(ctx context.Context, channel string, wake func()) error {
	listener := pq.NewListener(d.url, 100*time.Millisecond, 10*time.Second, nil)
	defer listener.Close()
	// Listen waits for a connection however long that takes; only Close ends its wait.
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	if err := listener.Listen(channel); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-listener.NotificationChannel():
			wake()
		}
	}
}

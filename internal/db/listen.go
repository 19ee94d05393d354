package db

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// Listen calls wake on every notification of channel, and after every reconnection
// because notifications may have been missed. It returns when ctx ends. Through a pooler
// in transaction mode, which never delivers, it hears nothing.
func (d *DB) Listen(ctx context.Context, channel string, wake func()) error {
	if d.pooled {
		<-ctx.Done()
		return nil
	}
	address, _, err := connectionAddress(d.url, d.settings)
	if err != nil {
		return err
	}
	listener := pq.NewListener(address, 100*time.Millisecond, 10*time.Second, nil)
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

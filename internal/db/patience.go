package db

import (
	"context"
	"net"
	"time"
)

// silence is how long the counter waits for the server's answer to one statement. A
// deadline on the connection does that for a tenth of what a context costs the driver,
// which starts a goroutine for each statement to watch it.
const silence = 5 * time.Second

// patient dials connections that are given up when the server is silent for too long.
type patient struct{ net.Dialer }

// DialTimeout is part of what lib/pq asks of a dialer.
func (p patient) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return p.DialContext(ctx, network, address)
}

// Dial is part of what lib/pq asks of a dialer.
func (p patient) Dial(network, address string) (net.Conn, error) {
	return p.DialContext(context.Background(), network, address)
}

// DialContext connects.
func (p patient) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return patientConn{conn}, nil
}

type patientConn struct{ net.Conn }

// Write sends, and starts the wait for the answer.
func (c patientConn) Write(b []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

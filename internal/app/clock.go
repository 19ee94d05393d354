package app

import (
	"sync/atomic"
	"time"
)

// movableClock shows the time that it was set to, or the machine's after Release.
type movableClock struct{ set atomic.Pointer[time.Time] }

// Now is a db.Clock.
func (c *movableClock) Now() time.Time {
	if t := c.set.Load(); t != nil {
		return *t
	}
	return time.Now()
}

// Set stops the clock at t.
func (c *movableClock) Set(t time.Time) { c.set.Store(&t) }

// Release lets the clock follow the machine's again.
func (c *movableClock) Release() { c.set.Store(nil) }

package app

import (
	"sync/atomic"
	"time"
)

// movableClock shows the time that it was set to.
type movableClock struct{ set atomic.Pointer[time.Time] }

// Now is a db.Clock.
func (c *movableClock) Now() time.Time { return *c.set.Load() }

// Set stops the clock at t.
func (c *movableClock) Set(t time.Time) { c.set.Store(&t) }

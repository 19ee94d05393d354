package pgtest

import (
	"sync"
	"time"
)

// Start is the time at which every test clock begins: a Monday morning in Paris,
// outside holidays and far from a change of clocks.
var Start = time.Date(2026, time.March, 9, 9, 0, 0, 0, time.UTC)

// Clock is a clock that only moves when it is told to. Several goroutines may use it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that shows Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now is what the clock shows. Its signature is db.Clock's.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set puts the clock at t.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// Add moves the clock by d, backwards where d is negative.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

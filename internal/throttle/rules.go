package throttle

import "time"

// window is what is known at one moment: the tries of the current window, which began
// elapsed ago, and of the one before it.
type window struct {
	limit           int
	per, elapsed    time.Duration
	before, current int
}

// room is how many tries the current window may hold by now. The window before counts
// by the share of it that still lies within the last period, rounded down: that keeps
// every wait within one period.
func (w window) room() int {
	left := int64(w.per - w.elapsed)
	return w.limit - int(int64(w.before)*left/int64(w.per))
}

// wait is the number of whole seconds, at least 1, until room exceeds the tries made.
func (w window) wait() int {
	delay := fading(w.before, w.limit-w.current, w.per) - w.elapsed
	if w.current >= w.limit {
		delay = w.per - w.elapsed + fading(w.current, w.limit, w.per)
	}
	return max(1, int(delay/time.Second)+1)
}

// fading is how far into a window the count of the one before it still fills room.
func fading(before, room int, per time.Duration) time.Duration {
	if before < room || before == 0 {
		return 0
	}
	return time.Duration(int64(per) * int64(before-room) / int64(before))
}

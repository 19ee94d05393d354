package jobs

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// The pause after a first failure, and the longest one.
const (
	firstPause   = 10 * time.Second
	longestPause = time.Hour
)

// pauseAfter is how long to wait after failed attempt n (from 1): doubled each time up
// to longest, then spread by a fifth either way so that what failed together does not
// come back together. chance is in [0, 1).
func pauseAfter(attempt int, longest time.Duration, chance float64) time.Duration {
	pause := longest
	if attempt < 10 {
		pause = min(firstPause<<(attempt-1), longest)
	}
	return time.Duration(float64(pause) * (0.8 + 0.4*chance))
}

// outcome is what becomes of a job after a failed attempt.
type outcome struct {
	dead   bool
	pause  time.Duration
	reason string
}

// afterFailure decides between another try, within longest, and the dead letters.
func afterFailure(c claimed, cause error, longest time.Duration, chance float64) outcome {
	var h hopeless
	if errors.As(cause, &h) || c.Attempts >= c.MaxAttempts {
		return outcome{dead: true, reason: shorten(cause.Error())}
	}
	return outcome{pause: pauseAfter(c.Attempts, longest, chance), reason: shorten(cause.Error())}
}

// shorten keeps the first 500 bytes of an error, as text that PostgreSQL accepts.
func shorten(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if len(s) <= 500 {
		return s
	}
	cut := 500
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// periodicPrefix begins the kind of every periodic job.
const periodicPrefix = "every:"

// periodKey names the period that now lies in. Every node computes the same key.
func periodKey(name string, interval time.Duration, now time.Time) string {
	return periodicPrefix + name + "@" + now.UTC().Truncate(interval).Format(time.RFC3339Nano)
}

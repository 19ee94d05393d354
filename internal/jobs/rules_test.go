package jobs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestPausesDoubleUpToTheLongest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attempt int
		longest time.Duration
		chance  float64
		want    time.Duration
	}{
		{1, time.Hour, 0.5, 10 * time.Second},
		{2, time.Hour, 0.5, 20 * time.Second},
		{3, time.Hour, 0, 32 * time.Second},
		{9, time.Hour, 0.5, 2560 * time.Second},
		{10, time.Hour, 0.5, time.Hour},
		{1 << 20, time.Hour, 0, 48 * time.Minute},
		{1 << 20, time.Hour, 1, 72 * time.Minute},
		{5, time.Minute, 0.5, time.Minute},
		{5, 0, 0.5, 0},
	} {
		got := pauseAfter(c.attempt, c.longest, c.chance)
		if diff := got - c.want; diff < -time.Millisecond || diff > time.Millisecond {
			t.Errorf("pauseAfter(%d, %s, %g) = %s, want %s", c.attempt, c.longest, c.chance, got, c.want)
		}
	}
}

func TestDefaultAttemptsOutlastADayShortOfTheJitter(t *testing.T) {
	t.Parallel()
	var total time.Duration
	for n := 1; n < DefaultAttempts; n++ {
		total += pauseAfter(n, longestPause, 0)
	}
	if total < 16*time.Hour {
		t.Errorf("the last attempt comes after %s at the earliest", total)
	}
}

func TestAJobIsDeadAfterItsLastAttemptOrWhenHopeless(t *testing.T) {
	t.Parallel()
	plain := errors.New("no answer")
	for _, c := range []struct {
		name     string
		attempts int
		cause    error
		dead     bool
	}{
		{"first of three", 1, plain, false},
		{"second of three", 2, plain, false},
		{"third of three", 3, plain, true},
		{"first, hopeless", 1, GiveUp(plain), true},
		{"first, hopeless inside", 1, fmt.Errorf("sending: %w", GiveUp(plain)), true},
	} {
		o := afterFailure(claimed{Attempts: c.attempts, MaxAttempts: 3}, c.cause, time.Hour, 0.5)
		if o.dead != c.dead || (o.pause > 0) == c.dead || !strings.Contains(o.reason, "no answer") {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

func TestReasonsStayShortAndReadable(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"short", strings.Repeat("é", 400), strings.Repeat("a", 499) + "…", "\x00\xff", strings.Repeat("\xff", 600)} {
		got := shorten(s)
		if len(got) > 500 || !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
			t.Errorf("shorten(%q…) = %q", s[:2], got)
		}
	}
	if got := shorten("short"); got != "short" {
		t.Errorf("shorten changed %q", got)
	}
}

func TestAPeriodHasOneKeyWhereverTheNodeIs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 23, 59, 59, 0, time.UTC)
	east := at.In(time.FixedZone("east", 3*3600))
	if a, b := periodKey("sweep", time.Hour, at), periodKey("sweep", time.Hour, east); a != b {
		t.Errorf("%s and %s differ", a, b)
	}
	if a, b := periodKey("sweep", time.Hour, at), periodKey("sweep", time.Hour, at.Add(time.Second)); a == b {
		t.Errorf("two hours share %s", a)
	}
}

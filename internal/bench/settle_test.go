package bench

import (
	"io"
	"log/slog"
	"strings"
	"testing"
)

// The bench settles what it has made itself, and leaves books that hold. How long it takes is
// for a person to look at, never for a test.
func TestSettlementsAreMeasuredOnBooksThatHold(t *testing.T) {
	t.Parallel()
	r, err := Settle(t.Context(), SettleOptions{Rows: 1200, Slices: 1, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Verified || r.Payouts != 12 || r.Structures != 12 || r.FileMB == 0 || r.Limit <= 0 || r.Value <= 0 || r.Ratio <= 0 || r.GateMS <= 0 {
		t.Errorf("%+v", r)
	}
	var out strings.Builder
	if r.Print(&out); !strings.Contains(out.String(), "12 payouts") {
		t.Error(out.String())
	}
}

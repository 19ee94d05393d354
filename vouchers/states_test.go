package vouchers

import "testing"

func TestEndingsAreFinal(t *testing.T) {
	t.Parallel()
	for _, m := range Moves() {
		switch m.From {
		case Replaced, Expired, Returned:
			t.Errorf("a %s voucher becomes %s", m.From, m.To)
		}
	}
}

func TestOnlyListedMovesAreAllowed(t *testing.T) {
	t.Parallel()
	allowed := map[Move]bool{}
	for _, m := range Moves() {
		allowed[m] = true
	}
	states := []State{Reserved, Live, Redeemed, Frozen, Replaced, Expired, Returned, "", "lost"}
	for _, from := range states {
		for _, to := range states {
			if CanMove(from, to) != allowed[Move{from, to}] {
				t.Errorf("CanMove(%q, %q) = %t", from, to, CanMove(from, to))
			}
		}
	}
	if len(allowed) != 12 {
		t.Errorf("%d moves, want 12", len(allowed))
	}
	for _, m := range []Move{{Reserved, Redeemed}, {Frozen, Redeemed}, {Redeemed, Expired}, {Live, Live}} {
		if CanMove(m.From, m.To) {
			t.Errorf("a %s voucher becomes %s", m.From, m.To)
		}
	}
}

func TestMovesCannotBeChangedFromOutside(t *testing.T) {
	t.Parallel()
	Moves()[0].To = Redeemed
	if CanMove(Reserved, Redeemed) {
		t.Error("a caller changed the table")
	}
}

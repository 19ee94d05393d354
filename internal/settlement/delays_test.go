package settlement

import (
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

func TestHowLongStructuresWaitIsMeasured(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.NewStructure("Bonlieu Numérique")
	measured := func(who identity.Actor) Delays {
		t.Helper()
		read := b.OwnDelays
		if who.Kind != identity.Structure {
			read = b.Delays
		}
		d, err := read(t.Context(), who)
		b.ok(err)
		return d
	}
	is := func(what string, d Delays, redemptions, median, p95, worst int, oldest string) {
		t.Helper()
		if d.Median == nil || d.Redemptions != redemptions || *d.Median != median || *d.P95 != p95 || *d.Worst != worst ||
			(d.Oldest == nil) != (oldest == "") || d.Oldest != nil && d.Oldest.String() != oldest {
			t.Errorf("%s: %+v, of redemptions %d, worst %d", what, d, redemptions, worst)
		}
	}
	if d := measured(identity.Actor{}); d.Redemptions != 0 || d.Median != nil || d.Oldest != nil {
		t.Errorf("nothing was redeemed: %+v", d)
	}
	day := vouchers.DayOf(b.Clock.Now())
	booklet := b.HandOver(b.Campaign, 20)
	for range 9 { // one a day
		b.Redeem(b.Structure, booklet, 1)
		b.Clock.Add(24 * time.Hour)
	}
	first := b.settles().List[0]
	if d := measured(identity.Actor{}); d.Redemptions != 0 || d.Oldest == nil || *d.Oldest != day {
		t.Errorf("nothing is booked: %+v", d)
	}
	b.books(first)
	b.Clock.Add(7 * 24 * time.Hour)
	b.Redeem(other, booklet, 2)
	last := vouchers.DayOf(b.Clock.Now()).String()
	paid := b.opens(1).List[0].BookedOn
	waited := int(*paid - day)
	is("everybody", measured(identity.Actor{}), 9, waited-4, waited, waited, last)
	is("the one that is paid", measured(b.Structure.Actor), 9, waited-4, waited, waited, "")
	if d := measured(other.Actor); d.Redemptions != 0 || d.Oldest == nil || d.Oldest.String() != last {
		t.Errorf("the other one: %+v", d)
	}

	// What comes back is not paid, and when it is paid again it has waited for all that time.
	b.returns(b.opens(1).List[0])
	if d := measured(b.Structure.Actor); d.Redemptions != 0 || d.Oldest == nil || *d.Oldest != day {
		t.Errorf("came back: %+v", d)
	}
	b.SetBank(b.Structure.Actor)
	for _, p := range b.settles().List {
		b.books(p)
	}
	b.Clock.Add(7 * 24 * time.Hour)
	d := measured(b.Structure.Actor)
	if d.Redemptions != 9 || d.Oldest != nil {
		t.Errorf("paid again: %+v", d)
	}
	_, err := b.OwnDelays(t.Context(), b.Funder)
	b.refused(err, "forbidden")
}

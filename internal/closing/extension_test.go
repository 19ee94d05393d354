package closing_test

import (
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/identity"
)

func TestAnExtensionIsSignedAndOldPaperStillWorks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 40)
	b := s.HandOver(c, 10)
	s.Redeem(s.Structure, b, 2)
	until := start.AddDays(120)

	p, err := s.room.PreviewExtension(t.Context(), s.Funder, c.ID, until)
	s.ok(err)
	if p.Booklets != 1 || p.Vouchers != 8 || p.Value != 80_00 || p.From != start.AddDays(60) || p.LastDay != start.AddDays(130) {
		t.Errorf("preview: %+v", p)
	}
	ask := closing.ExtendRequest{Campaign: c.ID, Until: until, Name: "Camille Martin", Agreed: true}
	unsigned, untold, early, far := ask, ask, ask, ask
	unsigned.Name, untold.Agreed, early.Until, far.Until = " ", false, start.AddDays(60), start.AddDays(5000)
	for code, req := range map[string]closing.ExtendRequest{"signature_missing": unsigned, "decision_missing": untold, "extension_not_later": early, "campaign_too_long": far} {
		_, err := s.room.Extend(t.Context(), s.Funder, req)
		s.refused(err, code)
	}
	_, err = s.room.Extend(t.Context(), s.Organisation(identity.Funder, "Ville"), ask)
	s.refused(err, "not_found")
	s.on(start.AddDays(68)) // within the tolerance
	_, err = s.room.Extend(t.Context(), s.Funder, ask)
	s.ok(err)
	if told := s.told.take("extended"); len(told) != 2 {
		t.Errorf("told %q", told)
	}
	s.on(start.AddDays(125))
	s.closes(0)
	s.Redeem(s.Structure, b, 3) // the code that was printed before
	s.holds()
	again, err := s.Issuing.Reprint(t.Context(), s.Prescriber, b.ID)
	s.ok(err)
	if again.Until != until || again.Typed != b.Typed || again.QR == b.QR {
		t.Errorf("printed again: %s, %v", again.Until, again.Typed == b.Typed)
	}
	if st := s.statement(s.Funder, c); len(st.Extensions) != 1 || st.Extensions[0].SignedBy != "Camille Martin" {
		t.Errorf("extensions: %+v", st.Extensions)
	}
	s.on(start.AddDays(131))
	ask.Until = start.AddDays(200)
	_, err = s.room.Extend(t.Context(), s.Funder, ask)
	s.refused(err, "campaign_expired")
	s.on(start.AddDays(132))
	s.closes(1)
	_, err = s.room.Extend(t.Context(), s.Funder, ask)
	s.refused(err, "campaign_closed")
}

func TestPeopleAreToldThirtyFifteenAndSevenDaysBefore(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 50)
	s.Redeem(s.Structure, s.HandOver(c, 10), 1)
	s.HandOver(c, 10)
	for day := range 62 {
		s.on(start.AddDays(day))
		s.ok(s.room.Remind(t.Context()))
	}
	got := s.told.take("ending")
	want := map[string]int{"J-30 30 days": 0, "J-15 15 days": 0, "J-7 7 days": 0}
	for _, text := range got {
		for key := range want {
			if strings.Contains(text, key+": 50 issued, 20 handed over, 30 waiting, 1 asleep") {
				want[key]++
			}
		}
	}
	for key, n := range want {
		if n != 2 {
			t.Errorf("%s: told %d times, not to the funder and the prescriber", key, n)
		}
	}
}

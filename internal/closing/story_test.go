package closing_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// closesOn is the day on which a campaign of the stage is closed: 60 days, 10 of tolerance,
// one for undoing, and the morning after.
const closesOn = 72

func TestAFunderGetsBackEveryCentThatWasNotUsed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 100)
	used, asleep := s.HandOver(c, 10), s.HandOver(c, 20)
	s.Redeem(s.Structure, used, 3)

	before := s.statement(s.Funder, c)
	if before.Closed() || before.Received != 1000_00 || before.HandedOver != 300_00 || before.Used != 30_00 || before.Live != 270_00 || before.Back() != 970_00 {
		t.Errorf("before the end: %+v", before)
	}
	s.on(start.AddDays(closesOn))
	s.closes(1)
	s.closes(0)

	after := s.statement(s.Operator, c)
	if !after.Closed() || after.Used != 30_00 || after.Live != 0 || after.Expired() != 270_00 || after.Never() != 700_00 || after.Back() != 970_00 {
		t.Errorf("after the end: %+v", after)
	}
	mine := after.Funders[0]
	if mine.Paid != 1000_00 || mine.Used != 30_00 || mine.Credit != 970_00 || len(mine.CreditNotes) != 1 || mine.Choice != nil {
		t.Errorf("the funder's part: %+v", mine)
	}
	if got := s.credit(s.Funder); got != 970_00 || s.owed(ledger.Unused(c.ID)) != 0 || s.owed(ledger.Funds(c.ID)) != 0 {
		t.Errorf("credit %s", got)
	}
	if got := s.told.take("closed"); len(got) != 1 || !strings.HasSuffix(got[0], "paid 1000.00, used 30.00, back 970.00") {
		t.Errorf("told %q", got)
	}
	_, err := s.Issuing.HandOver(t.Context(), s.Prescriber, issuing.HandOverRequest{Campaign: c.ID, Count: 1})
	s.refused(err, "campaign_over")
	_, err = s.Counter.Redeem(t.Context(), s.Structure.Actor, redemption.Request{Code: asleep.Typed, Count: 1, Theme: "everyday_tools", DurationMinutes: 60, Mode: "individual"})
	s.refused(err, "voucher_expired")
}

func TestTwoFundersGetBackWhatEachPaidMoreThanItsShare(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	state := s.Organisation(identity.Funder, "État")
	c := s.campaign("Premiers clics")
	s.shares(c, state, 50)
	s.pays(s.orderedBy(s.Funder, c, 60), 600_00)
	s.pays(s.orderedBy(state, c, 40), 400_00)
	s.allocates(c, 100)
	b := s.HandOver(c, 51)
	for _, n := range []int{10, 10, 10, 10, 10, 1} {
		s.Redeem(s.Structure, b, n)
	}
	s.on(start.AddDays(closesOn))
	s.closes(1)
	if own, other := s.credit(s.Funder), s.credit(state); own != 345_00 || other != 145_00 {
		t.Errorf("the département gets %s back, the State %s; each pays 255.00 of 510.00", own, other)
	}
	notes := s.notes(c.ID)
	if len(notes) != 2 || notes[0].Net+notes[1].Net != 490_00 {
		t.Errorf("credit notes: %+v", notes)
	}
	for _, who := range []identity.Actor{s.Funder, state} {
		if st := s.statement(who, c); len(st.Funders) != 1 || st.Funders[0].Funder != who.Organisation || st.Back() != 490_00 {
			t.Errorf("%s sees %+v", who.Name, st.Funders)
		}
	}
	if st := s.statement(s.Operator, c); len(st.Funders) != 2 {
		t.Errorf("the operator sees %+v", st.Funders)
	}
}

// notes are the credit notes of a campaign.
func (s *stage) notes(id vouchers.CampaignID) []invoicing.Invoice {
	s.t.Helper()
	var all []invoicing.Invoice
	s.InTx(func(tx *db.Tx) (err error) {
		all, err = invoicing.OfCampaign(s.t.Context(), tx, id)
		return err
	})
	return slices.DeleteFunc(all, func(i invoicing.Invoice) bool { return i.Corrects == nil })
}

func TestWhatWasNeverPaidIsNotOwedAnyMore(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.campaign("Premiers clics")
	o := s.orderedBy(s.Funder, c, 100)
	s.pays(o, 400_00)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	notes := s.notes(c.ID)
	if len(notes) != 2 || notes[0].Net != 600_00 || notes[1].Net != 400_00 {
		t.Fatalf("credit notes: %+v", notes)
	}
	if s.credit(s.Funder) != 400_00 {
		t.Errorf("credit %s", s.credit(s.Funder))
	}
	s.pays(o, 600_00)
	s.holds()
	if s.credit(s.Funder) != 1000_00 || s.owed(ledger.Funds(c.ID)) != 0 {
		t.Errorf("money that arrives after the end is credit: %s", s.credit(s.Funder))
	}
}

func TestACampaignWaitsForWhatIsStillLive(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 20)
	b := s.HandOver(c, 10)
	last := start.AddDays(70)
	s.on(last)
	r := s.Redeem(s.Structure, b, 4)
	s.on(last.AddDays(1))
	s.closes(0)
	_, err := s.room.Close(t.Context(), s.Operator, c.ID)
	s.refused(err, "campaign_not_over")
	s.Undo(s.Structure, r.ID)
	s.on(last.AddDays(2))
	_, err = s.room.Close(t.Context(), s.Operator, c.ID)
	s.refused(err, "campaign_still_live")
	s.closes(1)
	if s.credit(s.Funder) != 200_00 {
		t.Errorf("credit %s", s.credit(s.Funder))
	}
	_, err = s.room.Close(t.Context(), s.Operator, c.ID)
	s.refused(err, "campaign_closed")
}

package issuing_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

func TestAHandOverMovesItsValueFromFundsToLive(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 0)
	if b.Count != 10 || b.Left != 10 || b.Value() != 100_00 || b.Until != s.Campaign.EndsOn {
		t.Errorf("a booklet of the campaign's size: %+v", b)
	}
	s.wantBooks(s.Campaign, books{funds: 9_900_00, live: 100_00})
}

func TestTheSameKeyGivesTheSameBookletOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	req := issuing.HandOverRequest{Campaign: s.Campaign.ID, Count: 8, INSEE: "74280"}
	ctx, _ := s.keyed("counter-1-at-9h00")
	first, err := s.Issuing.HandOver(ctx, s.Prescriber, req)
	if err != nil {
		t.Fatal(err)
	}
	ctx, token := s.keyed("counter-1-at-9h00")
	again, err := s.Issuing.HandOver(ctx, s.Prescriber, req)
	if err != nil || again != first || !token.Replayed {
		t.Errorf("the second answer: %+v, replayed %v, %v", again, token.Replayed, err)
	}
	req.Count = 9
	ctx, _ = s.keyed("counter-1-at-9h00")
	_, err = s.Issuing.HandOver(ctx, s.Prescriber, req)
	wantFault(t, err, "idempotency_conflict")
	s.wantBooks(s.Campaign, books{funds: 9_920_00, live: 80_00})
}

func TestTheSameKeyAtOnceGivesOneBooklet(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var given sync.Map
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			ctx, _ := s.keyed("an impatient finger")
			b, err := s.Issuing.HandOver(ctx, s.Prescriber, issuing.HandOverRequest{Campaign: s.Campaign.ID, Count: 8})
			if err != nil {
				t.Error(err)
			}
			given.Store(b.ID, true)
		})
	}
	all.Wait()
	booklets := 0
	given.Range(func(any, any) bool { booklets++; return true })
	if booklets != 1 {
		t.Errorf("one key gave %d booklets", booklets)
	}
	s.wantBooks(s.Campaign, books{funds: 9_920_00, live: 80_00})
}

func TestNoMoreIsAllocatedThanIsFunded(t *testing.T) {
	t.Parallel()
	s := setup(t)
	other := s.Organisation(identity.Prescriber, "Mairie d’Annecy")
	req := issuing.AllocateRequest{Campaign: s.Campaign.ID, Prescriber: other.Organisation, Vouchers: 1}
	_, err := s.Issuing.Allocate(t.Context(), s.Funder, req)
	wantFault(t, err, "allocation_not_funded")
	s.HandOver(s.Campaign, 10) // what is handed over frees nothing
	_, err = s.Issuing.Allocate(t.Context(), s.Funder, req)
	wantFault(t, err, "allocation_not_funded")

	s.Fund(s.Campaign, 3*s.Campaign.Face-1) // two vouchers and most of a third
	req.Vouchers = 3
	_, err = s.Issuing.Allocate(t.Context(), s.Funder, req)
	wantFault(t, err, "allocation_not_funded")
	req.Vouchers = 2
	if a, err := s.Issuing.Allocate(t.Context(), s.Funder, req); err != nil || a.Left() != 2 {
		t.Errorf("two funded vouchers: %+v, %v", a, err)
	}
}

func TestNoMoreIsHandedOverThanIsAllocated(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.NewCampaign("Petite campagne", 12)
	s.HandOver(c, 10)
	_, err := s.Issuing.HandOver(t.Context(), s.Prescriber, issuing.HandOverRequest{Campaign: c.ID, Count: 3})
	wantFault(t, err, "allocation_used_up")
	s.wantBooks(c, books{funds: 20_00, live: 100_00})
	s.HandOver(c, 2)
	s.wantBooks(c, books{live: 120_00})
}

func TestManyCountersAtOnceExceedNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.NewCampaign("Petite campagne", 50)
	var given, refused atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			_, err := s.Issuing.HandOver(t.Context(), s.Prescriber, issuing.HandOverRequest{Campaign: c.ID, Count: 4})
			switch {
			case err == nil:
				given.Add(1)
			case fault.Code(err) == "allocation_used_up":
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if given.Load() != 12 || refused.Load() != 20 {
		t.Errorf("50 vouchers, 4 at a time: %d given, %d refused", given.Load(), refused.Load())
	}
	s.wantBooks(c, books{funds: 20_00, live: 480_00})
}

func TestHandOverIsRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	reader, tokened := s.Prescriber, s.Prescriber
	reader.Role = identity.Reader
	tokened.Scopes = []string{"campaigns"}
	stranger := s.Organisation(identity.Prescriber, "Mairie d’Annecy")
	for name, try := range map[string]struct {
		actor identity.Actor
		req   issuing.HandOverRequest
		code  string
	}{
		"nobody":               {identity.Actor{}, issuing.HandOverRequest{}, "unauthenticated"},
		"a funder":             {s.Funder, issuing.HandOverRequest{}, "forbidden"},
		"a structure":          {s.Structure.Actor, issuing.HandOverRequest{}, "forbidden"},
		"a reader":             {reader, issuing.HandOverRequest{}, "forbidden"},
		"a token without it":   {tokened, issuing.HandOverRequest{}, "scope_missing"},
		"another's allocation": {stranger, issuing.HandOverRequest{}, "not_found"},
		"no campaign":          {s.Prescriber, issuing.HandOverRequest{Campaign: 999_999}, "not_found"},
		"less than a voucher":  {s.Prescriber, issuing.HandOverRequest{Count: -1}, "vouchers_out_of_range"},
		"too thick a booklet":  {s.Prescriber, issuing.HandOverRequest{Count: 101}, "vouchers_out_of_range"},
		"a commune of nowhere": {s.Prescriber, issuing.HandOverRequest{INSEE: "99999"}, "commune_unknown"},
		"half an address":      {s.Prescriber, issuing.HandOverRequest{Email: "ana@"}, "email_malformed"},
	} {
		if try.req.Campaign == 0 {
			try.req.Campaign = s.Campaign.ID
		}
		if _, err := s.Issuing.HandOver(t.Context(), try.actor, try.req); fault.Code(err) != try.code {
			t.Errorf("%s: %v, want %s", name, err, try.code)
		}
	}
	s.wantBooks(s.Campaign, books{funds: 10_000_00})
}

func TestACampaignHandsOverFromItsFirstDayToItsLast(t *testing.T) {
	t.Parallel()
	s := setup(t)
	today := s.Campaign.StartsOn.AddDays(30)
	c, err := s.Campaigns.Define(t.Context(), s.Funder, campaigns.Rules{Name: "Une semaine", Face: 10_00, BookletSize: 2,
		StartsOn: today.AddDays(2), EndsOn: today.AddDays(9), ToleranceDays: 15, PriceCap: 2})
	if err != nil {
		t.Fatal(err)
	}
	s.Fund(c, 100_00)
	_, err = s.Issuing.Allocate(t.Context(), s.Funder, issuing.AllocateRequest{Campaign: c.ID, Prescriber: s.Prescriber.Organisation, Vouchers: 10})
	if err != nil {
		t.Fatal(err)
	}
	try := func() error {
		_, err := s.Issuing.HandOver(t.Context(), s.Prescriber, issuing.HandOverRequest{Campaign: c.ID})
		return err
	}
	s.Clock.Set(endOf(c.StartsOn.AddDays(-1)))
	wantFault(t, try(), "campaign_not_started")
	s.Clock.Set(c.StartsOn.Time())
	wantFault(t, try(), "")
	s.Clock.Set(endOf(c.EndsOn))
	wantFault(t, try(), "")
	s.Clock.Set(c.EndsOn.AddDays(1).Time()) // the tolerance is for spending, not for giving
	wantFault(t, try(), "campaign_over")
}

func TestTheCounterShowsTodayAndWhatIsLeft(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.HandOver(s.Campaign, 8)
	s.Clock.Set(endOf(s.Campaign.StartsOn.AddDays(30)).Add(1000))
	s.HandOver(s.Campaign, 5)
	b := s.HandOver(s.Campaign, 5)
	desk, err := s.Issuing.Desk(t.Context(), s.Prescriber, 2)
	if err != nil || desk.Today != (issuing.Count{Booklets: 2, Vouchers: 10}) {
		t.Errorf("today: %+v, %v", desk.Today, err)
	}
	if len(desk.Allocations) != 1 || desk.Allocations[0].Left() != 982 {
		t.Errorf("what is left: %+v", desk.Allocations)
	}
	if len(desk.Latest) != 2 || desk.Latest[0].ID != b.ID || desk.Latest[0].QR != "" || desk.Latest[0].Typed != "" {
		t.Errorf("the latest, without codes: %+v", desk.Latest)
	}
	older, err := s.Issuing.HandOvers(t.Context(), s.Prescriber, desk.Latest[1].ID, 10)
	if err != nil || len(older) != 1 || older[0].Count != 8 {
		t.Errorf("below the cursor: %+v, %v", older, err)
	}
}

func TestABookletIsItsPrescribersOnly(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 8)
	stranger := s.Organisation(identity.Prescriber, "Mairie d’Annecy")
	_, err := s.Issuing.Open(t.Context(), stranger, b.ID)
	wantFault(t, err, "not_found")
	_, err = s.Issuing.Reprint(t.Context(), stranger, b.ID)
	wantFault(t, err, "not_found")
	_, err = s.Issuing.Freeze(t.Context(), stranger, issuing.FreezeRequest{Booklet: b.ID, Frozen: true})
	wantFault(t, err, "not_found")
	if all, err := s.Issuing.HandOvers(t.Context(), stranger, 0, 10); len(all) != 0 || err != nil {
		t.Errorf("a stranger sees %+v, %v", all, err)
	}
}

func TestABookletIsPrintedAgainWithTheSameCodesAndSaysSo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 8)
	again, err := s.Issuing.Reprint(t.Context(), s.Prescriber, b.ID)
	if err != nil || again != b {
		t.Errorf("printed again: %+v, %v", again, err)
	}
	var printed int
	s.InTx(func(tx *db.Tx) error {
		return tx.Get(t.Context(), &printed, `SELECT count(*) FROM audit_entries WHERE action = 'booklet_printed' AND person_id = $1`, s.Prescriber.Person)
	})
	if printed != 1 {
		t.Errorf("%d entries tell of one print", printed)
	}
	shown, err := s.Issuing.Open(t.Context(), s.Prescriber, b.ID)
	if err != nil || shown.Typed != "" || shown.QR != "" || shown.Count != 8 {
		t.Errorf("without printing: %+v, %v", shown, err)
	}
}

func TestALostBookletIsFrozenAndFoundAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 8)
	s.Redeem(s.Structure, b, 2)
	for range 2 { // twice is as once
		card, err := s.Issuing.Freeze(t.Context(), s.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: true})
		if err != nil || card.Frozen != 6 || card.Left != 0 || card.Used() != 2 {
			t.Errorf("frozen: %+v, %v", card, err)
		}
	}
	_, err := s.Counter.Redeem(t.Context(), s.Structure.Actor, world.Request(b, 1))
	wantFault(t, err, "voucher_frozen")
	card, err := s.Issuing.Freeze(t.Context(), s.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: false})
	if err != nil || card.Frozen != 0 || card.Left != 6 || card.Used() != 2 {
		t.Errorf("let run again: %+v, %v", card, err)
	}
	if r := s.Redeem(s.Structure, b, 1); r.Left != 5 {
		t.Errorf("%d left", r.Left)
	}
	s.wantBooks(s.Campaign, books{funds: 9_920_00, live: 50_00})
}

func TestABookletIsCountedFromThePersonsCommuneOrThePrescribers(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b, err := s.Issuing.HandOver(t.Context(), s.Prescriber, issuing.HandOverRequest{Campaign: s.Campaign.ID, INSEE: "74010"})
	if from, known := b.Commune(); err != nil || !known || from.Name != "Annecy" {
		t.Errorf("asked: %s, %v", from.Name, err)
	}
	if from, known := s.HandOver(s.Campaign, 1).Commune(); !known || from.Name != "Thônes" {
		t.Errorf("not asked: %q", from.Name)
	}
	if _, known := (issuing.Origin{Town: "Nulle-Part-sur-Rien"}).Commune(); known {
		t.Error("a town of nowhere is known")
	}
}

var errGiveUp = errors.New("the test gives its transaction up")

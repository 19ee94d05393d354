package reporting

import (
	"slices"
	"testing"
	"testing/quick"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

func TestTheReportSaysWhatHappened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.story()
	r, err := b.Report(t.Context(), b.Funder, b.World.Campaign.ID)
	b.ok(err)
	want := Flow{Ordered: 10_000_00, Received: 10_000_00, HandedOver: 300_00, Used: 80_00, Paid: 20_00,
		Allocated: 10_000_00, Left: 220_00, Booklets: 3, BookletsUsedOnce: 2}
	if r.Flow != want || r.ExpiredCents != 0 || r.Asleep() != 1 {
		t.Errorf("flow %+v, expired %s, asleep %d", r.Flow, r.ExpiredCents, r.Asleep())
	}
	if len(r.Themes) != 1 || r.Themes[0].Theme != world.Theme || r.Themes[0].Use != (Use{4, 8, 80_00}) {
		t.Errorf("themes %+v", r.Themes)
	}
	if len(r.Places) != 2 || r.Places[0].Vouchers != 5 || r.Places[0].Town != "Thônes" || r.Places[1].Vouchers != 3 {
		t.Errorf("places %+v", r.Places)
	}
	if len(r.Months) != 1 || r.Months[0].First.String() != "2026-03-01" || r.Months[0].HandedOver != 30 || r.Months[0].Booklets != 3 ||
		r.Months[0].Vouchers != 8 {
		t.Errorf("months %+v", r.Months)
	}
	if len(r.Residents.Communes) != 0 || r.Residents.Hidden != 1 {
		t.Errorf("three people can be told apart: %+v", r.Residents)
	}
}

func TestAFlowKnowsWhatExpired(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.story()
	short := b.World.Campaign.ID + 1
	flows, err := b.Flows(t.Context(), b.Funder, short)
	b.ok(err)
	if f := flows[short]; f.Expired() != 20_00 || f.Left != 0 || f.Used != 0 || f.Ordered != 50_00 || f.HandedOver != 20_00 {
		t.Errorf("%+v", f)
	}
}

func TestFiguresAreTheSameBeforeAndAfterARollUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.story()
	before, err := b.Report(t.Context(), b.Operator, b.World.Campaign.ID)
	b.ok(err)
	b.InTx(func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) })
	after, err := b.Report(t.Context(), b.Operator, b.World.Campaign.ID)
	b.ok(err)
	if before.Flow != after.Flow {
		t.Errorf("%+v, then %+v", before.Flow, after.Flow)
	}
}

func TestAnotherFundersReportDoesNotExist(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stranger := b.Organisation("funder", "Mutuelle des Alpes")
	_, err := b.Report(t.Context(), stranger, b.World.Campaign.ID)
	if fault.Code(err) != "not_found" {
		t.Errorf("report: %v", err)
	}
	if _, err = b.Flows(t.Context(), stranger, b.World.Campaign.ID); fault.Code(err) != "not_found" {
		t.Errorf("flows: %v", err)
	}
	if _, err = b.Report(t.Context(), b.Structure.Actor, b.World.Campaign.ID); fault.Code(err) != "forbidden" {
		t.Errorf("a structure: %v", err)
	}
	token := b.Funder
	token.Scopes = []string{"campaigns"}
	if _, err = b.Report(t.Context(), token, b.World.Campaign.ID); fault.Code(err) != "scope_missing" {
		t.Errorf("a token for something else: %v", err)
	}
}

func TestEveryCentIsCovered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.story()
	c, err := b.Cover(t.Context())
	b.ok(err)
	want := Owed{Live: 220_00, Payable: 10_00, InTransit: 50_00, Funds: 9730_00, Expired: 20_00}
	if !c.Covered || c.Held != 10_035_00 || c.Suspense != 5_00 || c.Owed != want {
		t.Errorf("%+v", c)
	}
	if len(c.Campaigns) != 2 || c.Campaigns[1].ID != b.World.Campaign.ID || c.Campaigns[1].Held != 9980_00 || !c.Campaigns[1].Covered {
		t.Errorf("%+v", c.Campaigns)
	}
}

func TestCashThatTheBankTookUncovers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.HandOver(b.World.Campaign, 10)
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: 1, Outcome: "unexpected_debit"})
		if err != nil {
			return err
		}
		return ledger.Post(t.Context(), tx, ledger.DebitedUnexpectedly(line, 1)...)
	})
	c, err := b.Cover(t.Context())
	b.ok(err)
	if c.Covered || c.Suspense != -1 {
		t.Errorf("%+v", c)
	}
	if f := b.verify()["INV-5"]; f.OK {
		t.Error("INV-5 holds")
	}
}

func TestCoverIsCountedAgainAfterAMoment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	live := func() vouchers.Cents {
		c, err := b.Cover(t.Context())
		b.ok(err)
		return c.Live
	}
	before := live()
	b.HandOver(b.World.Campaign, 10)
	if live() != before {
		t.Error("counted again at once")
	}
	b.Clock.Add(coverFor)
	if live() != before+100_00 {
		t.Error("not counted again")
	}
}

func TestTheDeskShowsTheOldestWorkFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	homeless := b.NewStructureWithoutBank("Tiers-lieu de Manigod")
	b.Redeem(homeless, b.HandOver(b.World.Campaign, 10), 2)
	b.Clock.Add(50 * time.Hour)
	b.unexplained(7_00)
	d, err := b.Desk(t.Context(), b.Operator)
	b.ok(err)
	if len(d.Queues) != 2 || d.Queues[0].Name != "held" || d.Queues[0].Amount != 20_00 || d.Queues[0].AgeDays(d.At) != 2 ||
		d.Queues[1].Name != "lines" || d.Queues[1].Amount != 7_00 || d.Queues[1].AgeDays(d.At) != 0 {
		t.Errorf("%+v", d.Queues)
	}
	if _, err := b.Desk(t.Context(), b.Funder); fault.Code(err) != "forbidden" {
		t.Errorf("a funder: %v", err)
	}
}

func TestTheDeskTellsOfADailyExportThatIsLate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	late := func() bool {
		d, err := b.Desk(t.Context(), b.Operator)
		b.ok(err)
		return slices.ContainsFunc(d.Queues, func(q Queue) bool { return q.Name == "exports" })
	}
	export := func(by any) {
		b.InTx(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `
				INSERT INTO continuity_exports (made_at, made_by, folder, transfers_up_to, owed_cents, files, size_bytes, manifest_sha256)
				VALUES ($1, $2, '/srv/2026-03-09', 1, 0, 1, 1, sha256(''))`, tx.Now, by)
			return err
		})
	}
	export(b.Operator.Person)
	b.Clock.Add(49 * time.Hour)
	if late() {
		t.Error("nobody has asked for one each day")
	}
	export(nil)
	if late() {
		t.Error("it has just been made")
	}
	b.Clock.Add(49 * time.Hour)
	if !late() {
		t.Error("it is not late")
	}
}

func TestNobodyCanBeWorkedOutOfTheCommunes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counts, shown []int
	}{
		{[]int{30, 20, 15}, []int{30, 20, 15}},
		{[]int{30, 20, 3}, []int{30}},        // 20 hides with 3: else 3 is the rest
		{[]int{30, 20, 9, 8}, []int{30, 20}}, // 17 together
		{[]int{30, 20, 2, 1}, []int{30}},     // 3 together would still be 3 people
		{[]int{30, 3}, nil},                  // nothing to hide behind
		{[]int{5}, nil},
		{[]int{12}, []int{12}},
		{nil, nil},
	} {
		var all []CommuneFigure
		for i, n := range c.counts {
			all = append(all, CommuneFigure{INSEE: string(rune('a' + i)), Booklets: n})
		}
		r := ShowResidents(all)
		if len(r.Communes) != len(c.shown) || r.Hidden != len(c.counts)-len(c.shown) {
			t.Errorf("%v: shows %v, hides %d", c.counts, r.Communes, r.Hidden)
			continue
		}
		for i, n := range c.shown {
			if r.Communes[i].Booklets != n {
				t.Errorf("%v: shows %v", c.counts, r.Communes)
			}
		}
	}
}

func TestWhatIsHiddenIsNeverFewerThanElevenPeopleOfTwoCommunes(t *testing.T) {
	t.Parallel()
	err := quick.Check(func(counts []uint8) bool {
		var all []CommuneFigure
		total := 0
		for i, n := range counts {
			all = append(all, CommuneFigure{INSEE: string(rune(i)), Booklets: int(n%40) + 1})
			total += int(n%40) + 1
		}
		r, shown := ShowResidents(all), 0
		for _, c := range r.Communes {
			if c.Booklets < fewest {
				return false
			}
			shown += c.Booklets
		}
		return r.Hidden == 0 && shown == total || len(r.Communes) == 0 || r.Hidden >= 2 && total-shown >= fewest
	}, &quick.Config{MaxCount: 2000})
	if err != nil {
		t.Error(err)
	}
}

func TestNoMonthIsLeftOut(t *testing.T) {
	t.Parallel()
	day := func(s string) vouchers.Day {
		d, err := vouchers.ParseDay(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	months := byMonth([]MonthFigure{{First: day("2026-11-01"), Booklets: 1}}, []cell{{First: day("2027-02-01"), Use: Use{1, 2, 3}}})
	if len(months) != 4 || months[1].First != day("2026-12-01") || months[2].First != day("2027-01-01") || months[3].Vouchers != 2 {
		t.Errorf("%+v", months)
	}
}

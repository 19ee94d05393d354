package settlement

import (
	"reflect"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
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

// delaysAnew measures the same from every payout and every redemption that there is.
const delaysAnew = `
	WITH RECURSIVE chain (first, last) AS (
		SELECT id, id FROM payouts WHERE $1 = 0 OR structure_id = $1
		UNION ALL
		SELECT c.first, p.reissued_in FROM chain c JOIN payouts p ON p.id = c.last WHERE p.reissued_in IS NOT NULL),
	ends AS (SELECT first, max(last) AS last FROM chain GROUP BY first),
	redeemed AS (
		SELECT (r.at AT TIME ZONE 'Europe/Paris')::date AS "on", f.booked_on
		FROM redemptions r
		LEFT JOIN payouts p ON p.structure_id = r.structure_id AND r.id > p.after_id AND r.id <= p.up_to_id
		LEFT JOIN ends e ON e.first = p.id
		LEFT JOIN payouts f ON f.id = e.last AND f.state = 'booked'
		WHERE r.undone_at IS NULL AND ($1 = 0 OR r.structure_id = $1)),
	paid AS (SELECT booked_on - "on" AS days FROM redeemed WHERE booked_on BETWEEN $2::date AND $3::date)
	SELECT $2::date AS from_on, $3::date AS until_on, count(*) AS redemptions,
		percentile_disc(0.5) WITHIN GROUP (ORDER BY days) AS median, percentile_disc(0.95) WITHIN GROUP (ORDER BY days) AS p95,
		max(days) AS worst, (SELECT min("on") FROM redeemed WHERE booked_on IS NULL) AS oldest
	FROM paid`

// delaysAgree measures windows of different lengths both ways.
func (b bundle) delaysAgree(of ...vouchers.OrganisationID) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		today := vouchers.DayOf(tx.Now)
		for _, structure := range append(of, 0) {
			for _, w := range []Delays{{From: today - delaysOver, Until: today}, {From: today - 2, Until: today + 9}, {From: today - 5, Until: today - 3}} {
				var want Delays
				if err := tx.Get(b.t.Context(), &want, delaysAnew, structure, w.From, w.Until); err != nil {
					return err
				}
				got, err := waited(b.t.Context(), tx, structure, w)
				if err != nil {
					return err
				}
				if !reflect.DeepEqual(got, want) {
					b.t.Errorf("of %d: %+v, measured anew %+v", structure, got, want)
				}
			}
		}
		return nil
	})
}

// Everybody may ask, at any time: what was paid before the window is not read.
func TestDelaysAreMeasuredWithoutReadingWhatWasPaidLongAgo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const old = 20_000
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `
			WITH s AS (
				INSERT INTO settlements (message_id, closed_at, closed_by, execution_on, payouts, total_cents, file_sha256,
					debtor_name, debtor_iban, debtor_bic, debtor_street, debtor_postcode, debtor_town)
				VALUES ('OLD', '2024-01-02', $3, '2024-01-03', 1, $1, '', '', '', '', '', '', '') RETURNING id),
			p AS (
				INSERT INTO payouts (settlement_id, structure_id, after_id, up_to_id, redemptions, amount_cents, iban, bic, holder,
					street, postcode, town, end_to_end, state, booked_on)
				SELECT id, $2, -$1::bigint - 1, -1, $1, $1, '', '', '', '', '', '', 'OLD', 'booked', '2024-01-03' FROM s)
			INSERT INTO redemptions (id, at, campaign_id, booklet_id, structure_id, place_id, person_id, vouchers, amount_cents, theme, duration_minutes, mode)
			SELECT -n, '2024-01-01', $4, 1, $2, 1, $3, 1, 1, '', 1, '' FROM generate_series(1, $1::bigint) AS n`,
			old, b.Structure.Organisation, b.Operator.Person, b.Campaign.ID)
		return err
	})
	booklet := b.HandOver(b.Campaign, 10)
	b.Redeem(b.Structure, booklet, 1)
	closed, err := b.Close(t.Context(), b.Operator, CloseRequest{})
	b.ok(err)
	b.approves(closed)
	b.InTx(func(tx *db.Tx) error {
		_, _, err := b.Book(t.Context(), tx, debit(b.opens(closed.ID).List[0]))
		return err
	})
	b.Clock.Add(48 * time.Hour)
	b.Redeem(b.Structure, booklet, 1)
	b.delaysAgree(b.Structure.Organisation)
	b.InTx(func(tx *db.Tx) error {
		before, err := redemptionsRead(t, tx)
		if err != nil {
			return err
		}
		today := vouchers.DayOf(tx.Now)
		d, err := waited(t.Context(), tx, 0, Delays{From: today - delaysOver, Until: today})
		if err != nil {
			return err
		}
		after, err := redemptionsRead(t, tx)
		if read := after - before; d.Redemptions != 1 || d.Oldest == nil || *d.Oldest != today || read > 10 {
			t.Errorf("%d redemptions read for %+v", read, d)
		}
		return err
	})
}

// redemptionsRead is how many rows of the table the connection of tx has read.
func redemptionsRead(t *testing.T, tx *db.Tx) (n int, err error) {
	err = tx.Get(t.Context(), &n, `SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'redemptions'`)
	return n, err
}

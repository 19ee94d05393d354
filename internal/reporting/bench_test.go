package reporting

import (
	"testing"

	"github.com/passerelle/passerelle/internal/db"
)

// seed adds n redemptions of two vouchers of campaign 1, three to a booklet, over half a
// year, with their transfers; half of them are behind the ledger's watermark.
func seed(b bundle, n int) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		for _, sql := range []string{
			`INSERT INTO booklets (id, campaign_id, allocation_id, prescriber_id, key_id, typed_hash, vouchers, face_cents, from_on, until_on, insee,
				handed_over_at, handed_over_by)
			 OVERRIDING SYSTEM VALUE
			 SELECT g, 1, 1, a.prescriber_id, 1, int8send(g), 10, 1000, $1::timestamptz::date, $1::timestamptz::date + 300,
				(ARRAY['74280', '74123', '74010', '74131', '74242'])[1 + (random() * random() * 4.99)::int % 5],
				$1::timestamptz - (random() * 180) * interval '1 day', 1
			 FROM generate_series(1, $2::bigint / 3) AS g, allocations a WHERE a.id = 1`,
			`INSERT INTO redemptions (id, at, campaign_id, booklet_id, structure_id, place_id, person_id, vouchers, amount_cents, theme, duration_minutes, mode)
			 SELECT g, $1::timestamptz - (random() * 180) * interval '1 day', 1, 1 + g % ($2::bigint / 3), p.structure_id, p.id, 1, 2, 2000,
				(ARRAY['everyday_tools', 'administrative_help', 'employment'])[1 + g % 3], 60, 'individual'
			 FROM generate_series(1, $2::bigint) AS g, places p WHERE p.id = 1`,
			`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
			 SELECT $1, 'handover', id, 'campaign:1:funds', 'campaign:1:live', 10000, 1 FROM booklets WHERE $2::bigint > 0`,
			`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
			 SELECT $1, 'redemption', id, 'campaign:1:live', 'structure:' || structure_id || ':payable', 2000, 1 FROM redemptions WHERE $2::bigint > 0`,
			`UPDATE ledger_watermark SET up_to = (SELECT max(id) / 2 FROM transfers) WHERE $2::bigint > 0 AND $1::timestamptz IS NOT NULL`,
			`INSERT INTO ledger_rollups (account, campaign_id, debited, credited)
			 SELECT account, campaign_id, sum(debited), sum(credited) FROM (
				SELECT debit AS account, campaign_id, amount AS debited, 0 AS credited FROM transfers WHERE id <= (SELECT up_to FROM ledger_watermark)
				UNION ALL
				SELECT credit, campaign_id, 0, amount FROM transfers WHERE id <= (SELECT up_to FROM ledger_watermark)) AS legs
			 WHERE $2::bigint > 0 AND $1::timestamptz IS NOT NULL GROUP BY 1, 2`,
		} {
			if _, err := tx.Exec(b.t.Context(), sql, tx.Now, n); err != nil {
				return err
			}
		}
		return nil
	})
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(b.t.Context(), `ANALYZE`)
		return err
	})
}

// BenchmarkReport is one view of a campaign's report, of the funder's rivers and of the
// cover, at 100,000 redemptions.
func BenchmarkReport(b *testing.B) {
	w := setup(b)
	seed(w, 100_000)
	b.Run("report", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.Report(b.Context(), w.Funder, w.World.Campaign.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("flows", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.Flows(b.Context(), w.Funder, w.World.Campaign.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cover", func(b *testing.B) {
		for b.Loop() {
			w.Clock.Add(coverFor)
			if _, err := w.Cover(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.Verify(b.Context(), w.Operator); err != nil {
				b.Fatal(err)
			}
		}
	})
}

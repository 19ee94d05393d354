package accounting

import (
	"io"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

// BenchmarkFEC is the file of a year of a million transfers.
func BenchmarkFEC(b *testing.B) {
	w := world.New(b)
	room := New(w.DB, siret)
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(b.Context(), `
			INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
			SELECT $1::timestamptz + g * interval '1 second', 'redemption', g, 'campaign:1:live', 'structure:4:payable', 1000, 1
			FROM generate_series(1, 1000000) AS g`, tx.Now)
		return err
	})
	for b.Loop() {
		if err := room.FEC(b.Context(), w.Operator, 2026, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

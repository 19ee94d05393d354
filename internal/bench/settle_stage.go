package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	settledCampaigns = 12 // each structure has redeemed for three of them
	settledBooklet   = 4  // vouchers
)

// settledFillings follow ground: booklets whose every voucher was redeemed, one at a time, by
// one structure after the other; the structures' addresses and accounts; an operator with two
// people. Redemption n is of voucher n.
var settledFillings = append(slices.Clone(ground), []filling{
	{`INSERT INTO booklets (campaign_id, allocation_id, prescriber_id, key_id, typed_hash, vouchers, face_cents, from_on, until_on, insee,
			handed_over_at, handed_over_by)
		SELECT a.campaign_id, a.id, 2, 1, sha256(int8send(n)), $2, $3, $4, $4::date + 90, '', $5, 2
		FROM generate_series(1, $1::bigint) AS n JOIN allocations a ON a.campaign_id = n % $6 + 1 ORDER BY n`,
		[]string{"booklets", "size", "face", "today", "now", "campaigns"}},
	{`INSERT INTO vouchers (booklet_id, campaign_id, face_cents, state)
		SELECT b.id, b.campaign_id, b.face_cents, 'redeemed' FROM booklets b, generate_series(1, $1::int) ORDER BY b.id`, []string{"size"}},
	{`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
		SELECT $1, 'handover', id, 'campaign:' || campaign_id || ':funds', 'campaign:' || campaign_id || ':live', vouchers * face_cents, campaign_id
		FROM booklets ORDER BY id`, []string{"now"}},
	{`INSERT INTO redemptions (id, at, campaign_id, booklet_id, structure_id, place_id, person_id, vouchers, amount_cents, theme, duration_minutes, mode)
		SELECT nextval('redemption_ids'), $1, v.campaign_id, v.booklet_id, v.id % $2 + 3, v.id % $2 + 1, v.id % $2 + 3, 1, v.face_cents, $3, 60, 'individual'
		FROM vouchers v ORDER BY v.id`, []string{"now", "structures", "theme"}},
	{`INSERT INTO redeemed_vouchers (redemption_id, voucher_id, undone) SELECT id, id, false FROM redemptions ORDER BY id`, nil},
	{`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
		SELECT $1, 'redemption', id, 'campaign:' || campaign_id || ':live', 'structure:' || structure_id || ':payable', amount_cents, campaign_id
		FROM redemptions ORDER BY id`, []string{"now"}},
	{`UPDATE organisations SET name = 'Médiathèque n° ' || id, postcode = '74000', town = 'Annecy',
			street = CASE id % 3 WHEN 0 THEN id || ' bis, rue de l’Évêché' WHEN 1 THEN 'Lieu-dit Les Granges' ELSE 'Bâtiment B, ' || id || ' avenue du Parmelan' END
		WHERE kind = 'structure'`, nil},
	{`INSERT INTO organisations (kind, name, siret, email, created_at) VALUES ('operator', 'Bench', NULL, 'bench@passerelle.example', $1)`, []string{"now"}},
	{`INSERT INTO people (email, name, password_hash, created_at)
		SELECT 'finance' || n || '@passerelle.example', 'Bench', '', $1 FROM generate_series(1, 2) AS n`, []string{"now"}},
	{`INSERT INTO memberships (person_id, organisation_id, role, created_at)
		SELECT p.id, o.id, 'finance', $1 FROM people p, organisations o WHERE p.email LIKE 'finance%' AND o.kind = 'operator'`, []string{"now"}},
	{`INSERT INTO bank_details (structure_id, iban, bic, holder, created_at, created_by, match, how, verified_at, verified_by, in_force_at)
		SELECT n + 2, a.iban, 'AGRIFRPP', 'Médiathèque n° ' || n + 2, $2, n + 2, 'match', 'bench', $2, (SELECT min(id) FROM people WHERE email LIKE 'finance%'), $2
		FROM unnest($1::text[]) WITH ORDINALITY AS a(iban, n)`, []string{"accounts", "now"}},
}...)

// redeemed fills a database with redemptions that nothing has paid. The ledger is rolled up,
// as the service does every minute, and the tables are clean, as autovacuum leaves them.
func redeemed(ctx context.Context, d *db.DB, rows, structures int) error {
	accounts := make([]string, structures)
	for i := range accounts {
		accounts[i] = inventedIBAN(i + 1).Full()
	}
	err := fill(ctx, d, settledFillings, map[string]any{
		"today": vouchers.DayOf(d.Now()), "campaigns": settledCampaigns, "structures": structures, "booklets": rows / settledBooklet,
		"size": settledBooklet, "face": int64(face), "theme": theme, "accounts": db.Array(accounts),
	})
	if err != nil {
		return err
	}
	if err := d.InTx(ctx, func(tx *db.Tx) error { return ledger.RollUp(ctx, tx) }); err != nil {
		return err
	}
	return alone(ctx, d, `VACUUM ANALYZE`)
}

// inventedIBAN is the n-th account of a bank that does not exist.
func inventedIBAN(n int) sepa.IBAN {
	for check := range 97 {
		if iban, err := sepa.ParseIBAN(fmt.Sprintf("FR%02d9999900001%011d00", check+2, n)); err == nil {
			return iban
		}
	}
	panic("bench: no check digits are right")
}

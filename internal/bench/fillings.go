package bench

import "slices"

// filling is one statement that fills the stage; args names its values.
type filling struct {
	sql  string
	args []string
}

// ground is what both benches stand on. Organisation 1 is the funder, 2 the prescriber, the
// structures follow from 3; place n belongs to organisation n + 2; booklet n is of campaign
// n % campaigns + 1, and all vouchers are paid and allocated.
var ground = []filling{
	{`INSERT INTO organisations (kind, name, siret, email, created_at)
		SELECT CASE n WHEN 1 THEN 'funder' WHEN 2 THEN 'prescriber' ELSE 'structure' END, 'Bench ' || n, NULL, 'bench@passerelle.example', $2
		FROM generate_series(1, $1::int + 2) AS n`, []string{"structures", "now"}},
	{`INSERT INTO people (email, name, password_hash, created_at)
		SELECT 'bench' || n || '@passerelle.example', 'Bench', '', $2 FROM generate_series(1, $1::int + 2) AS n`, []string{"structures", "now"}},
	{`INSERT INTO memberships (person_id, organisation_id, role, created_at)
		SELECT n, n, 'agent', $2 FROM generate_series(1, $1::int + 2) AS n`, []string{"structures", "now"}},
	{`INSERT INTO places (source, source_id, siret, structure_id, claimed_at, name, address, postcode, insee, town, epci, departement,
			phone, email, website, hours, themes, presentation, accessibility, folded, imported_at)
		SELECT 'bench', n::text, '', n + 2, $2, 'Lieu ' || n, '', '74000', '74010', 'Annecy', '200066793', '74',
			'', '', '', '', ARRAY[$3], '', '', '', $2 FROM generate_series(1, $1::int) AS n`, []string{"structures", "now", "theme"}},
	{`INSERT INTO labels (place_id, granted_at, granted_by, starts_on, ends_on)
		SELECT n, $2, 1, $3, $3::date + 365 FROM generate_series(1, $1::int) AS n`, []string{"structures", "now", "today"}},
	{`INSERT INTO services (place_id, theme, price_vouchers, duration_minutes)
		SELECT n, $2, 1, 60 FROM generate_series(1, $1::int) AS n`, []string{"structures", "theme"}},
	{`INSERT INTO campaigns (funder_id, name, face_cents, booklet_size, starts_on, ends_on, tolerance_days, price_cap,
			themes, communes, epcis, departements, created_at, created_by)
		SELECT 1, 'Bench ' || n, $4, $5, $3, $3::date + 90, 30, 4, ARRAY[$6], '{}', '{}', '{74}', $2, 1
		FROM generate_series(1, $1::int) AS n`, []string{"campaigns", "now", "today", "face", "size", "theme"}},
	{`INSERT INTO allocations (campaign_id, prescriber_id, vouchers, handed_over)
		SELECT b % $1 + 1, 2, count(*) * $3, count(*) * $3 FROM generate_series(1, $2::int) AS b GROUP BY 1 ORDER BY 1`,
		[]string{"campaigns", "booklets", "size"}},
	{`INSERT INTO orders (campaign_id, funder_id, vouchers, face_cents, reference, ordered_at, ordered_by)
		SELECT campaign_id, 1, vouchers, vouchers * $2::bigint, 'BENCH' || id, $1, 1 FROM allocations ORDER BY id`, []string{"now", "face"}},
	{`INSERT INTO statements (iban, reference, sha256, part, imported_at, imported_by) VALUES ('', 'bench', '', 0, $1, 1)`, []string{"now"}},
	{`INSERT INTO statement_lines (statement_id, identity, booked_on, amount_cents, credit, end_to_end, counterparty, counterparty_iban,
			remittance, return_reason, outcome, cause)
		SELECT 1, 'bench ' || id, $1, face_cents, true, '', '', '', reference, '', 'order_funded', id FROM orders ORDER BY id`, []string{"today"}},
	{`INSERT INTO receipts (line_id, order_id, funds_cents, credit_cents, received_at)
		SELECT cause, cause, amount_cents, 0, $1 FROM statement_lines ORDER BY cause`, []string{"now"}},
	{`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
		SELECT $1, 'receipt', id, 'bank:segregated', 'campaign:' || campaign_id || ':funds', face_cents, campaign_id FROM orders ORDER BY id`,
		[]string{"now"}},
	{`INSERT INTO guarded_balances (account, balance) SELECT 'campaign:' || id || ':funds', 0 FROM campaigns`, nil},
}

// fillings are the stage of redemptions: live booklets, and counters that may redeem them.
var fillings = append(slices.Clone(ground), []filling{
	{`INSERT INTO api_tokens (token_hash, person_id, organisation_id, label, scopes, created_at, expires_at)
		SELECT t.hash, t.n + 2, t.n + 2, 'bench', '{redemptions}', $2, $2::timestamptz + interval '1 day'
		FROM unnest($1::bytea[]) WITH ORDINALITY AS t(hash, n)`, []string{"tokens", "now"}},
	{`INSERT INTO booklets (campaign_id, allocation_id, prescriber_id, key_id, typed_hash, vouchers, face_cents, from_on, until_on, insee,
			handed_over_at, handed_over_by)
		SELECT a.campaign_id, a.id, 2, $2, h.hash, $3, $4, $5, $5::date + 90, '', $6, 2
		FROM unnest($1::bytea[]) WITH ORDINALITY AS h(hash, serial)
		JOIN allocations a ON a.campaign_id = h.serial % $7 + 1 ORDER BY h.serial`,
		[]string{"hashes", "key", "size", "face", "today", "now", "campaigns"}},
	{`INSERT INTO vouchers (booklet_id, campaign_id, face_cents, state)
		SELECT b.id, b.campaign_id, b.face_cents, 'live' FROM booklets b, generate_series(1, $1::int) ORDER BY b.id`, []string{"size"}},
	{`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
		SELECT $1, 'handover', id, 'campaign:' || campaign_id || ':funds', 'campaign:' || campaign_id || ':live', vouchers * face_cents, campaign_id
		FROM booklets ORDER BY id`, []string{"now"}},
	{`ANALYZE`, nil},
}...)

package reporting

import "strings"

// The invariants of money. Amounts are in cents. Each statement subtracts what the
// business rows say from what the ledger says, and returns what is left.

// INV-1: every transfer belongs to an event that names its cause, and is what the cause
// says: made anew from the business rows, the ledger is the same. A transfer takes from
// one account what it gives to another, so all balances sum to 0 by the table's shape.
// What lines brought is compared after attribution, net by account. Invoices are causes
// too: none is missing.
var transfersHaveCauses = `
	WITH expected (event, cause, debit, credit, campaign_id, amount) AS (` + union(expectedTransfers) + `),
	lines (cause, account, campaign_id, amount) AS (
		SELECT cause, debit, campaign_id, amount FROM transfers WHERE event IN (` + lineEvents + `)
		UNION ALL
		SELECT cause, credit, campaign_id, -amount FROM transfers WHERE event IN (` + lineEvents + `)
		UNION ALL
		SELECT line, account, campaign_id, -cents FROM (` + expectedOfLines + `) AS e(line, account, campaign_id, cents))
	SELECT format('%s:%s %s->%s campaign:%s ledger_minus_rows=%s', event, cause, debit, credit, campaign_id, sum(amount)) AS evidence
	FROM (SELECT event, cause, debit, credit, campaign_id, amount FROM transfers WHERE event NOT IN (` + lineEvents + `)
	      UNION ALL
	      SELECT event, cause, debit, credit, campaign_id, -amount FROM expected) AS compared
	GROUP BY event, cause, debit, credit, campaign_id HAVING sum(amount) <> 0
	UNION ALL
	SELECT format('line:%s %s campaign:%s ledger_minus_rows=%s', cause, account, campaign_id, sum(amount))
	FROM lines GROUP BY cause, account, campaign_id HAVING sum(amount) <> 0
	UNION ALL ` + invoicesAreSound

// expectedTransfers are what the rows of each room ask of the ledger, event by event.
var expectedTransfers = []string{expectedOfVouchers, expectedOfPayouts, expectedOfTopUps, expectedOfFees, expectedOfWriteOffs,
	expectedOfClosing, expectedOfRefunds, expectedOfCheckouts, expectedOfCardsBack, expectedOfCorrections}

const expectedOfVouchers = `
	SELECT 'handover', id, 'campaign:' || campaign_id || ':funds', 'campaign:' || campaign_id || ':live', campaign_id, vouchers * face_cents
	FROM booklets
	UNION ALL
	SELECT 'redemption', id, 'campaign:' || campaign_id || ':live', 'structure:' || structure_id || ':payable', campaign_id, amount_cents
	FROM redemptions
	UNION ALL
	SELECT 'undo', id, 'structure:' || structure_id || ':payable', 'campaign:' || campaign_id || ':live', campaign_id, amount_cents
	FROM redemptions WHERE undone_at IS NOT NULL AND NOT corrected
	UNION ALL
	SELECT 'expiry', booklet_id, 'campaign:' || campaign_id || ':live', 'campaign:' || campaign_id || ':unused', campaign_id, face_cents
	FROM vouchers WHERE state = 'expired'`

const expectedOfPayouts = `
	SELECT 'settlement', p.id, 'structure:' || p.structure_id || ':payable', 'payouts:in_transit', s.campaign_id, s.amount_cents
	FROM payouts p JOIN payout_parts s ON s.payout_id = p.id
	UNION ALL
	SELECT CASE WHEN p.connected = '' THEN 'payout_booked' ELSE 'connect_paid' END, p.id, 'payouts:in_transit',
		CASE WHEN p.connected = '' THEN 'bank:segregated' ELSE 'stripe:payouts' END, s.campaign_id, s.amount_cents
	FROM payouts p JOIN payout_parts s ON s.payout_id = p.id WHERE p.state IN ('booked', 'returned')
	UNION ALL
	SELECT CASE WHEN p.connected = '' THEN 'payout_returned' ELSE 'connect_returned' END, p.id,
		CASE WHEN p.connected = '' THEN 'bank:segregated' ELSE 'stripe:payouts' END, 'structure:' || p.structure_id || ':payable', s.campaign_id, s.amount_cents
	FROM payouts p JOIN payout_parts s ON s.payout_id = p.id WHERE p.state = 'returned'
	UNION ALL
	SELECT 'payout_rejected', p.id, 'payouts:in_transit', 'structure:' || p.structure_id || ':payable', s.campaign_id, s.amount_cents
	FROM payouts p JOIN payout_parts s ON s.payout_id = p.id WHERE p.state = 'rejected'`

// A credit note of fees turns the invoice's transfers around.
const expectedOfFees = `
	SELECT 'fees_invoiced', i.id, CASE WHEN i.corrects IS NULL THEN due.account ELSE due.income END,
		CASE WHEN i.corrects IS NULL THEN due.income ELSE due.account END, 0, due.cents
	FROM invoices i
	CROSS JOIN LATERAL (VALUES ('funder:' || i.funder_id || ':fees_due', 'fees', i.net_cents),
		('funder:' || i.funder_id || ':fees_due', 'vat', i.vat_cents)) AS due(account, income, cents)
	WHERE i.kind = 'fees'`

// invoicesAreSound: the numbers of a series and a year run from 1 to the last that was
// given, and credit notes give back at most what was invoiced.
const invoicesAreSound = `
	SELECT format('invoices:%s%s issued=%s highest=%s last=%s', series, year, count(i.seq), max(i.seq), n.last)
	FROM invoices i FULL JOIN invoice_numbers n USING (series, year)
	GROUP BY series, year, n.last HAVING n.last IS NULL OR count(i.seq) <> n.last OR max(i.seq) <> n.last
	UNION ALL
	SELECT format('invoice:%s net_cents=%s vat_cents=%s credited_net_cents=%s credited_vat_cents=%s', i.id, i.net_cents, i.vat_cents,
		sum(c.net_cents), sum(c.vat_cents))
	FROM invoices i JOIN invoices c ON c.corrects = i.id
	GROUP BY i.id, i.net_cents, i.vat_cents HAVING sum(c.net_cents) > i.net_cents OR sum(c.vat_cents) > i.vat_cents`
const expectedOfWriteOffs = `
	SELECT 'debt_forgiven', id, 'costs:losses', 'funder:' || funder_id || ':debt', 0, amount_cents
	FROM debt_writeoffs WHERE state = 'approved'`

// INV-2: per campaign, received = funds + live + expired + redeemed + credited + refunded
// + claimed + recoverable, by the business rows and by the ledger, figure by figure; so it holds in sum.
var moneyIsConserved = `
	WITH figures (campaign_id, figure, rows, ledger) AS (` + union(figuresOfRows) + `
		UNION ALL SELECT t.campaign_id, a.figure, 0, a.amount
			FROM transfers t
			CROSS JOIN LATERAL (VALUES
				(CASE WHEN t.event IN (` + receivingEvents + `) AND t.debit IN ('bank:segregated', 'stripe:segregated') THEN 'received' END, t.amount),
				(CASE WHEN t.event IN (` + receivingEvents + `) AND t.credit IN ('bank:segregated', 'stripe:segregated') THEN 'received' END, -t.amount),
				(CASE WHEN t.event = 'redemption' THEN 'redeemed' END, t.amount),
				(CASE WHEN t.event IN ('undo', 'given_back', 'clawed_back') THEN 'redeemed' END, -t.amount),
				(CASE WHEN t.event = 'refund_ordered' THEN 'refunded' END, t.amount),
				(CASE WHEN t.event IN ('refund_returned', 'refund_rejected') THEN 'refunded' END, -t.amount),
				(CASE WHEN t.credit = 'operator:claims' AND t.event NOT IN ('claim_returned', 'claim_rejected') THEN 'claimed' END, t.amount),
				(CASE WHEN t.debit = 'operator:claims' AND t.event <> 'claim_ordered' THEN 'claimed' END, -t.amount),
				(CASE WHEN t.credit LIKE 'funder:%:debt' AND t.event IN (` + receivingEvents + `) THEN 'repaid' END, t.amount),
				(CASE WHEN t.debit LIKE 'funder:%:debt' AND t.event IN (` + receivingEvents + `) THEN 'repaid' END, -t.amount),
				(CASE WHEN t.credit LIKE 'campaign:%' THEN split_part(t.credit, ':', 3) WHEN t.credit LIKE 'funder:%:credit' THEN 'credited' END, t.amount),
				(CASE WHEN t.debit LIKE 'campaign:%' THEN split_part(t.debit, ':', 3) WHEN t.debit LIKE 'funder:%:credit' THEN 'credited' END, -t.amount))
				AS a(figure, amount)
			WHERE t.campaign_id <> 0 AND a.figure IS NOT NULL),
	sums AS (SELECT campaign_id, figure, sum(rows) AS rows, sum(ledger) AS ledger FROM figures GROUP BY campaign_id, figure)
	SELECT format('campaign:%s %s_cents=%s ledger_cents=%s', campaign_id, figure, rows, ledger) AS evidence
	FROM sums WHERE rows <> ledger
	UNION ALL
	SELECT format('campaign:%s received_minus_rest rows_cents=%s ledger_cents=%s', campaign_id,
		sum(CASE figure WHEN 'received' THEN rows ELSE -rows END), sum(CASE figure WHEN 'received' THEN ledger ELSE -ledger END))
	FROM sums GROUP BY campaign_id
	HAVING sum(CASE figure WHEN 'received' THEN rows ELSE -rows END) <> 0
		OR sum(CASE figure WHEN 'received' THEN ledger ELSE -ledger END) <> 0`

// receivingEvents bring funders' money, or take it back.
const receivingEvents = `'receipt', 'attribution', 'card_counted', 'card_banked', 'rolled_over', 'payment_returned'`

// figuresOfRows are what the rows of each room say of a campaign's money: its id, a figure,
// cents, and 0 for the ledger's side. What is repaid of a debt, or became one, changes what
// was received and nothing else.
var figuresOfRows = []string{figuresOfOrders, figuresOfVouchers, figuresOfClosing, figuresOfCorrections}

const figuresOfOrders = `
	SELECT o.campaign_id, f.figure, f.cents, 0
	FROM receipts r JOIN orders o ON o.id = r.order_id
	CROSS JOIN LATERAL (VALUES ('received', r.funds_cents + r.debt_cents + r.claim_cents + r.credit_cents), ('funds', r.funds_cents),
		('repaid', r.debt_cents), ('claimed', r.claim_cents), ('credited', r.credit_cents)) AS f(figure, cents)
	UNION ALL
	SELECT o.campaign_id, f.figure, -f.cents, 0
	FROM takebacks t JOIN orders o ON o.id = t.order_id
	CROSS JOIN LATERAL (VALUES ('received', CASE WHEN t.line_id IS NULL THEN 0 ELSE t.credit_cents + t.funds_cents + t.debt_cents END),
		('credited', t.credit_cents), ('funds', t.funds_cents), ('claimed', CASE WHEN t.line_id IS NULL THEN -t.funds_cents ELSE 0 END),
		('repaid', CASE WHEN t.line_id IS NULL THEN 0 ELSE t.debt_cents END)) AS f(figure, cents)
	WHERE t.undone_at IS NULL`

const figuresOfVouchers = `
	SELECT campaign_id, 'funds', -vouchers * face_cents, 0 FROM booklets
	UNION ALL
	SELECT campaign_id, CASE WHEN state IN ('live', 'frozen') THEN 'live' WHEN state = 'redeemed' THEN 'redeemed' ELSE 'unused' END, face_cents, 0
	FROM vouchers WHERE state NOT IN ('reserved', 'returned')`

func union(branches []string) string { return strings.Join(branches, " UNION ALL ") }

// INV-3: per structure, redeemed − undone = payable + withheld + in transit + paid − clawed
// back + netted; and what the ledger holds in transit is the payouts that wait for the bank.
const structuresAreOwed = `
	WITH figures (structure_id, redeemed, payable, ordered, recovered) AS (
		SELECT structure_id, sum(amount_cents), 0, 0, 0 FROM redemptions WHERE undone_at IS NULL GROUP BY structure_id
		UNION ALL
		SELECT structure_id, 0, 0, sum(amount_cents), 0 FROM payouts WHERE state NOT IN ('returned', 'rejected') GROUP BY structure_id
		UNION ALL
		SELECT structure_id, 0, 0, 0, sum(amount_cents) FROM corrections WHERE outcome = 'debt' GROUP BY structure_id
		UNION ALL
		SELECT structure_id, 0, 0, 0, sum(amount_cents) FROM adjustments WHERE kind = 'netted' GROUP BY structure_id
		UNION ALL
		SELECT split_part(credit, ':', 2)::bigint, 0, sum(amount), 0, 0 FROM transfers
		WHERE credit LIKE ANY ('{structure:%:payable,structure:%:withheld}') GROUP BY credit
		UNION ALL
		SELECT split_part(debit, ':', 2)::bigint, 0, -sum(amount), 0, 0 FROM transfers
		WHERE debit LIKE ANY ('{structure:%:payable,structure:%:withheld}') GROUP BY debit)
	SELECT format('structure:%s redeemed_cents=%s payable_cents=%s in_transit_and_paid_cents=%s recovered_cents=%s',
		structure_id, sum(redeemed), sum(payable), sum(ordered), sum(recovered)) AS evidence
	FROM figures GROUP BY structure_id HAVING sum(redeemed) <> sum(payable) + sum(ordered) - sum(recovered)
	UNION ALL
	SELECT format('payouts:in_transit ledger_cents=%s rows_cents=%s', ledger.cents, rows.cents)
	FROM (SELECT COALESCE(sum(CASE WHEN credit = 'payouts:in_transit' THEN amount ELSE -amount END), 0) AS cents
	      FROM transfers WHERE 'payouts:in_transit' IN (debit, credit)) AS ledger,
	     (SELECT COALESCE(sum(amount_cents), 0) AS cents FROM payouts WHERE state = 'in_transit') AS rows
	WHERE ledger.cents <> rows.cents
	UNION ALL` + withheldAndOwedBack

// INV-5: bank:segregated + stripe:segregated + stripe:payouts ≥ live + owed to structures + funds + expired
// + the funders' credit + the operator's claims, per campaign and in sum. Live vouchers
// and what structures are owed are counted from their own rows, so that a voucher nobody
// paid for shows; what was paid for a redemption that was corrected since is gone, and what
// was taken for a debt is not owed any more. Cash that the bank took unexpectedly belongs to no campaign and shows in
// the sum.
const everythingIsCovered = `
	WITH parts (campaign_id, held, owed) AS (
		SELECT campaign_id, amount, 0 FROM transfers WHERE debit IN ('bank:segregated', 'stripe:segregated', 'stripe:payouts')
		UNION ALL SELECT campaign_id, -amount, 0 FROM transfers WHERE credit IN ('bank:segregated', 'stripe:segregated', 'stripe:payouts')
		UNION ALL SELECT campaign_id, 0, face_cents FROM vouchers WHERE state IN ('live', 'frozen')
		UNION ALL SELECT campaign_id, 0, amount_cents FROM redemptions WHERE undone_at IS NULL
		UNION ALL SELECT s.campaign_id, 0, -s.amount_cents FROM payout_parts s JOIN payouts p ON p.id = s.payout_id WHERE p.state = 'booked'
		UNION ALL SELECT campaign_id, 0, amount_cents FROM corrections WHERE outcome = 'debt'
		UNION ALL SELECT campaign_id, 0, amount_cents FROM adjustments WHERE kind = 'netted'
		UNION ALL SELECT campaign_id, 0, amount FROM transfers WHERE credit LIKE ANY ('{campaign:%:funds,campaign:%:unused,funder:%:credit,refunds:in_transit,operator:claims}')
		UNION ALL SELECT campaign_id, 0, -amount FROM transfers WHERE debit LIKE ANY ('{campaign:%:funds,campaign:%:unused,funder:%:credit,refunds:in_transit,operator:claims}'))
	SELECT CASE WHEN GROUPING(campaign_id) = 1 THEN format('all held_cents=%s owed_cents=%s', sum(held), sum(owed))
		ELSE format('campaign:%s held_cents=%s owed_cents=%s', campaign_id, sum(held), sum(owed)) END AS evidence
	FROM parts GROUP BY GROUPING SETS ((campaign_id), ())
	HAVING sum(held) < sum(owed) AND (GROUPING(campaign_id) = 1 OR campaign_id <> 0)`

// INV-9: guarded balances are the sums of their transfers and not below zero; handed
// out ≤ allocated ≤ funded; what an allocation says was handed over is in its booklets.
const guardedAccountsHold = `
	WITH legs (account, kept, moved) AS (
		SELECT account, balance, 0 FROM guarded_balances
		UNION ALL SELECT credit, 0, amount FROM transfers WHERE credit LIKE 'campaign:%:funds'
		UNION ALL SELECT debit, 0, -amount FROM transfers WHERE debit LIKE 'campaign:%:funds')
	SELECT format('%s balance_cents=%s transfers_cents=%s', account, sum(kept), sum(moved)) AS evidence
	FROM legs GROUP BY account HAVING sum(kept) <> sum(moved) OR sum(moved) < 0
	UNION ALL
	SELECT format('allocation:%s vouchers=%s handed_over=%s in_booklets=%s', a.id, a.vouchers, a.handed_over, COALESCE(b.vouchers, 0))
	FROM allocations a LEFT JOIN (SELECT allocation_id, sum(vouchers) AS vouchers FROM booklets GROUP BY allocation_id) AS b ON b.allocation_id = a.id
	WHERE a.handed_over <> COALESCE(b.vouchers, 0) OR a.handed_over NOT BETWEEN 0 AND a.vouchers
	UNION ALL
	SELECT format('campaign:%s allocated_cents=%s funded_cents=%s', c.id, a.vouchers * c.face_cents, COALESCE(f.cents, 0))
	FROM campaigns c
	JOIN (SELECT campaign_id, sum(vouchers) AS vouchers FROM allocations GROUP BY campaign_id) AS a ON a.campaign_id = c.id
	LEFT JOIN (SELECT campaign_id, sum(cents) AS cents
	           FROM (SELECT o.campaign_id, r.funds_cents AS cents FROM receipts r JOIN orders o ON o.id = r.order_id
	                 UNION ALL SELECT o.campaign_id, -t.funds_cents FROM takebacks t JOIN orders o ON o.id = t.order_id WHERE t.undone_at IS NULL
	                 UNION ALL SELECT campaign_id, cents FROM (` + recoveredToFunds + `) AS r
	                 UNION ALL SELECT k.campaign_id, -p.funds_cents FROM closings k JOIN closing_parts p ON p.closing_id = k.id) AS m
	           GROUP BY campaign_id) AS f
		ON f.campaign_id = c.id
	WHERE a.vouchers * c.face_cents > COALESCE(f.cents, 0)`

// INV-20: time runs one way in the ledger. A transfer carries the time at which its
// transaction began, and its number is given out a little later: 5 seconds is how long
// a batch may take.
const timeRunsOneWay = `
	SELECT format('transfer:%s at=%s after=%s', id, at AT TIME ZONE 'UTC', latest AT TIME ZONE 'UTC') AS evidence
	FROM (SELECT id, at, max(at) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest FROM transfers) AS t
	WHERE at < latest - interval '5 seconds'`

// INV-21: the roll-ups are the sums of the transfers up to the watermark.
const rollUpsEqualRows = `
	WITH legs (account, campaign_id, debited, credited) AS (
		SELECT account, campaign_id, debited, credited FROM ledger_rollups
		UNION ALL SELECT debit, campaign_id, -amount, 0 FROM transfers WHERE id <= (SELECT up_to FROM ledger_watermark)
		UNION ALL SELECT credit, campaign_id, 0, -amount FROM transfers WHERE id <= (SELECT up_to FROM ledger_watermark))
	SELECT format('%s campaign:%s debited_too_much=%s credited_too_much=%s', account, campaign_id, sum(debited), sum(credited)) AS evidence
	FROM legs GROUP BY account, campaign_id HAVING sum(debited) <> 0 OR sum(credited) <> 0`

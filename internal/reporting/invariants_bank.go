package reporting

// The invariants of bank lines.

// lineEvents are the events whose cause is a bank line that this room's neighbours explain.
// What a line did is compared as a whole, net by account: it may have waited in suspense,
// found a wrong order and been taken out of it again.
const lineEvents = `'receipt', 'attribution', 'unexpected_debit', 'payment_returned', 'topped_up', 'fees_paid', 'operating_line', 'debt_paid'`

// expectedOfLines is what the lines ask of accounts: cents debited are above zero.
const expectedOfLines = `
	SELECT l.id, e.account, e.campaign_id, e.cents
	FROM statement_lines l
	JOIN statements s ON s.id = l.statement_id
	LEFT JOIN receipts r ON r.line_id = l.id
	LEFT JOIN takebacks t ON t.line_id = l.id
	LEFT JOIN fee_receipts p ON p.line_id = l.id
	LEFT JOIN invoices i ON i.id = p.invoice_id
	LEFT JOIN orders o ON o.id = COALESCE(r.order_id, t.order_id, CASE WHEN l.outcome IN ('topped_up', 'debt_paid') THEN l.cause END)
	CROSS JOIN LATERAL (VALUES
		('unattributed', 'bank:segregated', 0, l.amount_cents), ('unattributed', 'suspense', 0, -l.amount_cents),
		('unexpected_debit', 'suspense', 0, l.amount_cents), ('unexpected_debit', 'bank:segregated', 0, -l.amount_cents),
		('order_funded', 'bank:segregated', o.campaign_id, l.amount_cents),
		('order_funded', 'campaign:' || o.campaign_id || ':funds', o.campaign_id, -r.funds_cents),
		('order_funded', 'funder:' || o.funder_id || ':debt', o.campaign_id, -r.debt_cents),
		('order_funded', 'operator:claims', o.campaign_id, -r.claim_cents),
		('order_funded', 'funder:' || o.funder_id || ':credit', o.campaign_id, -r.credit_cents),
		('payment_returned', 'bank:segregated', o.campaign_id, -l.amount_cents),
		('payment_returned', 'funder:' || o.funder_id || ':credit', o.campaign_id, t.credit_cents),
		('payment_returned', 'campaign:' || o.campaign_id || ':funds', o.campaign_id, t.funds_cents),
		('payment_returned', 'funder:' || o.funder_id || ':debt', o.campaign_id, t.debt_cents),
		('topped_up', 'bank:segregated', o.campaign_id, l.amount_cents), ('topped_up', 'suspense:operating', o.campaign_id, -l.amount_cents),
		('fees_paid', 'bank:operating', 0, l.amount_cents), ('fees_paid', 'funder:' || i.funder_id || ':fees_due', 0, -p.amount_cents),
		('debt_paid', 'bank:operating', 0, l.amount_cents), ('debt_paid', 'funder:' || o.funder_id || ':debt', 0, -l.amount_cents),
		('fees_back_booked', 'bank:operating', 0, -l.amount_cents), ('fees_back_booked', 'suspense:operating', 0, l.amount_cents),
		('fees_back_returned', 'bank:operating', 0, l.amount_cents), ('fees_back_returned', 'suspense:operating', 0, -l.amount_cents),
		('operating_other', 'bank:operating', 0, CASE WHEN l.credit THEN l.amount_cents ELSE -l.amount_cents END),
		('operating_other', 'suspense:operating', 0, CASE WHEN l.credit THEN -l.amount_cents ELSE l.amount_cents END))
		AS e(outcome, account, campaign_id, cents)
	WHERE e.outcome = l.outcome AND e.account IS NOT NULL`

// INV-4: what we call paid, the bank has debited: one payout, one line, by end-to-end
// id and amount, or the one line of its file, which is the sum of the payouts that it has
// booked, where it does not go through Stripe; what came back, the bank has credited likewise; what it rejected has no
// line. What was put back for an
// order's debt, or paid of it, the bank shows. And each account in the books is the sum of
// the bank's lines.
const bankAgrees = `
	SELECT format('payout:%s state=%s debits=%s returns=%s', p.id, p.state, count(l.id) FILTER (WHERE NOT l.credit) + num_nonnulls(p.batch_line),
		count(l.id) FILTER (WHERE l.credit)) AS evidence
	FROM payouts p
	LEFT JOIN statement_lines l ON l.end_to_end = p.end_to_end AND l.amount_cents = p.amount_cents AND l.cause = p.id
		AND l.outcome = CASE WHEN l.credit THEN 'payout_returned' ELSE 'payout_booked' END
	GROUP BY p.id, p.state, p.batch_line
	HAVING count(l.id) FILTER (WHERE NOT l.credit) + num_nonnulls(p.batch_line) <> CASE WHEN p.connected <> '' OR p.state IN ('in_transit', 'rejected') THEN 0 ELSE 1 END
		OR count(l.id) FILTER (WHERE l.credit) <> CASE WHEN p.connected = '' AND p.state = 'returned' THEN 1 ELSE 0 END
	UNION ALL` + stripeAgrees + `
	UNION ALL
	SELECT format('line:%s outcome=%s end_to_end=%s names_no_such_payout', l.id, l.outcome, l.end_to_end)
	FROM statement_lines l
	WHERE l.outcome IN ('payout_booked', 'payout_returned') AND NOT EXISTS (
		SELECT 1 FROM payouts p WHERE p.id = l.cause AND p.end_to_end = l.end_to_end AND p.amount_cents = l.amount_cents)
	UNION ALL` + batchesAreSums + `
	UNION ALL
	SELECT format('order:%s debt_minus_lines topped_up_cents=%s paid_cents=%s', order_id, sum(topped_up), sum(paid))
	FROM (SELECT order_id, topped_up_cents AS topped_up, paid_cents - back_cents AS paid FROM takebacks
	      UNION ALL SELECT cause, -amount_cents, 0 FROM statement_lines WHERE outcome = 'topped_up'
	      UNION ALL SELECT cause, 0, -amount_cents FROM statement_lines WHERE outcome = 'debt_paid') AS debts
	GROUP BY order_id HAVING sum(topped_up) <> 0 OR sum(paid) <> 0
	UNION ALL
	SELECT format('bank:%s ledger_cents=%s lines_cents=%s', account, sum(ledger), sum(lines))
	FROM (SELECT split_part(debit, ':', 2) AS account, amount AS ledger, 0 AS lines FROM transfers WHERE debit LIKE 'bank:%'
	      UNION ALL SELECT split_part(credit, ':', 2), -amount, 0 FROM transfers WHERE credit LIKE 'bank:%'
	      UNION ALL SELECT s.account, 0, CASE WHEN l.credit THEN l.amount_cents ELSE -l.amount_cents END
	      FROM statement_lines l JOIN statements s ON s.id = l.statement_id) AS both_sides
	GROUP BY account HAVING sum(ledger) <> sum(lines)
	UNION ALL` + bankAgreesOnRefunds

// batchesAreSums: a file's one debit is the sum of the payouts that it has booked, and of what it
// has sent to Stripe for others; and each of them was ordered by that file.
const batchesAreSums = `
	SELECT format('line:%s batch_cents=%s payouts_cents=%s', l.id, l.amount_cents, COALESCE(sum(p.amount_cents), 0))
	FROM statement_lines l
	LEFT JOIN (SELECT batch_line, amount_cents FROM payouts UNION ALL SELECT batch_line, amount_cents FROM settlement_topups) AS p ON p.batch_line = l.id
	WHERE l.outcome = 'batch_booked' GROUP BY l.id HAVING COALESCE(sum(p.amount_cents), 0) <> l.amount_cents
	UNION ALL
	SELECT format('%s batch_line=%s is_no_debit_of_its_file', p.end_to_end, p.batch_line)
	FROM (SELECT end_to_end, settlement_id, file_number, batch_line FROM payouts
	      UNION ALL SELECT end_to_end, settlement_id, file_number, batch_line FROM settlement_topups) AS p JOIN settlements s ON s.id = p.settlement_id
	LEFT JOIN settlement_files f ON f.settlement_id = p.settlement_id AND f.number = p.file_number
	WHERE p.batch_line IS NOT NULL AND NOT EXISTS (
		SELECT 1 FROM statement_lines l WHERE l.id = p.batch_line AND l.outcome = 'batch_booked' AND NOT l.credit
			AND l.cause = p.settlement_id AND l.end_to_end = COALESCE(f.message_id, s.message_id))`

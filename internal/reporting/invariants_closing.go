package reporting

// What the end of campaigns and refunds ask of the ledger.
const expectedOfClosing = `
	SELECT 'campaign_closed', k.campaign_id, f.account, 'funder:' || p.funder_id || ':credit', k.campaign_id, f.cents
	FROM closings k JOIN closing_parts p ON p.closing_id = k.id
	CROSS JOIN LATERAL (VALUES ('campaign:' || k.campaign_id || ':funds', p.funds_cents),
		('campaign:' || k.campaign_id || ':unused', p.unused_cents)) AS f(account, cents)
	UNION ALL
	SELECT 'rolled_over', v.id, 'funder:' || v.funder_id || ':credit', 'bank:segregated', v.campaign_id, v.amount_cents
	FROM rollovers v
	UNION ALL
	SELECT 'rolled_over', r.rollover_id, 'bank:segregated', f.account, o.campaign_id, f.cents
	FROM receipts r JOIN orders o ON o.id = r.order_id
	CROSS JOIN LATERAL (VALUES ('campaign:' || o.campaign_id || ':funds', r.funds_cents), ('funder:' || o.funder_id || ':debt', r.debt_cents),
		('operator:claims', r.claim_cents), ('funder:' || o.funder_id || ':credit', r.credit_cents)) AS f(account, cents)
	WHERE r.rollover_id IS NOT NULL`

// A returned refund was booked before, a rejected one never.
const expectedOfRefunds = `
	SELECT e.event, r.id, e.debit, e.credit, p.campaign_id, p.amount_cents
	FROM refunds r JOIN refund_parts p ON p.refund_id = r.id
	CROSS JOIN LATERAL (VALUES
		('credit', 'refund_ordered', 'funder:' || r.funder_id || ':credit', 'refunds:in_transit', r.state <> 'proposed'),
		('credit', 'refund_booked', 'refunds:in_transit', 'bank:segregated', r.state IN ('booked', 'returned')),
		('credit', 'refund_returned', 'bank:segregated', 'funder:' || r.funder_id || ':credit', r.state = 'returned'),
		('credit', 'refund_rejected', 'refunds:in_transit', 'funder:' || r.funder_id || ':credit', r.state = 'rejected'),
		('claim', 'claim_ordered', 'operator:claims', 'refunds:in_transit', r.state <> 'proposed'),
		('claim', 'claim_booked', 'refunds:in_transit', 'bank:segregated', r.state IN ('booked', 'returned')),
		('claim', 'claim_returned', 'bank:segregated', 'operator:claims', r.state = 'returned'),
		('claim', 'claim_rejected', 'refunds:in_transit', 'operator:claims', r.state = 'rejected'),
		('fees_back', 'fees_back_ordered', 'funder:' || r.funder_id || ':fees_due', 'suspense:operating', r.state <> 'proposed'),
		('fees_back', 'fees_back_returned', 'suspense:operating', 'funder:' || r.funder_id || ':fees_due', r.state = 'returned'),
		('fees_back', 'fees_back_rejected', 'suspense:operating', 'funder:' || r.funder_id || ':fees_due', r.state = 'rejected'))
		AS e(kind, event, debit, credit, so)
	WHERE e.kind = r.kind AND e.so
	UNION ALL
	SELECT 'claim_arrived', u.line_id, 'bank:operating', COALESCE('funder:' || u.funder_id || ':debt', 'operator:advances'), 0, u.amount_cents
	FROM claim_uses u`

// What campaigns gave back to their funders, and what has left them.
const figuresOfClosing = `
	SELECT k.campaign_id, f.figure, f.cents, 0
	FROM closings k JOIN closing_parts p ON p.closing_id = k.id
	CROSS JOIN LATERAL (VALUES ('funds', -p.funds_cents), ('unused', -p.unused_cents), ('credited', p.funds_cents + p.unused_cents)) AS f(figure, cents)
	UNION ALL
	SELECT v.campaign_id, f.figure, -v.amount_cents, 0 FROM rollovers v CROSS JOIN (VALUES ('received'), ('credited')) AS f(figure)
	UNION ALL
	SELECT p.campaign_id, f.figure, f.sign * p.amount_cents, 0
	FROM refunds r JOIN refund_parts p ON p.refund_id = r.id CROSS JOIN (VALUES ('refunded', 1), ('credited', -1)) AS f(figure, sign)
	WHERE r.kind = 'credit' AND r.state IN ('ordered', 'booked')`

// INV-4 for refunds: what we call sent, the bank has debited, one line each; what came
// back, it has credited; what arrived, it has credited to the operating account.
const bankAgreesOnRefunds = `
	SELECT format('refund:%s state=%s arrived_on=%s debits=%s returns=%s arrivals=%s', r.id, r.state, r.arrived_on,
		count(l.id) FILTER (WHERE NOT l.credit), count(l.id) FILTER (WHERE l.credit AND l.outcome LIKE '%returned'),
		count(l.id) FILTER (WHERE l.outcome = 'claim_arrived')) AS evidence
	FROM refunds r
	LEFT JOIN statement_lines l ON l.cause = r.id AND l.amount_cents = r.amount_cents AND l.outcome IN
		('refund_booked', 'refund_returned', 'claim_booked', 'claim_returned', 'claim_arrived', 'fees_back_booked', 'fees_back_returned')
	GROUP BY r.id, r.state, r.arrived_on
	HAVING count(l.id) FILTER (WHERE NOT l.credit) <> CASE WHEN r.state IN ('booked', 'returned') THEN 1 ELSE 0 END
		OR count(l.id) FILTER (WHERE l.credit AND l.outcome LIKE '%returned') <> CASE WHEN r.state = 'returned' THEN 1 ELSE 0 END
		OR count(l.id) FILTER (WHERE l.outcome = 'claim_arrived') <> CASE WHEN r.arrived_on IS NULL THEN 0 ELSE 1 END`

// INV-10 for refunds: a refund is its parts, a file is its refunds.
const refundsAddUp = `
	SELECT format('refund:%s amount_cents=%s parts_cents=%s', r.id, r.amount_cents, COALESCE(sum(p.amount_cents), 0)) AS evidence
	FROM refunds r LEFT JOIN refund_parts p ON p.refund_id = r.id
	GROUP BY r.id HAVING r.amount_cents <> COALESCE(sum(p.amount_cents), 0)
	UNION ALL
	SELECT format('refund_file:%s refunds=%s counted=%s total_cents=%s sum_cents=%s', f.id, f.refunds, r.count, f.total_cents, r.cents)
	FROM refund_files f
	CROSS JOIN LATERAL (SELECT count(*), COALESCE(sum(amount_cents), 0) AS cents FROM refunds WHERE file_id = f.id) AS r
	WHERE f.refunds <> r.count OR f.total_cents <> r.cents`

// INV-13 for refunds: each went to an account that its funder had given and that somebody
// else had verified, or to the one that the payment came from.
const refundedToVerifiedAccounts = `
	SELECT format('refund:%s funder:%s account_not_verified', r.id, r.funder_id) AS evidence
	FROM refunds r JOIN refund_files f ON f.id = r.file_id
	WHERE r.account_id IS NOT NULL AND NOT EXISTS (
		SELECT 1 FROM funder_accounts a WHERE a.id = r.account_id AND a.funder_id = r.funder_id AND a.iban = r.iban
			AND a.verified_at <= f.approved_at AND (a.replaced_at IS NULL OR a.replaced_at >= f.approved_at))
	UNION ALL
	SELECT format('refund:%s line:%s is_not_from_this_account', r.id, r.line_id)
	FROM refunds r JOIN refund_files f ON f.id = r.file_id
	WHERE r.line_id IS NOT NULL AND NOT EXISTS (
		SELECT 1 FROM statement_lines l WHERE l.id = r.line_id AND l.credit AND l.counterparty_iban = r.iban AND l.amount_cents >= r.amount_cents)`

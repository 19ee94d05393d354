package reporting

// expectedOfCheckouts are the transfers of payments through Stripe (INV-1). Face value that
// counted when it was available names its checkout, and when it was banked, the line.
const expectedOfCheckouts = `
	SELECT e.event, k.id, e.debit, e.credit, o.campaign_id, e.cents
	FROM checkouts k JOIN orders o ON o.id = k.order_id
	CROSS JOIN LATERAL (VALUES
		('card_paid', 'stripe:clearing', 'funder:' || o.funder_id || ':paying', CASE WHEN k.state = 'paid' THEN k.face_cents + k.fees_cents END),
		('card_fees', 'funder:' || o.funder_id || ':paying', 'funder:' || o.funder_id || ':fees_due', CASE WHEN k.state = 'paid' THEN k.fees_cents END),
		('card_cost', 'costs:stripe', 'stripe:clearing', k.cost_cents),
		('card_cost', 'costs:stripe', 'stripe:clearing', (SELECT sum(cost_cents)::bigint FROM disputes WHERE checkout_id = k.id)),
		('card_cost', 'stripe:clearing', 'costs:stripe', (SELECT sum(cost_back_cents)::bigint FROM disputes WHERE checkout_id = k.id)))
		AS e(event, debit, credit, cents)
	WHERE e.cents <> 0
	UNION ALL
	SELECT CASE WHEN k.counted_at IS NULL THEN 'card_banked' ELSE 'card_counted' END, CASE WHEN k.counted_at IS NULL THEN p.line_id ELSE k.id END,
		e.debit, e.credit, o.campaign_id, e.cents
	FROM receipts r JOIN checkouts k ON k.id = r.checkout_id JOIN orders o ON o.id = r.order_id JOIN stripe_payouts p ON p.checkout_id = k.id
	CROSS JOIN LATERAL (VALUES
		(CASE WHEN k.counted_at IS NULL THEN 'bank:segregated' ELSE 'stripe:segregated' END, 'stripe:clearing',
			r.funds_cents + r.debt_cents + r.claim_cents + r.credit_cents),
		('funder:' || o.funder_id || ':paying', 'campaign:' || o.campaign_id || ':funds', r.funds_cents),
		('funder:' || o.funder_id || ':paying', 'funder:' || o.funder_id || ':debt', r.debt_cents),
		('funder:' || o.funder_id || ':paying', 'operator:claims', r.claim_cents),
		('funder:' || o.funder_id || ':paying', 'funder:' || o.funder_id || ':credit', r.credit_cents)) AS e(debit, credit, cents)
	WHERE e.cents <> 0
	UNION ALL
	SELECT CASE WHEN k.id IS NULL THEN 'stripe_payout' ELSE 'card_banked' END, p.line_id,
		CASE WHEN k.id IS NULL THEN 'bank:operating' ELSE 'bank:segregated' END,
		CASE WHEN k.id IS NULL THEN 'stripe:clearing' ELSE 'stripe:segregated' END, COALESCE(o.campaign_id, 0), p.amount_cents
	FROM stripe_payouts p LEFT JOIN checkouts k ON k.id = p.checkout_id LEFT JOIN orders o ON o.id = k.order_id
	WHERE p.line_id IS NOT NULL AND p.back_of IS NULL AND (k.id IS NULL OR k.counted_at IS NOT NULL)`

// expectedOfCardsBack are those of money that goes back through Stripe.
const expectedOfCardsBack = `
	SELECT 'card_refunded', r.id, e.debit, e.credit, o.campaign_id, r.amount_cents
	FROM card_refunds r JOIN checkouts k ON k.id = r.checkout_id JOIN orders o ON o.id = k.order_id
	CROSS JOIN LATERAL (VALUES
		(true, 'operator:advances', 'stripe:clearing'),
		(true, 'campaign:' || o.campaign_id || ':funds', 'operator:claims'),
		(r.state = 'failed', 'stripe:clearing', 'operator:advances'),
		(r.state = 'failed', 'operator:claims', 'campaign:' || o.campaign_id || ':funds'),
		(r.state = 'bounced', 'stripe:clearing', 'funder:' || o.funder_id || ':fees_due')) AS e(so, debit, credit)
	WHERE e.so
	UNION ALL
	SELECT e.event, d.id, e.debit, e.credit, o.campaign_id, e.cents
	FROM disputes d JOIN checkouts k ON k.id = d.checkout_id JOIN orders o ON o.id = k.order_id
	LEFT JOIN takebacks t ON t.dispute_id = d.id
	CROSS JOIN LATERAL (VALUES
		(true, 'disputed', 'funder:' || o.funder_id || ':debt', 'stripe:clearing', d.counted_cents),
		(true, 'disputed', 'funder:' || o.funder_id || ':fees_due', 'stripe:clearing', d.fees_cents),
		(true, 'disputed', 'funder:' || o.funder_id || ':paying', 'stripe:clearing', d.pending_cents),
		(d.state = 'won', 'dispute_won', 'stripe:clearing', 'funder:' || o.funder_id || ':debt', d.counted_cents),
		(d.state = 'won', 'dispute_won', 'stripe:clearing', 'funder:' || o.funder_id || ':fees_due', d.fees_cents),
		(d.state = 'won', 'dispute_won', 'stripe:clearing', 'funder:' || o.funder_id || ':paying', d.pending_cents),
		(d.state = 'bounced', 'dispute_won', 'stripe:clearing', 'funder:' || o.funder_id || ':fees_due',
			d.counted_cents + d.pending_cents + d.fees_cents - COALESCE(t.back_cents + t.forgiven_back_cents, 0)),
		(true, 'dispute_won', 'stripe:clearing', 'funder:' || o.funder_id || ':debt', t.back_cents),
		(true, 'dispute_won', 'stripe:clearing', 'costs:losses', t.forgiven_back_cents),
		(true, 'debt_secured', 'campaign:' || o.campaign_id || ':funds', 'operator:claims', t.funds_cents),
		(t.undone_at IS NOT NULL, 'debt_released', 'operator:claims', 'campaign:' || o.campaign_id || ':funds', t.funds_cents))
		AS e(so, event, debit, credit, cents)
	WHERE e.so AND e.cents <> 0`

// checkoutsAreWhole is a further part of INV-2: of what was charged, all is somewhere. What
// a funder is paying is what its payments have not become yet, received, fees or taken back.
const checkoutsAreWhole = `
	SELECT format('funder:%s paying_ledger_cents=%s rows_cents=%s', funder_id, sum(ledger), sum(rows)) AS evidence
	FROM (SELECT split_part(credit, ':', 2)::bigint AS funder_id, amount AS ledger, 0 AS rows FROM transfers WHERE credit LIKE 'funder:%:paying'
	      UNION ALL SELECT split_part(debit, ':', 2)::bigint, -amount, 0 FROM transfers WHERE debit LIKE 'funder:%:paying'
	      UNION ALL
	      SELECT o.funder_id, 0, CASE WHEN EXISTS (SELECT 1 FROM receipts WHERE checkout_id = k.id) THEN 0 ELSE k.face_cents -
	          (SELECT COALESCE(sum(pending_cents), 0) FROM disputes WHERE checkout_id = k.id AND state <> 'won') END
	      FROM checkouts k JOIN orders o ON o.id = k.order_id WHERE k.state = 'paid') AS both_sides
	GROUP BY funder_id HAVING sum(ledger) <> sum(rows)`

// lossesAreLost is a further part of INV-2: what is forgiven of an order, and stays a loss,
// is at most what was taken of it, neither repaid nor come back.
const lossesAreLost = `
	SELECT format('order:%s forgiven_cents=%s lost_cents=%s', w.order_id, w.cents - t.back, t.lost) AS evidence
	FROM (SELECT order_id, sum(amount_cents) AS cents FROM debt_writeoffs WHERE state = 'approved' GROUP BY order_id) AS w
	CROSS JOIN LATERAL (SELECT COALESCE(sum(k.forgiven_back_cents), 0) AS back,
			COALESCE(sum(k.debt_cents - k.paid_cents) FILTER (WHERE k.undone_at IS NULL AND d.state IS DISTINCT FROM 'bounced'), 0) AS lost
		FROM takebacks k LEFT JOIN disputes d ON d.id = k.dispute_id WHERE k.order_id = w.order_id) AS t
	WHERE w.cents - t.back > t.lost`

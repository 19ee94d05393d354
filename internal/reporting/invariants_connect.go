package reporting

// The invariants of payouts that go through Stripe.

// expectedOfTopUps are the transfers of the money that such payouts of a settlement go out of
// (INV-1): to Stripe, back if the bank returned it, and home what came back there.
const expectedOfTopUps = `
	SELECT e.event, t.id, e.debit, e.credit, s.campaign_id, sum(s.amount_cents)::bigint
	FROM settlement_topups t
	JOIN payouts p ON p.settlement_id = t.settlement_id AND p.connected <> ''
	JOIN payout_parts s ON s.payout_id = p.id
	CROSS JOIN LATERAL (VALUES
		(t.state IN ('booked', 'returned'), 'payouts_funded', 'stripe:payouts', 'bank:segregated'),
		(t.state = 'returned', 'payouts_unfunded', 'bank:segregated', 'stripe:payouts')) AS e(so, event, debit, credit)
	WHERE e.so GROUP BY e.event, t.id, e.debit, e.credit, s.campaign_id
	UNION ALL
	SELECT 'payouts_home', h.line_id, 'bank:segregated', 'stripe:payouts', s.campaign_id, s.amount_cents
	FROM stripe_payouts h JOIN payout_parts s ON s.payout_id = h.back_of WHERE h.line_id IS NOT NULL`

// stripeAgrees is a further part of INV-4. The money of a settlement's payouts through Stripe
// is one line of the bank's; what we call paid, Stripe has paid; what came back there is on its
// way home, or home.
const stripeAgrees = `
	SELECT format('topup:%s state=%s debits=%s returns=%s', t.id, t.state, count(l.id) FILTER (WHERE NOT l.credit) + num_nonnulls(t.batch_line),
		count(l.id) FILTER (WHERE l.credit)) AS evidence
	FROM settlement_topups t
	LEFT JOIN statement_lines l ON l.end_to_end = t.end_to_end AND l.amount_cents = t.amount_cents AND l.cause = t.id
		AND l.outcome = CASE WHEN l.credit THEN 'payouts_unfunded' ELSE 'payouts_funded' END
	GROUP BY t.id, t.state, t.batch_line
	HAVING count(l.id) FILTER (WHERE NOT l.credit) + num_nonnulls(t.batch_line) <> CASE WHEN t.state IN ('in_transit', 'rejected') THEN 0 ELSE 1 END
		OR count(l.id) FILTER (WHERE l.credit) <> CASE WHEN t.state = 'returned' THEN 1 ELSE 0 END
	UNION ALL
	SELECT format('line:%s outcome=%s end_to_end=%s names_no_such_topup', l.id, l.outcome, l.end_to_end)
	FROM statement_lines l
	WHERE l.outcome IN ('payouts_funded', 'payouts_unfunded') AND NOT EXISTS (
		SELECT 1 FROM settlement_topups t WHERE t.id = l.cause AND t.end_to_end = l.end_to_end AND t.amount_cents = l.amount_cents)
	UNION ALL
	SELECT format('payout:%s state=%s topup=%s at_stripe=%s coming_home_cents=%s', p.id, p.state, t.state, k.state, h.amount_cents)
	FROM payouts p
	LEFT JOIN settlement_topups t ON t.settlement_id = p.settlement_id
	LEFT JOIN connect_transfers k ON k.payout_id = p.id
	LEFT JOIN stripe_payouts h ON h.back_of = p.id
	WHERE p.connected <> '' AND NOT COALESCE(CASE p.state
			WHEN 'booked' THEN t.state = 'booked' AND k.payout IS NOT NULL AND k.state IN ('paid', 'reversing') AND h.id IS NULL
			WHEN 'in_transit' THEN t.state IN ('in_transit', 'booked') AND (k.id IS NULL OR k.state NOT IN ('paid', 'back')) AND h.id IS NULL
			WHEN 'returned' THEN t.state = 'booked' AND k.state = 'back' AND h.amount_cents = p.amount_cents
			ELSE CASE t.state WHEN 'booked' THEN k.state = 'back' AND h.amount_cents = p.amount_cents ELSE k.id IS NULL AND h.id IS NULL END END, false)
		OR p.connected = '' AND (k.id IS NOT NULL OR h.id IS NOT NULL)`

// topUpsAddUp is a further part of INV-10: what is sent to Stripe is what its payouts come to.
const topUpsAddUp = `
	SELECT format('settlement:%s topup_cents=%s file=%s payouts_cents=%s files=%s-%s', p.settlement_id, t.amount_cents, t.file_number, p.cents, p.first, p.last)
	FROM (SELECT settlement_id, sum(amount_cents) AS cents, min(file_number) AS first, max(file_number) AS last
	      FROM payouts WHERE connected <> '' GROUP BY settlement_id) AS p
	FULL JOIN settlement_topups t ON t.settlement_id = p.settlement_id
	WHERE t.amount_cents IS DISTINCT FROM p.cents OR t.file_number IS DISTINCT FROM p.first OR t.file_number IS DISTINCT FROM p.last`

// paidToConnectedAccounts is a further part of INV-13: a payout through Stripe went to the
// structure's account there that was in force, which somebody else had approved.
const paidToConnectedAccounts = `
	SELECT format('payout:%s structure:%s account_at_stripe_not_in_force', p.id, p.structure_id)
	FROM payouts p JOIN settlements s ON s.id = p.settlement_id
	WHERE p.connected <> '' AND NOT EXISTS (
		SELECT 1 FROM connect_accounts a WHERE a.structure_id = p.structure_id AND a.account = p.connected AND a.in_force_at <= s.closed_at
			AND (a.ended_at IS NULL OR a.ended_at >= s.closed_at))
	UNION ALL
	SELECT format('account_at_stripe:%s structure:%s in_force_undecided', id, structure_id)
	FROM connect_accounts
	WHERE in_force_at IS NOT NULL AND (approved_by IS NULL OR approved_by = created_by OR in_force_at < created_at + interval '72 hours')`

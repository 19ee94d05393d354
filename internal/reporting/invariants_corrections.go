package reporting

// The invariants of complaints and corrections.

// expectedOfCorrections are the transfers of what was withheld, corrected and recovered
// (INV-1). What is taken for a debt, or repaid, is the campaign's money again.
const expectedOfCorrections = `
	SELECT e.event, a.id, e.debit, e.credit, e.campaign_id, abs(a.amount_cents)
	FROM adjustments a LEFT JOIN corrections d ON d.id = a.debt_id
	CROSS JOIN LATERAL (VALUES
		('withheld', 'withheld', 'structure:' || a.structure_id || ':payable', 'structure:' || a.structure_id || ':withheld', a.campaign_id),
		('released', 'released', 'structure:' || a.structure_id || ':withheld', 'structure:' || a.structure_id || ':payable', a.campaign_id),
		('netted', 'debt_netted', 'structure:' || a.structure_id || ':payable', 'bank:segregated', a.campaign_id),
		('netted', 'debt_netted', 'bank:segregated', 'structure:' || a.structure_id || ':debt', d.campaign_id),
		('netted', 'debt_netted', 'campaign:' || d.campaign_id || ':recoverable', 'campaign:' || d.campaign_id || ':funds', d.campaign_id))
		AS e(kind, event, debit, credit, campaign_id)
	WHERE e.kind = a.kind
	UNION ALL
	SELECT e.event, k.id, e.debit, e.credit, k.campaign_id, k.amount_cents
	FROM corrections k
	CROSS JOIN LATERAL (VALUES
		('live', 'given_back', 'structure:' || k.structure_id || ':withheld', 'campaign:' || k.campaign_id || ':live'),
		('funds', 'given_back', 'structure:' || k.structure_id || ':withheld', 'campaign:' || k.campaign_id || ':funds'),
		('debt', 'clawed_back', 'structure:' || k.structure_id || ':debt', 'campaign:' || k.campaign_id || ':recoverable'))
		AS e(outcome, event, debit, credit)
	WHERE e.outcome = k.outcome
	UNION ALL
	SELECT 'debt_repaid', p.id, e.debit, e.credit, d.campaign_id, p.amount_cents
	FROM debt_repayments p JOIN corrections d ON d.id = p.debt_id
	CROSS JOIN LATERAL (VALUES
		('bank:segregated', CASE WHEN p.note_id IS NULL THEN 'suspense:operating' ELSE 'structure:' || d.structure_id || ':debt' END),
		('campaign:' || d.campaign_id || ':recoverable', 'campaign:' || d.campaign_id || ':funds')) AS e(debit, credit)
	UNION ALL
	SELECT 'structure_forgiven', q.id, 'costs:losses', 'structure:' || d.structure_id || ':debt', d.campaign_id, q.amount_cents
	FROM correction_requests q JOIN corrections d ON d.id = q.debt_id WHERE q.kind = 'forgiveness' AND q.state = 'approved'`

// recoveredToFunds is what has become a campaign's money again: campaign_id, cents.
const recoveredToFunds = `
	SELECT campaign_id, amount_cents AS cents FROM corrections WHERE outcome = 'funds'
	UNION ALL SELECT d.campaign_id, -a.amount_cents FROM adjustments a JOIN corrections d ON d.id = a.debt_id
	UNION ALL SELECT d.campaign_id, p.amount_cents FROM debt_repayments p JOIN corrections d ON d.id = p.debt_id`

// figuresOfCorrections are what corrections did to campaigns' money (INV-2): the value of a
// voucher that was returned is the campaign's, or to be recovered.
const figuresOfCorrections = `
	SELECT campaign_id, 'funds', cents, 0 FROM (` + recoveredToFunds + `) AS r
	UNION ALL SELECT campaign_id, 'recoverable', amount_cents, 0 FROM corrections WHERE outcome = 'debt'
	UNION ALL SELECT d.campaign_id, 'recoverable', a.amount_cents, 0 FROM adjustments a JOIN corrections d ON d.id = a.debt_id
	UNION ALL SELECT d.campaign_id, 'recoverable', -p.amount_cents, 0 FROM debt_repayments p JOIN corrections d ON d.id = p.debt_id`

// withheldAndOwedBack is a further part of INV-3: what is withheld of each structure in the
// books is its lines with an open end, what it owes is its debts, and neither a debt nor what
// its campaign is to get back goes below zero. What is withheld is withheld for a complaint
// that is open.
const withheldAndOwedBack = `
	SELECT format('structure:%s withheld_ledger_cents=%s rows_cents=%s', structure_id, sum(ledger), sum(rows)) AS evidence
	FROM (SELECT split_part(credit, ':', 2)::bigint AS structure_id, amount AS ledger, 0 AS rows FROM transfers WHERE credit LIKE 'structure:%:withheld'
	      UNION ALL SELECT split_part(debit, ':', 2)::bigint, -amount, 0 FROM transfers WHERE debit LIKE 'structure:%:withheld'
	      UNION ALL SELECT structure_id, 0, -amount_cents FROM adjustments WHERE redemption_id IS NOT NULL
	      UNION ALL SELECT structure_id, 0, -amount_cents FROM corrections WHERE outcome <> 'debt') AS both_sides
	GROUP BY structure_id HAVING sum(ledger) <> sum(rows)
	UNION ALL
	SELECT format('structure:%s debt_ledger_cents=%s rows_cents=%s', structure_id, sum(ledger), sum(rows))
	FROM (SELECT split_part(debit, ':', 2)::bigint AS structure_id, amount AS ledger, 0 AS rows FROM transfers WHERE debit LIKE 'structure:%:debt'
	      UNION ALL SELECT split_part(credit, ':', 2)::bigint, -amount, 0 FROM transfers WHERE credit LIKE 'structure:%:debt'
	      UNION ALL SELECT d.structure_id, 0, m.cents FROM (` + debtMoves + `) AS m JOIN corrections d ON d.id = m.debt_id) AS both_sides
	GROUP BY structure_id HAVING sum(ledger) <> sum(rows)
	UNION ALL
	SELECT format('debt:%s left_cents=%s', debt_id, sum(cents)) FROM (` + debtMoves + `) AS m GROUP BY debt_id HAVING sum(cents) < 0
	UNION ALL
	SELECT format('debt:%s recovered_cents=%s of=%s', d.id, sum(r.cents), d.amount_cents)
	FROM corrections d JOIN (
		SELECT debt_id, -amount_cents AS cents FROM adjustments WHERE debt_id IS NOT NULL
		UNION ALL SELECT debt_id, amount_cents FROM debt_repayments) AS r ON r.debt_id = d.id
	GROUP BY d.id HAVING sum(r.cents) > d.amount_cents
	UNION ALL
	SELECT format('redemption:%s withheld_cents=%s corrected=%s complaints_open=%s', r.id, a.cents, r.corrected, c.count)
	FROM (SELECT redemption_id, -sum(amount_cents) AS cents FROM adjustments WHERE redemption_id IS NOT NULL GROUP BY redemption_id) AS a
	JOIN redemptions r ON r.id = a.redemption_id
	LEFT JOIN corrections k ON k.redemption_id = r.id
	CROSS JOIN LATERAL (SELECT count(*) FROM complaints WHERE redemption_id = r.id AND state = 'open') AS c
	WHERE a.cents NOT IN (0, r.amount_cents) OR a.cents > 0 AND NOT COALESCE(k.outcome <> 'debt', false) AND c.count <> 1`

// debtMoves are structures' debts and what makes them less: debt_id, cents.
const debtMoves = `
	SELECT id AS debt_id, amount_cents AS cents FROM corrections WHERE outcome = 'debt'
	UNION ALL SELECT debt_id, amount_cents FROM adjustments WHERE debt_id IS NOT NULL
	UNION ALL SELECT debt_id, -amount_cents FROM debt_repayments WHERE note_id IS NOT NULL
	UNION ALL SELECT debt_id, -amount_cents FROM correction_requests WHERE kind = 'forgiveness' AND state = 'approved'`

// adjustmentsFollowPayouts is a further part of INV-10: a structure's payout takes its own
// adjustments and none from after it; what was corrected is the redemption, whole, that its
// structure had made; debt notes are numbered without a gap and are their lines; a line that
// repays is shared out whole.
const adjustmentsFollowPayouts = `
	SELECT format('adjustment:%s structure:%s payout:%s of=%s', a.id, a.structure_id, p.id, p.structure_id) AS evidence
	FROM adjustments a JOIN payouts p ON p.id = a.payout_id JOIN settlements s ON s.id = p.settlement_id
	WHERE a.structure_id <> p.structure_id OR a.made_at > s.closed_at + interval '5 seconds'
	UNION ALL
	SELECT format('adjustment:%s redemption:%s amount_cents=%s of=%s', a.id, r.id, a.amount_cents, r.amount_cents)
	FROM adjustments a JOIN redemptions r ON r.id = a.redemption_id
	WHERE abs(a.amount_cents) <> r.amount_cents OR a.structure_id <> r.structure_id OR a.campaign_id <> r.campaign_id
	UNION ALL
	SELECT format('correction:%s redemption:%s amount_cents=%s of=%s undone=%s corrected=%s', k.id, COALESCE(k.redemption_id, r.id),
		k.amount_cents, r.amount_cents, r.undone_at IS NOT NULL, r.corrected)
	FROM corrections k FULL JOIN (SELECT * FROM redemptions WHERE corrected) AS r ON r.id = k.redemption_id
	WHERE k.id IS NULL OR r.id IS NULL OR k.amount_cents <> r.amount_cents OR k.structure_id <> r.structure_id OR k.campaign_id <> r.campaign_id
	UNION ALL
	SELECT format('debt_notes:%s issued=%s highest=%s last=%s', year, count(n.seq), max(n.seq), l.last)
	FROM debt_notes n FULL JOIN debt_note_numbers l USING (year)
	GROUP BY year, l.last HAVING l.last IS NULL OR count(n.seq) <> l.last OR max(n.seq) <> l.last
	UNION ALL
	SELECT format('debt_note:%s amount_cents=%s lines_cents=%s', n.id, n.amount_cents, COALESCE(sum(l.amount_cents), 0))
	FROM debt_notes n LEFT JOIN debt_note_lines l ON l.note_id = n.id
	GROUP BY n.id HAVING n.amount_cents <> COALESCE(sum(l.amount_cents), 0)
	UNION ALL
	SELECT format('line:%s outcome=%s amount_cents=%s repaid_cents=%s', l.id, l.outcome, l.amount_cents, COALESCE(sum(p.amount_cents), 0))
	FROM statement_lines l LEFT JOIN debt_repayments p ON p.line_id = l.id
	GROUP BY l.id HAVING COALESCE(sum(p.amount_cents), 0) <> CASE WHEN l.outcome = 'debt_repaid' THEN l.amount_cents ELSE 0 END`

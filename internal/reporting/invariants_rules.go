package reporting

// The invariants of vouchers, payouts and rights.

// INV-6: one ending per voucher. A voucher is redeemed exactly when one redemption that
// stands holds it; a redemption's amount is its vouchers' face value and its transfers;
// what is live in the rows is live in the ledger.
const oneEndingPerVoucher = `
	SELECT format('voucher:%s state=%s redemptions=%s', v.id, v.state, COALESCE(t.times, 0)) AS evidence
	FROM vouchers v
	LEFT JOIN (SELECT voucher_id, count(*) AS times FROM redeemed_vouchers WHERE NOT undone GROUP BY voucher_id) AS t ON t.voucher_id = v.id
	WHERE COALESCE(t.times, 0) <> CASE WHEN v.state = 'redeemed' THEN 1 ELSE 0 END
	UNION ALL
	SELECT format('redemption:%s vouchers=%s taken=%s amount_cents=%s face_cents=%s undone=%s given_back=%s other_booklets=%s', COALESCE(r.id, t.redemption_id),
		r.vouchers, t.vouchers, r.amount_cents, t.face_cents, r.undone_at IS NOT NULL, t.undone, t.foreign_vouchers)
	FROM redemptions r
	FULL JOIN (
		SELECT m.redemption_id, count(*) AS vouchers, sum(v.face_cents) AS face_cents, count(*) FILTER (WHERE m.undone) AS undone,
			count(*) FILTER (WHERE v.booklet_id IS DISTINCT FROM q.booklet_id) AS foreign_vouchers
		FROM redeemed_vouchers m
		LEFT JOIN redemptions q ON q.id = m.redemption_id
		LEFT JOIN vouchers v ON v.id = m.voucher_id
		GROUP BY m.redemption_id) AS t ON t.redemption_id = r.id
	WHERE r.vouchers IS DISTINCT FROM t.vouchers OR r.amount_cents IS DISTINCT FROM t.face_cents OR t.foreign_vouchers <> 0
		OR t.undone <> CASE WHEN r.undone_at IS NULL THEN 0 ELSE t.vouchers END
	UNION ALL
	SELECT format('redemption:%s amount_cents=%s transfers_cents=%s', r.id, r.amount_cents, t.cents)
	FROM redemptions r
	LEFT JOIN (SELECT cause, sum(amount) AS cents FROM transfers WHERE event = 'redemption' GROUP BY cause) AS t ON t.cause = r.id
	WHERE r.amount_cents IS DISTINCT FROM t.cents
	UNION ALL
	SELECT format('campaign:%s live_vouchers_cents=%s ledger_cents=%s', campaign_id, sum(rows), sum(ledger))
	FROM (SELECT campaign_id, face_cents AS rows, 0 AS ledger FROM vouchers WHERE state IN ('live', 'frozen')
	      UNION ALL SELECT campaign_id, 0, amount FROM transfers WHERE credit LIKE 'campaign:%:live'
	      UNION ALL SELECT campaign_id, 0, -amount FROM transfers WHERE debit LIKE 'campaign:%:live') AS live
	GROUP BY campaign_id HAVING sum(rows) <> sum(ledger)`

// INV-8: one key, one request, one effect. A stored receipt names a redemption of its
// sender with that booklet, count and amount, and no two keys name the same one.
const oneEffectPerKey = `
	WITH receipts AS (
		SELECT scope, key, a.id, a.booklet, a.count, a.amount_cents
		FROM idempotency_keys
		CROSS JOIN LATERAL jsonb_to_record(CASE WHEN answer LIKE '{%"undo_until":%' THEN answer::jsonb END)
			AS a(id bigint, booklet bigint, count integer, amount_cents bigint)
		WHERE answer LIKE '{%"undo_until":%')
	SELECT format('redemption:%s organisation:%s answer_without_effect', k.id, k.scope) AS evidence
	FROM receipts k
	WHERE NOT EXISTS (SELECT 1 FROM redemptions r WHERE r.id = k.id AND r.structure_id = k.scope AND r.booklet_id = k.booklet
		AND r.vouchers = k.count AND r.amount_cents = k.amount_cents)
	UNION ALL
	SELECT format('redemption:%s keys=%s', id, count(*)) FROM receipts GROUP BY id HAVING count(*) > 1`

// INV-10: a structure's payouts follow each other without gap or overlap, so each
// redemption is in at most one; a payout is its redemptions, what it pays again and its
// adjustments, campaign by campaign; a settlement is its payouts, and so is each of its files. Verify compares
// what is in the files.
const payoutsFollowEachOther = `
	SELECT format('payout:%s after=%s previous_up_to=%s', id, after_id, previous) AS evidence
	FROM (SELECT id, after_id, COALESCE(lag(up_to_id) OVER (PARTITION BY structure_id ORDER BY id), 0) AS previous FROM payouts) AS w
	WHERE after_id <> previous
	UNION ALL
	SELECT format('payout:%s campaign:%s parts_minus_redemptions=%s', payout_id, campaign_id, sum(cents))
	FROM (SELECT payout_id, campaign_id, amount_cents AS cents FROM payout_parts
	      UNION ALL
	      SELECT p.reissued_in, s.campaign_id, -s.amount_cents FROM payouts p JOIN payout_parts s ON s.payout_id = p.id WHERE p.reissued_in IS NOT NULL
	      UNION ALL
	      SELECT payout_id, campaign_id, -amount_cents FROM adjustments WHERE payout_id IS NOT NULL
	      UNION ALL
	      SELECT p.id, r.campaign_id, -r.amount_cents
	      FROM payouts p JOIN redemptions r ON r.structure_id = p.structure_id AND r.id > p.after_id AND r.id <= p.up_to_id AND (r.undone_at IS NULL OR r.corrected)) AS parts
	GROUP BY payout_id, campaign_id HAVING sum(cents) <> 0
	UNION ALL
	SELECT format('payout:%s amount_cents=%s parts_cents=%s redemptions=%s counted=%s', p.id, p.amount_cents, s.cents, p.redemptions, r.count)
	FROM payouts p
	CROSS JOIN LATERAL (SELECT COALESCE(sum(amount_cents), 0) AS cents FROM payout_parts WHERE payout_id = p.id) AS s
	CROSS JOIN LATERAL (SELECT count(*) FROM redemptions r
		WHERE r.structure_id = p.structure_id AND r.id > p.after_id AND r.id <= p.up_to_id AND (r.undone_at IS NULL OR r.corrected)) AS r
	WHERE p.amount_cents <> s.cents OR p.redemptions <> r.count
	UNION ALL
	SELECT format('payout:%s state=%s reissued_in=%s', p.id, p.state, p.reissued_in)
	FROM payouts p JOIN payouts q ON q.id = p.reissued_in
	WHERE p.state NOT IN ('returned', 'rejected') OR q.structure_id <> p.structure_id OR q.id <= p.id
	UNION ALL
	SELECT format('settlement:%s payouts=%s counted=%s total_cents=%s sum_cents=%s', s.id, s.payouts, p.count, s.total_cents, p.cents)
	FROM settlements s
	CROSS JOIN LATERAL (SELECT count(*), COALESCE(sum(amount_cents), 0) AS cents FROM payouts WHERE settlement_id = s.id) AS p
	WHERE s.payouts <> p.count OR s.total_cents <> p.cents
	UNION ALL
	SELECT format('settlement:%s file=%s payouts=%s counted=%s total_cents=%s sum_cents=%s', f.settlement_id, f.number, f.payouts, p.count, f.total_cents, p.cents)
	FROM settlement_files f
	CROSS JOIN LATERAL (SELECT count(*), COALESCE(sum(amount_cents), 0) AS cents FROM payouts
		WHERE settlement_id = f.settlement_id AND file_number = f.number) AS p
	WHERE f.payouts <> p.count OR f.total_cents <> p.cents
	UNION ALL
	SELECT format('payout:%s file=%s is_no_file_of settlement:%s', p.id, p.file_number, p.settlement_id)
	FROM payouts p
	WHERE NOT EXISTS (SELECT 1 FROM settlement_files f WHERE f.settlement_id = p.settlement_id AND f.number = p.file_number) AND p.file_number <> 1
	UNION ALL` + topUpsAddUp + `
	UNION ALL` + adjustmentsFollowPayouts + `
	UNION ALL` + refundsAddUp

// INV-11: nothing redeemed outside its dates (tolerance included, days of Paris), by a
// place without a label that day, outside the campaign's area, themes or price cap. A
// label ends at a time, and a redemption carries the time at which its transaction
// began: 5 seconds is how long that may be apart. Where a place is, and what it says it
// has, is known as of now: nothing is said of it where its card changed afterwards.
const redeemedWithinTheRules = `
	SELECT format('redemption:%s on=%s %s', r.id, d.day, concat_ws(' ',
		CASE WHEN d.day < b.from_on OR d.day > b.until_on + c.tolerance_days THEN format('from=%s last_day=%s', b.from_on, b.until_on + c.tolerance_days) END,
		CASE WHEN NOT l.labelled THEN format('place:%s not_labelled', r.place_id) END,
		CASE WHEN NOT a.inside THEN format('place:%s outside_area', r.place_id) END,
		CASE WHEN NOT a.theme THEN format('theme=%s not_paid', r.theme) END,
		CASE WHEN r.vouchers > c.price_cap THEN format('vouchers=%s cap=%s', r.vouchers, c.price_cap) END)) AS evidence
	FROM redemptions r
	JOIN booklets b ON b.id = r.booklet_id
	JOIN campaigns c ON c.id = r.campaign_id
	JOIN places p ON p.id = r.place_id
	CROSS JOIN LATERAL (SELECT (r.at AT TIME ZONE 'Europe/Paris')::date AS day, GREATEST(p.imported_at, p.corrected_at) > r.at AS card_changed) AS d
	CROSS JOIN LATERAL (SELECT EXISTS (
		SELECT 1 FROM labels l WHERE l.place_id = r.place_id AND d.day BETWEEN l.starts_on AND l.ends_on
			AND (l.ended_at IS NULL OR l.ended_at > r.at - interval '5 seconds')
			AND NOT EXISTS (SELECT 1 FROM label_suspensions s WHERE s.label_id = l.id AND r.at > s.from_at + interval '5 seconds'
				AND (s.lifted_at IS NULL OR r.at < s.lifted_at))
			AND (cardinality(c.accepted_labels) = 0 OR l.kind = ANY (c.accepted_labels) OR p.programmes && c.accepted_labels OR p.trainings && c.accepted_labels
				OR d.card_changed)) AS labelled) AS l
	CROSS JOIN LATERAL (SELECT
		d.card_changed OR p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements)
			OR cardinality(c.communes) + cardinality(c.epcis) + cardinality(c.departements) = 0 AS inside,
		cardinality(c.themes) = 0 OR r.theme = ANY (c.themes) AS theme) AS a
	WHERE d.day < b.from_on OR d.day > b.until_on + c.tolerance_days OR NOT l.labelled OR NOT a.inside OR NOT a.theme OR r.vouchers > c.price_cap`

// INV-12: whoever asks for what needs two people does not agree to it.
const decidedByAnother = `
	SELECT format('write_off:%s requested_by=%s decided_by=%s', id, requested_by, decided_by) AS evidence
	FROM debt_writeoffs WHERE state = 'approved' AND requested_by = decided_by
	UNION ALL
	SELECT format('settlement:%s closed_by=%s approved_by=%s', s.id, s.closed_by, COALESCE(s.approved_by::text, 'nobody'))
	FROM settlements s
	WHERE s.approved_by = s.closed_by OR s.approved_at <> s.closed_at AND s.approved_by IS NULL
		OR s.approved_at IS NULL AND EXISTS (SELECT 1 FROM payouts p WHERE p.settlement_id = s.id AND p.state IN ('booked', 'returned'))
	UNION ALL
	SELECT format('correction_request:%s requested_by=%s decided_by=%s', id, requested_by, decided_by)
	FROM correction_requests WHERE state = 'approved' AND requested_by = decided_by
	UNION ALL
	SELECT format('complaint:%s opened_by=%s decided_by=%s', id, opened_by, decided_by)
	FROM complaints WHERE decided_by = opened_by AND state IN ('upheld', 'dismissed')`

// INV-13: every payout went to an account that was in force at its settlement, and was decided
// on by another person than gave it, while no other account waited.
const paidToKnownAccounts = `
	SELECT format('payout:%s structure:%s iban_not_in_force', p.id, p.structure_id) AS evidence
	FROM payouts p JOIN settlements s ON s.id = p.settlement_id
	WHERE NOT EXISTS (
		SELECT 1 FROM bank_details d WHERE d.structure_id = p.structure_id AND d.iban = p.iban AND d.in_force_at <= s.closed_at
			AND d.ended_at IS NULL AND (d.replaced_at IS NULL OR d.replaced_at >= s.closed_at))
	UNION ALL
	SELECT format('payout:%s structure:%s another_account_was_waiting', p.id, p.structure_id)
	FROM payouts p JOIN settlements s ON s.id = p.settlement_id
	WHERE EXISTS (
		SELECT 1 FROM bank_details d WHERE d.structure_id = p.structure_id AND d.created_at < s.closed_at
			AND LEAST(d.in_force_at, d.ended_at, d.replaced_at, 'infinity') > s.closed_at)
	UNION ALL
	SELECT format('account:%s structure:%s in_force_undecided', d.id, d.structure_id)
	FROM bank_details d
	WHERE d.in_force_at IS NOT NULL AND d.match <> 'earlier' AND (d.verified_by IS NULL OR d.verified_by = d.created_by
		OR d.changes AND (d.approved_by IS NULL OR d.approved_by IN (d.created_by, d.verified_by) OR d.in_force_at < d.created_at + interval '72 hours'))
	UNION ALL` + paidToConnectedAccounts + `
	UNION ALL` + refundedToVerifiedAccounts

// INV-16: no organisation sees another's rows. Lists are cut by an organisation's or a
// campaign's id, so those ids must agree all along the chain.
const tenantsAgree = `
	SELECT format('campaign:%s funder:%s is_no_funder', c.id, c.funder_id) AS evidence
	FROM campaigns c JOIN organisations o ON o.id = c.funder_id WHERE o.kind <> 'funder'
	UNION ALL
	SELECT format('order:%s funder:%s campaign_of:%s', o.id, o.funder_id, c.funder_id)
	FROM orders o JOIN campaigns c ON c.id = o.campaign_id
	WHERE o.funder_id <> c.funder_id AND NOT EXISTS (
		SELECT 1 FROM campaign_shares s WHERE s.campaign_id = o.campaign_id AND s.funder_id = o.funder_id)
	UNION ALL
	SELECT format('allocation:%s prescriber:%s is_no_prescriber', a.id, a.prescriber_id)
	FROM allocations a JOIN organisations o ON o.id = a.prescriber_id WHERE o.kind <> 'prescriber'
	UNION ALL
	SELECT format('booklet:%s campaign:%s prescriber:%s allocated campaign:%s prescriber:%s', b.id, b.campaign_id, b.prescriber_id, a.campaign_id, a.prescriber_id)
	FROM booklets b JOIN allocations a ON a.id = b.allocation_id WHERE b.campaign_id <> a.campaign_id OR b.prescriber_id <> a.prescriber_id
	UNION ALL
	SELECT format('voucher:%s campaign:%s face_cents=%s booklet campaign:%s face_cents=%s', v.id, v.campaign_id, v.face_cents, b.campaign_id, b.face_cents)
	FROM vouchers v JOIN booklets b ON b.id = v.booklet_id WHERE v.campaign_id <> b.campaign_id OR v.face_cents <> b.face_cents
	UNION ALL
	SELECT format('booklet:%s vouchers=%s counted=%s', b.id, b.vouchers, COALESCE(v.count, 0))
	FROM booklets b LEFT JOIN (SELECT booklet_id, count(*) FROM vouchers GROUP BY booklet_id) AS v ON v.booklet_id = b.id
	WHERE b.vouchers <> COALESCE(v.count, 0)
	UNION ALL
	SELECT format('redemption:%s campaign:%s booklet_of:%s structure:%s place_of:%s', r.id, r.campaign_id, b.campaign_id, r.structure_id, p.structure_id)
	FROM redemptions r LEFT JOIN booklets b ON b.id = r.booklet_id LEFT JOIN places p ON p.id = r.place_id
	WHERE r.campaign_id IS DISTINCT FROM b.campaign_id OR r.structure_id IS DISTINCT FROM p.structure_id
	UNION ALL
	SELECT format('complaint:%s structure:%s campaign:%s redemption structure:%s campaign:%s', c.id, c.structure_id, c.campaign_id, r.structure_id, r.campaign_id)
	FROM complaints c LEFT JOIN redemptions r ON r.id = c.redemption_id
	WHERE c.structure_id IS DISTINCT FROM r.structure_id OR c.campaign_id IS DISTINCT FROM r.campaign_id
	UNION ALL
	SELECT format('complaint:%s opened_as=%s kind=%s', c.id, c.opened_as, o.kind)
	FROM complaints c JOIN organisations o ON o.id = c.organisation_id WHERE o.kind <> c.opened_as
	UNION ALL
	SELECT format('redemption:%s person:%s is_no_member', r.id, r.person_id)
	FROM redemptions r
	WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = r.person_id AND m.organisation_id = r.structure_id)
	UNION ALL
	SELECT format('transfer:%s %s->%s campaign:%s', id, debit, credit, campaign_id)
	FROM transfers
	WHERE (debit LIKE 'campaign:%' AND split_part(debit, ':', 2) <> campaign_id::text)
		OR (credit LIKE 'campaign:%' AND split_part(credit, ':', 2) <> campaign_id::text)
	UNION ALL
	SELECT format('session of person:%s organisation:%s is_no_member', s.person_id, s.organisation_id)
	FROM sessions s
	WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = s.person_id AND m.organisation_id = s.organisation_id)
	UNION ALL
	SELECT format('token:%s person:%s organisation:%s is_no_member', t.id, t.person_id, t.organisation_id)
	FROM api_tokens t
	WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = t.person_id AND m.organisation_id = t.organisation_id)`

// INV-19: a notice is never doubled: what asks for it gives its job a key that exists
// once.
const noticesAreSentOnce = `
	SELECT format('job %s key=%s jobs=%s', kind, unique_key, count(*)) AS evidence
	FROM jobs WHERE unique_key IS NOT NULL GROUP BY kind, unique_key HAVING count(*) > 1`

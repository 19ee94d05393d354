package reporting

// INV-22: a hold is of one booking of its booklet, ends with it or a week after its session,
// and is never more than its price; no session has more bookings than seats; what a no-show
// was charged is a redemption of its booklet at its place within its rule.
const holdsAreKept = `
	WITH sessions AS (
		SELECT a.id, a.place_id, a.seats, GREATEST(a.ends_at, max(m.ends_at)) AS over
		FROM agenda_sessions a LEFT JOIN agenda_meetings m ON m.session_id = a.id GROUP BY a.id)
	SELECT format('voucher:%s booklet:%s held_for=%s booking_of_booklet=%s', v.id, v.booklet_id, v.held_for, k.booklet_id) AS evidence
	FROM vouchers v LEFT JOIN bookings k ON k.id = v.held_for
	WHERE v.held_for IS NOT NULL AND (k.booklet_id IS DISTINCT FROM v.booklet_id OR k.state = 'waiting')
	UNION ALL
	SELECT format('voucher:%s held_until=%s booking:%s ended_at=%s session_over=%s', v.id, v.held_until, k.id, k.ended_at, s.over)
	FROM vouchers v JOIN bookings k ON k.id = v.held_for JOIN sessions s ON s.id = k.session_id
	WHERE v.held_until > k.ended_at OR k.state = 'booked' AND v.held_until > GREATEST(s.over + interval '7 days', k.seated_at)
	UNION ALL
	SELECT format('booking:%s vouchers=%s held=%s', k.id, k.vouchers, count(*))
	FROM bookings k JOIN sessions s ON s.id = k.session_id JOIN vouchers v ON v.held_for = k.id AND v.held_until > s.over
	WHERE k.state = 'booked' GROUP BY k.id HAVING count(*) > k.vouchers
	UNION ALL
	SELECT format('session:%s seats=%s booked=%s', s.id, s.seats, count(*))
	FROM sessions s JOIN bookings k ON k.session_id = s.id AND k.state IN ('booked', 'no_show')
	GROUP BY s.id, s.seats HAVING count(*) > s.seats
	UNION ALL
	SELECT format('booking:%s no_show=%s redemption:%s vouchers=%s', k.id, k.no_show, k.redemption_id, r.vouchers)
	FROM bookings k JOIN sessions s ON s.id = k.session_id LEFT JOIN redemptions r ON r.id = k.redemption_id
	WHERE k.redemption_id IS NOT NULL AND (r.booklet_id IS DISTINCT FROM k.booklet_id OR r.place_id <> s.place_id
		OR r.vouchers > CASE k.no_show WHEN 'all' THEN k.vouchers WHEN 'one' THEN 1 ELSE 0 END)`

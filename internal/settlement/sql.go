package settlement

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// returnedPart is one campaign's part of a payout that came back, or was rejected, and is
// not yet paid again.
type returnedPart struct {
	Payout    vouchers.PayoutID       `db:"payout_id"`
	Structure vouchers.OrganisationID `db:"structure_id"`
	AfterID   vouchers.RedemptionID   `db:"after_id"` // end of the structure's last payout
	Campaign  vouchers.CampaignID     `db:"campaign_id"`
	Amount    vouchers.Cents          `db:"amount_cents"`
}

func returnedParts(ctx context.Context, tx *db.Tx) ([]returnedPart, error) {
	var all []returnedPart
	err := tx.Select(ctx, &all, `
		SELECT q.payout_id, p.structure_id, q.campaign_id, q.amount_cents,
			(SELECT l.up_to_id FROM payouts l WHERE l.structure_id = p.structure_id ORDER BY l.id DESC LIMIT 1) AS after_id
		FROM payouts p JOIN payout_parts q ON q.payout_id = p.id
		WHERE p.state IN ('returned', 'rejected') AND p.reissued_in IS NULL
		ORDER BY q.payout_id, q.campaign_id`)
	return all, err
}

// recipients are where structures' money goes: through Stripe where a structure has chosen so,
// Stripe is ready, and nothing came back there that is still owed.
func (s *Service) recipients(ctx context.Context, tx *db.Tx, dues []due) (map[vouchers.OrganisationID]recipient, error) {
	ids := make([]int64, len(dues))
	for i, d := range dues {
		ids[i] = int64(d.Structure)
	}
	var rows []recipient
	err := tx.Select(ctx, &rows, `
		SELECT o.id, o.name, o.street, o.postcode, o.town, COALESCE(b.iban, '') AS iban, COALESCE(b.bic, '') AS bic,
			COALESCE(b.holder, '') AS holder,
			EXISTS (SELECT 1 FROM bank_details w WHERE w.structure_id = o.id AND w.ended_at IS NULL AND w.replaced_at IS NULL
				AND (w.in_force_at IS NULL OR w.in_force_at > $2)) AS changing,
			EXISTS (SELECT 1 FROM payouts p WHERE p.structure_id = o.id AND p.state IN ('returned', 'rejected') AND p.reissued_in IS NULL
				AND p.connected = '' AND p.return_reason = ANY ($3) AND p.iban = b.iban AND COALESCE(p.rejected_at, p.returned_at) >= b.in_force_at) AS refused,
			EXISTS (SELECT 1 FROM payout_requests q WHERE q.structure_id = o.id AND q.payout_id IS NULL) AS asked,
			EXISTS (SELECT 1 FROM payouts p JOIN statement_lines l ON l.end_to_end = p.end_to_end AND l.outcome = 'unexpected_debit'
				JOIN bank_cases k ON k.line_id = l.id AND k.decision IS NULL
				WHERE p.structure_id = o.id AND p.state = 'rejected' AND p.reissued_in IS NULL)
			OR EXISTS (SELECT 1 FROM payouts p JOIN (`+selectMismatches+`) AS m ON m.settlement_id = p.settlement_id AND m.number = p.file_number
				WHERE p.structure_id = o.id AND p.state = 'rejected' AND p.reissued_in IS NULL) AS contested,
			COALESCE((SELECT a.account FROM connect_accounts a WHERE $4 AND a.structure_id = o.id AND a.ended_at IS NULL AND a.ready AND a.in_force_at <= $2
				AND NOT EXISTS (SELECT 1 FROM payouts p WHERE p.structure_id = o.id AND p.state IN ('returned', 'rejected') AND p.reissued_in IS NULL
					AND p.return_reason = $5)), '') AS connected
		FROM organisations o LEFT JOIN bank_details b ON b.structure_id = o.id AND b.in_force_at <= $2 AND b.ended_at IS NULL
			AND (b.replaced_at IS NULL OR b.replaced_at > $2)
		WHERE o.id = ANY ($1)`, db.Array(ids), tx.Now, db.Array(sepa.AccountReasons()), s.debtor.Stripe.IBAN != "", StripeCode)
	all := make(map[vouchers.OrganisationID]recipient, len(rows))
	for _, r := range rows {
		all[r.Structure] = r
	}
	return all, err
}

// insertSettlement writes the settlement under an id drawn first, because its message
// id is made of it. Its hash follows once its payouts are there.
func insertSettlement(ctx context.Context, tx *db.Tx, actor identity.Actor, from Debtor, on vouchers.Day, p plan) (vouchers.SettlementID, error) {
	var id vouchers.SettlementID
	if err := tx.Get(ctx, &id, `SELECT nextval(pg_get_serial_sequence('settlements', 'id'))`); err != nil {
		return 0, err
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO settlements (id, message_id, closed_at, closed_by, execution_on, payouts, total_cents, file_sha256,
			debtor_name, debtor_iban, debtor_bic, debtor_street, debtor_postcode, debtor_town,
			file_version, file_layout, category_purpose, batch_booking)
		OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, NULLIF($4::bigint, 0), $5, $6, $7, '', $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		id, messageID(id), tx.Now, actor.Person, on, len(p.pay), p.total(),
		from.Name, from.IBAN, from.BIC, from.Street, from.Postcode, from.Town, from.Version, hybrid, from.Purpose, from.Batch)
	return id, err
}

// insertPayouts writes all payouts in one statement, at most limit to a file, and returns their
// ids by structure.
func insertPayouts(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, p plan, limit int) (map[vouchers.OrganisationID]vouchers.PayoutID, error) {
	n := len(p.pay)
	structures, after, counts, amounts := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	texts := make([][]string, 8)
	for i, one := range p.pay {
		structures[i], after[i] = int64(one.Structure), int64(one.after)
		counts[i], amounts[i] = int64(one.redemptions), int64(one.amount())
		to := one.to
		for column, text := range []string{to.IBAN.Full(), string(to.BIC), to.Holder, to.Street, to.Postcode, to.Town,
			endToEnd(id, one.Structure), to.Connected} {
			texts[column] = append(texts[column], text)
		}
	}
	var rows []struct {
		Payout    vouchers.PayoutID       `db:"id"`
		Structure vouchers.OrganisationID `db:"structure_id"`
	}
	err := tx.Select(ctx, &rows, `
		INSERT INTO payouts (settlement_id, structure_id, after_id, up_to_id, redemptions, amount_cents,
			iban, bic, holder, street, postcode, town, end_to_end, connected, file_number, state)
		SELECT $1, u.structure_id, u.after_id, $2, u.redemptions, u.amount_cents,
			u.iban, u.bic, u.holder, u.street, u.postcode, u.town, u.end_to_end, u.connected, u.file_number, 'in_transit'
		FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[],
				$11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[])
			AS u(structure_id, after_id, redemptions, amount_cents, iban, bic, holder, street, postcode, town, end_to_end, connected, file_number)
		RETURNING id, structure_id`,
		id, p.upTo, db.Array(structures), db.Array(after), db.Array(counts), db.Array(amounts), db.Array(texts[0]), db.Array(texts[1]),
		db.Array(texts[2]), db.Array(texts[3]), db.Array(texts[4]), db.Array(texts[5]), db.Array(texts[6]), db.Array(texts[7]), db.Array(p.files(limit)))
	ids := make(map[vouchers.OrganisationID]vouchers.PayoutID, len(rows))
	for _, r := range rows {
		ids[r.Structure] = r.Payout
	}
	return ids, err
}

func insertParts(ctx context.Context, tx *db.Tx, ids map[vouchers.OrganisationID]vouchers.PayoutID, pay []payment) error {
	var payouts, campaigns, amounts []int64
	for _, one := range pay {
		for campaign, amount := range one.parts {
			payouts, campaigns, amounts = append(payouts, int64(ids[one.Structure])), append(campaigns, int64(campaign)), append(amounts, int64(amount))
		}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO payout_parts (payout_id, campaign_id, amount_cents)
		SELECT u.payout_id, u.campaign_id, u.amount_cents
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u(payout_id, campaign_id, amount_cents)`,
		db.Array(payouts), db.Array(campaigns), db.Array(amounts))
	return err
}

// markReissued notes on payouts that came back which one pays them again, each once.
func markReissued(ctx context.Context, tx *db.Tx, ids map[vouchers.OrganisationID]vouchers.PayoutID, pay []payment) error {
	var old, reissue []int64
	for _, one := range pay {
		for _, returned := range one.returned {
			old, reissue = append(old, int64(returned)), append(reissue, int64(ids[one.Structure]))
		}
	}
	n, err := tx.Exec(ctx, `
		UPDATE payouts p SET reissued_in = u.payout_id FROM unnest($1::bigint[], $2::bigint[]) AS u(returned_id, payout_id)
		WHERE p.id = u.returned_id AND p.state IN ('returned', 'rejected') AND p.reissued_in IS NULL`, db.Array(old), db.Array(reissue))
	if err == nil && int(n) != len(old) {
		return fmt.Errorf("settlement: %d of %d payouts could be paid again", n, len(old))
	}
	return err
}

func storeHash(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, sum []byte) error {
	_, err := tx.Exec(ctx, `UPDATE settlements SET file_sha256 = $2 WHERE id = $1`, id, sum)
	return err
}

// insertFiles writes what the files of a settlement hold, with their hashes in order.
func insertFiles(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, hashes [][]byte) error {
	for i, sum := range hashes {
		_, err := tx.Exec(ctx, `
			INSERT INTO settlement_files (settlement_id, number, message_id, payouts, total_cents, sha256)
			SELECT $1, $2, $3, count(*), sum(amount_cents), $4 FROM payouts WHERE settlement_id = $1 AND file_number = $2`,
			id, i+1, fileID(messageID(id), i+1, len(hashes)), sum)
		if err != nil {
			return err
		}
	}
	return nil
}

// selectFiles lists the files of settlements s. One that an older program closes meanwhile
// has no row of its own: it is the settlement's only file.
const selectFiles = `
	SELECT COALESCE(f.number, 1) AS number, COALESCE(f.message_id, s.message_id) AS message_id, COALESCE(f.payouts, s.payouts) AS payouts,
		COALESCE(f.total_cents, s.total_cents) AS total_cents, encode(COALESCE(f.sha256, s.file_sha256), 'hex') AS sha256,
		CASE WHEN f.payouts < s.payouts THEN f.taken_at ELSE s.taken_at END AS taken_at
	FROM settlements s LEFT JOIN settlement_files f ON f.settlement_id = s.id `

func filesOf(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) ([]File, error) {
	var all []File
	err := tx.Select(ctx, &all, selectFiles+`WHERE s.id = $1 ORDER BY f.number`, id)
	return all, err
}

// fileHead and fileLine are all that files are made of.
type fileHead struct {
	MessageID   string       `db:"message_id"`
	ClosedAt    time.Time    `db:"closed_at"`
	ExecutionOn vouchers.Day `db:"execution_on"`
	Layout      layout       `db:"file_layout"`
	Files       int          `db:"files"` // how many there are
	Debtor
}

type fileLine struct {
	EndToEnd string         `db:"end_to_end"`
	Amount   vouchers.Cents `db:"amount_cents"`
	recipient
}

func headOf(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) (fileHead, error) {
	var head fileHead
	err := tx.Get(ctx, &head, `
		SELECT message_id, closed_at, execution_on, debtor_name, debtor_iban, debtor_bic, debtor_street, debtor_postcode, debtor_town,
			file_version, file_layout, category_purpose, batch_booking,
			(SELECT COALESCE(max(file_number), 1) FROM payouts WHERE settlement_id = $1) AS files
		FROM settlements WHERE id = $1`, id)
	return head, err
}

func linesOf(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, number int) ([]fileLine, error) {
	var lines []fileLine
	err := tx.Select(ctx, &lines, `
		SELECT end_to_end, amount_cents, iban, bic, holder, street, postcode, town
		FROM payouts WHERE settlement_id = $1 AND file_number = $2 AND connected = '' ORDER BY structure_id`, id, number)
	return lines, err
}

const selectSettlements = `
	SELECT s.id, s.message_id, s.closed_at, s.execution_on, s.payouts, s.total_cents, encode(s.file_sha256, 'hex') AS file_sha256, s.batch_booking,
		n.in_transit, n.booked, n.returned, n.rejected, COALESCE(s.closed_by, 0) AS closed_by, COALESCE(closer.name, '') AS closer_name, s.approved_at,
		COALESCE(approver.name, '') AS approver_name, s.taken_at, s.sent_at, s.cancelled_at, s.cancel_reason,
		CASE WHEN s.cancelled_at IS NOT NULL THEN 'cancelled' WHEN s.approved_at IS NULL THEN 'waiting' WHEN s.sent_at IS NULL THEN 'approved'
			WHEN n.in_transit > 0 THEN 'sent' ELSE 'done' END AS state
	FROM settlements s LEFT JOIN people closer ON closer.id = s.closed_by LEFT JOIN people approver ON approver.id = s.approved_by
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE p.state = 'in_transit') AS in_transit, count(*) FILTER (WHERE p.state = 'booked') AS booked,
			count(*) FILTER (WHERE p.state = 'returned') AS returned, count(*) FILTER (WHERE p.state = 'rejected') AS rejected
		FROM payouts p WHERE p.settlement_id = s.id) AS n `

func settlement(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) (Settlement, error) {
	var s Settlement
	if err := tx.Get(ctx, &s, selectSettlements+`WHERE s.id = $1`, id); err != nil {
		return s, err
	}
	var err error
	s.TopUp, err = topUpOf(ctx, tx, id)
	return s, err
}

func settlements(ctx context.Context, tx *db.Tx, before vouchers.SettlementID, limit int) ([]Settlement, error) {
	all := []Settlement{}
	err := tx.Select(ctx, &all, selectSettlements+`WHERE $1 = 0 OR s.id < $1 ORDER BY s.id DESC LIMIT $2`, before, limit)
	return all, err
}

const selectPayouts = `
	SELECT p.id, p.settlement_id, p.structure_id, o.name AS structure_name, p.redemptions, p.amount_cents, p.end_to_end, p.iban,
		p.holder, p.connected, p.file_number, p.state, s.approved_at IS NOT NULL AS approved, s.sent_at IS NOT NULL AS sent, s.closed_at, s.execution_on,
		p.booked_on, COALESCE(p.return_reason, '') AS return_reason, p.reissued_in
	FROM payouts p JOIN settlements s ON s.id = p.settlement_id JOIN organisations o ON o.id = p.structure_id `

func payoutList(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Payout, error) {
	all := []Payout{}
	err := tx.Select(ctx, &all, selectPayouts+where, args...)
	for i := range all {
		all[i].show()
	}
	return all, err
}

// show fills in what follows from the row.
func (p *Payout) show() {
	p.Account, p.HolderInFile = p.IBAN.Masked(), sepa.Latin(p.Holder, sepa.NameMost)
}

func payoutOne(ctx context.Context, tx *db.Tx, where string, arg any) (Payout, error) {
	var p Payout
	err := tx.Get(ctx, &p, selectPayouts+where, arg)
	p.show()
	return p, err
}

func payout(ctx context.Context, tx *db.Tx, id vouchers.PayoutID) (Payout, error) {
	return payoutOne(ctx, tx, `WHERE p.id = $1`, id)
}

func payoutBy(ctx context.Context, tx *db.Tx, endToEnd string) (Payout, error) {
	return payoutOne(ctx, tx, `WHERE p.end_to_end = $1`, endToEnd)
}

func payoutsIn(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) ([]Payout, error) {
	return payoutList(ctx, tx, `WHERE p.settlement_id = $1 ORDER BY o.name COLLATE "fr-x-icu", p.id`, id)
}

func payoutsOf(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, before vouchers.PayoutID, limit int) ([]Payout, error) {
	return payoutList(ctx, tx, `WHERE p.structure_id = $1 AND ($2 = 0 OR p.id < $2) ORDER BY p.id DESC LIMIT $3`, structure, before, limit)
}

// underWay is what is on its way to a structure.
func underWay(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (vouchers.Cents, error) {
	var sum vouchers.Cents
	err := tx.Get(ctx, &sum, `
		SELECT COALESCE(sum(amount_cents), 0)::bigint FROM payouts WHERE structure_id = $1 AND state = 'in_transit'`, structure)
	return sum, err
}

// paidBetween is what the bank has sent to a structure from one day to another, and not brought back.
func paidBetween(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, from, until vouchers.Day) (vouchers.Cents, error) {
	var sum vouchers.Cents
	err := tx.Get(ctx, &sum, `
		SELECT COALESCE(sum(amount_cents), 0)::bigint FROM payouts
		WHERE structure_id = $1 AND state = 'booked' AND booked_on BETWEEN $2 AND $3`, structure, from, until)
	return sum, err
}

// named finds which names are end-to-end ids of payouts.
func named(ctx context.Context, tx *db.Tx, names []string) (map[string]bool, error) {
	var found []string
	err := tx.Select(ctx, &found, `
		SELECT end_to_end FROM payouts WHERE end_to_end = ANY ($1) AND connected = ''
		UNION ALL SELECT end_to_end FROM settlement_topups WHERE end_to_end = ANY ($1)`, db.Array(names))
	set := make(map[string]bool, len(found))
	for _, name := range found {
		set[name] = true
	}
	return set, err
}

func lockPayout(ctx context.Context, tx *db.Tx, endToEnd string) error {
	_, err := tx.Exec(ctx, `SELECT id FROM payouts WHERE end_to_end = $1 FOR UPDATE`, endToEnd)
	return err
}

func book(ctx context.Context, tx *db.Tx, id vouchers.PayoutID, on vouchers.Day) error {
	_, err := tx.Exec(ctx, `UPDATE payouts SET state = 'booked', booked_on = $2 WHERE id = $1`, id, on)
	return err
}

func sendBack(ctx context.Context, tx *db.Tx, id vouchers.PayoutID, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE payouts SET state = 'returned', return_reason = $2, returned_at = $3 WHERE id = $1`, id, reason, tx.Now)
	return err
}

func markRejected(ctx context.Context, tx *db.Tx, id vouchers.PayoutID, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE payouts SET state = 'rejected', return_reason = $2, rejected_at = $3 WHERE id = $1`, id, reason, tx.Now)
	return err
}

// sentIn reads the payouts of the file that bears a message id.
func sentIn(ctx context.Context, tx *db.Tx, message string) ([]sepa.Ordered, error) {
	var all []sepa.Ordered
	err := tx.Select(ctx, &all, `
		SELECT p.end_to_end, o.name AS payee, p.amount_cents, p.state = 'rejected' AS rejected
		FROM settlements s LEFT JOIN settlement_files f ON f.settlement_id = s.id
		JOIN payouts p ON p.settlement_id = s.id AND p.file_number = COALESCE(f.number, 1)
		JOIN organisations o ON o.id = p.structure_id
		WHERE COALESCE(f.message_id, s.message_id) = $1 AND s.approved_at IS NOT NULL AND p.connected = ''
		UNION ALL
		SELECT t.end_to_end, t.holder, t.amount_cents, t.state = 'rejected'
		FROM settlement_topups t JOIN settlements s ON s.id = t.settlement_id LEFT JOIN settlement_files f ON f.settlement_id = s.id AND f.number = t.file_number
		WHERE COALESCE(f.message_id, s.message_id) = $1 AND s.approved_at IS NOT NULL`, message)
	return all, err
}

func partsOf(ctx context.Context, tx *db.Tx, id vouchers.PayoutID) (map[vouchers.CampaignID]vouchers.Cents, error) {
	return parts(ctx, tx, `SELECT campaign_id, amount_cents FROM payout_parts WHERE payout_id = $1`, id)
}

func parts(ctx context.Context, tx *db.Tx, query string, arg any) (map[vouchers.CampaignID]vouchers.Cents, error) {
	var rows []struct {
		Campaign vouchers.CampaignID `db:"campaign_id"`
		Amount   vouchers.Cents      `db:"amount_cents"`
	}
	err := tx.Select(ctx, &rows, query, arg)
	parts := make(map[vouchers.CampaignID]vouchers.Cents, len(rows))
	for _, r := range rows {
		parts[r.Campaign] = r.Amount
	}
	return parts, err
}

// windows are the redemptions that a payout pays: its own, and those of the payouts
// that came back into it, directly or through another that came back too.
func windows(ctx context.Context, tx *db.Tx, id vouchers.PayoutID) ([]redemption.Window, error) {
	var all []redemption.Window
	err := tx.Select(ctx, &all, `
		WITH RECURSIVE paid AS (
			SELECT p.id, p.after_id, p.up_to_id FROM payouts p WHERE p.id = $1
			UNION ALL
			SELECT q.id, q.after_id, q.up_to_id FROM payouts q JOIN paid ON q.reissued_in = paid.id)
		SELECT after_id, up_to_id FROM paid ORDER BY after_id, up_to_id`, id)
	return all, err
}

package settlement

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// filesSent are files as f, f.message naming one. A settlement that an older program has closed
// has no row for its only file.
const filesSent = `
	(SELECT s.id, COALESCE(f.number, 1) AS number, COALESCE(f.message_id, s.message_id) AS message
	 FROM settlements s LEFT JOIN settlement_files f ON f.settlement_id = s.id
	 WHERE s.approved_at IS NOT NULL AND s.cancelled_at IS NULL) AS f`

// transfersOfFiles joins files with what the bank is to pay by them: payouts, and the one
// transfer to Stripe for those that go through it.
const transfersOfFiles = filesSent + `
	JOIN (SELECT settlement_id, file_number, amount_cents, state FROM payouts WHERE connected = ''
	      UNION ALL SELECT settlement_id, file_number, amount_cents, state FROM settlement_topups) AS p
		ON p.settlement_id = f.id AND p.file_number = f.number `

// payoutsOfFiles joins files with their payouts.
const payoutsOfFiles = filesSent + `
	JOIN payouts p ON p.settlement_id = f.id AND p.file_number = f.number `

// selectMismatches lists the files whose debit, one sum, waits for a person because it is not
// what they come to.
const selectMismatches = `
	SELECT s.id AS settlement_id, COALESCE(f.number, 1) AS number
	FROM bank_cases k JOIN statement_lines l ON l.id = k.line_id
	JOIN settlements s LEFT JOIN settlement_files f ON f.settlement_id = s.id ON COALESCE(f.message_id, s.message_id) = l.end_to_end
	WHERE k.kind = 'batch_mismatch' AND k.decision IS NULL`

func filesNamed(ctx context.Context, tx *db.Tx, names []string) ([]string, error) {
	var found []string
	err := tx.Select(ctx, &found, `SELECT DISTINCT f.message FROM `+payoutsOfFiles+`WHERE f.message = ANY ($1)`, db.Array(names))
	return found, err
}

// openPayout is a payout in transit, or the transfer to Stripe for several, as far as a file's
// sum needs it.
type openPayout struct {
	ID         vouchers.PayoutID     `db:"id"`            // 0 for the transfer to Stripe
	Settlement vouchers.SettlementID `db:"settlement_id"` // one for all payouts of a file
	EndToEnd   string                `db:"end_to_end"`
	Amount     vouchers.Cents        `db:"amount_cents"`
	topUp      *TopUp                // nil for a payout
}

// lockOpen locks the payouts of a file that are in transit, in the order of their ids. One
// whose state somebody else has changed meanwhile is not among them.
func lockOpen(ctx context.Context, tx *db.Tx, file string) ([]openPayout, error) {
	var all []openPayout
	err := tx.Select(ctx, &all, `
		SELECT p.id, p.settlement_id, p.end_to_end, p.amount_cents FROM `+payoutsOfFiles+`
		WHERE f.message = $1 AND p.state = 'in_transit' AND p.connected = '' ORDER BY p.id FOR UPDATE OF p`, file)
	return all, err
}

func openIn(ctx context.Context, tx *db.Tx, files []string) ([]sepa.UnderWay, error) {
	var all []sepa.UnderWay
	err := tx.Select(ctx, &all, `
		SELECT f.message AS message_id, f.id AS settlement_id, count(*) FILTER (WHERE p.state = 'in_transit') AS count,
			COALESCE(sum(p.amount_cents) FILTER (WHERE p.state = 'in_transit'), 0)::bigint AS amount_cents
		FROM `+transfersOfFiles+`WHERE f.message = ANY ($1) GROUP BY f.message, f.id`, db.Array(files))
	return all, err
}

func bookMany(ctx context.Context, tx *db.Tx, ids []int64, b sepa.Batch) error {
	_, err := tx.Exec(ctx, `
		UPDATE payouts SET state = 'booked', booked_on = $2, batch_line = $3 WHERE id = ANY ($1)`, db.Array(ids), b.On, b.Line)
	return err
}

func partsOfMany(ctx context.Context, tx *db.Tx, ids []int64) (map[vouchers.PayoutID]map[vouchers.CampaignID]vouchers.Cents, error) {
	var rows []struct {
		Payout   vouchers.PayoutID   `db:"payout_id"`
		Campaign vouchers.CampaignID `db:"campaign_id"`
		Amount   vouchers.Cents      `db:"amount_cents"`
	}
	err := tx.Select(ctx, &rows, `SELECT payout_id, campaign_id, amount_cents FROM payout_parts WHERE payout_id = ANY ($1)`, db.Array(ids))
	parts := make(map[vouchers.PayoutID]map[vouchers.CampaignID]vouchers.Cents, len(ids))
	for _, r := range rows {
		if parts[r.Payout] == nil {
			parts[r.Payout] = map[vouchers.CampaignID]vouchers.Cents{}
		}
		parts[r.Payout][r.Campaign] = r.Amount
	}
	return parts, err
}

// bookedPayout is one that a file's sum has booked, and where its structure is told so.
type bookedPayout struct {
	Payout
	Email string `db:"email"`
}

func bookedBy(ctx context.Context, tx *db.Tx, line int64, after vouchers.PayoutID) ([]bookedPayout, error) {
	var all []bookedPayout
	err := tx.Select(ctx, &all, `
		SELECT p.*, o.email FROM (`+selectPayouts+`WHERE p.batch_line = $1 AND p.id > $2 ORDER BY p.id LIMIT $3) AS p
		JOIN organisations o ON o.id = p.structure_id ORDER BY p.id`, line, after, tellAtOnce)
	for i := range all {
		all[i].show()
	}
	return all, err
}

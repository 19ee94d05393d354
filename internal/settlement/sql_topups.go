package settlement

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

const selectTopUps = `
	SELECT t.id, t.settlement_id, t.amount_cents, t.end_to_end, t.state, t.booked_on, t.topup IS NOT NULL AS arrived, t.file_number,
		s.approved_at IS NOT NULL AS approved, t.holder, t.iban, t.bic, t.town, t.country, t.reference
	FROM settlement_topups t JOIN settlements s ON s.id = t.settlement_id `

func topUp(ctx context.Context, tx *db.Tx, where string, arg any) (t TopUp, found bool, err error) {
	err = tx.Get(ctx, &t, selectTopUps+where, arg)
	if errors.Is(err, db.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

// topUpOf is the top-up of a settlement, nil where nothing of it goes through Stripe.
func topUpOf(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) (*TopUp, error) {
	t, found, err := topUp(ctx, tx, `WHERE t.settlement_id = $1`, id)
	if err != nil || !found {
		return nil, err
	}
	return &t, nil
}

// lockTopUp locks the top-up of a name, behind the ledger's gate as payouts are.
func lockTopUp(ctx context.Context, tx *db.Tx, name string) (TopUp, bool, error) {
	if err := ledger.Enter(ctx, tx); err != nil {
		return TopUp{}, false, err
	}
	if _, err := tx.Exec(ctx, `SELECT id FROM settlement_topups WHERE end_to_end = $1 FOR UPDATE`, name); err != nil {
		return TopUp{}, false, err
	}
	return topUp(ctx, tx, `WHERE t.end_to_end = $1`, name)
}

func insertTopUp(ctx context.Context, tx *db.Tx, t TopUp) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO settlement_topups (settlement_id, file_number, amount_cents, end_to_end, holder, iban, bic, town, country, reference, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'in_transit')`,
		t.Settlement, t.File, t.Amount, t.EndToEnd, t.Holder, t.IBAN.Full(), t.BIC, t.Town, t.Country, t.Reference)
	return err
}

// topUpParts are what the payouts of a settlement that go through Stripe come to, by campaign.
func topUpParts(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) (map[vouchers.CampaignID]vouchers.Cents, error) {
	return parts(ctx, tx, `
		SELECT q.campaign_id, sum(q.amount_cents)::bigint AS amount_cents FROM payouts p JOIN payout_parts q ON q.payout_id = p.id
		WHERE p.settlement_id = $1 AND p.connected <> '' GROUP BY q.campaign_id`, id)
}

// bookedTopUp notes that the bank has sent a top-up; line is its file's one debit, 0 for a debit
// of its own.
func bookedTopUp(ctx context.Context, tx *db.Tx, id int64, on vouchers.Day, line int64) error {
	_, err := tx.Exec(ctx, `UPDATE settlement_topups SET state = 'booked', booked_on = $2, batch_line = NULLIF($3::bigint, 0) WHERE id = $1`, id, on, line)
	return err
}

// lockTopUpIn locks the top-up of a file that is in transit; nil where there is none.
func lockTopUpIn(ctx context.Context, tx *db.Tx, file string) (*TopUp, error) {
	var names []string
	err := tx.Select(ctx, &names, `
		SELECT t.end_to_end FROM settlement_topups t JOIN settlement_files f ON f.settlement_id = t.settlement_id AND f.number = t.file_number
		WHERE f.message_id = $1`, file)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	t, found, err := lockTopUp(ctx, tx, names[0])
	if err != nil || !found || t.State != InTransit {
		return nil, err
	}
	return &t, nil
}

func endTopUp(ctx context.Context, tx *db.Tx, id int64, state string) error {
	_, err := tx.Exec(ctx, `UPDATE settlement_topups SET state = $2 WHERE id = $1`, id, state)
	return err
}

// MatchTopUp notes that the money of a settlement's payouts has arrived at Stripe, which knows
// it by an id: of the transfers of that amount that the bank has booked and that have not arrived,
// the oldest. Where there is none, the money is for something else.
func MatchTopUp(ctx context.Context, tx *db.Tx, id string, amount vouchers.Cents) error {
	_, err := tx.Exec(ctx, `
		UPDATE settlement_topups SET topup = $1
		WHERE id = (SELECT id FROM settlement_topups WHERE state = 'booked' AND topup IS NULL AND amount_cents = $2 ORDER BY id LIMIT 1 FOR UPDATE)
			AND NOT EXISTS (SELECT 1 FROM settlement_topups WHERE topup = $1)`, id, amount)
	return err
}

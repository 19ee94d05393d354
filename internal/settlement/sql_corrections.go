package settlement

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// moneyOf sums a redemption and its adjustments by what became of the payouts that took
// them, directly or through others that paid them again.
func moneyOf(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) (standing, error) {
	var s standing
	err := tx.Get(ctx, &s, `
		WITH RECURSIVE items (amount, payout_id) AS (
			SELECT r.amount_cents, (SELECT p.id FROM payouts p WHERE p.structure_id = r.structure_id AND p.after_id < r.id AND p.up_to_id >= r.id)
			FROM redemptions r WHERE r.id = $1
			UNION ALL
			SELECT a.amount_cents, a.payout_id FROM adjustments a WHERE a.redemption_id = $1),
		ends (amount, payout_id) AS (
			SELECT amount, payout_id FROM items
			UNION ALL
			SELECT e.amount, p.reissued_in FROM ends e JOIN payouts p ON p.id = e.payout_id WHERE p.reissued_in IS NOT NULL)
		SELECT COALESCE(sum(e.amount) FILTER (WHERE p.state IN ('in_transit', 'booked')), 0)::bigint AS paid,
			COALESCE(sum(e.amount) FILTER (WHERE p.id IS NULL OR p.state NOT IN ('in_transit', 'booked')), 0)::bigint AS waiting,
			(SELECT COALESCE(-sum(amount_cents), 0)::bigint FROM adjustments WHERE redemption_id = $1) AS withheld
		FROM ends e LEFT JOIN payouts p ON p.id = e.payout_id WHERE p.reissued_in IS NULL`, id)
	return s, err
}

// adjustment is what changes, of one campaign, what a structure is owed.
type adjustment struct {
	Structure vouchers.OrganisationID `db:"structure_id"`
	AfterID   vouchers.RedemptionID   `db:"after_id"` // end of the structure's last payout
	Campaign  vouchers.CampaignID     `db:"campaign_id"`
	Amount    vouchers.Cents          `db:"amount_cents"`
}

// waitingAdjustments are those that no payout has taken.
func waitingAdjustments(ctx context.Context, tx *db.Tx) ([]adjustment, error) {
	var all []adjustment
	err := tx.Select(ctx, &all, `
		SELECT a.structure_id, a.campaign_id, sum(a.amount_cents)::bigint AS amount_cents,
			COALESCE((SELECT p.up_to_id FROM payouts p WHERE p.structure_id = a.structure_id ORDER BY p.id DESC LIMIT 1), 0) AS after_id
		FROM adjustments a WHERE a.payout_id IS NULL GROUP BY a.structure_id, a.campaign_id ORDER BY a.structure_id, a.campaign_id`)
	return all, err
}

func adjust(ctx context.Context, tx *db.Tx, actor identity.Actor, s standing, kind AdjustmentKind) (int64, error) {
	amount := s.Amount
	if kind == Withheld {
		amount = -amount
	}
	var id int64
	err := tx.Get(ctx, &id, `
		INSERT INTO adjustments (structure_id, campaign_id, kind, amount_cents, redemption_id, made_at, made_by)
		VALUES ($1, $2, $3, $4, $5, $6, NULLIF($7::bigint, 0)) RETURNING id`,
		s.Structure, s.Campaign, kind, amount, s.ID, tx.Now, actor.Person)
	return id, err
}

func insertNetting(ctx context.Context, tx *db.Tx, n netting) (int64, error) {
	var id int64
	err := tx.Get(ctx, &id, `
		INSERT INTO adjustments (structure_id, campaign_id, kind, amount_cents, debt_id, made_at)
		VALUES ($1, $2, 'netted', $3, $4, $5) RETURNING id`, n.debt.Structure, n.from, -n.amount, n.debt.ID, tx.Now)
	return id, err
}

// markTaken gives all that waits for structures to their payouts.
func markTaken(ctx context.Context, tx *db.Tx, payouts map[vouchers.OrganisationID]vouchers.PayoutID) error {
	var structures, ids []int64
	for structure, payout := range payouts {
		structures, ids = append(structures, int64(structure)), append(ids, int64(payout))
	}
	_, err := tx.Exec(ctx, `
		UPDATE adjustments a SET payout_id = u.payout_id FROM unnest($1::bigint[], $2::bigint[]) AS u(structure_id, payout_id)
		WHERE a.structure_id = u.structure_id AND a.payout_id IS NULL`, db.Array(structures), db.Array(ids))
	return err
}

func insertCorrection(ctx context.Context, tx *db.Tx, actor identity.Actor, c Correction, reason string) (int64, error) {
	var id int64
	err := tx.Get(ctx, &id, `
		INSERT INTO corrections (redemption_id, structure_id, campaign_id, amount_cents, outcome, reason, made_at, made_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
		c.Redemption, c.Structure, c.Campaign, c.Amount, c.Outcome, reason, tx.Now, actor.Person)
	return id, err
}

// complainedOf are structures' redemptions about which a complaint is open.
func complainedOf(ctx context.Context, tx *db.Tx, structures []vouchers.OrganisationID) ([]vouchers.RedemptionID, error) {
	var ids []vouchers.RedemptionID
	err := tx.Select(ctx, &ids, `
		SELECT redemption_id FROM complaints WHERE structure_id = ANY ($1) AND state = 'open' ORDER BY redemption_id`, db.Array(structures))
	return ids, err
}

// leftOfDebt is what is left of debt d: not taken, repaid or forgiven.
const leftOfDebt = `(d.amount_cents
	+ COALESCE((SELECT sum(a.amount_cents) FROM adjustments a WHERE a.debt_id = d.id), 0)
	- COALESCE((SELECT sum(p.amount_cents) FROM debt_repayments p WHERE p.debt_id = d.id AND p.note_id IS NOT NULL), 0)
	- COALESCE((SELECT sum(q.amount_cents) FROM correction_requests q WHERE q.debt_id = d.id AND q.state = 'approved'), 0))::bigint`

// owedCampaigns are those that lack something of what structures owed.
func owedCampaigns(ctx context.Context, tx *db.Tx) ([]int64, error) {
	ids := []int64{}
	err := tx.Select(ctx, &ids, `
		SELECT DISTINCT d.campaign_id FROM corrections d WHERE d.outcome = 'debt' AND d.amount_cents > COALESCE((SELECT -sum(a.amount_cents) FROM adjustments a WHERE a.debt_id = d.id), 0)
			+ COALESCE((SELECT sum(p.amount_cents) FROM debt_repayments p WHERE p.debt_id = d.id), 0)
		ORDER BY d.campaign_id`)
	return ids, err
}

// openDebts are those of the campaigns, the oldest first; of all campaigns where none are
// given.
func openDebts(ctx context.Context, tx *db.Tx, campaigns []int64) ([]owedBack, error) {
	var all []owedBack
	if campaigns != nil && len(campaigns) == 0 {
		return nil, nil // the usual case, while nobody may redeem
	}
	err := tx.Select(ctx, &all, `
		SELECT id, structure_id, campaign_id, left_cents
		FROM (SELECT d.id, d.structure_id, d.campaign_id, `+leftOfDebt+` AS left_cents FROM corrections d
		      WHERE d.outcome = 'debt' AND ($1::bigint[] IS NULL OR d.campaign_id = ANY ($1))) AS open
		WHERE left_cents > 0 ORDER BY id`, db.Array(campaigns))
	return all, err
}

// adjustedIn are the adjustments of a payout and of those that came back into it. What was
// withheld and let go in it is not told.
func adjustedIn(ctx context.Context, tx *db.Tx, id vouchers.PayoutID) ([]documents.Adjusted, error) {
	var all []documents.Adjusted
	err := tx.Select(ctx, &all, `
		WITH RECURSIVE paid AS (
			SELECT p.id FROM payouts p WHERE p.id = $1
			UNION ALL
			SELECT q.id FROM payouts q JOIN paid ON q.reissued_in = paid.id),
		taken AS (SELECT * FROM adjustments WHERE payout_id IN (SELECT id FROM paid))
		SELECT CASE WHEN t.amount > 0 THEN 'released' ELSE 'withheld' END AS kind, r.at, p.name AS place, r.booklet_id::text AS booklet, t.amount
		FROM (SELECT redemption_id, sum(amount_cents)::bigint AS amount FROM taken WHERE redemption_id IS NOT NULL GROUP BY redemption_id) AS t
		JOIN redemptions r ON r.id = t.redemption_id JOIN places p ON p.id = r.place_id
		WHERE t.amount <> 0
		UNION ALL
		SELECT 'netted', r.at, p.name, r.booklet_id::text, sum(t.amount_cents)::bigint
		FROM taken t JOIN corrections d ON d.id = t.debt_id JOIN redemptions r ON r.id = d.redemption_id JOIN places p ON p.id = r.place_id
		GROUP BY d.id, r.at, p.name, r.booklet_id
		ORDER BY kind, at`, id)
	return all, err
}

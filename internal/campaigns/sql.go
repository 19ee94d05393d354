package campaigns

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

const selectCampaigns = `
	SELECT c.id, c.funder_id, o.name AS funder_name, c.created_at, c.closed_at, c.name, c.face_cents, c.booklet_size, c.starts_on, c.ends_on,
		c.tolerance_days, c.price_cap, c.no_show, c.themes, c.communes, c.epcis, c.departements, c.accepted_labels
	FROM campaigns c JOIN organisations o ON o.id = c.funder_id `

type row struct {
	ID            vouchers.CampaignID     `db:"id"`
	Funder        vouchers.OrganisationID `db:"funder_id"`
	FunderName    string                  `db:"funder_name"`
	CreatedAt     time.Time               `db:"created_at"`
	ClosedAt      *time.Time              `db:"closed_at"`
	Name          string                  `db:"name"`
	Face          vouchers.Cents          `db:"face_cents"`
	BookletSize   int                     `db:"booklet_size"`
	StartsOn      vouchers.Day            `db:"starts_on"`
	EndsOn        vouchers.Day            `db:"ends_on"`
	ToleranceDays int                     `db:"tolerance_days"`
	PriceCap      int                     `db:"price_cap"`
	NoShow        NoShow                  `db:"no_show"`
	Themes        db.Strings              `db:"themes"`
	Communes      db.Strings              `db:"communes"`
	EPCIs         db.Strings              `db:"epcis"`
	Departements  db.Strings              `db:"departements"`
	Labels        db.Strings              `db:"accepted_labels"`
}

func (r row) campaign() Campaign {
	return Campaign{ID: r.ID, Funder: r.Funder, FunderName: r.FunderName, CreatedAt: r.CreatedAt, ClosedAt: r.ClosedAt, Rules: Rules{
		Name: r.Name, Face: r.Face, BookletSize: r.BookletSize, StartsOn: r.StartsOn, EndsOn: r.EndsOn,
		ToleranceDays: r.ToleranceDays, PriceCap: r.PriceCap, NoShow: r.NoShow, Themes: r.Themes,
		Communes: r.Communes, EPCIs: r.EPCIs, Departements: r.Departements, Labels: r.Labels}}
}

func insert(ctx context.Context, tx *db.Tx, actor identity.Actor, r Rules) (vouchers.CampaignID, error) {
	var id vouchers.CampaignID
	err := tx.Get(ctx, &id, `
		INSERT INTO campaigns (funder_id, name, face_cents, booklet_size, starts_on, ends_on, tolerance_days, price_cap,
			no_show, themes, communes, epcis, departements, accepted_labels, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id`,
		actor.Organisation, r.Name, r.Face, r.BookletSize, r.StartsOn, r.EndsOn, r.ToleranceDays, r.PriceCap,
		r.NoShow, db.Array(r.Themes), db.Array(r.Communes), db.Array(r.EPCIs), db.Array(r.Departements), db.Array(r.Labels), tx.Now, actor.Person)
	return id, err
}

// unknownLabel is the first that is no kind of label, and that no place says it has; "" for none.
func unknownLabel(ctx context.Context, tx *db.Tx, labels []string) (string, error) {
	var unknown string
	err := tx.Get(ctx, &unknown, `
		SELECT COALESCE(min(u.label), '') FROM unnest($1::text[]) AS u(label)
		WHERE NOT EXISTS (SELECT 1 FROM label_kinds WHERE code = u.label)
			AND NOT EXISTS (SELECT 1 FROM places WHERE programmes @> ARRAY[u.label] OR trainings @> ARRAY[u.label])`, db.Array(labels))
	return unknown, err
}

// list returns the campaigns that a funder leads or shares; all of them for funder 0.
func list(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) ([]Campaign, error) {
	var rows []row
	err := tx.Select(ctx, &rows, selectCampaigns+`
		WHERE $1 = 0 OR c.funder_id = $1 OR c.id IN (SELECT campaign_id FROM campaign_shares WHERE funder_id = $1)
		ORDER BY c.id DESC`, funder)
	all := make([]Campaign, len(rows))
	for i, r := range rows {
		all[i] = r.campaign()
	}
	return all, err
}

func isShared(ctx context.Context, tx *db.Tx, id vouchers.CampaignID, funder vouchers.OrganisationID) (shared bool, err error) {
	err = tx.Get(ctx, &shared, `SELECT EXISTS (SELECT FROM campaign_shares WHERE campaign_id = $1 AND funder_id = $2)`, id, funder)
	return shared, err
}

// lockAsPayer keeps lockShares and other payers waiting until the end of tx: of two first
// orders one gives the campaign its plan.
func lockAsPayer(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) error {
	_, err := tx.Exec(ctx, `SELECT id FROM campaigns WHERE id = $1 FOR NO KEY UPDATE`, id)
	return err
}

// lockShares waits for orders that are being placed, and keeps others waiting.
func lockShares(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) error {
	_, err := tx.Exec(ctx, `SELECT id FROM campaigns WHERE id = $1 FOR UPDATE`, id)
	return err
}

func shares(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]Share, error) {
	var all []Share
	err := tx.Select(ctx, &all, `
		SELECT funder_id, kind, percent_bp, ceiling_cents FROM campaign_shares WHERE campaign_id = $1 ORDER BY funder_id`, id)
	return all, err
}

func replaceShares(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.CampaignID, all []Share) error {
	if _, err := tx.Exec(ctx, `DELETE FROM campaign_shares WHERE campaign_id = $1`, id); err != nil {
		return err
	}
	for _, s := range all {
		_, err := tx.Exec(ctx, `
			INSERT INTO campaign_shares (campaign_id, funder_id, kind, percent_bp, ceiling_cents, agreed_at, agreed_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, id, s.Funder, s.Kind, s.PercentBP, s.Ceiling, tx.Now, actor.Person)
		if err != nil {
			return err
		}
	}
	return nil
}

// SharesSettled tells whether a campaign's shares can no longer be changed: somebody else
// than its lead has ordered, or it is closed.
func SharesSettled(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) (settled bool, err error) {
	err = tx.Get(ctx, &settled, `
		SELECT c.closed_at IS NOT NULL OR EXISTS (SELECT FROM orders o WHERE o.campaign_id = c.id AND o.funder_id <> c.funder_id)
		FROM campaigns c WHERE c.id = $1`, id)
	return settled, err
}

package closing

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// dueCampaigns are those that are over and not closed, and those into whose funds money
// has come back since.
func dueCampaigns(ctx context.Context, tx *db.Tx, today vouchers.Day) ([]vouchers.CampaignID, error) {
	var due []vouchers.CampaignID
	err := tx.Select(ctx, &due, `
		SELECT c.id FROM campaigns c
		WHERE c.closed_at IS NULL AND c.ends_on + c.tolerance_days < $1
			OR c.closed_at IS NOT NULL AND EXISTS (
				SELECT 1 FROM guarded_balances g WHERE g.account = 'campaign:' || c.id || ':funds' AND g.balance > 0)
		ORDER BY c.id`, today.AddDays(-undoDays))
	return due, err
}

// funders are those who have paid for a campaign or have agreed to, in the order of their
// ids, with what is in the campaign of what each has paid: what was taken back is not, and
// what became a debt still is.
func funders(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]Part, error) {
	var parts []Part
	err := tx.Select(ctx, &parts, `
		SELECT f.id AS funder_id, f.name, f.email, m.paid,
			(SELECT COALESCE(sum(p.funds_cents + p.unused_cents), 0)::bigint FROM closings k JOIN closing_parts p ON p.closing_id = k.id
			 WHERE k.campaign_id = $1 AND p.funder_id = f.id) AS given
		FROM organisations f
		CROSS JOIN LATERAL (SELECT COALESCE(sum(q.funds_cents), 0)::bigint AS paid FROM (
			SELECT r.funds_cents FROM receipts r JOIN orders o ON o.id = r.order_id WHERE o.campaign_id = $1 AND o.funder_id = f.id
			UNION ALL
			SELECT -t.funds_cents FROM takebacks t JOIN orders o ON o.id = t.order_id
			WHERE o.campaign_id = $1 AND o.funder_id = f.id AND t.undone_at IS NULL) AS q) AS m
		WHERE f.id IN (SELECT funder_id FROM campaigns WHERE id = $1
			UNION SELECT funder_id FROM campaign_shares WHERE campaign_id = $1
			UNION SELECT funder_id FROM orders WHERE campaign_id = $1)
		ORDER BY f.id`, id)
	return parts, err
}

func keepClosing(ctx context.Context, tx *db.Tx, actor identity.Actor, c Closing) error {
	n := len(c.Parts)
	ids, paid, used := make([]int64, n), make([]int64, n), make([]int64, n)
	funds, unused := make([]int64, n), make([]int64, n)
	for i, p := range c.Parts {
		ids[i], paid[i], used[i] = int64(p.Funder), int64(p.Paid), int64(p.Used)
		funds[i], unused[i] = int64(p.FromFunds), int64(p.FromUnused)
	}
	_, err := tx.Exec(ctx, `
		WITH made AS (
			INSERT INTO closings (campaign_id, used_cents, funds_cents, unused_cents, closed_at, closed_by)
			VALUES ($1, $2, $3, $4, $5, NULLIF($6::bigint, 0)) RETURNING id)
		INSERT INTO closing_parts (closing_id, funder_id, paid_cents, used_cents, funds_cents, unused_cents)
		SELECT made.id, u.funder_id, u.paid, u.used, u.funds, u.unused
		FROM made, unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[]) AS u(funder_id, paid, used, funds, unused)`,
		c.Campaign, c.Used, c.Funds, c.Unused, c.ClosedAt, actor.Person,
		db.Array(ids), db.Array(paid), db.Array(used), db.Array(funds), db.Array(unused))
	return err
}

func keepExtension(ctx context.Context, tx *db.Tx, actor identity.Actor, e Extension) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO campaign_extensions (campaign_id, from_on, until_on, booklets, vouchers, value_cents, signed_name, decided_at, decided_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.Campaign, e.From, e.Until, e.Booklets, e.Vouchers, e.Value, e.SignedBy, e.DecidedAt, actor.Person)
	return err
}

func extensions(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]Extension, error) {
	all := []Extension{}
	err := tx.Select(ctx, &all, `
		SELECT x.campaign_id, x.from_on, x.until_on, x.until_on + c.tolerance_days AS last_day, x.booklets, x.vouchers, x.value_cents,
			x.signed_name, x.decided_at
		FROM campaign_extensions x JOIN campaigns c ON c.id = x.campaign_id WHERE x.campaign_id = $1 ORDER BY x.id`, id)
	return all, err
}

// Counters are a campaign's figures for those who can still do something about them.
type Counters struct {
	Issued     int `json:"issued" db:"issued"`           // vouchers whose cash is there or was
	HandedOver int `json:"handed_over" db:"handed_over"` // of them
	Booklets   int `json:"booklets" db:"booklets"`       // handed over
	Started    int `json:"booklets_first_used" db:"started"`
}

// Waiting is how many vouchers were not handed over.
func (c Counters) Waiting() int { return c.Issued - c.HandedOver }

// Asleep is how many booklets have not served yet.
func (c Counters) Asleep() int { return c.Booklets - c.Started }

const startedSQL = `count(*) FILTER (WHERE EXISTS (SELECT 1 FROM redemptions q WHERE q.booklet_id = k.id AND q.undone_at IS NULL)) AS started`

// countersOf counts a whole campaign; what is in its funds is not handed over.
func countersOf(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) (Counters, error) {
	var c Counters
	err := tx.Get(ctx, &c, `
		SELECT b.handed_over, b.booklets, b.started,
			b.handed_over + COALESCE((SELECT g.balance / c.face_cents FROM guarded_balances g WHERE g.account = 'campaign:' || c.id || ':funds'), 0) AS issued
		FROM campaigns c
		CROSS JOIN LATERAL (SELECT COALESCE(sum(k.vouchers), 0) AS handed_over, count(*) AS booklets, `+startedSQL+`
			FROM booklets k WHERE k.campaign_id = c.id) AS b
		WHERE c.id = $1`, id)
	return c, err
}

// allotted is a prescriber's part of a campaign.
type allotted struct {
	Email string                  `db:"email"`
	Name  string                  `db:"name"`
	ID    vouchers.OrganisationID `db:"prescriber_id"`
	Counters
}

func allottedIn(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]allotted, error) {
	var all []allotted
	err := tx.Select(ctx, &all, `
		SELECT o.email, o.name, a.prescriber_id, a.vouchers AS issued, a.handed_over, b.booklets, b.started
		FROM allocations a JOIN organisations o ON o.id = a.prescriber_id
		CROSS JOIN LATERAL (SELECT count(*) AS booklets, `+startedSQL+` FROM booklets k WHERE k.allocation_id = a.id) AS b
		WHERE a.campaign_id = $1 AND a.vouchers > 0 ORDER BY a.id`, id)
	return all, err
}

// ending are the open campaigns that end from first to last, both included.
func ending(ctx context.Context, tx *db.Tx, first, last vouchers.Day) ([]vouchers.CampaignID, error) {
	var ids []vouchers.CampaignID
	err := tx.Select(ctx, &ids, `
		SELECT id FROM campaigns WHERE closed_at IS NULL AND ends_on BETWEEN $1 AND $2 ORDER BY ends_on, id`, first, last)
	return ids, err
}

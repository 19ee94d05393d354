package continuity

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

func insertExport(ctx context.Context, tx *db.Tx, actor identity.Actor, m Made) (id int64, err error) {
	err = tx.Get(ctx, &id, `
		INSERT INTO continuity_exports (made_at, made_by, folder, transfers_up_to, owed_cents, files, size_bytes, manifest_sha256)
		VALUES ($1, NULLIF($2::bigint, 0), $3, $4, $5, $6, $7, $8) RETURNING id`,
		m.At, actor.Person, m.Folder, m.Transfers, m.Owed, m.Files, m.Size, m.Manifest)
	return id, err
}

func exports(ctx context.Context, tx *db.Tx, most int) ([]Made, error) {
	all := []Made{}
	err := tx.Select(ctx, &all, `
		SELECT e.id, e.made_at, p.name AS made_by, e.folder, e.transfers_up_to, e.owed_cents, e.files, e.size_bytes, e.manifest_sha256
		FROM continuity_exports e LEFT JOIN people p ON p.id = e.made_by ORDER BY e.id DESC LIMIT $1`, most)
	return all, err
}

// JobName names the daily export among periodic jobs.
const JobName = "export continuity"

// dailyProblem is why the last attempt at the daily export failed, "" where it did not.
func dailyProblem(ctx context.Context, tx *db.Tx) (problem string, err error) {
	err = tx.Get(ctx, &problem, `SELECT last_error FROM jobs WHERE kind = $1 ORDER BY id DESC LIMIT 1`, "every:"+JobName)
	if errors.Is(err, db.ErrNoRows) {
		return "", nil
	}
	return problem, err
}

// head is what the manifest says of the whole snapshot.
type head struct {
	Schema    int64 `db:"schema"`
	Transfers int64 `db:"transfers"`
	Sealed    int64 `db:"sealed"`
}

func readHead(ctx context.Context, tx *db.Tx) (head, error) {
	var h head
	err := tx.Get(ctx, &h, `
		SELECT (SELECT max(version_id) FROM goose_db_version WHERE is_applied) AS schema,
			COALESCE((SELECT max(id) FROM transfers), 0) AS transfers, COALESCE((SELECT max(to_id) FROM seals), 0) AS sealed`)
	return h, err
}

// party is a structure that is owed something or has something on its way.
type party struct {
	ID        vouchers.OrganisationID `db:"id"`
	SIRET     string                  `db:"siret"`
	Name      string                  `db:"name"`
	InTransit vouchers.Cents          `db:"in_transit"`
	LastOn    *vouchers.Day           `db:"last_on"` // of the last payout that the bank booked
	LastPaid  vouchers.Cents          `db:"last_paid"`
}

func parties(ctx context.Context, tx *db.Tx, owed []int64) ([]party, error) {
	var all []party
	err := tx.Select(ctx, &all, `
		SELECT o.id, COALESCE(o.siret, '') AS siret, o.name, COALESCE(t.cents, 0)::bigint AS in_transit, l.booked_on AS last_on,
			COALESCE(l.amount_cents, 0) AS last_paid
		FROM organisations o
		LEFT JOIN (SELECT structure_id, sum(amount_cents) AS cents FROM payouts WHERE state = 'in_transit' GROUP BY structure_id) AS t
			ON t.structure_id = o.id
		LEFT JOIN LATERAL (SELECT p.booked_on, p.amount_cents FROM payouts p WHERE p.structure_id = o.id AND p.state = 'booked'
			ORDER BY p.id DESC LIMIT 1) AS l ON true
		WHERE o.kind = 'structure' AND (t.cents > 0 OR o.id = ANY ($1)) ORDER BY o.id`, db.Array(owed))
	return all, err
}

// owedLine is a line of the ledger that is part of what a structure is owed.
type owedLine struct {
	Structure vouchers.OrganisationID `db:"structure_id"`
	Transfer  int64                   `db:"id"`
	Amount    vouchers.Cents          `db:"amount"`
}

// eachOwedLine visits them, by structure and the oldest first: what was redeemed since the
// last payout, and what came back of payouts that nothing pays again.
func eachOwedLine(ctx context.Context, tx *db.Tx, visit func(owedLine) error) error {
	return db.Each(ctx, tx, visit, `
		SELECT structure_id, id, amount FROM (
			SELECT r.structure_id, t.id, t.amount
			FROM (SELECT o.id, COALESCE((SELECT p.up_to_id FROM payouts p WHERE p.structure_id = o.id ORDER BY p.id DESC LIMIT 1), 0) AS after_id
				FROM organisations o WHERE o.kind = 'structure') AS w
			JOIN redemptions r ON r.structure_id = w.id AND r.id > w.after_id AND r.undone_at IS NULL
			JOIN transfers t ON t.event = 'redemption' AND t.cause = r.id
			UNION ALL
			SELECT p.structure_id, t.id, t.amount
			FROM payouts p JOIN transfers t ON t.event IN ('payout_returned', 'payout_rejected', 'connect_returned') AND t.cause = p.id
				AND t.credit = 'structure:' || p.structure_id || ':payable'
			WHERE p.state IN ('returned', 'rejected') AND p.reissued_in IS NULL) AS lines
		ORDER BY structure_id, id`)
}

// onTheWay is money that was ordered from the bank and is not on its statement.
type onTheWay struct {
	What     string                  `db:"what"`          // versement, remboursement
	Ordered  vouchers.SettlementID   `db:"settlement_id"` // that ordered it; 0 for a refund
	To       vouchers.OrganisationID `db:"to_id"`
	SIRET    string                  `db:"siret"`
	Name     string                  `db:"name"`
	File     string                  `db:"message_id"`
	EndToEnd string                  `db:"end_to_end"`
	On       vouchers.Day            `db:"execution_on"`
	Sent     string                  `db:"sent"` // whether the bank has the file: oui, peut-être (it was fetched), non
	Amount   vouchers.Cents          `db:"amount_cents"`
	AtStripe string                  `db:"at_stripe"` // how far a payout is that goes through Stripe; "" for one that does not
}

func allOnTheWay(ctx context.Context, tx *db.Tx) ([]onTheWay, error) {
	var all []onTheWay
	err := tx.Select(ctx, &all, `
		SELECT 'versement' AS what, s.id AS settlement_id, o.id AS to_id, COALESCE(o.siret, '') AS siret, o.name, COALESCE(f.message_id, s.message_id) AS message_id, p.end_to_end, s.execution_on,
			CASE WHEN s.sent_at IS NOT NULL THEN 'oui' WHEN s.taken_at IS NOT NULL THEN 'peut-être' ELSE 'non' END AS sent, p.amount_cents,
			CASE WHEN p.connected = '' THEN '' WHEN t.state <> 'booked' THEN 'pas encore' WHEN k.state IS NULL OR k.state IN ('waiting', 'asked')
				THEN 'solde de l’opérateur' ELSE 'compte ' || p.connected END AS at_stripe
		FROM payouts p JOIN settlements s ON s.id = p.settlement_id JOIN organisations o ON o.id = p.structure_id
		LEFT JOIN settlement_topups t ON t.settlement_id = p.settlement_id LEFT JOIN connect_transfers k ON k.payout_id = p.id
		LEFT JOIN settlement_files f ON f.settlement_id = s.id AND f.number = p.file_number WHERE p.state = 'in_transit'
		UNION ALL
		SELECT 'remboursement', 0, COALESCE(o.id, 0), COALESCE(o.siret, ''), COALESCE(o.name, r.holder), f.message_id, r.end_to_end, f.execution_on, 'peut-être', r.amount_cents, ''
		FROM refunds r JOIN refund_files f ON f.id = r.file_id LEFT JOIN organisations o ON o.id = r.funder_id WHERE r.state = 'ordered'
		ORDER BY 1 DESC, 2, 6, 7`)
	return all, err
}

// account is where somebody is paid.
type account struct {
	Kind     string                  `db:"kind"` // structure, financeur
	Of       vouchers.OrganisationID `db:"id"`
	SIRET    string                  `db:"siret"`
	Name     string                  `db:"name"`
	InForce  bool                    `db:"in_force"` // else it was given, and nobody has verified it yet
	Holder   string                  `db:"holder"`
	IBAN     sepa.IBAN               `db:"iban"`
	BIC      string                  `db:"bic"`
	Street   string                  `db:"street"`
	Postcode string                  `db:"postcode"`
	Town     string                  `db:"town"`
	Email    string                  `db:"email"`
}

// eachAccount visits the accounts in force at tx.Now and those that wait, of structures, and
// those of funders that were verified.
func eachAccount(ctx context.Context, tx *db.Tx, visit func(account) error) error {
	return db.Each(ctx, tx, visit, `
		SELECT 'structure' AS kind, o.id, COALESCE(o.siret, '') AS siret, o.name, (b.in_force_at IS NOT NULL AND b.in_force_at <= $1) AS in_force,
			b.holder, b.iban, b.bic, o.street, o.postcode, o.town, o.email
		FROM bank_details b JOIN organisations o ON o.id = b.structure_id
		WHERE b.ended_at IS NULL AND (b.replaced_at IS NULL OR b.replaced_at > $1)
		UNION ALL
		SELECT 'financeur', o.id, COALESCE(o.siret, ''), o.name, true, a.holder, a.iban, a.bic, o.street, o.postcode, o.town, o.email
		FROM funder_accounts a JOIN organisations o ON o.id = a.funder_id WHERE a.verified_at IS NOT NULL AND a.replaced_at IS NULL
		ORDER BY 1 DESC, 2, 5 DESC`, tx.Now)
}

// booklet is one that has something left.
type booklet struct {
	Funder     string              `db:"funder"`
	SIRET      string              `db:"siret"`
	Campaign   vouchers.CampaignID `db:"campaign_id"`
	Name       string              `db:"campaign"`
	ID         vouchers.BookletID  `db:"id"`
	Prescriber string              `db:"prescriber"`
	HandedOver time.Time           `db:"handed_over_at"`
	Vouchers   int                 `db:"vouchers"`
	Live       int                 `db:"live"`
	Frozen     int                 `db:"frozen"`
	Face       vouchers.Cents      `db:"face_cents"`
	From       vouchers.Day        `db:"from_on"`
	Until      vouchers.Day        `db:"until_on"`
	Tolerance  int                 `db:"tolerance_days"`
}

// eachBooklet visits them by funder, campaign and number.
func eachBooklet(ctx context.Context, tx *db.Tx, visit func(booklet) error) error {
	return db.Each(ctx, tx, visit, `
		SELECT f.name AS funder, COALESCE(f.siret, '') AS siret, c.id AS campaign_id, c.name AS campaign, b.id, p.name AS prescriber, b.handed_over_at,
			b.vouchers, v.live, v.frozen, b.face_cents, b.from_on, b.until_on, c.tolerance_days
		FROM (SELECT booklet_id, count(*) FILTER (WHERE state = 'live') AS live, count(*) FILTER (WHERE state = 'frozen') AS frozen
			FROM vouchers WHERE state IN ('live', 'frozen') GROUP BY booklet_id) AS v
		JOIN booklets b ON b.id = v.booklet_id JOIN campaigns c ON c.id = b.campaign_id
		JOIN organisations f ON f.id = c.funder_id JOIN organisations p ON p.id = b.prescriber_id
		ORDER BY f.id, c.id, b.id`)
}

// name is a name of an organisation or a campaign.
type name struct {
	ID     int64  `db:"id"`
	Funder int64  `db:"funder_id"` // of a campaign
	SIRET  string `db:"siret"`
	Name   string `db:"name"`
}

func campaignNames(ctx context.Context, tx *db.Tx) ([]name, error) {
	var all []name
	err := tx.Select(ctx, &all, `SELECT id, funder_id, '' AS siret, name FROM campaigns ORDER BY id`)
	return all, err
}

func funderNames(ctx context.Context, tx *db.Tx) ([]name, error) {
	var all []name
	err := tx.Select(ctx, &all, `SELECT id, 0 AS funder_id, COALESCE(siret, '') AS siret, name FROM organisations WHERE kind = 'funder' ORDER BY id`)
	return all, err
}

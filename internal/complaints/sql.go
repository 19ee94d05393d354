package complaints

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// row is a complaint with what only the room knows of it.
type row struct {
	Complaint
	Organisation   vouchers.OrganisationID `db:"organisation_id"`
	Opener         vouchers.PersonID       `db:"opened_by"`
	Prescriber     vouchers.OrganisationID `db:"prescriber_id"`
	StructureEmail string                  `db:"structure_email"`
}

func (r row) complaint() Complaint {
	c := r.Complaint
	c.organisation, c.opener, c.prescriber, c.structureEmail = r.Organisation, r.Opener, r.Prescriber, r.StructureEmail
	return c
}

const selectComplaints = `
	SELECT c.id, c.redemption_id, r.at AS redeemed_at, r.booklet_id, p.name AS place_name, r.theme, r.vouchers, r.amount_cents, c.structure_id,
		o.name AS structure_name, o.email AS structure_email, c.campaign_id, k.name AS campaign_name, c.opened_as, c.opened_at, c.cause, c.words,
		c.email, c.phone, c.answer_by, c.answer, c.answered_at, c.state, c.reason, c.ended_at, COALESCE(m.outcome, '') AS outcome,
		c.state = 'open' AND EXISTS (SELECT 1 FROM adjustments a WHERE a.redemption_id = r.id HAVING sum(a.amount_cents) < 0) AS withheld,
		COALESCE(c.organisation_id, 0) AS organisation_id, COALESCE(c.opened_by, 0) AS opened_by, b.prescriber_id
	FROM complaints c JOIN redemptions r ON r.id = c.redemption_id JOIN places p ON p.id = r.place_id JOIN booklets b ON b.id = r.booklet_id
	JOIN organisations o ON o.id = c.structure_id JOIN campaigns k ON k.id = c.campaign_id LEFT JOIN corrections m ON m.id = c.correction_id `

func get(ctx context.Context, tx *db.Tx, id vouchers.ComplaintID) (Complaint, error) {
	var r row
	err := tx.Get(ctx, &r, selectComplaints+`WHERE c.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return Complaint{}, notFound()
	}
	return r.complaint(), err
}

// paidBy is the condition that funder $2 pays for the campaign of c.
const paidBy = `(k.funder_id = $2 OR EXISTS (SELECT 1 FROM campaign_shares s WHERE s.campaign_id = k.id AND s.funder_id = $2))`

func list(ctx context.Context, tx *db.Tx, actor identity.Actor, by By, q Query) ([]Complaint, error) {
	where := map[By]string{Operator: `$2 = $2`, Structure: `c.structure_id = $2`, Prescriber: `b.prescriber_id = $2`, Funder: paidBy}[by]
	var rows []row
	err := tx.Select(ctx, &rows, selectComplaints+`
		WHERE ($1 = '' OR c.state = $1) AND `+where+` AND ($3 = 0 OR c.id < $3)
		ORDER BY CASE WHEN $1 = 'open' THEN c.answer_by END, c.id DESC LIMIT $4`,
		q.State, actor.Organisation, q.Before, min(max(q.Limit, 1), 200))
	all := make([]Complaint, len(rows))
	for i, r := range rows {
		all[i] = r.complaint()
	}
	return all, err
}

// lock holds a complaint until the end of tx. It comes before everything else.
func lock(ctx context.Context, tx *db.Tx, id vouchers.ComplaintID) error {
	var found int64
	err := tx.Get(ctx, &found, `SELECT id FROM complaints WHERE id = $1 FOR UPDATE`, id)
	if errors.Is(err, db.ErrNoRows) {
		return notFound()
	}
	return err
}

func insert(ctx context.Context, tx *db.Tx, actor identity.Actor, by By, n NewComplaint) (vouchers.ComplaintID, error) {
	organisation, person := actor.Organisation, actor.Person
	if by == Holder { // signed in or not, it is the booklet that speaks
		organisation, person = 0, 0
	}
	var id vouchers.ComplaintID
	err := tx.Get(ctx, &id, `
		INSERT INTO complaints (redemption_id, structure_id, campaign_id, opened_as, organisation_id, opened_by, opened_at, cause, words,
			email, phone, answer_by, state)
		SELECT r.id, r.structure_id, r.campaign_id, $2, NULLIF($3::bigint, 0), NULLIF($4::bigint, 0), $5, $6, $7, $8, $9, $10, 'open'
		FROM redemptions r WHERE r.id = $1 RETURNING id`,
		n.Redemption, by, organisation, person, tx.Now, n.Cause, n.Words, n.Email, n.Phone, vouchers.DayOf(tx.Now).AddDays(answerDays))
	return id, err
}

func setAnswer(ctx context.Context, tx *db.Tx, actor identity.Actor, r Reply) error {
	_, err := tx.Exec(ctx, `
		UPDATE complaints SET answer = $2, answered_at = $3, answered_by = $4 WHERE id = $1`, r.Complaint, r.Answer, tx.Now, actor.Person)
	return err
}

// ending is how a complaint ends.
type ending struct {
	State      State
	Reason     string
	Correction int64
}

func end(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ComplaintID, e ending) error {
	decider := actor.Person
	if e.State == Withdrawn {
		decider = 0
	}
	_, err := tx.Exec(ctx, `
		UPDATE complaints SET state = $2, reason = $3, ended_at = $4, decided_by = NULLIF($5::bigint, 0), correction_id = NULLIF($6::bigint, 0)
		WHERE id = $1`, id, e.State, e.Reason, tx.Now, decider, e.Correction)
	return err
}

func earlierOf(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) ([]earlier, error) {
	var all []earlier
	err := tx.Select(ctx, &all, `SELECT opened_as, state FROM complaints WHERE redemption_id = $1 ORDER BY id`, id)
	return all, err
}

// of is whom a redemption concerns.
type of struct {
	Booklet    vouchers.BookletID      `db:"booklet_id"`
	Structure  vouchers.OrganisationID `db:"structure_id"`
	Prescriber vouchers.OrganisationID `db:"prescriber_id"`
	Campaign   vouchers.CampaignID     `db:"campaign_id"`
}

func concerned(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) (of, error) {
	var o of
	err := tx.Get(ctx, &o, `
		SELECT r.booklet_id, r.structure_id, b.prescriber_id, r.campaign_id FROM redemptions r JOIN booklets b ON b.id = r.booklet_id
		WHERE r.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return o, notFound()
	}
	return o, err
}

// pays says whether a funder pays for a campaign, alone or with others.
func pays(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, campaign vouchers.CampaignID) (bool, error) {
	var yes bool
	err := tx.Get(ctx, &yes, `SELECT EXISTS (SELECT 1 FROM campaigns k WHERE k.id = $1 AND `+paidBy+`)`, campaign, funder)
	return yes, err
}

func operatorEmails(ctx context.Context, tx *db.Tx) ([]string, error) {
	var all []string
	err := tx.Select(ctx, &all, `SELECT email FROM organisations WHERE kind = 'operator' ORDER BY id`)
	return all, err
}

func insertProof(ctx context.Context, tx *db.Tx, id vouchers.ComplaintID, file vouchers.ProofID) error {
	_, err := tx.Exec(ctx, `INSERT INTO complaint_proofs (file_id, complaint_id) VALUES ($1, $2)`, file, id)
	return err
}

// proofs are a complaint's files. What the structure sends of its own complaint is its own.
func proofs(ctx context.Context, tx *db.Tx, id vouchers.ComplaintID) ([]Proof, error) {
	all := []Proof{}
	err := tx.Select(ctx, &all, `
		SELECT f.id, f.name, CASE WHEN f.organisation_id = c.structure_id THEN 'structure' ELSE c.opened_as END AS by
		FROM complaint_proofs q JOIN files f ON f.id = q.file_id JOIN complaints c ON c.id = q.complaint_id
		WHERE q.complaint_id = $1 ORDER BY f.id`, id)
	return all, err
}

func usesOf(ctx context.Context, tx *db.Tx, booklet vouchers.BookletID) ([]Use, error) {
	var all []Use
	err := tx.Select(ctx, &all, `
		SELECT r.id, r.at, p.name AS place_name, r.theme, r.vouchers, r.amount_cents, r.undone_at IS NOT NULL AS undone,
			COALESCE(c.id, 0) AS complaint, COALESCE(c.state, '') AS state
		FROM redemptions r JOIN places p ON p.id = r.place_id
		LEFT JOIN LATERAL (SELECT id, state FROM complaints WHERE redemption_id = r.id AND opened_as = 'holder' ORDER BY id DESC LIMIT 1) AS c ON true
		WHERE r.booklet_id = $1 ORDER BY r.id DESC LIMIT 100`, booklet)
	return all, err
}

func forget(ctx context.Context, tx *db.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE complaints SET email = '', phone = '' WHERE ended_at < $1 AND (email <> '' OR phone <> '')`, before)
	return err
}

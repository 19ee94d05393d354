package redemption

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// query reads rows: in a transaction (Tx.Select) or as one of its own (DB.Alone).
type query func(ctx context.Context, dst any, sql string, args ...any) error

// turn is when a held voucher is taken, beside those that are free, whose turn is 1: first
// where its session is today or over.
const turn = `(SELECT CASE WHEN (a.starts_at AT TIME ZONE 'Europe/Paris')::date <= $7::date THEN 0 ELSE 2 END
	FROM bookings k JOIN agenda_sessions a ON a.id = k.session_id WHERE k.id = v.held_for)`

// readFacts returns the facts of each item, in order. The id of a voucher that is held for
// a session elsewhere comes negative. LIMIT 1 on a unique key keeps that
// look-up an index probe, even where the plan was made on an empty table.
func readFacts(ctx context.Context, read query, now time.Time, batch []*item) ([]facts, error) {
	n, today := len(batch), vouchers.DayOf(now)
	scopes, keys, themes := make([]int64, n), make([]string, n), make([]string, n)
	booklets, campaigns, places := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, it := range batch {
		scopes[i], keys[i], themes[i], places[i] = int64(it.actor.Organisation), it.key, it.req.Theme, int64(it.req.Place)
		booklets[i], campaigns[i] = int64(it.booklet), int64(it.code.ticket.Campaign)
		if len(it.code.hashes) == 0 {
			booklets[i] = int64(it.code.ticket.Serial)
		}
	}
	rows := make([]facts, 0, n)
	err := read(ctx, &rows, `
		SELECT r.position, k.request_hash, k.answer,
			COALESCE(b.id, 0) AS booklet_id, COALESCE(b.campaign_id, 0) AS campaign_id, COALESCE(b.face_cents, 0) AS face_cents,
			COALESCE(b.from_on, DATE '2024-01-01') AS from_on, COALESCE(b.until_on + c.tolerance_days, DATE '2024-01-01') AS last_day,
			COALESCE(c.price_cap, 0) AS price_cap,
			ARRAY(SELECT CASE WHEN v.held_until IS NULL OR v.held_until <= $8::timestamptz OR `+issuing.HeldAt+` = p.id THEN v.id ELSE -v.id END
				FROM vouchers v WHERE v.booklet_id = b.id AND v.state = 'live'
				ORDER BY CASE WHEN v.held_until > $8::timestamptz THEN `+turn+` ELSE 1 END, v.id) AS live,
			COALESCE(p.id, 0) AS place_id, COALESCE(p.name, '') AS place_name, EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL
				AND $7::date BETWEEN l.starts_on AND l.ends_on) AS labelled,
			EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL AND $7::date BETWEEN l.starts_on AND l.ends_on
				AND (cardinality(c.accepted_labels) = 0 OR l.kind = ANY (c.accepted_labels) OR p.programmes && c.accepted_labels OR p.trainings && c.accepted_labels)) AS label_taken,
			COALESCE(p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements)
				OR cardinality(c.communes) + cardinality(c.epcis) + cardinality(c.departements) = 0, false) AS in_area,
			COALESCE(r.theme = ANY (c.themes) OR cardinality(c.themes) = 0, false) AS theme_open, 
			EXISTS (SELECT 1 FROM services s WHERE s.place_id = p.id AND s.theme = r.theme AND s.withdrawn_at IS NULL AND s.price_vouchers > 0)
				AS theme_onsite
		FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
			WITH ORDINALITY AS r(scope, key, booklet, campaign, place, theme, position)
		LEFT JOIN LATERAL (
			SELECT request_hash, answer FROM idempotency_keys WHERE scope = r.scope AND key = r.key LIMIT 1) AS k ON true
		LEFT JOIN booklets b ON b.id = r.booklet AND r.campaign IN (0, b.campaign_id)
		LEFT JOIN campaigns c ON c.id = b.campaign_id
		LEFT JOIN places p ON p.structure_id = r.scope AND (r.place = 0 OR p.id = r.place)`,
		db.Packed(scopes), db.Packed(keys), db.Packed(booklets), db.Packed(campaigns), db.Packed(places), db.Packed(themes), today, now)
	if err != nil {
		return nil, err
	}
	all := gather(rows, n)
	return all, readSpent(ctx, read, batch, all)
}

// readSpent completes the facts of requests that find too few live vouchers: it is why
// that matters then.
func readSpent(ctx context.Context, read query, batch []*item, all []facts) error {
	var short []int64
	for i, f := range all {
		if f.Booklet != 0 && len(f.Live) < max(batch[i].req.Count, 1) {
			short = append(short, f.Booklet)
		}
	}
	if len(short) == 0 {
		return nil
	}
	var rows []spent
	err := read(ctx, &rows, `
		SELECT booklet_id, count(*) FILTER (WHERE state = 'redeemed') AS redeemed, count(*) FILTER (WHERE state = 'frozen') AS frozen,
			count(*) FILTER (WHERE state = 'expired') AS expired, count(*) FILTER (WHERE state = 'replaced') AS replaced
		FROM vouchers WHERE booklet_id = ANY ($1) GROUP BY booklet_id`, db.Packed(short))
	for _, row := range rows {
		for i := range all {
			if all[i].Booklet == row.Booklet {
				all[i].Spent = row
			}
		}
	}
	return err
}

func insertStep(at time.Time, items []*item) db.Step {
	n := len(items)
	campaigns, booklets := make([]int64, n), make([]int64, n)
	structures, places, people := make([]int64, n), make([]int64, n), make([]int64, n)
	counts, amounts, minutes := make([]int64, n), make([]int64, n), make([]int64, n)
	themes, modes := make([]string, n), make([]string, n)
	for i, it := range items {
		campaigns[i], booklets[i] = int64(it.answer.Campaign), int64(it.answer.Booklet)
		structures[i], places[i], people[i] = int64(it.actor.Organisation), int64(it.answer.Place), int64(it.actor.Person)
		counts[i], amounts[i], minutes[i] = int64(it.answer.Count), int64(it.answer.Amount), int64(it.answer.DurationMinutes)
		themes[i], modes[i] = it.answer.Theme, it.answer.Mode
	}
	return db.Step{
		Name: "inserted",
		SQL: `INSERT INTO redemptions (id, at, campaign_id, booklet_id, structure_id, place_id, person_id,
				vouchers, amount_cents, theme, duration_minutes, mode)
			SELECT ` + ledger.Drawn + `, $11::timestamptz, u.campaign_id, u.booklet_id, u.structure_id, u.place_id, u.person_id,
				u.vouchers, u.amount_cents, u.theme, u.minutes, u.mode
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
				$6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::text[]) WITH ORDINALITY
				AS u(campaign_id, booklet_id, structure_id, place_id, person_id, vouchers, amount_cents, theme, minutes, mode, n)
			RETURNING 1`,
		Args: []any{db.Packed(campaigns), db.Packed(booklets), db.Packed(structures), db.Packed(places), db.Packed(people),
			db.Packed(counts), db.Packed(amounts), db.Packed(themes), db.Packed(minutes), db.Packed(modes), at},
		Rows: n,
	}
}

func takeStep(positions, taken []int64) db.Step {
	return db.Step{
		Name: "taken",
		SQL: `INSERT INTO redeemed_vouchers (redemption_id, voucher_id, undone)
			SELECT ` + ledger.Drawn + `, u.voucher_id, false FROM unnest($1::bigint[], $2::bigint[]) AS u(n, voucher_id)
			RETURNING 1`,
		Args: []any{db.Packed(positions), db.Packed(taken)},
		Rows: len(taken),
	}
}

type last struct {
	Place string    `db:"name"`
	At    time.Time `db:"at"`
}

// lastRedemption is the booklet's latest; the zero value if it was undone meanwhile.
func lastRedemption(ctx context.Context, read query, b vouchers.BookletID) (last, error) {
	var l []last
	err := read(ctx, &l, `
		SELECT p.name, r.at FROM redemptions r JOIN places p ON p.id = r.place_id
		WHERE r.booklet_id = $1 AND r.undone_at IS NULL ORDER BY r.id DESC LIMIT 1`, int64(b))
	if err != nil || len(l) == 0 {
		return last{}, err
	}
	return l[0], nil
}

// offers are the services of a place that a campaign pays for.
func offers(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, campaign vouchers.CampaignID) ([]ThemeOffer, error) {
	offers := []ThemeOffer{}
	err := tx.Select(ctx, &offers, `
		SELECT s.theme, s.title, s.price_vouchers, s.duration_minutes, s.extra_cents FROM services s JOIN campaigns c ON c.id = $2
		WHERE s.place_id = $1 AND s.withdrawn_at IS NULL AND s.price_vouchers > 0 AND (cardinality(c.themes) = 0 OR s.theme = ANY (c.themes))
		ORDER BY s.theme COLLATE "C", s.id`, place, campaign)
	return offers, err
}

// undoable is what must be known to take a redemption back.
type undoable struct {
	ID       vouchers.RedemptionID `db:"id"`
	At       time.Time             `db:"at"`
	Campaign vouchers.CampaignID   `db:"campaign_id"`
	Booklet  vouchers.BookletID    `db:"booklet_id"`
	Vouchers int                   `db:"vouchers"`
	Amount   vouchers.Cents        `db:"amount_cents"`
	Undone   bool                  `db:"undone"`
	Settled  bool                  `db:"settled"`
	Closed   bool                  `db:"closed"`   // the campaign
	Withheld bool                  `db:"withheld"` // a complaint about it is open
}

// withheldSQL says that a complaint withholds redemption r from its structure.
const withheldSQL = `EXISTS (SELECT 1 FROM adjustments a WHERE a.redemption_id = r.id HAVING sum(a.amount_cents) < 0) AND NOT r.corrected`

// keepOpen keeps a redemption's campaign from being closed until the end of tx; where it is
// closed already, mayUndo says so. It comes before the ledger's gate, as a closing takes
// them.
func keepOpen(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) error {
	_, err := tx.Exec(ctx, `
		SELECT 1 FROM campaigns WHERE id = (SELECT campaign_id FROM redemptions WHERE id = $1) FOR SHARE`, id)
	return err
}

// lockForUndo locks the booklet, then reads the redemption. The caller has entered the
// ledger's gate, so no settlement can take the redemption meanwhile.
func lockForUndo(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, id vouchers.RedemptionID) (undoable, error) {
	var booklet int64
	err := tx.Get(ctx, &booklet, `SELECT booklet_id FROM redemptions WHERE id = $1 AND structure_id = $2`, id, structure)
	if errors.Is(err, db.ErrNoRows) {
		return undoable{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return undoable{}, err
	}
	if err := issuing.Lock(ctx, tx, booklet); err != nil {
		return undoable{}, err
	}
	var r undoable
	err = tx.Get(ctx, &r, `
		SELECT r.id, r.at, r.campaign_id, r.booklet_id, r.vouchers, r.amount_cents, r.undone_at IS NOT NULL AS undone,
			EXISTS (SELECT 1 FROM payouts p WHERE p.structure_id = r.structure_id AND p.up_to_id >= r.id) AS settled,
			c.closed_at IS NOT NULL AS closed, `+withheldSQL+` AS withheld
		FROM redemptions r JOIN campaigns c ON c.id = r.campaign_id WHERE r.id = $1`, id)
	return r, err
}

// markUndone marks the redemption and returns its vouchers.
func markUndone(ctx context.Context, tx *db.Tx, actor identity.Actor, req UndoRequest) ([]int64, error) {
	_, err := tx.Exec(ctx, `
		UPDATE redemptions SET undone_at = $2, undone_by = $3, undo_reason = $4 WHERE id = $1 AND undone_at IS NULL`,
		req.ID, tx.Now, actor.Person, req.Reason)
	if err != nil {
		return nil, err
	}
	var taken []int64
	err = tx.Select(ctx, &taken, `
		UPDATE redeemed_vouchers SET undone = true WHERE redemption_id = $1 AND NOT undone RETURNING voucher_id`, req.ID)
	return taken, err
}

func list(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, before vouchers.RedemptionID, limit int) ([]Line, error) {
	lines := []Line{}
	err := tx.Select(ctx, &lines, `
		SELECT r.id, r.at, r.booklet_id, r.place_id, p.name AS place_name, r.theme, r.vouchers, r.amount_cents,
			r.undone_at IS NOT NULL AS undone,
			r.id <= COALESCE((SELECT max(o.up_to_id) FROM payouts o WHERE o.structure_id = $1), 0) AS settled, `+withheldSQL+` AS withheld,`+wayColumns+`
		FROM redemptions r JOIN places p ON p.id = r.place_id`+wayOf+`
		WHERE r.structure_id = $1 AND ($2 = 0 OR r.id < $2) ORDER BY r.id DESC LIMIT $3`, structure, before, limit)
	return lines, err
}

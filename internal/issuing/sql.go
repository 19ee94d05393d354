package issuing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Lock holds booklets, in the order of their ids, for a use case that changes many of
// their vouchers: it waits at most lockWait for each.
func Lock(ctx context.Context, tx *db.Tx, booklets ...int64) error {
	if err := ledger.Enter(ctx, tx); err != nil {
		return err
	}
	var held []int64
	return tx.Select(ctx, &held, `
		SELECT b.id FROM (SELECT set_config('lock_timeout', $2, true)) AS wait, booklets b
		WHERE b.id = ANY ($1) ORDER BY b.id FOR UPDATE OF b`, db.Array(booklets), fmt.Sprint(lockWait.Milliseconds()))
}

// found is a booklet that a code may mean.
type found struct {
	ID   vouchers.BookletID `db:"id"`
	Hash []byte             `db:"typed_hash"`
}

// FindTyped returns the booklets that typed codes mean, by their keyed hashes.
func FindTyped(ctx context.Context, d *db.DB, hashes [][]byte) (map[string]vouchers.BookletID, error) {
	var rows []found
	if err := d.Alone(ctx, &rows, `SELECT id, typed_hash FROM booklets WHERE typed_hash = ANY ($1)`, db.Array(hashes)); err != nil {
		return nil, err
	}
	byHash := make(map[string]vouchers.BookletID, len(rows))
	for _, r := range rows {
		byHash[string(r.Hash)] = r.ID
	}
	return byHash, nil
}

// Find returns the booklet that a checked ticket, or else the hashes of a typed code,
// mean.
func Find(ctx context.Context, tx *db.Tx, ticket vouchers.Ticket, hashes [][]byte) (vouchers.BookletID, error) {
	var id vouchers.BookletID
	err := tx.Get(ctx, &id, `
		SELECT id FROM booklets WHERE (id = $1 AND campaign_id = $2) OR typed_hash = ANY ($3) LIMIT 1`,
		int64(ticket.Serial), ticket.Campaign, db.Array(hashes))
	if errors.Is(err, db.ErrNoRows) {
		return 0, fault.New(fault.NotFound, "code_unknown")
	}
	return id, err
}

// MarkRedeemedStep turns live vouchers into redeemed ones, each at a place, as part of a
// shared statement. It undoes the statement unless every one of them is live and not held
// for a session elsewhere, so the caller may have read them without a lock.
func MarkRedeemedStep(now time.Time, ids, places []int64) db.Step {
	return db.Step{
		Name: "marked",
		SQL: `UPDATE vouchers v SET state = 'redeemed' FROM unnest($1::bigint[], $2::bigint[]) AS u(id, place)
			WHERE v.id = u.id AND v.state = 'live'
				AND (v.held_until IS NULL OR v.held_until <= $3::timestamptz OR ` + HeldAt + ` = u.place) RETURNING 1`,
		Args: []any{db.Packed(ids), db.Packed(places), now},
		Rows: len(ids),
	}
}

// MakeLiveAgain undoes MarkRedeemedStep.
func MakeLiveAgain(ctx context.Context, tx *db.Tx, ids []int64) error {
	n, err := tx.Exec(ctx, `UPDATE vouchers SET state = 'live' WHERE id = ANY ($1) AND state = 'redeemed'`, db.Array(ids))
	if err == nil && int(n) != len(ids) {
		return fmt.Errorf("issuing: %d of %d vouchers could be made live again", n, len(ids))
	}
	return err
}

// GiveBack makes redeemed vouchers live again, long after MarkRedeemedStep: they are frozen
// where their booklet was frozen meanwhile. The caller has the booklet locked.
func GiveBack(ctx context.Context, tx *db.Tx, booklet vouchers.BookletID, ids []int64) error {
	if err := MakeLiveAgain(ctx, tx, ids); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		UPDATE vouchers SET state = 'frozen' WHERE id = ANY ($2) AND EXISTS (
			SELECT 1 FROM vouchers f WHERE f.booklet_id = $1 AND f.state = 'frozen'
				AND NOT EXISTS (SELECT 1 FROM disputes d WHERE f.id = ANY (d.frozen)))`, booklet, db.Array(ids))
	return err
}

// Return ends redeemed vouchers whose value is the campaign's again.
func Return(ctx context.Context, tx *db.Tx, ids []int64) error {
	n, err := tx.Exec(ctx, `UPDATE vouchers SET state = 'returned' WHERE id = ANY ($1) AND state = 'redeemed'`, db.Array(ids))
	if err == nil && int(n) != len(ids) {
		return fmt.Errorf("issuing: %d of %d vouchers could be returned", n, len(ids))
	}
	return err
}

// Left counts the live vouchers of a booklet.
func Left(ctx context.Context, tx *db.Tx, id vouchers.BookletID) (int, error) {
	var left int
	err := tx.Get(ctx, &left, `SELECT count(*) FROM vouchers WHERE booklet_id = $1 AND state = 'live'`, id)
	return left, err
}

// moveAll moves the vouchers of a booklet, except those that a funder's debt has stopped.
func moveAll(ctx context.Context, tx *db.Tx, id vouchers.BookletID, from, to vouchers.State) error {
	_, err := tx.Exec(ctx, `
		UPDATE vouchers v SET state = $3 WHERE booklet_id = $1 AND state = $2
			AND NOT EXISTS (SELECT 1 FROM disputes d WHERE v.id = ANY (d.frozen))`, id, from, to)
	return err
}

// promisedVouchers counts what prescribers were allocated and have not handed over.
func promisedVouchers(ctx context.Context, tx *db.Tx, c vouchers.CampaignID) (int, error) {
	var n int
	err := tx.Get(ctx, &n, `SELECT COALESCE(sum(vouchers - handed_over), 0) FROM allocations WHERE campaign_id = $1`, c)
	return n, err
}

func addToAllocation(ctx context.Context, tx *db.Tx, req AllocateRequest) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO allocations (campaign_id, prescriber_id, vouchers, handed_over) VALUES ($1, $2, $3, 0)
		ON CONFLICT ON CONSTRAINT allocations_one DO UPDATE SET vouchers = allocations.vouchers + excluded.vouchers`,
		req.Campaign, req.Prescriber, req.Vouchers)
	return err
}

func takeFromAllocation(ctx context.Context, tx *db.Tx, c vouchers.CampaignID, prescriber vouchers.OrganisationID, count int) (vouchers.AllocationID, error) {
	var id vouchers.AllocationID
	err := tx.Get(ctx, &id, `
		UPDATE allocations SET handed_over = handed_over + $3
		WHERE campaign_id = $1 AND prescriber_id = $2 AND handed_over + $3 <= vouchers RETURNING id`, c, prescriber, count)
	if !errors.Is(err, db.ErrNoRows) {
		return id, err
	}
	a, err := allocationOf(ctx, tx, c, prescriber)
	if err != nil {
		return 0, err // not allocated at all: the campaign is not this prescriber's to know
	}
	return 0, fault.New(fault.Conflict, "allocation_used_up", "left", a.Left(), "asked", count)
}

const selectAllocations = `
	SELECT a.id, a.campaign_id, c.name AS campaign_name, a.prescriber_id, o.name AS prescriber_name, a.vouchers, a.handed_over,
		c.face_cents, c.booklet_size, c.starts_on, c.ends_on
	FROM allocations a JOIN campaigns c ON c.id = a.campaign_id JOIN organisations o ON o.id = a.prescriber_id `

func allocationOf(ctx context.Context, tx *db.Tx, c vouchers.CampaignID, prescriber vouchers.OrganisationID) (Allocation, error) {
	var a Allocation
	err := tx.Get(ctx, &a, selectAllocations+`WHERE a.campaign_id = $1 AND a.prescriber_id = $2`, c, prescriber)
	if errors.Is(err, db.ErrNoRows) {
		return a, fault.New(fault.NotFound, "not_found")
	}
	return a, err
}

func allocations(ctx context.Context, tx *db.Tx, org vouchers.OrganisationID) ([]Allocation, error) {
	all := []Allocation{}
	err := tx.Select(ctx, &all, selectAllocations+`
		WHERE a.prescriber_id = $1 OR c.funder_id = $1 ORDER BY c.ends_on, a.id`, org)
	return all, err
}

// insertBooklet keeps the booklet's serial and the keyed hash of its typed code. The
// serial is the row's own id, so it is drawn first.
func (s *Service) insertBooklet(ctx context.Context, tx *db.Tx, actor identity.Actor, c campaigns.Campaign,
	a vouchers.AllocationID, req HandOverRequest, today vouchers.Day) (vouchers.BookletID, error) {
	var id vouchers.BookletID
	if err := tx.Get(ctx, &id, `SELECT nextval(pg_get_serial_sequence('booklets', 'id'))`); err != nil {
		return 0, err
	}
	key := s.keys.Current()
	typed, err := s.keys.Typed(key, c.ID, uint32(id))
	if err != nil {
		return 0, err
	}
	hash, err := s.keys.HashWith(key, typed)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO booklets (id, campaign_id, allocation_id, prescriber_id, key_id, typed_hash, vouchers, face_cents,
			from_on, until_on, insee, handed_over_at, handed_over_by)
		OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		id, c.ID, a, actor.Organisation, int(key), hash, req.Count, c.Face, today, c.EndsOn, req.INSEE, tx.Now, actor.Person)
	return id, err
}

func insertVouchers(ctx context.Context, tx *db.Tx, id vouchers.BookletID, c campaigns.Campaign, count int) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO vouchers (booklet_id, campaign_id, face_cents, state)
		SELECT $1, $2, $3, 'live' FROM generate_series(1, $4::int)`, id, c.ID, c.Face, count)
	return err
}

const selectBooklets = `
	SELECT b.id, b.campaign_id, c.name AS campaign_name, o.name AS funder_name, b.vouchers, b.face_cents, b.from_on, b.until_on,
		c.tolerance_days + b.until_on AS last_day, b.insee, p.postcode, p.town, b.handed_over_at, b.key_id, v.live AS left, v.frozen,
		COALESCE((SELECT q.letter_language FROM orders w JOIN quote_versions q ON q.quote_id = w.quote_id AND q.version = w.quote_version
			WHERE w.campaign_id = b.campaign_id ORDER BY w.id DESC LIMIT 1), '') AS letter
	FROM booklets b
	JOIN campaigns c ON c.id = b.campaign_id
	JOIN organisations o ON o.id = c.funder_id
	JOIN organisations p ON p.id = b.prescriber_id
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE state = 'live') AS live, count(*) FILTER (WHERE state = 'frozen') AS frozen
		FROM vouchers WHERE booklet_id = b.id) AS v `

func booklet(ctx context.Context, tx *db.Tx, id vouchers.BookletID) (Booklet, error) {
	var b Booklet
	err := tx.Get(ctx, &b, selectBooklets+`WHERE b.id = $1`, id)
	return b, err
}

func handOvers(ctx context.Context, tx *db.Tx, prescriber vouchers.OrganisationID, before vouchers.BookletID, limit int) ([]Booklet, error) {
	all := []Booklet{}
	err := tx.Select(ctx, &all, selectBooklets+`
		WHERE b.prescriber_id = $1 AND ($2 = 0 OR b.id < $2) ORDER BY b.id DESC LIMIT $3`, prescriber, before, limit)
	return all, err
}

// handedOverOn counts a day's booklets and their vouchers.
func handedOverOn(ctx context.Context, tx *db.Tx, prescriber vouchers.OrganisationID, day vouchers.Day) (Count, error) {
	var n Count
	err := tx.Get(ctx, &n, `
		SELECT count(*) AS booklets, COALESCE(sum(vouchers), 0) AS vouchers FROM booklets
		WHERE prescriber_id = $1 AND from_on = $2`, prescriber, day)
	return n, err
}

func mustBelong(ctx context.Context, tx *db.Tx, id vouchers.BookletID, prescriber vouchers.OrganisationID) error {
	var there bool
	err := tx.Get(ctx, &there, `SELECT EXISTS (SELECT 1 FROM booklets WHERE id = $1 AND prescriber_id = $2)`, id, prescriber)
	if err == nil && !there {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

// dueBooklets are booklets over their last day that still hold live or frozen vouchers.
func dueBooklets(ctx context.Context, tx *db.Tx, today vouchers.Day, limit int) ([]int64, error) {
	var due []int64
	err := tx.Select(ctx, &due, `
		SELECT b.id FROM campaigns c JOIN booklets b ON b.campaign_id = c.id
		WHERE c.ends_on + c.tolerance_days < $1 AND b.until_on + c.tolerance_days < $1
			AND EXISTS (SELECT 1 FROM vouchers v WHERE v.booklet_id = b.id AND v.state IN ('live', 'frozen'))
		ORDER BY b.id LIMIT $2`, today, limit)
	return due, err
}

// ended is what expired of a booklet.
type ended struct {
	Booklet  vouchers.BookletID  `db:"booklet_id"`
	Campaign vouchers.CampaignID `db:"campaign_id"`
	Value    vouchers.Cents      `db:"value"`
}

// expire ends locked booklets, those apart that were extended before they were locked.
func expire(ctx context.Context, tx *db.Tx, booklets []int64, today vouchers.Day) ([]ended, error) {
	var all []ended
	err := tx.Select(ctx, &all, `
		WITH over AS (UPDATE vouchers v SET state = 'expired'
			FROM booklets b JOIN campaigns c ON c.id = b.campaign_id
			WHERE b.id = ANY ($1) AND b.until_on + c.tolerance_days < $2
				AND v.booklet_id = b.id AND v.state IN ('live', 'frozen') RETURNING v.booklet_id, v.campaign_id, v.face_cents)
		SELECT booklet_id, campaign_id, sum(face_cents)::bigint AS value FROM over
		GROUP BY booklet_id, campaign_id ORDER BY booklet_id`, db.Array(booklets), today)
	return all, err
}

// fitAllocations takes too many promised vouchers away from the allocations of a campaign,
// the latest first, never below what was handed over.
func fitAllocations(ctx context.Context, tx *db.Tx, c vouchers.CampaignID, most int) error {
	_, err := tx.Exec(ctx, `
		UPDATE allocations a SET vouchers = a.vouchers - cut.n
		FROM (SELECT id, LEAST(vouchers - handed_over, GREATEST(0, sum(vouchers - handed_over) OVER (ORDER BY id) - $2)) AS n
		      FROM allocations WHERE campaign_id = $1) AS cut
		WHERE a.id = cut.id AND cut.n > 0`, c, most)
	return err
}

package contributions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// about are the columns of About; waits finds those that an actor may decide on: $1 is its
// structure, $2 whether it is the operator, whose turn it is from $3 on.
const (
	about = `r.place_id, p.name, p.town, COALESCE(p.structure_id, 0) AS structure_id, r.made_at, r.decided_at, r.accepted, r.answer`
	waits = ` WHERE r.decided_at IS NULL AND (p.structure_id = $1 OR $2 AND (p.structure_id IS NULL OR r.made_at <= $3))
		ORDER BY r.made_at, r.id LIMIT 200`

	selectReports      = `SELECT r.id, r.field, r.value, r.reason, r.times, ` + about + ` FROM place_reports r JOIN places p ON p.id = r.place_id`
	selectTranslations = `SELECT r.id, r.language, r.author, r.texts, ` + about + ` FROM place_translations r JOIN places p ON p.id = r.place_id`
)

func found[T any](one T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRows) {
		return one, fault.New(fault.NotFound, "not_found")
	}
	return one, err
}

func openReports(ctx context.Context, tx *db.Tx, mine vouchers.OrganisationID, operator bool, patient time.Time) ([]Report, error) {
	all := []Report{}
	err := tx.Select(ctx, &all, selectReports+waits, mine, operator, patient)
	return all, err
}

func reportOf(ctx context.Context, tx *db.Tx, id vouchers.ReportID) (Report, error) {
	var r Report
	err := tx.Get(ctx, &r, selectReports+` WHERE r.id = $1`, id)
	return found(r, err)
}

// insertReport writes a report of a locked place, or counts it where the same is open.
func insertReport(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, n NewReport) (vouchers.ReportID, error) {
	var id vouchers.ReportID
	err := tx.Get(ctx, &id, `
		UPDATE place_reports SET times = times + 1, reason = COALESCE(NULLIF(reason, ''), $4)
		WHERE place_id = $1 AND field = $2 AND value = $3 AND decided_at IS NULL RETURNING id`, place, n.Field, n.Value, n.Reason)
	if !errors.Is(err, db.ErrNoRows) {
		return id, err
	}
	var open int
	if err := tx.Get(ctx, &open, `SELECT count(*) FROM place_reports WHERE place_id = $1 AND decided_at IS NULL`, place); err != nil {
		return 0, err
	}
	if open >= openMost {
		return 0, fault.New(fault.RateLimited, "contributions_too_many")
	}
	err = tx.Get(ctx, &id, `
		INSERT INTO place_reports (place_id, field, value, reason, made_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		place, n.Field, n.Value, n.Reason, tx.Now)
	return id, err
}

func setReportDecided(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ReportID, d Decision) error {
	_, err := tx.Exec(ctx, `UPDATE place_reports SET decided_at = $2, decided_by = $3, accepted = $4, answer = $5 WHERE id = $1`,
		id, tx.Now, actor.Person, d.Accepted, d.Answer)
	return err
}

// translationRow reads the texts of a translation.
type translationRow struct {
	Translation
	JSON []byte `db:"texts"`
}

func (r translationRow) read() (Translation, error) {
	t := r.Translation
	return t, json.Unmarshal(r.JSON, &t.Texts)
}

func translations(ctx context.Context, tx *db.Tx, query string, args ...any) ([]Translation, error) {
	var rows []translationRow
	if err := tx.Select(ctx, &rows, query, args...); err != nil {
		return nil, err
	}
	all := make([]Translation, len(rows))
	for i, r := range rows {
		var err error
		if all[i], err = r.read(); err != nil {
			return nil, fmt.Errorf("contributions: translation %d: %w", r.ID, err)
		}
	}
	return all, nil
}

func openTranslations(ctx context.Context, tx *db.Tx, mine vouchers.OrganisationID, operator bool, patient time.Time) ([]Translation, error) {
	return translations(ctx, tx, selectTranslations+waits, mine, operator, patient)
}

func acceptedTranslations(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) ([]Translation, error) {
	return translations(ctx, tx, selectTranslations+` WHERE r.place_id = $1 AND r.accepted AND r.retracted_at IS NULL ORDER BY r.decided_at DESC, r.id DESC LIMIT 200`, place)
}

func translationOf(ctx context.Context, tx *db.Tx, id vouchers.TranslationID) (Translation, error) {
	var r translationRow
	if err := tx.Get(ctx, &r, selectTranslations+` WHERE r.id = $1`, id); err != nil {
		return found(Translation{}, err)
	}
	return r.read()
}

// insertTranslation writes a translation of a locked place, or finds the same where it is open.
func insertTranslation(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, n NewTranslation, texts []Text) (vouchers.TranslationID, error) {
	body, err := json.Marshal(texts)
	if err != nil {
		return 0, fmt.Errorf("contributions: texts: %w", err)
	}
	var id vouchers.TranslationID
	err = tx.Get(ctx, &id, `
		SELECT id FROM place_translations WHERE place_id = $1 AND language = $2 AND texts = $3::jsonb AND decided_at IS NULL`,
		place, n.Language, string(body))
	if !errors.Is(err, db.ErrNoRows) {
		return id, err
	}
	var open int
	if err := tx.Get(ctx, &open, `SELECT count(*) FROM place_translations WHERE place_id = $1 AND decided_at IS NULL`, place); err != nil {
		return 0, err
	}
	if open >= openMost {
		return 0, fault.New(fault.RateLimited, "contributions_too_many")
	}
	err = tx.Get(ctx, &id, `
		INSERT INTO place_translations (place_id, language, texts, author, made_at) VALUES ($1, $2, $3::jsonb, $4, $5) RETURNING id`,
		place, n.Language, string(body), n.Author, tx.Now)
	return id, err
}

func setTranslationDecided(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.TranslationID, d Decision) error {
	_, err := tx.Exec(ctx, `UPDATE place_translations SET decided_at = $2, decided_by = $3, accepted = $4, answer = $5 WHERE id = $1`,
		id, tx.Now, actor.Person, d.Accepted, d.Answer)
	return err
}

func setRetracted(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, language string) (int64, error) {
	return tx.Exec(ctx, `UPDATE place_translations SET retracted_at = $3 WHERE place_id = $1 AND language = $2 AND accepted AND retracted_at IS NULL`,
		place, language, tx.Now)
}

// setRetractedOf takes off a card what a structure has accepted.
func setRetractedOf(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, structure vouchers.OrganisationID) (int64, error) {
	return tx.Exec(ctx, `
		UPDATE place_translations t SET retracted_at = $4 WHERE place_id = $1 AND accepted AND retracted_at IS NULL
			AND EXISTS (SELECT 1 FROM audit_entries a WHERE a.object = $2 AND a.action = 'translation_decided' AND a.organisation_id = $3 AND (a.after->>'id')::bigint = t.id)`,
		place, fmt.Sprintf("place:%d", place), structure, tx.Now)
}

// follow remembers who wants to know; asked twice, it is once.
func follow(ctx context.Context, tx *db.Tx, address string, of Received) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO contribution_followers (address, report_id, translation_id) VALUES ($1, NULLIF($2::bigint, 0), NULLIF($3::bigint, 0))
		ON CONFLICT ON CONSTRAINT contribution_followers_once DO NOTHING`, address, of.Report, of.Translation)
	return err
}

// outcomesToTell are sorted by address; those who had a letter within a day wait.
func outcomesToTell(ctx context.Context, tx *db.Tx) ([]Outcome, error) {
	var all []Outcome
	err := tx.Select(ctx, &all, `
		WITH decided AS (
			SELECT f.id, f.address, r.place_id, r.field, '' AS language, r.accepted, r.answer
			FROM contribution_followers f JOIN place_reports r ON r.id = f.report_id WHERE r.decided_at IS NOT NULL
			UNION ALL
			SELECT f.id, f.address, t.place_id, '', t.language, t.accepted, t.answer
			FROM contribution_followers f JOIN place_translations t ON t.id = f.translation_id WHERE t.decided_at IS NOT NULL)
		SELECT d.*, p.name FROM decided d JOIN places p ON p.id = d.place_id
		WHERE d.address IN (SELECT address FROM decided
			WHERE NOT EXISTS (SELECT 1 FROM contribution_letters l WHERE l.address = decided.address) GROUP BY address ORDER BY min(id) LIMIT $1)
		ORDER BY d.address, d.id`, lettersAtOnce)
	return all, err
}

// setTold forgets who was told, but for when.
func setTold(ctx context.Context, tx *db.Tx, letter []Outcome) error {
	ids := make([]int64, len(letter))
	for i, o := range letter {
		ids[i] = o.Follower
	}
	if _, err := tx.Exec(ctx, `DELETE FROM contribution_followers WHERE id = ANY ($1)`, db.Array(ids)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO contribution_letters (address, sent_at) VALUES ($1, $2)`, letter[0].Address, tx.Now)
	return err
}

// forgetFollowers forgets who wants to know of what nobody has decided for too long.
func forgetFollowers(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM contribution_followers f WHERE
			EXISTS (SELECT 1 FROM place_reports r WHERE r.id = f.report_id AND r.decided_at IS NULL AND r.made_at <= $1)
			OR EXISTS (SELECT 1 FROM place_translations t WHERE t.id = f.translation_id AND t.decided_at IS NULL AND t.made_at <= $1)`,
		tx.Now.AddDate(0, -followMonths, 0))
	return err
}

func forgetLetters(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM contribution_letters WHERE sent_at <= $1`, tx.Now.Add(-letterEvery))
	return err
}

const selectCards = `
	SELECT p.id, p.name, p.town, o.name AS structure_name, p.sure_at, o.email FROM places p JOIN organisations o ON o.id = p.structure_id `

// cardsToConfirm are those of a structure, or of all where it is 0, that are nearly a year old.
func cardsToConfirm(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) ([]Card, error) {
	all := []Card{}
	err := tx.Select(ctx, &all, selectCards+`WHERE ($1 = 0 OR p.structure_id = $1) AND p.closed_at IS NULL AND p.sure_at <= $2 ORDER BY p.sure_at, p.id`,
		structure, labelling.Since(tx.Now, labelling.NoticeMonths))
	return all, err
}

// alarmingCards are those of labelled places that would be hidden if they held no label.
func alarmingCards(ctx context.Context, tx *db.Tx) ([]Card, error) {
	all := []Card{}
	err := tx.Select(ctx, &all, selectCards+`
		WHERE p.closed_at IS NULL AND p.sure_at <= $2
			AND EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL AND $1::date BETWEEN l.starts_on AND l.ends_on)
		ORDER BY p.sure_at, p.id`, vouchers.DayOf(tx.Now), labelling.Since(tx.Now, labelling.HiddenMonths))
	return all, err
}

// waitingForStructures counts what nobody has decided, by the structure that answers for the place.
func waitingForStructures(ctx context.Context, tx *db.Tx) ([]Mail, error) {
	var all []Mail
	err := tx.Select(ctx, &all, `
		SELECT o.id, o.email, count(*) FILTER (WHERE s.decided_at IS NULL) AS count,
			COALESCE(max(s.report), 0) AS newest_report, COALESCE(max(s.translation), 0) AS newest_translation
		FROM (SELECT place_id, decided_at, id AS report, NULL::bigint AS translation FROM place_reports
			UNION ALL SELECT place_id, decided_at, NULL, id FROM place_translations) AS s
		JOIN places p ON p.id = s.place_id JOIN organisations o ON o.id = p.structure_id
		GROUP BY o.id HAVING bool_or(s.decided_at IS NULL) ORDER BY o.id`)
	return all, err
}

// WaitingForOperator counts for another room what the operator has to look at, and says since
// when the oldest was made.
func WaitingForOperator(ctx context.Context, tx *db.Tx) (count int, oldest time.Time, err error) {
	var r struct {
		Count  int        `db:"count"`
		Oldest *time.Time `db:"oldest"`
	}
	err = tx.Get(ctx, &r, `
		SELECT count(*), min(s.since) AS oldest FROM (
			SELECT r.made_at AS since FROM place_reports r JOIN places p ON p.id = r.place_id
			WHERE r.decided_at IS NULL AND (p.structure_id IS NULL OR r.made_at <= $1)
			UNION ALL
			SELECT r.made_at FROM place_translations r JOIN places p ON p.id = r.place_id
			WHERE r.decided_at IS NULL AND (p.structure_id IS NULL OR r.made_at <= $1)
			UNION ALL
			SELECT p.sure_at + make_interval(months => $3) FROM places p
			WHERE p.closed_at IS NULL AND p.sure_at <= $4
				AND EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL AND $2::date BETWEEN l.starts_on AND l.ends_on)) AS s`,
		patient(tx.Now), vouchers.DayOf(tx.Now), labelling.HiddenMonths, labelling.Since(tx.Now, labelling.HiddenMonths))
	if r.Oldest != nil {
		oldest = *r.Oldest
	}
	return r.Count, oldest, err
}

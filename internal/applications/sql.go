package applications

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

type row struct {
	Application
	AnswersJSON []byte `db:"answers"`
	RemarksJSON []byte `db:"remarks"`
	FormJSON    []byte `db:"form"`
}

func list(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Application, error) {
	var rows []row
	err := tx.Select(ctx, &rows, `
		SELECT a.id, a.place_id, p.name AS place_name, p.town, a.structure_id, o.name AS structure_name, a.kind, k.name AS kind_name, a.version, a.state,
			a.answers, a.remarks, a.reason, a.appeal, a.changed_at, a.sent_at, a.decided_at, a.reviewed_by, a.label_id, c.form,
			p.structure_id IS NOT DISTINCT FROM a.structure_id AS held,
			(SELECT max(ends_on) FROM labels WHERE place_id = a.place_id AND kind = a.kind AND ended_at IS NULL AND id IS DISTINCT FROM a.label_id) AS renews_until
		FROM applications a JOIN places p ON p.id = a.place_id JOIN organisations o ON o.id = a.structure_id JOIN label_kinds k ON k.code = a.kind
		JOIN label_criteria c ON c.kind = a.kind AND c.version = a.version `+where, args...)
	if err != nil {
		return nil, err
	}
	all, ids := make([]Application, len(rows)), make([]int64, len(rows))
	at := map[vouchers.ApplicationID]*Application{}
	for i, r := range rows {
		all[i], ids[i] = r.Application, int64(r.ID)
		all[i].Proofs, all[i].Events = []Proof{}, []Event{}
		if err := errors.Join(json.Unmarshal(r.AnswersJSON, &all[i].Answers), json.Unmarshal(r.RemarksJSON, &all[i].Remarks), json.Unmarshal(r.FormJSON, &all[i].Form)); err != nil {
			return nil, err
		}
		at[r.ID] = &all[i]
	}
	return all, errors.Join(readProofs(ctx, tx, ids, at), readEvents(ctx, tx, ids, at))
}

func readProofs(ctx context.Context, tx *db.Tx, ids []int64, at map[vouchers.ApplicationID]*Application) error {
	var rows []struct {
		ID vouchers.ApplicationID `db:"application_id"`
		Proof
	}
	err := tx.Select(ctx, &rows, `
		SELECT p.application_id, p.file_id, p.criterion, f.name, length(f.content) AS size
		FROM application_proofs p JOIN files f ON f.id = p.file_id
		WHERE p.application_id = ANY ($1) AND p.removed_at IS NULL ORDER BY p.file_id`, db.Array(ids))
	for _, r := range rows {
		at[r.ID].Proofs = append(at[r.ID].Proofs, r.Proof)
	}
	return err
}

func readEvents(ctx context.Context, tx *db.Tx, ids []int64, at map[vouchers.ApplicationID]*Application) error {
	var rows []struct {
		ID vouchers.ApplicationID `db:"application_id"`
		Event
		RemarksJSON []byte `db:"remarks"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT e.application_id, e.at, e.event, e.person_id, p.name AS person, e.reason, e.remarks
		FROM application_events e JOIN people p ON p.id = e.person_id WHERE e.application_id = ANY ($1) ORDER BY e.id`, db.Array(ids))
	for _, r := range rows {
		if err := json.Unmarshal(r.RemarksJSON, &r.Remarks); err != nil {
			return err
		}
		at[r.ID].Events = append(at[r.ID].Events, r.Event)
	}
	return err
}

func application(ctx context.Context, tx *db.Tx, id vouchers.ApplicationID) (Application, error) {
	all, err := list(ctx, tx, `WHERE a.id = $1`, id)
	if err == nil && len(all) == 0 {
		return Application{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Application{}, err
	}
	return all[0], nil
}

// lock lets one change of an application happen at a time.
func lock(ctx context.Context, tx *db.Tx, id vouchers.ApplicationID) (Application, error) {
	if _, err := tx.Exec(ctx, `SELECT id FROM applications WHERE id = $1 FOR UPDATE`, id); err != nil {
		return Application{}, err
	}
	return application(ctx, tx, id)
}

func openOf(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, kind string) (a Application, there bool, err error) {
	all, err := list(ctx, tx, `WHERE a.place_id = $1 AND a.kind = $2 AND a.state IN ('draft', 'sent', 'asked', 'refusing', 'appealed')`, place, kind)
	if err != nil || len(all) == 0 {
		return Application{}, false, err
	}
	return all[0], true, nil
}

func labelledUntil(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, kind string) (*vouchers.Day, error) {
	var until *vouchers.Day
	err := tx.Get(ctx, &until, `SELECT max(ends_on) FROM labels WHERE place_id = $1 AND kind = $2 AND ended_at IS NULL`, place, kind)
	return until, err
}

// insert takes the answers of the place's latest application for that kind.
func insert(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, c Criteria) (vouchers.ApplicationID, error) {
	var id vouchers.ApplicationID
	err := tx.Get(ctx, &id, `
		INSERT INTO applications (place_id, structure_id, kind, version, state, answers, started_at, started_by, changed_at)
		SELECT $1, $2, $3, $4, 'draft', COALESCE((SELECT (SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(e.answers)
				WHERE key IN (SELECT x ->> 'code' FROM label_criteria n, jsonb_array_elements(n.form) AS x WHERE n.kind = $3 AND n.version = $4))
			FROM applications e WHERE e.place_id = $1 AND e.structure_id = $2 AND e.kind = $3 ORDER BY e.id DESC LIMIT 1), '{}'), $5, $6, $5
		RETURNING id`, place, actor.Organisation, c.Code, c.Version, tx.Now, actor.Person)
	return id, err
}

func setAnswers(ctx context.Context, tx *db.Tx, id vouchers.ApplicationID, answers map[string]Answer) error {
	body, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE applications SET answers = $2, changed_at = $3 WHERE id = $1`, id, string(body), tx.Now)
	return err
}

func insertProof(ctx context.Context, tx *db.Tx, id vouchers.ApplicationID, criterion string, file vouchers.ProofID) error {
	_, err := tx.Exec(ctx, `INSERT INTO application_proofs (file_id, application_id, criterion) VALUES ($1, $2, $3)`, file, id, criterion)
	return err
}

func removeProof(ctx context.Context, tx *db.Tx, id vouchers.ApplicationID, file vouchers.ProofID) error {
	_, err := tx.Exec(ctx, `UPDATE application_proofs SET removed_at = $3 WHERE application_id = $1 AND file_id = $2 AND removed_at IS NULL`, id, file, tx.Now)
	return err
}

func setState(ctx context.Context, tx *db.Tx, actor identity.Actor, a Application, to step) error {
	remarks, err := json.Marshal(to.remarks)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE applications SET state = $2, changed_at = $3, reason = $4,
			remarks = CASE WHEN $5::jsonb = 'null' THEN remarks ELSE $5::jsonb END,
			sent_at = CASE WHEN $2 = 'sent' AND sent_at IS NULL THEN $3 ELSE sent_at END,
			appeal = CASE WHEN $2 = 'appealed' AND appeal = '' THEN $4 ELSE appeal END,
			reviewed_by = CASE WHEN $2 IN ('asked', 'refusing', 'granted') THEN $6 ELSE reviewed_by END,
			confirmed_by = CASE WHEN $2 = 'refused' THEN $6 ELSE confirmed_by END,
			decided_at = CASE WHEN $2 IN ('refused', 'granted', 'withdrawn') THEN $3 ELSE decided_at END,
			label_id = NULLIF($7::bigint, 0)
		WHERE id = $1`, a.ID, to.state, tx.Now, to.reason, string(remarks), actor.Person, to.label)
	return err
}

func insertEvent(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ApplicationID, to step) error {
	remarks, err := json.Marshal(to.remarks)
	if err != nil {
		return err
	}
	if to.remarks == nil {
		remarks = []byte("{}")
	}
	_, err = tx.Exec(ctx, `INSERT INTO application_events (application_id, at, person_id, event, reason, remarks) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, tx.Now, actor.Person, to.event, to.reason, string(remarks))
	return err
}

func contactOf(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (string, error) {
	var to string
	err := tx.Get(ctx, &to, `SELECT email FROM organisations WHERE id = $1`, structure)
	return to, err
}

func criteria(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Criteria, error) {
	var rows []struct {
		Criteria
		FormJSON []byte `db:"form"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT k.code, k.name, k.summary, c.version, c.form, (c.published_at AT TIME ZONE 'Europe/Paris')::date AS published_on,
			c.version = max(c.version) OVER (PARTITION BY c.kind) AS latest
		FROM label_criteria c JOIN label_kinds k ON k.code = c.kind WHERE `+where+` ORDER BY k.created_at, k.code, c.version DESC`, args...)
	all := make([]Criteria, len(rows))
	for i, r := range rows {
		all[i] = r.Criteria
		if err := json.Unmarshal(r.FormJSON, &all[i].Form); err != nil {
			return nil, err
		}
	}
	return all, err
}

func latest(ctx context.Context, tx *db.Tx, kind string) (Criteria, error) {
	all, err := criteria(ctx, tx, `c.kind = $1`, kind)
	if err == nil && len(all) == 0 {
		return Criteria{}, fault.New(fault.Invalid, "label_kind_unknown")
	}
	if err != nil {
		return Criteria{}, err
	}
	return all[0], nil
}

// keepKind adds a kind of label, or says it anew, and locks it.
func keepKind(ctx context.Context, tx *db.Tx, k Kind) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO label_kinds (code, name, summary, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name, summary = EXCLUDED.summary`, k.Code, k.Name, k.Summary, tx.Now)
	return err
}

func insertCriteria(ctx context.Context, tx *db.Tx, actor identity.Actor, req NewCriteria) error {
	form, err := json.Marshal(req.Form)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO label_criteria (kind, version, form, published_at, published_by)
		SELECT $1, COALESCE(max(version), 0) + 1, $2, $3, $4 FROM label_criteria WHERE kind = $1`, req.Code, string(form), tx.Now, actor.Person)
	return err
}

func register(ctx context.Context, tx *db.Tx, q RegisterQuery) ([]Entry, error) {
	all := []Entry{}
	err := tx.Select(ctx, &all, `
		SELECT l.id, l.kind, k.name AS kind_name, l.place_id, p.name AS place_name, p.town, l.starts_on, l.ends_on, a.version AS criteria_version,
			CASE WHEN l.ended_at IS NOT NULL THEN (l.ended_at AT TIME ZONE 'Europe/Paris')::date WHEN l.ends_on < $1 THEN l.ends_on END AS ended_on,
			CASE WHEN l.ended_at IS NULL AND l.ends_on < $1 THEN 'expired' ELSE COALESCE(l.end_reason, '') END AS end_reason,
			CASE WHEN l.ended_at IS NULL THEN (s.from_at AT TIME ZONE 'Europe/Paris')::date END AS suspended_on, COALESCE(s.reason, '') AS suspended_for
		FROM labels l JOIN label_kinds k ON k.code = l.kind JOIN places p ON p.id = l.place_id
		LEFT JOIN applications a ON a.label_id = l.id
		LEFT JOIN label_suspensions s ON s.label_id = l.id AND s.lifted_at IS NULL
		WHERE ($2 = 0 OR l.id < $2) AND ($3 = '' OR l.kind = $3) ORDER BY l.id DESC LIMIT $4`, vouchers.DayOf(tx.Now), q.Before, q.Kind, q.Limit)
	return all, err
}

// ending are labels that end within days and for which nobody has applied again.
func ending(ctx context.Context, tx *db.Tx, days int) ([]Ending, error) {
	today := vouchers.DayOf(tx.Now)
	var all []Ending
	err := tx.Select(ctx, &all, `
		SELECT l.id AS label_id, l.place_id, p.name AS place_name, k.name AS kind_name, l.ends_on, o.id AS structure_id, o.email
		FROM labels l JOIN label_kinds k ON k.code = l.kind JOIN places p ON p.id = l.place_id JOIN organisations o ON o.id = p.structure_id
		WHERE l.ended_at IS NULL AND l.ends_on BETWEEN $1::date AND $2::date
			AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.place_id = l.place_id AND a.kind = l.kind AND a.state IN ('sent', 'refusing', 'appealed'))
		ORDER BY l.id`, today, today.AddDays(days))
	return all, err
}

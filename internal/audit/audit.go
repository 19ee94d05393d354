// Package audit keeps who did what, before and after. Rows are only ever added, in
// the transaction of what they record.
package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
)

// Record adds one entry. action is a verb in the past ("label_granted"), object a
// kind and an id ("place:12"); before and after are nil or marshal to JSON, without
// secrets and without the personal data of beneficiaries.
func Record(ctx context.Context, tx *db.Tx, actor identity.Actor, action, object string, before, after any) error {
	b, err := encode(before)
	if err != nil {
		return err
	}
	a, err := encode(after)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO audit_entries (at, person_id, organisation_id, action, object, before, after)
		VALUES ($1, NULLIF($2::bigint, 0), NULLIF($3::bigint, 0), $4, $5, $6::jsonb, $7::jsonb)`,
		tx.Now, actor.Person, actor.Organisation, action, object, b, a)
	return err
}

// RecordEach adds the same entry for each of several objects.
func RecordEach(ctx context.Context, tx *db.Tx, actor identity.Actor, action string, objects []string, before, after any) error {
	b, err := encode(before)
	if err != nil {
		return err
	}
	a, err := encode(after)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO audit_entries (at, person_id, organisation_id, action, object, before, after)
		SELECT $1, NULLIF($2::bigint, 0), NULLIF($3::bigint, 0), $4, u.object, $6::jsonb, $7::jsonb
		FROM unnest($5::text[]) WITH ORDINALITY AS u(object, n) ORDER BY u.n`,
		tx.Now, actor.Person, actor.Organisation, action, db.Array(objects), b, a)
	return err
}

func encode(value any) (*string, error) {
	if value == nil {
		return nil, nil
	}
	body, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	s := string(body)
	return &s, nil
}

package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest"
)

func record(t *testing.T, d *db.DB, actor identity.Actor, before, after any) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		return audit.Record(t.Context(), tx, actor, "label_granted", "place:12", before, after)
	})
	if err != nil {
		t.Fatal(err)
	}
}

type entry struct {
	At           time.Time `db:"at"`
	Person       *int64    `db:"person_id"`
	Organisation *int64    `db:"organisation_id"`
	Action       string    `db:"action"`
	Object       string    `db:"object"`
	Before       *string   `db:"before"`
	After        *string   `db:"after"`
}

func entries(t *testing.T, d *db.DB) []entry {
	t.Helper()
	var all []entry
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		return tx.Select(t.Context(), &all, `SELECT at, person_id, organisation_id, action, object, before, after FROM audit_entries ORDER BY id`)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnEntrySaysWhoDidWhatWhenBeforeAndAfter(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	record(t, d, identity.Actor{Person: 3, Organisation: 4}, nil, map[string]int{"days": 90})
	record(t, d, identity.Actor{}, map[string]int{"days": 90}, nil)
	all := entries(t, d)
	if len(all) != 2 {
		t.Fatalf("%d entries", len(all))
	}
	first, second := all[0], all[1]
	if !first.At.Equal(pgtest.Start) || *first.Person != 3 || *first.Organisation != 4 || first.Action != "label_granted" || first.Object != "place:12" ||
		first.Before != nil || *first.After != `{"days": 90}` {
		t.Errorf("%+v", first)
	}
	if second.Person != nil || second.Organisation != nil || *second.Before != `{"days": 90}` || second.After != nil {
		t.Errorf("nobody's entry: %+v", second)
	}
}

func TestTheSameIsSaidOfEachOfSeveralObjects(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		return audit.RecordEach(t.Context(), tx, identity.Actor{Person: 3, Organisation: 4}, "payout_booked", []string{"payout:2", "payout:1"}, nil, map[string]int{"line": 7})
	})
	all := entries(t, d)
	if err != nil || len(all) != 2 || all[0].Object != "payout:2" || all[1].Object != "payout:1" {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, e := range all {
		if !e.At.Equal(pgtest.Start) || *e.Person != 3 || *e.Organisation != 4 || e.Action != "payout_booked" || e.Before != nil || *e.After != `{"line": 7}` {
			t.Errorf("%+v", e)
		}
	}
}

func TestEntriesAreOnlyEverAdded(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	record(t, d, identity.Actor{Person: 3, Organisation: 4}, nil, nil)
	for _, attack := range []string{
		`UPDATE audit_entries SET action = 'nothing'`,
		`UPDATE audit_entries SET action = 'nothing' WHERE false`,
		`DELETE FROM audit_entries`,
		`TRUNCATE audit_entries`,
	} {
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), attack)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "only ever added") {
			t.Errorf("%s: %v", attack, err)
		}
	}
	if all := entries(t, d); len(all) != 1 || all[0].Action != "label_granted" {
		t.Errorf("%+v", all)
	}
}

func TestAnEntryGoesWithTheChangeItRecords(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		if err := audit.Record(t.Context(), tx, identity.Actor{}, "label_granted", "place:12", nil, nil); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `SELECT 1 / 0`)
		return err
	})
	if err == nil || len(entries(t, d)) != 0 {
		t.Errorf("an entry outlives its change: %v", err)
	}
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		return audit.Record(t.Context(), tx, identity.Actor{}, "x", "x:1", nil, make(chan int))
	})
	if err == nil {
		t.Error("a channel was recorded")
	}
}

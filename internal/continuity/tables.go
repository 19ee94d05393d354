package continuity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
)

// leftBehind are the tables that another instance does not get, each with its reason. All
// others are carried, also those that a later migration adds.
var leftBehind = map[string]string{
	"sessions":           "whoever was signed in there is not signed in here",
	"api_tokens":         "a program's right to act was given by the operator before, for its address",
	"agenda_feeds":       "a calendar's secret address is a credential, and of the site before",
	"joinings":           "a mailed link leads to the site before, and ends within two days",
	"throttle":           "tries are counted anew",
	"continuity_exports": "the list is of whoever made them",
	"goose_db_version":   "the instance has migrations of its own",
}

// seeded are the tables that hold rows in an empty instance, put there by migrations.
var seeded = []string{"label_criteria", "label_kinds", "ledger_watermark"}

// inOrder is how the rows of a table that refers to itself are carried, so that each comes
// after the one that it refers to.
var inOrder = map[string]string{
	"invoices": "id",      // a credit note comes after its invoice
	"payouts":  "id DESC", // a payout that came back refers to the later one that pays it again
}

// table is one table as it is carried.
type table struct {
	Name    string      `json:"table"`
	Columns []columnDef `json:"columns"`
}

// columnDef is a column and its type, as the database writes it.
type columnDef struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// quoted is a name in SQL, whatever it is.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// carried lists the tables that are carried, each after those that it refers to.
func carried(ctx context.Context, tx *db.Tx) ([]table, error) {
	var rows []struct {
		Table  string `db:"relname"`
		Column string `db:"attname"`
		Type   string `db:"type"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		ORDER BY c.relname COLLATE "C", a.attnum`)
	if err != nil {
		return nil, err
	}
	var all []table
	for _, r := range rows {
		if leftBehind[r.Table] != "" {
			continue
		}
		if len(all) == 0 || all[len(all)-1].Name != r.Table {
			all = append(all, table{Name: r.Table})
		}
		last := &all[len(all)-1]
		last.Columns = append(last.Columns, columnDef{r.Column, r.Type})
	}
	var arrows []reference
	err = tx.Select(ctx, &arrows, `
		SELECT f.relname AS from_table, t.relname AS to_table FROM pg_constraint k
		JOIN pg_class f ON f.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
		WHERE k.contype = 'f' AND f.relnamespace = 'public'::regnamespace AND f.oid <> t.oid`)
	if err != nil {
		return nil, err
	}
	return inTurn(all, arrows)
}

// reference is a foreign key.
type reference struct {
	From string `db:"from_table"`
	To   string `db:"to_table"`
}

// inTurn orders tables so that each comes after those that it refers to.
func inTurn(tables []table, arrows []reference) ([]table, error) {
	waits := map[string]map[string]bool{}
	for _, a := range arrows {
		if leftBehind[a.From] != "" || leftBehind[a.To] != "" {
			continue
		}
		if waits[a.From] == nil {
			waits[a.From] = map[string]bool{}
		}
		waits[a.From][a.To] = true
	}
	var sorted []table
	left := slices.Clone(tables)
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(t table) bool { return len(waits[t.Name]) == 0 })
		if i < 0 {
			return nil, fmt.Errorf("continuity: table %s and others refer to each other in a circle", left[0].Name)
		}
		for _, on := range waits {
			delete(on, left[i].Name)
		}
		sorted, left = append(sorted, left[i]), slices.Delete(left, i, i+1)
	}
	return sorted, nil
}

// sequence is where a sequence stands.
type sequence struct {
	Name   string `json:"name"`
	Last   int64  `json:"last" db:"last_value"`
	Called bool   `json:"called" db:"is_called"`
}

// sequences reads where those of carried tables stand. They have no snapshot: what was drawn
// since leaves a gap.
func sequences(ctx context.Context, tx *db.Tx) ([]sequence, error) {
	var names []struct {
		Name  string `db:"name"`
		Table string `db:"table"`
	}
	err := tx.Select(ctx, &names, `
		SELECT s.relname AS name, COALESCE(t.relname, '') AS table FROM pg_class s
		LEFT JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
		LEFT JOIN pg_class t ON t.oid = d.refobjid
		WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace ORDER BY s.relname COLLATE "C"`)
	if err != nil {
		return nil, err
	}
	var all []sequence
	for _, n := range names {
		if leftBehind[n.Table] != "" {
			continue
		}
		s := sequence{Name: n.Name}
		if err := tx.Get(ctx, &s, `SELECT last_value, is_called FROM `+quoted(n.Name)); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// primaryKey is the SQL of the order in which a table's rows are carried.
func primaryKey(ctx context.Context, tx *db.Tx, t table) (string, error) {
	if order, known := inOrder[t.Name]; known {
		return order, nil
	}
	var columns []string
	err := tx.Select(ctx, &columns, `
		SELECT a.attname FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k(attnum, n)
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
		WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY k.n`, quoted(t.Name))
	for i := range columns {
		columns[i] = quoted(columns[i])
	}
	if len(columns) == 0 {
		return "1", err
	}
	return strings.Join(columns, ", "), err
}

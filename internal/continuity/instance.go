package continuity

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/settlement"
)

// instanceFormat names what instance.age holds, and its version: under gzip, one JSON value a
// line. First the head; then for each table its columns and one array of texts (or null) for
// each row, as the database writes its values; last how many rows there were.
const instanceFormat = "passerelle-instance-1"

// instanceFile is its name, which says by ".age" that it is encrypted.
const instanceFile = "instance"

// instanceHead is its first line.
type instanceHead struct {
	Format    string            `json:"format"`
	At        time.Time         `json:"at"`
	Schema    int64             `json:"schema"`
	Keys      json.RawMessage   `json:"keys"`   // the keys file
	Debtor    settlement.Debtor `json:"debtor"` // who pays by the payment file
	Sequences []sequence        `json:"sequences"`
}

// instanceEnd is its last line: without it the file is not whole.
type instanceEnd struct {
	Rows *int64 `json:"rows"`
}

// instance writes everything that another operator needs, encrypted.
func (w *snapshot) instance(ctx context.Context) error {
	tables, err := carried(ctx, w.tx)
	if err != nil {
		return err
	}
	h := instanceHead{Format: instanceFormat, At: w.m.At, Schema: w.m.Schema, Debtor: w.o.Debtor}
	if h.Sequences, err = sequences(ctx, w.tx); err != nil {
		return err
	}
	if h.Keys, err = w.o.Keys.File(); err != nil {
		return err
	}
	return w.f.encrypt(instanceFile, func(out io.Writer) error {
		packed := gzip.NewWriter(out)
		lines := json.NewEncoder(packed)
		lines.SetEscapeHTML(false)
		if err := lines.Encode(h); err != nil {
			return err
		}
		var rows int64
		for _, t := range tables {
			if err := lines.Encode(t); err != nil {
				return err
			}
			n, err := writeRows(ctx, w.tx, t, packed)
			if err != nil {
				return err
			}
			rows += n
		}
		if err := lines.Encode(instanceEnd{&rows}); err != nil {
			return err
		}
		return packed.Close()
	})
}

// writeRows writes a table's rows, each as an array of its columns' texts.
func writeRows(ctx context.Context, tx *db.Tx, t table, out io.Writer) (n int64, err error) {
	order, err := primaryKey(ctx, tx, t)
	if err != nil {
		return 0, err
	}
	texts := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		texts[i] = quoted(c.Name) + "::text"
	}
	type row struct {
		Line string `db:"line"`
	}
	err = db.Each(ctx, tx, func(r row) error {
		n++
		_, err := io.WriteString(out, r.Line+"\n")
		return err
	}, `SELECT to_json(ARRAY[`+strings.Join(texts, ", ")+`])::text AS line FROM `+quoted(t.Name)+` ORDER BY `+order)
	return n, err
}

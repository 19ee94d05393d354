package db_test

import (
	"slices"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest"
)

// PostgreSQL reads the packed form and the printed one as the same arrays.
func TestPackedArraysAreTheArraysTheyWere(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	ctx := t.Context()
	for _, numbers := range [][]int64{nil, {0}, {1, -1, 1 << 62, -1 << 63}, slices.Repeat([]int64{7}, 1000)} {
		for _, words := range [][]string{nil, {""}, {"a,b", `"q"`, `\`, "é€😀", "NULL"}} {
			for _, blobs := range [][][]byte{nil, {{}}, {{0, 255}, []byte(`\x00`)}} {
				var same []bool
				err := d.Alone(ctx, &same, `SELECT $1::bigint[] = $2::bigint[] AND $3::text[] = $4::text[] AND $5::bytea[] = $6::bytea[]`,
					db.Packed(numbers), db.Array(append([]int64{}, numbers...)), db.Packed(words), db.Array(append([]string{}, words...)),
					db.Packed(blobs), db.Array(append([][]byte{}, blobs...)))
				if err != nil || !same[0] {
					t.Errorf("%d numbers, %q, %x: %v, %v", len(numbers), words, blobs, same, err)
				}
			}
		}
	}
}

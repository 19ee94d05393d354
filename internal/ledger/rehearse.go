package ledger

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
)

type rehearsed struct{}

// Rehearse runs do as it would really run, tells what it would post, and rolls all of it
// back: what a dangerous action does to the books is seen before it is done. do is a use
// case that changes the database only; its error comes back as it is.
//
// Sequences are not rolled back: an id that is told may never be given.
func Rehearse(ctx context.Context, do func(context.Context) error) ([]Transfer, error) {
	posted := []Transfer{}
	err := do(context.WithValue(db.Rehearsal(ctx), rehearsed{}, &posted))
	return posted, err
}

// record keeps what is posted during a rehearsal.
func record(ctx context.Context, transfers []Transfer) {
	if posted, ok := ctx.Value(rehearsed{}).(*[]Transfer); ok {
		*posted = append(*posted, transfers...)
	}
}

package seals

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// Broken names the seals, most of them, that do not follow the one before, are not signed,
// or whose lines are no longer those that were sealed. It reads every line there is, in one
// pass.
func Broken(ctx context.Context, tx *db.Tx, most int) ([]string, error) {
	var c check
	if err := tx.Select(ctx, &c.left, selectSeals+`ORDER BY number`); err != nil || len(c.left) == 0 {
		return nil, err
	}
	c.chain()
	err := db.Each(ctx, tx, func(r transferRow) error {
		for len(c.left) > 0 && r.ID > c.left[0].To {
			c.close()
		}
		if len(c.left) > 0 && r.ID >= c.left[0].From {
			c.leaves = append(c.leaves, r.line(c.left[0].Secret).Leaf())
		}
		return nil
	}, `SELECT id, at, event, cause, debit, credit, amount, campaign_id FROM transfers WHERE id <= $1 ORDER BY id`, c.left[len(c.left)-1].To)
	for len(c.left) > 0 {
		c.close()
	}
	return c.found[:min(len(c.found), most)], err
}

// check goes through the seals in their order.
type check struct {
	left   []sealRow         // whose lines are not all read
	leaves []vouchers.Digest // of the first of them
	found  []string
}

func (c *check) broken(s vouchers.LedgerSeal, format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf("seal:%d ", s.Number)+fmt.Sprintf(format, args...))
}

// chain looks at the seals themselves.
func (c *check) chain() {
	var last vouchers.LedgerSeal // the one before, nothing at first
	var previous vouchers.Digest
	for _, r := range c.left {
		s := r.seal()
		if s.Number != last.Number+1 || s.From != last.To+1 || s.Previous != previous {
			c.broken(s, "after=seal:%d from=%d last_to=%d previous=%s last_sha256=%s", last.Number, s.From, last.To, s.Previous, previous)
		}
		if s.CheckSignature() != nil {
			c.broken(s, "signature key=%d not_signed", s.Key)
		}
		last, previous = s, s.Digest()
	}
}

// close compares the first seal that is left with its lines.
func (c *check) close() {
	s := c.left[0].seal()
	if root := vouchers.NewTree(c.leaves).Root(); int64(len(c.leaves)) != s.Count || root != s.Root {
		c.broken(s, "sealed=%d lines=%d sealed_root=%s root=%s", s.Count, len(c.leaves), s.Root, root)
	}
	c.left, c.leaves = c.left[1:], c.leaves[:0]
}

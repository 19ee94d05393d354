package seals

import (
	"context"
	"errors"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// All are the seals as tx sees them, the latest first.
func All(ctx context.Context, tx *db.Tx) ([]vouchers.LedgerSeal, error) {
	return list(ctx, tx, before, before)
}

// ProofsOf proves transfers in the order of their ids, whoever's they are; the caller has
// asked who may see them. What no seal holds yet is left out. Each seal's lines are read once.
func ProofsOf(ctx context.Context, tx *db.Tx, transfers []int64, visit func(vouchers.Proof) error) error {
	left := slices.Sorted(slices.Values(transfers))
	for len(left) > 0 {
		number, err := sealOf(ctx, tx, left[0])
		var refusal *fault.Error
		if errors.As(err, &refusal) {
			return nil // not sealed, nor are those that follow
		}
		if err != nil {
			return err
		}
		seal, secret, err := get(ctx, tx, number)
		if err != nil {
			return err
		}
		after, _ := slices.BinarySearch(left, seal.To+1)
		if err := proveThese(ctx, tx, sealed{seal, secret}, left[:after], visit); err != nil {
			return err
		}
		left = left[after:]
	}
	return nil
}

// sealed is a seal and its secret.
type sealed struct {
	vouchers.LedgerSeal
	secret []byte
}

func proveThese(ctx context.Context, tx *db.Tx, s sealed, transfers []int64, visit func(vouchers.Proof) error) error {
	lines, err := read(ctx, tx, s.From, s.To, int(s.Count)+1, s.secret, identity.Actor{})
	if err != nil {
		return err
	}
	tree := treeOf(lines)
	for i, l := range lines {
		if _, wanted := slices.BinarySearch(transfers, l.Transfer); !wanted {
			continue
		}
		path, err := tree.Path(i)
		if err != nil {
			return err
		}
		if err := visit(vouchers.NewProof(l.LedgerLine, i, path, s.LedgerSeal)); err != nil {
			return err
		}
	}
	return nil
}

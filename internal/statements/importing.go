package statements

import (
	"context"
	"encoding/hex"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// incoming is a file that was read and belongs to our account.
type incoming struct {
	actor      identity.Actor
	sha256     []byte
	statements []sepa.Statement
}

// importAll imports the statements of a file in their order and returns their ids.
func (s *Service) importAll(ctx context.Context, tx *db.Tx, in incoming) ([]int64, error) {
	var ids []int64
	for part := range in.statements {
		id, err := s.importOne(ctx, tx, in, part)
		if err != nil {
			return nil, err
		}
		ids = append(ids, int64(id))
	}
	return ids, nil
}

func (s *Service) importOne(ctx context.Context, tx *db.Tx, in incoming, part int) (vouchers.StatementID, error) {
	all := linesOf(in.statements[part])
	known, err := knownEntries(ctx, tx, all)
	if err != nil {
		return 0, err
	}
	fresh := withoutKnown(all, known)
	id, err := insertStatement(ctx, tx, in, part, len(all)-len(fresh))
	if err != nil {
		return 0, err
	}
	if err := number(ctx, tx, fresh); err != nil {
		return 0, err
	}
	if err := s.explain(ctx, tx, fresh); err != nil {
		return 0, err
	}
	if err := insertLines(ctx, tx, id, fresh); err != nil {
		return 0, err
	}
	return id, audit.Record(ctx, tx, in.actor, "statement_imported", object(id), nil, map[string]any{
		"reference": in.statements[part].ID, "sha256": hex.EncodeToString(in.sha256), "lines": len(fresh)})
}

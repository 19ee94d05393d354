package statements

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

func insertFile(ctx context.Context, tx *db.Tx, in incoming, f File, body []byte) (vouchers.FileID, error) {
	var id vouchers.FileID
	err := tx.Get(ctx, &id, `
		INSERT INTO statement_files (name, sha256, body, statements, lines, sent_at, sent_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
		f.Name, in.sha256, body, len(in.statements), in.lines(), tx.Now, in.actor.Person)
	return id, err
}

func fileOf(ctx context.Context, tx *db.Tx, id vouchers.FileID) (File, error) {
	var f File
	err := tx.Get(ctx, &f, `
		SELECT id, name, sha256, statements, lines, lines_done, sent_at, done_at FROM statement_files WHERE id = $1`, id)
	return f, err
}

// sentFile is what a job needs of a file; Body is nil once it was imported.
type sentFile struct {
	Body         []byte                  `db:"body"`
	By           vouchers.PersonID       `db:"sent_by"`
	Organisation vouchers.OrganisationID `db:"organisation_id"`
}

func bodyOf(ctx context.Context, tx *db.Tx, id vouchers.FileID) (sentFile, error) {
	var f sentFile
	err := tx.Get(ctx, &f, `
		SELECT f.body, f.sent_by, o.id AS organisation_id FROM statement_files f, organisations o WHERE f.id = $1 AND o.kind = 'operator'
		ORDER BY o.id LIMIT 1`, id)
	return f, err
}

func tellFile(ctx context.Context, tx *db.Tx, id vouchers.FileID, done int) error {
	_, err := tx.Exec(ctx, `UPDATE statement_files SET lines_done = greatest(lines_done, $2) WHERE id = $1`, id, done)
	return err
}

func closeFile(ctx context.Context, tx *db.Tx, id vouchers.FileID) error {
	_, err := tx.Exec(ctx, `UPDATE statement_files SET lines_done = lines, done_at = $2, body = NULL WHERE id = $1`, id, tx.Now)
	return err
}

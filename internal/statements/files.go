package statements

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// JobKind names the job that imports a file. DoImport does it.
const JobKind = "import_statements"

// File is a file that was sent, and how far its import has come.
type File struct {
	ID         vouchers.FileID `db:"id"`
	Name       string          `db:"name"`
	SHA256     []byte          `db:"sha256"`
	Statements int             `db:"statements"`
	Lines      int             `db:"lines"`
	Done       int             `db:"lines_done"`
	SentAt     time.Time       `db:"sent_at"`
	DoneAt     *time.Time      `db:"done_at"`

	Imported []Statement `db:"-"` // of it, so far
}

// Send takes a file to be imported by a job: whoever sent it need not wait. A file that
// cannot be read, or is of another account, is refused at once.
func (s *Service) Send(ctx context.Context, actor identity.Actor, name string, body []byte) (vouchers.FileID, error) {
	if err := mayImport(actor); err != nil {
		return 0, err
	}
	in, err := s.read(actor, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	var id vouchers.FileID
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		id, err = once.Do(ctx, tx, actor.Organisation, "send_statements", fmt.Sprintf("%x", in.sha256), func() (vouchers.FileID, error) {
			id, err := insertFile(ctx, tx, in, File{Name: name}, body)
			if err != nil {
				return 0, err
			}
			return id, jobs.Enqueue(ctx, tx, jobs.Job{Kind: JobKind, Payload: id})
		})
		return err
	})
	return id, err
}

// Sent tells how far the import of a file has come.
func (s *Service) Sent(ctx context.Context, actor identity.Actor, id vouchers.FileID) (File, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return File{}, err
	}
	var f File
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if f, err = fileOf(ctx, tx, id); err != nil {
			return err
		}
		f.Imported, err = ofFile(ctx, tx, f.SHA256)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		err = fault.New(fault.NotFound, "not_found")
	}
	return f, err
}

// DoImport imports the file that a job names. Done again, it brings what was missing.
func (s *Service) DoImport(ctx context.Context, job jobs.Work) error {
	var id vouchers.FileID
	if err := json.Unmarshal(job.Payload, &id); err != nil {
		return jobs.GiveUp(err)
	}
	var sent sentFile
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		sent, err = bodyOf(ctx, tx, id)
		return err
	})
	if err != nil || sent.Body == nil {
		return err
	}
	in, err := s.read(identity.Actor{Person: sent.By, Organisation: sent.Organisation}, bytes.NewReader(sent.Body))
	if err != nil {
		return jobs.GiveUp(err)
	}
	in.tell = func(p Progress) {
		// In a transaction of its own, because nobody sees the import's before its end. Its
		// failure loses a figure and nothing else.
		if err := s.db.InTx(ctx, func(tx *db.Tx) error { return tellFile(ctx, tx, id, p.Done) }); err != nil {
			s.log.Warn("the progress of an import was not written", "file", int64(id), "error", err)
		}
	}
	if _, err := s.importAll(ctx, in); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return closeFile(ctx, tx, id) })
}

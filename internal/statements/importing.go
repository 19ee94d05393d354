package statements

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Report is what an import did.
type Report struct {
	Statements []Statement `json:"statements"`
	Agreements []Agreement `json:"agreements"` // of each account of which the bank has told a balance

	AlreadyImported bool `json:"-"` // every statement of the file had been imported before: nothing has changed
}

// Progress tells how far an import has come.
type Progress struct{ Lines, Done int }

// Import takes a camt.053 or camt.054 file, each statement of it wholly or not at all: after
// a failure the same file brings what is missing. The same file, or the same line in another
// file, changes nothing. tell may be nil; it is called while a statement is being written.
func (s *Service) Import(ctx context.Context, actor identity.Actor, file io.Reader, tell func(Progress)) (Report, error) {
	if err := mayImport(actor); err != nil {
		return Report{}, err
	}
	in, err := s.read(actor, file)
	if err != nil {
		return Report{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, actor.Organisation, "import_statements", hex.EncodeToString(in.sha256), func() (struct{}, error) {
			return struct{}{}, nil
		})
		return err
	})
	if err != nil {
		return Report{}, err
	}
	in.tell = tell
	return s.importAll(ctx, in)
}

func mayImport(actor identity.Actor) error {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

// incoming is a file that was read and belongs to our accounts.
type incoming struct {
	actor      identity.Actor
	sha256     []byte
	statements []sepa.Statement
	tell       func(Progress)
}

func (s *Service) read(actor identity.Actor, file io.Reader) (incoming, error) {
	in := incoming{actor: actor}
	hash := sha256.New()
	var err error
	if in.statements, err = sepa.ReadStatements(io.TeeReader(file, hash)); err != nil {
		return in, err
	}
	in.sha256 = hash.Sum(nil)
	for _, one := range in.statements {
		if s.accounts.of(one.Account) == "" {
			return in, fault.New(fault.Invalid, "statement_other_account", "account", one.Account.Masked(), "expected", s.accounts.Segregated.Masked())
		}
	}
	return in, nil
}

// lines counts the payments of the file.
func (in incoming) lines() int {
	n := 0
	for _, s := range in.statements {
		n += len(linesOf(s))
	}
	return n
}

// importAll imports the statements of a file in their order, each in a transaction of its
// own, and reports.
func (s *Service) importAll(ctx context.Context, in incoming) (Report, error) {
	report := Report{AlreadyImported: true}
	progress := Progress{Lines: in.lines()}
	for part := range in.statements {
		isNew, err := s.importPart(ctx, in, part, &progress)
		if err != nil {
			return Report{}, err
		}
		report.AlreadyImported = report.AlreadyImported && !isNew
	}
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if report.Statements, err = ofFile(ctx, tx, in.sha256); err != nil {
			return err
		}
		report.Agreements, err = AgreementsNow(ctx, tx)
		return err
	})
	return report, err
}

// importPart imports one statement, unless it was imported before.
func (s *Service) importPart(ctx context.Context, in incoming, part int, progress *Progress) (isNew bool, err error) {
	before := *progress
	var lines []*newLine
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		*progress = before // the transaction may be redone
		if err := oneAtATime(ctx, tx); err != nil {
			return err
		}
		known, err := importedBefore(ctx, tx, in.sha256, part)
		if isNew = !known; err != nil || known {
			return err
		}
		lines, err = s.importOne(ctx, tx, in, part, func(n int) {
			progress.Done += n
			if in.tell != nil {
				in.tell(*progress)
			}
		})
		return err
	})
	progress.Done = before.Done + len(linesOf(in.statements[part]))
	if err == nil {
		s.alarm(in.statements[part].ID, lines)
	}
	return isNew, err
}

// alarm tells the log of debits that nobody ordered: cover has shrunk by them.
func (s *Service) alarm(statement string, lines []*newLine) {
	var count int
	var amount vouchers.Cents
	for _, l := range lines {
		if l.outcome == UnexpectedDebit || l.kind == NobodysDebit {
			count, amount = count+1, amount+l.payment.Amount
		}
	}
	if count > 0 {
		s.log.Error("the bank shows debits that nobody ordered", "statement", statement, "lines", count, "amount", amount.String())
	}
}

func (s *Service) importOne(ctx context.Context, tx *db.Tx, in incoming, part int, done func(lines int)) ([]*newLine, error) {
	account := s.accounts.of(in.statements[part].Account)
	all := linesOf(in.statements[part])
	known, err := knownEntries(ctx, tx, all)
	if err != nil {
		return nil, err
	}
	fresh := withoutKnown(all, known)
	id, err := insertStatement(ctx, tx, in, newStatement{part, account, len(all) - len(fresh)})
	if err != nil {
		return nil, err
	}
	if err := number(ctx, tx, fresh); err != nil {
		return nil, err
	}
	if err := s.explain(ctx, tx, account, fresh); err != nil {
		return nil, err
	}
	for chunk := range slices.Chunk(fresh, 1000) {
		if err := insertLines(ctx, tx, id, chunk); err != nil {
			return nil, err
		}
		done(len(chunk))
	}
	if err := openCases(ctx, tx, fresh); err != nil {
		return nil, err
	}
	if err := complete(ctx, tx); err != nil {
		return nil, err
	}
	return fresh, audit.Record(ctx, tx, in.actor, "statement_imported", object(id), nil, map[string]any{
		"reference": in.statements[part].ID, "sha256": hex.EncodeToString(in.sha256), "lines": len(fresh)})
}

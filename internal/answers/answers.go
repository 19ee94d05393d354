// Package answers takes what the bank answers to the files that we send it (pain.002): which
// transfers it accepts, and which it rejects before anything is debited. The rooms that
// ordered them take a rejection into the books; that money has left, a statement says alone.
package answers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to send answers: the one of bank statements.
const Scope = "statements"

// Sender is a room that sends files to the bank.
type Sender interface {
	// Sent lists the transfers of the file that bears a message id; none where the file is
	// not the room's.
	Sent(ctx context.Context, tx *db.Tx, message string) ([]sepa.Ordered, error)
	// Reject takes the rejection of a transfer into the books and says its effect:
	// RejectedNow, RejectedBefore or Contradicted.
	Reject(ctx context.Context, tx *db.Tx, name, reason string) (effect string, err error)
}

// Service is the use cases of answers.
type Service struct {
	db      *db.DB
	senders []Sender
	log     *slog.Logger
}

// New makes the service.
func New(d *db.DB, senders []Sender, log *slog.Logger) *Service {
	return &Service{db: d, senders: senders, log: log}
}

// What an answer did to a transfer.
const (
	Accepted       = "accepted"        // the bank will carry it out; a statement will show it
	Waiting        = "waiting"         // the bank has it and has not decided, or refuses a second copy of it
	RejectedNow    = "rejected"        // it comes back: nothing was debited
	RejectedBefore = "rejected_before" // it had come back already
	Contradicted   = "contradicted"    // rejected, and shown as debited; or accepted, and rejected before
)

// Answer is an answer of the bank and what it did.
type Answer struct {
	ID         vouchers.AnswerID `json:"id" db:"id"`
	Reference  string            `json:"reference" db:"reference"`   // the bank's
	MessageID  string            `json:"message_id" db:"message_id"` // of our file
	Status     string            `json:"status" db:"status"`         // of the whole, "" where the bank does not say
	Reason     string            `json:"reason" db:"reason"`
	AnsweredAt *time.Time        `json:"answered_at" db:"answered_at"`
	ImportedAt time.Time         `json:"imported_at" db:"imported_at"`

	Accepted     int    `json:"accepted" db:"accepted"`
	Waiting      int    `json:"waiting" db:"waiting"`
	Rejected     int    `json:"rejected" db:"rejected"` // now or before
	Contradicted int    `json:"contradicted" db:"contradicted"`
	Lines        []Line `json:"lines" db:"-"` // of List: none

	AlreadyImported bool `json:"-" db:"-"` // the same file had been imported before: nothing has changed
}

// Line is what an answer says of one transfer.
type Line struct {
	EndToEnd string         `json:"end_to_end_id" db:"end_to_end"`
	Payee    string         `json:"payee" db:"payee"`
	Amount   vouchers.Cents `json:"amount_cents" db:"amount_cents"`
	Status   string         `json:"status" db:"status"`
	Reason   string         `json:"reason" db:"reason"`
	Effect   string         `json:"effect" db:"effect"`
}

// Import takes a pain.002 file, wholly or not at all. The same file again changes nothing.
// Beside the faults of sepa.ReadAnswer: answer_message_unknown, answer_transfer_unknown,
// answer_amount_differs.
func (s *Service) Import(ctx context.Context, actor identity.Actor, file io.Reader) (Answer, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return Answer{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Answer{}, err
	}
	hash := sha256.New()
	said, err := sepa.ReadAnswer(io.TeeReader(file, hash))
	if err != nil {
		return Answer{}, err
	}
	in := incoming{actor, hash.Sum(nil), said}
	var a Answer
	var known bool
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = once.Do(ctx, tx, actor.Organisation, "import_answer", hex.EncodeToString(in.sha256), func() (one Answer, err error) {
			one, known, err = s.take(ctx, tx, in)
			return one, err
		})
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	if a.AlreadyImported = known; a.Contradicted > 0 && !known {
		s.log.Error("the bank contradicts what it has said or shown before", "answer", a.ID, "transfers", a.Contradicted)
	}
	return a, nil
}

// incoming is a file that was read.
type incoming struct {
	actor  identity.Actor
	sha256 []byte
	said   sepa.Answer
}

// take does what an answer says, unless the same file has been taken before.
func (s *Service) take(ctx context.Context, tx *db.Tx, in incoming) (a Answer, known bool, err error) {
	room, sent, err := s.sender(ctx, tx, in.said.MessageID)
	if err != nil {
		return Answer{}, false, err
	}
	if err := fits(in.said, sent); err != nil {
		return Answer{}, false, err
	}
	id, isNew, err := insert(ctx, tx, in)
	if err != nil {
		return Answer{}, false, err
	}
	if isNew {
		if err := s.apply(ctx, tx, in, id, room, sent); err != nil {
			return Answer{}, false, err
		}
	}
	a, err = open(ctx, tx, id)
	return a, !isNew, err
}

// sender finds the room that sent a file.
func (s *Service) sender(ctx context.Context, tx *db.Tx, message string) (Sender, []sepa.Ordered, error) {
	for _, room := range s.senders {
		sent, err := room.Sent(ctx, tx, message)
		if err != nil || len(sent) > 0 {
			return room, sent, err
		}
	}
	return nil, nil, fault.New(fault.Invalid, "answer_message_unknown", "message", message)
}

func (s *Service) apply(ctx context.Context, tx *db.Tx, in incoming, id vouchers.AnswerID, room Sender, sent []sepa.Ordered) error {
	var lines []Line
	var err error
	said := in.said.Verdicts()
	again := secondCopy(said, sent)
	for _, o := range sent {
		v := said.Of(o.Name)
		if v.Status == "" {
			continue
		}
		l := Line{EndToEnd: o.Name, Payee: o.Payee, Amount: o.Amount, Status: string(v.Status), Reason: v.Reason, Effect: effectOf(v, o)}
		if v.Status == sepa.AnswerRejected && !(again && v.Duplicate() && !o.Rejected) {
			if l.Effect, err = room.Reject(ctx, tx, o.Name, v.Reason); err != nil {
				return err
			}
		}
		lines = append(lines, l)
	}
	if err := insertLines(ctx, tx, id, lines); err != nil {
		return err
	}
	return audit.Record(ctx, tx, in.actor, "bank_answer_imported", fmt.Sprintf("bank_answer:%d", id), nil, map[string]any{
		"reference": in.said.ID, "message_id": in.said.MessageID, "sha256": hex.EncodeToString(in.sha256), "lines": len(lines)})
}

// List returns answers below the cursor (0: the latest), newest first, without their lines.
func (s *Service) List(ctx context.Context, actor identity.Actor, before vouchers.AnswerID, limit int) ([]Answer, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var all []Answer
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = list(ctx, tx, before, min(max(limit, 1), 200))
		return err
	})
	return all, err
}

// Open returns one answer with its lines.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.AnswerID) (Answer, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return Answer{}, err
	}
	var a Answer
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = open(ctx, tx, id)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return Answer{}, fault.New(fault.NotFound, "not_found")
	}
	return a, err
}

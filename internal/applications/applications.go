// Package applications is how a place comes to a label: public criteria in versions, what a
// structure says of itself with proofs, the operator's decisions, and appeals. The program
// refuses nobody: a refusal takes two people and a reason per criterion.
package applications

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Notify writes to a structure in the transaction of what it tells.
type Notify struct {
	Decided func(ctx context.Context, tx *db.Tx, to string, a Application) error // asked, refused or granted
	Ending  func(ctx context.Context, tx *db.Tx, to string, e Ending) error
}

// Service is the use cases of applications.
type Service struct {
	db     *db.DB
	notify Notify
}

// New makes the service.
func New(d *db.DB, notify Notify) *Service { return &Service{d, notify} }

// Answer is what a structure says of one criterion.
type Answer struct {
	Meets string `json:"meets"` // "yes", "partly", "no"; "" as long as it is open
	Note  string `json:"note"`
}

// Proof is a file that shows something of one criterion.
type Proof struct {
	File      vouchers.ProofID `json:"file" db:"file_id"`
	Criterion string           `json:"criterion" db:"criterion"`
	Name      string           `json:"name" db:"name"`
	Size      int              `json:"bytes" db:"size"`
}

// Event is one step of an application.
type Event struct {
	At      time.Time         `json:"at" db:"at"`
	Name    string            `json:"event" db:"event"`
	Person  string            `json:"person,omitempty" db:"person"` // told to the operator only
	Reason  string            `json:"reason,omitempty" db:"reason"`
	Remarks map[string]string `json:"remarks" db:"-"` // by criterion

	By vouchers.PersonID `json:"-" db:"person_id"`
}

// Application asks for a label for a place.
type Application struct {
	ID            vouchers.ApplicationID  `json:"id" db:"id"`
	Place         vouchers.PlaceID        `json:"place" db:"place_id"`
	PlaceName     string                  `json:"place_name" db:"place_name"`
	Town          string                  `json:"town" db:"town"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	Kind          string                  `json:"kind" db:"kind"`
	KindName      string                  `json:"kind_name" db:"kind_name"`
	Version       int                     `json:"version" db:"version"` // of the criteria
	State         State                   `json:"state" db:"state"`
	Answers       map[string]Answer       `json:"answers" db:"-"`
	Remarks       map[string]string       `json:"remarks" db:"-"` // of the latest decision
	Reason        string                  `json:"reason" db:"reason"`
	Appeal        string                  `json:"appeal" db:"appeal"`
	ChangedAt     time.Time               `json:"changed_at" db:"changed_at"`
	SentAt        *time.Time              `json:"sent_at" db:"sent_at"`
	DecidedAt     *time.Time              `json:"decided_at" db:"decided_at"`
	ReviewedBy    *vouchers.PersonID      `json:"-" db:"reviewed_by"`
	Label         *vouchers.LabelID       `json:"label" db:"label_id"`
	Form          Form                    `json:"criteria" db:"-"`
	Proofs        []Proof                 `json:"proofs" db:"-"`
	Events        []Event                 `json:"events" db:"-"`

	Renews *vouchers.Day `json:"renews_until" db:"renews_until"` // the end of the label in force of that kind
	Held   bool          `json:"-" db:"held"`                    // the place is still its structure's
}

// Start begins an application for a place of the actor's structure, on the latest criteria,
// or goes on with the one that is open. Of an earlier one it takes the answers; one that the
// place's former structure left open ends. Its faults are not_found, label_kind_unknown and
// label_in_force.
func (s *Service) Start(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, kind string) (Application, error) {
	if err := mayApply(actor); err != nil {
		return Application{}, err
	}
	if kind == "" {
		kind = labelling.OwnKind
	}
	return s.write(ctx, actor, "start_application", []any{place, kind}, func(tx *db.Tx) (Application, error) {
		if err := labelling.LockOwn(ctx, tx, actor, place); err != nil {
			return Application{}, err
		}
		switch open, there, err := openOf(ctx, tx, place, kind); {
		case err != nil, there && open.Held:
			return open, err
		case there:
			if _, err := s.step(ctx, tx, actor, open, step{state: Withdrawn, event: "withdrawn"}); err != nil {
				return Application{}, err
			}
		}
		criteria, err := latest(ctx, tx, kind)
		if err != nil {
			return Application{}, err
		}
		if until, err := labelledUntil(ctx, tx, place, kind); err != nil {
			return Application{}, err
		} else if until != nil && *until > vouchers.DayOf(tx.Now)+labelling.RenewalDays {
			return Application{}, fault.New(fault.Conflict, "label_in_force", "until", *until)
		}
		id, err := insert(ctx, tx, actor, place, criteria)
		if err != nil {
			return Application{}, err
		}
		return application(ctx, tx, id)
	})
}

// Saved is what is kept of a form, complete or not.
type Saved struct {
	Answers map[string]Answer       `json:"answers"`        // of these criteria; others stay
	Proofs  map[string]files.Upload `json:"proofs"`         // more of them
	Remove  []vouchers.ProofID      `json:"remove"`         // proofs that are none
	Send    bool                    `json:"send,omitempty"` // and hand it to the operator, where nothing is missing
}

// Save keeps answers and proofs, as far as they are given. Its faults are not_found,
// application_sent, criterion_unknown, answer_unknown, note_too_long, too_many_proofs and
// those of files.
func (s *Service) Save(ctx context.Context, actor identity.Actor, id vouchers.ApplicationID, req Saved) (Application, error) {
	if err := mayApply(actor); err != nil {
		return Application{}, err
	}
	return s.write(ctx, actor, "save_application", []any{id, req}, func(tx *db.Tx) (Application, error) {
		a, err := s.lockOwn(ctx, tx, actor, id)
		if err != nil {
			return Application{}, err
		}
		if a.State != Draft && a.State != Asked {
			return Application{}, fault.New(fault.Conflict, "application_sent")
		}
		answers, err := a.with(req)
		if err != nil {
			return Application{}, err
		}
		if err := keepProofs(ctx, tx, actor, a, req); err != nil {
			return Application{}, err
		}
		if err := setAnswers(ctx, tx, id, answers); err != nil {
			return Application{}, err
		}
		if a, err = application(ctx, tx, id); err != nil || !req.Send || a.Incomplete() != nil {
			return a, err
		}
		return s.send(ctx, tx, actor, a)
	})
}

func keepProofs(ctx context.Context, tx *db.Tx, actor identity.Actor, a Application, req Saved) error {
	for _, file := range req.Remove {
		if err := removeProof(ctx, tx, a.ID, file); err != nil {
			return err
		}
	}
	for _, criterion := range sorted(req.Proofs) {
		f, err := files.Keep(ctx, tx, actor, req.Proofs[criterion])
		if err != nil {
			return err
		}
		if err := insertProof(ctx, tx, a.ID, criterion, f.ID); err != nil {
			return err
		}
	}
	return nil
}

// Send hands an application to the operator. Its faults are not_found, application_sent and
// application_incomplete.
func (s *Service) Send(ctx context.Context, actor identity.Actor, id vouchers.ApplicationID) (Application, error) {
	if err := mayApply(actor); err != nil {
		return Application{}, err
	}
	return s.write(ctx, actor, "send_application", id, func(tx *db.Tx) (Application, error) {
		a, err := s.lockOwn(ctx, tx, actor, id)
		if err != nil {
			return Application{}, err
		}
		if a.State != Draft && a.State != Asked {
			return Application{}, fault.New(fault.Conflict, "application_sent")
		}
		if err := a.Incomplete(); err != nil {
			return Application{}, err
		}
		return s.send(ctx, tx, actor, a)
	})
}

// send hands an application to the operator; one that was appealed stays an appeal.
func (s *Service) send(ctx context.Context, tx *db.Tx, actor identity.Actor, a Application) (Application, error) {
	to := step{state: Sent, event: "sent"}
	if a.Appeal != "" {
		to.state = Appealed
	}
	return s.step(ctx, tx, actor, a, to)
}

// Withdraw ends an application that nobody has decided. Its faults are not_found and
// application_decided.
func (s *Service) Withdraw(ctx context.Context, actor identity.Actor, id vouchers.ApplicationID) (Application, error) {
	if err := mayApply(actor); err != nil {
		return Application{}, err
	}
	return s.write(ctx, actor, "withdraw_application", id, func(tx *db.Tx) (Application, error) {
		a, err := s.lockOwn(ctx, tx, actor, id)
		if err != nil {
			return Application{}, err
		}
		if !a.State.Open() {
			return Application{}, fault.New(fault.Conflict, "application_decided")
		}
		return s.step(ctx, tx, actor, a, step{state: Withdrawn, event: "withdrawn"})
	})
}

// Appeal asks that a refusal be looked at again by people who took no part in it, within
// AppealDays. Its faults are not_found, application_not_refused, appeal_too_late and
// reason_missing.
func (s *Service) Appeal(ctx context.Context, actor identity.Actor, id vouchers.ApplicationID, why string) (Application, error) {
	if err := mayApply(actor); err != nil {
		return Application{}, err
	}
	why, err := reason(why, 10, 3000)
	if err != nil {
		return Application{}, err
	}
	return s.write(ctx, actor, "appeal_application", []any{id, why}, func(tx *db.Tx) (Application, error) {
		a, err := s.lockOwn(ctx, tx, actor, id)
		if err != nil {
			return Application{}, err
		}
		if err := a.mayAppeal(tx.Now); err != nil {
			return Application{}, err
		}
		return s.step(ctx, tx, actor, a, step{state: Appealed, event: "appealed", reason: why})
	})
}

// Of returns the applications of the actor's structure, the newest of each place first.
func (s *Service) Of(ctx context.Context, actor identity.Actor) ([]Application, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return nil, err
	}
	var all []Application
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = list(ctx, tx, `WHERE a.structure_id = $1 ORDER BY a.id DESC`, actor.Organisation)
		return err
	})
	for i := range all {
		all[i] = all[i].shownTo(actor)
	}
	return all, err
}

// Open reads an application, with its criteria, proofs and history: for its structure and the
// operator.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.ApplicationID) (Application, error) {
	if err := mayRead(actor); err != nil {
		return Application{}, err
	}
	var a Application
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = s.readable(ctx, tx, actor, id)
		return err
	})
	return a, err
}

func (s *Service) readable(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ApplicationID) (Application, error) {
	a, err := application(ctx, tx, id)
	if err != nil {
		return Application{}, err
	}
	if actor.Kind == identity.Operator {
		if a.State == Draft {
			return Application{}, fault.New(fault.NotFound, "not_found")
		}
		return a, nil
	}
	if a.Structure != actor.Organisation {
		return Application{}, fault.New(fault.NotFound, "not_found")
	}
	return a.shownTo(actor), nil
}

// shownTo leaves out who did what: that is told to the operator only.
func (a Application) shownTo(actor identity.Actor) Application {
	if actor.Kind != identity.Operator {
		for i := range a.Events {
			a.Events[i].Person = ""
		}
	}
	return a
}

// File is a proof of an application, for whoever may read the application.
func (s *Service) File(ctx context.Context, actor identity.Actor, id vouchers.ApplicationID, file vouchers.ProofID) (files.File, error) {
	if err := mayRead(actor); err != nil {
		return files.File{}, err
	}
	var f files.File
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		a, err := s.readable(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		for _, p := range a.Proofs {
			if p.File == file {
				f, err = files.Open(ctx, tx, file)
				return err
			}
		}
		return fault.New(fault.NotFound, "not_found")
	})
	return f, err
}

// lockOwn locks an application of the actor's structure, and reads it.
func (s *Service) lockOwn(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ApplicationID) (Application, error) {
	a, err := application(ctx, tx, id)
	if err == nil && a.Structure != actor.Organisation {
		err = fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return a, err
	}
	return lock(ctx, tx, id)
}

// step is what changes of an application.
type step struct {
	state   State
	event   string
	reason  string
	remarks map[string]string
	label   vouchers.LabelID // of a grant
}

// step takes an application to another state, keeps who did it and tells its structure.
func (s *Service) step(ctx context.Context, tx *db.Tx, actor identity.Actor, a Application, to step) (Application, error) {
	if err := setState(ctx, tx, actor, a, to); err != nil {
		return Application{}, err
	}
	if err := insertEvent(ctx, tx, actor, a.ID, to); err != nil {
		return Application{}, err
	}
	after, err := application(ctx, tx, a.ID)
	if err != nil {
		return Application{}, err
	}
	err = audit.Record(ctx, tx, actor, "application_"+to.event, fmt.Sprintf("place:%d", a.Place), map[string]any{"state": a.State},
		map[string]any{"application": a.ID, "state": after.State, "reason": to.reason, "remarks": to.remarks})
	if err != nil || !after.State.told() {
		return after, err
	}
	contact, err := contactOf(ctx, tx, after.Structure)
	if err != nil {
		return Application{}, err
	}
	return after, s.notify.Decided(ctx, tx, contact, after)
}

// write runs effect once for the key of the request, in one transaction.
func (s *Service) write(ctx context.Context, actor identity.Actor, action string, req any, effect func(tx *db.Tx) (Application, error)) (Application, error) {
	var a Application
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = once.Do(ctx, tx, actor.Organisation, action, req, func() (Application, error) { return effect(tx) })
		return err
	})
	return a.shownTo(actor), err
}

func mayApply(actor identity.Actor) error {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return err
	}
	return actor.NeedsScope(labelling.PlacesScope)
}

func mayRead(actor identity.Actor) error {
	return actor.NeedsAny(identity.Structure, identity.Operator)
}

package applications

import (
	"context"
	"strings"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Queue lists the applications that wait for the operator, the longest waiting first.
func (s *Service) Queue(ctx context.Context, actor identity.Actor) ([]Application, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var all []Application
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = list(ctx, tx, `WHERE a.state IN ('sent', 'refusing', 'appealed') AND p.structure_id = a.structure_id ORDER BY a.changed_at, a.id`)
		return err
	})
	return all, err
}

// Decision is what a reviewer says of an application: grant until EndsOn, ask for something,
// or refuse. What is asked and why it is refused is said per criterion.
type Decision struct {
	Decision string            `json:"decision"` // "grant", "ask", "refuse"
	EndsOn   vouchers.Day      `json:"ends_on,omitempty"`
	Remarks  map[string]string `json:"remarks"`
}

// Decide decides on an application that was sent, or appealed, while the place is still its
// structure's. A refusal waits for a second person. Its faults are not_found, application_not_waiting, appeal_same_person,
// decision_unknown, remarks_missing and those of a grant.
func (s *Service) Decide(ctx context.Context, actor identity.Actor, id vouchers.ApplicationID, d Decision) (Application, error) {
	if err := mayReview(actor); err != nil {
		return Application{}, err
	}
	return s.write(ctx, actor, "decide_application", []any{id, d}, func(tx *db.Tx) (Application, error) {
		a, err := lock(ctx, tx, id)
		if err != nil {
			return Application{}, err
		}
		if err := a.mayReview(actor); err != nil {
			return Application{}, err
		}
		if d.Decision == "grant" {
			return s.grant(ctx, tx, actor, a, d.EndsOn)
		}
		to := step{state: Asked, event: "asked"}
		switch d.Decision {
		case "refuse":
			to = step{state: Refusing, event: "refusal_proposed"}
		case "ask":
		default:
			return Application{}, fault.New(fault.Invalid, "decision_unknown")
		}
		if to.remarks, err = a.Form.remarks(d.Remarks); err != nil {
			return Application{}, err
		}
		return s.step(ctx, tx, actor, a, to)
	})
}

func (s *Service) grant(ctx context.Context, tx *db.Tx, actor identity.Actor, a Application, until vouchers.Day) (Application, error) {
	l, err := labelling.Recognise(ctx, tx, actor, labelling.Grant{Place: a.Place, Kind: a.Kind, EndsOn: until})
	if err != nil {
		return Application{}, err
	}
	return s.step(ctx, tx, actor, a, step{state: Granted, event: "granted", label: l.ID})
}

// Confirm is the second person's word on a refusal: it stands, or the application goes back to
// be reviewed, with a reason. Its faults are not_found, application_not_waiting, own_request,
// appeal_same_person and reason_missing.
func (s *Service) Confirm(ctx context.Context, actor identity.Actor, id vouchers.ApplicationID, stands bool, why string) (Application, error) {
	if err := mayReview(actor); err != nil {
		return Application{}, err
	}
	if why = strings.TrimSpace(why); !stands {
		var err error
		if why, err = reason(why, 3, 500); err != nil {
			return Application{}, err
		}
	}
	return s.write(ctx, actor, "confirm_refusal", []any{id, stands, why}, func(tx *db.Tx) (Application, error) {
		a, err := lock(ctx, tx, id)
		if err != nil {
			return Application{}, err
		}
		switch {
		case a.State != Refusing || !a.Held:
			return Application{}, fault.New(fault.Conflict, "application_not_waiting")
		case is(a.ReviewedBy, actor):
			return Application{}, fault.New(fault.Conflict, "own_request")
		case a.TookPart(actor):
			return Application{}, fault.New(fault.Forbidden, "appeal_same_person")
		case !stands && a.Appeal != "":
			return s.step(ctx, tx, actor, a, step{state: Appealed, event: "sent_back", reason: why})
		case !stands:
			return s.step(ctx, tx, actor, a, step{state: Sent, event: "sent_back", reason: why})
		}
		return s.step(ctx, tx, actor, a, step{state: Refused, event: "refused", reason: why, remarks: a.Remarks})
	})
}

// Kind is a label that places can apply for.
type Kind struct {
	Code    string `json:"code" db:"code"`
	Name    string `json:"name" db:"name"`
	Summary string `json:"summary" db:"summary"`
}

// Criteria is what a label asks for, as it was published.
type Criteria struct {
	Kind
	Version     int          `json:"version" db:"version"`
	Form        Form         `json:"criteria" db:"-"`
	PublishedAt vouchers.Day `json:"published_on" db:"published_on"`
	Latest      bool         `json:"latest" db:"latest"`
}

// Published lists all criteria that ever were: for everybody.
func (s *Service) Published(ctx context.Context, _ identity.Actor) ([]Criteria, error) {
	var all []Criteria
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = criteria(ctx, tx, `true`)
		return err
	})
	return all, err
}

// NewCriteria are criteria to publish: of a label that is new, or the next version of one that
// there is. Applications that are under way keep theirs.
type NewCriteria struct {
	Kind
	Form Form `json:"criteria"`
}

// Publish publishes criteria, which never change afterwards. Its faults are label_kind_wrong,
// criterion_wrong and criteria_count.
func (s *Service) Publish(ctx context.Context, actor identity.Actor, req NewCriteria) (Criteria, error) {
	if err := mayReview(actor); err != nil {
		return Criteria{}, err
	}
	req.Name, req.Summary = strings.TrimSpace(req.Name), strings.TrimSpace(req.Summary)
	if n := len([]rune(req.Name)); !codeForm.MatchString(req.Code) || n < 3 || n > 100 || len([]rune(req.Summary)) > 500 {
		return Criteria{}, fault.New(fault.Invalid, "label_kind_wrong")
	}
	if err := req.Form.check(); err != nil {
		return Criteria{}, err
	}
	var made Criteria
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		made, err = once.Do(ctx, tx, actor.Organisation, "publish_criteria", req, func() (Criteria, error) {
			if err := keepKind(ctx, tx, req.Kind); err != nil {
				return Criteria{}, err
			}
			if err := insertCriteria(ctx, tx, actor, req); err != nil {
				return Criteria{}, err
			}
			c, err := latest(ctx, tx, req.Code)
			if err != nil {
				return Criteria{}, err
			}
			return c, audit.Record(ctx, tx, actor, "criteria_published", "label_kind:"+req.Code, nil, c)
		})
		return err
	})
	return made, err
}

// Entry is one line of the public register.
type Entry struct {
	Label       vouchers.LabelID `json:"label" db:"id"`
	Kind        string           `json:"kind" db:"kind"`
	KindName    string           `json:"kind_name" db:"kind_name"`
	Place       vouchers.PlaceID `json:"place" db:"place_id"`
	PlaceName   string           `json:"place_name" db:"place_name"`
	Town        string           `json:"town" db:"town"`
	StartsOn    vouchers.Day     `json:"starts_on" db:"starts_on"`
	EndsOn      vouchers.Day     `json:"ends_on" db:"ends_on"`                   // as it was granted
	Criteria    *int             `json:"criteria_version" db:"criteria_version"` // nil: without an application
	EndedOn     *vouchers.Day    `json:"ended_on" db:"ended_on"`                 // taken back or renewed before its end, or run out
	EndReason   string           `json:"end_reason,omitempty" db:"end_reason"`   // "renewed", "expired", or why it was taken back
	SuspendedOn *vouchers.Day    `json:"suspended_on" db:"suspended_on"`         // it takes no voucher since
	Suspension  string           `json:"suspended_for,omitempty" db:"suspended_for"`
}

// Version is that of its criteria; 0 without an application.
func (e Entry) Version() int {
	if e.Criteria == nil {
		return 0
	}
	return *e.Criteria
}

// RegisterQuery cuts the register.
type RegisterQuery struct {
	Before vouchers.LabelID
	Kind   string
	Limit  int
}

// Register lists all labels that were ever granted, the newest first: for everybody.
func (s *Service) Register(ctx context.Context, _ identity.Actor, q RegisterQuery) ([]Entry, error) {
	var all []Entry
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = register(ctx, tx, q)
		return err
	})
	return all, err
}

// Ending is a label that ends soon, and the structure that is told.
type Ending struct {
	Label     vouchers.LabelID        `db:"label_id"`
	Place     vouchers.PlaceID        `db:"place_id"`
	PlaceName string                  `db:"place_name"`
	KindName  string                  `db:"kind_name"`
	EndsOn    vouchers.Day            `db:"ends_on"`
	Structure vouchers.OrganisationID `db:"structure_id"`
	Email     string                  `db:"email"`
	Notice    int                     `db:"-"` // days before its end, of Notices
}

// Remind tells structures that a label of theirs ends and that none is asked for yet, at each
// of Notices once. It may run as often as one likes.
func (s *Service) Remind(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		all, err := ending(ctx, tx, Notices[0])
		if err != nil {
			return err
		}
		today := vouchers.DayOf(tx.Now)
		for _, e := range all {
			for _, days := range Notices {
				if int(e.EndsOn-today) <= days {
					e.Notice = days
				}
			}
			if err := s.notify.Ending(ctx, tx, e.Email, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func mayReview(actor identity.Actor) error {
	if err := actor.Needs(identity.Operator, identity.Agent); err != nil {
		return err
	}
	return actor.NeedsScope(labelling.LabelsScope)
}

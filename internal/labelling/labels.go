package labelling

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Label is the recognition of a place from StartsOn to EndsOn, both included.
type Label struct {
	ID        vouchers.LabelID `json:"id"`
	Place     vouchers.PlaceID `json:"place"`
	StartsOn  vouchers.Day     `json:"starts_on"`
	EndsOn    vouchers.Day     `json:"ends_on"`
	EndedAt   *time.Time       `json:"ended_at,omitempty"` // taken back, or renewed, before EndsOn
	EndReason string           `json:"end_reason,omitempty"`
	Kind      string           `json:"kind"`
	Suspended *time.Time       `json:"suspended_at,omitempty"` // takes no voucher since, until that is lifted
}

// OwnKind is the label that the service comes with.
const OwnKind = "passerelle"

// InForce reports whether the label holds on a day.
func (l Label) InForce(on vouchers.Day) bool {
	return l.EndedAt == nil && l.Suspended == nil && l.StartsOn <= on && on <= l.EndsOn
}

// Grant is a decision to recognise a place. StartsOn 0 is today, Kind "" is OwnKind.
type Grant struct {
	Place    vouchers.PlaceID `json:"place"`
	Kind     string           `json:"kind,omitempty"`
	StartsOn vouchers.Day     `json:"starts_on"`
	EndsOn   vouchers.Day     `json:"ends_on"`
}

// GrantLabel recognises a place that a structure answers for. A label that ends within
// RenewalDays is renewed: the new one takes its place at once. Its faults are
// place_unclaimed, structure_unverified, label_in_force and those of the dates.
func (s *Service) GrantLabel(ctx context.Context, actor identity.Actor, grant Grant) (Label, error) {
	if err := needsLabels(actor); err != nil {
		return Label{}, err
	}
	var l Label
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		l, err = once.Do(ctx, tx, actor.Organisation, "grant_label", grant, func() (Label, error) {
			return Recognise(ctx, tx, actor, grant)
		})
		return err
	})
	return l, err
}

// Recognise is GrantLabel for whoever has made sure that the actor may.
func Recognise(ctx context.Context, tx *db.Tx, actor identity.Actor, grant Grant) (Label, error) {
	today := vouchers.DayOf(tx.Now)
	if grant.Kind == "" {
		grant.Kind = OwnKind
	}
	if grant.StartsOn == 0 {
		grant.StartsOn = today
	}
	if err := grant.check(today); err != nil {
		return Label{}, err
	}
	h, err := lockPlace(ctx, tx, grant.Place)
	if err != nil {
		return Label{}, err
	}
	if h.Structure == 0 {
		return Label{}, fault.New(fault.Conflict, "place_unclaimed", "place", h.Name)
	}
	if structure, err := identity.OrganisationOf(ctx, tx, h.Structure); err != nil {
		return Label{}, err
	} else if structure.UnverifiedSince != nil {
		return Label{}, fault.New(fault.Conflict, "structure_unverified", "structure", structure.Name)
	}
	if known, err := knowsKind(ctx, tx, grant.Kind); err != nil || !known {
		return Label{}, errors.Join(err, fault.New(fault.Invalid, "label_kind_unknown"))
	}
	if err := makeRoom(ctx, tx, grant, today); err != nil {
		return Label{}, err
	}
	l, err := insertLabel(ctx, tx, actor, grant)
	if err != nil {
		return Label{}, err
	}
	return l, audit.Record(ctx, tx, actor, "label_granted", object(grant.Place), nil, l)
}

// makeRoom ends the label that the place has, where it has run out or may be renewed.
func makeRoom(ctx context.Context, tx *db.Tx, grant Grant, today vouchers.Day) error {
	current, err := openLabel(ctx, tx, grant.Place, grant.Kind)
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	reason, err := grant.replaces(current, today)
	if err != nil {
		return err
	}
	return endLabel(ctx, tx, current.ID, reason)
}

// End takes a label back. Reason is told to the structure.
type End struct {
	Label  vouchers.LabelID `json:"label"`
	Reason string           `json:"reason"`
}

// EndLabel takes a label back at once: the place takes no voucher any more. Its faults
// are reason_missing and label_over.
func (s *Service) EndLabel(ctx context.Context, actor identity.Actor, end End) (Label, error) {
	if err := needsLabels(actor); err != nil {
		return Label{}, err
	}
	end.Reason = strings.TrimSpace(end.Reason)
	if n := len([]rune(end.Reason)); n < 3 || n > 500 {
		return Label{}, fault.New(fault.Invalid, "reason_missing", "least", 3, "most", 500)
	}
	var l Label
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		l, err = once.Do(ctx, tx, actor.Organisation, "end_label", end, func() (Label, error) {
			return takeBack(ctx, tx, actor, end)
		})
		return err
	})
	return l, err
}

func takeBack(ctx context.Context, tx *db.Tx, actor identity.Actor, end End) (Label, error) {
	before, err := lockLabel(ctx, tx, end.Label)
	if err != nil {
		return Label{}, err
	}
	if before.EndedAt != nil || before.EndsOn < vouchers.DayOf(tx.Now) {
		return Label{}, fault.New(fault.Conflict, "label_over")
	}
	if err := endLabel(ctx, tx, end.Label, end.Reason); err != nil {
		return Label{}, err
	}
	after := before
	after.EndedAt, after.EndReason = &tx.Now, end.Reason
	return after, audit.Record(ctx, tx, actor, "label_ended", object(before.Place), before, after)
}

// SuspendLabel stops a label for a time: the place takes no voucher until that is lifted. Its
// faults are reason_missing, label_over and label_suspended.
func (s *Service) SuspendLabel(ctx context.Context, actor identity.Actor, why End) (Label, error) {
	if err := needsLabels(actor); err != nil {
		return Label{}, err
	}
	why.Reason = strings.TrimSpace(why.Reason)
	if n := len([]rune(why.Reason)); n < 3 || n > 500 {
		return Label{}, fault.New(fault.Invalid, "reason_missing", "least", 3, "most", 500)
	}
	return s.pause(ctx, actor, why, "label_suspended", func(tx *db.Tx, l Label) error {
		if l.Suspended != nil {
			return fault.New(fault.Conflict, "label_suspended")
		}
		return suspend(ctx, tx, actor, why)
	})
}

// LiftLabel ends a suspension. Its faults are label_over and label_not_suspended.
func (s *Service) LiftLabel(ctx context.Context, actor identity.Actor, id vouchers.LabelID) (Label, error) {
	if err := needsLabels(actor); err != nil {
		return Label{}, err
	}
	return s.pause(ctx, actor, End{Label: id}, "label_lifted", func(tx *db.Tx, l Label) error {
		if l.Suspended == nil {
			return fault.New(fault.Conflict, "label_not_suspended")
		}
		return lift(ctx, tx, actor, id)
	})
}

func (s *Service) pause(ctx context.Context, actor identity.Actor, why End, action string, do func(tx *db.Tx, l Label) error) (Label, error) {
	var l Label
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		l, err = once.Do(ctx, tx, actor.Organisation, action, why, func() (Label, error) {
			before, err := lockLabel(ctx, tx, why.Label)
			if err != nil {
				return Label{}, err
			}
			if before.EndedAt != nil || before.EndsOn < vouchers.DayOf(tx.Now) {
				return Label{}, fault.New(fault.Conflict, "label_over")
			}
			if err := do(tx, before); err != nil {
				return Label{}, err
			}
			after, err := label(ctx, tx, why.Label)
			if err != nil {
				return Label{}, err
			}
			return after, audit.Record(ctx, tx, actor, action, object(after.Place), before, map[string]any{"label": after, "reason": why.Reason})
		})
		return err
	})
	return l, err
}

// Queue is the operator's work on labels.
type Queue struct {
	Waiting []Waiting `json:"waiting"` // claimed places without a label, the longest waiting first
	Ending  []Ending  `json:"ending"`  // labels that end within RenewalDays, the first to end first
}

// Waiting is a place that waits for a decision.
type Waiting struct {
	Place         vouchers.PlaceID        `json:"place" db:"id"`
	Name          string                  `json:"name" db:"name"`
	Town          string                  `json:"town" db:"town"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	Since         time.Time               `json:"since" db:"since"` // claimed, or its last label's end
	Services      int                     `json:"services" db:"services"`
	HasBank       bool                    `json:"has_bank_details" db:"has_bank"`
	Unverified    bool                    `json:"unverified" db:"unverified"` // its structure: no label before it is looked at
}

// Ending is a label about to end.
type Ending struct {
	Label         vouchers.LabelID `json:"label" db:"label_id"`
	Place         vouchers.PlaceID `json:"place" db:"id"`
	Name          string           `json:"name" db:"name"`
	Town          string           `json:"town" db:"town"`
	StructureName string           `json:"structure_name" db:"structure_name"`
	EndsOn        vouchers.Day     `json:"ends_on" db:"ends_on"`
}

// Labels is what the operator has to look at.
func (s *Service) Labels(ctx context.Context, actor identity.Actor) (Queue, error) {
	if err := actor.Needs(identity.Operator, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Queue{}, err
	}
	var q Queue
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if q.Waiting, err = waiting(ctx, tx); err != nil {
			return err
		}
		q.Ending, err = ending(ctx, tx)
		return err
	})
	return q, err
}

func needsLabels(actor identity.Actor) error {
	if err := actor.Needs(identity.Operator, identity.Agent); err != nil {
		return err
	}
	return actor.NeedsScope(LabelsScope)
}

// lockLabel locks a label's place, then reads the label: whoever changes labels locks
// their place first.
func lockLabel(ctx context.Context, tx *db.Tx, id vouchers.LabelID) (Label, error) {
	l, err := label(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return l, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return l, err
	}
	if _, err := lockPlace(ctx, tx, l.Place); err != nil {
		return l, fmt.Errorf("place of label %d: %w", id, err)
	}
	return label(ctx, tx, id)
}

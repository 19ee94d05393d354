package joining

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	reasonLeast = 3 // characters
	reasonMost  = 500
)

// Refusal is a structure that is not what it says. Reason is told to whoever joined.
type Refusal struct {
	Structure vouchers.OrganisationID `json:"structure"`
	Reason    string                  `json:"reason"`
}

// Refuse closes the account of a structure that joined by itself: its people can no longer
// act for it, what it changed of imported places is put back, what it accepted and announced
// there is taken down, what it added is seen by nobody, and its SIRET is free again. Its faults
// are reason_missing, not_found and structure_looked_at.
func (s *Service) Refuse(ctx context.Context, actor identity.Actor, req Refusal) (identity.Organisation, error) {
	if err := actor.Needs(identity.Operator, identity.Agent); err != nil {
		return identity.Organisation{}, err
	}
	if err := actor.NeedsScope("organisations"); err != nil {
		return identity.Organisation{}, err
	}
	req.Reason = strings.TrimSpace(req.Reason)
	if n := utf8.RuneCountInString(req.Reason); n < reasonLeast || n > reasonMost {
		return identity.Organisation{}, fault.New(fault.Invalid, "reason_missing", "least", reasonLeast, "most", reasonMost)
	}
	var o identity.Organisation
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		o, err = once.Do(ctx, tx, actor.Organisation, "refuse_structure", req, func() (identity.Organisation, error) {
			return s.refuse(ctx, tx, actor, req)
		})
		return err
	})
	return o, err
}

func (s *Service) refuse(ctx context.Context, tx *db.Tx, actor identity.Actor, req Refusal) (identity.Organisation, error) {
	before, err := identity.OrganisationOf(ctx, tx, req.Structure)
	if err != nil {
		return identity.Organisation{}, err
	}
	switch dismissed, err := identity.Dismiss(ctx, tx, req.Structure); {
	case err != nil:
		return identity.Organisation{}, err
	case !dismissed:
		return identity.Organisation{}, fault.New(fault.Conflict, "structure_looked_at", "structure", before.Name)
	}
	places, err := labelling.Release(ctx, tx, actor, req.Structure)
	if err != nil {
		return identity.Organisation{}, err
	}
	for _, place := range places {
		if err := catalogue.WithdrawAll(ctx, tx, place); err != nil {
			return identity.Organisation{}, err
		}
		if err := contributions.RetractOf(ctx, tx, actor, place, req.Structure); err != nil {
			return identity.Organisation{}, err
		}
		if err := agenda.CallOff(ctx, tx, actor, place, req.Reason, s.CalledOff); err != nil {
			return identity.Organisation{}, err
		}
	}
	after := map[string]any{"reason": req.Reason, "places": places}
	if err := audit.Record(ctx, tx, actor, "structure_refused", object(req.Structure), map[string]any{"siret": before.SIRET}, after); err != nil {
		return identity.Organisation{}, err
	}
	if err := s.Refused(ctx, tx, before, req.Reason); err != nil {
		return identity.Organisation{}, err
	}
	return identity.OrganisationOf(ctx, tx, req.Structure)
}

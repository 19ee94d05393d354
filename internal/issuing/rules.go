package issuing

import (
	"strings"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// mayIssue refuses who does not hand over.
func mayIssue(actor identity.Actor) error {
	if err := actor.Needs(identity.Prescriber, identity.Agent); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

// mayRead refuses who may not see a prescriber's booklets.
func mayRead(actor identity.Actor) error {
	if err := actor.Needs(identity.Prescriber, identity.Agent, identity.Reader); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

// tidy checks what does not depend on the campaign. A commune that has merged becomes
// the one it is part of.
func (r HandOverRequest) tidy() (HandOverRequest, error) {
	r.Email = strings.TrimSpace(r.Email)
	if r.Email != "" {
		if err := mail.CheckAddress(r.Email); err != nil {
			return r, err
		}
	}
	if r.INSEE == "" {
		return r, nil
	}
	commune, known := territory.Lookup(r.INSEE)
	if !known {
		return r, fault.New(fault.Invalid, "commune_unknown")
	}
	r.INSEE = commune.INSEE
	return r, nil
}

// mayHandOver says whether a booklet of count vouchers may be given today.
func mayHandOver(c campaigns.Campaign, count int, today vouchers.Day) error {
	switch {
	case count < 1 || count > 100:
		return fault.New(fault.Invalid, "vouchers_out_of_range")
	case today < c.StartsOn:
		return fault.New(fault.Conflict, "campaign_not_started", "on", c.StartsOn)
	case today > c.EndsOn:
		return fault.New(fault.Conflict, "campaign_over", "on", c.EndsOn)
	}
	return nil
}

package issuing

import (
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

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

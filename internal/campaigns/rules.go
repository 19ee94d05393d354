package campaigns

import (
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// longest is how many days a campaign may last: what a QR payload can say.
const longest = 4095

// labelsMost is how many labels a campaign accepts. Each that is no kind of label is looked for
// on all places.
const labelsMost = 20

// tidy trims what people type and makes absent lists empty ones.
func (r Rules) tidy() Rules {
	r.Name = strings.TrimSpace(r.Name)
	if r.NoShow == "" {
		r.NoShow = Nothing
	}
	for _, l := range []*[]string{&r.Themes, &r.Communes, &r.EPCIs, &r.Departements, &r.Labels} {
		kept := []string{}
		for _, v := range *l {
			if v = strings.TrimSpace(v); v != "" {
				kept = append(kept, v)
			}
		}
		*l = kept
	}
	return r
}

// check says what is wrong with rules given today, the first thing first.
func (r Rules) check(today vouchers.Day) error {
	switch {
	case len(r.Name) < 2 || len(r.Name) > 140:
		return fault.New(fault.Invalid, "campaign_name_length")
	case r.Face < 100 || r.Face > 65535:
		return fault.New(fault.Invalid, "face_value_out_of_range", "min", vouchers.Cents(100), "max", vouchers.Cents(65535))
	case r.BookletSize < 1 || r.BookletSize > 100:
		return fault.New(fault.Invalid, "booklet_size_out_of_range")
	case r.EndsOn <= r.StartsOn:
		return fault.New(fault.Invalid, "campaign_ends_before_start")
	case r.EndsOn < today:
		return fault.New(fault.Invalid, "campaign_in_the_past")
	case int(r.EndsOn-r.StartsOn) > longest:
		return fault.New(fault.Invalid, "campaign_too_long")
	case r.ToleranceDays < 0 || r.ToleranceDays > 92:
		return fault.New(fault.Invalid, "tolerance_out_of_range")
	case r.PriceCap < 1 || r.PriceCap > 100:
		return fault.New(fault.Invalid, "price_cap_out_of_range")
	case r.NoShow != Nothing && r.NoShow != OneVoucher && r.NoShow != AllHeld:
		return fault.New(fault.Invalid, "no_show_rule_unknown")
	case len(r.Labels) > labelsMost:
		return fault.New(fault.Invalid, "accepted_labels_many", "most", labelsMost)
	}
	return r.Area().Validate()
}

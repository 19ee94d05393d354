package redemption

import (
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// modes are the ways a service is given.
var modes = []string{"individual", "group", "remote"}

// checkShape refuses what no booklet could make right.
func checkShape(req Request) error {
	switch {
	case req.Count < 1 || req.Count > 100:
		return fault.New(fault.Invalid, "count_out_of_range")
	case req.Theme == "":
		return fault.New(fault.Invalid, "service_theme_missing")
	case req.DurationMinutes < 5 || req.DurationMinutes > 600:
		return fault.New(fault.Invalid, "duration_out_of_range")
	case !slices.Contains(modes, req.Mode):
		return fault.New(fault.Invalid, "mode_unknown")
	}
	return nil
}

// facts is all that the rules need to know of one request.
type facts struct {
	Position    int          `db:"position"` // of the request in its batch, from 1
	StoredHash  []byte       `db:"request_hash"`
	Stored      *string      `db:"answer"`
	Booklet     int64        `db:"booklet_id"` // 0: no such booklet
	Campaign    int64        `db:"campaign_id"`
	Face        int64        `db:"face_cents"`
	FromOn      vouchers.Day `db:"from_on"`
	LastDay     vouchers.Day `db:"last_day"` // tolerance included
	PriceCap    int          `db:"price_cap"`
	Live        db.Int64s    `db:"live"` // ids of live vouchers that may be taken here, in the order in which they are
	Place       int64        `db:"place_id"`
	PlaceName   string       `db:"place_name"`
	Labelled    bool         `db:"labelled"`
	LabelTaken  bool         `db:"label_taken"` // by a label that the campaign accepts
	InArea      bool         `db:"in_area"`
	ThemeOpen   bool         `db:"theme_open"`   // the campaign pays for the theme
	ThemeOnSite bool         `db:"theme_onsite"` // the place offers it

	Held   int   `db:"-"` // live vouchers that are held for a session elsewhere
	Places int   `db:"-"` // labelled places that the request could mean
	Spent  spent `db:"-"` // read only where there are too few live vouchers
}

// spent counts the vouchers of a booklet that are not live.
type spent struct {
	Booklet  int64 `db:"booklet_id"`
	Redeemed int   `db:"redeemed"`
	Frozen   int   `db:"frozen"`
	Expired  int   `db:"expired"`
	Replaced int   `db:"replaced"`
}

// gather makes one row of facts per request out of one row per request and place of its
// structure: a labelled place, the oldest first, and how many there are.
func gather(rows []facts, requests int) []facts {
	all := make([]facts, requests)
	for _, row := range rows {
		f := &all[row.Position-1]
		places := f.Places
		if row.Labelled {
			places++
		}
		if f.Position == 0 || row.Labelled && (!f.Labelled || row.Place < f.Place) {
			*f = row
		}
		f.Places = places
	}
	for i := range all {
		all[i].setHeldApart()
	}
	return all
}

// setHeldApart takes the vouchers out of Live that are held for a session elsewhere.
func (f *facts) setHeldApart() {
	all := len(f.Live)
	f.Live = slices.DeleteFunc(f.Live, func(id int64) bool { return id < 0 })
	f.Held = all - len(f.Live)
}

// decide says whether a request is granted. It changes nothing; the caller takes the
// vouchers off f.Live.
func decide(f *facts, req Request, today vouchers.Day) *fault.Error {
	if refusal := standing(f, req.Count, today); refusal != nil {
		return refusal
	}
	switch {
	case !f.ThemeOpen || !f.ThemeOnSite:
		return fault.New(fault.Invalid, "service_not_eligible", "theme", req.Theme)
	case req.Count > f.PriceCap:
		return fault.New(fault.Invalid, "price_cap_exceeded", "cap", f.PriceCap, "asked", req.Count)
	}
	return nil
}

// standing is the part of the rules that does not depend on the service chosen: the
// place, the dates, what is left.
func standing(f *facts, count int, today vouchers.Day) *fault.Error {
	switch {
	case f.Booklet == 0:
		return fault.New(fault.NotFound, "code_unknown")
	case f.Place == 0 || !f.Labelled:
		return fault.New(fault.Forbidden, "place_not_labelled", "place", f.PlaceName)
	case !f.LabelTaken && f.Places == 1:
		return fault.New(fault.Forbidden, "label_not_accepted", "place", f.PlaceName)
	case f.Places > 1:
		return fault.New(fault.Invalid, "place_required")
	case !f.InArea:
		return fault.New(fault.Forbidden, "place_outside_area", "place", f.PlaceName)
	case today < f.FromOn:
		return fault.New(fault.Conflict, "voucher_not_yet_valid", "from", f.FromOn)
	case today > f.LastDay:
		return fault.New(fault.Conflict, "voucher_expired", "on", f.LastDay)
	}
	return left(f, count)
}

// left says why a booklet has not enough live vouchers, if so.
func left(f *facts, count int) *fault.Error {
	switch live := len(f.Live); {
	case live >= count:
		return nil
	case f.Held > 0:
		return fault.New(fault.Conflict, "vouchers_held", "left", live, "held", f.Held, "asked", count)
	case live > 0:
		return fault.New(fault.Conflict, "insufficient_vouchers", "left", live, "asked", count)
	case f.Spent.Frozen > 0:
		return fault.New(fault.Conflict, "voucher_frozen")
	case f.Spent.Replaced > 0:
		return fault.New(fault.Conflict, "voucher_replaced")
	case f.Spent.Redeemed == 0 && f.Spent.Expired > 0:
		return fault.New(fault.Conflict, "voucher_expired", "on", f.LastDay)
	default:
		return fault.New(fault.Conflict, "voucher_already_redeemed")
	}
}

// mayUndo says whether a redemption can still be taken back.
func mayUndo(r undoable, now time.Time) error {
	switch {
	case r.Undone:
		return fault.New(fault.Conflict, "already_undone")
	case r.Settled:
		return fault.New(fault.Conflict, "already_settled")
	case r.Withheld:
		return fault.New(fault.Conflict, "redemption_withheld")
	case r.Closed || now.After(r.At.Add(undoWindow)):
		return fault.New(fault.Conflict, "undo_too_late", "until", r.At.Add(undoWindow))
	}
	return nil
}

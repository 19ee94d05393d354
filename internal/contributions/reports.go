package contributions

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// NewReport is what somebody says is wrong about a card.
type NewReport struct {
	Field  string `json:"field"`  // one of Fields
	Value  string `json:"value"`  // what is right
	Reason string `json:"reason"` // how one knows
	Email  string `json:"email_to_tell"`
}

// Report is one that was made.
type Report struct {
	ID vouchers.ReportID `json:"id" db:"id"`
	About
	Field  string `json:"field" db:"field"`
	Value  string `json:"value" db:"value"`
	Card   string `json:"card_says" db:"-"` // today, where the card has such a text
	Reason string `json:"reason" db:"reason"`
	Times  int    `json:"times" db:"times"` // how often the same was said
}

// Received is what whoever contributes is answered.
type Received struct {
	Report      vouchers.ReportID      `json:"report,omitempty"`
	Translation vouchers.TranslationID `json:"translation,omitempty"`
}

// Report takes down what anybody says is wrong about a place's card; said again, it is the
// same report. from is the address that it comes from, whose reports are counted. Its faults
// are not_found, rate_limited, those of NewReport.tidy and of a correction, report_known where the
// card says so already, and contributions_too_many.
func (s *Service) Report(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, req NewReport, from string) (Received, error) {
	if err := req.tidy(); err != nil {
		return Received{}, err
	}
	if err := s.take(ctx, from); err != nil {
		return Received{}, err
	}
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		NewReport
	}{place, req}
	var received Received
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		received, err = once.Do(ctx, tx, actor.Organisation, "report_place", what, func() (Received, error) {
			return report(ctx, tx, actor, place, req)
		})
		return err
	})
	return received, err
}

func report(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, req NewReport) (Received, error) {
	if err := labelling.Lock(ctx, tx, place); err != nil {
		return Received{}, err
	}
	now, err := seen(ctx, tx, actor, place)
	if err != nil {
		return Received{}, err
	}
	if req.Value, err = read(req.Field, req.Value, now); err != nil {
		return Received{}, err
	}
	if req.Field == "closed" && now.ClosedAt != nil {
		return Received{}, fault.New(fault.Conflict, "report_known", "field", "field")
	}
	id, err := insertReport(ctx, tx, place, req)
	if err != nil {
		return Received{}, err
	}
	if req.Email != "" {
		err = follow(ctx, tx, req.Email, Received{Report: id})
	}
	return Received{Report: id}, err
}

// read reads what is right of a field as a correction is read. Hours may be in anybody's
// words: whoever accepts them writes them as cards do.
func read(field, value string, now labelling.Place) (string, error) {
	c := correction(field, value)
	if c == nil {
		return value, nil
	}
	err := catalogue.ReadCorrection(c, now)
	if field == "hours" && fault.Code(err) == "correction_hours_unread" {
		return value, nil
	}
	if err != nil {
		return "", err
	}
	for _, text := range c.Texts(now) {
		if text.Name == field && *text.New != nil {
			return **text.New, nil
		}
	}
	return "", fault.New(fault.Conflict, "report_known", "field", "value")
}

// DecideReport accepts or refuses a report. Accepted, a text is written on the card, and a
// place that has closed is found no more; anything else is left to whoever accepts it. Its
// faults are not_found, contribution_decided, contribution_too_long, refusal_reason_missing
// and those of a correction.
func (s *Service) DecideReport(ctx context.Context, actor identity.Actor, id vouchers.ReportID, d Decision) (Report, error) {
	if err := needsReview(actor, identity.Agent); err != nil {
		return Report{}, err
	}
	if err := d.tidy(); err != nil {
		return Report{}, err
	}
	what := struct {
		Report vouchers.ReportID `json:"report"`
		Decision
	}{id, d}
	var after Report
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "decide_report", what, func() (Report, error) {
			return decideReport(ctx, tx, actor, id, d)
		})
		return err
	})
	return after, err
}

func decideReport(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ReportID, d Decision) (Report, error) {
	r, err := reportOf(ctx, tx, id)
	if err != nil {
		return Report{}, err
	}
	place, err := lockFor(ctx, tx, actor, r.About)
	if err != nil {
		return Report{}, err
	}
	if r, err = reportOf(ctx, tx, id); err != nil { // as it is now that nobody else decides
		return Report{}, err
	}
	if r.DecidedAt != nil {
		return Report{}, fault.New(fault.Conflict, "contribution_decided")
	}
	if d.Accepted {
		if err := apply(ctx, tx, actor, place, r, d.Value); err != nil {
			return Report{}, err
		}
	}
	if err := setReportDecided(ctx, tx, actor, id, d); err != nil {
		return Report{}, err
	}
	after, err := reportOf(ctx, tx, id)
	if err != nil {
		return Report{}, err
	}
	return after, audit.Record(ctx, tx, actor, "report_decided", fmt.Sprintf("place:%d", r.Place), nil, after)
}

// apply writes an accepted report on the card. instead is what the reviewer writes rather
// than what was said.
func apply(ctx context.Context, tx *db.Tx, actor identity.Actor, now labelling.Place, r Report, instead *string) error {
	if r.Field == "closed" {
		_, err := labelling.CloseForGood(ctx, tx, actor, now)
		return err
	}
	value := r.Value
	if instead != nil {
		value = *instead
	}
	c := correction(r.Field, value)
	if c == nil {
		return nil
	}
	if err := catalogue.ReadCorrection(c, now); err != nil {
		return err
	}
	_, err := labelling.Correct(ctx, tx, actor, now, *c)
	return err
}

// sayWhatCardsSay puts beside each report what its place's card says today.
func sayWhatCardsSay(ctx context.Context, tx *db.Tx, reports []Report) error {
	ids := make([]vouchers.PlaceID, len(reports))
	for i, r := range reports {
		ids[i] = r.Place
	}
	places, err := labelling.Places(ctx, tx, ids)
	for i := range places {
		reports[i].Card = said(reports[i].Field, places[i])
	}
	return err
}

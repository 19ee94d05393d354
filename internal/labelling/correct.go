package labelling

import (
	"context"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
)

// Correction is what a structure knows better of its place than the open data file. nil
// leaves a text or a list as it is; an empty one says that there is none.
type Correction struct {
	Name           *string     `json:"name,omitempty"`
	Address        *string     `json:"address,omitempty"`
	AddressExtra   *string     `json:"address_extra,omitempty"`
	Phone          *string     `json:"phone,omitempty"`
	Email          *string     `json:"email,omitempty"`
	Website        *string     `json:"website,omitempty"`
	Hours          *string     `json:"hours,omitempty"` // OpenStreetMap opening_hours
	Summary        *string     `json:"summary,omitempty"`
	Presentation   *string     `json:"presentation,omitempty"`
	Accessibility  *string     `json:"accessibility,omitempty"`
	BookingURL     *string     `json:"booking_url,omitempty"`
	Parent         *string     `json:"parent,omitempty"`
	OtherTrainings *string     `json:"other_trainings,omitempty"`
	Kinds          *db.Strings `json:"kinds,omitempty"`
	Mobilities     *db.Strings `json:"mobilities,omitempty"`
	Audiences      *db.Strings `json:"audiences,omitempty"`
	SpecialCare    *db.Strings `json:"special_care,omitempty"`
	Fees           *db.Strings `json:"fees,omitempty"`
	Programmes     *db.Strings `json:"programmes,omitempty"`
	Trainings      *db.Strings `json:"trainings,omitempty"`
	AccessWays     *db.Strings `json:"access_ways,omitempty"`
	SupportWays    *db.Strings `json:"support_ways,omitempty"`
	Languages      *db.Strings `json:"languages,omitempty"`
}

// Text is one text of a correction.
type Text struct {
	Name string   // in JSON, and of the column
	New  **string // in the correction
	Now  string   // of the place
}

// Texts lists all the texts that can be corrected of a place.
func (c *Correction) Texts(p Place) []Text {
	return []Text{
		{"name", &c.Name, p.Name}, {"address", &c.Address, p.Address}, {"address_extra", &c.AddressExtra, p.AddressExtra},
		{"phone", &c.Phone, p.Phone}, {"email", &c.Email, p.Email}, {"website", &c.Website, p.Website}, {"hours", &c.Hours, p.Hours},
		{"summary", &c.Summary, p.Summary}, {"presentation", &c.Presentation, p.Presentation},
		{"accessibility", &c.Accessibility, p.Accessibility}, {"booking_url", &c.BookingURL, p.BookingURL},
		{"parent", &c.Parent, p.Parent}, {"other_trainings", &c.OtherTrainings, p.OtherTrainings},
	}
}

// List is one list of a correction.
type List struct {
	Name string       // in JSON, and of the column
	New  **db.Strings // in the correction
	Now  db.Strings   // of the place
}

// Lists lists all the lists that can be corrected of a place.
func (c *Correction) Lists(p Place) []List {
	return []List{
		{"kinds", &c.Kinds, p.Kinds}, {"mobilities", &c.Mobilities, p.Mobilities}, {"audiences", &c.Audiences, p.Audiences},
		{"special_care", &c.SpecialCare, p.SpecialCare}, {"fees", &c.Fees, p.Fees}, {"programmes", &c.Programmes, p.Programmes},
		{"trainings", &c.Trainings, p.Trainings}, {"access_ways", &c.AccessWays, p.AccessWays},
		{"support_ways", &c.SupportWays, p.SupportWays}, {"languages", &c.Languages, p.Languages},
	}
}

// Correct writes a correction that has been read, of a place that the transaction holds
// (LockCard). What it corrects follows the place's source no more.
func Correct(ctx context.Context, tx *db.Tx, actor identity.Actor, now Place, c Correction) (Place, error) {
	var columns []string
	var before Correction
	was := before.Texts(now)
	for i, text := range c.Texts(now) {
		if *text.New != nil {
			columns = append(columns, text.Name)
			*was[i].New = &was[i].Now
		}
	}
	lists := before.Lists(now)
	for i, list := range c.Lists(now) {
		if *list.New != nil {
			columns = append(columns, list.Name)
			*lists[i].New = &lists[i].Now
		}
	}
	if columns == nil {
		return now, nil
	}
	if err := setCorrected(ctx, tx, now, c, columns); err != nil {
		return Place{}, err
	}
	if err := audit.Record(ctx, tx, actor, "place_corrected", object(now.ID), before, c); err != nil {
		return Place{}, err
	}
	return PlaceOf(ctx, tx, now.ID)
}

package labelling

import (
	"context"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
)

// Correction is what a structure knows better of its place than the open data file. nil
// leaves a text as it is; "" says that there is none.
type Correction struct {
	Address       *string `json:"address,omitempty"`
	Phone         *string `json:"phone,omitempty"`
	Email         *string `json:"email,omitempty"`
	Website       *string `json:"website,omitempty"`
	Hours         *string `json:"hours,omitempty"` // OpenStreetMap opening_hours
	Presentation  *string `json:"presentation,omitempty"`
	Accessibility *string `json:"accessibility,omitempty"`
}

// Text is one text of a correction.
type Text struct {
	Name string   // in JSON, and of the column
	New  **string // in the correction
	Now  string   // of the place
}

// Texts lists all that can be corrected of a place.
func (c *Correction) Texts(p Place) []Text {
	return []Text{
		{"address", &c.Address, p.Address}, {"phone", &c.Phone, p.Phone}, {"email", &c.Email, p.Email}, {"website", &c.Website, p.Website},
		{"hours", &c.Hours, p.Hours}, {"presentation", &c.Presentation, p.Presentation}, {"accessibility", &c.Accessibility, p.Accessibility},
	}
}

// Correct writes a correction that has been read, of a place that the transaction holds
// (LockOwn). What it corrects follows the place's source no more.
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
	if columns == nil {
		return now, nil
	}
	if err := setCorrected(ctx, tx, now.ID, c, columns); err != nil {
		return Place{}, err
	}
	if err := audit.Record(ctx, tx, actor, "place_corrected", object(now.ID), before, c); err != nil {
		return Place{}, err
	}
	return PlaceOf(ctx, tx, now.ID)
}

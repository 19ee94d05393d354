package labelling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Entry is one change of a place.
type Entry struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`    // a name of the structure's people; "" for others
	Ours   bool      `json:"ours"`   // by somebody who acted for the structure
	Action string    `json:"action"` // "place_corrected", "place_moved", "photo_set", …
	Fields []Field   `json:"fields"` // of a correction or a move: what it changed
}

// Field is one text, list or location before and after. Lists are one text each, their
// values in their order, separated by Between.
type Field struct {
	Name   string `json:"name"` // "phone", "audiences", "location"
	Before string `json:"before"`
	After  string `json:"after"`
}

// Between stands between the values of a list in a Field.
const Between = " · "

// LocationField is the name of what a move changes.
const LocationField = "location"

// historyMost is how many changes are told, the latest first.
const historyMost = 200

// History tells who changed what and when on a place since its structure answers for it: to
// that structure and to the operator. Its fault is not_found.
func (s *Service) History(ctx context.Context, actor identity.Actor, place vouchers.PlaceID) ([]Entry, error) {
	if err := actor.NeedsAny(identity.Structure, identity.Operator); err != nil {
		return nil, err
	}
	all := []Entry{}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		p, err := PlaceOf(ctx, tx, place)
		if err == nil && actor.Kind == identity.Structure && p.Structure != actor.Organisation {
			err = fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return err
		}
		rows, err := changes(ctx, tx, p.Structure, place, 0, historyMost)
		for _, r := range rows {
			e, err := r.entry()
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return err
	})
	return all, err
}

// Earlier is a value that a place had.
type Earlier struct {
	Correction *Correction // of one field
	Location   *Location
}

// EarlierOf reads for another room what a field of a place was before a change. Its fault is
// not_found.
func EarlierOf(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, entry int64, field string) (Earlier, error) {
	rows, err := changes(ctx, tx, actor.Organisation, place, entry, 1)
	if err != nil {
		return Earlier{}, err
	}
	if len(rows) == 1 && rows[0].Action == "place_moved" && field == LocationField {
		var was Location
		return Earlier{Location: &was}, json.Unmarshal(rows[0].Before, &was)
	}
	if len(rows) == 1 && rows[0].Action == "place_corrected" {
		var was, one Correction
		if err := json.Unmarshal(rows[0].Before, &was); err != nil {
			return Earlier{}, fmt.Errorf("labelling: entry %d: %w", entry, err)
		}
		if one.take(was, field) {
			return Earlier{Correction: &one}, nil
		}
	}
	return Earlier{}, fault.New(fault.NotFound, "not_found")
}

// take takes one field over and tells whether from has it.
func (c *Correction) take(from Correction, field string) bool {
	texts := c.Texts(Place{})
	for i, text := range from.Texts(Place{}) {
		if text.Name == field && *text.New != nil {
			*texts[i].New = *text.New
			return true
		}
	}
	lists := c.Lists(Place{})
	for i, list := range from.Lists(Place{}) {
		if list.Name == field && *list.New != nil {
			*lists[i].New = *list.New
			return true
		}
	}
	return false
}

// changeRow is an entry of the trail.
type changeRow struct {
	ID     int64     `db:"id"`
	At     time.Time `db:"at"`
	Who    string    `db:"who"`
	Ours   bool      `db:"ours"`
	Action string    `db:"action"`
	Before []byte    `db:"before"`
	After  []byte    `db:"after"`
}

func (r changeRow) entry() (Entry, error) {
	e := Entry{ID: r.ID, At: r.At, Who: r.Who, Ours: r.Ours, Action: r.Action, Fields: []Field{}}
	var err error
	switch r.Action {
	case "place_corrected":
		var before, after Correction
		err = errors.Join(json.Unmarshal(r.Before, &before), json.Unmarshal(r.After, &after))
		e.Fields = append(e.Fields, fieldsOf(before, after)...)
	case "place_moved":
		var before, after Location
		err = errors.Join(json.Unmarshal(r.Before, &before), json.Unmarshal(r.After, &after))
		e.Fields = append(e.Fields, Field{LocationField, before.text(), after.text()})
	}
	if err != nil {
		err = fmt.Errorf("labelling: entry %d: %w", r.ID, err)
	}
	return e, err
}

// fieldsOf lists what a correction changed.
func fieldsOf(before, after Correction) []Field {
	var all []Field
	was := before.Texts(Place{})
	for i, text := range after.Texts(Place{}) {
		if *text.New != nil && *was[i].New != nil {
			all = append(all, Field{text.Name, **was[i].New, **text.New})
		}
	}
	lists := before.Lists(Place{})
	for i, list := range after.Lists(Place{}) {
		if *list.New != nil && *lists[i].New != nil {
			all = append(all, Field{list.Name, joined(**lists[i].New), joined(**list.New)})
		}
	}
	return all
}

func joined(values db.Strings) string {
	text := ""
	for i, value := range slices.Sorted(slices.Values(values)) {
		if i > 0 {
			text += Between
		}
		text += value
	}
	return text
}

// text writes a location for people: its address and its point.
func (l Location) text() string {
	text := l.Postcode + " " + l.Town
	if l.Address != "" {
		text = l.Address + ", " + text
	}
	if l.Lat != nil && l.Lon != nil {
		text += fmt.Sprintf(" (%.5f, %.5f)", *l.Lat, *l.Lon)
	}
	return text
}

// changes reads what was recorded of a place since a structure answers for it, the latest
// first: one entry where entry is not 0, and all of them where most is 0.
func changes(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, place vouchers.PlaceID, entry int64, most int) ([]changeRow, error) {
	var rows []changeRow
	err := tx.Select(ctx, &rows, `
		SELECT a.id, a.at, CASE WHEN a.organisation_id = $2 THEN COALESCE(p.name, '') ELSE '' END AS who,
			COALESCE(a.organisation_id = $2, false) AS ours, a.action, COALESCE(a.before, 'null') AS before, COALESCE(a.after, 'null') AS after
		FROM audit_entries a
		LEFT JOIN people p ON p.id = a.person_id
		WHERE a.object = $1 AND ($3 = 0 OR a.id = $3)
			AND a.at >= (SELECT COALESCE(claimed_at, 'infinity') FROM places WHERE id = $4 AND structure_id = $2)
		ORDER BY a.id DESC LIMIT NULLIF($5, 0)`, object(place), structure, entry, place, most)
	return rows, err
}

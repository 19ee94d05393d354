package catalogue

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// columnOf names the column of the standard that a corrected text is read like.
var columnOf = map[string]string{
	"name": "nom", "address": "adresse", "address_extra": "complement_adresse", "phone": "telephone", "email": "courriels",
	"website": "site_web", "hours": "horaires", "summary": "presentation_resume", "presentation": "presentation_detail",
	"accessibility": "fiche_acces_libre", "booking_url": "prise_rdv", "parent": "structure_parente",
	"other_trainings": "autres_formations_labels",
}

// knownIn tells which values a corrected list may hold.
var knownIn = map[string]func(string) bool{
	"kinds": kinds.has, "mobilities": mobilities.has, "audiences": audiences.has, "special_care": specialCare.has, "fees": fees.has,
	"programmes": programmes.has, "trainings": trainings.has, "access_ways": accessWays.has, "support_ways": supportWays.has,
	"languages": func(code string) bool {
		base, err := language.ParseBase(code)
		return err == nil && base.String() == code
	},
}

// refusals are the faults of a correction by the problem that a file's cell would have.
var refusals = map[string]string{
	"phone_invalid": "correction_phone_invalid", "email_invalid": "correction_email_invalid", "link_invalid": "correction_link_invalid",
	"hours_unread": "correction_hours_unread", "text_cut": "correction_text_cut",
}

// Correct lets a structure say what is wrong about its place in the open data file, and the
// operator where nobody answers for a place. Its
// texts are read as a file's are; what it corrects, a later import leaves alone. Its
// faults are not_found, correction_name_missing, correction_value_unknown and those of
// refusals, each with the name of its field.
func (s *Service) Correct(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, c labelling.Correction) (labelling.Place, error) {
	kind := identity.Structure
	if actor.Kind == identity.Operator {
		kind = identity.Operator
	}
	if err := actor.Needs(kind, identity.Agent); err != nil {
		return labelling.Place{}, err
	}
	if err := actor.NeedsScope(labelling.PlacesScope); err != nil {
		return labelling.Place{}, err
	}
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		labelling.Correction
	}{place, c}
	var after labelling.Place
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "correct_place", what, func() (labelling.Place, error) {
			return correct(ctx, tx, actor, place, c)
		})
		return err
	})
	return after, err
}

func correct(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, c labelling.Correction) (labelling.Place, error) {
	if err := labelling.LockCard(ctx, tx, actor, place); err != nil {
		return labelling.Place{}, err
	}
	now, err := labelling.PlaceOf(ctx, tx, place)
	if err != nil {
		return labelling.Place{}, err
	}
	if err := ReadCorrection(&c, now); err != nil {
		return labelling.Place{}, err
	}
	return labelling.Correct(ctx, tx, actor, now, c)
}

// ReadCorrection reads each text and list that differs from the place's and leaves out the
// others: they may be older than what we check today. Its faults are those of Correct.
func ReadCorrection(c *labelling.Correction, now labelling.Place) error {
	for _, text := range c.Texts(now) {
		if *text.New == nil || strings.TrimSpace(**text.New) == text.Now {
			*text.New = nil
			continue
		}
		read, problem := readAs(text.Name, **text.New)
		switch {
		case problem != "":
			return fault.New(fault.Invalid, refusals[problem], "field", text.Name, "typed", newProblem(0, "", "", **text.New).Value)
		case read == "" && text.Name == "name":
			return fault.New(fault.Invalid, "correction_name_missing", "field", text.Name)
		}
		if *text.New = &read; read == text.Now {
			*text.New = nil
		}
	}
	for _, list := range c.Lists(now) {
		if *list.New == nil {
			continue
		}
		values := slices.Compact(slices.Sorted(slices.Values(**list.New)))
		if slices.Equal(values, slices.Sorted(slices.Values(list.Now))) {
			*list.New = nil
			continue
		}
		for _, value := range values {
			if !knownIn[list.Name](value) {
				return fault.New(fault.Invalid, "correction_value_unknown", "field", list.Name, "value", value)
			}
		}
		read := append(db.Strings{}, values...)
		*list.New = &read
	}
	return nil
}

// readAs reads a text as a file's cell is; problem is the code of what is amiss, "" where
// nothing is.
func readAs(name, typed string) (text, problem string) {
	if typed = strings.TrimSpace(typed); typed == "" {
		return "", ""
	}
	var cell placesReader
	column := columnOf[name]
	columnNamed(column).read(&cell, column, typed)
	if len(cell.problems) > 0 {
		return "", cell.problems[0].Code
	}
	r := record(cell.place)
	for _, text := range (&labelling.Correction{}).Texts(labelling.Place{Name: r.Name, Address: r.Address, Description: r.Description}) {
		if text.Name == name {
			return text.Now, ""
		}
	}
	panic("catalogue: no text " + name)
}

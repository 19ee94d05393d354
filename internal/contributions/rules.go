package contributions

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	// PatienceDays is how long a structure has a contribution to itself. A person who was
	// sent to a closed door should not wait longer, and two weeks are a usual holiday.
	PatienceDays = 14

	triesByAddress = 10 // a public library's many readers share one address
	triesWindow    = 15 * time.Minute
	openMost       = 30 // reports, and translations, of one place that nobody has decided

	valueMost  = 500 // characters
	reasonMost = 500
	answerMost = 500
	authorMost = 80
	textMost   = 5000
	answerMin  = 3
)

// Fields are what a report may be about. Those of texts name the text of a correction.
var Fields = []string{"hours", "phone", "email", "address", "closed", "other"}

// Languages are those that a card can be translated into, by ISO 639-1: those of the finder
// that are written. French is what cards are in.
var Languages = []string{"en", "ar", "es", "pt", "tr", "uk", "ru"}

// plain makes one line, or several, of what a stranger typed: no control characters.
func plain(typed string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\r' || unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, typed))
}

func length(text string) int { return len([]rune(text)) }

// tidy trims a report and says what is wrong with it.
func (n *NewReport) tidy() error {
	n.Value, n.Reason, n.Email = plain(n.Value), plain(n.Reason), strings.TrimSpace(n.Email)
	if n.Field == "closed" {
		n.Value = "" // so that it is the same report whatever else was typed
	}
	switch {
	case !slices.Contains(Fields, n.Field):
		return fault.New(fault.Invalid, "report_field_unknown", "field", "field")
	case n.Value == "" && n.Field != "closed":
		return fault.New(fault.Invalid, "report_value_missing", "field", "value")
	case length(n.Value) > valueMost:
		return fault.New(fault.Invalid, "contribution_too_long", "field", "value", "most", valueMost)
	case n.Field == "closed" && n.Reason == "":
		return fault.New(fault.Invalid, "report_reason_missing", "field", "reason")
	case length(n.Reason) > reasonMost:
		return fault.New(fault.Invalid, "contribution_too_long", "field", "reason", "most", reasonMost)
	}
	return checkFollower(n.Email)
}

func checkFollower(email string) error {
	if email != "" && mail.CheckAddress(email) != nil {
		return fault.New(fault.Invalid, "follower_malformed", "field", "email_to_tell")
	}
	return nil
}

// correction is what an accepted report writes on the card; nil where a person has to.
func correction(field, value string) *labelling.Correction {
	c := &labelling.Correction{}
	for _, text := range c.Texts(labelling.Place{}) {
		if text.Name == field {
			*text.New = &value
			return c
		}
	}
	return nil
}

// said is what the card says of a field, "" where a card has no such text.
func said(field string, p labelling.Place) string {
	for _, text := range (&labelling.Correction{}).Texts(p) {
		if text.Name == field {
			return text.Now
		}
	}
	return ""
}

// tidy trims a decision and says what is wrong with it.
func (d *Decision) tidy() error {
	d.Answer = plain(d.Answer)
	switch n := length(d.Answer); {
	case n > answerMost:
		return fault.New(fault.Invalid, "contribution_too_long", "field", "answer", "most", answerMost)
	case !d.Accepted && n < answerMin:
		return fault.New(fault.Invalid, "refusal_reason_missing", "field", "answer")
	}
	return nil
}

// reviewedBy tells whether it is the actor's turn: the structure's that answers for the
// place, the operator's where there is none or it was given long enough.
func (a About) reviewedBy(actor identity.Actor, now time.Time) bool {
	if actor.Kind == identity.Operator {
		return a.Structure == 0 || !a.MadeAt.After(patient(now))
	}
	return a.Structure != 0 && a.Structure == actor.Organisation
}

func patient(now time.Time) time.Time { return now.AddDate(0, 0, -PatienceDays) }

// reviewer says the same for lists.
func reviewer(actor identity.Actor, now time.Time) (mine vouchers.OrganisationID, operator bool, since time.Time) {
	if actor.Kind == identity.Operator {
		return 0, true, patient(now)
	}
	return actor.Organisation, false, patient(now)
}

// LooksAfter reports whether a place's card is the actor's to confirm: its structure's, or the
// operator's where there is none, where the place has closed, or where the card is so old that
// the operator was alerted.
func LooksAfter(actor identity.Actor, p labelling.Place, now time.Time) bool {
	if actor.Kind == identity.Operator {
		return p.Structure == 0 || p.ClosedAt != nil || Card{SureAt: p.SureAt}.alert(now)
	}
	return p.Structure != 0 && p.Structure == actor.Organisation
}

// alert reports whether a labelled place's card is so old that any other would be hidden.
func (c Card) alert(now time.Time) bool {
	return !c.SureAt.After(labelling.Since(now, labelling.HiddenMonths))
}

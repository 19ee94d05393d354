package applications

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// AppealDays is how long after a refusal it can be appealed: as long as an administrative
// decision (code de justice administrative, article R. 421-1: two months).
const AppealDays = 62

// Notices are how many days before its end a structure is told that a label ends.
var Notices = []int{60, 30, 7}

const (
	longestNote  = 2000
	mostProofs   = 20
	mostCriteria = 40
)

// State is where an application stands.
type State string

// The states of an application.
const (
	Draft     State = "draft"    // being filled in
	Sent      State = "sent"     // the operator's turn
	Asked     State = "asked"    // the structure's turn: something is missing
	Refusing  State = "refusing" // one person wants to refuse it, a second one decides
	Refused   State = "refused"
	Appealed  State = "appealed" // refused, and to be looked at again
	Granted   State = "granted"
	Withdrawn State = "withdrawn"
)

// Open reports whether somebody has something to do.
func (s State) Open() bool {
	return slices.Contains([]State{Draft, Sent, Asked, Refusing, Appealed}, s)
}

// told reports whether its structure is told by a letter.
func (s State) told() bool { return s == Asked || s == Refused || s == Granted }

// Criterion is one line of a form.
type Criterion struct {
	Code     string `json:"code"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Proof    string `json:"proof"`    // "none", "optional", "required"
	Required bool   `json:"required"` // a label is for places that meet it
}

// Form is the criteria of a label, in the order in which they are asked.
type Form []Criterion

func (f Form) has(code string) bool {
	return slices.ContainsFunc(f, func(c Criterion) bool { return c.Code == code })
}

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,30}$`)

// check says what is wrong with a form that is to be published.
func (f Form) check() error {
	seen := map[string]bool{}
	for i, c := range f {
		wrong := ""
		switch {
		case !codeForm.MatchString(c.Code) || seen[c.Code]:
			wrong = "code"
		case len([]rune(strings.TrimSpace(c.Title))) < 3 || len([]rune(c.Title)) > 100:
			wrong = "title"
		case len([]rune(strings.TrimSpace(c.Text))) < 10 || len([]rune(c.Text)) > 1000:
			wrong = "text"
		case !slices.Contains([]string{"none", "optional", "required"}, c.Proof):
			wrong = "proof"
		}
		if wrong != "" {
			return fault.New(fault.Invalid, "criterion_wrong", "number", i+1, "field", wrong)
		}
		seen[c.Code] = true
	}
	if len(f) == 0 || len(f) > mostCriteria {
		return fault.New(fault.Invalid, "criteria_count", "most", mostCriteria)
	}
	return nil
}

// with is an application's answers and those of a form on top.
func (a Application) with(req Saved) (map[string]Answer, error) {
	all := maps.Clone(a.Answers)
	for code, answer := range req.Answers {
		answer.Note = strings.TrimSpace(answer.Note)
		switch {
		case !a.Form.has(code):
			return nil, fault.New(fault.Invalid, "criterion_unknown", "criterion", code)
		case !slices.Contains([]string{"", "yes", "partly", "no"}, answer.Meets):
			return nil, fault.New(fault.Invalid, "answer_unknown", "criterion", code)
		case len([]rune(answer.Note)) > longestNote:
			return nil, fault.New(fault.Invalid, "note_too_long", "most", longestNote)
		}
		all[code] = answer
	}
	for code := range req.Proofs {
		if !a.Form.has(code) {
			return nil, fault.New(fault.Invalid, "criterion_unknown", "criterion", code)
		}
	}
	stay := len(req.Proofs)
	for _, p := range a.Proofs {
		if !slices.Contains(req.Remove, p.File) {
			stay++
		}
	}
	if stay > mostProofs {
		return nil, fault.New(fault.Invalid, "too_many_proofs", "most", mostProofs)
	}
	return all, nil
}

// missing are the titles of the criteria that have no answer yet, or not the proof that they
// ask for. What is not met needs no proof: a person decides on it.
func (a Application) missing() []string {
	var all []string
	for _, c := range a.Form {
		answer := a.Answers[c.Code]
		proved := slices.ContainsFunc(a.Proofs, func(p Proof) bool { return p.Criterion == c.Code })
		if answer.Meets == "" || c.Proof == "required" && answer.Meets != "no" && !proved {
			all = append(all, c.Title)
		}
	}
	return all
}

// Incomplete is the fault of an application that cannot be sent yet; nil for one that can.
func (a Application) Incomplete() error {
	if missing := a.missing(); len(missing) > 0 {
		return fault.New(fault.Invalid, "application_incomplete", "count", len(missing), "criterion", missing[0])
	}
	return nil
}

// Filled is how many criteria are complete.
func (a Application) Filled() int { return len(a.Form) - len(a.missing()) }

// mayAppeal refuses what was not refused, or too long ago.
func (a Application) mayAppeal(now time.Time) error {
	if a.State != Refused {
		return fault.New(fault.Conflict, "application_not_refused")
	}
	if last := a.AppealUntil(); vouchers.DayOf(now) > last {
		return fault.New(fault.Conflict, "appeal_too_late", "until", last)
	}
	if a.Appeal != "" {
		return fault.New(fault.Conflict, "appeal_decided")
	}
	return nil
}

// AppealUntil is the last day on which a refusal can be appealed.
func (a Application) AppealUntil() vouchers.Day {
	if a.DecidedAt == nil {
		return 0
	}
	return vouchers.DayOf(*a.DecidedAt).AddDays(AppealDays)
}

// mayReview refuses whoever took part in a refusal that is appealed.
func (a Application) mayReview(actor identity.Actor) error {
	if a.State != Sent && a.State != Appealed || !a.Held {
		return fault.New(fault.Conflict, "application_not_waiting")
	}
	if a.TookPart(actor) {
		return fault.New(fault.Forbidden, "appeal_same_person")
	}
	return nil
}

// TookPart tells whoever had a say in an application before it was appealed: what became of it
// is for others to decide.
func (a Application) TookPart(actor identity.Actor) bool {
	appeal := slices.IndexFunc(a.Events, func(e Event) bool { return e.Name == "appealed" })
	return appeal > 0 && slices.ContainsFunc(a.Events[:appeal], func(e Event) bool { return e.By == actor.Person })
}

func is(person *vouchers.PersonID, actor identity.Actor) bool {
	return person != nil && *person == actor.Person
}

// remarks tidies what a reviewer says per criterion, of which something must be said.
func (f Form) remarks(given map[string]string) (map[string]string, error) {
	all := map[string]string{}
	for code, text := range given {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if !f.has(code) {
			return nil, fault.New(fault.Invalid, "criterion_unknown", "criterion", code)
		}
		if len([]rune(text)) > longestNote {
			return nil, fault.New(fault.Invalid, "note_too_long", "most", longestNote)
		}
		all[code] = text
	}
	if len(all) == 0 {
		return nil, fault.New(fault.Invalid, "remarks_missing")
	}
	return all, nil
}

func reason(text string, least, most int) (string, error) {
	text = strings.TrimSpace(text)
	if n := len([]rune(text)); n < least || n > most {
		return "", fault.New(fault.Invalid, "reason_missing", "least", least, "most", most)
	}
	return text, nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

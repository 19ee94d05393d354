package contributions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Part names a text of a place's card that can be translated.
type Part struct {
	Field   string             `json:"field"`             // "summary", "presentation", "address_extra", "title" or "description"
	Service vouchers.ServiceID `json:"service,omitempty"` // whose title or description; 0: the place's
}

// Text is one text and what a volunteer puts it into.
type Text struct {
	Part
	Source string `json:"source"` // what was translated
	Text   string `json:"text"`
	Stale  bool   `json:"stale"` // the source says something else today
}

// NewTranslation is what a volunteer proposes. Texts that are empty are left out.
type NewTranslation struct {
	Language string     `json:"language"` // one of Languages
	Texts    []PartText `json:"texts"`
	Author   string     `json:"author"` // a name or a pseudonym, shown with the translation
	Email    string     `json:"email_to_tell"`
}

// PartText is a proposal for one text.
type PartText struct {
	Part
	Text string `json:"text"`
}

// Translation is one that was proposed.
type Translation struct {
	ID vouchers.TranslationID `json:"id" db:"id"`
	About
	Language string `json:"language" db:"language"`
	Author   string `json:"author" db:"author"`
	Texts    []Text `json:"texts" db:"-"`
}

// Published is what a card says in another language.
type Published struct {
	Language string          `json:"language"`
	Authors  []string        `json:"authors"`
	Texts    []PublishedText `json:"texts"`
}

// Stale reports whether a source has changed since.
func (p Published) Stale() bool {
	return slices.ContainsFunc(p.Texts, func(t PublishedText) bool { return t.Stale })
}

// PublishedText is a text that was accepted and whose source is still there.
type PublishedText struct {
	Text
	Author string `json:"author"`
}

// Sources are the texts of a card that can be translated, as they are today.
func Sources(p labelling.Place) []Text {
	all := []Text{{Part: Part{Field: "summary"}, Source: p.Summary}, {Part: Part{Field: "presentation"}, Source: p.Presentation},
		{Part: Part{Field: "address_extra"}, Source: p.AddressExtra}}
	for _, o := range p.Services {
		all = append(all, Text{Part: Part{"title", o.ID}, Source: o.Title}, Text{Part: Part{"description", o.ID}, Source: o.Description})
	}
	return slices.DeleteFunc(all, func(t Text) bool { return strings.TrimSpace(t.Source) == "" })
}

// tidy trims a translation of these sources and says what is wrong with it.
func (n *NewTranslation) tidy() error {
	n.Author, n.Email = plain(n.Author), strings.TrimSpace(n.Email)
	var texts []PartText
	for _, t := range n.Texts {
		if t.Text = plain(t.Text); t.Text != "" {
			texts = append(texts, t)
		}
	}
	n.Texts = texts
	switch {
	case !slices.Contains(Languages, n.Language):
		return fault.New(fault.Invalid, "translation_language_unknown", "field", "language")
	case len(n.Texts) == 0:
		return fault.New(fault.Invalid, "translation_empty", "field", "text")
	case n.Author == "":
		return fault.New(fault.Invalid, "translation_author_missing", "field", "author")
	case length(n.Author) > authorMost || strings.Contains(n.Author, "\n"):
		return fault.New(fault.Invalid, "contribution_too_long", "field", "author", "most", authorMost)
	}
	for _, t := range n.Texts {
		if length(t.Text) > textMost {
			return fault.New(fault.Invalid, "contribution_too_long", "field", "text", "most", textMost)
		}
	}
	return checkFollower(n.Email)
}

// of puts each proposal beside the text that it translates. Its fault is
// translation_part_unknown.
func (n NewTranslation) of(sources []Text) ([]Text, error) {
	var texts []Text
	for _, s := range sources {
		for _, t := range n.Texts {
			if t.Part == s.Part && !slices.ContainsFunc(texts, func(other Text) bool { return other.Part == t.Part }) {
				texts = append(texts, Text{Part: t.Part, Source: s.Source, Text: t.Text})
			}
		}
	}
	if len(texts) < len(n.Texts) {
		return nil, fault.New(fault.Invalid, "translation_part_unknown", "field", "text")
	}
	return texts, nil
}

// Translate takes a volunteer's translation of a card down for review; proposed again, it is
// the same one. from is the address that it comes from, whose contributions are counted. Its
// faults are not_found, rate_limited, contributions_too_many, translation_part_unknown and
// those of NewTranslation.tidy.
func (s *Service) Translate(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, req NewTranslation, from string) (Received, error) {
	if err := req.tidy(); err != nil {
		return Received{}, err
	}
	if err := s.take(ctx, from); err != nil {
		return Received{}, err
	}
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		NewTranslation
	}{place, req}
	var received Received
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		received, err = once.Do(ctx, tx, actor.Organisation, "translate_place", what, func() (Received, error) {
			return translate(ctx, tx, actor, place, req)
		})
		return err
	})
	return received, err
}

func translate(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, req NewTranslation) (Received, error) {
	if err := labelling.Lock(ctx, tx, place); err != nil {
		return Received{}, err
	}
	now, err := seen(ctx, tx, actor, place)
	if err != nil {
		return Received{}, err
	}
	texts, err := req.of(Sources(now))
	if err != nil {
		return Received{}, err
	}
	id, err := insertTranslation(ctx, tx, place, req, texts)
	if err != nil {
		return Received{}, err
	}
	if req.Email != "" {
		err = follow(ctx, tx, req.Email, Received{Translation: id})
	}
	return Received{Translation: id}, err
}

// DecideTranslation publishes or refuses a translation. Its faults are not_found,
// contribution_decided, contribution_too_long and refusal_reason_missing.
func (s *Service) DecideTranslation(ctx context.Context, actor identity.Actor, id vouchers.TranslationID, d Decision) (Translation, error) {
	if err := needsReview(actor, identity.Agent); err != nil {
		return Translation{}, err
	}
	if err := d.tidy(); err != nil {
		return Translation{}, err
	}
	what := struct {
		Translation vouchers.TranslationID `json:"translation"`
		Decision
	}{id, d}
	var after Translation
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "decide_translation", what, func() (Translation, error) {
			return decideTranslation(ctx, tx, actor, id, d)
		})
		return err
	})
	return after, err
}

func decideTranslation(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.TranslationID, d Decision) (Translation, error) {
	t, err := translationOf(ctx, tx, id)
	if err != nil {
		return Translation{}, err
	}
	if _, err := lockFor(ctx, tx, actor, t.About); err != nil {
		return Translation{}, err
	}
	if t, err = translationOf(ctx, tx, id); err != nil { // as it is now that nobody else decides
		return Translation{}, err
	}
	if t.DecidedAt != nil {
		return Translation{}, fault.New(fault.Conflict, "contribution_decided")
	}
	if err := setTranslationDecided(ctx, tx, actor, id, d); err != nil {
		return Translation{}, err
	}
	after, err := translationOf(ctx, tx, id)
	if err != nil {
		return Translation{}, err
	}
	return after, audit.Record(ctx, tx, actor, "translation_decided", fmt.Sprintf("place:%d", t.Place), nil, after)
}

// Translations is what a place's card says in other languages, for anyone: of each text the
// last translation that was accepted, while its source is there.
func (s *Service) Translations(ctx context.Context, actor identity.Actor, place vouchers.PlaceID) ([]Published, error) {
	published := []Published{}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		now, err := seen(ctx, tx, actor, place)
		if err != nil {
			return err
		}
		accepted, err := acceptedTranslations(ctx, tx, place)
		if err != nil {
			return err
		}
		published = publish(accepted, Sources(now))
		return nil
	})
	return published, err
}

// publish puts together what was accepted, the latest first, in the order of Languages and
// of the sources.
func publish(accepted []Translation, sources []Text) []Published {
	all := []Published{}
	for _, language := range Languages {
		p := Published{Language: language}
		for _, source := range sources {
			if t, there := latest(accepted, language, source); there {
				p.Texts = append(p.Texts, t)
				p.Authors = append(p.Authors, t.Author)
			}
		}
		if p.Texts != nil {
			slices.Sort(p.Authors)
			p.Authors = slices.Compact(p.Authors)
			all = append(all, p)
		}
	}
	return all
}

func latest(accepted []Translation, language string, source Text) (PublishedText, bool) {
	for _, translation := range accepted {
		if translation.Language != language {
			continue
		}
		for _, t := range translation.Texts {
			if t.Part == source.Part {
				t.Stale = t.Source != source.Source
				return PublishedText{t, translation.Author}, true
			}
		}
	}
	return PublishedText{}, false
}

// Retract takes an accepted translation off the card again. Its faults are not_found and
// contribution_decided, where it is not on the card.
func (s *Service) Retract(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, language string) error {
	if err := needsReview(actor, identity.Agent); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, actor.Organisation, "retract_translation", map[string]any{"place": place, "language": language}, func() (int64, error) {
			if _, err := lockCard(ctx, tx, actor, place); err != nil {
				return 0, err
			}
			gone, err := setRetracted(ctx, tx, place, language)
			if err == nil && gone == 0 {
				err = fault.New(fault.Conflict, "contribution_decided")
			}
			if err != nil {
				return 0, err
			}
			return gone, audit.Record(ctx, tx, actor, "translation_retracted", fmt.Sprintf("place:%d", place), nil, map[string]string{"language": language})
		})
		return err
	})
}

// RetractOf takes off a place's card, for another room, the translations that a structure has
// accepted, since it should never have had the place.
func RetractOf(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, structure vouchers.OrganisationID) error {
	gone, err := setRetractedOf(ctx, tx, place, structure)
	if err != nil || gone == 0 {
		return err
	}
	return audit.Record(ctx, tx, actor, "translation_retracted", fmt.Sprintf("place:%d", place), nil, map[string]vouchers.OrganisationID{"accepted_by": structure})
}

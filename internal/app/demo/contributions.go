package demo

import (
	"context"
	"fmt"
	"net/http"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// speakUp lets passers-by help with a place's card: one translation that its structure has
// published, one that waits, and one report that waits.
func (p *play) speakUp(ctx context.Context) error {
	for _, s := range p.structures {
		for _, place := range s.places {
			path := fmt.Sprintf("/places/%d", place.id)
			var card struct {
				Services []labelling.Offer `json:"services"`
			}
			if err := s.agent.get(ctx, path, &card); err != nil {
				return err
			}
			for _, o := range card.Services {
				if o.Theme == "everyday_tools" && o.Title == wordsOf[o.Theme].Title {
					return p.speakOf(ctx, s, path, o.ID)
				}
			}
		}
	}
	return fmt.Errorf("no place offers everyday_tools, which the translations are of")
}

func (p *play) speakOf(ctx context.Context, s *structure, path string, service vouchers.ServiceID) error {
	translated := func(language, author, title, description string) contributions.NewTranslation {
		return contributions.NewTranslation{Language: language, Author: author, Texts: []contributions.PartText{
			{Part: contributions.Part{Field: "title", Service: service}, Text: title},
			{Part: contributions.Part{Field: "description", Service: service}, Text: description}}}
	}
	arabic := translated("ar", "Samia", "الخطوات الأولى: الهاتف والحاسوب والبريد الإلكتروني", "في مجموعة صغيرة، وعلى إيقاعكم. أحضروا جهازكم إن كان لديكم واحد.")
	english := translated("en", "Tom", "First steps: phone, computer, e-mail", "In a small group, at your own pace. Bring your device if you have one.")
	var received contributions.Received
	if err := p.client.do(ctx, "", call{method: http.MethodPost, path: path + "/translations", in: arabic, out: &received}); err != nil {
		return err
	}
	decision := fmt.Sprintf("/translations/%d/decision", received.Translation)
	if err := s.agent.post(ctx, decision, contributions.Decision{Accepted: true, Answer: "Merci beaucoup !"}, nil); err != nil {
		return err
	}
	if err := p.client.do(ctx, "", call{method: http.MethodPost, path: path + "/translations", in: english}); err != nil {
		return err
	}
	report := contributions.NewReport{Field: "hours", Value: "Fermé le mercredi après-midi", Reason: "C’est écrit sur la porte."}
	return p.client.do(ctx, "", call{method: http.MethodPost, path: path + "/reports", in: report})
}

package contributions_test

import (
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// described is the world's place with a presentation and a service that has a title.
func described(t *testing.T, w *world.World, presentation string) vouchers.ServiceID {
	t.Helper()
	if _, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, w.Structure.Place, labelling.Correction{Presentation: &presentation}); err != nil {
		t.Fatal(err)
	}
	o, err := w.Catalogue.KeepService(t.Context(), w.Structure.Actor, w.Structure.Place,
		catalogue.Offer{Theme: world.Theme, Title: "Premiers pas", PriceVouchers: 2, DurationMinutes: 90})
	if err != nil {
		t.Fatal(err)
	}
	return o.ID
}

func proposal(service vouchers.ServiceID) contributions.NewTranslation {
	return contributions.NewTranslation{Language: "ar", Author: "Samia", Email: "samia@example.org", Texts: []contributions.PartText{
		{Part: contributions.Part{Field: "presentation"}, Text: "نساعدكم على استعمال الهاتف."},
		{Part: contributions.Part{Field: "title", Service: service}, Text: "الخطوات الأولى"},
		{Part: contributions.Part{Field: "summary"}, Text: "  "}}}
}

func published(t *testing.T, room *contributions.Service, place vouchers.PlaceID) []contributions.Published {
	t.Helper()
	all, err := room.Translations(t.Context(), nobody, place)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAVolunteerTranslatesACardAndItsStructurePublishes(t *testing.T) {
	t.Parallel()
	w, room, letters := setup(t)
	place := w.Structure.Place
	service := described(t, w, "Nous vous aidons avec votre téléphone.")
	received, err := room.Translate(t.Context(), nobody, place, proposal(service), from)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := room.Translate(t.Context(), nobody, place, proposal(service), from); err != nil || again != received {
		t.Errorf("proposed twice: %+v and %+v, %v", received, again, err)
	}
	if all := published(t, room, place); len(all) != 0 {
		t.Errorf("published before anybody read it: %+v", all)
	}
	q := waiting(t, room, w.Structure.Actor)
	if len(q.Translations) != 1 || q.Translations[0].Texts[0].Source != "Nous vous aidons avec votre téléphone." || len(q.Translations[0].Texts) != 2 {
		t.Fatalf("%+v", q.Translations)
	}
	if _, err := room.DecideTranslation(t.Context(), w.Structure.Actor, received.Translation, contributions.Decision{Accepted: true, Answer: "Merci"}); err != nil {
		t.Fatal(err)
	}
	all := published(t, room, place)
	if len(all) != 1 || all[0].Language != "ar" || all[0].Stale() || len(all[0].Texts) != 2 || strings.Join(all[0].Authors, "") != "Samia" {
		t.Fatalf("%+v", all)
	}
	if err := room.Tell(t.Context()); err != nil || len(letters.decided) != 1 || !strings.HasSuffix(letters.decided[0], "ar true Merci") {
		t.Errorf("%q, %v", letters.decided, err)
	}
}

func TestATranslationIsMarkedWhenItsSourceChangesAndCanBeTakenDown(t *testing.T) {
	t.Parallel()
	w, room, _ := setup(t)
	place := w.Structure.Place
	service := described(t, w, "Nous vous aidons avec votre téléphone.")
	received, err := room.Translate(t.Context(), nobody, place, proposal(service), from)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := room.DecideTranslation(t.Context(), w.Structure.Actor, received.Translation, contributions.Decision{Accepted: true}); err != nil {
		t.Fatal(err)
	}
	changed := "Nous vous aidons avec tout."
	if _, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, place, labelling.Correction{Presentation: &changed}); err != nil {
		t.Fatal(err)
	}
	all := published(t, room, place)
	if !all[0].Stale() || !all[0].Texts[0].Stale || all[0].Texts[1].Stale {
		t.Errorf("%+v", all)
	}
	if _, err := w.Catalogue.WithdrawService(t.Context(), w.Structure.Actor, place, service); err != nil {
		t.Fatal(err)
	}
	if all := published(t, room, place); len(all[0].Texts) != 1 {
		t.Errorf("a service that is gone is still translated: %+v", all)
	}
	wantFault(t, room.Retract(t.Context(), w.NewStructure("Le Relais").Actor, place, "ar"), "not_found")
	if err := room.Retract(t.Context(), w.Structure.Actor, place, "ar"); err != nil {
		t.Fatal(err)
	}
	if all := published(t, room, place); len(all) != 0 {
		t.Errorf("taken down, it still shows: %+v", all)
	}
	wantFault(t, room.Retract(t.Context(), w.Structure.Actor, place, "ar"), "contribution_decided")
}

func TestTranslationsAreRefused(t *testing.T) {
	t.Parallel()
	w, room, _ := setup(t)
	service := described(t, w, "Nous vous aidons.")
	for code, change := range map[string]func(*contributions.NewTranslation){
		"translation_language_unknown": func(n *contributions.NewTranslation) { n.Language = "fr" },
		"translation_empty":            func(n *contributions.NewTranslation) { n.Texts = n.Texts[2:] },
		"translation_author_missing":   func(n *contributions.NewTranslation) { n.Author = " " },
		"contribution_too_long":        func(n *contributions.NewTranslation) { n.Author = strings.Repeat("é", 81) },
		"translation_part_unknown":     func(n *contributions.NewTranslation) { n.Texts[1].Service = 999 },
		"follower_malformed":           func(n *contributions.NewTranslation) { n.Email = "samia" },
	} {
		n := proposal(service)
		change(&n)
		_, err := room.Translate(t.Context(), nobody, w.Structure.Place, n, code)
		wantFault(t, err, code)
	}
	received, err := room.Translate(t.Context(), nobody, w.Structure.Place, proposal(service), from)
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, second(room.DecideTranslation(t.Context(), w.NewStructure("Le Relais").Actor, received.Translation, contributions.Decision{Accepted: true})), "not_found")
	wantFault(t, second(room.DecideTranslation(t.Context(), w.Structure.Actor, received.Translation, contributions.Decision{})), "refusal_reason_missing")
}

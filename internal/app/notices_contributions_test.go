package app

import (
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
)

func TestLettersAboutCardsGoOutOnce(t *testing.T) {
	t.Parallel()
	s := newWalk(t)
	ctx := t.Context()
	letters := func() []string {
		var all []string
		s.InTx(func(tx *db.Tx) error {
			return tx.Select(ctx, &all, `SELECT payload->>'to' || ' | ' || (payload->>'subject') || ' | ' || (payload->>'text') FROM jobs
				WHERE kind = 'mail' AND payload->>'text' ~ '(fiche|proposition)' ORDER BY id`)
		})
		return all
	}
	report := contributions.NewReport{Field: "phone", Value: "0450998877", Email: "ana@example.org"}
	received, err := s.program.people.Report(ctx, identity.Actor{}, s.Structure.Place, report, "192.0.2.9")
	s.must(err)
	_, err = s.program.people.DecideReport(ctx, s.Structure.Actor, received.Report, contributions.Decision{Accepted: true, Answer: "Merci !"})
	s.must(err)
	s.Clock.Add(18 * 31 * 24 * time.Hour)
	for range 2 {
		s.must(s.program.people.Tell(ctx))
		s.must(s.program.people.Remind(ctx))
	}
	var told []string
	for _, letter := range letters() {
		for _, sign := range []string{"ana@example.org | Vos propositions ont été lues", "est-elle encore juste", "Fiche trop ancienne", "2 propositions sur vos lieux"} {
			if strings.Contains(letter, sign) {
				told = append(told, sign)
			}
		}
		if strings.Contains(letter, "<no value>") || strings.Contains(letter, "notice.") {
			t.Errorf("%s", letter)
		}
	}
	if len(told) != 6 { // two structures are asked about their three cards, one of them the walkers'
		t.Errorf("%d letters: %q\n%s", len(told), told, strings.Join(letters(), "\n"))
	}
}

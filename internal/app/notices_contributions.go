package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/mail"
)

// contributions are the notices about places' cards.
func (n notices) contributions() contributions.Notify {
	return contributions.Notify{Decided: n.contributionsDecided, Confirm: n.cardToConfirm, Waiting: n.proposalsWait, Alert: n.cardAlarming}
}

// contributionsDecided tells what became of all that somebody said, in one letter.
func (n notices) contributionsDecided(ctx context.Context, tx *db.Tx, to string, letter int64, all []contributions.Outcome) error {
	var lines []string
	for _, o := range all {
		about := n.words.Text("notice.contribution.translation")
		if o.Field != "" {
			about = n.words.Text("contributions.field." + o.Field)
		}
		key := "notice.contribution.refused"
		if o.Accepted {
			key = "notice.contribution.accepted"
		}
		line := n.words.Text(key, "place", o.Name, "about", about)
		if o.Answer != "" {
			line += "\n  " + n.words.Text("notice.contribution.answer", "answer", o.Answer)
		}
		lines = append(lines, line+"\n  "+fmt.Sprintf("%s/places/%d", n.origin, o.Place))
	}
	return tell(ctx, tx, fmt.Sprintf("contribution:%d:decided", letter), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.contribution.subject"),
		Text:    n.words.Text("notice.contribution.text", "list", strings.Join(lines, "\n\n")),
	})
}

// cardToConfirm is sent once for a card and the day when somebody was last sure of it.
func (n notices) cardToConfirm(ctx context.Context, tx *db.Tx, to string, c contributions.Card) error {
	return tell(ctx, tx, fmt.Sprintf("place:%d:confirm:%d", c.Place, c.SureAt.Unix()), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.card.subject", "place", oneLine(c.Name)),
		Text: n.words.Text("notice.card.text", "place", c.Name, "sure", n.words.Day(c.SureAt), "stale", n.words.Day(c.StaleAt()),
			"link", fmt.Sprintf("%s/places/%d/confirmation", n.origin, c.Place)),
	})
}

// proposalsWait is sent once for the newest that was said.
func (n notices) proposalsWait(ctx context.Context, tx *db.Tx, to string, m contributions.Mail) error {
	return tell(ctx, tx, fmt.Sprintf("structure:%d:proposals:%d:%d", m.Structure, m.NewestReport, m.NewestTranslation), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.proposals.subject", "count", m.Count),
		Text:    n.words.Text("notice.proposals.text", "count", m.Count, "days", contributions.PatienceDays, "link", n.origin+"/contributions"),
	})
}

// cardAlarming is for the operator, once as cardToConfirm.
func (n notices) cardAlarming(ctx context.Context, tx *db.Tx, to string, c contributions.Card) error {
	return tell(ctx, tx, fmt.Sprintf("place:%d:alarming:%d", c.Place, c.SureAt.Unix()), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.alarming.subject", "place", oneLine(c.Name)),
		Text: n.words.Text("notice.alarming.text", "place", c.Name, "structure", c.Structure, "sure", n.words.Day(c.SureAt),
			"link", n.origin+"/contributions"),
	})
}

// oneLine is a name from a file, fit for a subject.
func oneLine(name string) string { return strings.Join(strings.Fields(name), " ") }

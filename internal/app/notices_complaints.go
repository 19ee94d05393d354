package app

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/internal/settlement"
)

// complaint tells a party what became of a complaint. An answer may be given again.
func (n notices) complaint(ctx context.Context, tx *db.Tx, to string, party complaints.By, event complaints.Event, c complaints.Complaint) error {
	key := fmt.Sprintf("complaint:%d:%s:%s", c.ID, event, mail.StableID(to))
	if event == complaints.Answered {
		key += fmt.Sprintf(":%d", tx.Now.UnixMicro())
	}
	link := fmt.Sprintf("%s/complaints/%d", n.origin, c.ID)
	if party == complaints.Holder {
		link = n.origin + "/c"
	}
	outcome := ""
	if event == complaints.Event(complaints.Upheld) {
		outcome = n.words.Text("complaints.outcome." + string(c.Outcome))
	}
	what := "notice.complaint." + string(event)
	if event == complaints.Opened && party == complaints.Structure {
		what = "notice.complaint.answer"
	}
	return mail.Enqueue(ctx, tx, key, mail.Message{
		To:      to,
		Subject: n.words.Text(what+".subject", "reference", c.Reference(), "until", c.AnswerBy),
		Text: n.words.Text(what+".text", "reference", c.Reference(), "amount", c.Amount, "day", n.words.Day(c.RedeemedAt), "place", c.PlaceName,
			"cause", n.words.Text("complaints.cause."+c.Cause), "until", c.AnswerBy, "reason", c.Reason, "outcome", outcome, "link", link),
	})
}

// debtNote brings a debt note to its structure.
func (n notices) debtNote(ctx context.Context, tx *db.Tx, to string, note settlement.Note) error {
	return tell(ctx, tx, fmt.Sprintf("debt_note:%d", note.ID), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.debt-note.subject", "number", note.Number, "amount", note.Amount),
		Text: n.words.Text("notice.debt-note.text", "number", note.Number, "amount", note.Amount, "reference", note.Reference, "due", note.DueOn,
			"link", n.origin+"/payouts"),
	})
}

// structureDebt tells a structure that a redemption was clawed back, or a debt forgiven.
func (n notices) structureDebt(ctx context.Context, tx *db.Tx, to string, r settlement.Request) error {
	what := "notice.structure-debt." + string(r.Kind)
	return tell(ctx, tx, fmt.Sprintf("structure_debt:%d", r.ID), mail.Message{
		To:      to,
		Subject: n.words.Text(what+".subject", "amount", r.Amount),
		Text:    n.words.Text(what+".text", "amount", r.Amount, "redemption", int64(r.Redemption), "reason", r.Reason, "link", n.origin+"/payouts"),
	})
}

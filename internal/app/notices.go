package app

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
)

// notices writes the messages that go out by e-mail. Each is enqueued in the transaction
// of what it tells, under a key that names the event: it is neither lost nor sent twice.
type notices struct {
	words  *i18n.Words
	origin string // PUBLIC_URL, for links
}

// newNotices writes in French: whom a notice is for has not told another language.
func newNotices(cfg Config, words *i18n.Catalogue) notices {
	return notices{words.For("fr"), cfg.PublicURL}
}

// handedOver is the receipt of a booklet, for a person who wants one. It holds the code:
// whoever lost the paper still has the cheques.
func (n notices) handedOver(ctx context.Context, tx *db.Tx, to string, b issuing.Booklet) error {
	return mail.Enqueue(ctx, tx, fmt.Sprintf("booklet:%d:handed_over", b.ID), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.handover.subject", "count", b.Count),
		Text: n.words.Text("notice.handover.text", "count", b.Count, "value", b.Value(), "funder", b.Funder,
			"until", b.Until, "code", b.Typed, "link", b.QR, "places", n.origin+"/places"),
	})
}

// orderFunded tells a funder that money has arrived. by names the event: an order may be
// paid in several parts.
func (n notices) orderFunded(ctx context.Context, tx *db.Tx, to string, o orders.Order, by orders.Source) error {
	subject, text := "notice.order.funded.subject", "notice.order.funded.text"
	if o.State != orders.Funded {
		subject, text = "notice.order.part.subject", "notice.order.part.text"
	}
	return tell(ctx, tx, fmt.Sprintf("order:%d:%s", o.ID, by), mail.Message{
		To:      to,
		Subject: n.words.Text(subject, "reference", o.Reference),
		Text: n.words.Text(text, "reference", o.Reference, "campaign", o.CampaignName, "received", o.Received,
			"face", o.Face, "lacks", o.Lacks(), "link", fmt.Sprintf("%s/orders/%d", n.origin, o.ID)),
	})
}

// reminder tells a funder that a payment was less than was asked.
func (n notices) reminder(ctx context.Context, tx *db.Tx, to string, r statements.Reminder) error {
	return tell(ctx, tx, r.Key, mail.Message{
		To:      to,
		Subject: n.words.Text("notice.reminder.subject", "reference", r.Reference, "lacks", r.Lacks),
		Text: n.words.Text("notice.reminder.text", "reference", r.Reference, "received", r.Received, "lacks", r.Lacks,
			"link", n.origin+r.Path),
	})
}

// paymentTakenBack alerts the operator: money that was paid online has gone back.
func (n notices) paymentTakenBack(ctx context.Context, tx *db.Tx, to string, d payments.Dispute) error {
	return tell(ctx, tx, fmt.Sprintf("dispute:%d:taken", d.ID), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.dispute.subject", "amount", d.Amount, "funder", d.FunderName),
		Text: n.words.Text("notice.dispute.text", "amount", d.Amount, "funder", d.FunderName, "order", int64(d.Order),
			"reason", d.Reason, "link", n.origin+"/payments"),
	})
}

// payout tells a structure that the bank has sent its money, or refuses its account.
func (n notices) payout(ctx context.Context, tx *db.Tx, to string, p settlement.Payout) error {
	if p.State != settlement.Booked {
		return tell(ctx, tx, fmt.Sprintf("payout:%d:rejected", p.ID), mail.Message{
			To:      to,
			Subject: n.words.Text("notice.payout.refused-subject", "amount", p.Amount),
			Text: n.words.Text("notice.payout.refused-text", "amount", p.Amount, "account", p.Account, "reference", p.EndToEnd,
				"reason", n.words.Text("sepa.reason."+p.ReturnReason), "code", p.ReturnReason, "link", n.origin+"/bank-details"),
		})
	}
	text := "notice.payout.text"
	if p.Connected != "" {
		text = "notice.payout.stripe-text"
	}
	return tell(ctx, tx, fmt.Sprintf("payout:%d:sent", p.ID), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.payout.subject", "amount", p.Amount),
		Text: n.words.Text(text, "count", p.Redemptions, "amount", p.Amount, "account", p.Account,
			"reference", p.EndToEnd, "link", n.origin+"/payouts"),
	})
}

// settlementDue reminds the operator of a day of settlement, once.
func (n notices) settlementDue(ctx context.Context, tx *db.Tx, to string, p settlement.Preview) error {
	return tell(ctx, tx, fmt.Sprintf("settlement:due:%s", p.Due), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.settlement.subject", "count", p.Payouts, "amount", p.Total),
		Text:    n.words.Text("notice.settlement.text", "count", p.Payouts, "amount", p.Total, "day", *p.Due, "link", n.origin+"/settlements"),
	})
}

// payee tells a contact of a structure that was known before what became of an account.
func (n notices) payee(ctx context.Context, tx *db.Tx, to string, p payees.Notice) error {
	event, at := "given", p.GivenAt
	switch p.State {
	case payees.Cooled:
		event, at = "approved", *p.InForceAt
	case payees.InForce:
		event = "in_force"
	case payees.Ended:
		event = "ended"
	}
	text := "notice.payee." + event + ".text"
	if p.EndReason != "" {
		text = "notice.payee.refused.text"
	}
	return tell(ctx, tx, fmt.Sprintf("payee:%d:%s:%s", p.ID, event, mail.StableID(to)), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.payee."+event+".subject", "structure", p.StructureName, "when", at),
		Text: n.words.Text(text, "structure", p.StructureName, "account", p.Masked, "holder", p.Holder, "name", p.GiverName, "when", at,
			"reason", p.EndReason, "link", n.origin+"/bank-details"),
	})
}

// connected tells a contact of a structure that was known before what became of its choice to be
// paid through Stripe.
func (n notices) connected(ctx context.Context, tx *db.Tx, to string, a connect.Account) error {
	event, at := "chosen", a.CreatedAt
	switch {
	case a.EndReason != "":
		event, at = "refused", *a.EndedAt
	case a.EndedAt != nil:
		event, at = "left", *a.EndedAt
	case a.InForceAt != nil:
		event, at = "approved", *a.InForceAt
	}
	return tell(ctx, tx, fmt.Sprintf("connect:%d:%s:%s", a.ID, event, mail.StableID(to)), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.connect."+event+".subject", "structure", a.StructureName, "when", at),
		Text: n.words.Text("notice.connect."+event+".text", "structure", a.StructureName, "name", a.CreatorName, "when", at,
			"reason", a.EndReason, "link", n.origin+"/bank-details"),
	})
}

// applicationDecided tells a structure what became of its application. An application may be
// sent back more than once.
func (n notices) applicationDecided(ctx context.Context, tx *db.Tx, to string, a applications.Application) error {
	notice := "notice.application." + string(a.State)
	text := notice + ".text"
	if a.State == applications.Refused && a.Appeal != "" {
		text = "notice.application.refused.final"
	}
	return tell(ctx, tx, fmt.Sprintf("application:%d:%s:%d", a.ID, a.State, len(a.Events)), mail.Message{
		To:      to,
		Subject: n.words.Text(notice+".subject", "place", a.PlaceName),
		Text: n.words.Text(text, "place", a.PlaceName, "until", a.AppealUntil(),
			"link", fmt.Sprintf("%s/applications/%d", n.origin, a.ID)),
	})
}

// labelEnds is sent once per label and notice.
func (n notices) labelEnds(ctx context.Context, tx *db.Tx, to string, e applications.Ending) error {
	return tell(ctx, tx, fmt.Sprintf("label:%d:ends:%d", e.Label, e.Notice), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.label.ending.subject", "place", e.PlaceName, "count", e.Notice),
		Text: n.words.Text("notice.label.ending.text", "place", e.PlaceName, "label", e.KindName, "until", e.EndsOn,
			"link", n.origin+"/structure"),
	})
}

// tell enqueues a notice to an organisation that has given an address to write to.
// Money does not wait for one: a statement is booked all the same.
func tell(ctx context.Context, tx *db.Tx, key string, m mail.Message) error {
	if mail.CheckAddress(m.To) != nil {
		return nil
	}
	return mail.Enqueue(ctx, tx, key, m)
}

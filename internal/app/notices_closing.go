package app

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/vouchers"
)

// closing are the notices of the end of campaigns.
func (n notices) closing() closing.Notify {
	return closing.Notify{Ending: n.campaignEnds, Extended: n.campaignExtended, Closed: n.campaignClosed, CreditWaits: n.creditWaits,
		AccountGiven: n.accountGiven, RefundSent: n.refundSent, RefundReturned: n.refundReturned}
}

func (n notices) closingLink(id vouchers.CampaignID) string {
	return fmt.Sprintf("%s/campaigns/%d/closing", n.origin, id)
}

// campaignEnds is sent once per reader, notice and end: an extension has its own.
func (n notices) campaignEnds(ctx context.Context, tx *db.Tx, to string, e closing.Ending) error {
	text, link := "notice.ending.funder", n.closingLink(e.ID)
	if e.Prescriber {
		text, link = "notice.ending.prescriber", n.origin+"/handovers"
	}
	return tell(ctx, tx, fmt.Sprintf("campaign:%d:ends:%s:%d:%d", e.ID, e.EndsOn, e.Notice, e.Reader), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.ending.subject", "campaign", e.Name, "count", e.Days),
		Text: n.words.Text(text, "campaign", e.Name, "on", e.EndsOn, "last", e.LastDay(), "issued", e.Issued,
			"handed", e.Counters.HandedOver, "waiting", e.Counters.Waiting(), "started", e.Started,
			"asleep", e.Asleep(), "link", link),
	})
}

func (n notices) campaignExtended(ctx context.Context, tx *db.Tx, to string, e closing.Extended) error {
	text, link := "notice.extended.funder", n.closingLink(e.ID)
	if e.Prescriber {
		text, link = "notice.extended.prescriber", n.origin+"/handovers"
	}
	return tell(ctx, tx, fmt.Sprintf("campaign:%d:extended:%s:%d", e.ID, e.Until, e.Reader), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.extended.subject", "campaign", e.Name, "until", e.Until),
		Text: n.words.Text(text, "campaign", e.Name, "from", e.From, "until", e.Until, "last", e.Extension.LastDay,
			"name", e.SignedBy, "link", link),
	})
}

func (n notices) campaignClosed(ctx context.Context, tx *db.Tx, to string, c closing.Closed) error {
	text := "notice.closed.text"
	if c.Yours.Now() == 0 {
		text = "notice.closed.nothing"
	}
	return tell(ctx, tx, fmt.Sprintf("campaign:%d:closed:%d:%d", c.ID, c.Yours.Funder, c.Yours.Given), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.closed.subject", "campaign", c.Name),
		Text: n.words.Text(text, "campaign", c.Name, "paid", c.Yours.Paid, "used", c.Yours.Used, "back", c.Yours.Now(),
			"link", n.closingLink(c.ID)),
	})
}

func (n notices) creditWaits(ctx context.Context, tx *db.Tx, to string, w closing.Waiting) error {
	return tell(ctx, tx, fmt.Sprintf("campaign:%d:credit:%d:%s:%d", w.Campaign, w.Funder, w.Missing, w.Notice), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.credit.subject", "amount", w.Amount),
		Text:    n.words.Text("notice.credit."+w.Missing, "amount", w.Amount, "campaign", w.CampaignName, "link", n.origin+"/refunds"),
	})
}

// accountGiven goes to the contacts known before: a change that nobody there made shows.
func (n notices) accountGiven(ctx context.Context, tx *db.Tx, to string, a closing.Account) error {
	return tell(ctx, tx, fmt.Sprintf("account:%d:given:%s", a.ID, mail.StableID(to)), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.account.subject"),
		Text: n.words.Text("notice.account.text", "funder", a.FunderName, "account", a.Masked, "holder", a.Holder, "name", a.GiverName,
			"link", n.origin+"/refunds"),
	})
}

func (n notices) refundSent(ctx context.Context, tx *db.Tx, to string, r closing.Refund) error {
	return tell(ctx, tx, fmt.Sprintf("refund:%d:sent", r.ID), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.refund.subject", "amount", r.Amount),
		Text:    n.words.Text("notice.refund.text", "amount", r.Amount, "account", r.Masked, "reference", r.EndToEnd, "link", n.origin+"/refunds"),
	})
}

func (n notices) refundReturned(ctx context.Context, tx *db.Tx, to string, r closing.Refund) error {
	if r.State == closing.Rejected {
		return tell(ctx, tx, fmt.Sprintf("refund:%d:rejected", r.ID), mail.Message{
			To:      to,
			Subject: n.words.Text("notice.refund.rejected-subject", "amount", r.Amount),
			Text: n.words.Text("notice.refund.rejected-text", "amount", r.Amount, "account", r.Masked,
				"reason", n.words.Text("sepa.reason."+r.ReturnReason), "code", r.ReturnReason, "link", n.origin+"/refunds/account"),
		})
	}
	return tell(ctx, tx, fmt.Sprintf("refund:%d:returned", r.ID), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.refund.returned-subject", "amount", r.Amount),
		Text:    n.words.Text("notice.refund.returned-text", "amount", r.Amount, "account", r.Masked, "link", n.origin+"/refunds/account"),
	})
}

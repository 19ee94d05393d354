package demo

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/vouchers"
)

// refundTakes is how many days after a refund's approval the statement that shows it is
// imported.
const refundTakes = 5

// planEnd lives through the end of the first campaign, which the program closes by itself:
// who defined it wants its money back, the State keeps its credit and only towards the
// present tells its account, which nobody has verified yet. What was paid too much for
// the last campaign goes back too.
func (p *play) planEnd() {
	over := p.campaigns[0]
	lead := p.funders[over.funder]
	p.on(p.workday(over.ends+2), 9, "refunds", func(ctx context.Context) error {
		if err := p.tellAccount(ctx, lead); err != nil {
			return err
		}
		return p.choose(ctx, over, lead, closing.ToBank)
	})
	p.on(p.workday(over.ends+3), 9, "refunds", p.verifyAccounts)
	p.on(p.workday(over.ends+4), 9, "refunds", func(ctx context.Context) error {
		return p.choose(ctx, over, p.funders[theState], closing.Keep)
	})
	p.planRefunds(over.ends + over.rules.ToleranceDays + 4)
	p.planRefunds(p.campaigns[2].starts + p.campaigns[2].firstPayment().after + 1)
	p.on(lasts-2, 9, "refunds", func(ctx context.Context) error { return p.tellAccount(ctx, p.funders[theState]) })
}

func (p *play) tellAccount(ctx context.Context, h *house) error {
	return h.third.put(ctx, "/refunds/account", closing.NewAccount{IBAN: inventedIBAN(h.number), Holder: sepaName(h.Name)})
}

func (p *play) choose(ctx context.Context, c *campaign, h *house, kind string) error {
	return h.third.put(ctx, fmt.Sprintf("/campaigns/%d/closing/choice", c.id), map[string]string{"kind": kind})
}

// verifyAccounts lets the operator call who has told an account.
func (p *play) verifyAccounts(ctx context.Context) error {
	var waiting struct {
		Items []closing.Account `json:"items"`
	}
	if err := p.operator.third.get(ctx, "/refunds/accounts", &waiting); err != nil {
		return err
	}
	for _, a := range waiting.Items {
		if err := p.operator.third.post(ctx, fmt.Sprintf("/refunds/accounts/%d/verify", a.ID), map[string]string{"how": cast.Verified}, nil); err != nil {
			return err
		}
	}
	return nil
}

// planRefunds gives money back: the operator approves, its bank sends.
func (p *play) planRefunds(day int) {
	day = p.workday(day)
	p.on(day, 9, "refunds", p.approveRefunds)
	p.on(day+refundTakes, 5, "refunds", func(ctx context.Context) error {
		for _, from := range []*account{&p.bank.segregated, &p.bank.operating} {
			from.execute(vouchers.DayOf(p.now))
		}
		return p.importStatements(ctx)
	})
}

// approveRefunds orders all that is proposed from the bank, in one file per account. The
// admin does it: whoever asked for a refund cannot approve it.
func (p *play) approveRefunds(ctx context.Context) error {
	var proposed struct {
		Items []closing.Refund `json:"items"`
	}
	if err := p.operator.admin.get(ctx, "/refunds?state="+closing.Proposed, &proposed); err != nil {
		return err
	}
	chosen := map[string][]vouchers.RefundID{}
	for _, r := range proposed.Items {
		chosen[r.Kind.Account()] = append(chosen[r.Kind.Account()], r.ID)
	}
	if len(chosen) == 0 {
		return fmt.Errorf("there is nothing to give back")
	}
	if err := p.orderRefunds(ctx, &p.bank.segregated, chosen[closing.Segregated]); err != nil {
		return err
	}
	return p.orderRefunds(ctx, &p.bank.operating, chosen[closing.Operating])
}

func (p *play) orderRefunds(ctx context.Context, from *account, chosen []vouchers.RefundID) error {
	if len(chosen) == 0 {
		return nil
	}
	var file closing.File
	if err := p.operator.admin.post(ctx, "/refunds", map[string]any{"refunds": chosen}, &file); err != nil {
		return err
	}
	name := fmt.Sprintf("pain001-remboursements-%d.xml", file.ID)
	content, err := p.fetch(ctx, p.operator.admin, fmt.Sprintf("/refunds/files/%d/pain001", file.ID), name)
	if err != nil {
		return err
	}
	return from.accept(content)
}

package demo

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
)

// curtain fetches the documents, at the present, and counts.
func (p *play) curtain(ctx context.Context) (Result, error) {
	r := Result{Campaigns: len(p.campaigns), Accounts: p.accounts}
	for _, s := range p.structures {
		r.Places += len(s.places)
	}
	p.Tell("demo.stage.documents", lasts, lasts)
	for _, c := range p.campaigns {
		if err := p.addReport(ctx, c, &r); err != nil {
			return r, err
		}
	}
	if err := p.keepStatements(ctx); err != nil {
		return r, err
	}
	if err := p.keepBooks(ctx, &r); err != nil {
		return r, err
	}
	if err := p.listCodes(ctx, &r); err != nil {
		return r, err
	}
	if err := p.check(ctx, &r); err != nil {
		return r, err
	}
	r.Files = p.files
	return r, nil
}

// addReport keeps a campaign's report and adds its figures, which are the funder's own.
func (p *play) addReport(ctx context.Context, c *campaign, r *Result) error {
	reader := p.funders[c.funder].third
	path := fmt.Sprintf("/campaigns/%d/report", c.id)
	for _, kind := range []string{"csv", "xlsx"} {
		if _, err := p.fetch(ctx, reader, path+"."+kind, fmt.Sprintf("bilan-%d.%s", c.id, kind)); err != nil {
			return err
		}
	}
	if _, err := p.fetch(ctx, reader, fmt.Sprintf("/campaigns/%d/closing.pdf", c.id), fmt.Sprintf("compte-%d.pdf", c.id)); err != nil {
		return err
	}
	var report reporting.Report
	if err := reader.get(ctx, path, &report); err != nil {
		return err
	}
	r.OrderedCents += report.Ordered
	r.ReceivedCents += report.Received
	r.HandedOver += report.Booklets
	r.RedeemedCents += report.Used
	r.SettledCents += report.Paid
	r.ExpiredCents += report.ExpiredCents
	for _, place := range report.Places {
		r.Redeemed += place.Redemptions
	}
	return nil
}

// keepStatements keeps the statement of every payout.
func (p *play) keepStatements(ctx context.Context) error {
	var page struct {
		Items []settlement.Settlement `json:"items"`
	}
	if err := p.operator.third.get(ctx, "/settlements", &page); err != nil {
		return err
	}
	for _, s := range page.Items {
		var detail settlement.Detail
		if err := p.operator.third.get(ctx, fmt.Sprintf("/settlements/%d", s.ID), &detail); err != nil {
			return err
		}
		for _, payout := range detail.List {
			name := fmt.Sprintf("releve-%d-%d.pdf", s.ID, payout.ID)
			if _, err := p.fetch(ctx, p.operator.third, fmt.Sprintf("/payouts/%d/statement", payout.ID), name); err != nil {
				return err
			}
		}
	}
	return nil
}

// listCodes lists booklets that can still be spent and prints some of them.
func (p *play) listCodes(ctx context.Context, r *Result) error {
	for i := len(p.booklets) - 1; i >= 0 && len(r.LiveCodes) < liveCodesListed; i-- {
		b := p.booklets[i]
		if b.frozen || b.left == 0 || b.campaign.ends < lasts || i%2 == 1 {
			continue
		}
		r.LiveCodes = append(r.LiveCodes, LiveCode{QR: b.given.QR, Typed: b.given.Typed, Left: b.left})
		if len(r.LiveCodes) > bookletsPrinted {
			continue
		}
		path := fmt.Sprintf("/handovers/%d/booklet.pdf", b.given.ID)
		if _, err := p.fetch(ctx, b.prescriber.agent, path, fmt.Sprintf("carnet-%d.pdf", b.given.ID)); err != nil {
			return err
		}
	}
	return nil
}

// check asks for the cover and the invariants.
func (p *play) check(ctx context.Context, r *Result) error {
	var cover reporting.Cover
	if err := p.operator.third.get(ctx, "/cover", &cover); err != nil {
		return err
	}
	r.LiveCents, r.CoverOK = cover.Live, cover.Covered
	var answer struct {
		Invariants map[string]bool     `json:"invariants"`
		Evidence   map[string][]string `json:"evidence"`
	}
	if err := p.operator.third.get(ctx, "/invariants", &answer); err != nil {
		return err
	}
	r.Invariants = answer.Invariants
	if len(answer.Evidence) > 0 {
		return fmt.Errorf("broken invariants: %v", answer.Evidence)
	}
	return nil
}

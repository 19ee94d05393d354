package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	firstSettlement = 15 // day, or the next Tuesday: before it nobody has redeemed anything
	settleEvery     = 7  // days
	bankTakes       = 2  // days until the statement that shows a file's transfers is imported
	returnTakes     = 1  // more days until a transfer comes back
)

// planSettlements pays the structures every week, on Tuesdays. One transfer of
// the second settlement comes back, because the structure has changed its bank. A last
// settlement is closed on the eve of the present and still with the bank.
func (p *play) planSettlements() {
	day := firstSettlement
	for p.start.AddDate(0, 0, day).Weekday() != time.Tuesday {
		day++
	}
	for n := 1; day+bankTakes+returnTakes+1 < lasts; n, day = n+1, day+settleEvery {
		p.on(day, 16, "settlements", p.settle)
		p.on(day+bankTakes, 5, "settlements", func(ctx context.Context) error { return p.statementOfPayouts(ctx, n) })
		p.on(day+bankTakes+1, 6, "settlements", p.stripeReachesBanks)
		if n == 2 {
			p.on(day+bankTakes+returnTakes, 5, "settlements", p.transferComesBack)
			p.on(day+bankTakes+returnTakes+1, 7, "settlements", p.giveNewAccount)
		}
	}
	p.on(lasts-2, 10, "settlements", func(ctx context.Context) error {
		s := p.structures[len(p.structures)/2] // its change waits for the operator, and it is held from the last settlement
		_, err := p.tellBank(ctx, s, 2000+s.number)
		return err
	})
	p.on(lasts-2, 11, "structures", p.offerAnotherLabel)
	p.on(lasts-1, 16.5, "settlements", p.settle)
}

// settle closes a settlement, which somebody else approves, and gives its files to the bank.
func (p *play) settle(ctx context.Context) error {
	var closed settlement.Settlement
	if err := p.operator.third.post(ctx, "/settlements", struct{}{}, &closed); err != nil {
		return err
	}
	at := fmt.Sprintf("/settlements/%d", closed.ID)
	if err := p.operator.admin.post(ctx, at+"/approval", settlement.ApproveRequest{SHA256: closed.SHA256}, nil); err != nil {
		return err
	}
	for _, f := range closed.Files {
		file, err := p.fetch(ctx, p.operator.third, fmt.Sprintf("%s/pain001?file=%d", at, f.Number), fmt.Sprintf("pain001-%s.xml", f.MessageID))
		if err != nil {
			return err
		}
		if err := p.bank.segregated.accept(file); err != nil {
			return err
		}
	}
	return p.operator.third.post(ctx, at+"/sent", struct{}{}, nil)
}

func (p *play) statementOfPayouts(ctx context.Context, n int) error {
	done := p.bank.segregated.execute(vouchers.DayOf(p.now))
	if n == 2 && len(done) > 0 {
		p.returned = done[len(done)/2]
	}
	if err := p.importStatements(ctx); err != nil {
		return err
	}
	return p.reachesStripe(ctx, done)
}

func (p *play) transferComesBack(ctx context.Context) error {
	p.bank.segregated.giveBack(vouchers.DayOf(p.now), p.returned)
	return p.importStatements(ctx)
}

// giveNewAccount lets the structure say its new account. The next settlement pays it
// again.
func (p *play) giveNewAccount(ctx context.Context) error {
	at := slices.IndexFunc(p.structures, func(s *structure) bool { return inventedIBAN(s.number) == p.returned.IBAN })
	if at < 0 {
		return fmt.Errorf("nobody has the account of the transfer that came back")
	}
	s := p.structures[at]
	return p.giveAccount(ctx, s, 1000+s.number)
}

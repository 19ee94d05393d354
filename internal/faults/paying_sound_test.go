package faults_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// booked is a payout as our books have it.
type booked struct {
	EndToEnd  string                  `db:"end_to_end"`
	Structure vouchers.OrganisationID `db:"structure_id"`
	Amount    vouchers.Cents          `db:"amount_cents"`
	State     string                  `db:"state"`
	Reason    string                  `db:"return_reason"`
	Message   string                  `db:"message_id"`
	Cancelled bool                    `db:"cancelled"`
	IBAN      string                  `db:"iban"`
}

func (p *paying) payouts() (all []booked) {
	p.t.Helper()
	p.InTx(func(tx *db.Tx) error {
		return tx.Select(p.t.Context(), &all, `
			SELECT p.end_to_end, p.structure_id, p.amount_cents, p.state, COALESCE(p.return_reason, '') AS return_reason, s.message_id,
				s.cancelled_at IS NOT NULL AS cancelled, p.iban
			FROM payouts p JOIN settlements s ON s.id = p.settlement_id ORDER BY p.id`)
	})
	return all
}

// sound checks that every invariant holds, that our books say of each payout what the bank
// may say, and that every cent that was redeemed is somewhere, once.
func (p *paying) sound() {
	p.t.Helper()
	ids := broken(p.t, p.DB)
	if p.short {
		ids = slices.DeleteFunc(ids, func(id string) bool { return strings.HasPrefix(id, "INV-5 ") })
	}
	if len(ids) != 0 {
		p.t.Errorf("broken: %v", ids)
	}
	all := p.payouts()
	p.agrees(all)
	reached := p.reached()
	somewhere := map[vouchers.OrganisationID]vouchers.Cents{}
	for _, s := range p.structures {
		somewhere[s.Organisation] = reached[s.Organisation] + p.balance(ledger.Payable(s.Organisation))
	}
	for _, one := range all {
		x := p.bank.orders[one.EndToEnd]
		switch {
		case one.State == settlement.InTransit && (x == nil || x.end != debited):
			somewhere[one.Structure] += one.Amount // is not there yet, or is on its way back
		case one.State == settlement.Booked && x.end == returned:
			somewhere[one.Structure] += one.Amount
		}
	}
	for _, s := range p.structures {
		if got, want := somewhere[s.Organisation], p.redeemed[s.Organisation]; got != want {
			p.t.Errorf("%s redeemed %s and has, is owed or is sent %s", s.OrganisationName, want, got)
		}
	}
}

// agrees compares each payout with what the bank has done, and the files that left with what
// was cancelled.
func (p *paying) agrees(all []booked) {
	p.t.Helper()
	inBooks, cancelled := map[string]bool{}, map[string]bool{}
	for _, one := range all {
		inBooks[one.EndToEnd], cancelled[one.Message] = true, one.Cancelled
		x := p.bank.orders[one.EndToEnd]
		switch {
		case x == nil && one.State == settlement.InTransit:
		case x == nil && one.State == settlement.Rejected && one.Reason == settlement.CancelledCode && one.Cancelled:
		case x == nil:
			p.t.Errorf("%s is %s, and the bank has never heard of it", one.EndToEnd, one.State)
		case one.Amount != x.amount || one.IBAN != x.iban:
			p.t.Errorf("%s is of %s to %s, and the bank was told %s to %s", one.EndToEnd, one.Amount, one.IBAN, x.amount, x.iban)
		case !x.fits(endOf[one.State]):
			p.t.Errorf("%s is %s in our books, %d at the bank, which has told %d", one.EndToEnd, one.State, x.end, x.told)
		}
	}
	for name := range p.bank.orders {
		if !inBooks[name] {
			p.t.Errorf("the bank was told of %s, which is not in our books", name)
		}
	}
	for message := range p.left {
		if cancelled[message] {
			p.t.Errorf("%s left and is cancelled", message)
		}
	}
}

// reached is what the bank gave each structure and did not bring back.
func (p *paying) reached() map[vouchers.OrganisationID]vouchers.Cents {
	p.t.Helper()
	var accounts []struct {
		IBAN      string                  `db:"iban"`
		Structure vouchers.OrganisationID `db:"structure_id"`
	}
	p.InTx(func(tx *db.Tx) error {
		return tx.Select(p.t.Context(), &accounts, `SELECT DISTINCT iban, structure_id FROM bank_details`)
	})
	got, sums := p.bank.got(), map[vouchers.OrganisationID]vouchers.Cents{}
	for _, a := range accounts {
		sums[a.Structure] += got[a.IBAN]
		delete(got, a.IBAN)
	}
	if len(got) != 0 {
		p.t.Errorf("the bank gave %v to accounts that are nobody's", got)
	}
	return sums
}

// changing are the tables that paying writes to.
var changing = []string{"settlements", "payouts", "payout_parts", "transfers", "guarded_balances", "statements", "statement_lines", "bank_cases",
	"bank_answers", "bank_answer_lines", "idempotency_keys", "audit_entries", "jobs"}

// rows is a fingerprint of all that paying writes.
func (p *paying) rows() string {
	p.t.Helper()
	parts := make([]string, len(changing))
	for i, table := range changing {
		parts[i] = fmt.Sprintf(`(SELECT COALESCE(md5(string_agg(x::text, ' ' ORDER BY x::text)), '') FROM %s x)`, table)
	}
	var all string
	p.InTx(func(tx *db.Tx) error {
		return tx.Get(p.t.Context(), &all, `SELECT concat_ws(' ', `+strings.Join(parts, ", ")+`)`)
	})
	return all
}

package ledger

import (
	"fmt"

	"github.com/passerelle/passerelle/vouchers"
)

// The recipes of corrections: what a complaint withholds from a structure, what goes back
// to the person or to the campaign, and what a structure owes for a redemption that it was
// paid for.

const (
	withheld          Event = "withheld"
	released          Event = "released"
	givenBack         Event = "given_back"
	clawedBack        Event = "clawed_back"
	debtNetted        Event = "debt_netted"
	debtRepaid        Event = "debt_repaid"
	structureForgiven Event = "structure_forgiven"
)

// Withheld is what a structure is owed unless a complaint proves right. It is covered as
// Payable is, and no payout takes it.
func Withheld(s vouchers.OrganisationID) Account {
	return Account(fmt.Sprintf("structure:%d:withheld", s))
}

// StructureDebt is what a structure owes for redemptions that were corrected after they had
// been paid.
func StructureDebt(s vouchers.OrganisationID) Account {
	return Account(fmt.Sprintf("structure:%d:debt", s))
}

// Recoverable is what a campaign gets back as structures pay their debts. It is no money
// yet, so cover does not count it.
func Recoverable(c vouchers.CampaignID) Account {
	return Account(fmt.Sprintf("campaign:%d:recoverable", c))
}

// Line is one redemption in the books.
type Line struct {
	Structure vouchers.OrganisationID
	Campaign  vouchers.CampaignID
	Amount    vouchers.Cents
}

// HeldBack: a complaint is about a redemption that is not paid. Only that line waits.
func HeldBack(adjustment int64, l Line) []Transfer {
	return positive(Transfer{withheld, adjustment, Payable(l.Structure), Withheld(l.Structure), l.Amount, l.Campaign})
}

// LetGo: the complaint was dropped or turned down. The next payout takes the line.
func LetGo(adjustment int64, l Line) []Transfer {
	return positive(Transfer{released, adjustment, Withheld(l.Structure), Payable(l.Structure), l.Amount, l.Campaign})
}

// GivenBackLive: the complaint was right, and the person has the vouchers again.
func GivenBackLive(correction int64, l Line) []Transfer {
	return positive(Transfer{givenBack, correction, Withheld(l.Structure), Live(l.Campaign), l.Amount, l.Campaign})
}

// GivenBackToFunds: it was right, and the booklet is over: the value is the campaign's again.
func GivenBackToFunds(correction int64, l Line) []Transfer {
	return positive(Transfer{givenBack, correction, Withheld(l.Structure), Funds(l.Campaign), l.Amount, l.Campaign})
}

// ClawedBack: it was right, and the line is paid. The structure owes it; the cash is gone
// until it pays.
func ClawedBack(correction int64, l Line) []Transfer {
	return positive(Transfer{clawedBack, correction, StructureDebt(l.Structure), Recoverable(l.Campaign), l.Amount, l.Campaign})
}

// DebtNetted: a structure's debt of one campaign is taken out of what it is owed, which may
// be of another: the cash moves from that one's part of the account to the debt's.
func DebtNetted(adjustment int64, debt Line, from vouchers.CampaignID) []Transfer {
	legs := positive(
		Transfer{debtNetted, adjustment, Payable(debt.Structure), Segregated, debt.Amount, from},
		Transfer{debtNetted, adjustment, Segregated, StructureDebt(debt.Structure), debt.Amount, debt.Campaign},
	)
	return append(legs, recovered(debtNetted, adjustment, debt)...)
}

// DebtRepaid: a line of the segregated account pays a structure's debt.
func DebtRepaid(repayment int64, debt Line) []Transfer {
	legs := positive(Transfer{debtRepaid, repayment, Segregated, StructureDebt(debt.Structure), debt.Amount, debt.Campaign})
	return append(legs, recovered(debtRepaid, repayment, debt)...)
}

// StructureForgiven: the operator bears a structure's debt. The campaign still lacks it,
// until the operator makes it good.
func StructureForgiven(request int64, debt Line) []Transfer {
	return positive(Transfer{structureForgiven, request, Losses, StructureDebt(debt.Structure), debt.Amount, debt.Campaign})
}

// MadeGood: a line of the segregated account brings the operator's own money for a debt that
// it had forgiven. The line of the operating account that shows it leave is explained by it.
func MadeGood(repayment int64, debt Line) []Transfer {
	legs := positive(Transfer{debtRepaid, repayment, Segregated, OperatingSuspense, debt.Amount, debt.Campaign})
	return append(legs, recovered(debtRepaid, repayment, debt)...)
}

// recovered makes the campaign's money of what it was to get back.
func recovered(e Event, cause int64, debt Line) []Transfer {
	return positive(Transfer{e, cause, Recoverable(debt.Campaign), Funds(debt.Campaign), debt.Amount, debt.Campaign})
}

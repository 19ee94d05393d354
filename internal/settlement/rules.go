package settlement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// country is where structures and operator are: both have a SIRET.
const country = "FR"

// due is what one structure is owed and no payout pays.
type due struct {
	Structure   vouchers.OrganisationID
	after       vouchers.RedemptionID // end of its last payout
	oldest      vouchers.Day          // of what it redeemed and was never paid; 0 where all of it comes back
	redemptions int
	parts       map[vouchers.CampaignID]vouchers.Cents
	returned    []vouchers.PayoutID // payouts that came back or were rejected, whose parts are among parts
}

func (d due) amount() vouchers.Cents {
	var sum vouchers.Cents
	for _, part := range d.parts {
		sum += part
	}
	return sum
}

// gather joins what was redeemed with what the bank sent back, by structure.
func gather(owed []redemption.Owed, back []returnedPart) []due {
	all := map[vouchers.OrganisationID]*due{}
	of := func(s vouchers.OrganisationID, after vouchers.RedemptionID) *due {
		if all[s] == nil {
			all[s] = &due{Structure: s, after: after, parts: map[vouchers.CampaignID]vouchers.Cents{}}
		}
		return all[s]
	}
	for _, o := range owed {
		d := of(o.Structure, o.AfterID)
		d.redemptions += o.Redemptions
		d.parts[o.Campaign] += o.Amount
		if on := vouchers.DayOf(o.Oldest); d.oldest == 0 || on < d.oldest {
			d.oldest = on
		}
	}
	for _, b := range back {
		d := of(b.Structure, b.AfterID)
		d.parts[b.Campaign] += b.Amount
		if !slices.Contains(d.returned, b.Payout) {
			d.returned = append(d.returned, b.Payout)
		}
	}
	dues := make([]due, 0, len(all))
	for _, s := range slices.Sorted(maps.Keys(all)) {
		dues = append(dues, *all[s])
	}
	return dues
}

// agree refuses figures that are not, for every structure and campaign, exactly what
// the ledger says is payable (INV-3).
func agree(dues []due, sums []ledger.Sum) error {
	type part struct {
		account  ledger.Account
		campaign vouchers.CampaignID
	}
	differ := map[part]vouchers.Cents{}
	for _, d := range dues {
		for c, amount := range d.parts {
			differ[part{ledger.Payable(d.Structure), c}] += amount
		}
	}
	for _, sum := range sums {
		if strings.HasSuffix(string(sum.Account), ":payable") {
			differ[part{sum.Account, sum.Campaign}] -= sum.Owed()
		}
	}
	for p, cents := range differ {
		if cents != 0 {
			return fmt.Errorf("settlement: redemptions and %s of campaign %d differ by %s", p.account, p.campaign, cents)
		}
	}
	return nil
}

// recipient is where a structure's money goes.
type recipient struct {
	Structure vouchers.OrganisationID `db:"id"`
	Name      string                  `db:"name"`
	Street    string                  `db:"street"`
	Postcode  string                  `db:"postcode"`
	Town      string                  `db:"town"`
	IBAN      sepa.IBAN               `db:"iban"` // "" without bank details in force
	BIC       sepa.BIC                `db:"bic"`
	Holder    string                  `db:"holder"`
	Changing  bool                    `db:"changing"`  // another account was given and is not in force yet
	Refused   bool                    `db:"refused"`   // the bank has refused this account since it is in force
	Asked     bool                    `db:"asked"`     // it does not want to wait
	Contested bool                    `db:"contested"` // the bank took what it had rejected, or may have in a file's one sum, and nobody has decided on it yet
	Connected string                  `db:"connected"` // its account at Stripe, through which it is paid; "": to its bank account
}

func (r recipient) party(l layout) sepa.Party {
	return sepa.Party{Name: r.Holder, IBAN: r.IBAN, BIC: r.BIC, Address: l.address(r.Street, r.Postcode, r.Town)}
}

// layout is how files of a settlement show addresses; it never changes for one that is closed.
type layout int

const (
	wholeStreet layout = 1 // the street as it is, in one field
	hybrid      layout = 2 // in fields where it reads as a street, in lines where it does not
)

func (l layout) address(street, postcode, town string) sepa.Address {
	if l == wholeStreet {
		return sepa.Address{Street: street, PostCode: postcode, Town: town, Country: country}
	}
	return sepa.NewAddress(street, postcode, town, country)
}

// payment is a due and its recipient.
type payment struct {
	due
	to recipient
}

// plan is what a settlement is made of.
type plan struct {
	upTo vouchers.RedemptionID
	pay  []payment // in the order of the structures' ids
	held []Held

	netted []netting // debts taken out of what is owed
}

// files gives each payment the number of its file, at most limit transfers to one. What goes
// through Stripe is one transfer, the last.
func (p plan) files(limit int) []int64 {
	numbers := make([]int64, len(p.pay))
	transfers := 0
	for i, one := range p.pay {
		if one.to.Connected == "" {
			numbers[i] = int64(transfers/limit + 1)
			transfers++
		}
	}
	for i, one := range p.pay {
		if one.to.Connected != "" {
			numbers[i] = int64(transfers/limit + 1)
		}
	}
	return numbers
}

// topUp is the transfer to Stripe for the payments that go through it; of nothing where none does.
func (p plan) topUp(id vouchers.SettlementID, from Debtor) TopUp {
	to := from.Stripe
	t := TopUp{Settlement: id, EndToEnd: topUpName(id), Holder: to.Holder, IBAN: to.IBAN, BIC: to.BIC, Town: to.Town, Country: to.Country, Reference: to.Reference}
	numbers := p.files(from.Limit)
	for i, one := range p.pay {
		if one.to.Connected != "" {
			t.Amount, t.File = t.Amount+one.amount(), int(numbers[i])
		}
	}
	return t
}

func (p plan) total() vouchers.Cents {
	var sum vouchers.Cents
	for _, one := range p.pay {
		sum += one.amount()
	}
	return sum
}

// waitedSince tells whether something to pay was redeemed before a day.
func (p plan) waitedSince(day vouchers.Day) bool {
	return slices.ContainsFunc(p.pay, func(one payment) bool { return one.oldest != 0 && one.oldest < day })
}

// arrange parts those that can be paid from those that are held.
func arrange(upTo vouchers.RedemptionID, dues []due, recipients map[vouchers.OrganisationID]recipient, minimum vouchers.Cents, today vouchers.Day) plan {
	p := plan{upTo: upTo, held: []Held{}}
	for _, d := range dues {
		one := payment{d, recipients[d.Structure]}
		reason := one.obstacle()
		if reason == "" && one.belowMinimum(minimum, today) {
			reason = "below_minimum"
		}
		if reason != "" {
			p.held = append(p.held, Held{Structure: d.Structure, Name: one.to.Name, Amount: d.amount(), Reason: reason})
			continue
		}
		p.pay = append(p.pay, one)
	}
	slices.SortStableFunc(p.held, func(a, b Held) int { return cmp.Compare(b.Amount, a.Amount) })
	return p
}

// belowMinimum tells whether a payment waits for more. What has come back does not, nor what
// has waited for long or was asked for.
func (p payment) belowMinimum(minimum vouchers.Cents, today vouchers.Day) bool {
	return p.amount() < minimum && !p.to.Asked && len(p.returned) == 0 && p.oldest.AddDays(longestBelow) > today
}

// obstacle is why a payment cannot go into a file, "" if it can. One bad address must
// not keep all others waiting.
func (p payment) obstacle() string {
	switch {
	case p.to.Changing:
		return "bank_details_changing"
	case p.to.IBAN == "":
		return "bank_details_missing"
	case p.to.Refused:
		return "account_refused"
	case p.to.Contested:
		return "booked_after_all"
	}
	transfer := sepa.Payment{EndToEndID: endToEnd(0, p.Structure), Amount: p.amount(), Creditor: p.to.party(hybrid)}
	return fault.Code(transfer.Validate())
}

// endToEnd names a payout at every bank it passes: "PSL12-34". It stays within the 35
// characters of the SEPA set up to the two thousand millionth settlement.
func endToEnd(s vouchers.SettlementID, structure vouchers.OrganisationID) string {
	return fmt.Sprintf("PSL%d-%d", s, structure)
}

// messageID names a settlement: "PSL12".
func messageID(s vouchers.SettlementID) string { return fmt.Sprintf("PSL%d", s) }

// fileID names a settlement's file at our bank, as message and as block: "PSL12", or "PSL12F2"
// where it has several. No payout is ever named so.
func fileID(settlement string, number, of int) string {
	if of <= 1 {
		return settlement
	}
	return fmt.Sprintf("%sF%d", settlement, number)
}

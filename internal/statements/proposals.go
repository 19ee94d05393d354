package statements

import (
	"cmp"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// Reason is what speaks for a proposal.
type Reason string

const (
	ByReference Reason = "reference" // the text resembles its reference or number
	ByEndToEnd  Reason = "end_to_end_id"
	ByIBAN      Reason = "iban" // the account has paid for the same funder before
	ByAmount    Reason = "amount"
	ByName      Reason = "name" // a weak hint
)

// weights order proposals: a reference outweighs all the rest.
var weights = map[Reason]int{ByReference: 9, ByEndToEnd: 9, ByIBAN: 4, ByAmount: 3, ByName: 1}

// Proposal is what a line may be. A person confirms it; nothing is ever done by itself.
type Proposal struct {
	Decision Decision                `json:"decision"`
	Order    vouchers.OrderID        `json:"order,omitempty"`
	Invoice  vouchers.InvoiceID      `json:"invoice,omitempty"`
	Label    string                  `json:"label"` // the order's reference, the invoice's number
	Funder   vouchers.OrganisationID `json:"-"`
	Name     string                  `json:"funder_name"`
	Lacks    vouchers.Cents          `json:"lacks_cents"` // of an order or invoice; of a payment that is given back, its amount
	Reasons  []Reason                `json:"reasons"`

	marks []string // what a text must hold to resemble its reference
	found Reason   // known beforehand
}

// most is how many proposals are made for a line.
const most = 3

// rank judges proposals for a line and keeps the best, the surest first. payers are the
// funders for whom the line's account has paid before.
func rank(l Line, all []Proposal, payers map[vouchers.OrganisationID]bool) []Proposal {
	type judged struct {
		Proposal
		score int
	}
	text := squeezed(l.EndToEnd + l.Remittance)
	kept := []judged{}
	for _, p := range all {
		p.Reasons = []Reason{}
		score := 0
		for _, r := range []struct {
			reason Reason
			holds  bool
		}{
			{ByReference, slices.ContainsFunc(p.marks, func(mark string) bool { return strings.Contains(text, squeezed(mark)) })},
			{ByEndToEnd, p.found == ByEndToEnd},
			{ByIBAN, p.found == ByIBAN || payers[p.Funder]},
			{ByAmount, p.Lacks == l.Amount},
			{ByName, alike(l.Counterparty, p.Name)},
		} {
			if r.holds {
				p.Reasons = append(p.Reasons, r.reason)
				score += weights[r.reason]
			}
		}
		if score > weights[ByName] {
			kept = append(kept, judged{p, score})
		}
	}
	slices.SortStableFunc(kept, func(a, b judged) int { return cmp.Compare(b.score, a.score) })
	best := make([]Proposal, 0, most)
	for _, j := range kept[:min(most, len(kept))] {
		best = append(best, j.Proposal)
	}
	return best
}

// marksOf is a reference without its check digits, which a payer may have got wrong.
func marksOf(reference string) []string {
	if !sepa.ValidRF(reference) {
		return nil
	}
	return []string{reference[4:]}
}

// squeezed is a text without what payers and banks put between its letters.
func squeezed(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -/.", r) {
			return -1
		}
		return r
	}, strings.ToUpper(text))
}

// common are words that many funders have in their names, and so does who pays for them.
var common = map[string]bool{"commune": true, "ville": true, "mairie": true, "departement": true, "conseil": true, "tresorerie": true,
	"metropole": true, "communaute": true, "agglomeration": true, "public": true}

// alike tells whether two names share most of the words that tell them from others.
func alike(one, other string) bool {
	words := telling(other)
	shared := 0
	for _, word := range telling(one) {
		if slices.Contains(words, word) {
			shared++
		}
	}
	return shared > 0 && 2*shared >= len(words)
}

func telling(name string) []string {
	var words []string
	for _, word := range strings.Fields(territory.Fold(name)) {
		if len(word) > 3 && !common[word] && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

package campaigns

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"

	"github.com/passerelle/passerelle/vouchers"
)

// amounts is money per funder.
type amounts map[vouchers.OrganisationID]vouchers.Cents

// Split tells what each funder pays of the value used. Percentages come first, then the
// rest, each up to the funder's ceiling and to what it has paid. What is left then (a
// funder has paid less than its part) falls on those who have paid more: below their
// ceilings while they can, above them only if nobody else has paid it.
//
// No cent is lost: the parts sum to used, or to all that was paid if that is less.
func Split(used vouchers.Cents, shares []Share, paid map[vouchers.OrganisationID]vouchers.Cents) map[vouchers.OrganisationID]vouchers.Cents {
	most, percents, rest := amounts(maps.Clone(paid)), amounts{}, amounts{}
	for _, s := range shares {
		if s.Ceiling != nil {
			most[s.Funder] = min(paid[s.Funder], *s.Ceiling)
		}
		if s.Kind == Rest {
			rest[s.Funder] = 1
		} else {
			percents[s.Funder] = vouchers.Cents(s.PercentBP)
		}
	}
	left, parts := used, amounts{}
	pay := func(due, bounds amounts) {
		for f, amount := range due {
			amount = min(amount, bounds[f]-parts[f])
			parts[f] += amount
			left -= amount
		}
	}
	ofPercents, _ := portion(used, percents.sum(), 10000)
	pay(apportion(ofPercents, percents), most)
	pay(apportion(left, rest), most)
	for _, bounds := range []amounts{most, paid} {
		room := amounts{}
		for f, b := range bounds {
			room[f] = max(b-parts[f], 0)
		}
		pay(apportion(min(left, room.sum()), room), bounds)
	}
	return parts
}

func (a amounts) sum() vouchers.Cents {
	var sum vouchers.Cents
	for _, amount := range a {
		sum += amount
	}
	return sum
}

// apportion shares total out by weight to the cent, by largest remainder; between equal
// remainders the smaller id comes first.
func apportion(total vouchers.Cents, weights amounts) amounts {
	sum, left := weights.sum(), total
	if sum == 0 {
		return nil
	}
	parts, remainders := amounts{}, map[vouchers.OrganisationID]uint64{}
	for f, weight := range weights {
		parts[f], remainders[f] = portion(total, weight, sum)
		left -= parts[f]
	}
	byRemainder := slices.SortedFunc(maps.Keys(weights), func(a, b vouchers.OrganisationID) int {
		return cmp.Or(cmp.Compare(remainders[b], remainders[a]), cmp.Compare(a, b))
	})
	for _, f := range byRemainder[:left] {
		parts[f]++
	}
	return parts
}

// portion is total × weight ÷ sum in whole cents, and what remains of the division. The
// product does not fit 64 bits where two large sums meet.
func portion(total, weight, sum vouchers.Cents) (vouchers.Cents, uint64) {
	high, low := bits.Mul64(uint64(total), uint64(weight))
	quotient, remainder := bits.Div64(high, low, uint64(sum))
	return vouchers.Cents(quotient), remainder
}

package ledger

import "github.com/passerelle/passerelle/vouchers"

// The recipes: what each business event does to the books. Debit is written first.
//
//	what we have         debit = more of it           credit = less of it
//	everything else      credit = we owe it           debit  = we no longer owe it there
//
// What we have: bank:*, stripe:*, funder:N:fees_due, funder:N:debt, operator:advances,
// costs:*. recipes_money_in.go has those of fees, cards, debts and refunds.

const (
	receipt         Event = "receipt"
	attribution     Event = "attribution"
	unexpectedDebit Event = "unexpected_debit"
	handover        Event = "handover"
	redemption      Event = "redemption"
	undo            Event = "undo"
	expiry          Event = "expiry"
	settlement      Event = "settlement"
	payoutBooked    Event = "payout_booked"
	payoutReturned  Event = "payout_returned"
	payoutRejected  Event = "payout_rejected"
	payoutsFunded   Event = "payouts_funded"
	payoutsUnfunded Event = "payouts_unfunded"
	payoutsHome     Event = "payouts_home"
	connectPaid     Event = "connect_paid"
	connectReturned Event = "connect_returned"
)

// Received is how one receipt of an order is shared out.
type Received struct {
	Campaign vouchers.CampaignID
	Funder   vouchers.OrganisationID
	Funds    vouchers.Cents // what the order lacked
	Debt     vouchers.Cents // repays what the bank had taken from the segregated account
	Claim    vouchers.Cents // repays what Stripe had taken from the operator: it is the operator's
	Excess   vouchers.Cents // the funder's credit
}

// legs pays a receipt out of an account.
func (r Received) legs(e Event, cause int64, from Account) []Transfer {
	return positive(
		Transfer{e, cause, from, Funds(r.Campaign), r.Funds, r.Campaign},
		Transfer{e, cause, from, Debt(r.Funder), r.Debt, r.Campaign},
		Transfer{e, cause, from, Claims, r.Claim, r.Campaign},
		Transfer{e, cause, from, Credit(r.Funder), r.Excess, r.Campaign},
	)
}

func (r Received) total() vouchers.Cents { return r.Funds + r.Debt + r.Claim + r.Excess }

// OrderPaid: a bank line pays an order.
func OrderPaid(line int64, r Received) []Transfer { return r.legs(receipt, line, Segregated) }

// ReceivedUnexplained: cash came in and nobody knows for what. It waits.
func ReceivedUnexplained(line int64, amount vouchers.Cents) []Transfer {
	return positive(Transfer{receipt, line, Segregated, Suspense, amount, 0})
}

// Attributed: somebody has said which order an unexplained receipt was for. The cash
// itself moves from no campaign to the order's.
func Attributed(line int64, r Received) []Transfer {
	return append(positive(Transfer{attribution, line, Suspense, Segregated, r.total(), 0}), r.legs(attribution, line, Segregated)...)
}

// Unattributed: it was for another one. Its cash waits again. A receipt that had found its
// order by itself is taken out in the same way.
func Unattributed(line int64, r Received) []Transfer { return reversed(Attributed(line, r)) }

// DebitedUnexpectedly: the bank took cash that we did not order out. Cover shrinks by
// it until it is explained: that is the alarm.
func DebitedUnexpectedly(line int64, amount vouchers.Cents) []Transfer {
	return positive(Transfer{unexpectedDebit, line, Suspense, Segregated, amount, 0})
}

// DebitExplained: what the bank took was ours after all, and is booked as such.
func DebitExplained(line int64, amount vouchers.Cents) []Transfer {
	return reversed(DebitedUnexpectedly(line, amount))
}

// HandedOver: vouchers become live. Nothing else makes a voucher live.
func HandedOver(b vouchers.BookletID, c vouchers.CampaignID, value vouchers.Cents) []Transfer {
	return positive(Transfer{handover, int64(b), Funds(c), Live(c), value, c})
}

// Redeemed: a structure took vouchers and is owed their face value, whole.
func Redeemed(r vouchers.RedemptionID, c vouchers.CampaignID, s vouchers.OrganisationID, value vouchers.Cents) []Transfer {
	return positive(Transfer{redemption, int64(r), Live(c), Payable(s), value, c})
}

// Undone: the structure gave the vouchers back before they were settled.
func Undone(r vouchers.RedemptionID, c vouchers.CampaignID, s vouchers.OrganisationID, value vouchers.Cents) []Transfer {
	return positive(Transfer{undo, int64(r), Payable(s), Live(c), value, c})
}

// Expired: unused vouchers of a booklet are over. Their value waits for the end of the
// campaign, which shares it between its funders.
func Expired(b vouchers.BookletID, c vouchers.CampaignID, value vouchers.Cents) []Transfer {
	return positive(Transfer{expiry, int64(b), Live(c), Unused(c), value, c})
}

// Settled: a payout is ordered from the bank, campaign by campaign.
func Settled(p vouchers.PayoutID, s vouchers.OrganisationID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{settlement, int64(p), Payable(s), InTransit, amount, c}
	})
}

// PaidOut: the bank's statement shows the payout's debit.
func PaidOut(p vouchers.PayoutID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{payoutBooked, int64(p), InTransit, Segregated, amount, c}
	})
}

// CameBack: the bank returned a payout that it had booked. The structure is owed again.
func CameBack(p vouchers.PayoutID, s vouchers.OrganisationID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{payoutReturned, int64(p), Segregated, Payable(s), amount, c}
	})
}

// Rejected: the bank refused a payout before it debited anything. The structure is owed
// again, and no cash has moved.
func Rejected(p vouchers.PayoutID, s vouchers.OrganisationID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{payoutRejected, int64(p), InTransit, Payable(s), amount, c}
	})
}

// PayoutsFunded: the bank's statement shows the transfer to Stripe that the payouts of a
// settlement go out of there.
func PayoutsFunded(topUp int64, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{payoutsFunded, topUp, StripePayouts, Segregated, amount, c}
	})
}

// PayoutsUnfunded: the bank brought it back.
func PayoutsUnfunded(topUp int64, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{payoutsUnfunded, topUp, Segregated, StripePayouts, amount, c}
	})
}

// PaidThrough: Stripe has paid a payout out of what was sent there.
func PaidThrough(p vouchers.PayoutID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{connectPaid, int64(p), InTransit, StripePayouts, amount, c}
	})
}

// CameBackThrough: what Stripe had paid came back to it. The structure is owed again.
func CameBackThrough(p vouchers.PayoutID, s vouchers.OrganisationID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{connectReturned, int64(p), StripePayouts, Payable(s), amount, c}
	})
}

// PayoutsHome: a line brings what came back of a payout at Stripe to the segregated account.
func PayoutsHome(line int64, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{payoutsHome, line, Segregated, StripePayouts, amount, c}
	})
}

// positive keeps the legs that move something: an amount of zero moves nothing.
func positive(legs ...Transfer) []Transfer {
	var kept []Transfer
	for _, t := range legs {
		if t.Amount != 0 {
			kept = append(kept, t)
		}
	}
	return kept
}

func reversed(legs []Transfer) []Transfer {
	for i, t := range legs {
		legs[i].Debit, legs[i].Credit = t.Credit, t.Debit
	}
	return legs
}

func perCampaign(parts map[vouchers.CampaignID]vouchers.Cents, leg func(vouchers.CampaignID, vouchers.Cents) Transfer) []Transfer {
	var legs []Transfer
	for _, c := range sorted(parts) {
		legs = append(legs, leg(c, parts[c]))
	}
	return positive(legs...)
}

package ledger

import "github.com/passerelle/passerelle/vouchers"

// The recipes: what each business event does to the books. Debit is written first.
//
//	bank:segregated      debit  = cash comes in      credit = cash goes out
//	everything else      credit = we owe it          debit  = we no longer owe it there

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
)

// OrderPaid: a bank line pays an order. funds is the part within the order's face
// value; what is above becomes the funder's credit, still tied to the campaign.
func OrderPaid(line int64, c vouchers.CampaignID, funder vouchers.OrganisationID, funds, excess vouchers.Cents) []Transfer {
	return positive(
		Transfer{receipt, line, Segregated, Funds(c), funds, c},
		Transfer{receipt, line, Segregated, Credit(funder), excess, c},
	)
}

// ReceivedUnexplained: cash came in and nobody knows for what. It waits.
func ReceivedUnexplained(line int64, amount vouchers.Cents) []Transfer {
	return positive(Transfer{receipt, line, Segregated, Suspense, amount, 0})
}

// Attributed: somebody has said which order an unexplained receipt was for. The cash
// itself moves from no campaign to the order's.
func Attributed(line int64, c vouchers.CampaignID, funder vouchers.OrganisationID, funds, excess vouchers.Cents) []Transfer {
	return positive(
		Transfer{attribution, line, Suspense, Segregated, funds + excess, 0},
		Transfer{attribution, line, Segregated, Funds(c), funds, c},
		Transfer{attribution, line, Segregated, Credit(funder), excess, c},
	)
}

// DebitedUnexpectedly: the bank took cash that we did not order out. Cover shrinks by
// it until it is explained: that is the alarm.
func DebitedUnexpectedly(line int64, amount vouchers.Cents) []Transfer {
	return positive(Transfer{unexpectedDebit, line, Suspense, Segregated, amount, 0})
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

// Expired: unused vouchers of a booklet are over; their value is the funder's again.
func Expired(b vouchers.BookletID, c vouchers.CampaignID, funder vouchers.OrganisationID, value vouchers.Cents) []Transfer {
	return positive(Transfer{expiry, int64(b), Live(c), Credit(funder), value, c})
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

func perCampaign(parts map[vouchers.CampaignID]vouchers.Cents, leg func(vouchers.CampaignID, vouchers.Cents) Transfer) []Transfer {
	var legs []Transfer
	for _, c := range sortedCampaigns(parts) {
		legs = append(legs, leg(c, parts[c]))
	}
	return positive(legs...)
}

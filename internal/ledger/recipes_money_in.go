package ledger

import "github.com/passerelle/passerelle/vouchers"

// The recipes of fees, of payment through Stripe, of debts, and of money that goes back
// to funders.

const (
	feesInvoiced     Event = "fees_invoiced"
	feesPaid         Event = "fees_paid"
	operatingLine    Event = "operating_line"
	paymentReturned  Event = "payment_returned"
	toppedUp         Event = "topped_up"
	cardPaid         Event = "card_paid"
	cardCost         Event = "card_cost"
	cardFees         Event = "card_fees"
	cardCounted      Event = "card_counted"
	cardBanked       Event = "card_banked"
	stripePayout     Event = "stripe_payout"
	cardRefunded     Event = "card_refunded"
	disputed         Event = "disputed"
	disputeWon       Event = "dispute_won"
	debtSecured      Event = "debt_secured"
	debtReleased     Event = "debt_released"
	debtPaid         Event = "debt_paid"
	debtForgiven     Event = "debt_forgiven"
	campaignClosed   Event = "campaign_closed"
	rolledOver       Event = "rolled_over"
	refundOrdered    Event = "refund_ordered"
	refundBooked     Event = "refund_booked"
	refundReturned   Event = "refund_returned"
	claimOrdered     Event = "claim_ordered"
	claimBooked      Event = "claim_booked"
	claimReturned    Event = "claim_returned"
	claimArrived     Event = "claim_arrived"
	feesBackOrdered  Event = "fees_back_ordered"
	feesBackReturned Event = "fees_back_returned"
	refundRejected   Event = "refund_rejected"
	claimRejected    Event = "claim_rejected"
	feesBackRejected Event = "fees_back_rejected"
)

// FeesInvoiced: the operator's service is invoiced, with its VAT. A credit note of fees is
// the same with negative amounts.
func FeesInvoiced(i vouchers.InvoiceID, funder vouchers.OrganisationID, net, vat vouchers.Cents) []Transfer {
	return either(
		Transfer{feesInvoiced, int64(i), FeesDue(funder), Fees, net, 0},
		Transfer{feesInvoiced, int64(i), FeesDue(funder), VAT, vat, 0},
	)
}

// FeesPaid: a line of the operating account pays fees.
func FeesPaid(line int64, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{feesPaid, line, Operating, FeesDue(funder), amount, 0})
}

// FeesAttributed: somebody has said which fees a line of the operating account paid.
func FeesAttributed(line int64, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{feesPaid, line, OperatingSuspense, FeesDue(funder), amount, 0})
}

// FeesUnattributed: it was for something else, and waits again.
func FeesUnattributed(line int64, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return reversed(FeesAttributed(line, funder, amount))
}

// OperatingMoved: a line of the operating account that is not about vouchers, or not yet
// explained. amount is below zero for a debit.
func OperatingMoved(line int64, amount vouchers.Cents) []Transfer {
	return either(Transfer{operatingLine, line, Operating, OperatingSuspense, amount, 0})
}

// TakenBack is where the money of a payment that the bank returned comes from.
type TakenBack struct {
	Campaign vouchers.CampaignID
	Funder   vouchers.OrganisationID
	Credit   vouchers.Cents // the funder's
	Funds    vouchers.Cents // not yet live
	Debt     vouchers.Cents // live: the funder owes it now
}

// PaymentReturned: a line waiting in suspense is the return of a funder's payment. What is
// the funder's credit or still in the campaign's funds goes; what has become live is the
// funder's debt, and cover lacks it until the operator tops up.
func PaymentReturned(line int64, t TakenBack) []Transfer {
	return positive(
		Transfer{paymentReturned, line, Segregated, Suspense, t.Credit + t.Funds + t.Debt, 0},
		Transfer{paymentReturned, line, Credit(t.Funder), Segregated, t.Credit, t.Campaign},
		Transfer{paymentReturned, line, Funds(t.Campaign), Segregated, t.Funds, t.Campaign},
		Transfer{paymentReturned, line, Debt(t.Funder), Segregated, t.Debt, t.Campaign},
	)
}

// ToppedUp: the operator has paid what cover lacked for a funder's debt out of its own
// money: a credit that waited in suspense. The line of the operating account that shows
// where it came from is explained by it.
func ToppedUp(line int64, c vouchers.CampaignID, amount vouchers.Cents) []Transfer {
	return positive(
		Transfer{toppedUp, line, Suspense, Segregated, amount, 0},
		Transfer{toppedUp, line, Segregated, OperatingSuspense, amount, c},
	)
}

// CardPaid: a funder has paid through Stripe (face value and fees together). Nothing counts
// as received yet.
func CardPaid(k vouchers.CheckoutID, c vouchers.CampaignID, funder vouchers.OrganisationID, total vouchers.Cents) []Transfer {
	return positive(Transfer{cardPaid, int64(k), StripeClearing, Paying(funder), total, c})
}

// CardCost: what Stripe keeps of a payment, or takes for a dispute about it; below zero,
// what it gives back of that.
func CardCost(k vouchers.CheckoutID, c vouchers.CampaignID, cost vouchers.Cents) []Transfer {
	return either(Transfer{cardCost, int64(k), StripeCosts, StripeClearing, cost, c})
}

// CardFees: the part of a payment through Stripe that pays fees.
func CardFees(k vouchers.CheckoutID, c vouchers.CampaignID, funder vouchers.OrganisationID, fees vouchers.Cents) []Transfer {
	return positive(Transfer{cardFees, int64(k), Paying(funder), FeesDue(funder), fees, c})
}

// CardCounted: under the lenient policy the face value counts as soon as Stripe says that
// it is available; it is set apart at Stripe.
func CardCounted(k vouchers.CheckoutID, r Received) []Transfer {
	legs := positive(Transfer{cardCounted, int64(k), StripeSegregated, StripeClearing, r.total(), r.Campaign})
	return append(legs, r.legs(cardCounted, int64(k), Paying(r.Funder))...)
}

// CardCountedBanked: a line of the segregated account brings face value that counted
// before.
func CardCountedBanked(line int64, c vouchers.CampaignID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{cardBanked, line, Segregated, StripeSegregated, amount, c})
}

// CardBanked: under the strict policy the face value counts when a line of the segregated
// account brings it.
func CardBanked(line int64, r Received) []Transfer {
	legs := positive(Transfer{cardBanked, line, Segregated, StripeClearing, r.total(), r.Campaign})
	return append(legs, r.legs(cardBanked, line, Paying(r.Funder))...)
}

// StripePaidOut: a line of the operating account brings what Stripe held for the operator.
func StripePaidOut(line int64, amount vouchers.Cents) []Transfer {
	return positive(Transfer{stripePayout, line, Operating, StripeClearing, amount, 0})
}

// CardRefunded: unspent funds go back to the payer's card out of Stripe's balance. The same
// amount of the segregated account is the operator's from now on.
func CardRefunded(refund int64, c vouchers.CampaignID, amount vouchers.Cents) []Transfer {
	return positive(
		Transfer{cardRefunded, refund, Advances, StripeClearing, amount, c},
		Transfer{cardRefunded, refund, Funds(c), Claims, amount, c},
	)
}

// CardRefundUndone: it did not go through, and all is as before.
func CardRefundUndone(refund int64, c vouchers.CampaignID, amount vouchers.Cents) []Transfer {
	return positive(
		Transfer{cardRefunded, refund, StripeClearing, Advances, amount, c},
		Transfer{cardRefunded, refund, Claims, Funds(c), amount, c},
	)
}

// CardRefundBounced: it came back after Stripe had called it done, and what was decided
// meanwhile stands: the operator has taken its claim, so it owes the funder the amount out of
// its own account.
func CardRefundBounced(refund int64, c vouchers.CampaignID, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{cardRefunded, refund, StripeClearing, FeesDue(funder), amount, c})
}

// Contested is what Stripe took back of a payment.
type Contested struct {
	Campaign vouchers.CampaignID
	Funder   vouchers.OrganisationID
	Counted  vouchers.Cents // had become funds
	Pending  vouchers.Cents // face value that had not counted yet
	Fees     vouchers.Cents
}

// Disputed: Stripe took a payment back. What had become funds is the funder's debt; fees are
// due again.
func Disputed(dispute int64, t Contested) []Transfer {
	return positive(
		Transfer{disputed, dispute, Debt(t.Funder), StripeClearing, t.Counted, t.Campaign},
		Transfer{disputed, dispute, Paying(t.Funder), StripeClearing, t.Pending, t.Campaign},
		Transfer{disputed, dispute, FeesDue(t.Funder), StripeClearing, t.Fees, t.Campaign},
	)
}

// DisputeWon: Stripe gave it back.
func DisputeWon(dispute int64, t Contested) []Transfer {
	return positive(
		Transfer{disputeWon, dispute, StripeClearing, Debt(t.Funder), t.Counted, t.Campaign},
		Transfer{disputeWon, dispute, StripeClearing, Paying(t.Funder), t.Pending, t.Campaign},
		Transfer{disputeWon, dispute, StripeClearing, FeesDue(t.Funder), t.Fees, t.Campaign},
	)
}

// DisputeBounced: a payment that had been taken back for good came back all the same, and
// what was decided meanwhile stands: as CardRefundBounced. What is left of its debt is paid
// by it, and what was forgiven is no loss any more.
func DisputeBounced(dispute int64, t Contested, debt, forgiven vouchers.Cents) []Transfer {
	return positive(
		Transfer{disputeWon, dispute, StripeClearing, Debt(t.Funder), debt, t.Campaign},
		Transfer{disputeWon, dispute, StripeClearing, Losses, forgiven, t.Campaign},
		Transfer{disputeWon, dispute, StripeClearing, FeesDue(t.Funder), t.Counted + t.Pending + t.Fees - debt - forgiven, t.Campaign},
	)
}

// DebtSecured: unspent funds answer for a funder's debt. They cannot become live any more.
func DebtSecured(dispute int64, c vouchers.CampaignID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{debtSecured, dispute, Funds(c), Claims, amount, c})
}

// DebtReleased: they are funds again.
func DebtReleased(dispute int64, c vouchers.CampaignID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{debtReleased, dispute, Claims, Funds(c), amount, c})
}

// DebtPaid: a line that waited on the operating account pays a debt to the operator.
func DebtPaid(line int64, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{debtPaid, line, OperatingSuspense, Debt(funder), amount, 0})
}

// DebtForgiven: the operator bears the debt.
func DebtForgiven(cause int64, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{debtForgiven, cause, Losses, Debt(funder), amount, 0})
}

// CampaignClosed: what a campaign did not use is its funders' again.
func CampaignClosed(c vouchers.CampaignID, funder vouchers.OrganisationID, fromFunds, fromUnused vouchers.Cents) []Transfer {
	return positive(
		Transfer{campaignClosed, int64(c), Funds(c), Credit(funder), fromFunds, c},
		Transfer{campaignClosed, int64(c), Unused(c), Credit(funder), fromUnused, c},
	)
}

// RolledOver: a funder's credit of one campaign pays an order of another. The cash moves
// with it.
func RolledOver(v vouchers.RolloverID, from vouchers.CampaignID, r Received) []Transfer {
	legs := positive(Transfer{rolledOver, int64(v), Credit(r.Funder), Segregated, r.total(), from})
	return append(legs, r.legs(rolledOver, int64(v), Segregated)...)
}

// RefundOrdered: a funder's credit is on its way to the funder's bank, or pays its fees by
// way of the operating account.
func RefundOrdered(r vouchers.RefundID, funder vouchers.OrganisationID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{refundOrdered, int64(r), Credit(funder), RefundsInTransit, amount, c}
	})
}

// RefundBooked: the statement of the segregated account shows it.
func RefundBooked(r vouchers.RefundID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{refundBooked, int64(r), RefundsInTransit, Segregated, amount, c}
	})
}

// RefundReturned: the bank gave a booked refund back.
func RefundReturned(r vouchers.RefundID, funder vouchers.OrganisationID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{refundReturned, int64(r), Segregated, Credit(funder), amount, c}
	})
}

// RefundRejected: the bank refused a refund before it debited anything.
func RefundRejected(r vouchers.RefundID, funder vouchers.OrganisationID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{refundRejected, int64(r), RefundsInTransit, Credit(funder), amount, c}
	})
}

// ClaimOrdered: what is the operator's on the segregated account is on its way to the
// operating account.
func ClaimOrdered(r vouchers.RefundID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{claimOrdered, int64(r), Claims, RefundsInTransit, amount, c}
	})
}

// ClaimBooked: the statement of the segregated account shows it leave.
func ClaimBooked(r vouchers.RefundID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{claimBooked, int64(r), RefundsInTransit, Segregated, amount, c}
	})
}

// ClaimReturned: the bank gave it back.
func ClaimReturned(r vouchers.RefundID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{claimReturned, int64(r), Segregated, Claims, amount, c}
	})
}

// ClaimRejected: the bank refused it before it debited anything.
func ClaimRejected(r vouchers.RefundID, parts map[vouchers.CampaignID]vouchers.Cents) []Transfer {
	return perCampaign(parts, func(c vouchers.CampaignID, amount vouchers.Cents) Transfer {
		return Transfer{claimRejected, int64(r), RefundsInTransit, Claims, amount, c}
	})
}

// ClaimArrived: the statement of the operating account shows it arrive. It makes good what
// the operator had advanced for refunds, and the debts of funders that it answers for.
func ClaimArrived(line int64, advances vouchers.Cents, debts map[vouchers.OrganisationID]vouchers.Cents) []Transfer {
	legs := positive(Transfer{claimArrived, line, Operating, Advances, advances, 0})
	for _, funder := range sorted(debts) {
		legs = append(legs, positive(Transfer{claimArrived, line, Operating, Debt(funder), debts[funder], 0})...)
	}
	return legs
}

// FeesBackOrdered: fees that were credited go back to the funder, out of the operating
// account. The books follow when the file is ordered; the line that shows the debit is
// explained by it.
func FeesBackOrdered(r vouchers.RefundID, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{feesBackOrdered, int64(r), FeesDue(funder), OperatingSuspense, amount, 0})
}

// FeesBackReturned: the bank gave them back.
func FeesBackReturned(r vouchers.RefundID, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{feesBackReturned, int64(r), OperatingSuspense, FeesDue(funder), amount, 0})
}

// FeesBackRejected: the bank refused to send them.
func FeesBackRejected(r vouchers.RefundID, funder vouchers.OrganisationID, amount vouchers.Cents) []Transfer {
	return positive(Transfer{feesBackRejected, int64(r), OperatingSuspense, FeesDue(funder), amount, 0})
}

// either turns the legs around whose amount is below zero.
func either(legs ...Transfer) []Transfer {
	for i, t := range legs {
		if t.Amount < 0 {
			legs[i].Debit, legs[i].Credit, legs[i].Amount = t.Credit, t.Debit, -t.Amount
		}
	}
	return positive(legs...)
}

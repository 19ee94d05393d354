// Package vouchers holds what a cheque is, without a database or a network: money,
// identifiers, the states of a voucher, calendar days, and the codes that carry a
// booklet (a signed QR payload and a short typed code).
//
// It needs the standard library only, so that any program, at a counter without
// network as well as at an auditor's, can check a code with the public keys alone.
package vouchers

// Identifiers. A type each, so that one cannot stand for another.
type (
	OrganisationID int64 // a funder, prescriber, structure or operator
	PersonID       int64 // somebody who signs in
	CampaignID     int64 // a funder's programme; also part of every code
	OrderID        int64 // a purchase of face value
	AllocationID   int64 // what a prescriber may hand over of a campaign
	BookletID      int64 // n vouchers handed to one person
	VoucherID      int64 // one unit of face value
	PlaceID        int64 // where mediation happens
	ServiceID      int64 // what a place offers for a price in vouchers
	SessionID      int64 // one time when a service takes place
	ReportID       int64 // what somebody says is wrong about a place's card
	ComplaintID    int64 // what somebody concerned says is wrong with a redemption
	TranslationID  int64 // what somebody puts a place's words into
	BookingID      int64 // a seat of a session for whoever holds a booklet
	LabelID        int64 // a time-limited recognition of a place
	ApplicationID  int64 // a request for a label
	RedemptionID   int64 // k vouchers taken for one service
	SettlementID   int64 // a dated batch of payouts
	PayoutID       int64 // one transfer to one structure
	StatementID    int64 // one imported bank statement
	FileID         int64 // a file of statements that is being imported
	QuoteID        int64 // an offer for an order, in versions
	TariffID       int64 // a published price of the service, and the version of the terms that go with it
	InvoiceID      int64 // an invoice or a credit note
	CheckoutID     int64 // one attempt to pay online
	RefundID       int64 // one transfer of face value to a funder or to the operator
	RolloverID     int64 // credit of one campaign that pays an order of another
	RefundFileID   int64 // the bank file of refunds that were approved together
	AnswerID       int64 // what the bank answered to a file
	AccountID      int64 // a bank account that a funder has given
	PayeeID        int64 // a bank account that a structure has given
	ConnectID      int64 // a structure's account at Stripe
	ProofID        int64 // a file that was sent as proof
)

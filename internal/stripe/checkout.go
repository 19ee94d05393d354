package stripe

import (
	"context"
	"time"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/checkout/session"
	"github.com/stripe/stripe-go/v76/customer"

	"github.com/passerelle/passerelle/vouchers"
)

// Means is how a payer pays.
type Means string

const (
	Card         Means = "card"
	SEPADebit    Means = "sepa_debit"
	BankTransfer Means = "customer_balance" // to an account that Stripe opens for the customer
)

// Line is one line of what is paid.
type Line struct {
	Name   string
	Amount vouchers.Cents
}

// SessionRequest asks for a page on which something is paid.
type SessionRequest struct {
	Ours       string // our checkout's name, its idempotency key too
	Means      Means
	Customer   string // Stripe's id; BankTransfer needs one
	Email      string // fills in the page's field, where there is no Customer
	Lines      []Line
	SuccessURL string
	CancelURL  string
	ExpiresAt  time.Time // half an hour to a day from now
	Locale     string    // "fr"
}

// SessionStatus is what has become of a page.
type SessionStatus string

const (
	SessionOpen    SessionStatus = "open"    // the page waits for the payer
	SessionPending SessionStatus = "pending" // the payer is done, the money is on its way
	SessionPaid    SessionStatus = "paid"    // Stripe has it, though perhaps not available yet
	SessionFailed  SessionStatus = "failed"  // the payer was done, the money will not come
	SessionExpired SessionStatus = "expired" // the payer never was done
)

// Session is a page on which something is paid.
type Session struct {
	ID           string
	Ours         string
	URL          string // of the page, while it is open
	Status       SessionStatus
	Amount       vouchers.Cents
	Missing      vouchers.Cents // of a bank transfer: what has not arrived yet
	Instructions string         // of a bank transfer: the page that says where to send it
	Intent       string         // what refunds and disputes name; "" before there is one
	Charge       *Charge        // nil before Stripe has booked the payment
}

// Charge is a payment as booked on our balance at Stripe.
type Charge struct {
	Amount      vouchers.Cents
	Fee         vouchers.Cents // taken by Stripe
	Available   bool           // may be paid out to our bank
	AvailableOn time.Time
}

// CreateSession makes a page.
func (c *Client) CreateSession(ctx context.Context, req SessionRequest) (Session, error) {
	p := &stripego.CheckoutSessionParams{
		Params:             write(ctx, req.Ours),
		Mode:               stripego.String(string(stripego.CheckoutSessionModePayment)),
		PaymentMethodTypes: stripego.StringSlice([]string{string(req.Means)}),
		ClientReferenceID:  stripego.String(req.Ours),
		Metadata:           map[string]string{ours: req.Ours},
		PaymentIntentData:  &stripego.CheckoutSessionPaymentIntentDataParams{Metadata: map[string]string{ours: req.Ours}},
		SuccessURL:         stripego.String(req.SuccessURL),
		CancelURL:          stripego.String(req.CancelURL),
		ExpiresAt:          stripego.Int64(req.ExpiresAt.Unix()),
		Locale:             stripego.String(req.Locale),
	}
	for _, line := range req.Lines {
		p.LineItems = append(p.LineItems, lineParams(line))
	}
	if req.Customer != "" {
		p.Customer = stripego.String(req.Customer)
	} else if req.Email != "" {
		p.CustomerEmail = stripego.String(req.Email)
	}
	if req.Means == BankTransfer {
		p.PaymentMethodOptions = frenchAccount()
	}
	made, err := session.Client{B: c.backend, Key: c.key}.New(p)
	if err != nil {
		return Session{}, outcome(err)
	}
	return sessionOf(made)
}

func lineParams(line Line) *stripego.CheckoutSessionLineItemParams {
	return &stripego.CheckoutSessionLineItemParams{
		Quantity: stripego.Int64(1),
		PriceData: &stripego.CheckoutSessionLineItemPriceDataParams{
			Currency:    stripego.String(string(stripego.CurrencyEUR)),
			UnitAmount:  stripego.Int64(int64(line.Amount)),
			ProductData: &stripego.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripego.String(line.Name)},
		},
	}
}

// frenchAccount asks for an IBAN that begins with FR: public accountants may have no
// other in their software.
func frenchAccount() *stripego.CheckoutSessionPaymentMethodOptionsParams {
	return &stripego.CheckoutSessionPaymentMethodOptionsParams{
		CustomerBalance: &stripego.CheckoutSessionPaymentMethodOptionsCustomerBalanceParams{
			FundingType: stripego.String("bank_transfer"),
			BankTransfer: &stripego.CheckoutSessionPaymentMethodOptionsCustomerBalanceBankTransferParams{
				Type:           stripego.String("eu_bank_transfer"),
				EUBankTransfer: &stripego.CheckoutSessionPaymentMethodOptionsCustomerBalanceBankTransferEUBankTransferParams{Country: stripego.String("FR")},
			},
		},
	}
}

// Session reads a page with its payment.
func (c *Client) Session(ctx context.Context, id string) (Session, error) {
	p := &stripego.CheckoutSessionParams{Params: read(ctx)}
	p.AddExpand("payment_intent.latest_charge.balance_transaction")
	found, err := session.Client{B: c.backend, Key: c.key}.Get(id, p)
	if err != nil {
		return Session{}, outcome(err)
	}
	return sessionOf(found)
}

// ExpireSession closes an open page, so that nobody pays on it any more. Stripe refuses
// when the payer is already done.
func (c *Client) ExpireSession(ctx context.Context, id string) error {
	_, err := session.Client{B: c.backend, Key: c.key}.Expire(id, &stripego.CheckoutSessionExpireParams{Params: read(ctx)})
	return outcome(err)
}

func sessionOf(raw *stripego.CheckoutSession) (Session, error) {
	amount, err := euros(raw.AmountTotal, raw.Currency)
	if err != nil {
		return Session{}, err
	}
	s := Session{ID: raw.ID, Ours: raw.Metadata[ours], URL: raw.URL, Amount: amount, Status: statusOf(raw)}
	intent := raw.PaymentIntent
	if intent == nil {
		return s, nil
	}
	s.Intent = intent.ID
	if next := intent.NextAction; next != nil && next.DisplayBankTransferInstructions != nil {
		awaited := next.DisplayBankTransferInstructions
		s.Missing, s.Instructions = vouchers.Cents(awaited.AmountRemaining), awaited.HostedInstructionsURL
	}
	if s.Status == SessionPaid {
		s.Charge, err = chargeOf(intent.LatestCharge)
	}
	return s, err
}

func statusOf(raw *stripego.CheckoutSession) SessionStatus {
	switch {
	case raw.Status == stripego.CheckoutSessionStatusExpired:
		return SessionExpired
	case raw.Status != stripego.CheckoutSessionStatusComplete:
		return SessionOpen
	case raw.PaymentStatus == stripego.CheckoutSessionPaymentStatusPaid:
		return SessionPaid
	case raw.PaymentIntent != nil && (raw.PaymentIntent.Status == stripego.PaymentIntentStatusRequiresPaymentMethod ||
		raw.PaymentIntent.Status == stripego.PaymentIntentStatusCanceled):
		return SessionFailed
	}
	return SessionPending
}

func chargeOf(raw *stripego.Charge) (*Charge, error) {
	if raw == nil || raw.BalanceTransaction == nil || raw.BalanceTransaction.ID == "" {
		return nil, nil
	}
	booked := raw.BalanceTransaction
	amount, err := euros(booked.Amount, booked.Currency)
	return &Charge{
		Amount:      amount,
		Fee:         vouchers.Cents(booked.Fee),
		Available:   booked.Status == stripego.BalanceTransactionStatusAvailable,
		AvailableOn: moment(booked.AvailableOn),
	}, err
}

// CustomerRequest asks for a customer, to whom Stripe gives an account for transfers.
type CustomerRequest struct {
	Ours  string // our organisation's name, its idempotency key too
	Name  string
	Email string
}

// CreateCustomer makes a customer and returns Stripe's id.
func (c *Client) CreateCustomer(ctx context.Context, req CustomerRequest) (string, error) {
	made, err := customer.Client{B: c.backend, Key: c.key}.New(&stripego.CustomerParams{
		Params:   write(ctx, req.Ours),
		Name:     stripego.String(req.Name),
		Email:    stripego.String(req.Email),
		Metadata: map[string]string{ours: req.Ours},
	})
	if err != nil {
		return "", outcome(err)
	}
	return made.ID, nil
}

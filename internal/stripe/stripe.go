// Package stripe speaks with Stripe: checkout pages, refunds, disputes, payouts and the
// events that Stripe sends; and connected accounts, which are other people's: transfers
// from our balance to theirs, payouts from theirs to their banks when we order them, and
// top-ups of ours (docs.stripe.com/connect/separate-charges-and-transfers). It knows formats
// and nothing of the trade: no database, no room. Amounts are cents of euro, times are UTC.
//
// An event never carries a fact: it names an object, and the object is read from Stripe.
// So events may come late, twice, in any order or not at all.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/passerelle/passerelle/vouchers"
)

// patience is how long an answer may take. After it the outcome is unknown.
const patience = 20 * time.Second

// ErrUnknown says that no answer tells whether it was done: Stripe was out of reach, too
// slow, or in trouble itself. It is never "not done". Asking again with the same values
// does it once at most, for as long as Stripe knows the key: at least 24 hours.
var ErrUnknown = errors.New("stripe: the outcome is unknown")

// errNameless says that an answer is about no object, so that it tells nothing.
var errNameless = fmt.Errorf("%w: the answer names no object", ErrUnknown)

// ErrCurrency says that Stripe speaks of other money than euros: an account that is not
// set up for us.
var ErrCurrency = errors.New("stripe: the amount is not in euros")

// Refusal is Stripe's definite no: nothing was done. Stripe may repeat it for the same
// key even when its reason is gone.
type Refusal struct {
	Code    string // Stripe's own, for example "balance_insufficient"
	Message string // in English, for the operator
}

func (r *Refusal) Error() string { return "stripe refused: " + r.Code }

// Codes of refusals that the trade has an answer to.
const (
	BalanceInsufficient = "balance_insufficient"
	Missing             = "resource_missing"
	AccountInvalid      = "account_invalid"                        // the connected account is closed, or no longer connected to us
	PayoutsNotAllowed   = "payouts_not_allowed"                    // of the connected account
	TransfersInactive   = "insufficient_capabilities_for_transfer" // the connected account may not receive
)

// Client asks Stripe. The zero value asks nobody; use New.
type Client struct {
	backend stripego.Backend
	key     string
}

// New makes a client for one account's secret key. base is another server that speaks
// like Stripe; "" is Stripe itself.
func New(secretKey, base string) *Client {
	config := &stripego.BackendConfig{
		HTTPClient:        &http.Client{Timeout: patience},
		LeveledLogger:     &stripego.LeveledLogger{Level: stripego.LevelNull}, // errors are returned, and logged by whoever asked
		MaxNetworkRetries: stripego.Int64(0),                                  // our jobs try again
		EnableTelemetry:   stripego.Bool(false),
	}
	if base != "" {
		config.URL = stripego.String(base)
	}
	return &Client{stripego.GetBackendWithConfig(stripego.APIBackend, config), secretKey}
}

// ours is the name under which Stripe keeps our row's id with each of its objects.
const ours = "passerelle"

// read are the parameters of a question.
func read(ctx context.Context) stripego.Params { return stripego.Params{Context: ctx} }

// write are the parameters of an act that happens once for its key.
func write(ctx context.Context, key string) stripego.Params {
	return stripego.Params{Context: ctx, IdempotencyKey: stripego.String(key)}
}

// pages are the parameters of a list, all pages of it.
func pages(ctx context.Context) stripego.ListParams {
	return stripego.ListParams{Context: ctx, Limit: stripego.Int64(100)}
}

// outcome tells a definite no from everything else that is no yes.
func outcome(err error) error {
	if err == nil {
		return nil
	}
	var answer *stripego.Error
	if !errors.As(err, &answer) || answer.Type == stripego.ErrorTypeIdempotency {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	switch answer.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		return &Refusal{Code: string(answer.Code), Message: answer.Msg}
	case http.StatusForbidden:
		if answer.Code == AccountInvalid {
			return &Refusal{Code: AccountInvalid, Message: answer.Msg}
		}
	}
	return fmt.Errorf("%w: status %d, request %s", ErrUnknown, answer.HTTPStatusCode, answer.RequestID)
}

// euros reads an amount. An amount of nothing may come without currency.
func euros(amount int64, currency stripego.Currency) (vouchers.Cents, error) {
	if currency != stripego.CurrencyEUR && (currency != "" || amount != 0) {
		return 0, ErrCurrency
	}
	return vouchers.Cents(amount), nil
}

// moment reads a time, zero where Stripe has none.
func moment(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}

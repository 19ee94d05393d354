package stripe

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/event"
	"github.com/stripe/stripe-go/v76/webhook"
)

// ErrSignature says that a message is not Stripe's, or is an old one.
var ErrSignature = errors.New("stripe: the message is not signed by Stripe, or too long ago")

// Event says that something happened to an object. What the object is now must be read.
type Event struct {
	ID       string
	Type     string // "checkout.session.completed"
	Kind     string // of the object: "checkout.session", "refund", "dispute", "payout", "payment_intent", "transfer", "topup", "account"
	ObjectID string
	Account  string // the connected account that it happened on; "" for ours
}

// types are the events that concern us; Stripe lists at most twenty types at once.
var types = []string{
	"checkout.session.completed", "checkout.session.expired",
	"checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
	"payment_intent.partially_funded",
	"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
	"charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
	"charge.refund.updated", "refund.created", "refund.updated",
	"payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.canceled",
	"topup.succeeded", "transfer.reversed",
}

// rawEvent is what an event of any version of Stripe's interface has.
type rawEvent struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Account string `json:"account"`
	Data    struct {
		Object struct {
			ID   string `json:"id"`
			Kind string `json:"object"`
		} `json:"object"`
	} `json:"data"`
}

// Verify reads the message of a webhook: body as it came, signature from the header
// Stripe-Signature. Any of the secrets may have signed it, so that they can be changed.
// The version of the message does not matter, because only the object's name is read.
func Verify(secrets []string, now time.Time, body []byte, signature string) (Event, error) {
	if !signed(secrets, now, body, signature) {
		return Event{}, ErrSignature
	}
	var raw rawEvent
	if err := json.Unmarshal(body, &raw); err != nil || raw.ID == "" {
		return Event{}, ErrSignature
	}
	return Event{raw.ID, raw.Type, raw.Data.Object.Kind, raw.Data.Object.ID, raw.Account}, nil
}

// signed checks a header "t=1492774577,v1=5257a8…,v1=…" as docs.stripe.com/webhooks/signature
// says, by our own clock.
func signed(secrets []string, now time.Time, body []byte, header string) bool {
	var stamp string
	var signatures [][]byte
	for item := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(item, "="); name {
		case "t":
			stamp = value
		case "v1":
			if signature, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, signature)
			}
		}
	}
	unix, err := strconv.ParseInt(stamp, 10, 64)
	at := time.Unix(unix, 0)
	if err != nil || now.Sub(at).Abs() > webhook.DefaultTolerance {
		return false
	}
	for _, secret := range secrets {
		want := webhook.ComputeSignature(at, body, secret)
		for _, signature := range signatures {
			if secret != "" && hmac.Equal(want, signature) {
				return true
			}
		}
	}
	return false
}

// Events are those on our own account since a time, oldest first, whether or not a webhook
// ever told of them. Stripe keeps them for 30 days. What happens on a connected account is
// only told by its webhook: its object must be read now and then.
func (c *Client) Events(ctx context.Context, since time.Time) ([]Event, error) {
	p := &stripego.EventListParams{
		ListParams:   pages(ctx),
		CreatedRange: &stripego.RangeQueryParams{GreaterThanOrEqual: since.Unix()},
		Types:        stripego.StringSlice(types),
	}
	var all []Event
	found := event.Client{B: c.backend, Key: c.key}.List(p)
	for found.Next() {
		raw := found.Event()
		if raw.Data == nil {
			continue
		}
		id, _ := raw.Data.Object["id"].(string)
		kind, _ := raw.Data.Object["object"].(string)
		all = append(all, Event{raw.ID, string(raw.Type), kind, id, raw.Account})
	}
	slices.Reverse(all)
	return all, outcome(found.Err())
}

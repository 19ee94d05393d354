package stripe_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
)

var (
	noon    = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	secrets = []string{"whsec_new", "whsec_old"}
	message = []byte(`{"id":"evt_1","type":"payout.paid","data":{"object":{"id":"po_1","object":"payout","amount":5}}}`)
	theirs  = []byte(`{"id":"evt_2","type":"payout.failed","account":"acct_1","data":{"object":{"id":"po_2","object":"payout"}}}`)
)

func TestAMessageOfStripesNamesAnObject(t *testing.T) {
	t.Parallel()
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: message, Secret: "whsec_old", Timestamp: noon}).Header
	for name, header := range map[string]string{
		"as Stripe's library signs":   signed,
		"by the new secret":           stripefake.Sign("whsec_new", noon, message),
		"by the old secret":           stripefake.Sign("whsec_old", noon, message),
		"almost five minutes ago":     stripefake.Sign("whsec_new", noon.Add(-299*time.Second), message),
		"by a clock ahead of ours":    stripefake.Sign("whsec_new", noon.Add(299*time.Second), message),
		"with a signature we skip":    signed + ",v0=6ffb,v1=zz",
		"after one that is not valid": "v1=00," + signed,
	} {
		got, err := stripe.Verify(secrets, noon, message, header)
		if want := (stripe.Event{ID: "evt_1", Type: "payout.paid", Kind: "payout", ObjectID: "po_1"}); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestWhatStripeDidNotSignIsNoMessage(t *testing.T) {
	t.Parallel()
	good := stripefake.Sign("whsec_new", noon, message)
	stamp, signature, _ := strings.Cut(good, ",")
	for name, c := range map[string]struct {
		secrets []string
		body    []byte
		header  string
	}{
		"nothing":               {secrets, message, ""},
		"another secret":        {secrets, message, stripefake.Sign("whsec_other", noon, message)},
		"no secret of ours":     {nil, message, good},
		"an empty secret":       {[]string{""}, message, stripefake.Sign("", noon, message)},
		"another body":          {secrets, bytes.Replace(message, []byte("po_1"), []byte("po_2"), 1), good},
		"too long ago":          {secrets, message, stripefake.Sign("whsec_new", noon.Add(-301*time.Second), message)},
		"too far ahead":         {secrets, message, stripefake.Sign("whsec_new", noon.Add(301*time.Second), message)},
		"a changed time":        {secrets, message, strings.Replace(good, "t=1", "t=2", 1)},
		"no time":               {secrets, message, signature},
		"no signature":          {secrets, message, stamp},
		"a signature cut short": {secrets, message, good[:len(good)-2]},
		"signed, but no event":  {secrets, []byte("{}"), stripefake.Sign("whsec_new", noon, []byte("{}"))},
		"signed, but no JSON":   {secrets, []byte("hello"), stripefake.Sign("whsec_new", noon, []byte("hello"))},
	} {
		if got, err := stripe.Verify(c.secrets, noon, c.body, c.header); !errors.Is(err, stripe.ErrSignature) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// One webhook tells of our own account, another of the connected ones.
func TestAMessageSaysOnWhoseAccountItHappened(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]stripe.Event{
		string(theirs): {ID: "evt_2", Type: "payout.failed", Kind: "payout", ObjectID: "po_2", Account: "acct_1"},
		`{"id":"evt_3","type":"account.updated","account":"acct_1","data":{"object":{"id":"acct_1","object":"account"}}}`: {
			ID: "evt_3", Type: "account.updated", Kind: "account", ObjectID: "acct_1", Account: "acct_1"},
		`{"id":"evt_4","type":"topup.succeeded","account":null,"data":{"object":{"id":"tu_1","object":"topup"}}}`: {
			ID: "evt_4", Type: "topup.succeeded", Kind: "topup", ObjectID: "tu_1"},
	} {
		got, err := stripe.Verify(secrets, noon, []byte(body), stripefake.Sign("whsec_old", noon, []byte(body)))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	good := stripefake.Sign("whsec_new", noon, theirs)
	forged := bytes.Replace(theirs, []byte("acct_1"), []byte("acct_9"), 1)
	if got, err := stripe.Verify(secrets, noon, forged, good); !errors.Is(err, stripe.ErrSignature) {
		t.Errorf("another account under the same signature: %+v, %v", got, err)
	}
}

// Only the one true pair of body and signature is a message.
func FuzzVerify(f *testing.F) {
	good := stripefake.Sign("whsec_new", noon, message)
	f.Add(message, good)
	f.Add(theirs, good)
	f.Add([]byte("{}"), "t=1,v1=00")
	f.Add(message, "t=,v1=,t=1764158400,v1=zz")
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		_, err := stripe.Verify(secrets, noon, body, header)
		if forged := !bytes.Equal(body, message) || !strings.Contains(strings.ToLower(header), good[len("t=1764158400,v1="):]); forged && err == nil {
			t.Errorf("%q was signed by %q", body, header)
		}
	})
}

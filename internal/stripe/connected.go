package stripe

import (
	"context"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/account"
	"github.com/stripe/stripe-go/v76/accountlink"
	"github.com/stripe/stripe-go/v76/loginlink"
)

// ConnectedRequest asks for an account of somebody else whom we shall pay.
type ConnectedRequest struct {
	Ours  string // our name for it, its idempotency key too
	Name  string // of the business, shown to its owner
	Email string // "" when its owner is to say it
}

// Connected is somebody else's account at Stripe, which we pay. Its owner answers Stripe's
// questions on Stripe's pages and sees there what arrived (Stripe says an Express account).
type Connected struct {
	ID        string
	Ours      string // "" for one that is not ours
	Submitted bool   // its owner has gone through Stripe's questions
	Ready     bool   // may receive transfers, and pay out
	Problem   string // Stripe's code of why not, for example "requirements.past_due"; "" while Stripe has none
	Last4     string // of its default bank account for euros; "" before there is one
}

// CreateConnected opens an account in France, whose money leaves when we order it.
func (c *Client) CreateConnected(ctx context.Context, req ConnectedRequest) (Connected, error) {
	p := &stripego.AccountParams{
		Params:   write(ctx, req.Ours),
		Type:     stripego.String(string(stripego.AccountTypeExpress)),
		Country:  stripego.String("FR"),
		Metadata: map[string]string{ours: req.Ours},
		Capabilities: &stripego.AccountCapabilitiesParams{
			Transfers: &stripego.AccountCapabilitiesTransfersParams{Requested: stripego.Bool(true)},
		},
		BusinessProfile: &stripego.AccountBusinessProfileParams{Name: stripego.String(req.Name)},
		Settings: &stripego.AccountSettingsParams{Payouts: &stripego.AccountSettingsPayoutsParams{
			Schedule: &stripego.AccountSettingsPayoutsScheduleParams{Interval: stripego.String(string(stripego.AccountSettingsPayoutsScheduleIntervalManual))},
		}},
	}
	if req.Email != "" {
		p.Email = stripego.String(req.Email)
	}
	made, err := account.Client{B: c.backend, Key: c.key}.New(p)
	if err != nil {
		return Connected{}, outcome(err)
	}
	return connectedOf(made)
}

// Connected reads an account. Refusal AccountInvalid: it is closed, or no longer connected to us.
func (c *Client) Connected(ctx context.Context, id string) (Connected, error) {
	if err := named(id); err != nil {
		return Connected{}, err
	}
	found, err := account.Client{B: c.backend, Key: c.key}.GetByID(id, &stripego.AccountParams{Params: read(ctx)})
	if err != nil {
		return Connected{}, outcome(err)
	}
	return connectedOf(found)
}

// named refuses the empty name of an account before Stripe is asked: Stripe would take the
// request as one about our own account.
func named(account string) error {
	if account == "" {
		return &Refusal{Code: Missing, Message: "no connected account is named"}
	}
	return nil
}

func connectedOf(raw *stripego.Account) (Connected, error) {
	if raw.ID == "" {
		return Connected{}, errNameless
	}
	c := Connected{ID: raw.ID, Ours: raw.Metadata[ours], Submitted: raw.DetailsSubmitted, Last4: last4(raw.ExternalAccounts)}
	c.Ready = raw.PayoutsEnabled && raw.Capabilities != nil && raw.Capabilities.Transfers == stripego.AccountCapabilityStatusActive
	if raw.Requirements != nil {
		c.Problem = string(raw.Requirements.DisabledReason)
	}
	return c, nil
}

func last4(accounts *stripego.AccountExternalAccountList) string {
	if accounts == nil {
		return ""
	}
	for _, one := range accounts.Data {
		if one != nil && one.BankAccount != nil && one.BankAccount.DefaultForCurrency && one.BankAccount.Currency == stripego.CurrencyEUR {
			return one.BankAccount.Last4
		}
	}
	return ""
}

// OnboardingLink makes the page on which an account's owner answers Stripe's questions. It
// opens once and soon expires, so it is made anew for every visit: again is the page of ours
// that makes another, back the one to return to, whether or not everything was answered.
func (c *Client) OnboardingLink(ctx context.Context, id, again, back string) (url string, err error) {
	made, err := accountlink.Client{B: c.backend, Key: c.key}.New(&stripego.AccountLinkParams{
		Params:     read(ctx),
		Account:    stripego.String(id),
		RefreshURL: stripego.String(again),
		ReturnURL:  stripego.String(back),
		Type:       stripego.String(string(stripego.AccountLinkTypeAccountOnboarding)),
	})
	if err != nil {
		return "", outcome(err)
	}
	return linkOf(made.URL)
}

// DashboardLink makes the page on which an account's owner sees its money, opened once.
// Stripe refuses before its questions are answered.
func (c *Client) DashboardLink(ctx context.Context, id string) (url string, err error) {
	made, err := loginlink.Client{B: c.backend, Key: c.key}.New(&stripego.LoginLinkParams{Params: read(ctx), Account: stripego.String(id)})
	if err != nil {
		return "", outcome(err)
	}
	return linkOf(made.URL)
}

func linkOf(url string) (string, error) {
	if url == "" {
		return "", errNameless
	}
	return url, nil
}

package stripefake

import (
	"net/http"
	"net/url"

	"github.com/passerelle/passerelle/vouchers"
)

// connected is somebody else's account.
type connected struct {
	id, name, email, problem string
	submitted, active        bool // active: may receive transfers and pay out
	metadata                 map[string]string
}

func (c *connected) kind() string { return "account" }

func (c *connected) view() object {
	transfers, banks := "inactive", []object{}
	if c.active {
		transfers = "active"
	}
	if c.submitted {
		banks = append(banks, object{"id": "ba_" + c.id, "object": "bank_account", "country": "FR", "currency": "eur", "default_for_currency": true, "last4": "2606"})
	}
	return object{"id": c.id, "object": c.kind(), "type": "express", "country": "FR", "email": c.email, "metadata": c.metadata,
		"details_submitted": c.submitted, "payouts_enabled": c.active, "capabilities": object{"transfers": transfers},
		"requirements": object{"disabled_reason": c.problem}, "external_accounts": object{"object": "list", "has_more": false, "data": banks},
		"settings": object{"payouts": object{"schedule": object{"interval": "manual"}}}, "business_profile": object{"name": c.name}}
}

// routeConnect answers what a platform asks about others' accounts.
func (s *Server) routeConnect(c call) (int, object) {
	post, parts := c.method == http.MethodPost, c.parts
	switch {
	case post && len(parts) == 1 && parts[0] == "accounts":
		return s.createConnected(c.form)
	case !post && len(parts) == 2 && parts[0] == "accounts":
		return s.reading(parts[1], func(of *connected) (int, object) { return http.StatusOK, of.view() })
	case post && len(parts) == 1 && parts[0] == "account_links":
		return s.onboardingLink(c.host, c.form)
	case post && len(parts) == 3 && parts[0] == "accounts" && parts[2] == "login_links":
		return s.loginLink(c.host, parts[1])
	case post && len(parts) == 1 && parts[0] == "transfers":
		return s.createTransfer(c.form)
	case post && len(parts) == 3 && parts[0] == "transfers" && parts[2] == "reversals":
		return s.reverse(parts[1], c.form)
	case !post && len(parts) == 1 && parts[0] == "transfers":
		return s.listTransfers(c.form)
	case !post && len(parts) == 2 && parts[0] == "transfers":
		return found(s.transfers, parts[1])
	case !post && len(parts) == 1 && parts[0] == "topups":
		return s.listTopUps(c.form)
	}
	return failed(http.StatusNotFound, "", "no such address")
}

// routeConnected answers what is asked on a connected account.
func (s *Server) routeConnected(c call) (int, object) {
	return s.reading(c.account, func(of *connected) (int, object) {
		post, parts := c.method == http.MethodPost, c.parts
		switch {
		case post && len(parts) == 1 && parts[0] == "payouts":
			if !of.active {
				return failed(http.StatusBadRequest, "payouts_not_allowed", "payouts of the account are stopped")
			}
			return s.createPayout(of.id, c.form)
		case !post && len(parts) == 1 && parts[0] == "payouts":
			return s.listPayouts(of.id, c.form)
		case !post && len(parts) == 2 && parts[0] == "payouts":
			return s.payout(of.id, parts[1])
		case !post && len(parts) == 1 && parts[0] == "events":
			return s.listEvents(of.id, c.form)
		}
		return failed(http.StatusNotFound, "", "no such address")
	})
}

// reading does what may only be done with an account that is connected.
func (s *Server) reading(id string, do func(*connected) (int, object)) (int, object) {
	of, there := s.connected[id]
	if !there {
		return failed(http.StatusForbidden, "account_invalid", "the key has no access to the account, or there is no such account")
	}
	return do(of)
}

func (s *Server) createConnected(form url.Values) (int, object) {
	if form.Get("type") != "express" || form.Get("country") != "FR" || form.Get("capabilities[transfers][requested]") != "true" ||
		form.Get("settings[payouts][schedule][interval]") != "manual" {
		return failed(http.StatusBadRequest, "", "only French Express accounts that receive transfers and pay out by hand are known here")
	}
	c := &connected{id: s.id("acct"), name: form.Get("business_profile[name]"), email: form.Get("email"),
		problem: "requirements.past_due", metadata: metadata(form)}
	s.connected[c.id] = c
	return http.StatusOK, c.view()
}

func (s *Server) onboardingLink(host string, form url.Values) (int, object) {
	if form.Get("type") != "account_onboarding" || form.Get("refresh_url") == "" || form.Get("return_url") == "" {
		return failed(http.StatusBadRequest, "parameter_missing", "a type and two addresses are needed")
	}
	return s.reading(form.Get("account"), func(of *connected) (int, object) {
		return s.link(host, "account_link", "/setup/"+of.id)
	})
}

func (s *Server) loginLink(host, id string) (int, object) {
	return s.reading(id, func(of *connected) (int, object) {
		if !of.submitted {
			return failed(http.StatusBadRequest, "", "its owner has not answered the questions yet")
		}
		return s.link(host, "login_link", "/express/"+of.id)
	})
}

// link is another address every time.
func (s *Server) link(host, kind, path string) (int, object) {
	return http.StatusOK, object{"object": kind, "created": s.now().Unix(), "url": "http://" + host + path + "/" + s.id("link")}
}

// Connected is the account that was made for a name of ours.
func (s *Server) Connected(ours string) (id string) {
	s.locked(func() {
		for _, one := range s.connected {
			if one.metadata["passerelle"] == ours {
				id = one.id
			}
		}
	})
	return id
}

// Submitted is an account's owner having answered Stripe's questions, while Stripe still
// looks into the answers.
func (s *Server) Submitted(account string) {
	s.change(account, func(of *connected) { of.submitted, of.problem = true, "requirements.pending_verification" })
}

// Onboarded is an account's owner having answered Stripe's questions, to its satisfaction.
func (s *Server) Onboarded(account string) {
	s.change(account, func(of *connected) { of.submitted, of.active, of.problem = true, true, "" })
}

// Restricted is Stripe stopping an account's transfers and payouts for a reason, until it is
// Onboarded again.
func (s *Server) Restricted(account, reason string) {
	s.change(account, func(of *connected) { of.active, of.problem = false, reason })
}

func (s *Server) change(account string, do func(*connected)) {
	s.locked(func() {
		of := must(s.connected, account)
		do(of)
		s.emitOn(of.id, "account.updated", of)
	})
}

// BalanceOf is what a connected account can pay out.
func (s *Server) BalanceOf(account string) (available vouchers.Cents) {
	s.locked(func() { available, _ = s.balance(must(s.connected, account).id) })
	return available
}

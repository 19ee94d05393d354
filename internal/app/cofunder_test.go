package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
)

// TestACoFunderSeesTheCampaignAndNobodysPapers walks every route that names an object as a
// funder that pays a part of the campaign (INV-16).
func TestACoFunderSeesTheCampaignAndNobodysPapers(t *testing.T) {
	t.Parallel()
	s := newWalk(t)
	state := s.Organisation(identity.Funder, "Préfecture")
	_, err := s.Campaigns.SetShares(t.Context(), s.Funder, campaigns.SharesRequest{Campaign: s.Campaign.ID,
		Shares: []campaigns.Share{{Funder: state.Organisation, Kind: campaigns.Percent, PercentBP: 5000}}})
	s.must(err)
	own, err := s.program.orders.Place(t.Context(), state, orders.PlaceRequest{Campaign: s.Campaign.ID, Vouchers: 7})
	s.must(err)
	session, campaign, papers := s.session(state), 0, 0
	for _, route := range s.program.server.Routes() {
		c, owner := s.callOf(route)
		if owner != private || route.Access.Check(state) != nil {
			continue
		}
		c.cookie = session
		before := s.rows("^(throttle|sessions)$")
		status, _, text := s.ask(c)
		path := strings.TrimPrefix(route.Path, "/api/v1")
		isShared := strings.HasPrefix(path, "/campaigns/:id")
		switch {
		case path == "/campaigns/:id/closing/choice": // its own credit is its own to decide on
			if status >= 400 {
				t.Errorf("%s: %d", c.path, status)
			}
		case !isSafe(route.Method):
			if status < 400 || s.rows("^(throttle|sessions)$") != before {
				t.Errorf("%s %s: %d, or something was changed", route.Method, c.path, status)
			}
		case path == "/complaints/:id" && status == http.StatusOK: // where it stands, and nothing that somebody wrote
			if strings.Contains(text, `"words":"`+canary) || strings.Contains(text, `class="said"`) {
				t.Errorf("%s tells what somebody wrote", c.path)
			}
		case isShared && status == http.StatusOK:
			campaign++
			if strings.Contains(text, fmt.Sprintf("/orders/%v", s.order)) || strings.Contains(text, fmt.Sprintf("/invoices/%v", s.invoice)) {
				t.Errorf("%s shows the lead's papers", c.path)
			}
		case !isShared && (status == http.StatusNotFound || status == http.StatusForbidden):
			papers++
		case !((path == "/campaigns/:id/shares" || path == "/campaigns/:id/closing/extension") && status == http.StatusNotFound):
			t.Errorf("%s: %d", c.path, status)
		}
	}
	if campaign < 5 || papers < 8 {
		t.Errorf("only %d pages of the campaign and %d of others walked", campaign, papers)
	}
	for _, list := range []string{"/api/v1/orders", "/api/v1/invoices"} {
		_, _, text := s.ask(call{route: httpd.Route{Method: "GET"}, path: list, cookie: session, site: "same-origin"})
		if strings.Count(text, `"id":`) != 1 || !strings.Contains(text, own.Reference) {
			t.Errorf("%s lists %s", list, text)
		}
	}
}

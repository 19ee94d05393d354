package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/identity"
)

// canary is in everything that only the world's own organisations may see.
const canary = "Canari"

// told are the pages that name campaigns to everybody.
var told = map[string]bool{"/cover": true, "/data/acceptance.csv": true, "/data/acceptance.json": true}

// owner tells whose the object is that a route's parameter names, and so what a
// stranger is answered.
type owner uint8

const (
	private  owner = iota + 1 // one organisation's: absent for any other
	shared                    // the public's to see, one organisation's to change
	operated                  // the operator's; its route is for nobody else
	secret                    // whoever knows it
)

// parameter is a route up to its parameter, without "/api/v1".
type parameter struct {
	owner owner
	id    func(s *walk) any // of an object that is not the walker's
}

// parameters covers every route that has one: a new route cannot do without a line here.
var parameters = map[string]parameter{
	"/members/:id":                    {private, func(s *walk) any { return s.member }},
	"/organisations/:id":              {operated, func(s *walk) any { return s.Funder.Organisation }},
	"/tokens/:id":                     {private, func(s *walk) any { return s.token }},
	"/account/tokens/:id":             {private, func(s *walk) any { return s.token }},
	"/campaigns/:id":                  {private, func(s *walk) any { return s.Campaign.ID }},
	"/transfers/:id":                  {private, func(*walk) any { return 1 }},
	"/invoices/:id":                   {private, func(s *walk) any { return s.invoice }},
	"/orders/:id":                     {private, func(s *walk) any { return s.order }},
	"/quotes/:id":                     {private, func(s *walk) any { return s.quote }},
	"/terms/:version":                 {secret, func(*walk) any { return 1 }},
	"/handovers/:id":                  {private, func(s *walk) any { return s.booklet }},
	"/redemptions/:id":                {private, func(s *walk) any { return s.redemption }},
	"/payouts/:id":                    {private, func(s *walk) any { return s.payout }},
	"/bank-details/:id":               {private, func(s *walk) any { return s.waiting }},
	"/connect/:id":                    {operated, func(*walk) any { return 1 }},
	"/payees/:id":                     {operated, func(s *walk) any { return s.waiting }},
	"/applications/:id":               {private, func(s *walk) any { return s.application }},
	"/places/:id":                     {shared, func(s *walk) any { return s.Structure.Place }},
	"/join/:token":                    {secret, func(*walk) any { return "none" }},
	"/structure/places/:id":           {private, func(s *walk) any { return s.Structure.Place }},
	"/sessions/:id":                   {shared, func(s *walk) any { return s.meeting }},
	"/labels/:id":                     {operated, func(*walk) any { return 1 }},
	"/settlements/:id":                {operated, func(*walk) any { return 1 }},
	"/statements/:id":                 {operated, func(*walk) any { return 1 }},
	"/statements/lines/:id":           {operated, func(*walk) any { return 1 }},
	"/money/accounts/:name":           {operated, func(*walk) any { return "bank:segregated" }},
	"/money/events/:event":            {operated, func(*walk) any { return "handover" }},
	"/money/writeoffs/:id":            {operated, func(*walk) any { return 1 }},
	"/accounting/fec/:year":           {operated, func(*walk) any { return 2026 }},
	"/statements/cases/:id":           {operated, func(*walk) any { return 1 }},
	"/statements/files/:id":           {operated, func(*walk) any { return 1 }},
	"/bank-answers/:id":               {operated, func(*walk) any { return 1 }},
	"/imports/:id":                    {operated, func(*walk) any { return 1 }},
	"/refunds/:id":                    {operated, func(*walk) any { return 1 }},
	"/refunds/files/:id":              {operated, func(*walk) any { return 1 }},
	"/refunds/accounts/:id":           {operated, func(*walk) any { return 1 }},
	"/c/:payload":                     {secret, func(*walk) any { return "0000" }},
	"/C/:payload":                     {secret, func(*walk) any { return "0000" }},
	"/C/:code":                        {secret, func(*walk) any { return "0000" }},
	"/api/schema/:name.json":          {secret, func(*walk) any { return "none" }},
	"/payments/checkouts/:id":         {operated, func(*walk) any { return 1 }},
	"/payments/payouts/:id":           {operated, func(*walk) any { return 1 }},
	"/reports/:id":                    {private, func(s *walk) any { return s.said }},
	"/contributions/reports/:id":      {private, func(s *walk) any { return s.said }},
	"/translations/:id":               {private, func(s *walk) any { return s.translated }},
	"/contributions/translations/:id": {private, func(s *walk) any { return s.translated }},
	"/bookings/:id":                   {private, func(s *walk) any { return s.seat }},
	"/agenda/:token.ics":              {secret, func(*walk) any { return "none" }},
	"/complaints/:id":                 {private, func(s *walk) any { return s.complaint }},
	"/c/uses/:id":                     {secret, func(s *walk) any { return s.redemption }},
	"/c/complaints/:id":               {secret, func(s *walk) any { return s.complaint }},
	"/structure-debts/:id":            {operated, func(*walk) any { return 1 }},
	"/structure-debts/requests/:id":   {operated, func(*walk) any { return 1 }},
	"/correction-requests/:id":        {operated, func(*walk) any { return 1 }},
	"/debt-notes/:id":                 {private, func(*walk) any { return 1 }},
}

// foreignBodies are writes that name another organisation's object in their body.
var foreignBodies = map[string]func(s *walk) string{
	"POST /api/v1/orders":                  func(s *walk) string { return fmt.Sprintf(`{"campaign":%d,"vouchers":1}`, s.Campaign.ID) },
	"POST /api/v1/handovers":               func(s *walk) string { return fmt.Sprintf(`{"campaign":%d,"count":1}`, s.Campaign.ID) },
	"POST /places/:id/applications":        func(*walk) string { return "kind=" },
	"POST /api/v1/applications/:id/appeal": func(*walk) string { return `{"reason":"not mine at all"}` },
	"POST /applications/:id/appeal":        func(*walk) string { return "reason=not+mine+at+all" },
	"POST /bank-details/withdraw":          func(s *walk) string { return fmt.Sprint("account=", s.waiting) },
	"POST /account/switch":                 func(s *walk) string { return fmt.Sprint("organisation=", s.Funder.Organisation) },
	"POST /quotes":                         func(s *walk) string { return fmt.Sprintf("campaign=%d&vouchers=1", s.Campaign.ID) },
	"POST /quotes/:id/acceptance":          func(*walk) string { return "version=1&agreed=on&name=Ana+Ruiz" },
	"POST /handovers":                      func(s *walk) string { return fmt.Sprintf("campaign=%d&count=1", s.Campaign.ID) },
	"DELETE /api/v1/redemptions/:id":       func(*walk) string { return `{"reason":"not mine"}` },
	"POST /api/v1/handovers/:id/freeze":    func(*walk) string { return `{"frozen":true}` },
	"POST /redemptions/:id/undo":           func(*walk) string { return "reason=not+mine" },
	"POST /handovers/:id/freeze":           func(*walk) string { return "reason=lost" },
	"DELETE /api/v1/sessions/:id":          func(*walk) string { return `{"reason":"not mine"}` },
	"POST /api/v1/places/:id/sessions": func(*walk) string {
		return `{"service":1,"starts_at":"2026-05-01T10:00:00Z","ends_at":"2026-05-01T11:00:00Z","seats":1}`
	},
	"POST /api/v1/places/:id/history":                 func(*walk) string { return `{"entry":1,"field":"phone"}` },
	"PUT /api/v1/places/:id/location":                 func(*walk) string { return `{"address":"1 rue A","postcode":"74230","town":"Thônes"}` },
	"POST /structure/places/:id/move":                 func(*walk) string { return "address=1+rue+A&postcode=74230&town=Thones" },
	"POST /structure/places/:id/history":              func(*walk) string { return "entry=1&field=phone" },
	"POST /structure/places/:id/hours":                func(*walk) string { return "expert=true&text=Mo+09:00-12:00" },
	"POST /structure/places/:id/access":               func(*walk) string { return "phone=0450020000" },
	"POST /places/:id/sessions":                       func(*walk) string { return "service=1&day=2026-05-01&time=10:00&minutes=60&seats=1&times=1" },
	"POST /places/:id/sessions/cancel":                func(*walk) string { return "session=1&reason=not+mine" },
	"POST /places/:id/services/keep":                  func(*walk) string { return "service=0&theme=employment&price=1&minutes=60&meetings=1" },
	"POST /places/:id/services/withdraw":              func(*walk) string { return "service=1" },
	"POST /places/:id/services/restore":               func(*walk) string { return "service=1" },
	"PUT /api/v1/places/:id/services":                 func(*walk) string { return `{"services":[]}` },
	"POST /campaigns/:id/closing/extension":           func(*walk) string { return "until=2027-12-31&signed_name=Zoe+Blanc&agreed=true" },
	"POST /api/v1/campaigns/:id/closing/extension":    func(*walk) string { return `{"until":"2027-12-31","signed_name":"Zoé Blanc","agreed":true}` },
	"POST /campaigns/:id/closing/choice":              func(*walk) string { return "kind=keep" },
	"PUT /api/v1/campaigns/:id/closing/choice":        func(*walk) string { return `{"kind":"keep"}` },
	"POST /campaigns/:id/allocations":                 func(s *walk) string { return fmt.Sprintf("prescriber=%d&vouchers=1", s.Prescriber.Organisation) },
	"PUT /api/v1/campaigns/:id/shares":                func(*walk) string { return `{"shares":[]}` },
	"POST /api/v1/invoices/:id/chorus":                func(*walk) string { return `{"status":"deposited"}` },
	"POST /invoices/:id/chorus":                       func(*walk) string { return "status=deposited" },
	"POST /campaigns/:id/shares":                      func(*walk) string { return "percent=&ceiling=&newcomer=&rest=-1" },
	"POST /api/v1/campaigns/:id/allocations":          func(s *walk) string { return fmt.Sprintf(`{"prescriber":%d,"vouchers":1}`, s.Prescriber.Organisation) },
	"POST /orders/:id/checkouts":                      func(*walk) string { return "means=card" },
	"POST /api/v1/orders/:id/checkouts":               func(*walk) string { return `{"means":"card"}` },
	"POST /api/v1/reports/:id/decision":               func(*walk) string { return `{"accepted":true}` },
	"POST /api/v1/translations/:id/decision":          func(*walk) string { return `{"accepted":true}` },
	"POST /contributions/reports/:id":                 func(*walk) string { return "decision=accept" },
	"POST /contributions/translations/:id":            func(*walk) string { return "decision=accept" },
	"POST /api/v1/places/:id/translations/retraction": func(*walk) string { return `{"language":"ar"}` },
	"POST /places/:id/translations/retraction":        func(*walk) string { return "language=ar" },
	"PUT /api/v1/sessions/:id": func(*walk) string {
		return `{"starts_at":"2026-05-01T10:00:00Z","ends_at":"2026-05-01T11:00:00Z","seats":1}`
	},
	"POST /api/v1/places/:id/slots": func(*walk) string {
		return `{"service":1,"weekdays":[1],"from":"10:00","until":"12:00","minutes":30,"first_day":"2026-05-01","weeks":1,"note":""}`
	},
	"POST /sessions/:id": func(*walk) string { return "day=2026-05-01&time=10:00&minutes=60&seats=1" },
	"POST /places/:id/slots": func(*walk) string {
		return "service=1&weekdays=1&from=10:00&until=12:00&minutes=30&first_day=2026-05-01&weeks=1"
	},
	"POST /api/v1/complaints": func(s *walk) string {
		return fmt.Sprintf(`{"redemption":%v,"cause":"mistake","words":"not mine at all"}`, s.redemption)
	},
	"POST /complaints": func(s *walk) string {
		return fmt.Sprintf("redemption=%v&cause=mistake&words=not+mine+at+all", s.redemption)
	},
	"POST /api/v1/complaints/:id/answer":   func(*walk) string { return `{"answer":"not mine at all"}` },
	"POST /complaints/:id/answer":          func(*walk) string { return "answer=not+mine+at+all" },
	"POST /api/v1/complaints/:id/decision": func(*walk) string { return `{"upheld":true,"reason":"not mine at all"}` },
	"POST /complaints/:id/decision":        func(*walk) string { return "decision=upheld&reason=not+mine+at+all&_confirmed=yes" },
	"POST /api/v1/bookings":                func(s *walk) string { return fmt.Sprintf(`{"session":%v,"booklet":%v}`, s.meeting, s.booklet) },
	"POST /bookings":                       func(s *walk) string { return fmt.Sprintf("session=%v&booklet=%v", s.meeting, s.booklet) },
	"POST /api/v1/bookings/:id/move":       func(s *walk) string { return fmt.Sprintf(`{"session":%v}`, s.meeting) },
	"POST /bookings/:id/move":              func(s *walk) string { return fmt.Sprintf("session=%v", s.meeting) },
}

// call is one request of the walk.
type call struct {
	route  httpd.Route
	path   string
	body   string
	cookie string
	site   string // Sec-Fetch-Site
}

func (c call) api() bool { return strings.HasPrefix(c.path, "/api/") }

func (s *walk) ask(c call) (int, http.Header, string) {
	s.t.Helper()
	r := httptest.NewRequest(c.route.Method, c.path, strings.NewReader(c.body))
	r.Host = "localhost:8080"
	r.Header.Set("Cookie", "session="+c.cookie)
	r.Header.Set("Sec-Fetch-Site", c.site)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.api() {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := s.program.server.App.Test(r, 20_000)
	s.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	return answer.StatusCode, answer.Header, string(bytes.ToValidUTF8(text, nil))
}

// callOf fills in a route's parameter and body. owner is 0 where it has no parameter.
func (s *walk) callOf(route httpd.Route) (call, owner) {
	s.t.Helper()
	c := call{route: route, path: route.Path, site: "same-origin"}
	if c.api() {
		c.body = "{}"
	}
	if body := foreignBodies[route.Method+" "+route.Path]; body != nil {
		c.body = body(s)
	}
	start := strings.IndexByte(route.Path, ':')
	if start < 0 {
		c.path = strings.ReplaceAll(c.path, "*", "none")
		return c, 0
	}
	end := len(route.Path)
	if slash := strings.IndexByte(route.Path[start:], '/'); slash >= 0 {
		end = start + slash
	}
	p, known := parameters[strings.TrimPrefix(route.Path[:end], "/api/v1")]
	if !known {
		s.t.Errorf("%s %s: whose is %s? Say it in parameters", route.Method, route.Path, route.Path[start:end])
		return c, secret
	}
	c.path = strings.NewReplacer(":file", fmt.Sprint(s.proof), ":evidence", fmt.Sprint(s.evidence)).Replace(route.Path[:start] + fmt.Sprint(p.id(s)) + route.Path[end:])
	return c, p.owner
}

func isSafe(method string) bool { return method == http.MethodGet }

// rows is a fingerprint of all rows, those apart that a refused request may write.
func (s *walk) rows(apart string) (sum string) {
	s.t.Helper()
	s.must(s.DB.Read(s.t.Context(), func(tx *db.Tx) error {
		return tx.Get(s.t.Context(), &sum, `
			SELECT md5(string_agg(relname || query_to_xml('SELECT * FROM ' || relname || ' t ORDER BY t::text', false, false, '')::text, '' ORDER BY relname))
			FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname !~ $1`, apart)
	}))
	return sum
}

func TestEveryRouteAnswersEveryoneAsItsAccessSays(t *testing.T) {
	t.Parallel()
	s := newWalk(t)
	walked := 0
	for _, route := range s.program.server.Routes() {
		c, owner := s.callOf(route)
		if owner == private && isSafe(route.Method) && !s.ownerSees(c) {
			t.Errorf("%s is absent for its owner too: the walk proves nothing", c.path)
		}
		foreign := owner == private || owner == shared && !isSafe(route.Method) || foreignBodies[route.Method+" "+route.Path] != nil
		check := func(who identity.Actor, foreign bool) {
			walked++
			c.cookie = s.session(who)
			s.check(fmt.Sprintf("%s %s as %s %s", route.Method, c.path, who.Kind, who.Role), c, who, foreign)
		}
		var before string
		if foreign && !isSafe(route.Method) {
			before = s.rows("^(throttle|sessions)$")
		}
		var others []identity.Actor
		for _, who := range s.walkers {
			if foreign && who.SignedIn() && who.Kind != identity.Operator {
				check(who, true)
			} else {
				others = append(others, who)
			}
		}
		if before != "" && s.rows("^(throttle|sessions)$") != before {
			t.Errorf("%s %s: a stranger has changed something", route.Method, c.path)
		}
		for _, who := range others {
			check(who, false)
		}
	}
	if walked < 1000 {
		t.Errorf("only %d cells walked: the search itself is broken", walked)
	}
}

// ownerSees tells whether one of the world's own organisations is shown the object.
func (s *walk) ownerSees(c call) bool {
	s.t.Helper()
	for _, who := range []identity.Actor{s.Funder, s.Prescriber, s.Structure.Actor} {
		c.cookie = s.session(who)
		if status, _, _ := s.ask(c); status == http.StatusOK {
			return true
		}
	}
	return false
}

// check asks once. foreign says that the request names another organisation's object.
func (s *walk) check(name string, c call, who identity.Actor, foreign bool) {
	s.t.Helper()
	status, header, text := s.ask(c)
	if status >= 500 && status != http.StatusServiceUnavailable || status < 200 {
		s.t.Errorf("%s: %d %.300s", name, status, text)
	}
	if who.Kind != identity.Operator && strings.Contains(text, canary) && !told[strings.TrimPrefix(c.path, "/api/v1")] {
		s.t.Errorf("%s: tells of another organisation", name)
	}
	switch refused := c.route.Access.Check(who) != nil; {
	case refused && !who.SignedIn() && !c.api() && isSafe(c.route.Method):
		if status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "/login?next=") {
			s.t.Errorf("%s: %d to %q, want the sign-in page", name, status, header.Get("Location"))
		}
	case refused && !who.SignedIn():
		if status != http.StatusUnauthorized {
			s.t.Errorf("%s: %d, want 401", name, status)
		}
	case refused:
		if status != http.StatusForbidden {
			s.t.Errorf("%s: %d, want 403", name, status)
		}
	case foreign && isSafe(c.route.Method):
		if status != http.StatusNotFound && status != http.StatusForbidden {
			s.t.Errorf("%s: %d for another organisation's object, want 404: %.200s", name, status, text)
		}
	case foreign:
		if status < 400 {
			s.t.Errorf("%s: %d for another organisation's object: %.200s", name, status, text)
		}
	}
}

func TestNoRouteWritesForAnotherSite(t *testing.T) {
	t.Parallel()
	s := newWalk(t)
	admins := map[identity.Kind]string{}
	for _, who := range s.walkers {
		if who.Role == identity.Admin {
			admins[who.Kind] = s.session(who)
		}
	}
	before, walked := s.rows("^$"), 0
	for _, route := range s.program.server.Routes() {
		if isSafe(route.Method) {
			continue
		}
		c, _ := s.callOf(route)
		for kind, session := range admins {
			for _, site := range []string{"cross-site", "same-site"} {
				walked++
				c.cookie, c.site = session, site
				if status, _, text := s.ask(c); status != http.StatusForbidden {
					t.Errorf("%s %s as %s from %s: %d %.100s", route.Method, c.path, kind, site, status, text)
				}
			}
		}
	}
	if s.rows("^$") != before || walked < 100 {
		t.Errorf("rows were changed, or only %d requests sent", walked)
	}
}

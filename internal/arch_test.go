package internal_test

import (
	"slices"
	"strings"
	"testing"
)

// floors are the packages from the ground up. A package may use those of the floors
// below it, and of its own floor those that sameFloor names.
var floors = [][]string{
	{"fault", "vouchers", "migrations", "web"},
	{"db"},
	{"directory", "einvoice", "i18n", "jobs", "mail", "once", "sepa", "siret", "stripe", "stripe/stripefake", "throttle", "vop"},
	{"audit", "documents", "files", "identity", "ledger", "seals", "territory"},
	{"accounting", "agenda", "answers", "applications", "booking", "campaigns", "catalogue", "closing", "complaints", "connect", "continuity", "contributions", "coverage", "invoicing", "issuing", "joining", "labelling", "money", "orders", "payees", "payments", "redemption", "reporting", "search", "settlement", "statements"},
	{"httpd"},
	{"app/demo"},
	{"app"},
	{"bench"},
	{"cmd/passerelle"},
}

// sameFloor are the arrows between neighbours, each with its reason.
var sameFloor = map[string]string{
	"mail → jobs":               "a letter is sent by a job, enqueued in the transaction that causes it",
	"einvoice → sepa":           "an invoice names the account that it is paid to",
	"einvoice → siret":          "an invoice knows its parties by their SIRET",
	"vop → sepa":                "what is asked about is an account",
	"audit → identity":          "an entry names its actor",
	"files → identity":          "a file is somebody's",
	"seals → identity":          "a proof is for whoever's line it is",
	"agenda → catalogue":        "a session is of a service that the place offers",
	"agenda → labelling":        "a session takes place where the actor's structure answers for the place",
	"applications → labelling":  "an application that is granted is a label",
	"catalogue → labelling":     "an import brings places, which labelling keeps",
	"coverage → campaigns":      "coverage is measured over a campaign's area",
	"coverage → reporting":      "what is too small to be shown of people is hidden as in reports",
	"issuing → campaigns":       "what is handed over follows the campaign's rules",
	"orders → campaigns":        "an order is for a campaign",
	"orders → invoicing":        "an order is invoiced",
	"orders → issuing":          "what was taken back can no longer be handed over",
	"payments → invoicing":      "an online payment pays the invoice of fees too",
	"payments → issuing":        "vouchers are stopped when their payment is taken back",
	"payments → orders":         "an online payment pays an order",
	"redemption → issuing":      "a voucher is spent from a booklet",
	"search → catalogue":        "what is open now is read from hours",
	"search → labelling":        "an answer is a place",
	"settlement → redemption":   "a payout pays redemptions",
	"complaints → issuing":      "whoever shows a booklet's code may complain of its uses",
	"connect → payees":          "an account at Stripe is chosen and told of as a bank account is, and cools as long",
	"connect → payments":        "what came back at Stripe goes home as other payouts from there do",
	"connect → settlement":      "a payout through Stripe is a settlement's",
	"continuity → connect":      "accounts at Stripe stay with the operator before",
	"complaints → settlement":   "what is complained of is withheld, and let go or corrected by the decision",
	"statements → orders":       "a bank line pays an order",
	"money → invoicing":         "what is unpaid of fees is invoicing's",
	"money → orders":            "what is unpaid and what is owed are orders'",
	"money → statements":        "the desk shows what the bank says beside the books",
	"money → reporting":         "the desk shows the cover",
	"statements → invoicing":    "a bank line pays fees",
	"closing → campaigns":       "the end of a campaign follows its rules and shares, and closes it",
	"closing → orders":          "what is given back was paid for orders, and may pay another",
	"closing → issuing":         "a campaign ends when nothing is in people's hands; until then booklets can be extended",
	"closing → payments":        "what a dispute may still give back is not swept to the operator",
	"closing → invoicing":       "what is given back is credited on its invoices",
	"reporting → campaigns":     "a report is on a campaign, for whoever may see it",
	"reporting → orders":        "a funder's part of what was used follows from what it has paid",
	"directory → siret":         "an establishment is asked for by its SIRET",
	"joining → agenda":          "what a refused structure has announced is called off",
	"joining → catalogue":       "what a refused structure offers is withdrawn",
	"joining → contributions":   "translations that a refused structure has accepted are taken down",
	"joining → payees":          "an arrival ends with an account",
	"joining → labelling":       "a structure arrives with its places, which labelling keeps",
	"contributions → catalogue": "a report that is accepted is read as a correction is",
	"contributions → labelling": "what is proposed is about a place, and its card is kept there",
	"reporting → contributions": "the operator's desk counts what people propose about places",
	"booking → agenda":          "a booking is of a session, whose seats are counted under its lock",
	"booking → campaigns":       "what not coming costs is the campaign's rule",
	"booking → issuing":         "a booking holds vouchers of a booklet",
	"booking → redemption":      "not coming is paid through the counter",
	"continuity → reporting":    "an export says the cover and whether the invariants hold",
	"continuity → settlement":   "an export pays what the next settlement would",
}

// guests are packages from outside that only some of ours may use.
var guests = map[string][]string{
	"github.com/gofiber/fiber": {"httpd"},
	"github.com/valyala":       {"httpd", "bench"},
	"html/template":            {"httpd"},
	"github.com/jmoiron/sqlx":  {"db"},
	"github.com/pressly/goose": {"db"},
	// pgtest makes databases before there is a pool; a vouchers.Day says how it is stored
	// (driver.Valuer).
	"github.com/lib/pq": {"db", "pgtest"},
	"database/sql":      {"db", "pgtest", "vouchers"},

	"github.com/alexedwards/argon2id": {"identity"},
	"github.com/stripe/stripe-go":     {"stripe"},
	"filippo.io/age":                  {"continuity"},
}

func floorOf(pkg string) int {
	return slices.IndexFunc(floors, func(floor []string) bool { return slices.Contains(floor, pkg) })
}

func TestArrowsPointOneWay(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, s := range program(t) {
		from := floorOf(s.pkg)
		if from < 0 {
			t.Errorf("%s: package %s has no floor; give it one in floors", s.path, s.pkg)
			continue
		}
		for _, path := range s.imports() {
			target, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			target = strings.TrimPrefix(target, "internal/")
			arrow := s.pkg + " → " + target
			switch to := floorOf(target); {
			case to == from && sameFloor[arrow] != "":
				used[arrow] = true
			case to == from:
				t.Errorf("%s: %s is between neighbours; give its reason in sameFloor or turn it", s.path, arrow)
			case to > from || to < 0:
				t.Errorf("%s: %s points up", s.path, arrow)
			}
		}
	}
	for arrow := range sameFloor {
		if !used[arrow] {
			t.Errorf("nobody needs %s any more: take it out of sameFloor", arrow)
		}
	}
}

func TestGuestsStayInTheirRooms(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, path := range s.imports() {
			for guest, hosts := range guests {
				if (path == guest || strings.HasPrefix(path, guest+"/")) && !slices.Contains(hosts, s.pkg) {
					t.Errorf("%s imports %s, which only %v may", s.path, path, hosts)
				}
			}
			if s.pkg == "vouchers" && strings.Contains(path, ".") {
				t.Errorf("%s imports %s: package vouchers needs the standard library alone", s.path, path)
			}
		}
	}
}

func TestOnlyTestsUseTheStage(t *testing.T) {
	t.Parallel()
	for _, s := range program(t) {
		for _, path := range s.imports() {
			if target, ours := strings.CutPrefix(path, module+"internal/"); ours && isStage(target) {
				t.Errorf("%s imports %s, which is for tests", s.path, path)
			}
		}
	}
}

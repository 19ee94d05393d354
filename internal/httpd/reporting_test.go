package httpd

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	site, err := loadSite()
	if err != nil {
		panic(err)
	}
	w := site.Words.For("fr")
	cover := coverBody(w, coverSample())
	cover.Seal = &sealRow{Number: 12, At: time.Unix(1e9, 0), Root: "6e34"}
	samples["reporting/cover"] = cover
	samples["reporting/report"] = reportBody(w, reportSample())
	samples["reporting/desk"] = deskBody(w, deskSample())
	samples["reporting/invariants"] = InvariantsBody{At: time.Unix(1e9, 0), Broken: 1, Findings: []reporting.Finding{
		{ID: "INV-1", OK: true, Title: "invariant.INV-1"}, {ID: "INV-5", Title: "invariant.INV-5", Evidence: []string{"campaign:1 held_cents=1 owed_cents=2"}}}}
}

func coverSample() reporting.Cover {
	owed := reporting.Owed{Live: 50_00, Payable: 20_00, InTransit: 10_00, Funds: 5_00, Credit: 1_00}
	return reporting.Cover{At: time.Unix(1e9, 0), Held: 80_00, Owed: owed, Suspense: 1, Campaigns: []reporting.CampaignCover{
		{ID: 1, Name: "Premiers pas", Funder: "Haute-Savoie", Covered: true, Held: 100_00, Owed: owed}, {ID: 2, Name: "Autre", Funder: "Mutuelle"}}}
}

func reportSample() reporting.Report {
	use := reporting.Use{Redemptions: 12, Vouchers: 31, Amount: 310_00}
	return reporting.Report{At: time.Unix(1e9, 0), Campaign: campaigns.Campaign{ID: 1, Rules: campaigns.Rules{Name: "Premiers pas", Face: 10_00}},
		Flow: reporting.Flow{Ordered: 1000_00, Received: 900_00, HandedOver: 700_00, Used: 310_00, Paid: 200_00, Allocated: 900_00, Left: 380_00,
			Booklets: 70, BookletsUsedOnce: 31}, ExpiredCents: 10_00,
		Months:    []reporting.MonthFigure{{First: 790, Booklets: 70, HandedOver: 70, Use: use}, {First: 821}},
		Themes:    []reporting.ThemeFigure{{Theme: "everyday_tools", Use: use}, {Theme: "of tomorrow", Use: use}},
		Places:    []reporting.PlaceFigure{{Name: "=Médiathèque", Town: "Faverges", Use: use}},
		Residents: reporting.Residents{Communes: []reporting.CommuneFigure{{INSEE: "74280", Booklets: 40}, {INSEE: "", Booklets: 12}}, Hidden: 2}}
}

func deskSample() reporting.Desk {
	at := time.Unix(1e9, 0)
	return reporting.Desk{At: at, Cover: coverSample(), Queues: []reporting.Queue{
		{Name: "lines", Count: 3, Amount: 120_00, Oldest: at.Add(-72 * time.Hour)}, {Name: "labels", Count: 1, Oldest: at}, {Name: "newcomers", Count: 2, Oldest: at},
		{Name: "held", Count: 2, Amount: 1, Oldest: at}, {Name: "returned", Count: 1, Amount: 1, Oldest: at}, {Name: "jobs", Count: 1, Oldest: at}, {Name: "connect", Count: 1, Oldest: at}, {Name: "stuck", Count: 2, Amount: 1, Oldest: at}, {Name: "exports", Count: 1, Oldest: at}}}
}

// watchers is a world behind the reporting window; a bearer token names who asks.
func watchers(t *testing.T) (*world.World, *window) {
	t.Helper()
	w := world.New(t)
	stranger := w.Organisation(identity.Funder, "Mutuelle des Alpes")
	actors := map[string]identity.Actor{"operator": w.Operator, "funder": w.Funder, "stranger": stranger,
		"prescriber": w.Prescriber, "structure": w.Structure.Actor}
	return w, setup(t, func(o *Options) {
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, ReportingRoutes(reporting.New(w.DB, settlement.FileOf), seals.New(w.DB, w.Keys))...)
}

func TestAnybodyCanCheckTheCover(t *testing.T) {
	t.Parallel()
	w, api := watchers(t)
	w.HandOver(w.Campaign, 10)
	var cover struct {
		Covered bool
		Held    vouchers.Cents `json:"held_cents"`
		Live    vouchers.Cents `json:"live_cents"`
		Funds   vouchers.Cents `json:"funds_cents"`
	}
	text := api.wantStatus(200, "GET", "/api/v1/cover", "")
	if err := json.Unmarshal([]byte(text), &cover); err != nil || !cover.Covered || cover.Held != 10_000_00 || cover.Live != 100_00 || cover.Funds != 9_900_00 {
		t.Errorf("%v: %s", err, text)
	}
	html := api.wantStatus(200, "GET", "/cover", "", "Accept-Language", "fr")
	for _, want := range []string{"Chaque chèque en circulation est couvert", "Premiers pas 2026", "10\u202f000,00\u202f€"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestTheOperatorAsksWhetherTheInvariantsHold(t *testing.T) {
	t.Parallel()
	w, api := watchers(t)
	ask := func() (answer invariantsAnswer) {
		if _, text := api.as("operator", "GET", "/api/v1/invariants", ""); json.Unmarshal([]byte(text), &answer) != nil {
			t.Fatal(text)
		}
		return answer
	}
	if a := ask(); !a.OK || !a.Invariants["INV-1"] || len(a.Evidence) != 0 {
		t.Errorf("%+v", a)
	}
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE guarded_balances SET balance = balance + 1`)
		return err
	})
	if a := ask(); a.OK || a.Invariants["INV-9"] || len(a.Evidence["INV-9"]) != 1 || !a.Invariants["INV-2"] {
		t.Errorf("%+v", a)
	}
	if _, html := api.as("operator", "GET", "/operator/invariants", ""); !strings.Contains(html, "campaign:1:funds balance_cents=") {
		t.Error("the page does not show the evidence")
	}
	if answer, _ := api.as("funder", "GET", "/api/v1/invariants", ""); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a funder gets %d", answer.StatusCode)
	}
}

func TestAFunderReadsItsReportAndNobodyElseDoes(t *testing.T) {
	t.Parallel()
	w, api := watchers(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 3)
	path := fmt.Sprintf("/api/v1/campaigns/%d/report", w.Campaign.ID)
	_, text := api.as("funder", "GET", path, "")
	var r reporting.Report
	if err := json.Unmarshal([]byte(text), &r); err != nil || r.Used != 30_00 || r.HandedOver != 100_00 || r.Booklets != 1 || len(r.Places) != 1 {
		t.Errorf("%v: %s", err, text)
	}
	for who, want := range map[string]int{"stranger": 404, "prescriber": 403, "structure": 403, "operator": 200} {
		for _, address := range []string{path, path + ".csv", path + ".xlsx", strings.TrimPrefix(path, "/api/v1")} {
			if answer, _ := api.as(who, "GET", address, ""); answer.StatusCode != want {
				t.Errorf("%s gets %d for %s, want %d", who, answer.StatusCode, address, want)
			}
		}
	}
	if _, html := api.as("funder", "GET", strings.TrimPrefix(path, "/api/v1"), "", "Accept-Language", "fr"); !strings.Contains(html, "30\u202f% de la valeur remise a déjà servi") {
		t.Error("the page does not state its finding")
	}
	api.wantStatus(404, "GET", "/api/v1/campaigns/x/report", "", "Authorization", "Bearer funder")
}

func TestTheReportCanBeTakenAway(t *testing.T) {
	t.Parallel()
	w, api := watchers(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 3)
	path := fmt.Sprintf("/api/v1/campaigns/%d/report", w.Campaign.ID)
	answer, csv := api.as("funder", "GET", path+".csv", "", "Accept-Language", "fr")
	if !strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(csv, "Chiffres clés;Utilisé;;;;3;30,00\r\n") ||
		!strings.Contains(csv, "Par mois;mars 2026;1;10;1;3;30,00\r\n") {
		t.Errorf("%v %s", answer.Header, csv)
	}
	_, xlsx := api.as("funder", "GET", path+".xlsx", "")
	book, err := zip.NewReader(bytes.NewReader([]byte(xlsx)), int64(len(xlsx)))
	if err != nil {
		t.Fatal(err)
	}
	sheets := 0
	for _, f := range book.File {
		if strings.HasPrefix(f.Name, "xl/worksheets/sheet") {
			sheets++
		}
	}
	if sheets != 6 {
		t.Errorf("%d sheets", sheets)
	}
}

func TestEveryFigureIsDefined(t *testing.T) {
	t.Parallel()
	site, err := loadSite()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"fr", "en"} {
		words := site.Words.For(lang)
		sheets := reportSheets(words, reportSample())
		if last := sheets[len(sheets)-1]; len(last.Rows) != len(figures(reportSample()))+len(definitionKeys) {
			t.Errorf("%s: %d definitions", lang, len(last.Rows))
		}
		for _, d := range coverBody(words, coverSample()).Definitions {
			if len(d.Meaning) < 30 {
				t.Errorf("%s: %q means %q", lang, d.Term, d.Meaning)
			}
		}
	}
}

func TestTheDeskLeadsToTheOldestWork(t *testing.T) {
	t.Parallel()
	w, api := watchers(t)
	if _, html := api.as("operator", "GET", "/operator", "", "Accept-Language", "fr"); !strings.Contains(html, "Rien n’attend") {
		t.Error("an empty desk says nothing")
	}
	w.Redeem(w.NewStructureWithoutBank("Tiers-lieu"), w.HandOver(w.Campaign, 10), 2)
	_, html := api.as("operator", "GET", "/operator", "", "Accept-Language", "fr")
	if !strings.Contains(html, `<a href="/settlements">structure à payer`) || !strings.Contains(html, "queue-oldest") {
		t.Error(html)
	}
}

func TestEverybodyStartsAtTheirWork(t *testing.T) {
	t.Parallel()
	_, api := watchers(t)
	for who, want := range map[string]string{"operator": "/operator", "funder": "/campaigns", "prescriber": "/handovers", "structure": "/structure"} {
		if answer, _ := api.as(who, "GET", "/start", ""); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != want {
			t.Errorf("%s: %d %s", who, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
	agent := identity.Actor{Person: 1, Kind: identity.Structure, Role: identity.Agent}
	if got := landing(agent); got != "/redemptions" {
		t.Errorf("a mediator: %s", got)
	}
}

func TestAChartStatesItsFinding(t *testing.T) {
	t.Parallel()
	site, err := loadSite()
	if err != nil {
		t.Fatal(err)
	}
	words := site.Words.For("fr")
	if c := chartOf(words, reportSample().Months); c.Title != "Le mois le plus actif est mars 2026, avec 31 chèques utilisés" || !c.Rows[0].Highlight || c.Max != 31 {
		t.Errorf("%+v", c)
	}
	if c := chartOf(words, nil); c.Title != "Aucun chèque n’a encore été utilisé" || c.Max != 1 {
		t.Errorf("%+v", c)
	}
}

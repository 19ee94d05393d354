package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/app/demo"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest"
)

// config is that of a program on a database of its own and a port that is free.
func config(t *testing.T, more ...string) Config {
	t.Helper()
	cfg, err := ReadConfig(append([]string{"PASSERELLE_DATA=" + t.TempDir(), "PORT=0", "PUBLIC_URL=http://localhost"}, more...))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestTheDemonstrationPlaysAWholeCycleOnce(t *testing.T) {
	t.Parallel()
	cfg := config(t, "DATABASE_URL="+pgtest.URL(t))
	out := t.TempDir()
	play := func() (demo.Result, string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if err := RunDemo(t.Context(), cfg, DemoOptions{Once: true, JSON: true, Out: out, Stdout: &stdout, Stderr: &stderr}); err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		var r demo.Result
		decoder := json.NewDecoder(&stdout)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil || decoder.More() {
			t.Fatalf("standard output is not one JSON object: %v", err)
		}
		return r, stderr.String()
	}
	r, _ := play()
	checkResult(t, r)
	again, told := play()
	if again.RedeemedCents != r.RedeemedCents || again.Accounts[0].Password != r.Accounts[0].Password || !strings.Contains(told, "rien n’est rejoué") {
		t.Errorf("played twice: %s", told)
	}
	spend(t, cfg, r)
	carryOn(t, out)
}

// carryOn takes the export of the demonstration over into another operator's instance.
func carryOn(t *testing.T, out string) {
	t.Helper()
	cfg, log := config(t, "DATABASE_URL="+pgtest.URL(t)), NewLog(t.Output(), 4)
	_, err := ImportContinuity(t.Context(), cfg, log, ContinuityImport{Dir: filepath.Join(out, exportOfDemo), Identity: filepath.Join(out, privateOfDemo)})
	if err != nil {
		t.Fatal(err)
	}
	if findings, err := Verify(t.Context(), cfg, log); err != nil || Broken(findings) != nil {
		t.Errorf("%v, %v", err, Broken(findings))
	}
}

func checkResult(t *testing.T, r demo.Result) {
	t.Helper()
	if r.Places < 20 || r.Campaigns != 3 || r.HandedOver < 200 || r.Redeemed < 300 || len(r.LiveCodes) < 20 {
		t.Errorf("too little happened: %+v", r)
	}
	if r.ExpiredCents == 0 || r.SettledCents == 0 || r.LiveCents == 0 || r.ReceivedCents >= r.OrderedCents {
		t.Errorf("something did not happen: ordered %s, received %s, live %s, settled %s, expired %s",
			r.OrderedCents, r.ReceivedCents, r.LiveCents, r.SettledCents, r.ExpiredCents)
	}
	if r.SettledCents > r.RedeemedCents || r.RedeemedCents+r.LiveCents+r.ExpiredCents > r.ReceivedCents {
		t.Error("more came out than went in")
	}
	if r.Invoices != 10 || r.CreditNotes < 4 || r.FeesCents <= 0 || r.PaidOnline <= 800_00 || !r.FECBalanced {
		t.Errorf("the books: %d invoices, %d credit notes, fees %s, online %s, balanced %v", r.Invoices, r.CreditNotes, r.FeesCents, r.PaidOnline, r.FECBalanced)
	}
	if r.RefundedCents <= 360_00 || r.RefundedCents >= r.ReceivedCents { // what was paid too much, and one funder's part of what was not used
		t.Errorf("refunded: %s", r.RefundedCents)
	}
	if !r.Holds() {
		t.Errorf("cover %v, invariants %v", r.CoverOK, r.Invariants)
	}
	kinds := map[identity.Kind]bool{}
	for _, a := range r.Accounts {
		kinds[a.Kind] = kinds[a.Kind] || a.Token != "" && a.Password != ""
	}
	if len(kinds) != 4 {
		t.Errorf("accounts of %v", kinds)
	}
	for _, pattern := range []string{"carnet-*.pdf", "pain001-*.xml", "camt053-*.xml", "releve-*.pdf", "bilan-*.xlsx", "bilan-*.csv", "facture-*.pdf", "facture-*.xml",
		"avoir-*.pdf", "avoir-*.xml", "compte-*.pdf", "pain001-remboursements-*.xml", "fec-*.txt", "journal-*.csv",
		"tiers-de-confiance.txt", "manifest.json", "owed.csv", "PSL*.xml.age", "instance.age"} {
		if !hasFile(r.Files, pattern) {
			t.Errorf("no file %s", pattern)
		}
	}
	for _, name := range r.Files {
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func hasFile(files []string, pattern string) bool {
	for _, name := range files {
		if matched, _ := filepath.Match(pattern, filepath.Base(name)); matched {
			return true
		}
	}
	return false
}

// spend starts the service on what the demonstration left, without the play's Stripe, and
// spends one of its codes.
func spend(t *testing.T, cfg Config, r demo.Result) {
	t.Helper()
	cfg, err := cfg.forDemo()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Start(t.Context(), cfg, time.Now, NewLog(t.Output(), 4))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if p.payments.On() {
		t.Error("the service says that it can be paid online")
	}
	for _, a := range r.Accounts {
		if a.Kind != identity.Structure || a.Role != identity.Agent {
			continue
		}
		for _, theme := range []string{"everyday_tools", "administrative_help", "access_and_devices", "leisure_creation"} {
			body := fmt.Sprintf(`{"code":%q,"count":1,"service_theme":%q,"duration_minutes":60,"mode":"individual"}`, r.LiveCodes[0].Typed, theme)
			if status(t, p.Address+"/api/v1/redemptions", a.Token, body) == http.StatusCreated {
				return
			}
		}
	}
	t.Error("no structure can take a live code")
}

func status(t *testing.T, url, token, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestTheDemonstrationLeavesOtherDataAlone(t *testing.T) {
	t.Parallel()
	cfg := config(t, "DATABASE_URL="+pgtest.URL(t))
	log := NewLog(t.Output(), 4)
	if _, err := CreateAdmin(t.Context(), cfg, log, "admin@operateur.fr", "un mot de passe"); err != nil {
		t.Fatal(err)
	}
	err := RunDemo(t.Context(), cfg, DemoOptions{Once: true, Stdout: t.Output(), Stderr: t.Output()})
	if err == nil || !strings.Contains(err.Error(), "already holds something") {
		t.Errorf("%v", err)
	}
}

func TestAnInterruptedDemonstrationSaysWhatToDo(t *testing.T) {
	t.Parallel()
	cfg := config(t, "DATABASE_URL="+pgtest.URL(t))
	ctx, cancel := context.WithCancel(t.Context())
	if err := RunDemo(ctx, cfg, DemoOptions{Once: true, Stdout: t.Output(), Stderr: impatient(cancel)}); err == nil {
		t.Fatal("it went on to the end")
	}
	err := RunDemo(t.Context(), cfg, DemoOptions{Once: true, Stdout: t.Output(), Stderr: t.Output()})
	if err == nil || !strings.Contains(err.Error(), "remove the folder "+cfg.Data) {
		t.Errorf("%v", err)
	}
}

// impatient stops the demonstration at the first word.
type impatient func()

func (i impatient) Write(text []byte) (int, error) {
	i()
	return len(text), nil
}

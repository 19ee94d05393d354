package httpd

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	samples["seals/list"] = SealsBody{Rows: []sealRow{{Number: 12, At: time.Unix(1e9, 0), From: 1, To: 9, Count: 7, Root: strings.Repeat("6e34", 16)}},
		Next: "/seals?before=12", Key: "AAAA", MayProve: true}
}

// sealed is a window on a world whose ledger was sealed. A bearer names who is asking.
func sealed(t *testing.T) (*world.World, *window) {
	t.Helper()
	w := world.New(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 2)
	w.InTx(func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) })
	room := seals.New(w.DB, w.Keys)
	if err := room.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	people := map[string]identity.Actor{"funder": w.Funder, "structure": w.Structure.Actor}
	routes := append(SealsRoutes(room), ReportingRoutes(reporting.New(w.DB, settlement.FileOf), room)...)
	return w, setup(t, func(o *Options) {
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) { return people[c.Bearer], nil }
	}, routes...)
}

func TestAnybodySeesTheSealsAndTheirKey(t *testing.T) {
	t.Parallel()
	w, site := sealed(t)
	key := base64.StdEncoding.EncodeToString(w.Keys.SealKey().Ed25519)
	text := site.wantStatus(200, "GET", "/seals", "")
	if !strings.Contains(text, "Les comptes sont scellés") || !strings.Contains(text, "--key "+strings.ReplaceAll(key, "+", "&#43;")) || strings.Contains(text, "/api/v1/proofs") {
		t.Error(text)
	}
	if text := site.wantStatus(200, "GET", "/cover", ""); !strings.Contains(text, "Le sceau n° 1, du ") || !strings.Contains(text, `href="/seals"`) {
		t.Error(text)
	}
	if text := site.wantStatus(200, "GET", "/api/v1/seals?before=1", ""); !strings.Contains(text, `"items":[],"next":null`) || !strings.Contains(text, key) {
		t.Error(text)
	}
}

func TestAStructureTakesAwayTheProofsOfItsLines(t *testing.T) {
	t.Parallel()
	w, site := sealed(t)
	if text := site.wantStatus(200, "GET", "/seals", "", "Authorization", "Bearer structure"); !strings.Contains(text, `href="/api/v1/proofs?seal=1" download`) {
		t.Error(text)
	}
	answer, text := site.ask("GET", "/api/v1/proofs?seal=1", "", "Authorization", "Bearer structure")
	if answer.StatusCode != 200 || !strings.Contains(answer.Header.Get("Content-Disposition"), "passerelle-preuves-sceau-1.json") || answer.Header.Get("Link") != "" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	proofs, err := vouchers.ParseProofs([]byte(text))
	if err != nil || len(proofs) != 1 || proofs[0].Check(w.Keys.SealKey().Ed25519) != nil {
		t.Fatalf("%v %s", err, text)
	}
	one := fmt.Sprintf("/api/v1/transfers/%d/proof", proofs[0].Line.Transfer)
	text = site.wantStatus(200, "GET", one, "", "Authorization", "Bearer structure")
	if single, err := vouchers.ParseProofs([]byte(text)); err != nil || len(single) != 1 {
		t.Errorf("%v %s", err, text)
	}
	for path, want := range map[string]int{"/api/v1/proofs": 422, "/api/v1/proofs?seal=x": 422, "/api/v1/proofs?seal=1&after=x": 422,
		"/api/v1/proofs?seal=9": 404, "/api/v1/transfers/1/proof": 404, "/api/v1/transfers/x/proof": 404, "/api/v1/seals?before=x": 422} {
		site.wantStatus(want, "GET", path, "", "Authorization", "Bearer structure")
	}
	site.wantStatus(http.StatusUnauthorized, "GET", one, "")
}

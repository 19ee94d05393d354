package app

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/web"
)

func TestAStructureIsToldOfPaymentThroughStripe(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	site, err := httpd.LoadSite(web.Files)
	if err != nil {
		t.Fatal(err)
	}
	n := newNotices(Config{PublicURL: "https://pass.example"}, site.Words)
	at := time.Date(2026, 12, 3, 13, 0, 0, 0, time.UTC)
	chosen := connect.Account{ID: 7, StructureName: "Le Relais", CreatorName: "Ana Ruiz", CreatedAt: at}
	approved, left := chosen, chosen
	approved.InForceAt, left.EndedAt = &at, &at
	refused := left
	refused.EndReason = "Personne ne l’a demandé"
	var sent []string
	err = d.InTx(t.Context(), func(tx *db.Tx) error {
		for _, a := range []connect.Account{chosen, approved, refused, left, left} {
			if err := n.connected(t.Context(), tx, "ada@example.org", a); err != nil {
				return err
			}
		}
		paid := settlement.Payout{ID: 3, State: settlement.Booked, Redemptions: 2, Amount: 30_00, EndToEnd: "PSL1-4", Account: "FR76 •••• 0189", Connected: "acct_1"}
		if err := n.payout(t.Context(), tx, "ada@example.org", paid); err != nil {
			return err
		}
		return tx.Select(t.Context(), &sent, `SELECT payload::text FROM jobs ORDER BY id`)
	})
	if err != nil || len(sent) != 5 {
		t.Fatalf("%d messages, want each once; %v", len(sent), err)
	}
	for i, want := range [][]string{{"Ana Ruiz", "/bank-details"}, {"à partir du", "3 décembre"}, {"Personne ne l’a demandé"}, {"ne souhaite plus"}, {"Stripe vous a versé", "PSL1-4"}} {
		var m mail.Message
		if err := json.Unmarshal([]byte(sent[i]), &m); err != nil {
			t.Fatal(err)
		}
		for _, word := range want {
			if !strings.Contains(strings.ReplaceAll(m.Text, "\u00a0", " "), word) {
				t.Errorf("message %d does not say %q: %s", i, word, m.Text)
			}
		}
		if strings.Contains(m.Subject+m.Text, "notice.") || strings.Contains(m.Text, "0189") {
			t.Errorf("message %d: %s\n%s", i, m.Subject, m.Text)
		}
	}
}

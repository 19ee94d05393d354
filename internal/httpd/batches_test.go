package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// sum is a camt.053 file in which the bank debits a file of ours as one sum of so many transfers.
func (o office) sum(file string, amount vouchers.Cents, count int) string {
	today := vouchers.DayOf(o.world.Clock.Now())
	var out bytes.Buffer
	err := sepa.WriteStatements(&out, sepa.StatementFile{MessageID: "M", CreatedAt: o.world.Clock.Now(), Statements: []sepa.Statement{{
		ID: "REL" + file, Kind: sepa.KindStatement, Account: segregated,
		Opening: &sepa.Balance{Day: today, Amount: 10_000_00}, Closing: &sepa.Balance{Day: today, Amount: 10_000_00 - amount},
		Entries: []sepa.Entry{{BankReference: "B" + file, Status: "BOOK", Booked: today, ValueDate: today, Amount: amount,
			Code: sepa.BankCode{Proprietary: "X"}, Transactions: []sepa.Transaction{{Amount: amount, PaymentID: file, Count: count}}}}}}})
	if err != nil {
		o.t.Fatal(err)
	}
	return out.String()
}

// orders closes and approves a settlement of three payouts of €10, €20 and €30.
func (o office) orders() []settlement.Payout {
	o.t.Helper()
	booklet := o.world.HandOver(o.world.Campaign, 6)
	for i := range 3 {
		o.world.Redeem(o.world.NewStructure("Lieu"), booklet, i+1)
	}
	closed, err := o.settlement.Close(o.t.Context(), o.world.Operator, settlement.CloseRequest{})
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err = o.settlement.Approve(o.t.Context(), o.world.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256}); err != nil {
		o.t.Fatal(err)
	}
	d, err := o.settlement.Open(o.t.Context(), o.world.Operator, closed.ID)
	if err != nil {
		o.t.Fatal(err)
	}
	return d.List
}

// shows wants parts on a page.
func (o office) shows(page string, parts ...string) {
	o.t.Helper()
	page = strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(page)
	for _, part := range parts {
		if !strings.Contains(page, part) {
			o.t.Errorf("%q is not on the page: %s", part, page)
		}
	}
}

func TestAPersonDecidesASumThatDiffersFromItsFile(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	payouts := o.orders()
	var twenty string
	for _, p := range payouts {
		if p.Amount == 20_00 {
			twenty = p.EndToEnd
		}
	}
	o.as("operator", "POST", "/api/v1/statements", o.sum("PSL1", 40_00, 2), "Content-Type", "application/xml")
	_, text := o.as("operator", "GET", "/api/v1/statements/cases?kind=batch_mismatch", "")
	line := answered[caseQueue](t, text).Items[0]
	at := fmt.Sprintf("/statements/cases/%d", line.ID)
	_, page := o.as("operator", "GET", at, "")
	o.shows(page, `id="batch"`, "60,00 € · 3 virements", "40,00 € · 2 virements", "<dd>20,00 €</dd>", `href="/settlements/1#payouts"`,
		`<textarea id="not_debited"`, "Somme d’un fichier à vérifier", "40,00 € partis</h1>")

	form := url.Values{"decision": {"batch"}, "not_debited": {"PSL1-0"}}
	answer, page := o.posts("operator", at+"/decision", form)
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown payout: %d", answer.StatusCode)
	}
	o.shows(page, "error-summary", "PSL1-0 n’est pas un virement en cours du fichier PSL1", ">PSL1-0</textarea>")
	form.Set("not_debited", "")
	_, page = o.posts("operator", at+"/decision", form)
	o.shows(page, "error-summary", "60,00 € (3 virements)")

	form.Set("not_debited", " "+twenty+"\r\n")
	answer, page = o.posts("operator", at+"/decision", form)
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%d", answer.StatusCode)
	}
	o.shows(page, "1 virement du fichier PSL1 est noté refusé", "40,00 € en tout", `name="_confirmed"`)
	form.Set("_confirmed", "yes")
	if answer, page = o.posts("operator", at+"/decision", form); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", answer.StatusCode, page)
	}
	_, page = o.as("operator", "GET", at, "")
	o.shows(page, "Versements partis en une somme", `<a href="/settlements/1">Fichier PSL1</a>`, "Comptabilisé pour un fichier")
}

func TestAProgramDecidesASumThatDiffersFromItsFile(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	payouts := o.orders()
	o.as("operator", "POST", "/api/v1/statements", o.sum("PSL1", 60_00-payouts[0].Amount, 0), "Content-Type", "application/xml")
	_, text := o.as("operator", "GET", "/api/v1/statements/cases", "")
	o.shows(text, `"shown_count":null`, `"batch":{"message_id":"PSL1","settlement":1,"expected_count":3,"expected_cents":6000}`)
	at := fmt.Sprintf("/api/v1/statements/cases/%d/decision", answered[caseQueue](t, text).Items[0].ID)
	for body, code := range map[string]string{`{"decision":"batch"}`: "batch_sum_differs", `{"decision":"batch","not_debited":["PSL9-9"]}`: "batch_transfer_unknown",
		`{"decision":"return"}`: "line_already_explained"} {
		if _, text := o.as("operator", "POST", at, body); !strings.Contains(text, code) {
			t.Errorf("%s: %s", body, text)
		}
	}
	answer, text := o.as("operator", "POST", at, fmt.Sprintf(`{"decision":"batch","not_debited":[%q]}`, payouts[0].EndToEnd))
	if c := answered[statements.Case](t, text); answer.StatusCode != http.StatusOK || c.Outcome != statements.BatchBooked || c.Batch != nil {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/vop"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	at, proof, person := time.Unix(1.75e9, 0), vouchers.ProofID(1), vouchers.PersonID(2)
	now := payees.Account{ID: 1, StructureName: "Le Relais", Masked: "FR76 •••• •••• 0189", Holder: "Le Relais", State: payees.InForce, InForceAt: &at}
	waiting := payees.Account{ID: 2, StructureName: "Le Relais", Masked: "FR14 •••• •••• 2606", BIC: "AGRIFRPP", Holder: "Le Relais", State: payees.ToApprove, Changes: true,
		GivenAt: at, GiverName: "Ana", Proof: &proof, Match: vop.Full, VerifiedAt: &at, VerifiedBy: &person, VerifierName: "Zoé", How: "x", ApprovedAt: &at, ApproverName: "Alix",
		InForceAt: &at, EndReason: "x", AskedAt: &at, AskedMatch: vop.Close, AskedName: "X"}
	samples["payees/account"] = BankBody{Mine: payees.Mine{Now: &now, Waiting: &waiting}, Steps: []stepView{{"x", "done"}, {"y", "current"}}, MayGive: true, MayObject: true,
		Typed: payees.Given{IBAN: "FR", Holder: "Le Relais"}, Field: "iban", Problem: "x", Offered: true, Connect: &connect.Account{State: connect.Cooling, CreatedAt: at, InForceAt: &at, Problem: "requirements.past_due", Last4: "2606"}}
	samples["payees/queue"] = PayeesBody{AtStripe: []connect.Account{{State: connect.Answering, CreatedAt: at}, {State: connect.Stopped, Last4: "2606", Known: "0189", CreatedAt: at}}, Rows: []payees.Account{now, waiting, {State: payees.Ended, GivenAt: at}}, MayDecide: true}
	samples["payees/case"] = PayeeBody{Case: payees.Case{Account: waiting, Now: &now, Warnings: []string{"new_member"}, MayAsk: true}, FullIBAN: "FR14", MayVerify: true, MayApprove: true, MayStop: true,
		Matches: []vop.Match{vop.Full, vop.Close}, Form: payees.Verification{Match: vop.Full, How: "x"}, Reason: "x", Field: "how", Problem: "x"}
}

// slip is the form of an account, with or without its proof.
func slip(t *testing.T, iban, password string, proof []byte) (body, kind string) {
	t.Helper()
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	for name, value := range map[string]string{"iban": iban, "bic": "", "holder": "Le Relais", "password": password} {
		if err := form.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if proof != nil {
		part, err := form.CreateFormFile("proof", "../rib du relais.pdf")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write(proof)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), form.FormDataContentType()
}

func TestAStructureGivesItsAccountAndTheOperatorDecides(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	const iban, secret = "FR14 2004 1010 0505 0001 3M02 606", "correct horse battery"
	give := func(iban, password string, proof []byte, status int, want string) {
		t.Helper()
		body, kind := slip(t, iban, password, proof)
		answer, text := site.as("newcomer", "POST", "/bank-details", body, "Content-Type", kind)
		if answer.StatusCode != status || !strings.Contains(text, want) {
			t.Errorf("%d, want %d and %q", answer.StatusCode, status, want)
		}
	}
	give("FR14", secret, world.RIB.Content, 422, "longueur")
	give("FR14", secret, world.RIB.Content, 422, `href="#iban"`)
	give(iban, "wrong", world.RIB.Content, 422, `href="#password"`)
	give(iban, secret, nil, 422, `href="#proof"`)
	give(iban, secret, []byte("<html>"), 422, "ni un PDF")
	give(iban, secret, world.RIB.Content, 303, "")

	waiting, err := w.Payees.Waiting(t.Context(), w.Operator)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%+v, %v", waiting, err)
	}
	path := payeePath(waiting[0].ID)
	form := func(pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"newcomer", "GET", "/bank-details", "", 200, "Vérifié par l’opérateur"},
		{"newcomer", "GET", "/structure", "", 200, "Vos virements attendent"},
		{"operator", "GET", "/payees", "", 200, "FR14 •••• •••• 2606"},
		{"operator", "GET", path, "", 200, "FR1420041010050500013M02606"},
		{"newcomer", "GET", path, "", 403, ""},
		{"operator", "GET", "/api/v1" + path + "/proof", "", 200, "%PDF-1.4"},
		{"structure", "GET", "/api/v1" + path + "/proof", "", 404, "not_found"},
		{"operator", "POST", path + "/ask", "", 409, "La banque n’a pas répondu"},
		{"operator", "POST", path + "/verification", form("match", "match", "how", "ok"), 422, "comment vous avez vérifié"},
		{"operator", "POST", path + "/verification", form("match", "match", "how", "Appelé au numéro de la convention"), 303, ""},
		{"operator", "POST", path + "/verification", form("match", "match", "how", "Appelé au numéro de la convention"), 409, "déjà prise"},
		{"operator", "POST", path + "/approval", "", 409, "déjà prise"},
		{"newcomer", "GET", "/bank-details", "", 200, "Changer de compte"},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s by %s: %d, want %d and %q", step.method, step.path, step.who, answer.StatusCode, step.status, step.want)
		}
	}
	answer, _ := site.as("newcomer", "GET", "/api/v1"+path+"/proof", "")
	if got := answer.Header.Get("Content-Disposition"); got != `attachment; filename="rib+du+relais.pdf"` && !strings.HasPrefix(got, "attachment;") || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("proof: %q", answer.Header)
	}

	give("FR76 3000 6000 0112 3456 7890 189", secret, world.RIB.Content, 303, "")
	waiting, err = w.Payees.Waiting(t.Context(), w.Operator)
	if err != nil || len(waiting) != 1 || !waiting[0].Changes {
		t.Fatalf("%+v, %v", waiting, err)
	}
	second := payeePath(waiting[0].ID)
	for _, step := range []struct {
		who, path, body string
		status          int
		want            string
	}{
		{"operator", second + "/verification", form("match", "match", "how", "Appelé au numéro de la convention"), 303, ""},
		{"operator", second + "/approval", "", 409, "une autre personne doit"},
		{"operator", second + "/refusal", form("reason", ""), 422, ""},
		{"newcomer", "/bank-details/withdraw", form("account", fmt.Sprint(waiting[0].ID)), 303, ""},
		{"newcomer", "/bank-details/withdraw", form("account", fmt.Sprint(waiting[0].ID)), 409, "déjà prise"},
	} {
		answer, text := site.as(step.who, "POST", step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s by %s: %d, want %d and %q", step.path, step.who, answer.StatusCode, step.status, step.want)
		}
		if strings.Contains(text, `href="#iban"`) {
			t.Errorf("%s is said to be about the IBAN", step.path)
		}
	}
}

func TestAProgramGivesAnAccount(t *testing.T) {
	t.Parallel()
	w, api := desk(t)
	body, err := json.Marshal(payees.Given{IBAN: "FR14 2004 1010 0505 0001 3M02 606", Holder: "Le Relais", Proof: world.RIB, Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	if answer, text := api.as("newcomer", "PUT", "/api/v1/bank-details", string(body)); answer.StatusCode != http.StatusOK || !strings.Contains(text, `"state":"to_verify"`) || strings.Contains(text, "3M02") {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	waiting, err := w.Payees.Waiting(t.Context(), w.Operator)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%+v, %v", waiting, err)
	}
	path := "/api/v1" + payeePath(waiting[0].ID)
	for _, step := range []struct{ who, method, path, body, want string }{
		{"operator", "GET", "/api/v1/payees", "", `"to_verify"`},
		{"operator", "GET", path, "", `"warnings":[]`},
		{"operator", "POST", path + "/verification", `{"match":"no_match","how":"Appelé au numéro de la convention"}`, `"bank_details_match"`},
		{"operator", "POST", path + "/refusal", `{"reason":"Le RIB est illisible"}`, `"end_reason":"Le RIB est illisible"`},
		{"operator", "POST", path + "/approval", `{}`, `"bank_details_decided"`},
		{"newcomer", "GET", "/api/v1/bank-details", "", `{"bank_details":null,"waiting":null}`},
	} {
		if _, text := api.as(step.who, step.method, step.path, step.body); !strings.Contains(text, step.want) {
			t.Errorf("%s %s: %s", step.method, step.path, text)
		}
	}
}

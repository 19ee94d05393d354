package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/continuity"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// handedOn is an operator whose world is exported, and the trustee's private key.
type handedOn struct {
	*world.World
	cfg     Config
	private string // its file
}

func handOn(t *testing.T) handedOn {
	t.Helper()
	trustee, private, err := continuity.NewTrustee()
	if err != nil {
		t.Fatal(err)
	}
	h := handedOn{World: world.New(t), private: filepath.Join(t.TempDir(), "cle.txt")}
	h.cfg = config(t, "DATABASE_URL="+h.URL, "TRUSTEE_KEYS="+trustee.Key, "SEGREGATED_IBAN="+segregated.Full(), "OPERATOR_ADDRESS=1 rue du Pont, 74000 Annecy")
	if err := writeKeys(h.cfg.KeysFile, h.Keys, os.Link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.private, private, 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestAnotherOperatorCarriesOn goes through the commands and then through HTTP, as people do.
func TestAnotherOperatorCarriesOn(t *testing.T) {
	t.Parallel()
	h := handOn(t)
	log := NewLog(t.Output(), 4)
	booklet, spent := h.HandOver(h.Campaign, 10), h.HandOver(h.Campaign, 2)
	h.Redeem(h.Structure, spent, 2)
	payout := h.settlesOne(t)
	h.Redeem(h.Structure, booklet, 1)
	dir := filepath.Join(t.TempDir(), "export")
	made, err := ExportContinuity(t.Context(), h.cfg, log, dir)
	if err != nil || made.Owed != 10_00 || made.Files < 10 {
		t.Fatalf("%+v, %v", made, err)
	}

	other := config(t, "DATABASE_URL="+pgtest.URL(t), "OPERATOR_NAME=Relais des cheques", "SEGREGATED_IBAN="+segregated.Full(), "PUBLIC_URL=https://relais.fr",
		"OPERATOR_ADDRESS=2 rue de la Gare, 73000 Chambéry")
	done, err := ImportContinuity(t.Context(), other, log, ContinuityImport{Dir: dir, Identity: h.private, Key: keyOf(h.Keys)})
	if err != nil || done.Operator != "Passerelle" || done.Rows == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := CreateAdmin(t.Context(), other, log, "maud@relais.example", "un mot de passe"); err != nil {
		t.Fatal(err)
	}
	findings, err := Verify(t.Context(), other, log)
	if err != nil || Broken(findings) != nil {
		t.Fatalf("%v, %v", err, Broken(findings))
	}

	p, err := Start(t.Context(), other, h.Clock.Now, log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}()
	var email string
	for _, m := range membersOf(t, p, h.Structure.Organisation) {
		email = m.Email
	}
	token, err := p.identity.TokenFor(t.Context(), email, "correct horse battery", "192.0.2.1", identity.NewToken{Label: "comptoir", Scopes: []string{"redemptions"}, Days: 30})
	if err != nil {
		t.Fatalf("the structure's password: %v", err)
	}
	take := func(code string) int {
		return status(t, p.Address+"/api/v1/redemptions", token.Secret, fmt.Sprintf(`{"code":%q,"count":2,"service_theme":%q,"duration_minutes":60,"mode":"individual"}`, code, world.Theme))
	}
	if got := take(booklet.QR); got != http.StatusCreated {
		t.Errorf("the same QR code: %d", got)
	}
	if got := take(booklet.Typed); got != http.StatusCreated {
		t.Errorf("the same typed code: %d", got)
	}
	if got := take(spent.Typed); got != http.StatusConflict && got != http.StatusUnprocessableEntity {
		t.Errorf("what was spent: %d", got)
	}
	bookedThere(t, p, payout)
	if findings, err = Verify(t.Context(), other, log); err != nil || Broken(findings) != nil {
		t.Errorf("%v, %v", err, Broken(findings))
	}
}

// settlesOne closes a settlement, whose one payout stays on its way.
func (h handedOn) settlesOne(t *testing.T) settlement.Payout {
	t.Helper()
	room := settlement.New(h.DB, h.cfg.debtor(), nil)
	closed, err := room.Close(t.Context(), h.Operator, settlement.CloseRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := room.Approve(t.Context(), h.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256}); err != nil {
		t.Fatal(err)
	}
	d, err := room.Open(t.Context(), h.Operator, closed.ID)
	if err != nil {
		t.Fatal(err)
	}
	return d.List[0]
}

func membersOf(t *testing.T, p *Program, id vouchers.OrganisationID) []identity.Member {
	t.Helper()
	actor, err := p.identity.CommandLine(t.Context(), "")
	if err != nil || actor.Name != "maud" {
		t.Fatalf("%+v, %v", actor, err)
	}
	_, all, err := p.identity.Open(t.Context(), actor, id)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func keyOf(keys *vouchers.Keyring) string {
	text, _ := json.Marshal(keys.SealKey().Ed25519)
	return strings.Trim(string(text), `"`)
}

// bookedThere lets the successor import the statement of the segregated account, which shows
// what was on its way at the operator before.
func bookedThere(t *testing.T, p *Program, payout settlement.Payout) {
	t.Helper()
	actor, err := p.identity.CommandLine(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	at := p.store.Now()
	on := vouchers.DayOf(at)
	statement := sepa.Statement{ID: "R1", Kind: sepa.KindStatement, Account: segregated, CreatedAt: at, Opening: &sepa.Balance{Day: on, Amount: 10_000_00},
		Closing: &sepa.Balance{Day: on, Amount: 10_000_00 - payout.Amount},
		Entries: []sepa.Entry{{Reference: "B1", Status: "BOOK", Booked: on, ValueDate: on, Amount: payout.Amount,
			Code:         sepa.BankCode{Domain: "PMNT", Family: "ICDT", SubFamily: "ESCT"},
			Transactions: []sepa.Transaction{{EndToEndID: payout.EndToEnd, Amount: payout.Amount}}}}}
	var file bytes.Buffer
	if err := sepa.WriteStatements(&file, sepa.StatementFile{MessageID: "R1", CreatedAt: at, Statements: []sepa.Statement{statement}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.statements.Import(t.Context(), actor, &file, nil); err != nil {
		t.Fatal(err)
	}
	d, err := p.settlement.Open(t.Context(), actor, payout.Settlement)
	if err != nil || d.Booked != 1 || d.InTransit != 0 {
		t.Errorf("what was on its way: %+v, %v", d, err)
	}
}

func TestTheKeysOfAnInstanceAreReplacedOnceAndKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	mine, err := makeKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	exported, err := vouchers.NewKeyring(1, vouchers.NewKey(1))
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for range 2 { // the second time an import that was cut off is done again, and makes another new key
		theirs, err := exported.Rotate()
		if err == nil {
			err = replaceKeys(file, theirs)
		}
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = keyOf(theirs)
		}
	}
	now, err := readKeys(file)
	if err != nil || keyOf(now) != first || now.Current() != 2 {
		t.Errorf("%v", err)
	}
	if kept, err := readKeys(file + ".before-import"); err != nil || keyOf(kept) != keyOf(mine) || kept.Current() != 1 {
		t.Errorf("the keys that were there: %v", err)
	}
	mine, err = mine.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceKeys(file, mine); err == nil {
		t.Error("keys that were put aside are lost")
	}
}

func TestContinuityIsConfiguredWithAPublicKey(t *testing.T) {
	t.Parallel()
	trustee, private, err := continuity.NewTrustee()
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(private[bytes.LastIndexByte(bytes.TrimSpace(private), '\n'):]))
	_, err = ReadConfig([]string{"PASSERELLE_DATA=" + t.TempDir(), "TRUSTEE_KEYS=" + secret})
	if err == nil || !strings.Contains(err.Error(), "holds a private key") || strings.Contains(err.Error(), secret[:20]) {
		t.Errorf("%v", err)
	}
	if _, err = ReadConfig([]string{"PASSERELLE_DATA=" + t.TempDir(), "CONTINUITY_DIR=/srv/exports"}); err == nil || !strings.Contains(err.Error(), "TRUSTEE_KEYS must be set") {
		t.Errorf("%v", err)
	}
	cfg, err := ReadConfig([]string{"PASSERELLE_DATA=" + t.TempDir(), "CONTINUITY_DIR=/srv/exports", "TRUSTEE_KEYS=" + trustee.Key})
	if err != nil || len(cfg.Trustees) != 1 || cfg.ContinuityDir != "/srv/exports" {
		t.Errorf("%+v, %v", cfg.Trustees, err)
	}
}

func TestAnExportWithoutATrusteeSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	h := handOn(t)
	h.cfg.Trustees = nil
	_, err := ExportContinuity(t.Context(), h.cfg, NewLog(t.Output(), 4), filepath.Join(t.TempDir(), "export"))
	if fault.Code(err) != "trustee_missing" || !strings.Contains(Sentence(err), "age-keygen") {
		t.Errorf("%v", Sentence(err))
	}
}

func TestTheProgramExportsOnceADay(t *testing.T) {
	t.Parallel()
	h := handOn(t)
	h.Redeem(h.Structure, h.HandOver(h.Campaign, 10), 3)
	h.cfg.ContinuityDir = filepath.Join(t.TempDir(), "days")
	p, err := Start(t.Context(), h.cfg, h.Clock.Now, NewLog(t.Output(), 4))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for range 2 {
		if err := p.runner.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.Clock.Add(24 * time.Hour)
	}
	for _, day := range []string{"2026-03-09", "2026-03-10"} {
		if m, err := continuity.CheckFolder(filepath.Join(h.cfg.ContinuityDir, day), h.Keys.SealKey().Ed25519); err != nil || m.Figures.ToPay != 30_00 {
			t.Errorf("%s: %+v, %v", day, m.Figures, err)
		}
	}
	st, err := p.continuity.State(t.Context(), h.Operator)
	if err != nil || len(st.Made) != 2 || st.Made[0].By != nil || st.Late || st.Problem != "" {
		t.Errorf("%+v, %v", st, err)
	}
}

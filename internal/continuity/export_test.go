package continuity

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// busy is a world in which something of everything has happened to four structures' money.
type busy struct {
	bundle
	plain, held, returned, waiting world.Structure
	inTransit                      settlement.Payout
}

func busyWorld(t testing.TB) busy {
	t.Helper()
	w := busy{bundle: setup(t)}
	w.plain = w.Structure
	w.held = w.NewStructureWithoutBank("Tiers-lieu sans RIB")
	w.returned = w.NewStructure("Médiathèque de Faverges")
	w.waiting = w.NewStructure("Cyberbase de Cluses")
	for _, s := range []world.Structure{w.plain, w.returned, w.waiting} {
		w.Redeem(s, w.HandOver(w.Campaign, 10), 3)
	}
	payouts := w.settles()
	w.inTransit = payouts[w.waiting.Organisation]
	w.books(payouts[w.plain.Organisation], false)
	w.books(payouts[w.returned.Organisation], false)
	w.books(payouts[w.returned.Organisation], true)
	other := w.NewCampaign("Deuxième temps", 100)
	b := w.HandOver(other, 10)
	w.Redeem(w.plain, b, 2)
	w.Redeem(w.held, b, 4)
	w.Undo(w.plain, w.Redeem(w.plain, w.HandOver(w.Campaign, 10), 5).ID)
	holds(t, w.DB)
	return w
}

func TestAnExportIsOfOneMomentWhileTheCountersAreOpen(t *testing.T) {
	t.Parallel()
	w := setup(t)
	booklets := make([]issuing.Booklet, 6)
	for i := range booklets {
		booklets[i] = w.HandOver(w.Campaign, 10)
	}
	var counters sync.WaitGroup
	for _, b := range booklets {
		counters.Go(func() {
			for range 10 {
				if _, err := w.Counter.Redeem(t.Context(), w.Structure.Actor, world.Request(b, 1)); err != nil && fault.Code(err) != "busy" {
					t.Error(err)
				}
			}
		})
	}
	var last string
	for range 5 {
		last = w.exports() // fails where what is owed is not the sum of its lines
		m := manifestOf(t, last)
		if int(m.Figures.Owed) != m.Figures.Lines*10_00 || m.Figures.Owed+m.Figures.Live != 600_00 || m.Figures.Proven+m.Figures.Unsealed != m.Figures.Lines ||
			slices.Contains(slices.Collect(maps.Values(m.Invariants)), false) {
			t.Errorf("%+v %v", m.Figures, m.Invariants)
		}
	}
	counters.Wait()
	s := newSuccessor(t, w)
	_, err := s.imports(Import{Dir: last, Identity: w.trustee.private})
	w.ok(err)
	holds(t, s.db)
}

func TestWhatIsNotSealedOrNotProvenIsTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.HandOver(w.Campaign, 10)
	for range 3 {
		w.Redeem(w.Structure, b, 1)
	}
	w.ok(w.seal(t.Context()))
	w.Redeem(w.Structure, b, 1)
	w.Service.o.Seal, w.Service.proven = func(context.Context) error { return nil }, 2
	row := rowsOf(t, read(t, w.exports(), "owed.csv"))[0]
	if row["lignes"] != "4" || row["lignes_prouvees"] != "2" || row["lignes_non_scellees"] != "1" {
		t.Errorf("%v", row)
	}
}

func TestNothingOwedMakesNoPaymentFile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	dir := w.exports()
	if m := manifestOf(t, dir); m.Payment != nil || m.Figures.Owed != 0 || slices.Contains(filesIn(t, dir), "pain001.xml.age") {
		t.Errorf("%+v", m)
	}
	contains(t, string(read(t, dir, "README.md")), "Rien n’est à payer maintenant")
	s := newSuccessor(t, w)
	if _, err := s.imports(Import{Dir: dir, Identity: w.trustee.private, Paid: true}); fault.Code(err) != "continuity_nothing_paid" {
		t.Errorf("%v", err)
	}
}

func TestBooksThatDisagreeAreNotExported(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 2)
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE redemptions SET amount_cents = amount_cents + 1`)
		return err
	})
	parent := t.TempDir()
	if _, err := w.Export(t.Context(), w.Operator, filepath.Join(parent, "export")); err == nil || len(entries(t, parent)) > 0 {
		t.Errorf("%v, left %v", err, entries(t, parent))
	}
}

func TestAnAccountThatWaitsIsListedAsSuch(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 2)
	program := w.Structure.Actor
	program.Scopes = []string{payees.Scope}
	_, err := w.Payees.Give(t.Context(), program, payees.Given{IBAN: "FR1420041010050500013M02606", Holder: "Maison France services", Proof: world.RIB})
	w.ok(err)
	dir := w.exports()
	var states []string
	for _, row := range rowsOf(t, w.trustee.decrypts(t, dir, "bank-details.csv.age")) {
		states = append(states, row["etat"])
	}
	owed := rowsOf(t, read(t, dir, "owed.csv"))[0]
	if !slices.Equal(states, []string{"en vigueur", "donné, pas encore vérifié"}) || owed["dans_le_fichier"] != "non" || owed["motif_de_retenue"] != "bank_details_changing" {
		t.Errorf("%v %v", states, owed)
	}
}

// paymentOrder is what a bank reads of a pain.001 file.
type paymentOrder struct {
	MessageID string `xml:"CstmrCdtTrfInitn>GrpHdr>MsgId"`
	Count     int    `xml:"CstmrCdtTrfInitn>GrpHdr>NbOfTxs"`
	Sum       string `xml:"CstmrCdtTrfInitn>GrpHdr>CtrlSum"`
	Transfers []struct {
		EndToEnd string `xml:"PmtId>EndToEndId"`
		Amount   string `xml:"Amt>InstdAmt"`
		IBAN     string `xml:"CdtrAcct>Id>IBAN"`
	} `xml:"CstmrCdtTrfInitn>PmtInf>CdtTrfTxInf"`
}

// TestATrusteePaysEverybodyFromTheExportAlone uses no database once the export is made.
func TestATrusteePaysEverybodyFromTheExportAlone(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir := w.exports()
	books := w.payable()

	file := w.trustee.decrypts(t, dir, "pain001.xml.age")
	followsSchema(t, file)
	var order paymentOrder
	if err := xml.Unmarshal(file, &order); err != nil {
		t.Fatal(err)
	}
	m := manifestOf(t, dir)
	if m.Payment == nil || m.Payment.SHA256 != sha256.Sum256(file) || m.Payment.MessageID != order.MessageID || order.MessageID != "PSL2" {
		t.Errorf("%+v, %s", m.Payment, order.MessageID)
	}
	paid := map[string]string{}
	for _, p := range order.Transfers {
		paid[p.EndToEnd] = p.Amount
	}
	accounts := map[string]string{}
	for _, a := range rowsOf(t, w.trustee.decrypts(t, dir, "bank-details.csv.age")) {
		accounts[a["numero"]] = a["iban"]
	}
	var sum, heldSum, transit int64
	for _, row := range rowsOf(t, read(t, dir, "owed.csv")) {
		owed := centsIn(t, row, "du_centimes")
		transit += centsIn(t, row, "en_route_centimes")
		account := ledger.Account(fmt.Sprintf("structure:%s:payable", row["structure"]))
		switch row["dans_le_fichier"] {
		case "oui":
			if got := paid[row["reference_virement"]]; got != vouchers.Cents(owed).String() {
				t.Errorf("%s is owed %d and paid %s", row["nom"], owed, got)
			}
			delete(paid, row["reference_virement"])
			if accounts[row["structure"]] == "" {
				t.Errorf("%s: no account", row["nom"])
			}
			sum += owed
		case "non":
			if row["motif_de_retenue"] != "bank_details_missing" || row["nom"] != "Tiers-lieu sans RIB" {
				t.Errorf("held: %v", row)
			}
			heldSum += owed
		}
		books[account] -= vouchers.Cents(owed) // paid, or listed as held
	}
	for account, left := range books {
		if left != 0 {
			t.Errorf("%s is left with %s", account, left)
		}
	}
	if len(paid) > 0 {
		t.Errorf("paid to nobody that is owed: %v", paid)
	}
	// 2 vouchers, and 3 that came back; 4 held; 3 on their way.
	if sum != 50_00 || heldSum != 40_00 || transit != 30_00 || order.Sum != "50.00" || order.Count != 2 {
		t.Errorf("pays %d, holds %d, on its way %d; the file has %d for %s", sum, heldSum, transit, order.Count, order.Sum)
	}
	if m.Figures.Owed != 90_00 || m.Figures.ToPay != 50_00 || m.Figures.Held != 40_00 || m.Figures.InTransit != 30_00 || m.Figures.Structures != 3 {
		t.Errorf("%+v", m.Figures)
	}
	if before := w.trustee.decrypts(t, dir, "in-transit/PSL1.xml.age"); !bytes.Contains(before, []byte(w.inTransit.EndToEnd)) {
		t.Error("the file that ordered what is on its way is another one")
	}
	way := rowsOf(t, read(t, dir, "in-transit.csv"))
	if len(way) != 1 || way[0]["reference_virement"] != w.inTransit.EndToEnd || way[0]["montant_euros"] != "30,00" || bytes.Contains(file, []byte(w.inTransit.EndToEnd)) {
		t.Errorf("%v", way)
	}
}

// payable reads what the ledger owes to each structure.
func (b bundle) payable() map[ledger.Account]vouchers.Cents {
	b.t.Helper()
	owed := map[ledger.Account]vouchers.Cents{}
	b.ok(b.DB.Read(b.t.Context(), func(tx *db.Tx) error {
		sums, err := ledger.Sums(b.t.Context(), tx)
		for _, s := range sums {
			if strings.HasSuffix(string(s.Account), ":payable") {
				owed[s.Account] += s.Owed()
			}
		}
		return err
	}))
	return owed
}

func TestEveryOwedCentIsProvenLineByLine(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir := w.exports()
	m := manifestOf(t, dir)
	for _, row := range rowsOf(t, read(t, dir, "owed.csv")) {
		owed := centsIn(t, row, "du_centimes")
		if owed == 0 {
			continue
		}
		proofs, err := vouchers.ParseProofs(read(t, dir, "owed-proofs/structure-"+row["structure"]+"-1.json"))
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, p := range proofs {
			if err := p.Check(m.Key.Ed25519); err != nil || p.Line.Credit != "structure:"+row["structure"]+":payable" {
				t.Errorf("%+v: %v", p.Line, err)
			}
			sum += int64(p.Line.Amount)
		}
		if sum != owed || fmt.Sprint(len(proofs)) != row["lignes_prouvees"] || row["lignes"] != row["lignes_prouvees"] || row["lignes_non_scellees"] != "0" {
			t.Errorf("%d is proven of %d: %v", sum, owed, row)
		}
	}
	if m.Figures.Lines != 3 || m.Figures.Proven != 3 || m.Sealed == 0 {
		t.Errorf("%+v", m)
	}
}

func TestTheFilesAgreeWithEachOther(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir := w.exports()
	m := manifestOf(t, dir)
	var left, live, funds int64
	for _, row := range rowsOf(t, read(t, dir, "booklets.csv")) {
		left += centsIn(t, row, "restant_centimes")
	}
	for _, row := range rowsOf(t, read(t, dir, "funders.csv")) {
		live, funds = live+centsIn(t, row, "vivants_centimes"), funds+centsIn(t, row, "fonds_centimes")
	}
	// 5 booklets of 10, of which 3×3 and 2 and 4 were spent.
	if left != 350_00 || live != left || int64(m.Figures.Live) != left || m.Figures.Booklets != 5 || funds != 11000_00-500_00 {
		t.Errorf("left %d, live %d, %+v, funds %d", left, live, m.Figures, funds)
	}
	if len(m.Invariants) < 15 || slices.Contains(slices.Collect(maps.Values(m.Invariants)), false) {
		t.Errorf("%v", m.Invariants)
	}
	contains(t, string(read(t, dir, "README.md")), "**50,00\u00a0€**, 2 structure(s)", "40,00\u00a0€, 1 structure(s)", "30,00\u00a0€", "10\u202f970,00\u00a0€", "PSL2", payer.IBAN.Masked())
}

func TestNothingInClearSpendsOrSaysAnAccount(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	b := w.HandOver(w.Campaign, 10)
	dir := w.exports()
	keys, err := w.Keys.File()
	w.ok(err)
	secret := regexp.MustCompile(`[A-Za-z0-9+/]{43}=`).FindString(string(keys))
	for _, name := range filesIn(t, dir) {
		text := string(read(t, dir, name))
		for _, forbidden := range []string{b.Typed, strings.ReplaceAll(b.Typed, "-", ""), b.QR, secret, payer.IBAN.Full()} {
			if strings.Contains(text, forbidden) {
				t.Errorf("%s holds %q", name, forbidden)
			}
		}
		for _, a := range rowsOf(t, w.trustee.decrypts(t, dir, "bank-details.csv.age")) {
			if strings.Contains(text, a["iban"]) {
				t.Errorf("%s holds an IBAN", name)
			}
		}
	}
	if plain := w.trustee.decrypts(t, dir, "instance.age"); len(plain) == 0 {
		t.Error("the instance is empty")
	}
}

func TestTheManifestCoversEveryFileAndIsSigned(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir := w.exports()
	m := manifestOf(t, dir)
	covered := []string{manifestFile, signatureFile}
	for _, f := range m.Files {
		text := read(t, dir, f.Name)
		if f.SHA256 != sha256.Sum256(text) || f.Size != int64(len(text)) {
			t.Errorf("%s is another one", f.Name)
		}
		covered = append(covered, f.Name)
	}
	slices.Sort(covered)
	if all := filesIn(t, dir); !slices.Equal(all, covered) {
		t.Errorf("covers %v\nof %v", covered, all)
	}
	if !ed25519.Verify(w.Keys.SealKey().Ed25519, read(t, dir, manifestFile), read(t, dir, signatureFile)) {
		t.Error("not signed by the key of seals")
	}
	made, err := w.State(t.Context(), w.Operator)
	sum := sha256.Sum256(read(t, dir, manifestFile))
	if err != nil || len(made.Made) != 1 || !bytes.Equal(made.Made[0].Manifest, sum[:]) || made.Made[0].Owed != 90_00 || *made.Made[0].By != "Dominique Petit" {
		t.Errorf("%+v, %v", made.Made, err)
	}
	commands := regexp.MustCompile(`(?m)^    (openssl|jq) .*$`).FindAllString(string(read(t, dir, "README.md")), -1)
	for _, line := range commands {
		program := strings.Fields(line)[0]
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("%s is not here: not tried: %s", program, line)
			continue
		}
		command := exec.Command("sh", "-c", line)
		command.Dir = dir
		out, err := command.CombinedOutput()
		if err != nil || strings.Contains(line, "base64") && strings.TrimSpace(string(out)) != base64.StdEncoding.EncodeToString(w.Keys.SealKey().Ed25519) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	if len(commands) != 3 {
		t.Errorf("the README has other commands: %q", commands)
	}
}

func TestTheSamePaymentFileComesOfTheSameMoment(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	one, two := w.exports(), w.exports()
	if !bytes.Equal(w.trustee.decrypts(t, one, "pain001.xml.age"), w.trustee.decrypts(t, two, "pain001.xml.age")) {
		t.Error("two files for one moment")
	}
	if bytes.Equal(read(t, one, "pain001.xml.age"), read(t, two, "pain001.xml.age")) {
		t.Error("encrypted twice with one file key")
	}
}

func TestWithoutATrusteeNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Service.o.Trustees = nil
	dir := filepath.Join(t.TempDir(), "export")
	if _, err := w.Export(t.Context(), w.Operator, dir); fault.Code(err) != "trustee_missing" {
		t.Errorf("%v", err)
	}
	if left := entries(t, filepath.Dir(dir)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestOnlyAnAdminOfTheOperatorExports(t *testing.T) {
	t.Parallel()
	w := setup(t)
	finance := w.Operator
	finance.Role = identity.Finance
	for _, a := range []identity.Actor{w.Funder, w.Structure.Actor, finance, {}} {
		if _, err := w.Export(t.Context(), a, filepath.Join(t.TempDir(), "export")); err == nil {
			t.Errorf("%s %s may export", a.Kind, a.Role)
		}
	}
}

func TestAnExportThatFailsLeavesNothingThatLooksLikeOne(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	parent := t.TempDir()
	w.Service.o.Seal = func(context.Context) error { return errors.New("the disk is full") }
	if _, err := w.Export(t.Context(), w.Operator, filepath.Join(parent, "export")); err == nil {
		t.Error("no error")
	}
	if left := entries(t, parent); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	// What a crash leaves has another name, and no manifest.
	f, err := newFolder(filepath.Join(parent, "2026-05-04"), w.trustee.public)
	w.ok(err)
	w.ok(f.put("owed.csv", []byte("half")))
	if isExport(f.temporary) || isExport(f.dir) || len(entries(t, parent)) != 1 || !strings.HasPrefix(entries(t, parent)[0], unfinished) {
		t.Errorf("it looks like an export: %v", entries(t, parent))
	}
}

func TestAFolderWithSomethingInItIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	dir := t.TempDir()
	w.ok(os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o600))
	if _, err := w.Export(t.Context(), w.Operator, dir); fault.Code(err) != "continuity_folder_taken" {
		t.Errorf("%v", err)
	}
	empty := t.TempDir()
	if _, err := w.Export(t.Context(), w.Operator, empty); err != nil || !isExport(empty) {
		t.Errorf("into an empty folder: %v", err)
	}
	if got := entries(t, dir); !slices.Equal(got, []string{"mine.txt"}) {
		t.Errorf("%v", got)
	}
}

func entries(t testing.TB, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name()
	}
	return names
}

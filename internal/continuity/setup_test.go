package continuity

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

var payer = settlement.Debtor{Name: "Passerelle – fonds cantonnés", IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP",
	Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"}

// trustee is somebody with a key.
type trustee struct {
	public  Trustees
	private []byte // its file
}

func newTrustee(t testing.TB) trustee {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var public Trustees
	if err := public.UnmarshalText([]byte(key.Recipient().String())); err != nil {
		t.Fatal(err)
	}
	return trustee{public, []byte("# created: some day\n" + key.String() + "\n")}
}

// bundle is a world with a settlement room, a trustee, and the room under test.
type bundle struct {
	*world.World
	*Service
	t          testing.TB
	trustee    trustee
	settlement *settlement.Service
	seals      *seals.Service
}

func setup(t testing.TB) bundle {
	t.Helper()
	w, tr := world.New(t), newTrustee(t)
	b := bundle{World: w, t: t, trustee: tr, seals: seals.New(w.DB, w.Keys),
		settlement: settlement.New(w.DB, payer, func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })}
	b.Service = New(w.DB, Options{Keys: w.Keys, Debtor: payer, Operator: "Passerelle", PublicURL: world.Origin, Trustees: tr.public, Seal: b.seal})
	return b
}

// seal rolls the ledger up and seals it.
func (b bundle) seal(ctx context.Context) error {
	if err := b.DB.InTx(ctx, func(tx *db.Tx) error { return ledger.RollUp(ctx, tx) }); err != nil {
		return err
	}
	return b.seals.Seal(ctx)
}

func (b bundle) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// exports makes an export in a folder of the test's own.
func (b bundle) exports() string {
	b.t.Helper()
	dir := filepath.Join(b.t.TempDir(), "export")
	_, err := b.Export(b.t.Context(), b.Operator, dir)
	b.ok(err)
	return dir
}

// settles closes a settlement and returns its payouts by structure.
func (b bundle) settles() map[vouchers.OrganisationID]settlement.Payout {
	b.t.Helper()
	closed, err := b.settlement.Close(b.t.Context(), b.Operator, settlement.CloseRequest{})
	b.ok(err)
	_, err = b.settlement.Approve(b.t.Context(), b.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	b.ok(err)
	d, err := b.settlement.Open(b.t.Context(), b.Operator, closed.ID)
	b.ok(err)
	all := map[vouchers.OrganisationID]settlement.Payout{}
	for _, p := range d.List {
		all[p.Structure] = p
	}
	return all
}

// books plays the bank's line of a payout: its debit, or what brings it back.
func (b bundle) books(p settlement.Payout, credit bool) {
	b.t.Helper()
	outcome := map[bool]string{false: "payout_booked", true: "payout_returned"}[credit]
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: p.Amount, Credit: credit, Outcome: outcome, EndToEnd: p.EndToEnd, Cause: int64(p.ID)})
		if err != nil {
			return err
		}
		got, _, err := b.settlement.Book(b.t.Context(), tx, sepa.Movement{Line: line, Account: payer.IBAN, Name: p.EndToEnd, Amount: p.Amount,
			Credit: credit, Returned: credit, ReturnReason: "MS03", On: p.ExecutionOn})
		if got != outcome {
			b.t.Errorf("%s: %q, want %q", p.EndToEnd, got, outcome)
		}
		return err
	})
}

// holds checks every invariant of a database.
func holds(t testing.TB, d *db.DB) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		findings, err := reporting.Verify(t.Context(), tx, settlement.FileOf)
		for _, f := range findings {
			if !f.OK {
				t.Errorf("%s is broken: %v", f.ID, f.Evidence)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Everything below sees an export as a trustee does: with the folder and its own key.

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (tr trustee) decrypts(t testing.TB, dir, name string) []byte {
	t.Helper()
	identities, err := age.ParseIdentities(bytes.NewReader(tr.private))
	if err != nil {
		t.Fatal(err)
	}
	clear, err := age.Decrypt(bytes.NewReader(read(t, dir, name)), identities...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(clear)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rowsOf reads a CSV file as its columns name them.
func rowsOf(t testing.TB, text []byte) []map[string]string {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.Comma = ';'
	lines, err := r.ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	rows := make([]map[string]string, len(lines)-1)
	for i, line := range lines[1:] {
		rows[i] = map[string]string{}
		for c, name := range lines[0] {
			rows[i][name] = line[c]
		}
	}
	return rows
}

// centsIn is an amount of a column in cents.
func centsIn(t testing.TB, row map[string]string, column string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(row[column], 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", column, err)
	}
	return n
}

func manifestOf(t testing.TB, dir string) Manifest {
	t.Helper()
	var m Manifest
	if err := json.Unmarshal(read(t, dir, manifestFile), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// filesIn lists the files of a folder, those of folders in it with a slash.
func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// followsSchema validates a file against the ISO 20022 schema, which may not be copied
// into this repository: PASSERELLE_STANDARDS names the folder that holds iso20022/.
func followsSchema(t testing.TB, document []byte) {
	t.Helper()
	standards := os.Getenv("PASSERELLE_STANDARDS")
	if standards == "" {
		standards = filepath.Join("..", "..", "..", "shared", "standards")
	}
	schema := filepath.Join(standards, "iso20022", "pain.001.001.09.xsd")
	if _, err := os.Stat(schema); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("schema not present: %v; set PASSERELLE_STANDARDS", err)
		}
		t.Logf("schema not present: not validated (%v)", err)
		return
	}
	command := exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, "-")
	command.Stdin = bytes.NewReader(document)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v (xmllint is in libxml2-utils)\n%s", err, out)
	}
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

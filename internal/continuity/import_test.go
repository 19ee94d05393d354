package continuity

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// successor is another operator's instance.
type successor struct {
	*Service
	t     testing.TB
	db    *db.DB
	clock *pgtest.Clock
	keys  *vouchers.Keyring // put in place by an import
}

func newSuccessor(t testing.TB, w bundle) *successor {
	t.Helper()
	clock := pgtest.NewClock()
	clock.Set(w.Clock.Now())
	s := &successor{t: t, db: pgtest.Open(t, pgtest.URL(t), clock), clock: clock}
	s.Service = New(s.db, Options{})
	return s
}

func (s *successor) imports(in Import) (Imported, error) {
	in.PutKeys = func(k *vouchers.Keyring) error { s.keys = k; return nil }
	return s.Import(s.t.Context(), in)
}

func (s *successor) counter() *redemption.Service {
	s.t.Helper()
	counter, err := redemption.New(s.t.Context(), s.db, s.keys, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(counter.Stop)
	return counter
}

func (s *successor) one(query string, args ...any) (n int64) {
	s.t.Helper()
	if err := s.db.Read(s.t.Context(), func(tx *db.Tx) error { return tx.Get(s.t.Context(), &n, query, args...) }); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestTheSameCodesWorkAtAnotherOperator(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	byQR, typed, spent := w.HandOver(w.Campaign, 10), w.HandOver(w.Campaign, 10), w.HandOver(w.Campaign, 1)
	w.Redeem(w.plain, typed, 4)
	w.Redeem(w.plain, spent, 1)
	dir := w.exports()
	w.Redeem(w.plain, byQR, 1) // after the export: the successor cannot know

	s := newSuccessor(t, w.bundle)
	done, err := s.imports(Import{Dir: dir, Identity: w.trustee.private, Trusted: w.Keys.SealKey().Ed25519})
	w.ok(err)
	holds(t, s.db)
	if done.Operator != "Passerelle" || done.Rows < 100 || done.Invariants["INV-2"] != true {
		t.Errorf("%+v", done)
	}
	counter := s.counter()
	take := func(code string, count int) (redemption.Redemption, error) {
		return counter.Redeem(t.Context(), w.plain.Actor, redemption.Request{Code: code, Count: count, Theme: world.Theme, DurationMinutes: 60, Mode: "individual"})
	}
	if r, err := take(byQR.QR, 2); err != nil || r.Left != 8 {
		t.Errorf("by QR code: %d left, %v", r.Left, err)
	}
	if r, err := take(typed.Typed, 2); err != nil || r.Left != 4 {
		t.Errorf("by typed code: %d left, %v", r.Left, err)
	}
	if _, err := take(spent.Typed, 1); fault.Code(err) != "insufficient_vouchers" && fault.Code(err) != "voucher_already_redeemed" {
		t.Errorf("what was spent is spent again: %v", err)
	}
	// Booklets go on with new numbers, under the same rules.
	issue := issuing.New(s.db, s.keys, "https://autre.example", func(context.Context, *db.Tx, string, issuing.Booklet) error { return nil }, slog.New(slog.DiscardHandler))
	fresh, err := issue.HandOver(t.Context(), w.Prescriber, issuing.HandOverRequest{Campaign: w.Campaign.ID, Count: 5})
	if err != nil || fresh.ID <= spent.ID {
		t.Errorf("booklet %d after %d: %v", fresh.ID, spent.ID, err)
	}
	// The operator before hands over too: its next booklet has the same number, and another code.
	theirs := w.HandOver(w.Campaign, 5)
	if theirs.ID != fresh.ID || theirs.Typed == fresh.Typed {
		t.Errorf("booklets %d and %d have codes %s and %s", theirs.ID, fresh.ID, theirs.Typed, fresh.Typed)
	}
	if _, err := take(theirs.Typed, 1); fault.Code(err) != "code_unknown" {
		t.Errorf("a booklet of the operator before, handed over after the export: %v", err)
	}
	holds(t, s.db)
}

func TestKeyNumbersThatEndKeepTheLastKey(t *testing.T) {
	t.Parallel()
	last, err := vouchers.NewKeyring(vouchers.MaxKeyID, vouchers.NewKey(vouchers.MaxKeyID))
	if err != nil {
		t.Fatal(err)
	}
	file, err := last.File()
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := keysFrom(file); err != nil || keys.Current() != vouchers.MaxKeyID {
		t.Errorf("%v", err)
	}
}

func TestWhatIsOnItsWayIsPaidOnce(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir := w.exports()
	s := newSuccessor(t, w.bundle)
	_, err := s.imports(Import{Dir: dir, Identity: w.trustee.private})
	w.ok(err)
	room := settlement.New(s.db, payer, func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	operator := s.operator()
	closed, err := room.Close(t.Context(), operator, settlement.CloseRequest{})
	w.ok(err)
	if closed.Total != 50_00 || closed.Payouts != 2 || closed.MessageID != "PSL2" {
		t.Errorf("%+v", closed)
	}
	w.ok(s.db.InTx(t.Context(), func(tx *db.Tx) error {
		outcome, _, err := room.Book(t.Context(), tx, debitOf(w.inTransit))
		if outcome != "payout_booked" {
			t.Errorf("the payout that was on its way: %q", outcome)
		}
		return err
	}))
}

// operator makes the successor's first admin.
func (s *successor) operator() identity.Actor {
	s.t.Helper()
	room := identity.New(s.db, audit.Record)
	err := room.CreateFirstOperator(s.t.Context(), "Relais", identity.NewMember{Name: "Maud Rey", Email: "maud@relais.example", Password: "correct horse battery"})
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := room.CommandLine(s.t.Context(), "")
	if err != nil || a.OrganisationName != "Relais" || a.Name != "Maud Rey" {
		s.t.Fatalf("%+v, %v", a, err)
	}
	return a
}

func debitOf(p settlement.Payout) sepa.Movement {
	return sepa.Movement{Line: 1, Account: payer.IBAN, Name: p.EndToEnd, Amount: p.Amount, On: p.ExecutionOn}
}

func TestWhatTheTrusteeHasPaidIsNotPaidAgain(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir := w.exports()
	s := newSuccessor(t, w.bundle)
	s.clock.Add(100 * 24 * time.Hour) // the trustee has paid, and time has passed
	done, err := s.imports(Import{Dir: dir, Identity: w.trustee.private, Paid: true})
	w.ok(err)
	if done.Settlement != "PSL2" {
		t.Errorf("%+v", done)
	}
	holds(t, s.db)
	room := settlement.New(s.db, payer, func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	operator := s.operator()
	if _, err := room.Close(t.Context(), operator, settlement.CloseRequest{}); fault.Code(err) != "nothing_to_settle" {
		t.Errorf("paid again: %v", err)
	}
	d, err := room.Open(t.Context(), operator, 2)
	w.ok(err)
	for _, p := range d.List {
		w.ok(s.db.InTx(t.Context(), func(tx *db.Tx) error {
			outcome, _, err := room.Book(t.Context(), tx, debitOf(p))
			if outcome != "payout_booked" {
				t.Errorf("%s: %q", p.EndToEnd, outcome)
			}
			return err
		}))
	}
	var file bytes.Buffer
	_, err = room.File(t.Context(), operator, 2, 0, &file)
	w.ok(err)
	if !bytes.Equal(file.Bytes(), w.trustee.decrypts(t, dir, "pain001.xml.age")) {
		t.Error("another file than the one that was paid")
	}
}

func TestEveryRowIsCarriedAsItWas(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	again := w.settles()
	w.books(again[w.returned.Organisation], false) // it pays again what had come back
	dir := w.exports()
	s := newSuccessor(t, w.bundle)
	s.batch = 1 // each row by itself: a reference to a row that comes later would fail
	_, err := s.imports(Import{Dir: dir, Identity: w.trustee.private})
	w.ok(err)
	before, after := dumpOf(t, w.DB), dumpOf(t, s.db)
	changed := map[string]bool{"memberships": true, "organisations": true, "audit_entries": true, "jobs": true} // by the takeover itself
	for name, rows := range before {
		if !changed[name] && rows != after[name] {
			t.Errorf("%s: before\n%.600s\nafter\n%.600s", name, rows, after[name])
		}
	}
	if n := s.one(`SELECT count(*) FROM transfers`); n < 10 || len(before) < 60 {
		t.Errorf("%d transfers, %d tables", n, len(before))
	}
	if seq := s.one(`SELECT last_value FROM redemption_ids`); seq < 5 {
		t.Errorf("redemptions go on from %d", seq)
	}
}

// dumpOf is every carried table as text.
func dumpOf(t testing.TB, d *db.DB) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		tables, err := carried(t.Context(), tx)
		for _, one := range tables {
			var out bytes.Buffer
			if _, err := writeRows(t.Context(), tx, one, &out); err != nil {
				return err
			}
			all[one.Name] = out.String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheOperatorBeforeMayNoLongerAct(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	session, err := w.Identity.SignIn(t.Context(), "operator@passerelle.example", "correct horse battery", "192.0.2.1")
	w.ok(err)
	dir := w.exports()
	s := newSuccessor(t, w.bundle)
	_, err = s.imports(Import{Dir: dir, Identity: w.trustee.private})
	w.ok(err)
	room := identity.New(s.db, audit.Record)
	if a, err := room.Authenticate(t.Context(), identity.Credential{Session: session}); err == nil && a.SignedIn() {
		t.Error("a session of the operator before is still good")
	}
	if _, err := room.SignIn(t.Context(), "operator@passerelle.example", "correct horse battery", "192.0.2.1"); err == nil {
		t.Error("its admin still signs in")
	}
	if _, err := room.SignIn(t.Context(), "admin1@organisation.example", "correct horse battery", "192.0.2.1"); err != nil {
		t.Errorf("a funder does not sign in any more: %v", err)
	}
	if n := s.one(`SELECT count(*) FROM organisations WHERE kind = 'operator' AND email = ''`); n != 1 {
		t.Error("notices still go to the operator before")
	}
	s.operator()
	if n := s.one(`SELECT count(*) FROM organisations WHERE kind = 'operator' AND email = 'maud@relais.example' AND name = 'Relais'`); n != 1 {
		t.Error("the successor did not take over name and address")
	}
}

func TestWhatWaitedIsNotSentTwice(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO jobs (kind, unique_key, payload, run_at, attempts, max_attempts, state, last_error, created_at, lease_until) VALUES
			('mail', 'receipt:1', '{"to": "somebody"}', $1, 0, 30, 'queued', '', $1, NULL),
			('statement', NULL, '{"file": 1}', $1, 3, 3, 'running', '', $1, $1),
			('every:expire', 'every:expire 2026-05-04', '{}', $1, 0, 30, 'queued', '', $1, NULL)`, tx.Now)
		return err
	})
	dir := w.exports()
	s := newSuccessor(t, w.bundle)
	done, err := s.imports(Import{Dir: dir, Identity: w.trustee.private, GoOn: []string{"statement"}})
	w.ok(err)
	if done.Shelved != 1 || s.one(`SELECT count(*) FROM jobs WHERE kind = 'mail' AND state = 'done' AND unique_key = 'receipt:1' AND payload = '{}'`) != 1 ||
		s.one(`SELECT count(*) FROM jobs WHERE kind = 'statement' AND state = 'queued' AND attempts < max_attempts`) != 1 || s.one(`SELECT count(*) FROM jobs`) != 2 {
		t.Errorf("%+v", done)
	}
}

func TestAnExportThatWasTamperedWithIsRefused(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir, s := w.exports(), newSuccessor(t, w.bundle)
	_, stranger, err := ed25519.GenerateKey(nil)
	w.ok(err)
	for what, c := range map[string]struct {
		change func(copied string)
		code   string
	}{
		"another amount":  {func(d string) { edit(t, d, "owed.csv", "20,00", "90,00") }, "continuity_file_changed"},
		"a missing proof": {func(d string) { w.ok(os.Remove(filepath.Join(d, "owed-proofs", proofIn(t, d)))) }, "continuity_file_changed"},
		"another payment": {func(d string) {
			w.ok(os.WriteFile(filepath.Join(d, "pain001.xml.age"), read(t, d, "bank-details.csv.age"), 0o600))
		}, "continuity_file_changed"},
		"the manifest": {func(d string) { edit(t, d, manifestFile, `"operator": "Passerelle"`, `"operator": "Passe"`) }, "continuity_signature"},
		"no manifest":  {func(d string) { w.ok(os.Remove(filepath.Join(d, manifestFile))) }, "continuity_not_an_export"},
		"signed by a stranger": {func(d string) {
			var m Manifest
			w.ok(json.Unmarshal(read(t, d, manifestFile), &m))
			m.Key.Ed25519 = stranger.Public().(ed25519.PublicKey)
			text, err := json.Marshal(m)
			w.ok(err)
			w.ok(os.WriteFile(filepath.Join(d, manifestFile), text, 0o600))
			w.ok(os.WriteFile(filepath.Join(d, signatureFile), ed25519.Sign(stranger, text), 0o600))
		}, "continuity_other_key"},
	} {
		copied := filepath.Join(t.TempDir(), "copied")
		w.ok(os.CopyFS(copied, os.DirFS(dir)))
		c.change(copied)
		_, err := s.imports(Import{Dir: copied, Identity: w.trustee.private, Trusted: w.Keys.SealKey().Ed25519})
		var refusal *fault.Error
		if !errors.As(err, &refusal) || refusal.Code != c.code || s.keys != nil {
			t.Errorf("%s: %v", what, err)
		} else if c.code == "continuity_file_changed" && refusal.Args["file"] == "" {
			t.Errorf("%s: the file is not named", what)
		}
	}
	if _, err := s.imports(Import{Dir: dir, Identity: w.trustee.private}); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

func edit(t testing.TB, dir, name, old, new string) {
	t.Helper()
	text := string(read(t, dir, name))
	changed := strings.Replace(text, old, new, 1)
	if changed == text {
		t.Fatalf("%q is not in %s", old, name)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

func proofIn(t testing.TB, dir string) string {
	return entries(t, filepath.Join(dir, "owed-proofs"))[0]
}

func TestOnlyTheTrusteeTakesOver(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir, s := w.exports(), newSuccessor(t, w.bundle)
	if _, err := s.imports(Import{Dir: dir, Identity: newTrustee(t).private}); fault.Code(err) != "trustee_identity_wrong" {
		t.Errorf("another's key: %v", err)
	}
	for _, text := range []string{"", "not a key", "AGE-SECRET-KEY-1AAAA"} {
		_, err := s.imports(Import{Dir: dir, Identity: []byte(text)})
		if fault.Code(err) != "trustee_identity_malformed" || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if s.keys != nil || s.one(`SELECT count(*) FROM people`) != 0 {
		t.Error("something was taken over")
	}
}

func TestAnInstanceInWhichSomebodyHasBegunIsLeftAlone(t *testing.T) {
	t.Parallel()
	w, other := busyWorld(t), setup(t)
	dir := w.exports()
	before := dumpOf(t, other.DB)
	_, err := New(other.DB, Options{}).Import(t.Context(), Import{Dir: dir, Identity: w.trustee.private, PutKeys: func(*vouchers.Keyring) error {
		t.Error("its keys were replaced")
		return nil
	}})
	if fault.Code(err) != "continuity_not_empty" {
		t.Errorf("%v", err)
	}
	for name, rows := range dumpOf(t, other.DB) {
		if rows != before[name] {
			t.Errorf("%s was touched", name)
		}
	}
}

func TestAnImportThatFailsAtTheEndLeavesNothing(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir, s := w.exports(), newSuccessor(t, w.bundle)
	before := dumpOf(t, s.db)
	_, err := s.Import(t.Context(), Import{Dir: dir, Identity: w.trustee.private, PutKeys: func(*vouchers.Keyring) error { return errors.New("the disk is full") }})
	if err == nil {
		t.Error("no error")
	}
	for name, rows := range dumpOf(t, s.db) {
		if rows != before[name] {
			t.Errorf("%s holds something", name)
		}
	}
	if _, err := s.imports(Import{Dir: dir, Identity: w.trustee.private}); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func TestACopyBreaksNoMoreThanItsOriginal(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	w.ok(w.seal(t.Context()))
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE ledger_rollups SET debited = debited + 1, credited = credited + 1 WHERE account = 'payouts:in_transit'`)
		return err
	})
	dir := w.exports()
	if m := manifestOf(t, dir); m.Invariants["INV-21"] {
		t.Error("what is broken is not told")
	}
	s := newSuccessor(t, w.bundle)
	if _, err := s.imports(Import{Dir: dir, Identity: w.trustee.private}); err != nil {
		t.Errorf("a copy of books that were broken before: %v", err)
	}
	w.ok(s.db.InTx(t.Context(), func(tx *db.Tx) error {
		err := (&restore{tx: tx}).verify(t.Context(), Manifest{Invariants: map[string]bool{"INV-21": true}}, &Imported{Invariants: map[string]bool{}})
		if fault.Code(err) != "continuity_broken" {
			t.Errorf("what held is broken here: %v", err)
		}
		return nil
	}))
}

func TestAnotherSchemaIsRefused(t *testing.T) {
	t.Parallel()
	w := busyWorld(t)
	dir, s := w.exports(), newSuccessor(t, w.bundle)
	w.ok(s.db.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (9999, true, $1)`, tx.Now)
		return err
	}))
	_, err := s.imports(Import{Dir: dir, Identity: w.trustee.private})
	var refusal *fault.Error
	if !errors.As(err, &refusal) || refusal.Code != "continuity_other_schema" || refusal.Args["ours"] != int64(9999) {
		t.Errorf("%v", err)
	}
}

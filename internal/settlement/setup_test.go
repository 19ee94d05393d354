package settlement

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

var payer = Debtor{Name: "Passerelle – fonds cantonnés", IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP",
	Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"}

// bundle is a world with a settlement room whose notices are kept.
type bundle struct {
	*world.World
	*Service
	t       testing.TB
	second  identity.Actor // another person of the operator's
	notices *[]Payout

	reminders *[]Preview
}

// remind keeps a reminder.
func (b bundle) remind(_ context.Context, _ *db.Tx, _ string, p Preview) error {
	*b.reminders = append(*b.reminders, p)
	return nil
}

func setup(t testing.TB) bundle {
	t.Helper()
	w := world.New(t)
	var notices []Payout
	// Without retries, so that a deadlock shows.
	s := New(w.DB.WithoutRetries(), payer, func(_ context.Context, _ *db.Tx, to string, p Payout) error {
		if to == "" {
			t.Errorf("payout %d: a notice to nobody", p.ID)
		}
		notices = append(notices, p)
		return nil
	})
	b := bundle{World: w, Service: s, t: t, second: w.Colleague(), notices: &notices, reminders: new([]Preview)}
	s.With(Policy{}, b.remind, nil)
	return b
}

// settles closes a settlement, which a second person approves, and checks that all
// invariants hold.
func (b bundle) settles() Detail {
	b.t.Helper()
	closed := b.closes()
	b.approves(closed)
	return b.opens(closed.ID)
}

func (b bundle) closes() Settlement {
	b.t.Helper()
	closed, err := b.Close(b.t.Context(), b.Operator, CloseRequest{})
	b.ok(err)
	b.holds()
	return closed
}

func (b bundle) approves(closed Settlement) {
	b.t.Helper()
	_, err := b.Approve(b.t.Context(), b.second, ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	b.ok(err)
}

func (b bundle) opens(id vouchers.SettlementID) Detail {
	b.t.Helper()
	d, err := b.Open(b.t.Context(), b.Operator, id)
	b.ok(err)
	return d
}

// debit is the line that shows a payout leave.
func debit(p Payout) sepa.Movement {
	return sepa.Movement{Line: 1, Account: payer.IBAN, Name: p.EndToEnd, Amount: p.Amount, On: p.ExecutionOn}
}

// credit is the line that brings it back.
func credit(p Payout) sepa.Movement {
	return sepa.Movement{Line: 2, Account: payer.IBAN, Name: p.EndToEnd, Amount: p.Amount, Credit: true, Returned: true,
		ReturnReason: "MS03", On: p.ExecutionOn}
}

// books plays the statement's line that shows a payout's debit.
func (b bundle) books(p Payout) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		outcome, id, err := b.Book(b.t.Context(), tx, debit(p))
		if outcome != "payout_booked" || id != int64(p.ID) {
			b.t.Errorf("%s: %q, payout %d", p.EndToEnd, outcome, id)
		}
		return err
	})
	b.holds()
}

// returns plays the line that brings it back.
func (b bundle) returns(p Payout) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		outcome, id, err := b.Book(b.t.Context(), tx, credit(p))
		if outcome != "payout_returned" || id != int64(p.ID) {
			b.t.Errorf("%s: %q, payout %d", p.EndToEnd, outcome, id)
		}
		return err
	})
	b.holds()
}

func (b bundle) file(id vouchers.SettlementID) []byte {
	b.t.Helper()
	var file bytes.Buffer
	_, err := b.File(b.t.Context(), b.Operator, id, 0, &file)
	b.ok(err)
	return file.Bytes()
}

// keeps checks that no file of a settlement leaves.
func (b bundle) keeps(id vouchers.SettlementID, code string) {
	b.t.Helper()
	var file bytes.Buffer
	_, err := b.File(b.t.Context(), b.Operator, id, 0, &file)
	if b.refused(err, code); file.Len() > 0 {
		b.t.Errorf("%d bytes leave", file.Len())
	}
}

func (b bundle) money(a identity.Actor) Money {
	b.t.Helper()
	m, err := b.Payouts(b.t.Context(), a, 0, 50)
	b.ok(err)
	return m
}

func (b bundle) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b bundle) refused(err error, code string) {
	b.t.Helper()
	if fault.Code(err) != code {
		b.t.Errorf("got %v, want fault %q", err, code)
	}
}

// holds checks every invariant by the one query that must return no row.
func (b bundle) holds() {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		for name, query := range invariants {
			var broken []int64
			if err := tx.Select(b.t.Context(), &broken, query); err != nil {
				return err
			}
			if len(broken) > 0 {
				b.t.Errorf("%s is broken for %v", name, broken)
			}
		}
		return nil
	})
}

var invariants = map[string]string{
	"INV-3, redeemed = payable + in transit + paid": `
		SELECT o.id FROM organisations o WHERE o.kind = 'structure' AND
			COALESCE((SELECT sum(r.amount_cents) FROM redemptions r WHERE r.structure_id = o.id AND (r.undone_at IS NULL OR r.corrected)), 0) +
			COALESCE((SELECT sum(a.amount_cents) FROM adjustments a WHERE a.structure_id = o.id), 0) <>
			COALESCE((SELECT sum(CASE WHEN t.credit = 'structure:' || o.id || ':payable' THEN t.amount ELSE -t.amount END) FROM transfers t
				WHERE 'structure:' || o.id || ':payable' IN (t.credit, t.debit)), 0) +
			COALESCE((SELECT sum(p.amount_cents) FROM payouts p WHERE p.structure_id = o.id AND p.state IN ('in_transit', 'booked')), 0)`,
	"INV-3, payouts under way = account in transit": `
		SELECT 0 WHERE COALESCE((SELECT sum(amount_cents) FROM payouts WHERE state = 'in_transit'), 0) <>
			COALESCE((SELECT sum(CASE WHEN credit = 'payouts:in_transit' THEN amount ELSE -amount END) FROM transfers
				WHERE 'payouts:in_transit' IN (credit, debit)), 0)`,
	"INV-5, cash = what was received less what was paid": `
		SELECT 0 WHERE COALESCE((SELECT sum(CASE WHEN debit = 'bank:segregated' THEN amount ELSE -amount END) FROM transfers
				WHERE 'bank:segregated' IN (credit, debit)), 0) <>
			(SELECT sum(amount) FROM transfers WHERE event = 'receipt') +
			COALESCE((SELECT sum(amount_cents) FROM debt_repayments), 0) -
			COALESCE((SELECT sum(amount_cents) FROM payouts WHERE state = 'booked'), 0)`,
	"INV-10, a redemption in at most one payout": `
		SELECT r.id FROM redemptions r JOIN payouts p ON p.structure_id = r.structure_id AND r.id > p.after_id AND r.id <= p.up_to_id
		GROUP BY r.id HAVING count(*) > 1`,
	"INV-10, none skipped": `
		SELECT r.id FROM redemptions r
		WHERE r.id <= (SELECT max(p.up_to_id) FROM payouts p WHERE p.structure_id = r.structure_id)
			AND NOT EXISTS (SELECT 1 FROM payouts p WHERE p.structure_id = r.structure_id AND r.id > p.after_id AND r.id <= p.up_to_id)`,
	"INV-10, payout = its redemptions and what came back": `
		SELECT p.id FROM payouts p LEFT JOIN LATERAL (
			SELECT count(*) AS n, COALESCE(sum(r.amount_cents), 0) AS cents FROM redemptions r
			WHERE r.structure_id = p.structure_id AND r.id > p.after_id AND r.id <= p.up_to_id AND (r.undone_at IS NULL OR r.corrected)) AS own ON true
		WHERE p.redemptions <> own.n OR p.amount_cents <> own.cents +
			COALESCE((SELECT sum(a.amount_cents) FROM adjustments a WHERE a.payout_id = p.id), 0) +
			COALESCE((SELECT sum(q.amount_cents) FROM payouts q WHERE q.reissued_in = p.id), 0)`,
	"INV-10, payout = its parts": `
		SELECT p.id FROM payouts p WHERE p.amount_cents <> (SELECT sum(q.amount_cents) FROM payout_parts q WHERE q.payout_id = p.id)`,
	"INV-10, settlement = its payouts": `
		SELECT s.id FROM settlements s WHERE (s.payouts, s.total_cents) <>
			(SELECT count(*), COALESCE(sum(p.amount_cents), 0) FROM payouts p WHERE p.settlement_id = s.id)`,
	"INV-12, none is paid that nobody else approved": `
		SELECT s.id FROM settlements s WHERE s.approved_by = s.closed_by OR s.approved_at IS NULL
			AND EXISTS (SELECT 1 FROM payouts p WHERE p.settlement_id = s.id AND p.state IN ('booked', 'returned'))`,
	"only what came back is paid again": `
		SELECT p.id FROM payouts p WHERE p.reissued_in IS NOT NULL AND p.state NOT IN ('returned', 'rejected')`,
}

// followsSchema validates a file against the ISO 20022 schema, which may not be copied
// into this repository: PASSERELLE_STANDARDS names the folder that holds iso20022/.
func followsSchema(t *testing.T, version string, document []byte) {
	t.Helper()
	standards := os.Getenv("PASSERELLE_STANDARDS")
	if standards == "" {
		standards = filepath.Join("..", "..", "..", "shared", "standards")
	}
	schema := filepath.Join(standards, "iso20022", "pain.001.001."+version+".xsd")
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

package reporting

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/web"
)

// breakage is a row that is changed behind the program's back, and the invariant that must notice
// it with the evidence that names the row.
type breakage struct {
	what, invariant, evidence, sql string
}

var breakages = []breakage{
	{"a transfer without a cause", "INV-1", "redemption:999999",
		`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
		 SELECT max(at), 'redemption', 999999, 'campaign:1:live', 'structure:9:payable', 1, 1 FROM transfers`},
	{"a transfer of another amount than its cause", "INV-1", "handover:1",
		`UPDATE transfers SET amount = amount + 1 WHERE event = 'handover' AND cause = 1`},
	{"a debt that is forgiven in the rows alone", "INV-1", " costs:losses->funder:",
		forgiven(`(SELECT max(person_id) FROM memberships)`)},
	{"more forgiven than was lost", "INV-2", "order:1 forgiven_cents=100 lost_cents=0",
		forgiven(`(SELECT max(person_id) FROM memberships)`)},
	{"a debt that one person asked and agreed to forgive", "INV-12", " requested_by=1 decided_by=1", forgiven(`1`)},
	{"a payout that is booked and that nobody approved", "INV-12", "settlement:1 closed_by=",
		`UPDATE settlements SET approved_at = NULL, approved_by = NULL, taken_at = NULL, sent_at = NULL WHERE id = 1`},
	{"a settlement that one person closed and approved", "INV-12", "settlement:1 closed_by=", `UPDATE settlements SET approved_at = closed_at, approved_by = closed_by WHERE id = 1`},
	{"a receipt whose bank line says less", "INV-1", "line:1 ",
		`UPDATE statement_lines SET amount_cents = amount_cents - 1 WHERE id = 1`},
	{"fees of another amount than their invoice", "INV-1", "fees_invoiced:",
		`UPDATE invoices SET net_cents = net_cents + 1 WHERE kind = 'fees' AND corrects IS NULL`},
	{"a credit note of fees that asks for more", "INV-1", "fees_invoiced:",
		`UPDATE transfers SET debit = credit, credit = debit WHERE event = 'fees_invoiced' AND cause = (SELECT id FROM invoices WHERE corrects IS NOT NULL)`},
	{"an invoice that is missing", "INV-1", "invoices:F2026 issued=4 highest=5 last=5",
		`DELETE FROM invoices WHERE number = 'F2026-000001'`},
	{"a year whose last invoice is missing", "INV-1", "invoices:A2026 issued=0 highest= last=1",
		`DELETE FROM invoices WHERE number = 'A2026-000001'`},
	{"a credit note of more than its invoice", "INV-1", "net_cents=2000 vat_cents=400 credited_net_cents=2001",
		`UPDATE invoices SET net_cents = 2001 WHERE corrects IS NOT NULL`},
	{"a receipt that is not in the ledger", "INV-2", "campaign:1 received_cents=",
		`UPDATE receipts SET funds_cents = funds_cents + 1 WHERE line_id = 1`},
	{"a card payment of another amount", "INV-1", "card_paid:1 ",
		`UPDATE checkouts SET face_cents = face_cents + 1 WHERE id = 1`},
	{"a card payment that the bank never showed", "INV-1", "card_banked:",
		`UPDATE stripe_payouts SET state = 'sent', line_id = NULL WHERE id = 1`},
	{"a refund of another amount", "INV-1", "card_refunded:1 ",
		`UPDATE card_refunds SET amount_cents = amount_cents + 1 WHERE id = 1`},
	{"a dispute that took more", "INV-1", "disputed:1 ",
		`UPDATE disputes SET counted_cents = counted_cents + 1 WHERE id = 1`},
	{"a debt that is not secured", "INV-1", "debt_secured:1 ",
		`UPDATE takebacks SET funds_cents = funds_cents - 1 WHERE dispute_id = 1`},
	{"a card payment that counts nowhere", "INV-2", "paying_ledger_cents=",
		`DELETE FROM receipts WHERE checkout_id = 1`},
	{"a refund that the campaign has not paid", "INV-2", "claimed_cents=",
		`UPDATE takebacks SET undone_at = taken_at WHERE card_refund_id = 1`},
	{"a voucher that nobody paid for", "INV-2", "campaign:1 live_cents=",
		`INSERT INTO vouchers (booklet_id, campaign_id, face_cents, state) VALUES (1, 1, 1000, 'live')`},
	{"a closing that gave more than the books", "INV-1", "campaign_closed:2 campaign:2:unused->funder:",
		`UPDATE closing_parts SET unused_cents = unused_cents + 1 WHERE closing_id = 1`},
	{"a closing that the ledger does not know", "INV-2", "campaign:2 credited_cents=",
		`UPDATE closing_parts SET unused_cents = unused_cents + 1 WHERE closing_id = 1`},
	{"a roll-over of another amount", "INV-1", "rolled_over:1 ",
		`UPDATE rollovers SET amount_cents = amount_cents + 1`},
	{"a roll-over whose order received less", "INV-1", "rolled_over:1 bank:segregated->campaign:1:funds",
		`UPDATE receipts SET funds_cents = funds_cents - 1 WHERE rollover_id IS NOT NULL`},
	{"a refund that never left the credit", "INV-1", "refund_ordered:1 ",
		`DELETE FROM transfers WHERE event = 'refund_ordered'`},
	{"a refund that is no figure", "INV-2", "campaign:3 refunded_cents=",
		`UPDATE refund_parts SET amount_cents = amount_cents + 1`},
	{"a refund called sent without a debit", "INV-4", "refund:1 state=booked arrived_on= debits=0",
		`DELETE FROM statement_lines WHERE outcome = 'refund_booked'`},
	{"a refund of more than its parts", "INV-10", "refund:1 amount_cents=",
		`UPDATE refunds SET amount_cents = amount_cents + 1`},
	{"a refund file that counts wrongly", "INV-10", "refund_file:1 refunds=2",
		`UPDATE refund_files SET refunds = 2`},
	{"a refund to an account that was verified later", "INV-13", "account_not_verified",
		`UPDATE funder_accounts SET verified_at = verified_at + interval '1 hour'`},
	{"more given back than was never handed over", "INV-9", "campaign:3 allocated_cents=",
		`UPDATE closing_parts SET funds_cents = funds_cents + 1 WHERE closing_id = 2`},
	{"a redemption that owes the structure more", "INV-3", "structure:",
		`UPDATE redemptions SET amount_cents = amount_cents + 1 WHERE id = (SELECT min(id) FROM redemptions WHERE undone_at IS NULL)`},
	{"a payout that is not in transit in the ledger", "INV-3", "payouts:in_transit",
		`UPDATE payouts SET amount_cents = amount_cents + 1 WHERE state = 'in_transit'`},
	{"a payout called booked without a debit", "INV-4", "state=booked debits=0",
		`UPDATE payouts SET state = 'booked' WHERE state = 'in_transit'`},
	{"a payout called rejected whose debit the bank shows", "INV-4", "state=rejected debits=1",
		`UPDATE payouts SET state = 'rejected', rejected_at = (SELECT max(at) FROM transfers) WHERE state IN ('booked', 'returned')`},
	{"a debit of another amount than its payout", "INV-4", "names_no_such_payout",
		`UPDATE statement_lines SET amount_cents = amount_cents + 1 WHERE outcome = 'payout_booked' AND id = (SELECT min(id) FROM statement_lines WHERE outcome = 'payout_booked')`},
	{"a return that the bank never credited", "INV-4", "state=returned debits=1 returns=0",
		`DELETE FROM statement_lines WHERE outcome = 'payout_returned'`},
	{"a voucher without cash", "INV-5", "campaign:1 held_cents=",
		`INSERT INTO vouchers (booklet_id, campaign_id, face_cents, state) VALUES (1, 1, 1000, 'live')`},
	{"cash that the bank took", "INV-5", "all held_cents=",
		`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
		 SELECT max(at), 'unexpected_debit', 1, 'suspense', 'bank:segregated', 600, 0 FROM transfers`},
	{"a redeemed voucher that is live again", "INV-6", "state=live redemptions=1",
		`UPDATE vouchers SET state = 'live' WHERE id = (SELECT min(voucher_id) FROM redeemed_vouchers WHERE NOT undone)`},
	{"a redemption of more than its vouchers", "INV-6", "vouchers=3 taken=2",
		`UPDATE redemptions SET vouchers = 3 WHERE id = (SELECT min(id) FROM redemptions)`},
	{"a voucher of another booklet", "INV-6", "other_booklets=1",
		`UPDATE vouchers SET booklet_id = 3 WHERE id = (SELECT min(voucher_id) FROM redeemed_vouchers)`},
	{"an undo that gave nothing back", "INV-6", "undone=t given_back=0",
		`UPDATE redeemed_vouchers SET undone = false WHERE undone`},
	{"an answer without its effect", "INV-8", "answer_without_effect",
		`UPDATE idempotency_keys SET answer = replace(answer, '"count":2', '"count":3') WHERE key = 'a-key-of-a-counter'`},
	{"two keys with one effect", "INV-8", "keys=2",
		`INSERT INTO idempotency_keys SELECT scope, 'another-key', request_hash, answer, created_at, 0 FROM idempotency_keys WHERE key = 'a-key-of-a-counter'`},
	{"a guarded balance that drifted", "INV-9", "campaign:1:funds balance_cents=",
		`UPDATE guarded_balances SET balance = balance + 1 WHERE account = 'campaign:1:funds'`},
	{"an allocation that forgot a booklet", "INV-9", "allocation:1 ",
		`UPDATE allocations SET handed_over = handed_over - 1 WHERE id = 1`},
	{"more allocated than funded", "INV-9", "campaign:1 allocated_cents=",
		`UPDATE allocations SET vouchers = vouchers + 60 WHERE id = 1`},
	{"a gap between two payouts", "INV-10", "after=",
		`UPDATE payouts SET after_id = after_id + 1 WHERE state = 'in_transit'`},
	{"a part that no redemption explains", "INV-10", "parts_minus_redemptions=1",
		`UPDATE payout_parts SET amount_cents = amount_cents + 1 WHERE payout_id = 1`},
	{"a settlement that counts wrongly", "INV-10", "settlement:1 payouts=3",
		`UPDATE settlements SET payouts = 3 WHERE id = 1`},
	{"a file that counts wrongly", "INV-10", "settlement:1 file=1 payouts=3",
		`UPDATE settlement_files SET payouts = 3 WHERE settlement_id = 1`},
	{"a payout in no file", "INV-10", "payout:1 file=7 is_no_file_of settlement:1",
		`UPDATE payouts SET file_number = 7 WHERE id = 1`},
	{"a file that is not the approved one", "INV-10", "settlement:1 file=1 approved_sha256=",
		`UPDATE settlement_files SET sha256 = 'x' WHERE settlement_id = 1`},
	{"a payout sent elsewhere than approved", "INV-10", "approved_sha256=",
		`UPDATE payouts SET holder = 'Somebody else' WHERE id = 1`},
	{"a redemption before its booklet's first day", "INV-11", "on=2025-12-31 from=",
		`UPDATE redemptions SET at = '2026-01-01 00:30+02' WHERE id = (SELECT min(id) FROM redemptions)`},
	{"a redemption after the label's end", "INV-11", "not_labelled",
		`UPDATE labels SET ended_at = granted_at - interval '1 day', end_reason = 'x' WHERE id = 1`},
	{"a redemption outside the area", "INV-11", "outside_area",
		`UPDATE campaigns SET departements = '{2A}' WHERE id = 1`},
	{"a theme that the campaign does not pay", "INV-11", "theme=everyday_tools not_paid",
		`UPDATE campaigns SET themes = '{employment}' WHERE id = 1`},
	{"a redemption above the price cap", "INV-11", "vouchers=4 cap=3",
		`UPDATE campaigns SET price_cap = 3 WHERE id = 1`},
	{"a payout to an account that came later", "INV-13", "iban_not_in_force",
		`UPDATE bank_details SET in_force_at = in_force_at + interval '1 hour' WHERE id = 1`},
	{"a payout while another account waited", "INV-13", "another_account_was_waiting",
		`INSERT INTO bank_details (structure_id, iban, bic, holder, created_at, created_by) SELECT structure_id, iban, bic, holder, created_at - interval '1 second', created_by FROM bank_details WHERE id = 1`},
	{"a change that nobody approved", "INV-13", "in_force_undecided", `UPDATE bank_details SET changes = true WHERE id = 1`},
	{"a payout to an account that was replaced", "INV-13", "iban_not_in_force",
		`UPDATE bank_details SET replaced_at = created_at - interval '1 second' WHERE id = 1`},
	{"a redemption while the label was suspended", "INV-11", "not_labelled",
		`INSERT INTO label_suspensions (label_id, from_at, from_by, reason) SELECT id, TIMESTAMPTZ '2020-01-01', 1, 'x' FROM labels`},
	{"a booklet of another campaign than its allocation", "INV-16", "booklet:1 campaign:2",
		`UPDATE booklets SET campaign_id = 2 WHERE id = 1`},
	{"a redemption at another structure's place", "INV-16", "redemption:",
		`UPDATE redemptions SET place_id = (SELECT max(id) FROM places) WHERE id = (SELECT min(id) FROM redemptions)`},
	{"a redemption by a stranger", "INV-16", "is_no_member",
		`UPDATE redemptions SET person_id = 1 WHERE id = (SELECT min(id) FROM redemptions)`},
	{"a complaint that withholds nothing in the books", "INV-1", "withheld:2 ",
		`UPDATE adjustments SET kind = 'withheld', amount_cents = -amount_cents WHERE kind = 'released'`},
	{"a correction that the books do not know", "INV-1", "clawed_back:",
		`UPDATE corrections SET campaign_id = 2 WHERE outcome = 'debt'`},
	{"a debt that was taken and not recovered", "INV-2", "recoverable_cents=",
		`UPDATE adjustments SET amount_cents = amount_cents - 100 WHERE kind = 'netted'`},
	{"a debt taken twice", "INV-3", "recovered_cents=", `UPDATE adjustments SET amount_cents = amount_cents - 100 WHERE kind = 'netted'`},
	{"a debt below zero", "INV-3", "debt:1 left_cents=-",
		`UPDATE adjustments SET amount_cents = amount_cents * 2 WHERE kind = 'netted'`},
	{"a line withheld for no complaint", "INV-3", "complaints_open=0",
		`UPDATE complaints SET state = 'withdrawn', ended_at = opened_at WHERE state = 'open'`},
	{"a debt that is forgiven and not lost", "INV-1", "structure_forgiven:",
		`UPDATE correction_requests SET amount_cents = amount_cents + 1 WHERE kind = 'forgiveness'`},
	{"a debt that covers what is not there", "INV-5", "campaign:1 held_cents=",
		`UPDATE corrections SET amount_cents = amount_cents + 10000000 WHERE outcome = 'debt'`},
	{"an adjustment that no payout pays", "INV-10", "parts_minus_redemptions=",
		`UPDATE adjustments SET payout_id = NULL WHERE payout_id IS NOT NULL`},
	{"an adjustment in another's payout", "INV-10", " of=",
		`UPDATE adjustments SET payout_id = (SELECT p.id FROM payouts p WHERE p.structure_id <> adjustments.structure_id LIMIT 1) WHERE payout_id IS NOT NULL`},
	{"a correction of another amount", "INV-10", "correction:1 redemption:", `UPDATE corrections SET amount_cents = amount_cents + 1 WHERE id = 1`},
	{"a debt note that was lost", "INV-10", "debt_notes:2026 issued=1 highest=1 last=2", `UPDATE debt_note_numbers SET last = 2`},
	{"a debt note that does not add up", "INV-10", "debt_note:1 amount_cents=", `UPDATE debt_notes SET amount_cents = amount_cents + 1`},
	{"a line that repaid something", "INV-10", "outcome=debt_repaid",
		`UPDATE statement_lines SET outcome = 'debt_repaid', cause = 1 WHERE outcome = 'unattributed'`},
	{"a debt forgiven by who asked for it", "INV-12", "correction_request:",
		`UPDATE correction_requests SET decided_by = requested_by WHERE kind = 'forgiveness'`},
	{"a clawback by who asked for it", "INV-12", "correction_request:",
		`UPDATE correction_requests SET decided_by = requested_by WHERE kind = 'clawback'`},
	{"a complaint decided by who made it", "INV-12", "complaint:",
		`UPDATE complaints SET opened_as = 'operator', organisation_id = 1, opened_by = decided_by WHERE state = 'dismissed'`},
	{"a complaint of another structure", "INV-16", "complaint:1 structure:", `UPDATE complaints SET structure_id = 1 WHERE id = 1`},
	{"a complaint in another's name", "INV-16", "complaint:1 opened_as=funder kind=operator",
		`UPDATE complaints SET opened_as = 'funder', organisation_id = 1, opened_by = 1 WHERE id = 1`},
	{"an order of another funder", "INV-16", "order:1 ",
		`UPDATE orders SET funder_id = (SELECT id FROM organisations WHERE kind = 'prescriber') WHERE id = 1`},
	{"a transfer between campaigns", "INV-16", "campaign:2:live",
		`UPDATE transfers SET credit = 'campaign:2:live' WHERE event = 'handover' AND cause = 1`},
	{"fees that nobody invoiced", "INV-1", "bank:operating campaign:0 ledger_minus_rows=-500",
		`UPDATE statement_lines SET outcome = 'fees_paid', cause = 1 WHERE outcome = 'unattributed'`},
	{"a line of the operating account that is none", "INV-1", "suspense:operating campaign:0 ledger_minus_rows=500",
		`UPDATE statement_lines SET outcome = 'operating_other' WHERE outcome = 'unattributed'`},
	{"a debt paid that the books do not know", "INV-1", ":debt campaign:0 ledger_minus_rows=500",
		`UPDATE statement_lines SET outcome = 'debt_paid', cause = 1 WHERE outcome = 'unattributed'`},
	{"a payment returned that the books do not know", "INV-1", "campaign:1:funds campaign:1 ledger_minus_rows=-500",
		takenBack + `, gone AS (UPDATE statement_lines SET outcome = 'payment_returned', cause = 1 WHERE outcome = 'unattributed')
		SELECT 1 FROM taken`},
	{"a payment returned that is received all the same", "INV-2", "campaign:1 funds_cents=", takenBack + ` SELECT 1 FROM taken`},
	{"a debt made good that the bank does not show", "INV-4", "order:1 debt_minus_lines topped_up_cents=100 paid_cents=0",
		`INSERT INTO takebacks (order_id, line_id, funds_cents, debt_cents, topped_up_cents, taken_at) SELECT 1, 1, 0, 100, 100, max(at) FROM transfers`},
	{"a debt paid that the bank does not show", "INV-4", "order:1 debt_minus_lines topped_up_cents=0 paid_cents=100",
		`INSERT INTO takebacks (order_id, line_id, funds_cents, debt_cents, paid_cents, taken_at) SELECT 1, 1, 0, 100, 100, max(at) FROM transfers`},
	{"a notice twice", "INV-19", "key=mail:x jobs=2",
		`INSERT INTO jobs (kind, unique_key, payload, run_at, attempts, max_attempts, state, last_error, created_at)
		 SELECT 'mail', 'mail:x', '{}', max(at), 0, 1, 'queued', '', max(at) FROM transfers, generate_series(1, 2) GROUP BY generate_series`},
	{"a transfer from the past", "INV-20", "transfer:",
		`UPDATE transfers SET at = at - interval '6 seconds' WHERE id = (SELECT max(id) FROM transfers WHERE event = 'redemption')`},
	{"a roll-up that drifted", "INV-21", "payouts:in_transit campaign:1 debited_too_much=1",
		`UPDATE ledger_rollups SET debited = debited + 1 WHERE account = 'payouts:in_transit'`},
	{"a transfer that is younger than its roll-up", "INV-21", "credited_too_much=",
		`DELETE FROM transfers WHERE id = 1`},
	{"a line that changed after it was sealed", "INV-14", "seal:1 sealed=",
		`UPDATE transfers SET amount = amount + 1 WHERE id = 1`},
	{"two lines that changed places", "INV-14", "seal:1 sealed=",
		`UPDATE transfers a SET cause = b.cause, debit = b.debit, credit = b.credit, amount = b.amount, event = b.event
		 FROM transfers b WHERE a.id = 1 AND b.id = 2`},
	{"a sealed line that is gone", "INV-14", "seal:2 sealed=",
		`DELETE FROM transfers WHERE id = (SELECT to_id FROM seals WHERE number = 2)`},
	{"a seal that is gone", "INV-14", "seal:2 after=seal:0", `DELETE FROM seals WHERE number = 1`},
	{"a seal that was changed", "INV-14", "seal:2 after=seal:1", `UPDATE seals SET root = previous WHERE number = 1`},
	{"a seal that nobody signed", "INV-14", "seal:1 signature key=1", `UPDATE seals SET root = previous WHERE number = 1`},
	{"a seal of another time", "INV-14", "seal:2 sealed_at=", `UPDATE seals SET sealed_at = sealed_at - interval '1 year' WHERE number = 2`},
	{"a seal of what may still change", "INV-14", "rolled_up_to=0", `UPDATE ledger_watermark SET up_to = 0`},
	{"a voucher held for somebody else's booking", "INV-22", "held_for=1 booking_of_booklet=",
		`UPDATE vouchers SET held_for = 1, held_until = (SELECT max(held_until) FROM vouchers) WHERE id = (SELECT min(id) FROM vouchers)`},
	{"a hold that outlives its booking", "INV-22", "booking:1 ended_at=",
		`UPDATE bookings SET state = 'cancelled', ended_at = booked_at, ended_by = 'place' WHERE id = 1`},
	{"a hold without an end", "INV-22", "booking:1 ended_at= session_over=",
		`UPDATE vouchers SET held_until = held_until + interval '30 days' WHERE held_for = 1`},
	{"more held than the price", "INV-22", "booking:1 vouchers=0 held=1", `UPDATE bookings SET vouchers = 0 WHERE id = 1`},
	{"more booked than seats", "INV-22", "seats=1 booked=2",
		`INSERT INTO bookings (session_id, booklet_id, vouchers, state, no_show, booked_at, booked_by, seated_at)
		 SELECT session_id, 1, 0, 'booked', 'none', booked_at, 'holder', booked_at FROM bookings WHERE id = 1`},
	{"a no-show that cost more than its rule", "INV-22", "booking:1 no_show=none",
		`UPDATE bookings SET state = 'no_show', ended_at = booked_at + interval '1 year', ended_by = 'place', redemption_id = (SELECT min(id) FROM redemptions) WHERE id = 1`},
}

// takenBack takes the unexplained five euros out of the first order.
const takenBack = `
	WITH taken AS (INSERT INTO takebacks (order_id, line_id, funds_cents, debt_cents, taken_at)
		SELECT 1, l.id, 500, 0, t.at FROM statement_lines l, (SELECT max(at) AS at FROM transfers) AS t WHERE l.outcome = 'unattributed' RETURNING 1)`

// unguarded takes away what makes these rows impossible, so that they can be written.
const unguarded = `
	ALTER TABLE transfers DISABLE TRIGGER transfers_only_added;
	ALTER TABLE seals DISABLE TRIGGER seals_only_added;
	ALTER TABLE vouchers DISABLE TRIGGER voucher_moves;
	ALTER TABLE invoices DISABLE TRIGGER invoices_only_added;
	ALTER TABLE jobs DROP CONSTRAINT jobs_unique_key;
	ALTER TABLE debt_writeoffs DROP CONSTRAINT debt_writeoffs_two_people;
	ALTER TABLE settlements DROP CONSTRAINT settlements_two_people;
	ALTER TABLE correction_requests DROP CONSTRAINT correction_requests_two_people;
	ALTER TABLE complaints DROP CONSTRAINT complaints_decided_by_another;
	ALTER TABLE connect_accounts DROP CONSTRAINT connect_accounts_two_people, DROP CONSTRAINT connect_accounts_cooled;
	ALTER TABLE bank_details DROP CONSTRAINT bank_details_in_force, DROP CONSTRAINT bank_details_cooled;
	DROP INDEX redeemed_vouchers_once`

// forgiven writes off a debt that person 1 asked to forgive.
func forgiven(by string) string {
	return `INSERT INTO debt_writeoffs (order_id, funder_id, amount_cents, reason, state, requested_at, requested_by, decided_at, decided_by)
		SELECT id, funder_id, 100, 'x', 'approved', ordered_at, 1, ordered_at, ` + by + ` FROM orders WHERE id = 1`
}

// errUndo keeps a broken row from staying.
var errUndo = errors.New("undo")

func TestEachInvariantNoticesABrokenRow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.story()
	b.ending()
	b.paysThroughStripe(b.paysOnline())
	b.booksASeat()
	b.corrects()
	for id, f := range b.verify() {
		if !f.OK {
			t.Errorf("%s is broken in a sound world: %v", id, f.Evidence)
		}
	}
	covered := map[string]bool{}
	for _, broken := range slices.Concat(breakages, connectBreakages) {
		covered[broken.invariant] = true
		b.wantBroken(t, broken.what, broken.invariant, broken.evidence, broken.sql)
	}
	for _, inv := range invariants {
		if !covered[inv.id] {
			t.Errorf("nothing breaks %s", inv.id)
		}
	}
	if left := b.verify(); !left["INV-1"].OK {
		t.Errorf("a broken row was left behind: %v", left["INV-1"].Evidence)
	}
}

// wantBroken breaks a row in a transaction that is rolled back, and looks for the row.
func (b bundle) wantBroken(t *testing.T, what, id, evidence, sql string) {
	t.Helper()
	err := b.DB.InTx(t.Context(), func(tx *db.Tx) error {
		for _, statement := range append(strings.Split(unguarded, ";"), sql) {
			if n, err := tx.Exec(t.Context(), statement); err != nil {
				return err
			} else if statement == sql && n == 0 {
				t.Errorf("%s: no row was there to break", what)
			}
		}
		found, err := Verify(t.Context(), tx, b.Service.file)
		if err != nil {
			return err
		}
		for _, f := range found {
			if f.ID == id && (f.OK || !strings.Contains(strings.Join(f.Evidence, "\n"), evidence)) {
				t.Errorf("%s: %s says %v %q, want evidence with %q", what, id, f.OK, f.Evidence, evidence)
			}
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Errorf("%s: %v", what, err)
	}
}

// A structure that moves, or corrects what it says of itself, breaks nothing that was lawful.
func TestACardThatChangesLaterBreaksNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.story()
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE campaigns SET departements = '{2A}', accepted_labels = '{aidants-connect}'`)
		return err
	})
	if b.verify()["INV-11"].OK {
		t.Error("nothing was redeemed outside the area")
	}
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE places SET corrected_at = $1, corrected = '{name}'`, b.Clock.Now().AddDate(1, 0, 0))
		return err
	})
	if f := b.verify()["INV-11"]; !f.OK {
		t.Error(f.Evidence)
	}
}

func TestOnlyTheOperatorVerifies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.Verify(t.Context(), b.Funder); err == nil {
		t.Error("a funder verified")
	}
}

func TestAFindingNamesAtMostTwentyRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.HandOver(b.Campaign, 100)
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE vouchers SET campaign_id = 0`)
		return err
	})
	f := b.verify()["INV-16"]
	if f.OK || len(f.Evidence) != evidenceMost {
		t.Errorf("%v, %d rows", f.OK, len(f.Evidence))
	}
}

func TestEveryInvariantHasItsSentence(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"fr", "en"} {
		raw, err := web.Files.ReadFile("locales/" + lang + "/reporting.json")
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]any
		if err := json.Unmarshal(raw, &texts); err != nil {
			t.Fatal(err)
		}
		for _, inv := range invariants {
			if texts["invariant."+inv.id] == nil {
				t.Errorf("%s: no sentence for %s", lang, inv.id)
			}
		}
	}
}

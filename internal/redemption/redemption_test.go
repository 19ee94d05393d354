package redemption_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

func TestVouchersAreTakenOnceAndTheReceiptSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 8)
	r, replayed, err := redeem(w.Counter, w.Structure, "first-key", world.Request(b, 2))
	wantCode(t, err, "")
	if r.Count != 2 || r.Amount != 20_00 || r.Left != 6 || r.Place != w.Structure.Place || r.ID == 0 || replayed ||
		!r.At.Equal(pgtest.Start) || !r.UndoUntil.Equal(pgtest.Start.Add(24*time.Hour)) {
		t.Errorf("receipt %+v, replayed %v", r, replayed)
	}
	again, replayed, err := redeem(w.Counter, w.Structure, "first-key", world.Request(b, 2))
	wantCode(t, err, "")
	if again != r || !replayed {
		t.Errorf("replay gave %+v, replayed %v", again, replayed)
	}
	_, _, err = redeem(w.Counter, w.Structure, "first-key", world.Request(b, 3))
	wantCode(t, err, "idempotency_conflict")
	scanned := world.Request(b, 6)
	scanned.Code = " " + strings.ToLower(b.QR[:20]) + b.QR[20:] + "\n"
	if r, _, err = redeem(w.Counter, w.Structure, "second-key", scanned); err != nil || r.Left != 0 {
		t.Errorf("by QR code: %+v, %v", r, err)
	}
	holds(t, w)
}

// Finding 2 of the threat model: an acknowledgement rests on a write of its own, replays
// included, so that none outlives a lost primary.
func TestAReplayWritesBeforeItAnswers(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 1)
	for replays := range 3 {
		if _, _, err := redeem(w.Counter, w.Structure, "the-one-key", world.Request(b, 1)); err != nil {
			t.Fatal(err)
		}
		if got := number(t, w, `SELECT replays FROM idempotency_keys WHERE key = 'the-one-key'`); got != replays {
			t.Errorf("after replay %d the row counts %d", replays, got)
		}
	}
}

func TestEachRuleRefusesWithItsCode(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	plain, asIs := func(*redemption.Request) {}, func(issuing.Booklet, world.Structure) {}
	c := strict(t, w)
	for _, tt := range []struct {
		name, code string
		prepare    func(b issuing.Booklet, at world.Structure)
		ask        func(r *redemption.Request)
	}{
		{"a place without label", "place_not_labelled", func(_ issuing.Booklet, at world.Structure) {
			exec(t, w, `UPDATE labels SET ended_at = $2, end_reason = 'left' WHERE place_id = $1`, at.Place, pgtest.Start)
		}, plain},
		{"a label whose time is over", "place_not_labelled", func(_ issuing.Booklet, at world.Structure) {
			exec(t, w, `UPDATE labels SET starts_on = '2025-01-01', ends_on = '2026-03-08' WHERE place_id = $1`, at.Place)
		}, plain},
		{"somebody else's place", "place_not_labelled", asIs, func(r *redemption.Request) { r.Place = w.Structure.Place }},
		{"two places and none named", "place_required", func(_ issuing.Booklet, at world.Structure) {
			exec(t, w, `UPDATE places SET structure_id = $1 WHERE id = $2`, at.Organisation, w.NewStructure("Médiathèque de Thônes").Place)
		}, plain},
		{"outside the area", "place_outside_area", func(_ issuing.Booklet, at world.Structure) {
			exec(t, w, `UPDATE places SET departement = '01', insee = '01004', epci = '' WHERE id = $1`, at.Place)
		}, plain},
		{"a theme the place does not offer", "service_not_eligible", asIs, func(r *redemption.Request) { r.Theme = "online_safety" }},
		{"more than the cap", "price_cap_exceeded", asIs, func(r *redemption.Request) { r.Count = 4 }},
		{"more than is left", "insufficient_vouchers", func(b issuing.Booklet, at world.Structure) {
			w.Redeem(at, b, 3)
			w.Redeem(at, b, 1)
		}, func(r *redemption.Request) { r.Count = 2 }},
		{"nothing left", "voucher_already_redeemed", func(b issuing.Booklet, at world.Structure) {
			w.Redeem(at, b, 3)
			w.Redeem(at, b, 2)
		}, plain},
		{"frozen", "voucher_frozen", func(b issuing.Booklet, _ world.Structure) { freeze(t, w, b, true) }, plain},
		{"replaced", "voucher_replaced", func(b issuing.Booklet, _ world.Structure) {
			exec(t, w, `UPDATE vouchers SET state = 'replaced' WHERE booklet_id = $1`, b.ID)
		}, plain},
		{"before its first day", "voucher_not_yet_valid", func(b issuing.Booklet, _ world.Structure) {
			exec(t, w, `UPDATE booklets SET from_on = '2026-03-10' WHERE id = $1`, b.ID)
		}, plain},
		{"unknown", "code_unknown", asIs, func(r *redemption.Request) { r.Code = unknownCode(t, w) }},
		{"a slip of the finger", "code_malformed", asIs, func(r *redemption.Request) { r.Code = slip(r.Code) }},
		{"no number", "count_out_of_range", asIs, func(r *redemption.Request) { r.Count = 0 }},
		{"no theme", "service_theme_missing", asIs, func(r *redemption.Request) { r.Theme = "" }},
		{"a minute", "duration_out_of_range", asIs, func(r *redemption.Request) { r.DurationMinutes = 1 }},
		{"no known way", "mode_unknown", asIs, func(r *redemption.Request) { r.Mode = "by post" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := w.NewStructure("Espace numérique, " + tt.name)
			b := w.HandOver(c, 5)
			tt.prepare(b, at)
			req := world.Request(b, 1)
			tt.ask(&req)
			before := number(t, w, `SELECT count(*) FROM transfers`)
			_, _, err := redeem(w.Counter, at, key(tt.name), req)
			wantCode(t, err, tt.code)
			if after := number(t, w, `SELECT count(*) FROM transfers`); after != before {
				t.Errorf("refused, and %d transfers were made", after-before)
			}
		})
	}
}

// strict is a campaign for one département, with at most 3 vouchers for a service.
func strict(t *testing.T, w *world.World) campaigns.Campaign {
	t.Helper()
	c := w.NewCampaign("Premiers pas en Haute-Savoie", 100)
	exec(t, w, `UPDATE campaigns SET price_cap = 3, departements = '{74}' WHERE id = $1`, c.ID)
	return c
}

func freeze(t testing.TB, w *world.World, b issuing.Booklet, frozen bool) {
	t.Helper()
	_, err := w.Issuing.Freeze(t.Context(), w.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: frozen})
	wantCode(t, err, "")
}

// unknownCode is well made, with our key, and of no booklet.
func unknownCode(t testing.TB, w *world.World) string {
	t.Helper()
	typed, err := w.Keys.Typed(1, w.Campaign.ID, 9_999_999)
	if err != nil {
		t.Fatal(err)
	}
	return typed.String()
}

// slip changes one character of a typed code.
func slip(code string) string {
	if code[0] == '7' {
		return "8" + code[1:]
	}
	return "7" + code[1:]
}

func TestARefusalTellsWhatTheMediatorMustSay(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 3)
	w.Redeem(w.Structure, b, 2)
	refused := func(count int) map[string]any {
		_, _, err := redeem(w.Counter, w.Structure, key(count), world.Request(b, count))
		var f *fault.Error
		if !errors.As(err, &f) {
			t.Fatalf("%d vouchers: %v", count, err)
		}
		return f.Args
	}
	if args := refused(2); args["left"] != 1 || args["asked"] != 2 {
		t.Errorf("told %v", args)
	}
	w.Clock.Add(time.Minute)
	w.Redeem(w.Structure, b, 1)
	if args := refused(1); args["place"] != "Maison France services de Thônes" || !args["at"].(time.Time).Equal(w.Clock.Now()) {
		t.Errorf("told %v", args)
	}
	checked, err := w.Counter.Check(t.Context(), w.Structure.Actor, redemption.CheckRequest{Code: b.Typed})
	if err != nil || checked.Refusal != "voucher_already_redeemed" || checked.Refused.Args["place"] != "Maison France services de Thônes" {
		t.Errorf("check says %q %+v, %v", checked.Refusal, checked.Refused, err)
	}
}

func TestTheLastDayIsTheLastDayOfTolerance(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 5)
	last := b.Until.AddDays(15)
	for _, tt := range []struct {
		at   time.Time
		code string
	}{
		{b.Until.AddDays(1).Time(), ""},
		{last.AddDays(1).Time().Add(-time.Microsecond), ""},
		{last.AddDays(1).Time(), "voucher_expired"},
	} {
		w.Clock.Set(tt.at)
		_, _, err := redeem(w.Counter, w.Structure, key(tt.at), world.Request(b, 1))
		if fault.Code(err) != tt.code {
			t.Errorf("at %s: %v, want %q", tt.at, err, tt.code)
		}
	}
	if n, err := w.Issuing.ExpireDue(t.Context()); n != 1 || err != nil {
		t.Errorf("%d booklets expired, %v", n, err)
	}
	holds(t, w)
}

func TestCheckSpendsNothingAndSaysForWhat(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 8)
	checked, err := w.Counter.Check(t.Context(), w.Structure.Actor, redemption.CheckRequest{Code: b.QR})
	wantCode(t, err, "")
	want := redemption.ThemeOffer{Theme: world.Theme, PriceVouchers: 1, DurationMinutes: 60}
	if checked.Left != 8 || checked.Refusal != "" || checked.PriceCap != 10 || len(checked.Themes) != 1 || checked.Themes[0] != want {
		t.Errorf("%+v", checked)
	}
	freeze(t, w, b, true)
	if checked, err = w.Counter.Check(t.Context(), w.Structure.Actor, redemption.CheckRequest{Code: b.Typed}); err != nil || checked.Refusal != "voucher_frozen" {
		t.Errorf("frozen: %+v, %v", checked, err)
	}
	_, err = w.Counter.Check(t.Context(), w.Structure.Actor, redemption.CheckRequest{Code: unknownCode(t, w)})
	wantCode(t, err, "code_unknown")
}

func TestAnUndoMakesTheVouchersSpendableAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 2)
	r := w.Redeem(w.Structure, b, 2)
	undo := func(who identity.Actor, reason string) error {
		_, err := w.Counter.Undo(t.Context(), who, redemption.UndoRequest{ID: r.ID, Reason: reason})
		return err
	}
	wantCode(t, undo(w.Structure.Actor, ""), "undo_reason_missing")
	wantCode(t, undo(w.NewStructure("Médiathèque d’Annecy").Actor, "not mine"), "not_found")
	w.Clock.Set(r.UndoUntil)
	wantCode(t, undo(w.Structure.Actor, "wrong booklet"), "")
	wantCode(t, undo(w.Structure.Actor, "wrong booklet"), "already_undone")
	again := w.Redeem(w.Structure, b, 2)
	if again.Left != 0 || again.ID == r.ID {
		t.Errorf("spent again: %+v", again)
	}
	receipt, err := w.Counter.Receipt(t.Context(), w.Structure.Actor, r.ID)
	if err != nil || !receipt.Undone || receipt.CanUndo || receipt.UndoReason != "wrong booklet" || receipt.Left != 0 {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
	w.Clock.Set(again.UndoUntil.Add(time.Nanosecond))
	_, err = w.Counter.Undo(t.Context(), w.Structure.Actor, redemption.UndoRequest{ID: again.ID, Reason: "too late"})
	wantCode(t, err, "undo_too_late")
	holds(t, w)
}

func TestWhatIsSettledStaysSettled(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 2)
	r := w.Redeem(w.Structure, b, 1)
	later := w.Redeem(w.Structure, b, 1)
	w.InTx(func(tx *db.Tx) error { return payOut(t, tx, w, r.ID) })
	_, err := w.Counter.Undo(t.Context(), w.Structure.Actor, redemption.UndoRequest{ID: r.ID, Reason: "wrong booklet"})
	wantCode(t, err, "already_settled")
	lines, err := w.Counter.List(t.Context(), w.Structure.Actor, 0, 10)
	if err != nil || len(lines) != 2 || lines[0].ID != later.ID || lines[0].Settled || !lines[0].CanUndo || !lines[1].Settled || lines[1].CanUndo {
		t.Errorf("list %+v, %v", lines, err)
	}
	w.Undo(w.Structure, later.ID)
	holds(t, w)
}

// payOut writes the row of a payout up to a redemption, as a settlement does.
func payOut(t *testing.T, tx *db.Tx, w *world.World, upTo vouchers.RedemptionID) error {
	t.Helper()
	var id int64
	err := tx.Get(t.Context(), &id, `
		INSERT INTO settlements (message_id, closed_at, closed_by, execution_on, payouts, total_cents, file_sha256,
			debtor_name, debtor_iban, debtor_bic, debtor_street, debtor_postcode, debtor_town)
		VALUES ('M1', $1, $2, '2026-03-10', 1, 1000, '', '', '', '', '', '', '') RETURNING id`, tx.Now, w.Operator.Person)
	if err != nil {
		return err
	}
	_, err = tx.Exec(t.Context(), `
		INSERT INTO payouts (settlement_id, structure_id, after_id, up_to_id, redemptions, amount_cents, iban, bic, holder, street, postcode, town, end_to_end, state)
		VALUES ($1, $2, 0, $3, 1, 1000, '', '', '', '', '', '', 'E1', 'in_transit')`, id, w.Structure.Organisation, upTo)
	return err
}

func TestOnlyTheStructuresAgentsRedeem(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 1)
	reader := w.Structure
	reader.Role = identity.Reader
	token := w.Structure
	token.Scopes = []string{"handovers"}
	for name, at := range map[string]world.Structure{"a prescriber": {Actor: w.Prescriber}, "a reader": reader} {
		if _, _, err := redeem(w.Counter, at, key(name), world.Request(b, 1)); fault.Code(err) != "forbidden" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := redeem(w.Counter, token, "token-key", world.Request(b, 1))
	wantCode(t, err, "scope_missing")
	_, _, err = redeem(w.Counter, world.Structure{}, "nobody-key", world.Request(b, 1))
	wantCode(t, err, "unauthenticated")
	if lines, err := w.Counter.List(t.Context(), reader.Actor, 0, 1); err != nil || lines == nil {
		t.Errorf("a reader's list: %v, %v", lines, err)
	}
}

func TestTooManyUnknownCodesAreStoppedForAWhile(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 1)
	wrong := world.Request(b, 1)
	wrong.Code = unknownCode(t, w)
	limited := 0
	for i := range 40 {
		if _, _, err := redeem(w.Counter, w.Structure, key(i), wrong); fault.Code(err) == "rate_limited" {
			limited++
		}
	}
	if limited < 5 || limited > 12 {
		t.Errorf("%d of 40 tries were stopped, 30 are allowed", limited)
	}
	_, _, err := redeem(w.Counter, w.Structure, "right-code", world.Request(b, 1))
	wantCode(t, err, "rate_limited")
	w.Clock.Add(15 * time.Minute)
	if _, _, err = redeem(w.Counter, w.Structure, "right-code", world.Request(b, 1)); err != nil {
		t.Errorf("a quarter of an hour later: %v", err)
	}
}

// A counter whose pools are closed can only answer what needs no database.
func TestForgedAndMistypedCodesNeverReachTheDatabase(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 1)
	pool := pgtest.Open(t, w.URL, w.Clock)
	offline, err := redemption.New(t.Context(), pool, w.Keys, quiet)
	if err != nil {
		t.Fatal(err)
	}
	offline.Stop()
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	forger, err := vouchers.NewKeyring(1, vouchers.NewKey(1))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := forger.Sign(1, vouchers.Ticket{Campaign: w.Campaign.ID, Serial: uint32(b.ID), Face: 10_00, Count: 1, From: b.From, Until: b.Until})
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{forged, slip(b.Typed), "", strings.Repeat("0", 16), b.QR + "0", b.QR[:len(b.QR)-1] + "é"} {
		req := world.Request(b, 1)
		req.Code = code
		if _, _, err := redeem(offline, w.Structure, key(code), req); fault.Code(err) != "code_malformed" {
			t.Errorf("%.20q: %v", code, err)
		}
	}
}

package seals

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// counter is a world in which a place took vouchers, and the room that seals it.
func counter(t *testing.T) (*world.World, *Service, world.Structure) {
	t.Helper()
	w := world.New(t)
	second := w.NewStructure("Médiathèque de Faverges")
	b := w.HandOver(w.Campaign, 10)
	w.Redeem(w.Structure, b, 2)
	w.Redeem(second, b, 3)
	return w, New(w.DB, w.Keys), second
}

// seal rolls up and seals.
func seal(t *testing.T, w *world.World, room *Service) {
	t.Helper()
	w.InTx(func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) })
	if err := room.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func published(t *testing.T, room *Service) []vouchers.LedgerSeal {
	t.Helper()
	all, err := room.List(t.Context(), identity.Actor{}, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSealsFollowEachOtherAndAnEmptyHourHasNone(t *testing.T) {
	t.Parallel()
	w, room, second := counter(t)
	if err := room.Seal(t.Context()); err != nil || len(published(t, room)) != 0 {
		t.Fatalf("sealed before anything was rolled up: %v", err)
	}
	seal(t, w, room)
	seal(t, w, room)
	if all := published(t, room); len(all) != 1 || all[0].Number != 1 || all[0].From != 1 || all[0].Previous != (vouchers.Digest{}) {
		t.Fatalf("%+v", all)
	}
	w.Clock.Add(time.Hour)
	w.Redeem(second, w.HandOver(w.Campaign, 5), 1)
	seal(t, w, room)
	all := published(t, room)
	if len(all) != 2 || all[0].From != all[1].To+1 || all[0].Previous != all[1].Digest() || all[0].Count != 2 {
		t.Fatalf("%+v", all)
	}
	for _, s := range all {
		if err := s.CheckSignature(); err != nil {
			t.Errorf("seal %d: %v", s.Number, err)
		}
	}
	if earlier, err := room.List(t.Context(), identity.Actor{}, 2, 100); err != nil || len(earlier) != 1 || earlier[0].Number != 1 {
		t.Errorf("before the second: %+v, %v", earlier, err)
	}
	w.InTx(func(tx *db.Tx) error { return whole(t.Context(), tx) })
}

func TestALateCommitIsNotMissedByASeal(t *testing.T) {
	t.Parallel()
	w, room, _ := counter(t)
	seal(t, w, room)
	b := w.HandOver(w.Campaign, 10)
	w.InTx(func(late *db.Tx) error { // has drawn its id, and has not committed yet
		if err := ledger.Post(t.Context(), late, ledger.ReceivedUnexplained(1, 500)...); err != nil {
			return err
		}
		w.Redeem(w.Structure, b, 1) // draws the next one, and commits
		return room.Seal(t.Context())
	})
	seal(t, w, room)
	if all := published(t, room); len(all) != 2 || all[0].Count != 3 {
		t.Errorf("%+v", all)
	}
	w.InTx(func(tx *db.Tx) error { return whole(t.Context(), tx) })
}

func TestNodesThatSealAtOnceMakeOneChain(t *testing.T) {
	t.Parallel()
	w, room, _ := counter(t)
	w.InTx(func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) })
	room.most = 2
	var nodes sync.WaitGroup
	for range 4 {
		nodes.Go(func() {
			if err := room.Seal(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	if all := published(t, room); len(all) != 2 || all[0].Count+all[1].Count != 4 {
		t.Errorf("%+v", all)
	}
	w.InTx(func(tx *db.Tx) error { return whole(t.Context(), tx) })
}

func TestEachProvesItsOwnLinesAndNoOther(t *testing.T) {
	t.Parallel()
	w, room, second := counter(t)
	cofunder := w.Organisation(identity.Funder, "Commune de Thônes")
	seal(t, w, room)
	whose := map[string]struct {
		actor identity.Actor
		want  []string
	}{
		"a structure":       {w.Structure.Actor, []string{"redemption"}},
		"another structure": {second.Actor, []string{"redemption"}},
		"the funder":        {w.Funder, []string{"receipt", "handover", "redemption", "redemption"}},
		"another funder":    {cofunder, []string{}},
		"the operator":      {w.Operator, []string{"receipt", "handover", "redemption", "redemption"}},
	}
	for who, c := range whose {
		proofs, next, err := room.Proofs(t.Context(), c.actor, 1, 0)
		if err != nil || next != 0 {
			t.Fatalf("%s: next %d, %v", who, next, err)
		}
		events := []string{}
		for _, p := range proofs {
			events = append(events, p.Line.Event)
			if err := p.Check(published(t, room)[0].PublicKey); err != nil {
				t.Errorf("%s: line %d: %v", who, p.Line.Transfer, err)
			}
			one, err := room.Proof(t.Context(), c.actor, p.Line.Transfer)
			if err != nil || !bytes.Equal(jsonOf(t, one), jsonOf(t, p)) {
				t.Errorf("%s: line %d by itself: %+v, %v", who, p.Line.Transfer, one, err)
			}
		}
		if fmt.Sprint(events) != fmt.Sprint(c.want) {
			t.Errorf("%s proves %v, want %v", who, events, c.want)
		}
	}
	theirs, _, err := room.Proofs(t.Context(), second.Actor, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = room.Proof(t.Context(), w.Structure.Actor, theirs[0].Line.Transfer)
	wantFault(t, err, "not_found")
	_, err = room.Proof(t.Context(), w.Operator, 999)
	wantFault(t, err, "not_found")
	_, _, err = room.Proofs(t.Context(), w.Funder, 2, 0)
	wantFault(t, err, "not_found")
	_, err = room.Proof(t.Context(), w.Prescriber, 1)
	wantFault(t, err, "forbidden")
	_, _, err = room.Proofs(t.Context(), identity.Actor{}, 1, 0)
	wantFault(t, err, "unauthenticated")
	narrow := w.Funder
	narrow.Scopes = []string{"orders"}
	_, _, err = room.Proofs(t.Context(), narrow, 1, 0)
	wantFault(t, err, "scope_missing")
}

func TestWhoSharesACampaignProvesItsLines(t *testing.T) {
	t.Parallel()
	w, room, _ := counter(t)
	cofunder := w.Organisation(identity.Funder, "Commune de Thônes")
	seal(t, w, room)
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO campaign_shares (campaign_id, funder_id, kind, percent_bp, agreed_at, agreed_by) VALUES ($1, $2, 'percent', 1000, $3, $4)`,
			w.Campaign.ID, cofunder.Organisation, tx.Now, w.Funder.Person)
		return err
	})
	if proofs, _, err := room.Proofs(t.Context(), cofunder, 1, 0); err != nil || len(proofs) != 4 {
		t.Errorf("%d proofs, %v", len(proofs), err)
	}
}

func TestALineThatWaitsForItsSealSaysSo(t *testing.T) {
	t.Parallel()
	w, room, _ := counter(t)
	_, err := room.Proof(t.Context(), w.Funder, 1)
	wantFault(t, err, "not_sealed")
}

func TestProofsComeInParts(t *testing.T) {
	t.Parallel()
	w, room, _ := counter(t)
	seal(t, w, room)
	err := w.DB.Read(t.Context(), func(tx *db.Tx) error {
		var seen []int64
		for after := int64(0); ; {
			part, next, err := prove(t.Context(), tx, w.Operator, 1, after, 3)
			if err != nil {
				return err
			}
			for _, p := range part {
				seen = append(seen, p.Line.Transfer)
			}
			if after = next; next == 0 {
				break
			}
		}
		if len(seen) != 4 || seen[0] >= seen[3] {
			t.Errorf("seen %v", seen)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestHoweverTheLedgerIsSealedEveryLineIsProven(t *testing.T) {
	t.Parallel()
	w, room, _ := counter(t)
	rapid.Check(t, func(r *rapid.T) {
		room.most = rapid.IntRange(1, 9).Draw(r, "most")
		for range rapid.IntRange(0, 12).Draw(r, "lines") {
			w.InTx(func(tx *db.Tx) error {
				return ledger.Post(t.Context(), tx, ledger.ReceivedUnexplained(1, vouchers.Cents(rapid.IntRange(1, 9999).Draw(r, "amount")))...)
			})
		}
		seal(t, w, room)
		all := published(t, room)
		last, number := all[0], rapid.Int64Range(1, all[0].Number).Draw(r, "seal")
		proofs, _, err := room.Proofs(t.Context(), w.Operator, number, 0)
		if err != nil || len(proofs) == 0 || last.Count == 0 {
			r.Fatalf("%d proofs, %v", len(proofs), err)
		}
		for _, p := range proofs {
			if err := p.Check(last.PublicKey); err != nil {
				r.Fatalf("line %d: %v", p.Line.Transfer, err)
			}
		}
		w.InTx(func(tx *db.Tx) error { return whole(t.Context(), tx) })
	})
}

// whole fails where a seal is broken, or does not cover what is rolled up.
func whole(ctx context.Context, tx *db.Tx) error {
	broken, err := Broken(ctx, tx, 10)
	if err != nil {
		return err
	}
	var open int
	if err := tx.Get(ctx, &open, `SELECT count(*) FROM transfers WHERE id > COALESCE((SELECT max(to_id) FROM seals), 0)`); err != nil {
		return err
	}
	if len(broken) > 0 || open > 0 {
		return fmt.Errorf("%v broken, %d lines not sealed", broken, open)
	}
	return nil
}

func jsonOf(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	if fault.Code(err) != code {
		t.Errorf("got %v, want the fault %s", err, code)
	}
}

package contributions_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/search"
	"github.com/passerelle/passerelle/vouchers"
)

const month = 31 * 24 * time.Hour

func TestACardIsConfirmedOnceAYear(t *testing.T) {
	t.Parallel()
	w, room, letters := setup(t)
	remind := func() {
		t.Helper()
		if err := room.Remind(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	remind()
	if len(letters.confirm) != 0 {
		t.Errorf("asked at once: %q", letters.confirm)
	}
	w.Clock.Add(11 * month)
	remind()
	remind()
	if len(letters.confirm) != 1 || open(t, w, w.Structure.Place).Stale {
		t.Errorf("after eleven months: %q", letters.confirm)
	}
	if q := waiting(t, room, w.Structure.Actor); len(q.Cards) != 1 || q.Cards[0].Place != w.Structure.Place {
		t.Errorf("%+v", q.Cards)
	}
	w.Clock.Add(month)
	if p := open(t, w, w.Structure.Place); !p.Stale || p.Hidden {
		t.Errorf("after a year: stale %t, hidden %t", p.Stale, p.Hidden)
	}
	w.Clock.Add(6 * month)
	remind()
	remind()
	if p := open(t, w, w.Structure.Place); p.Hidden || len(letters.alarming) != 1 {
		t.Errorf("a labelled place: hidden %t, the operator is told %q", p.Hidden, letters.alarming)
	}
	if q := waiting(t, room, w.Operator); len(q.Cards) != 1 {
		t.Errorf("the operator sees %+v", q.Cards)
	}
	wantFault(t, second(room.Confirm(t.Context(), w.NewStructure("Le Relais").Actor, w.Structure.Place)), "not_found")
	if _, err := room.Confirm(t.Context(), w.Structure.Actor, w.Structure.Place); err != nil {
		t.Fatal(err)
	}
	if p := open(t, w, w.Structure.Place); p.Stale || !p.SureAt.Equal(w.Clock.Now()) {
		t.Errorf("confirmed: %+v", p)
	}
	if q := waiting(t, room, w.Structure.Actor); q.Count() != 0 {
		t.Errorf("still asked: %+v", q)
	}
	w.Clock.Add(11 * month)
	if remind(); len(letters.confirm) != 2+1 { // the newcomer's too
		t.Errorf("the next year: %q", letters.confirm)
	}
}

func TestAnOldCardThatNobodyVouchesForIsHidden(t *testing.T) {
	t.Parallel()
	w, room, _ := setup(t)
	orphan := w.NewPlace("Atelier des Aravis", "")
	finder := search.New(w.DB)
	found := func(old bool) (there, stale bool) {
		t.Helper()
		f, err := finder.Find(t.Context(), nobody, search.Request{Near: "Thônes", Old: old})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range f.Hits {
			if h.ID == orphan {
				return true, h.Stale
			}
		}
		return false, false
	}
	if there, stale := found(false); !there || stale {
		t.Fatalf("new: found %t, stale %t", there, stale)
	}
	w.Clock.Add(13 * month)
	if there, stale := found(false); !there || !stale {
		t.Errorf("after a year: found %t, stale %t", there, stale)
	}
	w.Clock.Add(6 * month)
	if there, _ := found(false); there {
		t.Error("after a year and a half it is still found")
	}
	if there, _ := found(true); !there {
		t.Error("whoever wants to answer for it cannot find it")
	}
	if _, err := room.Confirm(t.Context(), w.Operator, orphan); err != nil {
		t.Fatal(err)
	}
	if there, stale := found(false); !there || stale {
		t.Errorf("confirmed: found %t, stale %t", there, stale)
	}
	wantFault(t, second(room.Confirm(t.Context(), w.Operator, w.NewStructure("Le Relais").Place)), "not_found")
}

func TestASourcesDateCountsWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	w, _, _ := setup(t)
	file := "id,nom,commune,code_insee,date_maj\nold,Ancien,Thônes,74280,2024-01-15\nnew,Récent,Thônes,74280,2026-02-01\nodd,Futur,Thônes,74280,2031-01-01\nnone,Sans date,Thônes,74280,\n"
	if _, err := w.Catalogue.Import(t.Context(), w.Operator, "essai", strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	ages := func() string {
		var all []string
		w.InTx(func(tx *db.Tx) error {
			var ids []vouchers.PlaceID
			if err := tx.Select(t.Context(), &ids, `SELECT id FROM places WHERE source = 'essai' ORDER BY source_id`); err != nil {
				return err
			}
			places, err := labelling.Places(t.Context(), tx, ids)
			for _, p := range places {
				all = append(all, fmt.Sprint(p.Name, " ", p.Stale, " ", p.Hidden))
			}
			return err
		})
		return strings.Join(all, ", ")
	}
	if got := ages(); got != "Récent false false, Sans date false false, Futur false false, Ancien true true" {
		t.Error(got)
	}
	w.Clock.Add(13 * month)
	if got := ages(); got != "Récent true false, Sans date true false, Futur true false, Ancien true true" {
		t.Errorf("13 months later: %s", got)
	}
}

func TestMonthsAreThoseOfTheCalendar(t *testing.T) {
	t.Parallel()
	sure := time.Date(2026, 3, 15, 10, 0, 0, 0, time.UTC)
	c := contributions.Card{SureAt: sure}
	if got := vouchers.DayOf(c.StaleAt()).String(); got != "2027-03-15" {
		t.Errorf("old on %s", got)
	}
	if got := labelling.Since(sure.AddDate(1, 6, 0), labelling.HiddenMonths); !got.Equal(sure) {
		t.Errorf("hidden is counted from %s", got)
	}
}

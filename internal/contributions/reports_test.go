package contributions_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// letterbox keeps the letters that go out.
type letterbox struct {
	decided  []string // "address: place field accepted answer, …"
	confirm  []string // names of places
	alarming []string
	waiting  []string // "count newest-report newest-translation"
	seen     map[string]bool
}

func (l *letterbox) notify() contributions.Notify {
	once := func(kind string, c contributions.Card) bool {
		key := fmt.Sprint(kind, c.Place, c.SureAt)
		again := l.seen[key]
		l.seen[key] = true
		return !again
	}
	return contributions.Notify{
		Decided: func(_ context.Context, _ *db.Tx, to string, _ int64, all []contributions.Outcome) error {
			var lines []string
			for _, o := range all {
				lines = append(lines, strings.TrimSpace(fmt.Sprint(o.Name, " ", o.Field, o.Language, " ", o.Accepted, " ", o.Answer)))
			}
			l.decided = append(l.decided, to+": "+strings.Join(lines, ", "))
			return nil
		},
		Confirm: func(_ context.Context, _ *db.Tx, to string, c contributions.Card) error {
			if once("confirm", c) && to != "" {
				l.confirm = append(l.confirm, c.Name)
			}
			return nil
		},
		Waiting: func(_ context.Context, _ *db.Tx, to string, m contributions.Mail) error {
			key := fmt.Sprint(m.NewestReport, " ", m.NewestTranslation)
			if to != "" && !l.seen[key] {
				l.seen[key] = true
				l.waiting = append(l.waiting, fmt.Sprint(m.Count, " ", key))
			}
			return nil
		},
		Alert: func(_ context.Context, _ *db.Tx, to string, c contributions.Card) error {
			if once("alert", c) && to == "operator@passerelle.example" {
				l.alarming = append(l.alarming, c.Name)
			}
			return nil
		},
	}
}

func setup(t *testing.T) (*world.World, *contributions.Service, *letterbox) {
	t.Helper()
	w, letters := world.New(t), &letterbox{seen: map[string]bool{}}
	return w, contributions.New(w.DB, letters.notify()), letters
}

var nobody = identity.Actor{}

const from = "192.0.2.7"

func says(t *testing.T, room *contributions.Service, place vouchers.PlaceID, field, value, email string) vouchers.ReportID {
	t.Helper()
	received, err := room.Report(t.Context(), nobody, place, contributions.NewReport{Field: field, Value: value, Reason: "J’y suis allée hier.", Email: email}, from)
	if err != nil {
		t.Fatal(err)
	}
	return received.Report
}

func open(t *testing.T, w *world.World, id vouchers.PlaceID) labelling.Place {
	t.Helper()
	p, err := w.Labelling.Open(t.Context(), nobody, id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func waiting(t *testing.T, room *contributions.Service, who identity.Actor) contributions.Queue {
	t.Helper()
	q, err := room.Waiting(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestAStrangerSaysWhatHasChangedAndTheStructureDecides(t *testing.T) {
	t.Parallel()
	w, room, letters := setup(t)
	place := w.Structure.Place
	first := says(t, room, place, "phone", "04 50 99 88 77", "ana@example.org")
	if again := says(t, room, place, "phone", "0450998877", "bob@example.org"); again != first {
		t.Errorf("the same, said twice, is %d and %d", first, again)
	}
	q := waiting(t, room, w.Structure.Actor)
	if len(q.Reports) != 1 || q.Reports[0].Times != 2 || q.Reports[0].Value != "+33450998877" || q.Reports[0].Card != "+33450020000" || q.Count() != 1 {
		t.Fatalf("%+v", q)
	}
	if q := waiting(t, room, w.NewStructure("Le Relais").Actor); q.Count() != 0 {
		t.Errorf("another structure sees %+v", q)
	}
	if q := waiting(t, room, w.Operator); q.Count() != 0 {
		t.Errorf("the operator sees %+v while the structure has its time", q)
	}
	r, err := room.DecideReport(t.Context(), w.Structure.Actor, first, contributions.Decision{Accepted: true, Answer: "Merci !"})
	if err != nil || r.Accepted == nil || !*r.Accepted {
		t.Fatalf("%+v, %v", r, err)
	}
	if p := open(t, w, place); p.Phone != "+33450998877" || p.CorrectedAt == nil {
		t.Errorf("the card says %q", p.Phone)
	}
	if err := room.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"ana@example.org: Maison France services de Thônes phone true Merci !", "bob@example.org: Maison France services de Thônes phone true Merci !"}
	if !slices.Equal(letters.decided, want) {
		t.Errorf("told %q", letters.decided)
	}
	wantFault(t, second(room.DecideReport(t.Context(), w.Structure.Actor, first, contributions.Decision{Accepted: true})), "contribution_decided")
}

func TestAStructureIsToldOnceOfWhatIsNew(t *testing.T) {
	t.Parallel()
	w, room, letters := setup(t)
	remind := func() {
		t.Helper()
		if err := room.Remind(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first := says(t, room, w.Structure.Place, "other", "Il faut sonner.", "")
	says(t, room, w.Structure.Place, "phone", "0450998877", "")
	remind()
	remind()
	if _, err := room.DecideReport(t.Context(), w.Structure.Actor, first, contributions.Decision{Accepted: true}); err != nil {
		t.Fatal(err)
	}
	remind()
	says(t, room, w.NewPlace("Point d’accès", ""), "other", "Il faut frapper.", "") // nobody's
	remind()
	says(t, room, w.Structure.Place, "closed", "", "")
	remind()
	if want := []string{"2 2 0", "2 4 0"}; !slices.Equal(letters.waiting, want) {
		t.Errorf("told %q, want %q", letters.waiting, want)
	}
	w.InTx(func(tx *db.Tx) error {
		n, oldest, err := contributions.WaitingForOperator(t.Context(), tx)
		if n != 1 || !oldest.Equal(tx.Now) {
			t.Errorf("%d wait for the operator since %s", n, oldest)
		}
		return err
	})
}

func TestAReportIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	w, room, letters := setup(t)
	id := says(t, room, w.Structure.Place, "other", "Il faut sonner deux fois.", "ana@example.org")
	wantFault(t, second(room.DecideReport(t.Context(), w.Structure.Actor, id, contributions.Decision{Answer: " "})), "refusal_reason_missing")
	wantFault(t, second(room.DecideReport(t.Context(), w.NewStructure("Le Relais").Actor, id, contributions.Decision{Accepted: true})), "not_found")
	wantFault(t, second(room.DecideReport(t.Context(), w.Operator, id, contributions.Decision{Accepted: true})), "not_found")
	wantFault(t, second(room.DecideReport(t.Context(), w.Funder, id, contributions.Decision{Accepted: true})), "forbidden")
	if _, err := room.DecideReport(t.Context(), w.Structure.Actor, id, contributions.Decision{Answer: "Une fois suffit."}); err != nil {
		t.Fatal(err)
	}
	if err := room.Tell(t.Context()); err != nil || len(letters.decided) != 1 || !strings.HasSuffix(letters.decided[0], "other false Une fois suffit.") {
		t.Errorf("%q, %v", letters.decided, err)
	}
	if again := says(t, room, w.Structure.Place, "other", "Il faut sonner deux fois.", ""); again == id {
		t.Error("what was refused can never be said again")
	}
}

func TestTheOperatorDecidesWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	w, room, _ := setup(t)
	orphan := w.NewPlace("Point d’accès", "")
	id, late := says(t, room, orphan, "email", "Accueil@Exemple.fr", ""), says(t, room, w.Structure.Place, "address", "3 rue Neuve", "")
	if q := waiting(t, room, w.Operator); len(q.Reports) != 1 || q.Reports[0].ID != id {
		t.Fatalf("%+v", q.Reports)
	}
	if _, err := room.DecideReport(t.Context(), w.Operator, id, contributions.Decision{Accepted: true}); err != nil {
		t.Fatal(err)
	}
	if p := open(t, w, orphan); !strings.EqualFold(p.Email, "accueil@exemple.fr") {
		t.Errorf("the card says %q", p.Email)
	}
	w.Clock.Add(contributions.PatienceDays*24*time.Hour + time.Hour)
	if q := waiting(t, room, w.Operator); len(q.Reports) != 1 || q.Reports[0].ID != late {
		t.Fatalf("after two weeks: %+v", q.Reports)
	}
	if _, err := room.DecideReport(t.Context(), w.Operator, late, contributions.Decision{Accepted: true}); err != nil {
		t.Fatal(err)
	}
	if p := open(t, w, w.Structure.Place); p.Address != "3 rue Neuve" {
		t.Errorf("the card says %q", p.Address)
	}
}

func TestHoursInAnybodysWordsAreWrittenAsCardsDo(t *testing.T) {
	t.Parallel()
	w, room, _ := setup(t)
	id := says(t, room, w.Structure.Place, "hours", "fermé le lundi, sinon 9h-12h", "")
	wantFault(t, second(room.DecideReport(t.Context(), w.Structure.Actor, id, contributions.Decision{Accepted: true})), "correction_hours_unread")
	hours := "Tu-Fr 09:00-12:00"
	if _, err := room.DecideReport(t.Context(), w.Structure.Actor, id, contributions.Decision{Accepted: true, Value: &hours}); err != nil {
		t.Fatal(err)
	}
	if p := open(t, w, w.Structure.Place); p.Hours != hours {
		t.Errorf("the card says %q", p.Hours)
	}
}

func TestAPlaceThatHasClosedIsFoundNoMoreAndCanComeBack(t *testing.T) {
	t.Parallel()
	w, room, _ := setup(t)
	place := w.Structure.Place
	near := labelling.NearQuery{Lat: 45.88, Lon: 6.32}
	found := func() (n int) {
		w.InTx(func(tx *db.Tx) error {
			places, err := labelling.Nearest(t.Context(), tx, near)
			n = len(places)
			return err
		})
		return n
	}
	if found() != 1 {
		t.Fatal("the world's place is not found: the test proves nothing")
	}
	id := says(t, room, place, "closed", "", "")
	if _, err := room.DecideReport(t.Context(), w.Structure.Actor, id, contributions.Decision{Accepted: true}); err != nil {
		t.Fatal(err)
	}
	if p := open(t, w, place); p.ClosedAt == nil || !p.Hidden || found() != 0 {
		t.Errorf("closed at %v, found %d times", p.ClosedAt, found())
	}
	_, err := room.Report(t.Context(), nobody, place, contributions.NewReport{Field: "closed", Reason: "fermé"}, from)
	wantFault(t, err, "report_known")
	if _, err := room.Confirm(t.Context(), w.Structure.Actor, place); err != nil {
		t.Fatal(err)
	}
	if p := open(t, w, place); p.ClosedAt != nil || p.Hidden || found() != 1 {
		t.Errorf("open again: %+v", p)
	}
}

func TestNothingIsSaidOfAPlaceThatNobodyMayKnowOf(t *testing.T) {
	t.Parallel()
	w, room, _ := setup(t)
	place := w.Structure.Place
	service := described(t, w, "Nous vous aidons.")
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE places SET listed = false WHERE id = $1`, place)
		return err
	})
	for who, code := range map[*identity.Actor]string{{}: "not_found", &w.Funder: "not_found", &w.Structure.Actor: "", &w.Operator: ""} {
		_, err := room.Report(t.Context(), *who, place, contributions.NewReport{Field: "phone", Value: "04 50 99 88 77"}, from)
		wantFault(t, err, code)
		_, err = room.Translate(t.Context(), *who, place, proposal(service), from)
		wantFault(t, err, code)
		_, err = room.Translations(t.Context(), *who, place)
		wantFault(t, err, code)
	}
}

func TestAnAddressIsForgottenWhereNobodyEverDecides(t *testing.T) {
	t.Parallel()
	w, room, letters := setup(t)
	place := w.Structure.Place
	says(t, room, place, "phone", "04 50 99 88 77", "ana@example.org")
	if _, err := room.Translate(t.Context(), nobody, place, proposal(described(t, w, "Nous vous aidons.")), from); err != nil {
		t.Fatal(err)
	}
	made := w.Clock.Now()
	followers := func() (n int) {
		if err := room.Tell(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.InTx(func(tx *db.Tx) error { return tx.Get(t.Context(), &n, `SELECT count(*) FROM contribution_followers`) })
		return n
	}
	w.Clock.Set(made.AddDate(0, 24, 0).Add(-time.Second))
	if n := followers(); n != 2 {
		t.Errorf("%d addresses are left, want both", n)
	}
	says(t, room, place, "email", "relais@example.org", "bob@example.org")
	w.Clock.Set(made.AddDate(0, 24, 0))
	if n := followers(); n != 1 {
		t.Errorf("%d addresses are left, want the one of the late report", n)
	}
	if len(letters.decided) != 0 {
		t.Errorf("told %q", letters.decided)
	}
}

func TestReportsAreRefused(t *testing.T) {
	t.Parallel()
	w, room, _ := setup(t)
	good := contributions.NewReport{Field: "phone", Value: "0450998877"}
	for i, one := range []struct {
		code   string
		change func(*contributions.NewReport)
	}{
		{"report_field_unknown", func(n *contributions.NewReport) { n.Field = "name" }},
		{"report_value_missing", func(n *contributions.NewReport) { n.Value = " \x07" }},
		{"report_reason_missing", func(n *contributions.NewReport) { n.Field = "closed" }},
		{"contribution_too_long", func(n *contributions.NewReport) { n.Field, n.Value = "other", strings.Repeat("é", 501) }},
		{"contribution_too_long", func(n *contributions.NewReport) { n.Reason = strings.Repeat("é", 501) }},
		{"follower_malformed", func(n *contributions.NewReport) { n.Email = "ana@" }},
		{"correction_phone_invalid", func(n *contributions.NewReport) { n.Value = "douze" }},
		{"correction_email_invalid", func(n *contributions.NewReport) { n.Field = "email" }},
		{"report_known", func(n *contributions.NewReport) { n.Value = "04 50 02 00 00" }},
	} {
		n := good
		one.change(&n)
		_, err := room.Report(t.Context(), nobody, w.Structure.Place, n, fmt.Sprint("192.0.2.", i))
		wantFault(t, err, one.code)
	}
	_, err := room.Report(t.Context(), nobody, 99999, good, from)
	wantFault(t, err, "not_found")
}

func TestWhoeverTypesALotIsSlowedDown(t *testing.T) {
	t.Parallel()
	w, room, letters := setup(t)
	var ids []vouchers.ReportID
	for i := range 10 {
		ids = append(ids, says(t, room, w.Structure.Place, "other", fmt.Sprint("mot ", i), "victime@example.org"))
	}
	_, err := room.Report(t.Context(), nobody, w.Structure.Place, contributions.NewReport{Field: "other", Value: "encore"}, from)
	wantFault(t, err, "rate_limited")
	decide := func(id vouchers.ReportID) {
		if _, err := room.DecideReport(t.Context(), w.Structure.Actor, id, contributions.Decision{Answer: "Ce n’est pas vrai."}); err != nil {
			t.Fatal(err)
		}
		if err := room.Tell(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	decide(ids[0])
	decide(ids[1])
	decide(ids[2])
	if len(letters.decided) != 1 {
		t.Errorf("one address got %d letters in a day", len(letters.decided))
	}
	w.Clock.Add(25 * time.Hour)
	if err := room.Tell(t.Context()); err != nil || len(letters.decided) != 2 || strings.Count(letters.decided[1], "other") != 2 {
		t.Errorf("the next day: %q, %v", letters.decided, err)
	}
	w.InTx(func(tx *db.Tx) error {
		var left int
		err := tx.Get(t.Context(), &left, `SELECT count(*) FROM contribution_followers`)
		if left != 7 {
			t.Errorf("%d addresses are kept, those told among them", left)
		}
		return err
	})
	for i := range 30 {
		_, err = room.Report(t.Context(), nobody, w.Structure.Place, contributions.NewReport{Field: "other", Value: fmt.Sprint("flot ", i)}, fmt.Sprint("203.0.113.", i))
	}
	wantFault(t, err, "contributions_too_many")
}

func second[T any](_ T, err error) error { return err }

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	if fault.Code(err) != code {
		t.Errorf("got %v, want the fault %s", err, code)
	}
}

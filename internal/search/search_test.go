package search_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/search"
)

const header = "id,pivot,nom,commune,code_postal,code_insee,adresse,latitude,longitude,horaires,services\n"

// town is a world with a few places besides the labelled one of Thônes.
func town(t *testing.T) (*world.World, *search.Service) {
	t.Helper()
	w := world.New(t)
	imports(t, w, header+
		"a,,Médiathèque Élisée-Reclus,Annecy,74000,74010,,45.90,6.12,Mo-Fr 09:00-12:00,Insertion professionnelle via le numérique\n"+
		"b,,France services,Faverges-Seythenex,74210,74123,,45.7466,6.2942,,\n"+
		"c,,Point info,Chambéry,73000,73065,,45.57,5.92,,\n")
	return w, search.New(w.DB)
}

func imports(t *testing.T, w *world.World, file string) {
	t.Helper()
	if _, err := w.Catalogue.Import(t.Context(), w.Operator, "essai", strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, room *search.Service, req search.Request) search.Found {
	t.Helper()
	f, err := room.Find(t.Context(), identity.Actor{}, req)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func names(f search.Found) string {
	var list []string
	for _, h := range f.Hits {
		list = append(list, h.Name)
	}
	return strings.Join(list, "; ")
}

func TestPlacesAreFoundAsPeopleLookForThem(t *testing.T) {
	t.Parallel()
	_, room := town(t)
	for _, c := range []struct {
		req  search.Request
		want string
	}{
		{search.Request{Near: "annecy"}, "Médiathèque Élisée-Reclus; Maison France services de Thônes; France services; Point info"},
		{search.Request{Near: "73000"}, "Point info; France services; Médiathèque Élisée-Reclus; Maison France services de Thônes"},
		{search.Request{Near: "annecy", Wishes: search.Wishes{Labelled: true}}, "Maison France services de Thônes"},
		{search.Request{Near: "annecy", Query: "ELISEE mediatheque"}, "Médiathèque Élisée-Reclus"},
		{search.Request{Near: "annecy", Query: "elize reclus"}, "Médiathèque Élisée-Reclus"},
		{search.Request{Near: "annecy", Query: "France Services"}, "Maison France services de Thônes; France services"},
		{search.Request{Query: "faverges"}, "France services; Maison France services de Thônes; Médiathèque Élisée-Reclus; Point info"},
		{search.Request{Near: "annecy", Query: "un emploi"}, "Médiathèque Élisée-Reclus"},
		{search.Request{Query: "trouver du boulot vers anecy"}, "Médiathèque Élisée-Reclus"},
		{search.Request{Near: "annecy", Query: "mon telephone bug"}, "Maison France services de Thônes"},
		{search.Request{Near: "xyzzyx"}, ""},
		{search.Request{Commune: "73065", Near: "annecy", Limit: 1}, "Point info"},
	} {
		if got := names(find(t, room, c.req)); got != c.want {
			t.Errorf("%+v: %q, want %q", c.req, got, c.want)
		}
	}
}

// Nothing has what is wished for: the wishes go one by one, and it is said which.
func TestNoQuestionIsLeftWithoutAnAnswerOrANextStep(t *testing.T) {
	t.Parallel()
	w, room := town(t)
	for _, c := range []struct {
		req   search.Request
		letGo string
		want  string
	}{
		{search.Request{Query: "emploi ouvert maintenant annecy"}, "", "Médiathèque Élisée-Reclus"},
		{search.Request{Near: "Chambéry", Query: "emploi", Wishes: search.Wishes{RadiusKm: 5}}, "radius", "Médiathèque Élisée-Reclus"},
		{search.Request{Near: "annecy", Query: "titre de séjour en arabe"}, "language words", "Médiathèque Élisée-Reclus; Maison France services de Thônes; France services; Point info"},
		{search.Request{Near: "annecy", Query: "emploi en fauteuil gratuit"}, "free wheelchair", "Médiathèque Élisée-Reclus"},
		{search.Request{Near: "annecy", Query: "xqzv"}, "", "Médiathèque Élisée-Reclus; Maison France services de Thônes; France services; Point info"},
		{search.Request{Near: "annecy", Wishes: search.Wishes{Seats: true, Labelled: true}}, "seats", "Maison France services de Thônes"},
	} {
		f := find(t, room, c.req)
		if got := strings.Join(f.LetGo, " "); got != c.letGo || names(f) != c.want {
			t.Errorf("%+v: let go %q, found %q", c.req, got, names(f))
		}
	}
	if f := find(t, room, search.Request{Near: "annecy", Query: "xqzv"}); len(f.Unknown) != 1 || f.Unknown[0] != "xqzv" {
		t.Errorf("unknown words: %v", f.Unknown)
	}
	w.Clock.Add(10 * time.Hour) // nobody is open at night
	if f := find(t, room, search.Request{Query: "emploi ouvert maintenant annecy"}); strings.Join(f.LetGo, " ") != "open_now" || names(f) != "Médiathèque Élisée-Reclus" {
		t.Errorf("at night: let go %v, found %q", f.LetGo, names(f))
	}
}

func TestEachAnswerSaysWhyItIsThere(t *testing.T) {
	t.Parallel()
	w, room := town(t)
	h := find(t, room, search.Request{Query: "mediatheque pour un cv à Annecy"}).Hits[0]
	if !slices.Equal(h.Offers, []string{"employment"}) || !h.Kind || h.OpenUntil == nil || h.OpenUntil.Hour() != 12 || h.Km == nil || h.Labelled {
		t.Errorf("%+v", h)
	}
	offers, err := w.Catalogue.Services(t.Context(), identity.Actor{}, w.Structure.Place)
	if err != nil {
		t.Fatal(err)
	}
	at := w.Clock.Now().Add(48 * time.Hour)
	if _, err := agenda.New(w.DB).Publish(t.Context(), w.Structure.Actor, w.Structure.Place,
		agenda.NewSession{Service: offers[0].ID, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 3}); err != nil {
		t.Fatal(err)
	}
	f := find(t, room, search.Request{Near: "annecy", Wishes: search.Wishes{Seats: true}})
	if names(f) != "Maison France services de Thônes" || !f.Hits[0].Seats || !f.Hits[0].Labelled {
		t.Errorf("%q %+v", names(f), f.Hits)
	}
	for range 3 {
		b := w.HandOver(w.Campaign, 1)
		w.InTx(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO bookings (session_id, booklet_id, vouchers, state, no_show, booked_at, booked_by, seated_at)
				VALUES (1, $1, 1, 'booked', 'none', $2, 'holder', $2)`, b.ID, tx.Now)
			return err
		})
	}
	if f := find(t, room, search.Request{Near: "annecy", Wishes: search.Wishes{Seats: true}}); len(f.Hits) > 0 && f.Hits[0].Seats {
		t.Errorf("a full session has no seat: %+v", f.Hits[0])
	}
	if f := find(t, room, search.Request{Near: "annecy", Wishes: search.Wishes{Campaign: w.Campaign.ID}}); names(f) != "Maison France services de Thônes" {
		t.Errorf("takes the campaign's vouchers: %q", names(f))
	}
}

// A service that says the very thing comes before a nearer place that only says its theme,
// and a word of a service's title finds its place.
func TestAServiceThatSaysTheVeryThingComesFirst(t *testing.T) {
	t.Parallel()
	w, room := town(t)
	imports(t, w, header+"d,,Cyber-base,Thônes,74230,74280,,45.8810,6.3255,,Maîtrise des outils numériques du quotidien\n")
	if _, err := w.Catalogue.SetServices(t.Context(), w.Structure.Actor, w.Structure.Place, []catalogue.Offer{
		{Theme: world.Theme, Title: "Le café des octets", Topics: db.Strings{"Email"}, PriceVouchers: 1, DurationMinutes: 60}}); err != nil {
		t.Fatal(err)
	}
	if got := names(find(t, room, search.Request{Near: "Thônes", Query: "envoyer un mail"})); got != "Maison France services de Thônes; Cyber-base" {
		t.Errorf("%q", got)
	}
	if got := names(find(t, room, search.Request{Near: "Thônes", Query: "octets"})); !strings.HasPrefix(got, "Maison France services de Thônes") {
		t.Errorf("%q", got)
	}
}

func TestPagesFollowEachOtherWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	room := search.New(w.DB)
	report, err := w.Catalogue.Import(t.Context(), w.Operator, "invente", catalogue.InventedPlaces())
	if err != nil {
		t.Fatal(err)
	}
	for _, near := range []string{"Annecy", ""} {
		seen, req := map[string]bool{}, search.Request{Near: near, Limit: 7}
		last := -1.0
		for {
			f := find(t, room, req)
			for _, h := range f.Hits {
				if seen[h.Name+h.Address] || near != "" && *h.Km < last {
					t.Fatalf("%s comes twice or too late", h.Name)
				}
				seen[h.Name+h.Address] = true
				if near != "" {
					last = *h.Km
				}
			}
			if req.After = f.Next; f.Next == "" {
				break
			}
		}
		if want := report.Added + 1; len(seen) != want {
			t.Errorf("near %q: %d places, want %d", near, len(seen), want)
		}
	}
	if _, err := room.Find(t.Context(), identity.Actor{}, search.Request{After: "x"}); fault.Code(err) != "invalid_input" {
		t.Errorf("%v", err)
	}
}

func TestANameOfSeveralCommunesOffersTheChoice(t *testing.T) {
	t.Parallel()
	_, room := town(t)
	f := find(t, room, search.Request{Near: "Saint-Denis"})
	if f.Commune == nil || f.Commune.INSEE != "97411" && f.Commune.INSEE != "93066" || len(f.Others) == 0 {
		t.Errorf("Saint-Denis is %+v or one of %d", f.Commune, len(f.Others))
	}
	if f := find(t, room, search.Request{Near: "annecy"}); f.Commune.INSEE != "74010" || len(f.Others) != 0 {
		t.Errorf("Annecy is %+v or one of %d", f.Commune, len(f.Others))
	}
}

// The judged questions, asked of the invented territory: the goal is an answer among the
// first five for 95 of 100, and an answer for all.
func TestTheJudgedQuestionsAreAnswered(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	if _, err := w.Catalogue.Import(t.Context(), w.Operator, "invente", catalogue.InventedPlaces()); err != nil {
		t.Fatal(err)
	}
	score, err := search.Judge(t.Context(), search.New(w.DB))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d questions: success@5 %.3f, MRR %.3f; held out %d: %.3f, %.3f; wrong: %q", score.Questions, score.Success5, score.MRR,
		score.Held.Questions, score.Held.Success5, score.Held.MRR, score.Wrong)
	if score.Questions < 200 || score.Success5 < 0.95 || score.Held.Success5 < 0.95 || score.Silent != 0 {
		t.Errorf("%+v", score)
	}
}

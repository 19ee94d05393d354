package httpd

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

func init() {
	at, km := time.Unix(1.75e9, 0), 2.4
	session := SessionView{ID: 1, Name: "x", At: at, Minutes: 90, Seats: 6, Price: 1, Extra: 2_50, Note: "x", Free: 2, Course: true, Later: []time.Time{at}, Unknown: 1}
	booked := booking.Booking{ID: 1, Session: 1, Vouchers: 2, Face: 10_00, StartsAt: at, EndsAt: at.Add(time.Hour), CancelUntil: at, PlaceName: "x", Note: "x", Phone: "0450020000", Email: "a@b.fr"}
	found := []FoundView{{booking.Found{ID: 1, Town: "x", StartsAt: at, Price: 1, Seats: 2, Km: &km}, "x", 60, true}, {booking.Found{StartsAt: at}, "y", 60, false}}
	samples["booking/code"] = SeatCodeBody{Session: session, Place: 1, Prescriber: true, Problem: "x", HelpPhone: "04 50 00 00 00"}
	samples["booking/new"] = SeatBody{Session: session, Free: 3, Value: 20_00, Rule: "one", Full: true, Waiting: 2, Form: seatForm{Booklet: 3}, Field: "email", Problem: "x", ForHolder: true}
	samples["booking/booking"] = SlipBody{Booking: booked, Name: "x", Standing: "booked", Kind: "done", Minutes: 60, Value: 20_00, Dial: "+33", PhoneRead: "04", MayAct: true, MayEnd: true, MayMiss: true, Costs: 1, ForPlace: true, Problem: "x"}
	samples["booking/find"] = FindBody{Booklet: 3, Free: 2, Near: "x", NotFound: true, Sessions: found}
	samples["booking/move"] = MoveBody{ID: 1, At: at, Sessions: found}
	samples["booking/session"] = SessionBody{Session: session, Seats: 6, Taken: 1, Bookings: []SeatView{{booked, "R1", "1", "booked", "done"}}, MayChange: true}
	samples["agenda/feed"] = FeedBody{"https://pass.example/agenda/x.ics"}
}

// hall is a world whose place has sessions, behind the windows of those who book them.
type hall struct {
	*window
	*world.World
	sessions []agenda.Session // for one voucher, with one and with six seats
	card     issuing.Booklet
}

func openHall(t *testing.T) *hall {
	t.Helper()
	w := world.New(t)
	nobodyTold := func(context.Context, *db.Tx, booking.Told, booking.Booking) error { return nil }
	room := booking.New(w.DB, w.Keys, nobodyTold, slog.New(slog.DiscardHandler))
	times := agenda.New(w.DB, room.Follow)
	actors := map[string]identity.Actor{"structure": w.Structure.Actor, "prescriber": w.Prescriber, "funder": w.Funder, "stranger": w.NewStructure("Le Relais").Actor,
		"other prescriber": w.Organisation(identity.Prescriber, "Mairie"), "prescriber reads": w.Prescriber, "structure reads": w.Structure.Actor, "prescriber pays": w.Prescriber}
	for name, role := range map[string]identity.Role{"prescriber reads": identity.Reader, "structure reads": identity.Reader, "prescriber pays": identity.Finance} {
		who := actors[name]
		who.Role = role
		actors[name] = who
	}
	near := func(context.Context, labelling.NearQuery) ([]labelling.Place, error) { return nil, nil }
	h := &hall{World: w, card: w.HandOver(w.Campaign, 5)}
	h.window = setup(t, func(o *Options) {
		o.Now = w.Clock.Now
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, slices.Concat((&Booking{Service: room, Agenda: times, Keys: w.Keys, TryTyped: w.Issuing.TryTyped}).Routes(), AgendaRoutes(times, w.Labelling),
		(&Issuing{Service: w.Issuing, Keys: w.Keys, Places: near, Booked: room.OfBooklet, Uses: nothingUsed}).Routes(), (&Redemption{Service: w.Counter, Keys: w.Keys}).Routes(),
		CatalogueRoutes(w.Catalogue, w.Labelling, times, contributions.New(w.DB, contributions.Notify{})))...)
	place, err := w.Labelling.Open(t.Context(), w.Structure.Actor, w.Structure.Place)
	if err != nil {
		t.Fatal(err)
	}
	for i, seats := range []int{1, 6} {
		at := w.Clock.Now().Add(time.Duration(72+i) * time.Hour)
		made, err := times.Publish(t.Context(), w.Structure.Actor, w.Structure.Place,
			agenda.NewSession{Service: place.Services[0].ID, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: seats, Note: "Porte B"})
		if err != nil {
			t.Fatal(err)
		}
		h.sessions = append(h.sessions, made...)
	}
	return h
}

// holder is a browser without an account, with the cookie that it was given.
func (h *hall) holder(cookie, method, path string, form url.Values) (*http.Response, string) {
	h.t.Helper()
	return h.ask(method, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Cookie", cookie)
}

// types gives the cookie of a browser in which the booklet's code was typed.
func (h *hall) types(b issuing.Booklet, session agenda.Session) string {
	h.t.Helper()
	answer, text := h.holder("", "POST", "/bookings/code", url.Values{"code": {b.Typed}, "session": {fmt.Sprint(session.ID)}})
	if answer.StatusCode != http.StatusSeeOther || strings.Contains(answer.Header.Get("Location"), b.Typed) {
		h.t.Fatalf("%d %s", answer.StatusCode, text)
	}
	return answer.Cookies()[0].Name + "=" + answer.Cookies()[0].Value
}

func TestAHolderBooksMovesAndCancelsWithoutAnAccount(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	page := fmt.Sprintf("/bookings/new?session=%d", h.sessions[1].ID)
	if _, text := h.holder("", "GET", page, nil); !strings.Contains(text, "Code du carnet") {
		t.Errorf("nobody asks for the code: %s", text)
	}
	if answer, text := h.holder("", "POST", "/bookings/code", url.Values{"code": {"ABCD"}, "session": {fmt.Sprint(h.sessions[1].ID)}}); answer.StatusCode < 400 || !strings.Contains(text, "error-summary") {
		t.Errorf("%d", answer.StatusCode)
	}
	cookie := h.types(h.card, h.sessions[1])
	_, text := h.holder(cookie, "GET", page, nil)
	for _, want := range []string{"1 chèque", "Porte B", "Si vous ne venez pas, rien n’est retiré", "Réserver cette place (1 chèque)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said: %s", want, text)
		}
	}
	fields := url.Values{"session": {fmt.Sprint(h.sessions[1].ID)}, "email": {"ada"}, "phone": {""}, "_key": {"a-key-of-a-page"}}
	if answer, text := h.holder(cookie, "POST", "/bookings", fields); answer.StatusCode != 422 || !strings.Contains(text, `href="#email"`) {
		t.Errorf("%d", answer.StatusCode)
	}
	fields.Set("email", "ada@example.org")
	answer, text := h.holder(cookie, "POST", "/bookings", fields)
	slip := answer.Header.Get("Location")
	if !regexp.MustCompile(`^/bookings/\d+$`).MatchString(slip) {
		t.Fatalf("%d to %q: %s", answer.StatusCode, slip, text)
	}
	_, text = h.holder(cookie, "GET", slip, nil)
	for _, want := range []string{"Le rendez-vous est réservé", "R000001", "1 chèque mis de côté", "Annuler ce rendez-vous", "Apportez votre carnet. Porte B"} {
		if !strings.Contains(text, want) {
			t.Errorf("the slip does not say %q: %s", want, text)
		}
	}
	if answer, text := h.holder(cookie, "GET", slip+"/slip.pdf", nil); answer.StatusCode != 200 || !strings.HasPrefix(text, "%PDF-") {
		t.Errorf("%d", answer.StatusCode)
	}
	if _, text := h.holder(cookie, "GET", slip+"/agenda.ics", nil); !strings.Contains(text, "BEGIN:VEVENT") || !strings.Contains(text, "Apportez votre carnet. Porte B") {
		t.Errorf("the calendar: %s", text)
	}
	if _, text := h.holder(cookie, "GET", "/c", nil); !strings.Contains(text, "1 chèque est réservé") || !strings.Contains(text, slip) {
		t.Errorf("the booklet's page says nothing of it: %s", text)
	}
	if _, text := h.holder(cookie, "GET", slip+"/move", nil); !strings.Contains(text, fmt.Sprintf(`name="session" value="%d"`, h.sessions[0].ID)) {
		t.Errorf("there is no other session: %s", text)
	}
	if answer, _ := h.holder(cookie, "POST", slip+"/move", url.Values{"session": {fmt.Sprint(h.sessions[0].ID)}}); answer.StatusCode != 303 {
		t.Errorf("moving: %d", answer.StatusCode)
	}
	other := h.types(h.HandOver(h.Campaign, 1), h.sessions[1])
	if answer, _ := h.holder(other, "GET", slip, nil); answer.StatusCode != 404 {
		t.Errorf("another booklet's holder: %d", answer.StatusCode)
	}
	if answer, _ := h.holder("", "GET", slip, nil); answer.Header.Get("Location") != "/c" {
		t.Errorf("whoever has no code is sent to %q", answer.Header.Get("Location"))
	}
	if answer, _ := h.holder(cookie, "POST", slip+"/cancel", nil); answer.StatusCode != 303 {
		t.Errorf("cancelling: %d", answer.StatusCode)
	}
	if answer, text := h.holder(cookie, "POST", slip+"/cancel", nil); answer.StatusCode != 409 || !strings.Contains(text, "déjà annulé") {
		t.Errorf("cancelling again: %d", answer.StatusCode)
	}
}

func TestAPrescriberAndAPlaceBookAndThePlaceSeesWhoComes(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	other := h.HandOver(h.Campaign, 3)
	session := fmt.Sprint(h.sessions[0].ID)
	seat := url.Values{"session": {session}, "booklet": {fmt.Sprint(h.card.ID)}, "phone": {"04 50 02 00 00"}}
	cookie := h.types(other, h.sessions[0])
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"prescriber", "GET", fmt.Sprintf("/handovers/%d", h.card.ID), "", 200, "Prendre un rendez-vous"},
		{"prescriber", "GET", fmt.Sprintf("/bookings/find?booklet=%d", h.card.ID), "", 200, "1 place libre"},
		{"prescriber", "GET", fmt.Sprintf("/bookings/new?session=%s&booklet=%d", session, h.card.ID), "", 200, "Réserver cette place"},
		{"prescriber", "POST", "/bookings", seat.Encode(), 303, ""},
		{"prescriber", "POST", "/bookings", seat.Encode(), 409, "a déjà une place"},
		{"prescriber", "GET", fmt.Sprintf("/handovers/%d", h.card.ID), "", 200, "/bookings/1"},
		{"structure", "GET", "/sessions/" + session, "", 200, "04 50 02 00 00"},
		{"stranger", "GET", "/sessions/" + session, "", 404, ""},
		{"stranger", "GET", "/bookings/1", "", 404, ""},
		{"funder", "GET", "/bookings/1", "", 404, ""},
		{"structure", "GET", fmt.Sprintf("/places/%d", h.Structure.Place), "", 200, "Liste d’attente"},
		{"structure", "POST", "/bookings/1/no-show", "", 409, "pas finie"},
		{"structure", "GET", "/bookings/1", "", 200, "Annuler ce rendez-vous"},
	} {
		answer, text := h.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s by %s: %d, want %d and %q: %s", step.method, step.path, step.who, answer.StatusCode, step.status, step.want, text)
		}
	}
	if _, text := h.holder(cookie, "GET", "/bookings/new?session="+session, nil); !strings.Contains(text, "M’inscrire sur la liste d’attente") {
		t.Errorf("there is no waiting list: %s", text)
	}
	answer, _ := h.holder(cookie, "POST", "/bookings", url.Values{"session": {session}, "wait": {"true"}})
	if _, text := h.holder(cookie, "GET", answer.Header.Get("Location"), nil); !strings.Contains(text, "Vous êtes sur la liste d’attente") {
		t.Errorf("%s", text)
	}
	h.Clock.Set(h.sessions[0].EndsAt.Add(time.Hour))
	if _, text := h.as("structure", "GET", "/bookings/1", ""); !strings.Contains(text, "Noter que la personne n’est pas venue") {
		t.Errorf("the place cannot say that nobody came: %s", text)
	}
	if answer, _ := h.as("structure", "POST", "/bookings/1/no-show", ""); answer.Header.Get("Location") != "/bookings/1" {
		t.Errorf("%d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
}

func TestAReaderSeesBookingsAndIsOfferedNoChange(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	seat := url.Values{"session": {fmt.Sprint(h.sessions[1].ID)}, "booklet": {fmt.Sprint(h.card.ID)}}
	h.as("prescriber", "POST", "/bookings", seat.Encode())
	for _, step := range []struct {
		who, method, path string
		status            int
	}{
		{"prescriber reads", "GET", fmt.Sprintf("/handovers/%d", h.card.ID), 200},
		{"prescriber reads", "GET", "/bookings/1", 200},
		{"prescriber reads", "GET", "/bookings/1/slip.pdf", 200},
		{"prescriber reads", "GET", "/api/v1/bookings/1", 200},
		{"prescriber reads", "GET", "/bookings/1/move", 403},
		{"prescriber reads", "POST", "/bookings/1/cancel", 403},
		{"prescriber reads", "DELETE", "/api/v1/bookings/1", 403},
		{"prescriber pays", "GET", "/bookings/1", 403},
		{"structure reads", "GET", fmt.Sprintf("/sessions/%d", h.sessions[1].ID), 200},
		{"structure reads", "GET", "/bookings/1", 200},
		{"structure reads", "GET", "/api/v1/bookings/1", 200},
		{"structure reads", "POST", "/bookings/1/cancel", 403},
		{"structure reads", "DELETE", "/api/v1/bookings/1", 403},
	} {
		answer, text := h.as(step.who, step.method, step.path, "", "Idempotency-Key", "a-key-of-a-reader")
		if answer.StatusCode != step.status {
			t.Errorf("%s %s by %s: %d, want %d", step.method, step.path, step.who, answer.StatusCode, step.status)
		}
		for _, change := range []string{"/bookings/1/cancel", "/bookings/1/move", "trop tard", "Prendre un rendez-vous"} {
			if answer.StatusCode == 200 && strings.Contains(text, change) {
				t.Errorf("%s by %s offers %q", step.path, step.who, change)
			}
		}
	}
}

func TestWhoeverShowsACodeReadsAsItsHolder(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	seat := url.Values{"session": {fmt.Sprint(h.sessions[1].ID)}, "booklet": {fmt.Sprint(h.card.ID)}}
	h.as("prescriber", "POST", "/bookings", seat.Encode())
	cookie := h.types(h.card, h.sessions[1])
	for _, who := range []string{"", "prescriber", "other prescriber", "prescriber reads", "prescriber pays", "funder"} {
		answer, text := h.as(who, "GET", "/c", "", "Cookie", cookie)
		if answer.StatusCode != 200 || !strings.Contains(text, "/bookings/1") {
			t.Errorf("the booklet's page for %q: %d", who, answer.StatusCode)
		}
	}
}

func TestAPlaceChangesSessionsGivesHoursAndFollowsThem(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	session := fmt.Sprintf("/sessions/%d", h.sessions[1].ID)
	place := fmt.Sprintf("/places/%d", h.Structure.Place)
	hours := url.Values{"service": {"1"}, "weekdays": {"1", "3"}, "from": {"14:00"}, "until": {"16:00"}, "minutes": {"60"}, "first_day": {"2026-03-23"}, "weeks": {"2"}, "note": {""}}
	change := url.Values{"day": {"2026-03-20"}, "time": {"10:00"}, "minutes": {"45"}, "seats": {"3"}, "note": {"Salle 2"}}
	late := url.Values{"service": {"1"}, "weekdays": {"1"}, "from": {"18:00"}, "until": {"16:00"}, "minutes": {"60"}, "first_day": {"2026-03-23"}, "weeks": {"2"}}
	for _, step := range []struct {
		who, path, body string
		status          int
	}{
		{"structure", session, change.Encode(), 303},
		{"stranger", session, change.Encode(), 404},
		{"structure", place + "/slots", hours.Encode(), 303},
		{"structure", place + "/slots", hours.Encode(), 422},
		{"structure", place + "/slots", late.Encode(), 422},
		{"stranger", place + "/slots", hours.Encode(), 404},
	} {
		if answer, text := h.as(step.who, "POST", step.path, step.body); answer.StatusCode != step.status {
			t.Errorf("%s by %s: %d, want %d: %s", step.path, step.who, answer.StatusCode, step.status, text)
		}
	}
	if _, text := h.as("structure", "GET", session, ""); !strings.Contains(text, "Salle 2") || !strings.Contains(text, `value="10:00"`) {
		t.Errorf("%s", text)
	}
	if text := h.wantStatus(200, "GET", place, ""); !strings.Contains(text, "Rendez-vous individuels") {
		t.Errorf("%s", text)
	}
	_, text := h.as("structure", "POST", "/agenda/feed", "")
	feed := regexp.MustCompile(`/agenda/\w+\.ics`).FindString(text)
	calendar := h.wantStatus(200, "GET", feed, "")
	if strings.Count(calendar, "BEGIN:VEVENT") != 10 || !strings.Contains(calendar, "(0/3)") || !strings.Contains(calendar, "SEQUENCE:1") {
		t.Errorf("%s", calendar)
	}
	h.as("structure", "POST", "/agenda/feed", "")
	h.wantStatus(404, "GET", feed, "")
}

func TestTheCounterKnowsWhatWasBooked(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	h.as("prescriber", "POST", "/bookings", url.Values{"session": {fmt.Sprint(h.sessions[1].ID)}, "booklet": {fmt.Sprint(h.card.ID)}}.Encode())
	h.Clock.Set(h.sessions[1].StartsAt)
	answer, _ := h.as("structure", "POST", "/redemptions/check", url.Values{"code": {h.card.Typed}}.Encode())
	code := answer.Cookies()[0]
	_, text := h.as("structure", "GET", "/redemptions", "", "Cookie", code.Name+"="+code.Value)
	if !strings.Contains(text, "Rendez-vous réservé") || !strings.Contains(text, `value="group" checked`) {
		t.Errorf("%s", text)
	}
	h.as("structure", "POST", "/redemptions", url.Values{"count": {"1"}, "service_theme": {world.Theme}, "duration_minutes": {"60"}, "mode": {"group"}}.Encode(), "Cookie", code.Name+"="+code.Value)
	if _, text := h.as("structure", "GET", "/bookings/1", ""); !strings.Contains(text, "Le rendez-vous a eu lieu") {
		t.Errorf("%s", text)
	}
}

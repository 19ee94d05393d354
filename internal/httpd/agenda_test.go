package httpd

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"

	"github.com/passerelle/passerelle/vouchers"
)

func TestAStructurePublishesSessionsAndCalendarsFollowThem(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	path := fmt.Sprintf("/places/%d", w.Structure.Place)
	day := vouchers.DayOf(w.Clock.Now()).AddDays(3)
	form := func(time, seats string) string {
		return url.Values{"service": {"1"}, "day": {day.String()}, "time": {time}, "minutes": {"60"}, "seats": {seats}, "times": {"2"}, "note": {"Apportez, si possible, votre téléphone ; merci."}}.Encode()
	}
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"structure", "GET", path + "/sessions", "", 200, "Les séances de ce lieu apparaîtront ici"},
		{"newcomer", "GET", path + "/sessions", "", 404, ""},
		{"structure", "POST", path + "/sessions", form("midi", "6"), 422, "midi"},
		{"structure", "POST", path + "/sessions", form("14:30", "0"), 422, "places ne convient pas"},
		{"structure", "POST", path + "/sessions", form("14:30", "6"), 303, ""},
		{"newcomer", "POST", path + "/sessions", form("14:30", "6"), 404, ""},
		{"structure", "GET", path, "", 200, "Prochaines séances"},
		{"structure", "POST", path + "/sessions/cancel", url.Values{"session": {"1"}, "reason": {""}}.Encode(), 422, "Dites pourquoi"},
		{"structure", "POST", path + "/sessions/cancel", url.Values{"session": {"1"}, "reason": {""}}.Encode(), 422, `href="#reason-1"`},
		{"structure", "POST", path + "/sessions/cancel", url.Values{"session": {"1"}, "reason": {"Travaux"}}.Encode(), 303, ""},
		{"structure", "GET", path, "", 200, "Travaux"},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s by %s: %d, want %d and %q", step.method, step.path, step.who, answer.StatusCode, step.status, step.want)
		}
	}
	answer, text := site.ask("GET", path+"/agenda.ics", "")
	calendar, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil || answer.Header.Get("Content-Type") != "text/calendar; charset=utf-8" {
		t.Fatalf("%v: %s", err, text)
	}
	events := calendar.Events()
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	begins, err := events[1].DateTimeStart(time.UTC)
	note, _ := events[1].Props.Text(ical.PropDescription)
	if err != nil || !begins.Equal(day.AddDays(7).Time().Add(14*time.Hour+30*time.Minute)) || note != "Apportez, si possible, votre téléphone ; merci." {
		t.Errorf("%v %v %q", begins, err, note)
	}
	if status, err := events[0].Status(); err != nil || status != ical.EventCancelled {
		t.Errorf("%v %v", status, err)
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d octets: %s", len(line), line)
		}
	}
}

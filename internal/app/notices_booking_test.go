package app

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/web"
)

func TestPeopleAreToldWhatBecomesOfABookingOnce(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	site, err := httpd.LoadSite(web.Files)
	if err != nil {
		t.Fatal(err)
	}
	n := newNotices(Config{PublicURL: "https://pass.example"}, site.Words)
	at := time.Date(2026, 12, 3, 13, 0, 0, 0, time.UTC)
	b := booking.Booking{ID: 7, Session: 3, Vouchers: 2, Rule: campaigns.OneVoucher, Email: "ada@example.org", Theme: "everyday_tools", PlaceName: "Le Relais",
		Address: "1 rue A, Annecy", StartsAt: at, EndsAt: at.Add(time.Hour), CancelUntil: at.AddDate(0, 0, -1), Off: "Travaux"}
	all := []booking.Told{booking.ToldBooked, booking.ToldWaiting, booking.ToldPromoted, booking.ToldMoved, booking.ToldChanged, booking.ToldCancelled,
		booking.ToldOff, booking.ToldReminder, booking.ToldFreed}
	var sent []string
	err = d.InTx(t.Context(), func(tx *db.Tx) error {
		for _, told := range append(all, booking.ToldReminder) {
			if err := n.booked(t.Context(), tx, told, b); err != nil {
				return err
			}
		}
		return tx.Select(t.Context(), &sent, `SELECT payload::text FROM jobs ORDER BY id`)
	})
	if err != nil || len(sent) != len(all) {
		t.Fatalf("%d messages, want %d; %v", len(sent), len(all), err)
	}
	for i, raw := range sent {
		var m mail.Message
		if err := json.Unmarshal([]byte(raw), &m); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"R000007", "jeudi", "Le Relais"} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("%s does not say %q: %s", all[i], want, m.Text)
			}
		}
		if m.To != "ada@example.org" || m.Subject == "" || strings.Contains(m.Text, "{{") {
			t.Errorf("%s: %+v", all[i], m)
		}
	}
	if !strings.Contains(sent[0], "le lieu peut prendre 1 ch") || !strings.Contains(sent[6], "Travaux") {
		t.Errorf("%s\n%s", sent[0], sent[6])
	}
}

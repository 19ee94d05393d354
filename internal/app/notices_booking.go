package app

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/mail"
)

// booked tells somebody who left an address what became of a booking. A reminder goes out
// once for each time at which a session is to begin; a booking may be moved to and fro.
func (n notices) booked(ctx context.Context, tx *db.Tx, told booking.Told, b booking.Booking) error {
	name := b.Title
	if name == "" {
		name = n.words.Text("theme." + b.Theme)
	}
	when := n.moment(b.StartsAt)
	for _, m := range b.Later {
		when += "\n" + n.moment(m.StartsAt)
	}
	rule := n.words.Text("notice.booking.rule." + string(b.Rule))
	if b.Vouchers == 0 {
		rule = ""
	}
	key := fmt.Sprintf("booking:%d:%s:%d:%d", b.ID, told, b.Session, b.StartsAt.Unix())
	if told == booking.ToldMoved || told == booking.ToldChanged {
		key += fmt.Sprintf(":%d", tx.Now.UnixMicro())
	}
	phone := b.PlacePhone
	if phone == "" {
		phone = n.words.Text("format.unknown")
	}
	return mail.Enqueue(ctx, tx, key, mail.Message{
		To:      b.Email,
		Subject: n.words.Text("notice.booking."+string(told)+".subject", "name", name, "at", n.moment(b.StartsAt)),
		Text: n.words.Text("notice.booking."+string(told)+".text", "name", name, "when", when, "place", b.PlaceName, "address", b.Address,
			"phone", phone, "reference", b.Reference(), "until", n.moment(b.CancelUntil), "reason", b.Off,
			"note", b.Note, "rule", rule, "link", n.origin+"/c"),
	})
}

// moment is a day of the week and an hour, as people keep appointments.
func (n notices) moment(t time.Time) string {
	return n.words.Text("agenda.moment", "day", n.words.Day(t), "time", n.words.Clock(t))
}

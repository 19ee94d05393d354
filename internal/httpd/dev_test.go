package httpd

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/mail"
)

func init() {
	samples["dev/outbox"] = OutboxBody{Letters: []Letter{{ID: "1", To: "ana@exemple.example", Subject: "S", At: time.Unix(1e9, 0)}}}
	samples["dev/letter"] = Letter{ID: "1", To: "ana@exemple.example", Subject: "S", Text: "T", At: time.Unix(1e9, 0)}
}

func TestTheOutboxIsReadAsItsReaderWould(t *testing.T) {
	t.Parallel()
	outbox, err := mail.NewOutbox(t.TempDir(), "a@b.example", func() time.Time { return time.Unix(1e9, 0) })
	if err != nil {
		t.Fatal(err)
	}
	plain := mail.Message{ID: mail.StableID("1"), To: "ana@exemple.example", Subject: "Payé : 1 250,00 €", Text: "Bonjour,\n\nà bientôt\n"}
	attached := plain
	attached.ID, attached.Attachments = mail.StableID("2"), []mail.Attachment{{Name: "a.pdf", Type: "application/pdf", Data: []byte("%PDF")}}
	for _, m := range []mail.Message{plain, attached} {
		if err := outbox.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	dev := &Dev{Outbox: outbox}
	for _, m := range []mail.Message{plain, attached} {
		l, err := dev.letter(m.ID)
		if err != nil || l.Subject != plain.Subject || !strings.Contains(l.Text, "Bonjour,\n\nà bientôt") || l.To != "ana@exemple.example" {
			t.Errorf("%+v, %v", l, err)
		}
	}
	w := setup(t, func(o *Options) { o.Routes = dev.Routes() })
	for path, status := range map[string]int{"/dev/outbox": 200, "/dev/outbox/" + plain.ID: 200, "/dev/outbox/none": 404, "/dev/components": 200} {
		answer, err := w.App.Test(httptest.NewRequest("GET", path, nil), -1)
		if err != nil || answer.StatusCode != status {
			t.Errorf("%s: %v, %v", path, answer.StatusCode, err)
		}
	}
}

func TestNoOutboxWhereMailGoesOut(t *testing.T) {
	t.Parallel()
	for _, r := range (&Dev{}).Routes() {
		if strings.HasPrefix(r.Path, "/dev/outbox") {
			t.Errorf("%s is there", r.Path)
		}
	}
}
